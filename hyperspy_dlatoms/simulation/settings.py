# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of abTEM."""

# A measured plan of FFTW differs from process to process, and with it the last digits of a wave,
# which can change a Poisson draw. An estimated plan gives the same bytes each time.
SETTINGS = {"local_diagnostics.progress_bar": False, "fftw.planning_effort": "FFTW_ESTIMATE"}

# SPDX-License-Identifier: GPL-3.0-or-later
"""How abTEM is set up for all that is simulated here."""

from __future__ import annotations

# A measured plan of FFTW is another one in each process, and with it the last digits of a wave:
# enough to turn a Poisson draw. An estimated plan gives the same bytes each time.
SETTINGS = {"local_diagnostics.progress_bar": False, "fftw.planning_effort": "FFTW_ESTIMATE"}

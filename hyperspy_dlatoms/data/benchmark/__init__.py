# SPDX-License-Identifier: GPL-3.0-or-later
"""What networks are tested on: specimens, their exit waves, and the conditions of the frames."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m hyperspy_dlatoms.cli``, the same as ``dlatoms``."""

import sys

from hyperspy_dlatoms.cli import main

if __name__ == "__main__":
    sys.exit(main())

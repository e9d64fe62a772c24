# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts in `recipes` find each other as they do when one is run."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "recipes"))

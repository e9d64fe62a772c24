# SPDX-License-Identifier: GPL-3.0-or-later
"""What is computed from positions of atoms: arrays in, arrays and tables out."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""Atomic models of what is simulated."""

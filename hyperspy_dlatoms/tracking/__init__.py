# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms followed through a movie."""

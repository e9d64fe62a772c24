# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: their card, their file, and what an image goes through on its way in."""

# SPDX-License-Identifier: GPL-3.0-or-later
"""From an exit wave to an image: lens, illumination, camera and noise."""

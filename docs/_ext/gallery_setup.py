# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the gallery, and what each of its examples starts with."""

from __future__ import annotations

import warnings

# From the first image to what a group needs.
ORDER = (
    *("first_image", "suitable_image", "particle", "grain_boundary", "mos2_vacancies"),
    *("exit_wave", "movie_tracks", "strain_map", "ensembles", "stem", "another_material"),
    *("cluster", "publish_model"),
)


def by_order(filename: str) -> int:
    """Return the place of an example; one that is not listed is an error."""
    return ORDER.index(filename.removesuffix(".py"))


def quiet(gallery_conf: dict, filename: str) -> None:
    """Hide progress bars, and what other packages say of their own future."""
    import hyperspy.api as hs

    hs.preferences.General.show_progressbar = False
    warnings.simplefilter("ignore", DeprecationWarning)

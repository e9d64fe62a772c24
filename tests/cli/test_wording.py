# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from hyperspy_dlatoms.cli._wording import in_options

NAMES = ["sampling", "material", "focal_axis", "align", "on_extrapolation", "defoci"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Use sampling='estimate'.", "Use --sampling estimate."),
        ('or on_extrapolation="warn" to', "or --on-extrapolation warn to"),
        ("set sampling=0.109.", "set --sampling 0.109."),
        ("use align=True, or", "use --align, or"),
        ("defoci has 2 numbers", "--defoci has 2 numbers"),
        ("are known. Give the material.", "are known. Give --material."),
        (
            "Give the material (to estimate_sampling, or as metadata.Sample.elements), or an "
            "ase.Atoms of the columns that are seen.",
            "Give --material.",
        ),
        ("Pick 3, or give focal_axis.", "Pick 3, or give --focal-axis."),
        ("takes series: use classify_species", "takes series: use dlatoms classify"),
        # What is no argument stays.
        ("in metadata.VectorMetadata.focal_axis", "in metadata.VectorMetadata.focal_axis"),
        ("The sampling is 0.1 Å/px", "The sampling is 0.1 Å/px"),
        ("the material does not fit", "the material does not fit"),
        ("threshold=0.1", "threshold=0.1"),
    ],
)
def test_messages(text, expected):
    assert in_options(text, NAMES) == expected

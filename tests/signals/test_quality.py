# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hyperspy.misc.utils import DictionaryTreeBrowser

from hyperspy_dlatoms import ExtrapolationWarning
from hyperspy_dlatoms.networks.domain import DomainScore
from hyperspy_dlatoms.signals._quality import check_modality, record_quality
from tests.helpers.spot_network import SpotNetwork


@pytest.mark.parametrize(
    ("numbers", "advice"),
    [
        ((0,), "Nothing was found."),
        ((0, 0), "Nothing was found."),
        ((2,), "Check what was found in it."),
        ((0, 2), "Check what was found in them."),
    ],
)
def test_a_warning_of_the_domain_says_whether_anything_was_found(numbers, advice):
    about = {"model": "spots", "on_extrapolation": "warn", "sampling": [0.2, 0.2]}
    sites, scores = np.empty(len(numbers), object), np.empty(len(numbers), object)
    for index, number in enumerate(numbers):
        sites[index] = np.full((number, 5), 0.9)
        scores[index] = DomainScore(2.0, ("texture unlike that of the training",), False)
    with pytest.warns(ExtrapolationWarning) as warned:
        record_quality(DictionaryTreeBrowser(about), sites, scores)
    assert str(warned[0].message).endswith(f"of the training. {advice}")


@pytest.mark.parametrize("mode", ["TEM", "HRTEM", "hrtem"])
def test_images_of_a_camera_for_a_network_of_scanned_ones(mode):
    card = replace(SpotNetwork().card, modality="STEM")
    with pytest.warns(ExtrapolationWarning, match=f"says {mode}, but .* STEM images"):
        check_modality(mode, card, "warn")


def _sites(probability, number=40):
    sites = np.empty(1, object)
    sites[0] = np.full((number, 5), probability)
    return sites


def test_columns_that_a_network_for_all_crystals_is_not_sure_of(recwarn):
    about = {"model": "spots", "on_extrapolation": "warn", "sampling": [0.2, 0.2]}
    about["any_crystal"] = True
    said = "not sure of the columns in this image.* 0.70.*pixel size"
    with pytest.warns(ExtrapolationWarning, match=said):
        record_quality(DictionaryTreeBrowser(about), _sites(0.7))
    # A network of one material is another matter, so is what was said when the network was chosen.
    said = {"choice": {"evidence": 0.1}}
    for silent in ({"any_crystal": False}, {"on_extrapolation": "ignore"}, said):
        record_quality(DictionaryTreeBrowser(about | silent), _sites(0.7))
    record_quality(DictionaryTreeBrowser(about), _sites(0.9))
    record_quality(DictionaryTreeBrowser(about), _sites(0.7, number=20))
    assert not recwarn

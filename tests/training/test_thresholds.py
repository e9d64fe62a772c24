# SPDX-License-Identifier: GPL-3.0-or-later
from types import SimpleNamespace

import numpy as np
import pytest

from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.training._comparison import Outcome
from hyperspy_dlatoms.training._thresholds import DOSES, choose, count, reach_for

NETWORK = SimpleNamespace(
    card=SimpleNamespace(reach=None, minimum_distance=1.0, sampling=0.2, modality="HRTEM")
)
ENSEMBLE = AtomEnsemble.__new__(AtomEnsemble)
ENSEMBLE.card = NETWORK.card


def outcome(sites):
    """One of (y, probability, right) of each site, 1 Å/px, of which as many are there as right."""
    y, probability, right = np.array(sites).T
    right = right.astype(bool)
    found = np.column_stack([probability, np.ones((len(y), 4))])
    places = np.column_stack([y, np.zeros(len(y)), probability])
    counted = np.ones(len(y), bool)
    return Outcome(found, np.empty((len(y), 0)), right, places, counted, 1.0, right.sum())


def chosen(network, sites, empty=0.0):
    counts = count(outcome(sites), network)
    return choose({dose: [counts] for dose in DOSES}, [np.full(len(counts), empty)], network)


def test_an_ensemble_is_cut_between_right_and_wrong():
    choice = chosen(ENSEMBLE, [(0, 0.9, 1), (9, 0.62, 1), (20, 0.58, 0)])
    assert (choice.threshold, choice.hysteresis) == (0.6, None)
    assert choice.scores["F1 at 100 e/Å²"] == 1
    # Along each axis one working pixel of 0.2 Å.
    assert choice.scores["rms error at 100 e/Å² (pm)"] == 20


def test_weak_sites_beside_a_strong_one_are_kept_by_a_hysteresis():
    row = [(0, 0.92, 1), (2, 0.32, 1), (4, 0.31, 1)]
    choice = chosen(NETWORK, [*row, (20, 0.6, 0), (30, 0.85, 0), (40, 0.95, 1)])
    assert choice.threshold <= 0.3
    assert 0.85 < choice.hysteresis <= 0.92
    assert choice.scores["F1 at 100 e/Å²"] == choice.scores["precision at 100 e/Å²"] == 1


def test_an_image_of_many_sites_counts_as_one_of_few():
    # Of thirty sites in one image half are wrong, of one in each of two others none.
    many = [(9 * n, 0.5 if n % 2 else 0.7, n % 2 == 0) for n in range(60)]
    few = [(0, 0.5, 1)]
    images = [count(outcome(one), ENSEMBLE) for one in (many, few, few)]
    empty = [np.zeros(len(images[0]))]
    assert choose({dose: images for dose in DOSES}, empty, ENSEMBLE).threshold <= 0.5
    alone = choose({dose: images[:1] for dose in DOSES}, empty, ENSEMBLE)
    assert 0.5 < alone.threshold <= 0.7


@pytest.mark.parametrize(("materials", "reach"), [(("Au", "Pt"), None), ((), 4.5)])
def test_only_lattices_that_are_known_are_connected_by_their_least_distance(materials, reach):
    assert reach_for(SimpleNamespace(materials=materials)) == reach


def test_where_all_pairs_leave_false_atoms_the_fewest_count():
    counts = count(outcome([(0, 0.9, 1), (9, 0.3, 1)]), ENSEMBLE)
    empty = np.full(len(counts), 0.5)
    empty[-2] = 0.1
    choice = choose({dose: [counts] for dose in DOSES}, [empty], ENSEMBLE)
    assert choice.threshold == pytest.approx(0.85)
    assert choice.scores["false atoms on vacuum and amorphous carbon (nm⁻²)"] == 0.1


def test_an_image_read_wrong_has_no_say_but_counts():
    row = [(0, 0.92, 1), (9, 0.6, 1)]
    wrong = [(3 * n, 0.7, 0) for n in range(20)]
    alone, both = (
        choose(
            {dose: [count(outcome(one), NETWORK) for one in images] for dose in DOSES},
            [np.zeros(len(count(outcome(row), NETWORK)))],
            NETWORK,
        )
        for images in ([row], [row, wrong])
    )
    assert both.threshold == alone.threshold <= 0.6
    assert both.scores["precision at 100 e/Å²"] < alone.scores["precision at 100 e/Å²"] == 1

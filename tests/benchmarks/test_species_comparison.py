# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hyperspy.api as hs
import numpy as np
import pytest
from peers import baselines, species_comparison

from hyperspy_dlatoms import AtomPositions
from hyperspy_dlatoms.analysis.vacancies import rates_from_scores
from hyperspy_dlatoms.evaluation.confusion import Labelled

SHEET = {"size": 34.0, "metal_vacancies": 0.05, "single_vacancies": 0.1, "double_vacancies": 0.06}
METHODS = {"intensity histogram, one image", "exit wave, phase at known sites"}


def oracle(series):
    return baselines.labelled(series.truth)


def confused(series):
    """Every site is there, but all single vacancies are taken for whole, and a double one lost."""
    true = baselines.labelled(series.truth)
    kinds = np.where(true.kinds == 3, 1, true.kinds)
    middle = np.linalg.norm(true.positions - 17, axis=1)
    kept = np.ones(len(kinds), dtype=bool)
    kept[np.flatnonzero(kinds == 4)[middle[kinds == 4].argmin()]] = False
    return Labelled(true.positions[kept], kinds[kept])


@pytest.fixture(scope="module")
def small():
    """Make the specimens small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            species_comparison, "_CALIBRATION", (SHEET | {"tilt": 0.0}, SHEET | {"tilt": 1.0})
        )
        patch.setattr(species_comparison, "UNSEEN", (SHEET | {"tilt": 0.5},))
        patch.setattr(
            species_comparison, "IMAGING", species_comparison.IMAGING | {"sampling": 0.18}
        )
        some = {
            name: make
            for name, make in species_comparison.classical_methods(1.84).items()
            if name in METHODS
        }
        patch.setattr(species_comparison, "classical_methods", lambda bond: some)
        yield


@pytest.fixture(scope="module")
def scores(small, wave_folder):
    networks = {"oracle": oracle, "confused": confused}
    return species_comparison.compare_species(wave_folder, networks, doses=(3e4,), lenses=2)


def test_the_table_has_a_row_for_each_way_and_species(scores):
    table = scores.table
    assert set(table.method) == METHODS | {"oracle", "confused"}
    assert set(table.calibration[table.method == "oracle"]) == {"none"}
    assert set(table.calibration[table.method.isin(METHODS)]) == {"same", "other"}
    assert len(table) == 6 * (2 * len(METHODS) + 2)
    assert (table.seconds > 0).all()
    wide = species_comparison.wide(table)
    assert len(wide) == 2 * len(METHODS) + 2
    one = wide[wide.method == "confused"].iloc[0]
    assert (
        one["S vacancy"]
        == table.f1[(table.method == "confused") & (table.species == "S vacancy")].item()
    )


def test_scores_of_one_who_knows_and_of_one_who_errs(scores):
    table = scores.table.set_index(["method", "species"])
    there = table.loc["oracle"]
    assert (there.f1 == 1).all()
    errs = table.loc["confused"]
    assert errs.f1["Mo"] == errs.f1["Mo vacancy"] == 1
    assert errs.recall["S"] == 1 > errs.precision["S"]
    assert errs.found["S vacancy (one)"] == 0
    assert errs.missed["S vacancy (one)"] == errs.false["S"] == there.found["S vacancy (one)"]
    # One in each of the two series.
    assert errs.missed["S vacancy (both)"] == 2
    counts = scores.confusions["confused", "none", 3e4]
    assert scores.kinds[-1] == "none"
    assert counts[3, 1] == there.found["S vacancy (one)"]
    assert counts[4, 5] == 2
    classical = table.loc["exit wave, phase at known sites"]
    assert classical.f1["S"].min() > 0.9


def test_what_goes_onto_the_card(scores):
    card = species_comparison.card_scores(scores, "confused")
    assert card["S"]["30000"]["recall"] == 1
    assert "false_per_site" not in card["S"]["30000"]
    counts = scores.confusions["confused", "none", 3e4]
    about = card["S vacancy"]["30000"]
    assert about["vacancies"] == counts[3:5].sum()
    assert about["sites"] == counts[1].sum()
    assert about["recall"] == (counts[4, 4]) / counts[3:5].sum()
    assert card["S vacancy (both)"]["30000"]["sites"] == counts[[1, 3]].sum()
    rates = rates_from_scores({"species": card}, 1e5)
    assert set(rates) == {"Mo vacancy", "S vacancy", "S vacancy (both)"}
    assert rates["Mo vacancy"].recall == 1


def test_a_network_is_asked_by_its_method(small, wave_folder, monkeypatch):
    (series,) = species_comparison.series_of(wave_folder, 1e4, 0, species_comparison.UNSEEN, "MoS2")
    asked = {}

    def classify_species(self, model, **options):
        focal = self.axes_manager["defocus"]
        asked.update(model=model, defoci=focal.axis, units=focal.units)
        true = series.truth
        sites = np.zeros((len(true.species), 7))
        sites[:, :2] = true.positions / series.sampling
        sites[:, 5], sites[:, 6] = true.species, true.heights
        names = ["y", "x", "probability", "y_sigma", "x_sigma", "species", "height"]
        atoms = AtomPositions.from_frames(
            sites[:, :6], sampling=series.sampling, species=["Mo", "S", "Mo vacancy", "S vacancy"]
        )
        atoms.data[0] = sites
        atoms.metadata.VectorMetadata.column_names = names
        return atoms

    monkeypatch.setattr(hs.signals.Signal2D, "classify_species", classify_species, raising=False)
    found = species_comparison.network_method("mine")(series)
    np.testing.assert_allclose(asked["defoci"], series.defoci)
    assert asked["model"] == "mine"
    assert asked["units"] == "Å"
    true = baselines.labelled(series.truth)
    np.testing.assert_allclose(found.positions, true.positions)
    np.testing.assert_array_equal(found.kinds, true.kinds)


def test_one_lens_is_too_few(tmp_path):
    with pytest.raises(ValueError, match="lenses is 1"):
        species_comparison.compare_species(tmp_path, lenses=1)

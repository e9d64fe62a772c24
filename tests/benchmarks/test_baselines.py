# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from peers import baselines
from peers.focal_series import moved, take_series

from hyperspy_dlatoms.data.benchmark.exit_waves import Plan, load_exit_waves
from hyperspy_dlatoms.data.benchmark.frames import conditions_of
from hyperspy_dlatoms.evaluation.confusion import counts_by_kind

BOND = 1.84
DEFOCI = np.array([10.0, 60.0, 110.0])
IMAGING = {"Cs": -1e5, "focal_spread": 30.0, "sampling": 0.18, "dose": 1e4, "coma": [0, 100]}
SHEET = {"size": 34.0, "metal_vacancies": 0.05, "single_vacancies": 0.1, "double_vacancies": 0.05}


@pytest.fixture(scope="module")
def series(wave_folder):
    conditions = conditions_of(IMAGING, 1, 0)
    specimens = [
        load_exit_waves(Plan("dichalcogenide", n, 80e3, SHEET, 2), wave_folder) for n in range(3)
    ]
    return [
        take_series(np.random.default_rng(n), one, conditions, DEFOCI, 0.03)
        for n, one in enumerate(specimens)
    ]


def f1(found, series):
    n = counts_by_kind(
        found, baselines.labelled(series.truth), baselines.KINDS, series.extent, margin=3.0
    ).sum(axis=0)
    return 2 * n[0] / (2 * n[0] + n[1] + n[2])


@pytest.mark.parametrize(
    "make",
    [
        baselines.best_single_image,
        baselines.all_images,
        baselines.phase_at_known_sites,
        baselines.phase_peaks,
        lambda calibration, bond: baselines.intensity_histogram(calibration, bond),
    ],
)
def test_classical_methods_work_under_the_conditions_that_they_were_fitted_to(make, series):
    *calibration, unseen = series
    assert f1(make(calibration, BOND)(unseen), unseen) > 0.9


def test_a_plain_histogram_takes_one_sublattice_for_the_other(series):
    *calibration, unseen = series
    plain, helped = (baselines.intensity_histogram(calibration, bond) for bond in (None, BOND))
    assert f1(plain(unseen), unseen) < f1(helped(unseen), unseen) - 0.02


def test_the_phase_lies_where_the_atoms_are(series):
    phase, sampling, origin = baselines.phase_image(series[0], "all")
    atoms = series[0].truth.positions[series[0].truth.species < 2]
    inner = (np.abs(atoms - 17) < 12).all(axis=1)
    rows, columns = np.rint((atoms[inner] - origin) / sampling).astype(int).T
    assert phase[rows, columns].min() > np.median(phase)


def test_what_is_known_of_the_lens(series):
    phases = {
        name: baselines.phase_image(series[0], knowledge)[0]
        for name, knowledge in (
            ("all", "all"),
            ("the same", series[0].lens),
            ("focus", "focus"),
            ("wrong", replace(series[0].lens, defocus=0.0)),
        )
    }
    np.testing.assert_allclose(phases["the same"], phases["all"], atol=1e-5)
    apart = {name: np.std(phase - phases["all"]) for name, phase in phases.items()}
    assert 0 < apart["focus"] < apart["wrong"]


def test_both_kinds_of_vacancies():
    species, heights = np.array([0, 1, 2, 3, 3]), np.array([1, 2, 0, 1, 0])
    kinds = baselines.kinds_of(species, heights)
    assert kinds.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(baselines.species_of(kinds), species)


def test_drift_is_between_images_and_the_truth_is_of_the_first(wave_folder):
    specimen = load_exit_waves(Plan("dichalcogenide", 0, 80e3, SHEET, 2), wave_folder)
    conditions = conditions_of(IMAGING | {"dose": np.inf, "coma": 0.0}, 1, 0)
    still, drifting = (
        take_series(np.random.default_rng(3), specimen, conditions, DEFOCI, drift)
        for drift in (0.0, 0.5)
    )
    np.testing.assert_array_equal(still.counts[0], drifting.counts[0])
    assert np.abs(still.counts[1:] - drifting.counts[1:]).max() > 0.01 * still.counts.max()
    assert still.middle == (0, 0)
    waves = np.stack([moved(wave, drifting.middle) for wave in specimen.waves])
    there = take_series(
        np.random.default_rng(3), replace(specimen, waves=waves), conditions, DEFOCI[1:2], 0.0
    )
    np.testing.assert_allclose(there.counts[0], drifting.counts[1], rtol=1e-4)
    assert still.lens.defocus == DEFOCI.mean()
    with pytest.raises(ValueError, match="defoci is empty"):
        take_series(np.random.default_rng(3), specimen, conditions, np.array([]))

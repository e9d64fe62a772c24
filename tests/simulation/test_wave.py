# SPDX-License-Identifier: GPL-3.0-or-later
import ase
import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import take_image
from hyperspy_dlatoms.simulation.imaging.lens import Lens
from hyperspy_dlatoms.simulation.specimens.graphene import graphene_sheet
from hyperspy_dlatoms.simulation.specimens.specimen import MARGIN, Specimen
from hyperspy_dlatoms.simulation.wave import crop_spectrum, exit_wave, phase_object, propagated

SIZE = 24.0


@pytest.fixture(scope="module")
def columns():
    """Three columns of gold well apart, off the pixels of every grid."""
    xy = np.array([[6.03, 7.11], [16.37, 9.42], [11.2, 17.77]])
    positions = np.array([[x, y, z] for x, y in xy for z in (2.0, 4.9)])
    atoms = ase.Atoms("Au6", positions, cell=(SIZE, SIZE, 8.0), pbc=True)
    return Specimen(atoms, np.repeat(np.arange(3), 2), {})


def centre_of_spot(image, guess, reach):
    """Centre by a fitted paraboloid of the logarithm of the spot's magnitude."""
    from scipy.optimize import least_squares

    rows, cols = (np.arange(int(g) - reach, int(g) + reach + 1) for g in guess)
    patch = image[np.ix_(rows, cols)]
    yy, xx = np.meshgrid(rows, cols, indexing="ij")

    def residual(p):
        spot = p[2] * np.exp(-((yy - p[0]) ** 2 + (xx - p[1]) ** 2) / (2 * p[3] ** 2))
        return (patch - p[4] - spot).ravel()

    middle = image[int(round(guess[0])), int(round(guess[1]))]
    start = [*guess, middle - np.median(image), reach / 2, np.median(image)]
    return least_squares(residual, start).x[:2]


@pytest.mark.parametrize("pixel", [0.1, 0.16, 0.2])
@pytest.mark.parametrize("displacement", [0.0, 0.08])
def test_noise_free_columns_lie_where_the_sites_say(columns, pixel, displacement):
    wave, sites, _ = exit_wave(np.random.default_rng(0), columns, 300e3, displacement=displacement)
    conditions = Conditions(lens=Lens(defocus=40.0, focal_spread=30.0), camera=Camera(blur=0.25))
    image, exact = take_image(np.random.default_rng(0), wave, 0.2, 300e3, conditions, pixel)
    guesses = sites[:, :2] / exact
    found = (
        np.array([centre_of_spot(image, guess, round(0.6 / exact)) for guess in guesses]) * exact
    )
    # 5 pm; a snapshot's atoms lie apart by more than that, so their common spot is less symmetric.
    np.testing.assert_allclose(found, sites[:, :2], atol=0.1 if displacement else 0.05)
    np.testing.assert_array_equal(sites[:, 2], 2)


def test_sites_follow_the_displaced_atoms(columns):
    rng = np.random.default_rng(1)
    _, still, _ = exit_wave(rng, columns, 300e3, displacement=0.0)
    _, moved, _ = exit_wave(rng, columns, 300e3, displacement=0.1)
    np.testing.assert_allclose(still[:, :2], [[7.11, 6.03], [9.42, 16.37], [17.77, 11.2]])
    assert 0 < np.abs(moved - still)[:, :2].max() < 0.5


def test_a_blurred_wave_is_the_mean_of_snapshots_and_its_sites_are_at_rest(columns):
    rng = np.random.default_rng(2)
    snapshots = [exit_wave(rng, columns, 300e3, displacement=0.1)[0] for _ in range(60)]
    mean = np.mean(snapshots, axis=0)
    wave, sites, _ = exit_wave(rng, columns, 300e3, displacement=0.1, motion="blurred")
    sharp, still, _ = exit_wave(rng, columns, 300e3, displacement=0.0)
    np.testing.assert_array_equal(sites, still)
    spread = np.mean([np.linalg.norm(one - mean) for one in snapshots])
    assert np.linalg.norm(wave - mean) < 2.5 * spread / len(snapshots) ** 0.5
    assert np.linalg.norm(sharp - mean) > 4 * spread / len(snapshots) ** 0.5


def test_intensity_is_about_one_and_the_phase_of_an_atom_is_positive(columns):
    wave, *_ = exit_wave(np.random.default_rng(0), columns, 300e3, displacement=0.0)
    assert wave.shape == (120, 120)
    assert wave.dtype == np.complex64
    assert np.mean(np.abs(wave) ** 2) == pytest.approx(1, abs=0.02)
    assert np.angle(wave[round(7.11 / 0.2), round(6.03 / 0.2)]) > 0.5


def test_a_box_without_atoms_gives_a_plane_wave():
    empty = Specimen(ase.Atoms(cell=(SIZE, SIZE, 4.0)), np.zeros(0, int), {})
    wave, sites, _ = exit_wave(np.random.default_rng(0), empty, 300e3)
    np.testing.assert_array_equal(wave, np.ones((120, 120)))
    assert sites.shape == (0, 3)


def test_a_projected_sheet_is_that_of_the_multislice_once_it_has_spread_to_the_end_of_the_cell():
    from abtem.core.energy import energy2wavelength

    sheet = graphene_sheet(np.random.default_rng(0), size=SIZE)
    sliced, projected = (
        exit_wave(
            np.random.default_rng(0), sheet, 80e3, displacement=0, method=m, slice_thickness=0.5
        )[0]
        for m in ("multislice", "projected")
    )
    q = np.fft.fftfreq(len(sliced), 0.2)
    q2 = q[:, None] ** 2 + q**2
    phase = np.pi * energy2wavelength(80e3) * MARGIN * q2
    spread = np.fft.fft2(projected) * np.exp(-1j * phase)
    passed = q2 < 2**2
    expected = np.fft.fft2(sliced)
    error = np.linalg.norm((spread - expected)[passed])
    assert error < 1e-3 * np.linalg.norm(expected[passed][1:])


def test_in_the_middle_of_a_tilted_sheet_the_wave_is_that_of_its_projection():
    # What is left is the spread between the two ends of the sheet, 1.6 Å apart along the beam.
    sheet = graphene_sheet(np.random.default_rng(0), size=SIZE, tilt_max=4)
    wave = {
        plane: exit_wave(
            np.random.default_rng(0), sheet, 80e3, displacement=0, slice_thickness=0.5, plane=plane
        )[0]
        for plane in ("exit", "middle")
    }
    projected = exit_wave(np.random.default_rng(0), sheet, 80e3, displacement=0, method="projected")
    error = {plane: np.linalg.norm(one - projected[0]) for plane, one in wave.items()}
    assert error["middle"] < 0.25 * error["exit"]
    forth = propagated(wave["middle"], 3.0, 0.2, 80e3)
    np.testing.assert_allclose(propagated(forth, -3.0, 0.2, 80e3), wave["middle"], atol=1e-5)


def test_a_wave_without_sites_is_in_the_mean_plane_of_all_atoms(columns):
    film = Specimen(columns.atoms, np.full(len(columns.atoms), -1))
    made = [
        exit_wave(np.random.default_rng(0), one, 300e3, displacement=0, plane="middle")[0]
        for one in (columns, film)
    ]
    np.testing.assert_array_equal(*made)


def test_a_projected_column_turns_the_phase_by_all_its_atoms(columns):
    import abtem

    def deepest(atoms):
        potential = abtem.Potential(atoms, gpts=192, slice_thickness=8, projection="infinite")
        wave = phase_object(potential, 300e3)
        np.testing.assert_allclose(np.abs(wave), 1, rtol=1e-5)
        return np.angle(wave).max()

    light = columns.atoms.copy()
    light.numbers[:] = 6
    assert deepest(light) == pytest.approx(2 * deepest(light[::2]), rel=1e-4)


def test_gold_columns_scatter_more_than_once_in_the_multislice_only(columns):
    sliced, projected = (
        exit_wave(np.random.default_rng(0), columns, 300e3, displacement=0, method=m)[0]
        for m in ("multislice", "projected")
    )
    assert np.abs(np.abs(sliced) - np.abs(projected)).max() > 0.1


def test_the_parametrization_changes_the_wave_a_little(columns):
    waves = [
        exit_wave(np.random.default_rng(0), columns, 300e3, parametrization=p, method="projected")[
            0
        ]
        for p in ("lobato", "kirkland", "peng")
    ]
    for one, other in zip(waves, waves[1:], strict=False):
        assert 0 < np.abs(one - other).mean() < 0.05


def test_sites_at_rest_ignore_the_displaced_atoms(columns):
    rest, snapshot = (
        exit_wave(np.random.default_rng(1), columns, 300e3, displacement=0.1, label=label)
        for label in ("rest", "snapshot")
    )
    np.testing.assert_allclose(rest[1][:, :2], [[7.11, 6.03], [9.42, 16.37], [17.77, 11.2]])
    assert np.any(rest[1] != snapshot[1])
    np.testing.assert_allclose(rest[0], snapshot[0], atol=1e-4)


def test_low_columns_are_in_the_wave_but_no_sites():
    positions = [[6, 7, 2], [6, 7, 4.9], [16, 9, 2]]
    specimen = Specimen(
        ase.Atoms("Au3", positions, cell=(SIZE, SIZE, 8.0), pbc=True), np.array([0, 0, 1]), {}
    )
    wave, sites, _ = exit_wave(np.random.default_rng(0), specimen, 300e3, least_height=2)
    np.testing.assert_array_equal(sites[:, 2], [2])
    assert np.abs(np.angle(wave[45, 80])) > 0.3


def test_vacant_sites_are_labelled_where_their_atoms_would_be_whatever_the_least_height(columns):
    specimen = Specimen(
        columns.atoms,
        columns.column,
        kinds=("Au", "Au vacancy"),
        species=np.array([0, 0, 0, 1]),
        vacant=np.array([[4.2, 17.1]]),
    )
    _, sites, species = exit_wave(
        np.random.default_rng(0), specimen, 300e3, displacement=0.1, least_height=3
    )
    np.testing.assert_allclose(sites, [[17.1, 4.2, 0]])
    np.testing.assert_array_equal(species, [1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "bloch"}, "method 'bloch' is not known: expected one of .*'projected'"),
        ({"parametrization": "waasmaier"}, "parametrization 'waasmaier' is not known: expected"),
        ({"plane": "top"}, "plane 'top' is not known: expected one of .*'middle'"),
        ({"label": "mean"}, "sites 'mean' are not known: expected one of .*'rest'"),
    ],
)
def test_unknown_rules_are_refused(columns, wrong, message):
    with pytest.raises(ValueError, match=message):
        exit_wave(np.random.default_rng(0), columns, 300e3, **wrong)


def test_cropping_keeps_a_slow_wave():
    x = np.arange(48) / 48
    slow = np.exp(2j * np.pi * 3 * x)[None] * np.ones((48, 1))
    expected = np.exp(2j * np.pi * 3 * np.arange(32) / 32)[None] * np.ones((32, 1))
    np.testing.assert_allclose(crop_spectrum(slow, 32), expected, atol=1e-5)


def test_a_larger_grid_is_refused():
    with pytest.raises(ValueError, match="8 px cannot be cropped to 9 px"):
        crop_spectrum(np.ones((8, 8)), 9)

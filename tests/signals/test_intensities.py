# SPDX-License-Identifier: GPL-3.0-or-later
import hyperspy.api as hs
import numpy as np
import pytest
from hyperspy.signals import Signal2D

from hyperspy_dlatoms import AtomPositions, DLAtomsWarning, LazyAtomPositions

PIXEL, WIDTH = 0.15, 0.4
VOLUMES = np.linspace(1, 2, 12)


def sites_of(frame):
    rows, columns = np.mgrid[:3, :4]
    places = 20.0 + 18 * np.column_stack([rows.ravel(), columns.ravel()]) + 0.7 * frame
    return np.column_stack([places, np.full((12, 3), 0.5)])


def image_of(sites, volumes=VOLUMES):
    y, x = np.mgrid[:90, :100]
    image = np.full((90, 100), 3.0)
    for (row, column), volume in zip(sites[:, :2], volumes, strict=True):
        square = ((y - row) ** 2 + (x - column) ** 2) * (PIXEL / WIDTH) ** 2
        image += volume / (2 * np.pi * WIDTH**2) * np.exp(-square / 2)
    return image


def movie(frames=3):
    sites = [sites_of(frame) for frame in range(frames)]
    s = Signal2D(np.stack([(frame + 1) * image_of(one) for frame, one in enumerate(sites)]))
    for axis in s.axes_manager.signal_axes:
        axis.scale, axis.units = PIXEL / 10, "nm"
    atoms = AtomPositions.from_frames(sites, sampling=PIXEL)
    vectors = atoms.metadata.VectorMetadata
    vectors.scales, vectors.units, vectors.image_shape = [PIXEL / 10] * 2, ["nm"] * 2, [90, 100]
    return s, atoms


def test_each_image_has_intensities_of_its_own_and_lazy_stays_lazy():
    s, atoms = movie()
    measured = atoms.column_intensities(s, show_progressbar=False)
    assert type(measured) is AtomPositions
    names = list(measured.metadata.VectorMetadata.column_names)
    assert names[-2:] == ["intensity", "intensity_sigma"] and names[:2] == ["y", "x"]
    for frame, one in enumerate(measured.data):
        np.testing.assert_array_equal(one[:, :5], atoms.data[frame])
        np.testing.assert_allclose(one[:, 5], (frame + 1) * VOLUMES, rtol=0.02)
    for lazy_atoms, images in ((atoms.as_lazy(), s), (atoms, s.as_lazy())):
        lazy = lazy_atoms.column_intensities(images)
        assert type(lazy) is LazyAtomPositions
        lazy.compute(show_progressbar=False)
        for one, other in zip(measured.data, lazy.data, strict=True):
            np.testing.assert_array_equal(one, other)
    table = measured.to_dataframe()
    assert {"intensity", "intensity_sigma"} <= set(table)
    track = measured.tracks(show_progressbar=False).groupby("track").intensity
    assert (track.last() > 2 * track.first()).all()


def test_one_image_measured_again_saved_and_mapped(tmp_path):
    s, atoms = movie(1)
    s, atoms = s.inav[0], atoms.inav[0]
    once = atoms.column_intensities(s, width=WIDTH, show_progressbar=False)
    again = once.column_intensities(-s, width=WIDTH, show_progressbar=False)
    assert once.data[0].shape == again.data[0].shape == (12, 7)
    np.testing.assert_allclose(again.data[0][:, 5], -once.data[0][:, 5], rtol=1e-4)
    once.save(tmp_path / "atoms.hspy")
    loaded = hs.load(tmp_path / "atoms.hspy")
    np.testing.assert_array_equal(loaded.data[0], once.data[0])
    mean = once.to_map("intensity", resolution=5)
    assert 1 < np.nanmin(mean.data) < np.nanmax(mean.data) < 2
    assert len(once.select(intensity=(1.5, None)).data[0]) == 6


def test_images_cropped_and_bad_pixels():
    s, atoms = movie(1)
    s, atoms = s.inav[0], atoms.inav[0]
    part = atoms.column_intensities(s.isig[30:, :], width=WIDTH, show_progressbar=False)
    kept = atoms.data[0][:, 1] >= 30
    np.testing.assert_allclose(part.data[0][:, 5], VOLUMES[kept], rtol=0.02)
    s.data[:45] = np.nan
    measured = atoms.column_intensities(s, width=WIDTH, show_progressbar=False).data[0][:, 5]
    assert np.isnan(measured[:8]).all()
    np.testing.assert_allclose(measured[8:], VOLUMES[8:], rtol=0.02)


def test_what_does_not_fit_is_said():
    s, atoms = movie()
    with pytest.raises(ValueError, match="navigation shape"):
        atoms.column_intensities(s.inav[:2])
    with pytest.raises(ValueError, match="width is 0"):
        atoms.column_intensities(s, width=0)
    with pytest.raises(TypeError, match="real numbers"):
        atoms.column_intensities(s * 1j)


SPECIES = {"Mo": "Mo", "S": "S2", "S vacancy": "S"}


def layer(sigma=0.3):
    s, atoms = movie(2)
    signals = np.array([5.7, 2.2, 1.1])[[0, 1, 0, 1, 0, 1, 0, 2, 0, 1, 0, 1]]
    for number, frame in enumerate(atoms.data):
        noise = np.random.default_rng(number).normal(0, sigma, 12)
        atoms.data[number] = np.column_stack([frame, signals + noise, np.full(12, sigma)])
    atoms.metadata.VectorMetadata.column_names += ["intensity", "intensity_sigma"]
    return atoms


def test_species_by_intensity_stay_lazy():
    atoms = layer(0.05)
    found = atoms.classify_by_intensity(SPECIES)
    again = found.classify_by_intensity(SPECIES)
    lazy = atoms.as_lazy().classify_by_intensity(SPECIES)
    assert type(lazy) is LazyAtomPositions
    lazy.compute(show_progressbar=False)
    for one in (again, lazy):
        np.testing.assert_array_equal(one.data[1], found.data[1])
    assert found.species_counts()[["Mo", "S", "S vacancy"]].to_numpy().tolist() == [[6, 5, 1]] * 2
    assert "probability_S_vacancy" in found.to_dataframe()
    other = found.classify_by_intensity(["Mo", "S2"]).to_dataframe()
    assert set(other.species) == {"Mo", "S2"}
    chances = [name for name in other if name.startswith("probability_")]
    assert chances == ["probability_Mo", "probability_S2"]


def test_species_that_intensities_do_not_tell_apart():
    with pytest.warns(DLAtomsWarning, match="% of the columns are likely to be wrong"):
        layer(1.5).classify_by_intensity(SPECIES)
    with pytest.raises(ValueError, match="use column_intensities first"):
        movie()[1].classify_by_intensity(SPECIES)
    with pytest.raises(ValueError, match="'sulphur': expected the formula"):
        layer().classify_by_intensity(["Mo", "sulphur"])
    with pytest.raises(ValueError, match="16: expected the formula"):
        layer().classify_by_intensity(["Mo", 16])
    with pytest.raises(ValueError, match="two or more"):
        layer().classify_by_intensity(["Mo"])

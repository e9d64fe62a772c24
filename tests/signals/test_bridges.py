# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms in other packages, each as installed."""

from __future__ import annotations

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import AtomPositions
from hyperspy_dlatoms._extras import MissingExtraError
from hyperspy_dlatoms.signals._bridges import _are_dark, _with_bright_atoms

SIZE = 120
PLACES = np.stack(np.meshgrid(np.arange(8), np.arange(8), indexing="ij"), -1).reshape(-1, 2)
# Not symmetrical, so that what is mirrored or transposed shows.
PLACES = (14.0 * PLACES + [10.3, 8.6])[:-3]


def picture(sign=1, offset=100.0):
    """Return an image of spots at the places, and at every second one a brighter one."""
    y, x = np.mgrid[:SIZE, :SIZE]
    image = np.full((SIZE, SIZE), offset)
    for number, (cy, cx) in enumerate(PLACES):
        image += sign * (1 + number % 2) * 10 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 18)
    signal = hs.signals.Signal2D(image)
    for axis, start in zip(signal.axes_manager.signal_axes, (3.0, -2.0), strict=True):
        axis.units, axis.scale, axis.offset = "nm", 0.02, start
    return signal


def found(species=False, frames=None):
    rows = np.column_stack([PLACES, np.full(len(PLACES), 0.9), *np.full((2, len(PLACES)), 0.1)])
    names = None
    if species:
        rows = np.column_stack([rows, np.arange(len(PLACES)) % 2])
        names = ["Mo", "S"]
    atoms = AtomPositions.from_frames(
        rows if frames is None else [rows] * frames, sampling=0.2, species=names
    )
    vectors = atoms.metadata.VectorMetadata
    vectors.image_shape, vectors.units = [SIZE, SIZE], ["nm", "nm"]
    vectors.scales, vectors.offsets = [0.02, 0.02], [-2.0, 3.0]
    return atoms


@pytest.mark.parametrize("sign", [1, -1])
def test_dark_atoms_are_told_from_bright_ones(sign):
    image = picture(sign).data
    for slope in (0, 0.5, -0.5):
        tilted = image + slope * np.arange(SIZE)
        assert _are_dark(tilted, PLACES) == (sign < 0)
        assert _are_dark(tilted, PLACES[:1]) == (sign < 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_pixels_without_a_value_leave_the_others_as_they_are(sign):
    # As after an alignment, which moves the border into the image.
    image = picture(sign).data
    image[:4] = np.nan
    bright = _with_bright_atoms(image, PLACES, None)
    np.testing.assert_allclose(bright[4:], (sign * image - np.nanmin(sign * image))[4:])
    assert np.isfinite(bright).all() and np.isnan(image[:4]).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_atomap(sign):
    pytest.importorskip("atomap")
    image = picture(sign)
    lattice = found(species=True).to_atomap(image)
    assert [one.name for one in lattice.sublattice_list] == ["Mo", "S"]
    for kind, one in enumerate(lattice.sublattice_list):
        np.testing.assert_allclose(one.atom_positions, PLACES[kind::2, ::-1])
        assert (one.pixel_size, one.units) == (0.02, "nm")
        # Bright atoms, and nothing below 0.
        np.testing.assert_allclose(one.image - sign * image.data, -(sign * image.data).min())
    (alone,) = found().to_atomap(image).sublattice_list
    # Atomap refines bright Gaussians: of the picture of dark ones too.
    alone.find_nearest_neighbors()
    alone.atom_list[20].pixel_x += 0.6
    alone.refine_atom_positions_using_2d_gaussian(show_progressbar=False)
    np.testing.assert_allclose(alone.atom_positions, PLACES[:, ::-1], atol=0.1)


def test_atomap_takes_one_image_with_atoms():
    pytest.importorskip("atomap")
    with pytest.raises(ValueError, match="Pick the same frame of atoms and images with inav"):
        found(frames=2).to_atomap(picture())
    none = AtomPositions.from_array(np.empty((0, 2)), sampling=0.2)
    with pytest.raises(ValueError, match="There are no atoms"):
        none.to_atomap(picture())


def test_freud():
    freud = pytest.importorskip("freud")
    box, points = found().to_freud()
    assert (box.Lx, box.Ly) == pytest.approx((24, 24)) and box.is2D and not box.periodic.any()
    assert points.dtype == np.float32 and (abs(points[:, :2]) <= 12).all()
    middle = (SIZE - 1) / 2
    np.testing.assert_allclose(points[:, 0], 0.2 * (PLACES[:, 1] - middle), atol=1e-5)
    np.testing.assert_allclose(points[:, 1], -0.2 * (PLACES[:, 0] - middle), atol=1e-5)
    order = freud.order.Hexatic(k=4)
    order.compute((box, points), neighbors={"num_neighbors": 4, "exclude_ii": True})
    assert np.median(abs(order.particle_order)) > 0.99
    assert len(found(frames=3).to_freud()) == 3
    # Of unknown size, the box holds all.
    loose, points = AtomPositions.from_array(PLACES, sampling=0.2).to_freud()
    np.testing.assert_allclose(loose.wrap(points), points, atol=1e-4)


def test_pyxem():
    pytest.importorskip("pyxem", exc_type=ImportError)
    for frames in (None, 2):
        vectors = found(species=True, frames=frames).to_pyxem()
        assert type(vectors).__name__ == "DiffractionVectors"
        assert list(vectors.column_names) == [
            "y",
            "x",
            "probability",
            "y_sigma",
            "x_sigma",
            "species",
        ]
        np.testing.assert_allclose(vectors.data[0][:, :2], PLACES * 0.02 + [-2, 3])
        np.testing.assert_allclose(vectors.data[0][:, 3], 0.002)
        pixels = vectors.get_pixel_vectors(columns=[0, 1]).data[0][:, :2]
        np.testing.assert_array_equal(pixels, np.rint(PLACES))
        np.testing.assert_array_equal(vectors.ivec["probability"].data[0], 0.9)


def test_ovito(tmp_path):
    pytest.importorskip("ovito")
    from ovito.io import import_file

    found(species=True, frames=3).to_xyz(tmp_path / "atoms.xyz", thickness=5.0)
    pipeline = import_file(str(tmp_path / "atoms.xyz"))
    assert pipeline.num_frames == 3
    data = pipeline.compute(1)
    assert data.particles.count == len(PLACES)
    np.testing.assert_allclose(np.diag(data.cell[:, :3]), [24, 24, 5])
    assert not any(data.cell.pbc)
    positions = data.particles.positions[:]
    np.testing.assert_allclose(positions[:, 0], 0.2 * PLACES[:, 1], atol=1e-6)
    # Upwards, as it is drawn.
    np.testing.assert_allclose(positions[:, 1], 0.2 * (SIZE - 1 - PLACES[:, 0]), atol=1e-6)
    names = {one.name for one in data.particles.particle_types.types}
    assert names == {"Mo", "S"}


@pytest.mark.parametrize(
    ("module", "call", "extra"),
    [
        ("atomap", lambda atoms: atoms.to_atomap(picture()), "bridges"),
        ("freud", lambda atoms: atoms.to_freud(), "bridges"),
        ("pyxem", lambda atoms: atoms.to_pyxem(), "pyxem"),
    ],
)
def test_without_the_package(module, call, extra, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"needs {module}.*hyperspy-dlatoms\[{extra}\]"):
        call(found())

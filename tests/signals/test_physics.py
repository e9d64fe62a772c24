# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.build import bulk

from hyperspy_dlatoms import AtomPositions, DLAtomsWarning, LazyAtomPositions
from tests.helpers.lattices import crystal, rotation

SAMPLING = 0.1
NAMES = ["y", "x", "probability", "y_sigma", "x_sigma"]
OWN = ["e_xx", "e_yy", "e_xy", "rotation"]


def frame(stretch=0.0, seed=0, size=18.0, sigma=0.02, name="Au [110]"):
    """A crystal in the middle of an image of 320 px, longer along x, in px."""
    places = crystal(name, size) * [1, 1 + stretch]
    places += np.random.default_rng(seed).normal(0, sigma, places.shape)
    sites = np.full((len(places), 5), sigma / SAMPLING)
    sites[:, :2], sites[:, 2] = places / SAMPLING + 160, 0.9
    return sites


def atoms_of(frames, lazy=False, shape=(320, 320)):
    atoms = AtomPositions.from_frames(frames, sampling=SAMPLING)
    atoms.metadata.VectorMetadata.image_shape = list(shape)
    return atoms.as_lazy() if lazy else atoms


@pytest.fixture(scope="module")
def movie():
    """Frames that are stretched by 0, 1 and 2 %, and one without atoms."""
    return [*(frame(0.01 * number, number) for number in range(3)), np.empty((0, 5))]


def computed(atoms):
    return atoms.data.compute() if atoms._lazy else atoms.data


@pytest.mark.filterwarnings("ignore::hyperspy_dlatoms.DLAtomsWarning")
@pytest.mark.parametrize(
    "method",
    [
        lambda atoms: atoms.strain(),
        lambda atoms: atoms.strain(material="Au"),
        lambda atoms: atoms.strain("median"),
        lambda atoms: atoms.strain(atoms),
        lambda atoms: atoms.strain(atoms.inav[0]),
        lambda atoms: atoms.grains(),
        lambda atoms: atoms.neighbours(),
        lambda atoms: atoms.remove_shear("Au"),
        lambda atoms: atoms.grains().polarisation(0, 0, by="sublattice"),
    ],
    ids=[
        "strain",
        "material",
        "median",
        "itself",
        "one frame",
        "grains",
        "neighbours",
        "shear",
        "polarisation",
    ],
)
def test_lazy_atoms_give_the_same_and_stay_lazy(movie, method):
    eager, lazy = method(atoms_of(movie)), method(atoms_of(movie, lazy=True))
    assert type(eager) is AtomPositions
    assert type(lazy) is LazyAtomPositions
    assert list(eager.metadata.VectorMetadata.column_names) == list(
        lazy.metadata.VectorMetadata.column_names
    )
    width = len(eager.metadata.VectorMetadata.column_names)
    for one, other, before in zip(eager.data, computed(lazy), movie, strict=True):
        assert one.shape == (len(before), width)
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::hyperspy_dlatoms.DLAtomsWarning")
@pytest.mark.parametrize(
    "method",
    [
        lambda atoms: atoms.lattice("Au"),
        lambda atoms: atoms.bonds(),
        lambda atoms: atoms.bonds(voronoi=True),
        lambda atoms: atoms.bond_angles(),
        lambda atoms: atoms.rings(),
        lambda atoms: atoms.pair_correlation(max_distance=6, bin_width=0.5),
        lambda atoms: atoms.frame_means(),
    ],
    ids=["lattice", "bonds", "voronoi", "angles", "rings", "pair correlation", "means"],
)
def test_tables(movie, method):
    atoms = atoms_of(movie)
    table = method(atoms)
    pd.testing.assert_frame_equal(table, method(atoms_of(movie, lazy=True)))
    nothing = method(atoms_of(np.empty((0, 5))))
    assert set(nothing) == set(table) - {"index_0"}
    one = method(atoms.inav[1])
    index = table.index if "index_0" not in table else table.index_0
    of_frame = table[index == 1].drop(columns="index_0", errors="ignore")
    pd.testing.assert_frame_equal(one, of_frame.reset_index(drop=True))


def test_lattice_over_time(movie):
    with pytest.warns(DLAtomsWarning, match="1 of 4 frames have no lattice"):
        table = atoms_of(movie).lattice("Au")
    assert table.index_0.tolist() == [0, 1, 2]
    assert table.scale.tolist() == pytest.approx([1, 1.005, 1.01], abs=1e-3)
    assert (table.zone == "[110]").all()
    assert (table.material == "Au").all()


def test_materials_on_the_card_are_tried(movie):
    atoms = atoms_of(movie[0])
    assert set(atoms.lattice().zone) == {""}
    assert atoms.lattice().a_material.isna().all()
    atoms.metadata.VectorMetadata.materials = ["Pd", "Au"]
    assert atoms.lattice().material.tolist() == ["Au"]


@pytest.mark.parametrize(
    "sites",
    [np.empty((0, 5)), np.full((5, 5), 0.1), np.random.default_rng(0).uniform(0, 300, (90, 5))],
    ids=["nothing", "five", "at random"],
)
def test_no_lattice_is_said(sites):
    atoms = atoms_of(sites)
    with pytest.warns(DLAtomsWarning, match="This frame has no lattice"):
        assert len(atoms.lattice("Au")) == 0
    with pytest.warns(DLAtomsWarning, match="This frame has no lattice"):
        strained = atoms.strain().to_dataframe()
    assert strained[OWN].isna().all(axis=None)
    with pytest.warns(DLAtomsWarning, match="This frame has no lattice"):
        same = atoms.remove_shear("Au")
    np.testing.assert_array_equal(same.data[0], sites)


def test_strain_by_frame(movie):
    table = atoms_of(movie[:3]).strain(material="Au").frame_means()
    assert table.e_xx.tolist() == pytest.approx([0, 0.01, 0.02], abs=4e-3)
    assert table.e_yy.tolist() == pytest.approx([0, 0, 0], abs=4e-3)
    assert table.atoms.tolist() == [len(one) for one in movie[:3]]
    against = atoms_of(movie[:3]).strain(atoms_of(movie[0])).frame_means()
    assert against.e_xx.tolist() == pytest.approx([0, 0.01, 0.02], abs=4e-3)


def test_means_over_time_are_weighted_by_the_errors():
    # Nine atoms in a lattice, one at its edge whose sigma is ten times theirs, one without.
    sites = np.zeros((11, 9))
    sites[:, 5:] = [[0.01, 0.002, 4, 1]] * 9 + [[0.11, 0.02, 15, 4], [np.nan, np.nan, 8, 2]]
    atoms = atoms_of(sites[:, :5])
    atoms.data[0] = sites
    atoms.metadata.VectorMetadata.column_names = [
        *(*NAMES, "e_xx", "e_xx_sigma", "height", "height_sigma")
    ]
    (row,) = atoms.frame_means().itertuples()
    assert row.e_xx == pytest.approx(0.01 + 0.1 / 901)
    # As of 9 atoms of one value and one of another, each by its weight.
    scatter = 9 * 100**2 * (0.1 / 901) ** 2 + (0.1 * 900 / 901) ** 2
    assert row.e_xx_error == pytest.approx(np.sqrt(scatter * 10 / 9) / 901)
    # A mean number of atoms is of all columns alike, and so is its error.
    numbers = pd.Series(sites[:, 7])
    assert (row.height, row.height_error) == pytest.approx((numbers.mean(), numbers.sem()))


def test_strain_along_tracks(movie):
    pytest.importorskip("trackpy")
    tracks = atoms_of(movie[:3]).strain(material="Au").tracks(search_range=0.6)
    longest = tracks.groupby("track").filter(lambda rows: len(rows) == 3)
    assert longest.groupby("frame").e_xx.mean().tolist() == pytest.approx([0, 0.01, 0.02], abs=4e-3)


def test_columns_are_replaced_not_doubled(movie):
    once = atoms_of(movie[0]).strain(material="Au")
    again = once.strain("median")
    assert list(again.metadata.VectorMetadata.column_names) == list(
        once.metadata.VectorMetadata.column_names
    )
    names = list(once.metadata.VectorMetadata.column_names)
    assert names[:5] == NAMES
    assert {*OWN, *(f"{name}_sigma" for name in OWN)} < set(names)
    np.testing.assert_array_equal(again.data[0][:, :5], movie[0])


def test_a_region_is_in_the_units_of_the_axes():
    sites = frame(size=30)
    right = sites[:, 1] > 160
    sites[right, 1] = 160 + 1.02 * (sites[right, 1] - 160)
    atoms = atoms_of(sites)
    vectors = atoms.metadata.VectorMetadata
    vectors.units, vectors.scales, vectors.offsets = ["nm", "nm"], [0.01, 0.01], [5.0, 7.0]
    left = atoms.strain(hs.roi.RectangularROI(7.0, 5.0, 8.5, 8.2)).to_dataframe()
    assert left.e_xx[left.x > 8.8].median() == pytest.approx(0.02, abs=3e-3)
    assert left.e_xx[left.x < 8.4].median() == pytest.approx(0, abs=3e-3)
    circle = atoms.strain(hs.roi.CircleROI(9.2, 6.6, 0.5)).to_dataframe()
    assert circle.e_xx[circle.x < 8.4].median() == pytest.approx(-0.0196, abs=4e-3)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mean", "reference is 'mean'"),
        (np.ones((2, 2)), r"is \[\[1.0, 1.0\], \[1.0, 1.0\]\]: expected .* that are not parallel"),
        (np.ones(4), "shape"),
        (3.0, "reference is 3.0"),
    ],
)
def test_references_that_are_none(movie, reference, message):
    with pytest.raises(ValueError, match=message):
        atoms_of(movie).strain(reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ([[0, 9.0], [7.0, 0]], "This frame has no lattice like the reference"),
        (hs.roi.CircleROI(900, 900, 100), "This frame has too few atoms of a grain in the region"),
    ],
)
def test_a_reference_that_no_grain_has_is_warned_of(reference, message):
    with pytest.warns(DLAtomsWarning, match=message):
        atoms_of(frame(size=30)).strain(reference)


def test_bad_arguments(movie):
    atoms = atoms_of(movie)
    with pytest.raises(ValueError, match="one of them"):
        atoms.strain("median", "Au")
    with pytest.raises(ValueError, match="navigation shape"):
        atoms.strain(atoms.inav[:2])
    for method in (
        atoms.lattice,
        atoms.remove_shear,
        lambda material: atoms.strain(None, material),
    ):
        with pytest.raises(ValueError, match="'nonsense' is not known"):
            method("nonsense")
        with pytest.raises(TypeError, match="material is 3"):
            method(3)
    with pytest.raises(ValueError, match="give material"):
        atoms.remove_shear()
    for method in (atoms.neighbours, atoms.bonds, atoms.rings, atoms.bond_angles):
        with pytest.raises(ValueError, match="cutoff is -1"):
            method(-1)
    with pytest.raises(ValueError, match="shorter side"):
        atoms.pair_correlation(max_distance=50)
    with pytest.raises(ValueError, match="bin_width is 0"):
        atoms.pair_correlation(bin_width=0)
    with pytest.raises(ValueError, match="one of y, x"):
        atoms.polarisation(0, 1, by="height")
    with pytest.raises(ValueError, match="expected a species"):
        atoms.polarisation("Ti", "Sr", by="probability")
    with pytest.raises(ValueError, match="lowest value first"):
        atoms.polarisation((2, 1), 0, by="probability")
    with pytest.raises(ValueError, match="one of y, x"):
        atoms.to_map("e_xx")
    with pytest.raises(ValueError, match="resolution is 0"):
        atoms.to_map("probability", resolution=0)
    del atoms.metadata.VectorMetadata.image_shape
    for method in (lambda: atoms.to_map("probability"), atoms.pair_correlation):
        with pytest.raises(ValueError, match="lacks image_shape"):
            method()


def test_the_pair_correlation_ends_at_the_shorter_side(movie):
    table = atoms_of(movie, shape=(96, 320)).pair_correlation()
    assert table.high.iloc[-1] == pytest.approx(min(20.0, 96 * SAMPLING), abs=0.1)


def test_a_crystal_of_ase_as_the_material():
    table = atoms_of(frame(name="Au [100]")).lattice(bulk("Au", cubic=True))
    assert table.zone.tolist() == ["along z"]
    assert table.scale[0] == pytest.approx(1, abs=1e-3)


def test_species_make_the_lattice_and_vacancies_are_sites_of_it():
    corners = crystal("Au [100]", 22) * 1.9
    places = np.concatenate([corners, corners + [1.94, 2.04]]) / SAMPLING + 300
    species = np.repeat([0.0, 1.0], len(corners))
    species[3:40:9] = 2
    sites = np.column_stack([places, np.full((len(places), 3), 0.5), species])
    atoms = AtomPositions.from_frames(sites, sampling=SAMPLING, species=["Sr", "Ti", "Sr vacancy"])
    (row,) = atoms.lattice().to_dict("records")
    assert (row["n"], row["sublattices"]) == (len(places), 2)
    assert row["a"] == pytest.approx(3.876, abs=1e-3)
    offsets = atoms.polarisation("Ti", "Sr").to_dataframe()
    assert offsets.offset_x.median() == pytest.approx(2.04 - 1.938, abs=1e-3)
    assert offsets.offset_x[offsets.species != "Ti"].isna().all()
    # Beside a vacancy the neighbours are not all there.
    assert offsets.offset_x[offsets.species == "Ti"].isna().sum() > 20


@pytest.mark.parametrize("species", [[], ["Sr", "Ti"]])
def test_a_material_is_known_with_species_and_without(species):
    corners = crystal("Au [100]", 18) * 3.905 / 2.04
    sites = np.full((2 * len(corners), 6), 0.3)
    sites[:, :2] = np.concatenate([corners, corners + 3.905 / 2]) / SAMPLING + 300
    sites[:, 5] = np.repeat([0, 1], len(corners))
    atoms = AtomPositions.from_frames(
        sites if species else sites[:, :5], sampling=SAMPLING, species=species or None
    )
    titanate = Atoms("SrTi", scaled_positions=[[0] * 3, [0.5] * 3], cell=[3.905] * 3)
    (row,) = atoms.lattice(titanate).to_dict("records")
    assert row["material"] == "SrTi"
    assert row["scale"] == pytest.approx(1)
    strained = atoms.strain(material=titanate).to_dataframe()
    assert strained.e_xx.notna().mean() > 0.95
    assert strained.e_xx.abs().max() < 1e-6


def test_another_material_is_said(movie):
    atoms = atoms_of(movie[:3])
    with pytest.warns(DLAtomsWarning, match="3 of 3 frames have no lattice of graphene, to 10 %"):
        assert set(atoms.lattice("graphene").material) == {""}
    with pytest.warns(DLAtomsWarning, match="This frame has no lattice of graphene, to 10 %"):
        strained = atoms.inav[0].strain(material="graphene").to_dataframe()
    assert strained[OWN].isna().all(axis=None)
    assert strained.grain.max() == 0


@pytest.mark.filterwarnings("error")
def test_no_material_is_asked_for(movie):
    atoms = atoms_of(movie[0])
    atoms.metadata.VectorMetadata.materials = ["graphene"]
    assert set(atoms.lattice().material) == {""}
    atoms.lattice("Au")
    atoms.strain(material="Au")


@pytest.mark.parametrize("lazy", [False, True])
def test_a_map_lies_where_the_image_does(lazy):
    sites = frame(size=30)
    sites[:, 2] = (sites[:, 1] - 160) / 320 + 0.5
    frames = [sites, np.empty((0, 5))]
    atoms = atoms_of(frames, lazy)
    vectors = atoms.metadata.VectorMetadata
    vectors.units, vectors.scales, vectors.offsets = ["nm", "nm"], [0.01, 0.01], [5.0, 7.0]
    found = atoms.to_map("probability", resolution=6.0)
    assert found._lazy is lazy
    assert found.axes_manager.navigation_shape == (2,)
    assert found.axes_manager.signal_shape == (16, 16)
    found.compute() if lazy else None
    x, y = found.axes_manager.signal_axes
    assert (x.units, y.units) == ("nm", "nm")
    assert (x.scale, y.scale) == pytest.approx((0.2, 0.2))
    assert (x.offset, y.offset) == pytest.approx((7.095, 5.095))
    middle = found.data[0, 7]
    expected = ((x.axis - 7) / 0.01 - 160) / 320 + 0.5
    np.testing.assert_allclose(middle[5:11], expected[5:11], atol=0.01)
    assert np.isnan(found.data[1]).all()
    assert found.data.shape == (2, 16, 16)


def test_a_map_of_one_frame():
    assert atoms_of(frame()).to_map("probability").axes_manager.navigation_shape == ()


def test_shear_of_a_drifting_scan():
    sites = frame()
    true = sites[:, :2].copy()
    sites[:, :2] = true @ np.array([[1.01, 0.03], [0, 1]])
    back = atoms_of(sites).remove_shear("Au")
    moved = back.data[0][:, :2] - true
    assert np.ptp(moved, axis=0).max() < 1.0
    gamma = back.lattice("Au").gamma[0]
    assert gamma == pytest.approx(back.lattice("Au").gamma_material[0], abs=0.1)
    assert atoms_of(sites).lattice("Au").gamma[0] != pytest.approx(gamma, abs=0.5)


def test_edges_of_the_image_are_no_edges_of_the_specimen():
    sites = frame(size=50)
    inside = ((sites[:, :2] >= 0) & (sites[:, :2] < 320)).all(axis=1)
    filled = atoms_of(sites[inside]).neighbours().to_dataframe()
    assert not (filled.edge == 1).any()
    alone = atoms_of(frame(size=15)).neighbours().to_dataframe()
    assert (alone.edge == 1).sum() > 15
    assert alone.edge.notna().all()


@pytest.mark.parametrize(("by", "lazy"), [("e_xx", False), ("e_xx", True), ("grain", False)])
def test_plots_with_a_colour_bar(movie, lazy, by):
    images = hs.signals.Signal2D(np.zeros((3, 320, 320)))
    for axis in images.axes_manager.signal_axes:
        axis.scale, axis.units = SAMPLING, "Å"
    atoms = atoms_of(movie[:3], lazy).strain(material="Au")
    atoms.plot_on(images, by=by)
    figure = images._plot.signal_plot.figure
    bars = [axes for axes in figure.axes if by in (axes.get_ylabel(), axes.get_title())]
    assert len(bars) == (by == "e_xx")
    for bar in bars:
        low, high = bar.get_ylim()
        assert low == pytest.approx(-high)
    plt.close("all")


def test_colours_of_strain():
    sites = frame(0.02)
    atoms = atoms_of(np.concatenate([sites, [[3.0, 3.0, 0.5, 0.2, 0.2]]])).strain(material="Au")
    colours = atoms.to_markers(by="e_xx", limits=(-0.05, 0.05)).kwargs["edgecolor"]
    np.testing.assert_allclose(colours[-1], [0.5, 0.5, 0.5, 0.5])
    red, blue = np.median(colours[:-1], axis=0)[[0, 2]]
    assert red > blue
    with pytest.raises(ValueError, match="by is 'nothing'"):
        atoms.to_markers(by="nothing")


def test_without_errors_of_positions():
    atoms = AtomPositions.from_frames(frame()[:, :2], sampling=SAMPLING)
    (row,) = atoms.lattice("Au").to_dict("records")
    assert row["a_sigma"] < 0.01
    assert np.isnan(row["scatter"])
    table = atoms.strain(material="Au").to_dataframe()
    assert table.e_xx_sigma.median() == pytest.approx(0.006, abs=0.004)
    assert atoms.bonds().length_sigma.isna().all()


def test_turned_positions_turn_the_lattice():
    atoms, other = (frame() for _ in range(2))
    other[:, :2] = (other[:, :2] - 160) @ rotation(0.2) + 160
    first, second = (atoms_of(one).lattice("Au") for one in (atoms, other))
    assert first.a[0] == pytest.approx(second.a[0], abs=0.01)
    turned = (second.orientation[0] - first.orientation[0]) % 180
    assert min(abs(turned - one) for one in (11.46, 11.46 + 109.47, 11.46 + 70.53)) < 0.3

# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms selected, sliced, and edited."""

from __future__ import annotations

import json
import warnings

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import AtomPositions, DLAtomsWarning, LazyAtomPositions
from hyperspy_dlatoms.detection.sites import Candidates, select
from hyperspy_dlatoms.networks.resampling import Grid
from tests.helpers.lattices import crystal, rotation


@pytest.fixture
def atoms():
    rng = np.random.default_rng(0)
    frames = np.empty((2, 3), object)
    for index in np.ndindex(frames.shape):
        frames[index] = np.column_stack(
            [rng.uniform(0, (40, 60), (20, 2)), rng.uniform(0.3, 1, 20), *rng.random((2, 20))]
            + [rng.integers(0, 2, 20)]
        )
    made = AtomPositions.from_frames(list(frames.ravel()), sampling=0.2, species=["Mo", "S"])
    vectors = made.metadata.VectorMetadata.as_dictionary() | {
        "offsets": [-2.0, 3.0],
        "scales": [0.02, 0.02],
        "units": ["nm", "nm"],
        "image_shape": [40, 60],
        "threshold": 0.3,
    }
    axes = [{"size": size, "navigate": True} for size in frames.shape]
    return AtomPositions(frames, axes=axes, metadata={"VectorMetadata": vectors}, ragged=True)


def lazily(atoms):
    lazy = atoms.as_lazy()
    lazy.data = lazy.data.rechunk((1, 2))
    return lazy


@pytest.fixture(params=[False, True], ids=["computed", "lazy"])
def either(atoms, request):
    return lazily(atoms) if request.param else atoms


def frames_of(atoms):
    return list((atoms.data.compute() if atoms._lazy else atoms.data).flat)


def check(picked, atoms, keep):
    """Check that the frames have those rows of `atoms` that `keep` marks, a function of a frame."""
    assert type(picked) is (LazyAtomPositions if picked._lazy else AtomPositions)
    assert picked.axes_manager.navigation_shape == atoms.axes_manager.navigation_shape
    number = 0
    for ours, frame in zip(frames_of(picked), atoms.data.flat, strict=True):
        np.testing.assert_array_equal(ours, frame[keep(frame)])
        number += len(ours)
    assert 0 < number < 120


@pytest.mark.parametrize(
    ("conditions", "keep"),
    [
        ({"probability": (0.6, None)}, lambda f: f[:, 2] >= 0.6),
        ({"probability": (None, 0.6)}, lambda f: f[:, 2] <= 0.6),
        (
            {"x": (10, 30), "y": (5, 20)},
            lambda f: (abs(f[:, 1] - 20) <= 10) & (abs(f[:, 0] - 12.5) <= 7.5),
        ),
        ({"species": "S"}, lambda f: f[:, 5] == 1),
        ({"species": ["S", "Mo"], "y_sigma": lambda s: s < 0.5}, lambda f: f[:, 3] < 0.5),
        ({"species": 0}, lambda f: f[:, 5] == 0),
        ({"probability": (0.6, None), "invert": True}, lambda f: f[:, 2] < 0.6),
        ({"threshold": 0.7}, lambda f: f[:, 2] >= 0.7),
    ],
)
def test_by_columns(either, atoms, conditions, keep):
    check(either.select(**conditions), atoms, keep)


def test_by_regions_in_the_units_of_the_axes(either, atoms):
    def x(frame):
        return 3 + 0.02 * frame[:, 1]

    def y(frame):
        return -2 + 0.02 * frame[:, 0]

    rectangle = hs.roi.RectangularROI(left=3.2, top=-1.8, right=3.9, bottom=-1.5)
    check(
        either.select(roi=rectangle),
        atoms,
        lambda f: (x(f) >= 3.2) & (x(f) < 3.9) & (y(f) >= -1.8) & (y(f) < -1.5),
    )
    ring = hs.roi.CircleROI(cx=3.5, cy=-1.6, r=0.4, r_inner=0.1)
    distance = lambda f: np.hypot(x(f) - 3.5, y(f) + 1.6)  # noqa: E731
    check(either.select(roi=ring), atoms, lambda f: abs(distance(f) - 0.25) <= 0.15)
    triangle = hs.roi.PolygonROI([(3.0, -2.0), (4.2, -2.0), (3.0, -1.2)])
    check(either.select(roi=triangle), atoms, lambda f: (x(f) - 3) / 1.2 + (y(f) + 2) / 0.8 < 1)
    check(
        either.select(roi=[rectangle, hs.roi.CircleROI(cx=3.5, cy=-1.6, r=0.1)], invert=True),
        atoms,
        lambda f: (
            ~(
                ((x(f) >= 3.2) & (x(f) < 3.9) & (y(f) >= -1.8) & (y(f) < -1.5))
                | (distance(f) <= 0.1)
            )
        ),
    )


def test_a_region_of_one_image_crops_as_hyperspy_does(atoms):
    """The same atoms as in the part of the images that the region cuts out, pixel by pixel."""
    image = hs.signals.Signal2D(np.arange(2400.0).reshape(40, 60))
    for axis, offset in zip(image.axes_manager.signal_axes, (3, -2), strict=True):
        axis.units, axis.scale, axis.offset = "nm", 0.02, offset
    roi = hs.roi.RectangularROI(left=3.2, top=-1.8, right=3.9, bottom=-1.5)
    part = roi(image)
    one = atoms.inav[0, 0]
    one.data[0][:, :2] = np.rint(one.data[0][:, :2])
    kept = one.select(roi=roi).data[0]
    assert len(kept) == len(one.to_dataframe(part))


def test_by_mask(either, atoms):
    mask = np.zeros((40, 60), bool)
    mask[10:, :30] = True
    check(
        either.select(mask=mask),
        atoms,
        lambda f: (np.rint(f[:, 0]) >= 10) & (np.rint(f[:, 1]) < 30),
    )
    masks = hs.signals.Signal2D(np.zeros((2, 3, 40, 60), bool))
    masks.data[0, 1, :20] = masks.data[1, :, :, 30:] = True
    for one in (masks, masks.as_lazy()):
        got = frames_of(either.select(mask=one))
        expected = [
            frame[mask[tuple(np.rint(frame[:, :2]).astype(int).clip(0, (39, 59)).T)]]
            for frame, mask in zip(atoms.data.flat, masks.data.reshape(-1, 40, 60), strict=True)
        ]
        inside = [frame[(np.rint(frame[:, :2]) < (40, 60)).all(axis=1)] for frame in expected]
        for ours, theirs in zip(got, inside, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match=r"The mask has the shape \(3, 3\)"):
        atoms.select(mask=np.ones((3, 3), bool))


def test_what_was_selected_is_recorded(atoms, tmp_path):
    once = atoms.select(probability=(0.5, None))
    twice = once.select(species="S", invert=True)
    expected = ["probability=(0.5, None)", "not species='S'"]
    assert twice.metadata.VectorMetadata.selections == expected
    assert not atoms.metadata.has_item("VectorMetadata.selections")
    twice.save(tmp_path / "atoms.hspy")
    loaded = hs.load(tmp_path / "atoms.hspy")
    assert list(loaded.metadata.VectorMetadata.selections) == expected
    assert len(loaded.select(probability=(0.9, None)).metadata.VectorMetadata.selections) == 3


@pytest.mark.parametrize(
    ("conditions", "error", "says"),
    [
        ({}, ValueError, "There is no condition"),
        ({"height": 3}, ValueError, "There is no column 'height'"),
        ({"species": "W"}, ValueError, "species is 'W': expected one of Mo, S"),
        ({"probability": (1, 2, 3)}, ValueError, "expected a pair"),
        ({"species": ("Mo", "S")}, ValueError, "or a list of values"),
        ({"probability": None}, TypeError, "expected a number, a pair"),
        ({"probability": lambda p: p}, ValueError, "expected bool"),
        ({"roi": hs.roi.SpanROI(0, 1)}, TypeError, "expected a RectangularROI"),
        ({"threshold": 0.2}, ValueError, "left out atoms with a probability below 0.3"),
        ({"threshold": 1.2}, ValueError, "between 0 and 1"),
        ({"threshold": "high"}, TypeError, "expected a number"),
    ],
)
def test_conditions_that_make_no_sense(atoms, conditions, error, says):
    with pytest.raises(error, match=says):
        atoms.select(**conditions)


@pytest.mark.parametrize(
    ("vectors", "threshold", "says"),
    [
        ({"threshold": 0.5, "anchor": 0.9}, 0.7, "below 0.9 that are isolated"),
        ({"threshold": [0.5, 0.5], "members": ["a", "b"]}, 0.7, "In an ensemble"),
        ({"threshold": None}, 0.7, "is not known"),
    ],
)
def test_thresholds_that_a_search_would_apply_otherwise(atoms, vectors, threshold, says):
    for name, value in vectors.items():
        atoms.metadata.VectorMetadata[name] = value
    with pytest.raises(ValueError, match=says):
        atoms.select(threshold=threshold)
    if "anchor" in vectors:
        assert all((frame[:, 2] >= 0.9).all() for frame in atoms.select(threshold=0.9).data.flat)


def test_thresholds_one_after_the_other(atoms):
    atoms.metadata.VectorMetadata.anchor = 0.6
    once = atoms.select(threshold=0.8)
    assert once.metadata.VectorMetadata.threshold == 0.8
    assert not once.metadata.has_item("VectorMetadata.anchor")
    assert atoms.metadata.VectorMetadata.anchor == 0.6
    with pytest.raises(ValueError, match="below 0.8: expected 0.8 or more"):
        once.select(threshold=0.7)
    assert len(once.select(threshold=0.9).select(species="S").data) == 2
    for cut in ({"probability": (0.7, None)}, {"species": "S", "invert": True}):
        with pytest.raises(ValueError, match="apply the threshold first"):
            atoms.select(**cut).select(threshold=0.8)


def test_a_threshold_afterwards_is_that_of_a_new_search(spot_network, spot_images):
    signal, _ = spot_images(4)
    signal.data += np.random.default_rng(1).normal(0, 0.15, signal.data.shape)
    loose = signal.find_atoms_nn("spots", threshold=0.2)
    numbers = set()
    for threshold in (0.3, 0.5, 0.7, 0.9):
        anew = signal.find_atoms_nn("spots", threshold=threshold)
        after = loose.select(threshold=threshold)
        for ours, theirs in zip(after.data, anew.data, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        numbers.add(sum(map(len, after.data)))
    assert len(numbers) > 1


@pytest.mark.parametrize("upper", [None, 0.8])
def test_a_threshold_on_candidates_as_on_sites(upper):
    """Hysteresis keeps all from its upper threshold on, so that cuts there and above agree."""
    rng = np.random.default_rng(5)
    n = 400
    found = Candidates(
        position=rng.uniform(0, 90, (n, 2)),
        probability=(chance := rng.uniform(0.2, 1, n)),
        sigma=np.ones((n, 2)),
        score=chance,
    )
    same = Grid(1.0, 0.0)
    kept = select(found, (90, 90), same, 3.0, upper, 6.0, None, 2.0)
    for threshold in (0.8, 0.9):
        strict = select(found[chance >= threshold], (90, 90), same, 3.0, None, 6.0, None, 2.0)
        after = kept[kept.probability >= threshold]
        assert 5 < len(strict) < len(kept)
        np.testing.assert_array_equal(strict.position, after.position)


def test_ivec(either, atoms):
    chance = either.ivec["probability"]
    for ours, frame in zip(frames_of(chance), atoms.data.flat, strict=True):
        np.testing.assert_array_equal(ours, frame[:, 2])
    check(either.ivec[:, chance > 0.6], atoms, lambda f: f[:, 2] > 0.6)
    both = (chance <= 0.6) & (either.ivec["species"] == 1)
    check(either.ivec[:, both], atoms, lambda f: (f[:, 2] <= 0.6) & (f[:, 5] == 1))
    check(either.ivec[:, chance < 0.6], atoms, lambda f: f[:, 2] < 0.6)
    check(either.ivec[:, chance >= 0.6], atoms, lambda f: f[:, 2] >= 0.6)
    check(either.ivec[:, either.ivec[-1] != 1], atoms, lambda f: f[:, 5] != 1)
    right = either.ivec["y"] < either.ivec["x"]
    check(either.ivec[:, right], atoms, lambda f: f[:, 0] < f[:, 1])
    cut = either.ivec[["y", "x", "species"], :5]
    assert cut.metadata.VectorMetadata.column_names == ["y", "x", "species"]
    assert list(cut.to_dataframe(units="px"))[-3:] == ["y_px", "x_px", "species"]
    for ours, frame in zip(frames_of(cut), atoms.data.flat, strict=True):
        np.testing.assert_array_equal(ours, frame[:5][:, [0, 1, 5]])
    assert either.ivec[:3].metadata.VectorMetadata.column_names == ["y", "x", "probability"]
    assert len(atoms.metadata.VectorMetadata.column_names) == 6


@pytest.mark.parametrize(
    ("item", "error", "says"),
    [
        ("height", ValueError, "There is no column 'height'"),
        (["probability", "y"], ValueError, "expected y and x first"),
        ((slice(None), [0, 1]), TypeError, "expected a slice, or a mask"),
        ((slice(None), hs.signals.BaseSignal(np.ones(3))), ValueError, "expected a mask"),
    ],
)
def test_ivec_of_other_things(atoms, item, error, says):
    with pytest.raises(error, match=says):
        atoms.ivec[item]


def test_edits(atoms, tmp_path):
    before = atoms.data[1, 2].copy()
    seen = []
    atoms.events.data_changed.connect(lambda obj: seen.append(obj))
    atoms.add_atoms([[3.0, 4.0], [39.0, 1.0]], frame=(1, 2), species="S")
    assert len(atoms.data[1, 2]) == 22
    added = atoms.data[1, 2][np.isnan(atoms.data[1, 2][:, 2])]
    np.testing.assert_array_equal(added[:, [0, 1, 5]], [[3, 4, 1], [39, 1, 1]])
    assert np.isnan(added[:, 2:5]).all()
    assert (np.diff(atoms.data[1, 2][:, 0]) >= 0).all()
    rows = np.flatnonzero(np.isnan(atoms.data[1, 2][:, 2]))
    atoms.remove_atoms(rows.tolist(), frame=(1, -1))
    np.testing.assert_array_equal(atoms.data[1, 2], before[np.lexsort(before[:, 1::-1].T)])
    place = atoms.data[0, 0][4].copy()
    atoms.move_atoms(4, place[:2] + 0.25, frame=(0, 0))
    moved = atoms.data[0, 0][np.isnan(atoms.data[0, 0][:, 3])]
    np.testing.assert_allclose(moved[0, :2], place[:2] + 0.25)
    assert moved[0, 2] == place[2] and np.isnan(moved[0, 4])
    assert len(seen) == 3
    atoms.save(tmp_path / "atoms.hspy")
    edits = [
        json.loads(one) for one in hs.load(tmp_path / "atoms.hspy").metadata.VectorMetadata.edits
    ]
    assert [(one["edit"], one["frame"]) for one in edits] == [
        ("add", [1, 2]),
        ("remove", [1, 2]),
        ("move", [0, 0]),
    ]
    assert edits[0]["to"] == edits[1]["from"] == [[3, 4], [39, 1]]
    np.testing.assert_allclose(edits[2]["from"], [place[:2]])


def test_edits_of_no_atoms_are_none(atoms):
    before = atoms.data[0, 0]
    atoms.remove_atoms([], frame=(0, 0))
    atoms.move_atoms([], [], frame=(0, 0))
    atoms.add_atoms([], frame=(0, 0), species="S")
    np.testing.assert_array_equal(atoms.data[0, 0], before[np.lexsort(before[:, 1::-1].T)])
    assert not atoms.metadata.has_item("VectorMetadata.edits")


def test_edits_of_a_part_have_the_numbers_of_its_frames():
    movie = AtomPositions.from_array([np.ones((1, 2))] * 5, sampling=0.1)
    part = movie.inav[2:]
    part.remove_atoms(0, frame=1)
    assert json.loads(part.metadata.VectorMetadata.edits[0])["frame"] == [3]
    single = movie.inav[4]
    single.add_atoms([1.0, 2.0])
    assert len(single.data[0]) == 2 and len(movie.data[4]) == 1


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda a: a.add_atoms([1.0, 2.0], species="S"), "expected an index of a frame"),
        (lambda a: a.add_atoms([1.0, 2.0], frame=(2, 0), species="S"), "expected an index"),
        (lambda a: a.add_atoms([1.0, 2.0], frame=(0, 0)), "species is None"),
        (lambda a: a.add_atoms([1.0, 61.0], frame=(0, 0), species="S"), "outside the image"),
        (lambda a: a.add_atoms([np.nan, 1], frame=(0, 0), species="S"), "finite"),
        (lambda a: a.add_atoms([1.0, 2, 3], frame=(0, 0), species="S"), r"shape \(n, 2\)"),
        (lambda a: a.remove_atoms(20, frame=(0, 0)), "expected 0 to 19"),
        (lambda a: a.remove_atoms([1, 1], frame=(0, 0)), "each once"),
        (lambda a: a.move_atoms([1, 2], [1.0, 2.0], frame=(0, 0)), "one for each"),
        (lambda a: lazily(a).remove_atoms(0, frame=(0, 0)), "compute"),
        (lambda a: a.inav[0, 0].remove_atoms(0, frame=3), "there is one image"),
    ],
)
def test_edits_that_make_no_sense(atoms, edit, says):
    with pytest.raises(ValueError, match=says):
        edit(atoms)
    assert not atoms.metadata.has_item("VectorMetadata.edits")


def test_no_species_where_there_is_no_column():
    with pytest.raises(ValueError, match="no column of species"):
        AtomPositions.from_array(np.ones((1, 2)), sampling=1).add_atoms([1.0, 2.0], species="S")


@pytest.mark.parametrize(
    "part",
    [
        lambda found: found.select(y=(-2, -1)),
        lambda found: found.ivec[["y", "x"]],
        lambda found: found.ivec[:, :0],
    ],
)
def test_a_part_of_lazy_atoms_says_nothing_of_the_search(spot_network, spot_images, part):
    signal, _ = spot_images()
    found = part(signal.find_atoms_nn("spots", lazy_output=True))
    assert len(found.metadata.VectorMetadata.selections) == 1
    with warnings.catch_warnings(action="error"):
        found.record_quality()
        found.compute()
    assert found.quality().found[0] == len(found.data[0])


def test_all_columns_and_rows_are_no_selection(atoms):
    assert not atoms.ivec[:].metadata.has_item("VectorMetadata.selections")


def test_the_lattice_at_the_edges_of_an_image_is_that_of_the_quality():
    places = crystal("graphene", 50) @ rotation(0.2) + 15
    places = places[((places >= 0) & (places < 30)).all(axis=1)]
    noise = np.random.default_rng(0).normal(0, 0.05, places.shape)
    atoms = AtomPositions.from_frames((places + noise) / 0.1, sampling=0.1)
    atoms.metadata.VectorMetadata.image_shape = [300, 300]
    off = len(atoms.select(on_lattice=False).data[0])
    assert off == atoms.quality().off_lattice[0] == 0


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("by", ["roi", "mask", "x"])
def test_a_density_of_a_part_of_an_image_is_warned_of(atoms, by, invert):
    where = {"roi": hs.roi.CircleROI(3.5, -1.5, 0.4), "mask": np.eye(40, 60) > 0, "x": (None, 20)}
    part = atoms.select(**{by: where[by]}, species="S", invert=invert)
    with pytest.warns(DLAtomsWarning, match="g refers to the area of the whole image"):
        part.pair_correlation(max_distance=4)
    part.metadata.VectorMetadata.species = ["S", "S vacancy"]
    with pytest.warns(DLAtomsWarning, match="density of vacancies refers to the area"):
        part.vacancy_statistics(rates={})


def test_a_density_of_the_atoms_of_a_kind_is_that_of_all_of_the_image(atoms):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        atoms.select(species="S", probability=(0.5, None)).pair_correlation(max_distance=4)

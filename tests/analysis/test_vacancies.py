# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms import AtomPositions, registry
from hyperspy_dlatoms.analysis import Rates, prevalence
from hyperspy_dlatoms.analysis.vacancies import rates_from_scores

SPECIES = ["Mo", "S", "Mo vacancy", "S vacancy"]
COLUMNS = ["y", "x", "probability", "y_sigma", "x_sigma", "species", "height"]
RATES = {
    "Mo vacancy": {"recall": 0.9, "false_per_site": 0.001},
    "S vacancy": {"recall": 0.8, "false_per_site": 0.004, "vacancies": 300, "sites": 9000},
}
SIZE = 400


def frame(seed, single=12, double=5, metal=4, n=300):
    """Sites at random places, of as many metal as of chalcogen sites."""
    rng = np.random.default_rng(seed)
    sites = np.full((2 * n, 7), 0.1)
    sites[:, :2] = rng.uniform(-0.5, SIZE - 0.5, (2 * n, 2))
    sites[:n, 5:] = [0, 1.02]
    sites[:metal, 5:] = [2, 0.1]
    sites[n:, 5:] = [1, 1.9]
    sites[n : n + single, 5:] = [3, 0.9]
    sites[n + single : n + single + double, 5:] = [3, 0.1]
    return sites


def make(frames, shape=None, columns=COLUMNS, names=(), **changes):
    data = np.empty(len(frames), dtype=object)
    data[:] = [one[:, : len(columns)] for one in frames]
    data = data.reshape(shape or (len(frames),))
    axes = [{"size": n, "navigate": True} for n in data.shape]
    for axis, name in zip(axes, names, strict=False):
        axis["name"] = name
    vectors = {
        "column_names": list(columns),
        "offsets": [0.0, 0.0],
        "scales": [0.02, 0.02],
        "units": ["nm", "nm"],
        "sampling": [0.2, 0.2],
        "image_shape": [SIZE, SIZE],
        "species": SPECIES,
    }
    metadata = {"VectorMetadata": vectors | changes}
    return AtomPositions(data, axes=axes, metadata=metadata, ragged=True)


def numbered(frames):
    """Frames as they come; an assignment of equally long ones would become one array."""
    data = np.empty(len(frames), dtype=object)
    for index, one in enumerate(frames):
        data[index] = one
    return data


@pytest.fixture
def movie():
    return make(numbered([frame(0), frame(1, 0, 0, 0), np.empty((0, 7)), frame(2, 40)]))


@pytest.mark.parametrize("lazy", [False, True])
def test_species_are_counted_frame_by_frame(movie, lazy):
    atoms = movie.as_lazy() if lazy else movie
    counts = atoms.species_counts()
    assert counts.columns.tolist() == SPECIES
    assert counts.index.name == "index_0"
    assert counts.loc[0].tolist() == [296, 283, 4, 17]
    assert counts.loc[2].tolist() == [0, 0, 0, 0]
    by_table = movie.to_dataframe().groupby("index_0").species.value_counts()
    for (index, name), number in by_table.items():
        assert counts.loc[index, name] == number


def test_counts_of_a_grid_and_of_one_frame():
    grid = make(numbered([frame(n, n) for n in range(6)]), (2, 3), names=["time", "S"])
    counts = grid.species_counts()
    # An axis that is named like a species keeps apart from it.
    assert counts.index.names == ["time", "S_1"]
    assert counts.loc[(1, 2), "S vacancy"] == 10
    one = grid.inav[2, 1]
    assert one.species_counts()["S vacancy"].tolist() == [10]


def test_vacancies_of_each_kind(movie):
    table = movie.vacancy_statistics(rates=RATES)
    kinds = ["Mo vacancy", "S vacancy", "S vacancy (one)", "S vacancy (both)"]
    assert table.vacancy.tolist() == 4 * kinds
    first = table[table.index_0 == 0].set_index("vacancy")
    assert first.found.tolist() == [4, 17, 12, 5]
    assert first.sites.tolist() == [300] * 4
    np.testing.assert_allclose(first.area, (SIZE * 0.02) ** 2)
    rates = Rates(**RATES["S vacancy"])
    expected = np.array(prevalence(17, 300, rates))
    ours = first.loc["S vacancy"]
    np.testing.assert_allclose(ours[["fraction", "fraction_low", "fraction_high"]], expected)
    np.testing.assert_allclose(
        ours[["density", "density_low", "density_high"]], expected * 300 / (SIZE * 0.02) ** 2
    )
    assert ours.number == pytest.approx(expected[0] * 300)
    # No rates are known for these.
    assert first.loc[kinds[2:], "number":"density_high"].isna().all(axis=None)


def test_frames_without_vacancies_and_without_sites(movie):
    table = movie.vacancy_statistics(rates=RATES).set_index(["index_0", "vacancy"])
    none = table.loc[(1, "S vacancy")]
    assert none.found == none.number == none.density_low == 0
    assert none.density_high > 0
    empty = table.loc[(2, "S vacancy")]
    assert empty.sites == empty.found == 0
    assert empty["number":"density_high"].isna().all()


def test_vacancies_without_heights_are_not_told_apart(movie):
    plain = make(movie.data, columns=COLUMNS[:6])
    table = plain.vacancy_statistics(rates=RATES)
    assert set(table.vacancy) == {"Mo vacancy", "S vacancy"}
    with pytest.raises(ValueError, match="rates for 'S vacancy \\(one\\)'"):
        plain.vacancy_statistics(rates={"S vacancy (one)": RATES["S vacancy"]})


def test_the_border_is_left_out(movie):
    whole, inner = (movie.vacancy_statistics(rates=RATES, border=border) for border in (0, 20.0))
    np.testing.assert_allclose(inner.area, (SIZE * 0.02 - 4) ** 2)
    places = movie.data[0][:, :2] * 0.2
    inside = ((places >= 19.9) & (places < SIZE * 0.2 - 0.1 - 20)).all(axis=1)
    chalcogen = movie.data[0][:, 5] % 2 == 1
    assert inner.sites[1] == (inside & chalcogen).sum() < whole.sites[1]
    for border, said in ((-1.0, "border is -1"), (41.0, "leaves nothing")):
        with pytest.raises(ValueError, match=said):
            movie.vacancy_statistics(rates=RATES, border=border)


def test_the_density_is_held_when_the_network_errs():
    """Sheets of a known share of vacancies, seen by a network of known errors."""
    rng = np.random.default_rng(5)
    share, n = 0.05, 400
    frames = []
    for _ in range(150):
        vacant = rng.random(n) < share
        said = np.where(vacant, rng.random(n) < 0.8, rng.random(n) < 0.004)
        sites = np.zeros((n, 7))
        sites[:, 5] = np.where(said, 3, 1)
        frames.append(sites)
    rates = {"S vacancy": {"recall": 0.8, "false_per_site": 0.004}}
    table = make(numbered(frames), columns=COLUMNS[:6]).vacancy_statistics(rates=rates)
    table = table[table.vacancy == "S vacancy"]
    density = share * n / (SIZE * 0.02) ** 2
    held = (table.density_low <= density) & (density <= table.density_high)
    assert 0.9 <= held.mean() <= 0.99
    assert table.density.mean() == pytest.approx(density, rel=0.05)


def test_rates_from_a_card(movie, monkeypatch):
    about = {"recall": 0.8, "precision": 0.9, "false_per_site": 0.004}
    about |= {"vacancies": 300, "sites": 9000}
    scores = {"species": {"S": {"1000": {"recall": 1.0}}}}
    scores["species"]["S vacancy"] = {"1000": about, "10000": about | {"recall": 0.95}}
    card = type("Card", (), {"scores": scores})
    monkeypatch.setattr(registry, "names", lambda: ("mos2",))
    handle = type("Handle", (), {"card": card})
    monkeypatch.setattr("hyperspy_dlatoms.registry.handle", lambda name: handle)
    movie.metadata.VectorMetadata.model = "mos2"
    for dose, recall in ((1000, 0.8), (9999, 0.8), (2e4, 0.95)):
        table = movie.vacancy_statistics(dose=dose)
        given = {"S vacancy": about | {"recall": recall}}
        del given["S vacancy"]["precision"]
        assert table.equals(movie.vacancy_statistics(rates=given))
    # Without heights nothing is told of one or both atoms, whatever the card knows.
    scores["species"]["S vacancy (one)"] = {"1000": about}
    plain = make(movie.data, columns=COLUMNS[:6])
    plain.metadata.VectorMetadata.model = "mos2"
    assert set(plain.vacancy_statistics(dose=1000).vacancy) == {"Mo vacancy", "S vacancy"}
    for dose, said in ((None, "give dose"), (-3, "dose is -3"), (999, "at 1000 e/Å² and more")):
        with pytest.raises(ValueError, match=said):
            movie.vacancy_statistics(dose=dose)
    scores.clear()
    with pytest.raises(ValueError, match="no error rates for vacancies"):
        movie.vacancy_statistics(dose=1000)


def test_rates_that_tell_nothing_are_left_out():
    about = {"recall": 0.0, "false_per_site": 0.0, "vacancies": 9, "sites": 99}
    assert rates_from_scores({"species": {"S vacancy": {"10": about}}}, 50) == {}


@pytest.mark.parametrize(
    ("change", "rates", "said"),
    [
        ({"species": ["Mo", "S", "W", "Se"]}, RATES, "an atom and its vacancy"),
        ({"image_shape": None}, RATES, "lacks image_shape"),
        ({"model": "theirs"}, None, "'theirs', whose error rates are not known"),
        ({}, {"S vacancy": {"recall": 0.9}}, "S vacancy"),
        ({}, {"S vacancy": {"recall": 0.9, "false_per_site": 0, "x": 1}}, "expected recall"),
        ({}, {"Se vacancy": RATES["S vacancy"]}, "rates for 'Se vacancy'"),
    ],
)
def test_what_is_not_known_is_said(change, rates, said):
    atoms = make(numbered([frame(0)]), **change)
    with pytest.raises(ValueError, match=said):
        atoms.vacancy_statistics(rates=rates, dose=1000)


def test_no_species():
    atoms = make(numbered([frame(0)]), columns=COLUMNS[:5])
    for ask in (atoms.species_counts, atoms.vacancy_pairs):
        with pytest.raises(ValueError, match="expected a column species"):
            ask()


def test_pairs_of_vacancies(movie):
    table = movie.vacancy_pairs(max_distance=30, bin_width=5)
    assert len(table) == 4 * 2 * 6
    assert set(table.vacancy) == {"Mo vacancy", "S vacancy"}
    assert table.high.max() == 30
    ours = table[(table.index_0 == 3) & (table.vacancy == "S vacancy")]
    vacant = movie.data[3][movie.data[3][:, 5] == 3, :2] * 0.2
    distance = np.linalg.norm(vacant[:, None] - vacant, axis=2)[np.triu_indices(len(vacant), 1)]
    assert ours.pairs.tolist() == np.histogram(distance, np.arange(0, 31, 5))[0].tolist()
    np.testing.assert_allclose(ours.ratio, ours.pairs / ours.expected)
    nothing = table[table.index_0 == 2]
    assert nothing.pairs.sum() == nothing.expected.sum() == 0
    assert nothing.ratio.isna().all()
    assert movie.vacancy_pairs(max_distance=30, bin_width=5).equals(table)
    assert movie.vacancy_pairs(border=20.0).pairs.sum() < movie.vacancy_pairs().pairs.sum()


@pytest.mark.parametrize(("width", "distance"), [(0, 20), (2, 1), (1, np.inf)])
def test_bins_that_are_none(movie, width, distance):
    with pytest.raises(ValueError, match="expected a positive width"):
        movie.vacancy_pairs(bin_width=width, max_distance=distance)

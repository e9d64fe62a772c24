# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from ase.io import write
from ase.neighborlist import neighbor_list
from ase.spacegroup import crystal

from hyperspy_dlatoms._warnings import DLAtomsWarning
from hyperspy_dlatoms.simulation.specimens.prototypes import (
    ACROSS,
    BETWEEN,
    PROTOTYPES,
    ROLES,
    cell_of_file,
    occupied,
    prototype_cell,
    random_cell,
)


@pytest.mark.parametrize("name", PROTOTYPES)
def test_atoms_of_a_structure_type_are_bonded_and_do_not_overlap(name):
    cell = prototype_cell(np.random.default_rng(0), name)
    atoms, distances = neighbor_list("id", cell, 4.0)
    # The shortest bonds are those of C-C, Si-O and P-O.
    assert distances.min() > 1.4
    assert set(atoms) == set(range(len(cell)))
    assert 5 < cell.get_volume() / len(cell) < 40


def test_the_elements_and_lattice_constants_of_a_structure_type_are_drawn():
    rng = np.random.default_rng(0)
    cells = [prototype_cell(rng, "perovskite") for _ in range(20)]
    assert len({cell.get_chemical_formula() for cell in cells}) > 10
    assert np.ptp([cell.cell.lengths()[0] for cell in cells]) > 0.2
    assert {str(cell.symbols[0]) for cell in cells} <= set(ROLES["large cation"])


def test_columns_of_random_cells_keep_their_distances():
    rng = np.random.default_rng(0)
    columns = set()
    for _ in range(60):
        cell = random_cell(rng)
        first, second, between = neighbor_list("ijD", cell, 3.0)
        if len(first):
            assert np.linalg.norm(between, axis=1).min() > min(BETWEEN, 2.5) - 1e-6
            across = np.linalg.norm(between[:, :2], axis=1)
            assert across[across > 1e-6].min(initial=9) > ACROSS - 1e-6
        columns.add(len(np.unique(np.round(cell.positions[:, :2], 3), axis=0)))
    assert columns == set(range(1, 7))


def test_a_cif_is_read(tmp_path):
    cell = prototype_cell(np.random.default_rng(0), "rutile")
    write(tmp_path / "rutile.cif", cell)
    read = cell_of_file(str(tmp_path / "rutile.cif"))
    assert read.get_chemical_formula() == cell.get_chemical_formula()


def disordered(path, occupancies, x=0.0):
    """Write a cubic cell whose corner, or the places about it, are occupied in part."""
    cell = crystal(["Ba", "Ti"], [(x, 0, 0), (0.5, 0.5, 0.5)], spacegroup=221, cellpar=[4.0] * 3)
    cell.info["occupancy"] = {"0": occupancies, "1": {"Ti": 1.0}}
    write(path, cell)
    return str(path)


def test_sites_of_several_elements_are_told_of(tmp_path):
    file = disordered(tmp_path / "mixed.cif", {"Ba": 0.7, "Sr": 0.3})
    with pytest.warns(DLAtomsWarning, match=r"partly occupied \(Ba 0.7 Sr 0.3\)"):
        assert set(cell_of_file(file).symbols) == {"Ba", "Ti"}


def test_elements_are_drawn_by_their_shares(tmp_path):
    file = disordered(tmp_path / "mixed.cif", {"Ba": 0.5, "Sr": 0.3})
    with pytest.warns(DLAtomsWarning):
        cell = cell_of_file(file)
    numbers = occupied(np.random.default_rng(0), cell, np.repeat(np.arange(len(cell)), 4000))
    drawn = numbers[np.repeat(cell.numbers, 4000) == 56]
    shares = [np.mean(drawn == number) for number in (56, 38, 0)]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    assert set(numbers[np.repeat(cell.numbers, 4000) == 22]) == {22}


def test_full_sites_take_nothing_of_the_randomness():
    rng, cell = np.random.default_rng(0), prototype_cell(np.random.default_rng(0), "rutile")
    assert (occupied(rng, cell, np.arange(len(cell))) == cell.numbers).all()
    assert rng.random() == np.random.default_rng(0).random()


def asymmetric(path, group, sites, angle=90, more=""):
    """Write a CIF of a cell of 6 Å without symmetry operations."""
    lines = [f"_cell_length_{name} 6" for name in "abc"]
    lines += [f"_cell_angle_{name} {angle}" for name in ("alpha", "beta", "gamma")]
    lines += [f"_space_group_IT_number {group}", more, "loop_", "_atom_site_label"]
    lines += [f"_atom_site_fract_{name}" for name in "xyz"]
    path.write_text("\n".join(["data_one", *lines, *sites, ""]))
    return str(path)


# A diamond by the second choice of the origin: by the first one the place is one of 16.
DIAMOND = ["Si 0.125 0.125 0.125"]


def test_a_cif_of_an_unknown_origin_is_told_of(tmp_path):
    file = asymmetric(tmp_path / "one.cif", 227, DIAMOND)
    told = r"setting 1 of .* F d -3 m \(no. 227\), as Si16 .*_symmetry_space_group_setting 2"
    with pytest.warns(DLAtomsWarning, match=told):
        cell_of_file(file)
    more = "_symmetry_space_group_setting 2"
    assert len(cell_of_file(asymmetric(tmp_path / "two.cif", 227, DIAMOND, more=more))) == 8
    near = asymmetric(tmp_path / "near.cif", 227, ["O 0.2624 0.2624 0.2624"])
    with pytest.raises(ValueError, match=r"0\.21 Å apart.*_symmetry_space_group_setting 2"):
        cell_of_file(near)


def test_a_cif_of_axes_that_its_cell_does_not_have_is_told_of(tmp_path):
    # Trigonal groups are read with hexagonal axes.
    file = asymmetric(tmp_path / "rhombohedral.cif", 166, ["Bi 0 0 0"], angle=57)
    with pytest.warns(DLAtomsWarning, match="_symmetry_space_group_setting 2"):
        cell_of_file(file)


def test_a_group_of_one_setting_is_read_without_a_word(tmp_path, recwarn):
    assert len(cell_of_file(asymmetric(tmp_path / "fcc.cif", 225, ["Cu 0 0 0"]))) == 4
    assert not [one for one in recwarn if one.category is DLAtomsWarning]


@pytest.mark.parametrize(("symbol", "told"), [("P b n m", 1), ("P n m a", 0), ("Pnma:1", 0)])
def test_a_cif_of_another_order_of_the_axes_is_told_of(tmp_path, recwarn, symbol, told):
    # By the axes of Pbnm the place lies on a mirror plane, 4 to the cell; by those of Pnma 8.
    more = f"_symmetry_space_group_name_H-M '{symbol}'"
    cell_of_file(asymmetric(tmp_path / "one.cif", 62, ["La 0.1 0.03 0.25"], more=more))
    warned = [str(one.message) for one in recwarn if one.category is DLAtomsWarning]
    assert len(warned) == told
    assert all("axes of P n m a (no. 62)" in one and "of P b n m" in one for one in warned)


def test_glide_planes_of_either_name_are_the_same(tmp_path, recwarn):
    for symbol in ("C m c a", "C m c e"):
        more = f"_symmetry_space_group_name_H-M '{symbol}'"
        cell_of_file(asymmetric(tmp_path / "one.cif", 64, ["La 0 0 0"], more=more))
    assert not [one for one in recwarn if one.category is DLAtomsWarning]


def occupied_cif(path, *rows):
    """Write a CIF of a cell of 6 Å with shares of its sites."""
    lines = [f"_cell_length_{name} 6" for name in "abc"]
    lines += [f"_cell_angle_{name} 90" for name in ("alpha", "beta", "gamma")]
    lines += ["_space_group_IT_number 221", "loop_", "_atom_site_label", "_atom_site_type_symbol"]
    lines += [f"_atom_site_fract_{name}" for name in "xyz"]
    path.write_text("\n".join(["data_one", *lines, "_atom_site_occupancy", *rows, ""]))
    return str(path)


def test_the_shares_of_an_element_in_two_oxidation_states_add_up(tmp_path):
    rows = "Fe1 Fe2+ 0 0 0 0.25", "Fe2 Fe3+ 0 0 0 0.5", "Al Al3+ 0 0 0 0.25"
    with pytest.warns(DLAtomsWarning, match=r"partly occupied \(Al 0.25 Fe 0.75\)"):
        cell = cell_of_file(occupied_cif(tmp_path / "spinel.cif", *rows))
    numbers = occupied(np.random.default_rng(0), cell, np.zeros(4000, int))
    assert [np.mean(numbers == one) for one in (26, 13, 0)] == pytest.approx(
        [0.75, 0.25, 0], abs=0.03
    )


def test_shares_that_are_left_open_or_negative(tmp_path):
    rows = "Fe Fe 0 0 0 ?", "O O 0.5 0.5 0.5 .", "H H 0.5 0 0 -0.01"
    with pytest.warns(DLAtomsWarning, match=r"partly occupied \(H 0\)"):
        cell = cell_of_file(occupied_cif(tmp_path / "open.cif", *rows))
    numbers = occupied(np.random.default_rng(0), cell, np.arange(len(cell)))
    assert sorted(numbers) == [0, 0, 0, 8, 26]


def test_split_sites_are_no_cell(tmp_path):
    file = disordered(tmp_path / "split.cif", {"Ba": 1 / 6}, x=0.06)
    with pytest.raises(ValueError, match="0.34 Å apart, of Ba for instance"):
        cell_of_file(file)


def test_a_file_that_is_no_crystal_is_refused(tmp_path):
    text = tmp_path / "notes.cif"
    text.write_text("no crystal")
    with pytest.raises(ValueError, match="cannot be read by ASE"):
        cell_of_file(str(text))
    molecule = tmp_path / "molecule.xyz"
    molecule.write_text("1\n\nAu 0 0 0\n")
    with pytest.raises(ValueError, match="holds no crystal"):
        cell_of_file(str(molecule))

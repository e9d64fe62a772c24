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

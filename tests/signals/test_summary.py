# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from hyperspy_dlatoms import AtomPositions
from hyperspy_dlatoms.signals._summary import rows_of


def test_atoms_of_a_search(spot_network, spot_images):
    signal, truth = spot_images(3)
    atoms = signal.find_atoms_nn()
    atoms.metadata.VectorMetadata.domain = [0.2, 1.5, 0.4]
    counts = list(map(len, truth))
    lines = repr(atoms).splitlines()
    assert lines[0] == "<AtomPositions, title: spots, dimensions: (3|ragged)>"
    rows = dict(rows_of(atoms))
    assert rows["atoms"] == (
        f"{sum(counts)} in 3 images of 112 x 96 px, {min(counts)} to {max(counts)} in each"
    )
    assert rows["network"] == f"{spot_network.card.name} {spot_network.card.version}".strip()
    assert rows["threshold"].startswith(f"{spot_network.card.threshold:g}")
    assert rows["domain"] == "0.20 to 1.50: unlike the training images (above 1) at index 1"
    assert rows["sampling"] == "0.1 Å/px"
    assert len(lines) == 1 + len(rows)
    assert max(map(len, lines)) < 80
    html = atoms._repr_html_()
    assert html.count("<tr>") == len(rows) and "(3|ragged)&gt;" in html


def test_as_many_atoms_in_each_image():
    atoms = AtomPositions.from_frames([np.ones((2, 2)), np.zeros((2, 2))], sampling=0.1)
    assert dict(rows_of(atoms))["atoms"] == "4 in 2 images, 2 in each"


def test_no_images():
    atoms = AtomPositions.from_frames([np.ones((2, 2))] * 3, sampling=0.1)
    assert dict(rows_of(atoms.inav[0:0]))["atoms"] == "0 in 0 images"
    table = atoms.to_dataframe()[:0]
    assert "0 in 0 images" in repr(AtomPositions.from_dataframe(table, sampling=0.1))


def test_lazy_atoms_are_not_found_for_it(spot_network, spot_images, monkeypatch):
    signal, _ = spot_images(3, lazy=True)
    atoms = signal.find_atoms_nn()
    monkeypatch.setattr(type(spot_network), "maps", None)
    assert "not computed yet, in 3 images of 112 x 96 px" in repr(atoms)
    assert "not computed yet" in atoms._repr_html_()
    assert "domain" not in dict(rows_of(atoms))


def test_species_and_members():
    sites = np.array([[1.0, 2, 0.9, 0, 0, 0], [3, 4, 0.8, 0, 0, 1], [5, 6, 0.8, 0, 0, 1]])
    atoms = AtomPositions.from_frames(sites, sampling=0.1, species=["Mo", "S"])
    vectors = atoms.metadata.VectorMetadata
    vectors.model, vectors.members = "both", ["one", "two"]
    vectors.threshold, vectors.anchor = [0.3, 0.5], [0.9, 0.9]
    vectors.domain = [None]
    rows = dict(rows_of(atoms))
    assert rows["atoms"] == "3 in 1 image"
    assert rows["species"] == "1 Mo, 2 S"
    assert rows["network"] == "both, of one, two"
    assert rows["threshold"] == "0.3 and 0.5, hysteresis 0.9"
    assert "domain" not in rows


def test_nothing_known():
    atoms = AtomPositions.from_frames([np.empty((0, 2))], sampling=0.1)
    assert dict(rows_of(atoms))["atoms"] == "0 in 1 image"
    del atoms.metadata.VectorMetadata
    assert dict(rows_of(atoms)) == {"atoms": "0 in 1 image", "columns": ""}

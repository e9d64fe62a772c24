# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import warnings
from dataclasses import replace

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import DLAtomsWarning, SamplingError, SamplingWarning
from hyperspy_dlatoms.signals import _blocks
from tests.helpers.blob_network import BlobNetwork, BlobSeriesNetwork, blobs
from tests.helpers.crystal import crystal
from tests.helpers.handle import Handle
from tests.helpers.spots import calibrate

SAMPLING = 0.1
SHAPE = (230, 240)
METALS = ("Ag", "Au", "Pt")


@pytest.fixture
def use(monkeypatch):
    """Make every model the network that is given."""

    def use(network):
        model = _blocks.Model(Handle(network), network.card)
        monkeypatch.setattr(_blocks, "resolve", lambda model_: model)

    return use


@pytest.fixture
def network(use):
    network = BlobNetwork(domain={"sampling": [0.09, 0.11]})
    network.card = replace(network.card, materials=METALS)
    use(network)
    return network


def images(*navigation, zone="[110]", elements=("Au",)):
    """Images of a gold particle that have no calibration."""
    rng = np.random.default_rng(0)
    sites = crystal(zone, 9.0, rng=rng, jitter=0.03) + np.array(SHAPE) * SAMPLING / 2
    frame = blobs(SHAPE, SAMPLING, sites)
    signal = hs.signals.Signal2D(rng.normal(frame, 2.0, (*navigation, *SHAPE)))
    if elements:
        signal.metadata.set_item("Sample.elements", list(elements))
    return signal


@pytest.mark.parametrize("navigation", [(), (4,), (2, 3)])
@pytest.mark.parametrize("lazy", [False, True])
def test_the_sampling_is_found(network, navigation, lazy):
    signal = images(*navigation)
    signal = signal.as_lazy() if lazy else signal
    found = signal.estimate_sampling()
    assert type(found) is float
    assert found == pytest.approx(SAMPLING, rel=0.01)


def test_a_wrong_calibration_does_not_matter(network):
    signal = images()
    calibrate(signal, sampling=0.3)
    assert signal.estimate_sampling() == pytest.approx(SAMPLING, rel=0.01)


def test_few_images_of_a_movie_are_read(network):
    signal = images(9)
    read = []

    def count(block, block_info=None):
        read.append(block_info[0]["chunk-location"][0])
        return block

    data = da.from_array(signal.data, chunks=(1, *SHAPE)).map_blocks(count, meta=signal.data[:0])
    movie = hs.signals.Signal2D(data).as_lazy()
    assert movie.estimate_sampling(material="Au", frames=2) == pytest.approx(SAMPLING, rel=0.01)
    assert sorted(read) == [0, 8]


def test_the_material_is_given_or_in_the_metadata(network):
    bare = images(elements=())
    with pytest.raises(SamplingError, match="if it is Pt. Give the material") as caught:
        bare.estimate_sampling()
    assert isinstance(caught.value, ValueError)
    assert set(caught.value.candidates) == {"Ag", "Au", "Pt"}
    gold = bare.estimate_sampling(material="Au")
    assert gold == pytest.approx(SAMPLING, rel=0.01)
    assert bare.estimate_sampling(material="Pt") == pytest.approx(gold * 3.92 / 4.08, rel=0.002)
    # Gold and silver have about one lattice; carbon, or iron, the network does not know.
    assert images(elements=("Ag", "Au", "C")).estimate_sampling() == pytest.approx(gold, rel=0.005)
    with pytest.raises(SamplingError, match="depends on what the lattice is of"):
        images(elements=("Fe",)).estimate_sampling()


def test_a_crystal_may_be_given(network):
    from ase.build import fcc100

    surface = fcc100("Au", (1, 1, 2), a=4.08, vacuum=2)
    found = images(zone="[100]", elements=()).estimate_sampling(material=surface)
    assert found == pytest.approx(SAMPLING, rel=0.01)


@pytest.mark.parametrize("lazy", [False, True])
def test_atoms_of_images_without_a_calibration(network, lazy):
    signal = images(2)
    signal = signal.as_lazy() if lazy else signal
    with warnings.catch_warnings(action="error"):
        atoms = signal.find_atoms_nn("metal-nanoparticle", sampling="estimate")
        if lazy:
            atoms.compute()
    estimate = signal.estimate_sampling()
    assert atoms.metadata.VectorMetadata.sampling == pytest.approx([estimate] * 2)
    expected = signal.find_atoms_nn("metal-nanoparticle", sampling=estimate, lazy_output=False)
    for one, other in zip(atoms.data, expected.data, strict=True):
        np.testing.assert_array_equal(one, other)
    maps = signal.predict_atoms_nn("blobs", sampling="estimate", lazy_output=False)
    expected = signal.predict_atoms_nn("blobs", sampling=estimate, lazy_output=False)
    np.testing.assert_array_equal(maps.data, expected.data)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("stated", [0.085, 0.116])
def test_a_calibration_that_the_atoms_contradict(network, lazy, stated):
    signal = images(3)
    calibrate(signal, sampling=stated)
    signal = signal.as_lazy() if lazy else signal
    with pytest.warns(UserWarning) as caught:
        atoms = signal.find_atoms_nn("metal-nanoparticle")
        if lazy:
            assert not caught
            atoms.compute()
    (said,) = (str(one.message) for one in caught)
    # By the sites alone in images of less than 20 Å, else by a search at other samplings.
    assert re.search("(sampling of|lattice, .110., at) (0.1|0.100.|0.099.+) Å/px for Au", said)
    assert f" {stated} Å/px " in said
    assert re.search("[Ee]ither the calibration is wrong.*, or it is another material", said)
    assert sum(map(len, atoms.data)) > 90


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("navigation", [(), (3,)])
def test_a_calibration_with_which_nothing_is_found(network, lazy, navigation):
    network.card = replace(network.card, domain={"sampling": [0.09, 0.25]})
    signal = images(*navigation)
    calibrate(signal, sampling=0.2)
    signal = signal.as_lazy() if lazy else signal
    with pytest.warns(DLAtomsWarning) as caught:
        atoms = signal.find_atoms_nn(threshold=0.99)
        if lazy:
            assert not caught
            atoms.compute()
    assert sum(map(len, atoms.data)) == 0
    (one,) = caught
    assert one.category is SamplingWarning
    where = "3 of 3 images" if navigation else "this image"
    assert re.search(
        f"^In {where} .blobs. finds a lattice, .110., at (0.1|0.100.|0.099.+) Å/px for Au; with "
        "the 0.2 Å/px stated it finds nothing.",
        str(one.message),
    )
    assert not atoms.metadata.has_item("VectorMetadata.shown")


@pytest.mark.parametrize("stated", [0.095, 0.1, 0.105])
@pytest.mark.parametrize("elements", [("Au",), ()])
def test_a_calibration_that_may_be_right(network, stated, elements):
    signal = images(elements=elements)
    calibrate(signal, sampling=stated)
    with warnings.catch_warnings(action="error"):
        atoms = signal.find_atoms_nn("metal-nanoparticle")
    assert atoms.metadata.VectorMetadata.materials == list(elements or ("Ag", "Au", "Pt"))


@pytest.mark.parametrize("kind", ["disorder", "few", "another lattice", "most are right"])
def test_what_does_not_contradict(network, kind):
    rng = np.random.default_rng(4)
    middle = np.array(SHAPE) * SAMPLING / 2
    wrong = crystal("[110]", 8.5) * 1.25 + middle
    sites = {
        "disorder": [rng.uniform(2, 21, (60, 2))],
        "few": [crystal("[110]", 5.0) * 1.25 + middle],
        "another lattice": [1.7 * crystal("honeycomb", 6.5) + middle],
        "most are right": [wrong, crystal("[110]", 8.5) + middle, crystal("[110]", 9.0) + middle],
    }[kind]
    signal = hs.signals.Signal2D(np.stack([blobs(SHAPE, SAMPLING, one) for one in sites]))
    calibrate(signal)
    with warnings.catch_warnings(action="error"):
        signal.find_atoms_nn("metal-nanoparticle")


def test_sites_that_make_no_sheet(use):
    network = BlobNetwork(domain={"sampling": [0.09, 0.11]})
    network.card = replace(network.card, materials=("graphene",))
    use(network)
    disorder = np.stack(np.mgrid[1.5:22:2, 1.5:22:2], axis=-1).reshape(-1, 2)
    disorder = disorder + np.random.default_rng(4).uniform(-0.4, 0.4, disorder.shape)
    sheet = 1.25 * crystal("honeycomb", 8.0) + np.array(SHAPE) * SAMPLING / 2
    said = {}
    for name, sites in {"disorder": disorder, "sheet": sheet}.items():
        signal = hs.signals.Signal2D(blobs(SHAPE, SAMPLING, sites))
        calibrate(signal)
        with pytest.warns(UserWarning) as caught:
            signal.find_atoms_nn("metal-nanoparticle")
        (said[name],) = (str(one.message) for one in caught)
    assert "do not form the lattice of graphene: either the calibration of 0.1" in said["disorder"]
    assert re.search("(suggests a sampling of|lattice, honeycomb, at) 0.0", said["sheet"])


def test_a_network_that_does_not_know_its_lattices(use):
    use(BlobNetwork(domain={"sampling": [0.09, 0.11]}))
    signal = images()
    with pytest.raises(ValueError, match="does not say which crystals it knows: give the material"):
        signal.estimate_sampling()
    assert signal.estimate_sampling(material="Au") == pytest.approx(SAMPLING, rel=0.01)
    calibrate(signal, sampling=0.116)
    with warnings.catch_warnings(action="error"):
        atoms = signal.find_atoms_nn("metal-nanoparticle")
    assert not atoms.metadata.has_item("VectorMetadata.materials")


def test_images_without_a_lattice(network):
    empty = hs.signals.Signal2D(np.random.default_rng(0).normal(size=(2, *SHAPE)))
    with pytest.raises(SamplingError, match="finds no lattice of Ag, Au, Pt with certainty"):
        empty.find_atoms_nn("metal-nanoparticle", sampling="estimate")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"frames": 0}, ValueError, "frames is 0: expected 1 or more"),
        ({"frames": 1.5}, TypeError, "frames is 1.5: expected a whole number"),
        ({"material": "Fe"}, ValueError, "material 'Fe' is not known"),
        ({"material": 4.08}, TypeError, "material is 4.08"),
    ],
)
def test_arguments_out_of_range(network, arguments, error, message):
    with pytest.raises(error, match=message):
        images().estimate_sampling(**arguments)


def test_images_that_are_not_real(network):
    signal = images()
    signal.data = signal.data.astype(complex)
    with pytest.raises(TypeError, match="complex128"):
        signal.estimate_sampling()


def test_other_words_for_the_sampling(network):
    with pytest.raises(TypeError, match="""'guess': expected a number in Å/px, "estimate", or"""):
        images().find_atoms_nn("metal-nanoparticle", sampling="guess")


def test_a_network_of_focal_series(use):
    use(BlobSeriesNetwork())
    with pytest.raises(ValueError, match="focal series of 3 images: estimate the sampling with"):
        images(3).estimate_sampling()

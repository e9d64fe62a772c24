# SPDX-License-Identifier: GPL-3.0-or-later
"""What a layer is made of: what a network is told, and the names of the species."""

from dataclasses import replace

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import AtomEnsemble, AtomPositions, ExtrapolationError
from hyperspy_dlatoms._warnings import DLAtomsWarning, ExtrapolationWarning
from hyperspy_dlatoms.signals import _blocks, _material
from tests.helpers.handle import Handle
from tests.helpers.spot_series_network import SpotSeriesNetwork
from tests.helpers.spots import calibrate

LAYERS = ("MoS2", "MoSe2", "WS2", "WSe2")


@pytest.fixture
def use(monkeypatch):
    """Make every model the network, or the ensemble of the networks, that are given."""

    def use(*networks):
        network = AtomEnsemble(networks, "team") if len(networks) > 1 else networks[0]
        cards = tuple(one.card for one in networks) if len(networks) > 1 else ()
        model = _blocks.Model(Handle(network), network.card, cards)
        monkeypatch.setattr(_blocks, "resolve", lambda model_: model)
        return networks[0]

    return use


@pytest.fixture
def network(use):
    return use(SpotSeriesNetwork(materials=LAYERS))


@pytest.fixture
def series(spot_images):
    single, _ = spot_images()
    parts = np.stack([10 + gain * single.data for gain in (-0.5, 0.5, 0.5)])
    signal = hs.signals.Signal2D(parts.astype(np.float32))
    calibrate(signal)
    signal.axes_manager[0].name = "defocus"
    return signal


def species(sites):
    return list(sites.metadata.VectorMetadata.species)


def test_the_species_have_the_names_of_the_material(network, series):
    sites = series.classify_species("mx2", material="WS2")
    assert species(sites) == ["W", "S", "S vacancy"]
    assert network.elements == [("W", "S")] and network.told == [None]
    assert sites.metadata.VectorMetadata.column_names[6:9] == [
        "probability_W",
        "probability_S",
        "probability_S_vacancy",
    ]
    assert sites.metadata.VectorMetadata.material == "WS2"
    assert sites.metadata.VectorMetadata.materials == ["WS2"]
    assert set(sites.to_dataframe().species) == {"S vacancy"}
    assert list(sites.species_counts().columns) == ["W", "S", "S vacancy"]


def test_the_maps_have_them_too(network, series):
    maps = series.predict_species("mx2", material="MoSe2")
    assert species(maps) == ["Mo", "Se", "Se vacancy"] and network.elements == [("Mo", "Se")]
    assert maps.metadata.General.title.startswith("Probability of Mo, Se, Se vacancy")


def test_without_a_material_the_species_are_roles(network, series):
    said = "may mistake the metal for the chalcogen: give material"
    with pytest.warns(DLAtomsWarning, match=said):
        sites = series.classify_species("mx2")
    assert species(sites) == ["metal", "chalcogen", "chalcogen vacancy"]
    assert network.elements == [None] and not sites.metadata.has_item("VectorMetadata.material")


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        (["W", "Se"], "WSe2"),
        (["Cu", "C", "S", "Mo"], "MoS2"),
        (["Nb", "Se"], "NbSe2"),
        (["Mo", "S", "Se"], None),
        (["W", "O"], None),
        (["S", "Te"], None),
        (["W"], None),
    ],
)
def test_the_elements_of_the_sample_make_a_layer(network, series, elements, expected):
    series.metadata.set_item("Sample.elements", elements)
    sites = series.classify_species("mx2")
    assert sites.metadata.get_item("VectorMetadata.material", None) == expected
    assert (network.elements[0] is None) == (expected is None)


def test_a_material_given_wins(network, series):
    series.metadata.set_item("Sample.elements", ["W", "Se"])
    assert species(series.classify_species("mx2", material="MoS2"))[0] == "Mo"


@pytest.mark.parametrize("material", ["WS", "W2S", "WSSe", "S2W", "SSe2", "XS2", "Mo", "", "ws2"])
def test_a_material_that_is_no_layer(network, series, material):
    with pytest.raises(ValueError, match=f"'{material}': expected the formula of an MX2 layer"):
        series.classify_species("mx2", material=material)
    with pytest.raises(ValueError, match="expected the formula of an MX2 layer"):
        series.predict_species("mx2", material=material)


@pytest.mark.parametrize("material", ["BN", "h-BN"])
def test_a_layer_that_another_network_knows(network, series, material):
    with pytest.raises(ValueError, match="MX2 layer, .*, or the network 'bn-focal-series'"):
        series.classify_species("mx2", material=material)


@pytest.mark.parametrize("material", ["BN", "h-BN"])
def test_a_network_of_elements_is_told_its_own_material_that_is_no_mx2(use, series, material):
    network = SpotSeriesNetwork()
    network.card = replace(network.card, materials=("BN",))
    assert use(network).card.materials == ("BN",)
    assert len(series.classify_species("bn", material=material).to_dataframe()) > 0
    assert network.elements == [None]


def test_a_material_that_is_no_text(network, series):
    with pytest.raises(TypeError, match="material is 3: expected the formula"):
        series.classify_species("mx2", material=3)


def test_a_network_of_elements_knows_its_own_alone(use, series):
    network = use(SpotSeriesNetwork())
    assert species(series.classify_species(material="MoS2")) == ["Mo", "S", "S vacancy"]
    assert network.elements == [None]
    with pytest.raises(ValueError, match="'WS2', but 'series' was trained on 'MoS2': expected tha"):
        series.classify_species(material="WS2")


def test_the_sample_contradicts_a_network_of_elements(use, series):
    use(SpotSeriesNetwork())
    series.metadata.set_item("Sample.elements", ["W", "S"])
    with pytest.warns(
        ExtrapolationWarning, match="elements is W, S, without Mo: 'series' knows only M"
    ):
        series.classify_species()
    series.metadata.set_item("Sample.elements", ["B", "N"])
    with pytest.raises(ExtrapolationError, match="without Mo.* 'bn-focal-series' knows h-BN"):
        series.classify_species(on_extrapolation="raise")
    series.classify_species(on_extrapolation="ignore")


def test_a_network_that_tells_no_elements_apart_takes_no_material():
    card = replace(SpotSeriesNetwork().card, classes=("column",))
    with pytest.raises(ValueError, match="'series' does not tell elements apart"):
        _material.layer_of("WS2", hs.signals.BaseSignal([0]), card)


def test_an_ensemble_is_told_as_well(use, series):
    members = [SpotSeriesNetwork(materials=LAYERS, name=name) for name in ("a", "b")]
    use(*members)
    sites = series.classify_species("mx2", material="WS2")
    assert species(sites) == ["W", "S", "S vacancy"]
    assert all(member.elements == [("W", "S")] for member in members)


def test_a_checkpoint_is_of_one_material(network, series, tmp_path):
    series.classify_species("mx2", material="WS2", store=tmp_path / "store")
    with pytest.raises(ValueError, match="elements"):
        series.classify_species("mx2", material="MoS2", store=tmp_path / "store")


def test_rates_have_the_names_of_the_material():
    rates = {"metal vacancy": 1, "chalcogen vacancy (both)": 2, "antisite": 3}
    named = {"W vacancy": 1, "Se vacancy (both)": 2, "antisite": 3}
    assert _material.named_in("WSe2", rates) == named
    assert _material.named_in(None, rates) == rates


def test_no_statistics_of_vacancies_outside_the_domain_without_a_warning():
    sites = np.zeros((40, 6))
    sites[:4, 5] = 1
    atoms = AtomPositions.from_frames([sites] * 2, sampling=0.1, species=["S", "S vacancy"])
    atoms.metadata.VectorMetadata.image_shape = [100, 100]
    rates = {"S vacancy": {"recall": 0.8, "false_per_site": 0.005}}
    atoms.metadata.VectorMetadata.domain = [0.4, 1.3]
    with pytest.warns(ExtrapolationWarning, match="1 of 2 images are outside"):
        atoms.vacancy_statistics(rates=rates)
    with pytest.warns(ExtrapolationWarning, match="1 of 2 images are outside"):
        atoms.vacancy_pairs()

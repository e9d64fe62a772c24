# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit waves of focal series, from the user's side."""

from __future__ import annotations

import warnings
from dataclasses import replace

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms._warnings import ExtrapolationWarning
from hyperspy_dlatoms.signals import _blocks
from tests.helpers.copier import Copier
from tests.helpers.handle import Handle
from tests.helpers.spot_series_network import SpotSeriesNetwork
from tests.helpers.spots import calibrate


@pytest.fixture
def network(monkeypatch):
    network = Copier()
    model = _blocks.Model(Handle(network), network.card)
    monkeypatch.setattr(_blocks, "resolve", lambda _: model)
    return network


def movie(*navigation, lazy=False):
    rng = np.random.default_rng(3)
    signal = hs.signals.Signal2D(rng.poisson(40, (*navigation, 3, 96, 128)).astype(np.uint16))
    calibrate(signal)
    focal = signal.axes_manager[0]
    focal.name, focal.units, focal.scale, focal.offset = "defocus", "nm", 4.0, -2.0
    signal.metadata.General.title = "sheet"
    if lazy:
        signal = signal.as_lazy()
        signal.data = signal.data.rechunk((1,) * (signal.data.ndim - 2) + (40, 50))
    return signal


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("navigation", [(), (4,), (2, 3)])
def test_a_wave_for_each_series(network, navigation, lazy):
    signal = movie(*navigation, lazy=lazy)
    wave = signal.reconstruct_exit_wave_nn()
    assert isinstance(wave, hs.signals.ComplexSignal2D)
    assert wave._lazy == lazy
    assert wave.data.shape == (*navigation, 48, 64)
    if lazy:
        wave.compute()
    plain = movie(*navigation).reconstruct_exit_wave_nn()
    np.testing.assert_array_equal(wave.data, plain.data)
    assert set(network.told) == {(-20.0, 20.0, 60.0)}
    assert wave.phase.data.shape == wave.data.shape


@pytest.mark.parametrize("by", ["argument", "metadata"])
def test_a_network_of_several_layers_is_told_the_material(monkeypatch, by):
    network = Copier(material=True)
    monkeypatch.setattr(_blocks, "resolve", lambda _: _blocks.Model(Handle(network), network.card))
    signal = movie()
    if by == "metadata":
        signal.metadata.set_item("Sample.elements", ["W", "S"])
    wave = signal.reconstruct_exit_wave_nn("mx2", material="WS2" if by == "argument" else None)
    assert network.elements == [("W", "S")] and network.told == [(-20.0, 20.0, 60.0)]
    assert wave.metadata.VectorMetadata.material == "WS2"
    # It need not be known.
    assert not movie().reconstruct_exit_wave_nn("mx2").metadata.has_item("VectorMetadata.material")
    assert network.elements[1] is None


def test_a_network_of_one_layer_takes_no_material(network):
    with pytest.raises(ValueError, match="'copier' does not tell elements apart"):
        movie().reconstruct_exit_wave_nn(material="WS2")


def test_a_network_of_one_layer_warns_of_another(monkeypatch):
    network = Copier()
    network.card = replace(network.card, materials=("MoS2",))
    monkeypatch.setattr(_blocks, "resolve", lambda _: _blocks.Model(Handle(network), network.card))
    signal = movie()
    with pytest.raises(ValueError, match="'WS2', but 'copier' was trained on 'MoS2': expected tha"):
        signal.reconstruct_exit_wave_nn(material="WS2")
    signal.metadata.set_item("Sample.elements", ["W", "Se"])
    with pytest.warns(ExtrapolationWarning, match="without Mo, S: 'copier' .*wave of such a layer"):
        signal.reconstruct_exit_wave_nn()
    signal.metadata.set_item("Sample.elements", ["Cu", "Mo", "S"])
    with warnings.catch_warnings(action="error"):
        signal.reconstruct_exit_wave_nn()
        signal.reconstruct_exit_wave_nn(material=" MoS2 ")


def test_a_network_of_several_layers_warns_of_what_is_none(monkeypatch):
    network = Copier(material=True)
    monkeypatch.setattr(_blocks, "resolve", lambda _: _blocks.Model(Handle(network), network.card))
    signal = movie()
    signal.metadata.set_item("Sample.elements", ["B", "N"])
    with pytest.warns(ExtrapolationWarning, match="is B, N, which fits no single MX2 layer"):
        signal.reconstruct_exit_wave_nn("mx2")


def test_it_lies_where_the_images_do(network):
    signal = movie()
    wave = signal.reconstruct_exit_wave_nn()
    for ours, theirs in zip(
        wave.axes_manager.signal_axes, signal.axes_manager.signal_axes, strict=True
    ):
        assert (ours.name, ours.units, ours.offset) == (theirs.name, theirs.units, theirs.offset)
        assert ours.scale == pytest.approx(2 * theirs.scale)
    fine = signal.reconstruct_exit_wave_nn(sampling=0.05)
    # Pixels are averaged in pairs first: the first pair lies half a pixel in.
    assert fine.data.shape == (24, 32)
    axis = fine.axes_manager.signal_axes[0]
    assert axis.offset == pytest.approx(signal.axes_manager.signal_axes[0].index2value(0) + 0.005)


def test_axes_without_a_scale_become_those_of_the_sampling_given(network):
    signal = movie()
    for axis in signal.axes_manager.signal_axes:
        axis.convert_to_non_uniform_axis()
    wave = signal.reconstruct_exit_wave_nn(sampling=0.1)
    for axis, name in zip(wave.axes_manager.signal_axes, ("x", "y"), strict=True):
        assert (axis.name, axis.units) == (name, "Å")
        assert (axis.scale, axis.offset) == pytest.approx((0.2, 0))


def test_it_says_what_it_is(network):
    wave = movie(2).reconstruct_exit_wave_nn(defoci=[0, 40, 80])
    vectors = wave.metadata.VectorMetadata
    assert wave.metadata.General.title == "Exit wave of sheet"
    assert wave.metadata.Signal.quantity == "Exit wave"
    assert (vectors.model, vectors.defoci) == ("copier", [0.0, 40.0, 80.0])
    assert not vectors.has_item("species")


def test_it_is_saved_and_loaded(network, tmp_path):
    wave = movie(2).reconstruct_exit_wave_nn()
    wave.save(tmp_path / "wave.hspy")
    again = hs.load(tmp_path / "wave.hspy")
    np.testing.assert_array_equal(again.data, wave.data)
    assert isinstance(again, hs.signals.ComplexSignal2D)


def test_networks_of_the_other_kind(network, monkeypatch):
    signal = movie()
    for method in ("find_atoms_nn", "predict_atoms_nn", "classify_species", "predict_species"):
        with pytest.raises(ValueError, match="returns exit waves: use reconstruct_exit_wave_nn"):
            getattr(signal, method)("copier")
    sites = SpotSeriesNetwork()
    monkeypatch.setattr(_blocks, "resolve", lambda _: _blocks.Model(Handle(sites), sites.card))
    with pytest.raises(ValueError, match="finds sites: expected a single network of exit waves"):
        signal.reconstruct_exit_wave_nn("series")


def test_arguments_that_do_not_fit(network):
    signal = movie(4)
    with pytest.raises(ValueError, match="images"):
        signal.inav[:2].reconstruct_exit_wave_nn()
    with pytest.raises(ValueError, match="number"):
        signal.reconstruct_exit_wave_nn(defoci=[0, 40])
    with pytest.raises(ValueError, match="num_workers"):
        signal.reconstruct_exit_wave_nn(num_workers=0)
    signal.axes_manager.signal_axes[0].units = "px"
    with pytest.raises(ValueError, match="sampling"):
        signal.reconstruct_exit_wave_nn()

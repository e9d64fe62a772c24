# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused; `test_tiny` calibrates a network."""

import dataclasses

import pytest

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.training import calibrate_ensemble, calibrate_network


@pytest.fixture
def model(tiny, tmp_path):
    """A network that says it was trained by the recipe."""
    card, arrays = read_model(registry.path("graphene"))
    path = tmp_path / "tiny.safetensors"
    write_model(path, dataclasses.replace(card, name="tiny", recipe=tiny.text), arrays)
    return path


def test_an_installed_network_stays_as_it_is():
    with pytest.raises(ValueError, match="give the file to write"):
        calibrate_network("graphene")


def test_a_missing_data_set_is_named(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="no data set in .*nowhere.*dlatoms simulate"):
        calibrate_network(model, tmp_path / "nowhere")


def test_the_data_set_is_that_of_the_training(model, tiny_series_data):
    with pytest.raises(ValueError, match="another recipe than that of 'tiny'"):
        calibrate_network(model, tiny_series_data.directory)


def test_one_wave_held_out_is_too_few(model, monkeypatch):
    monkeypatch.setattr("hyperspy_dlatoms.training.calibrate._data_of", lambda *_: None)
    with pytest.raises(ValueError, match=r"'tiny' holds out 1 of 6 waves.* 2 or more"):
        calibrate_network(model)


def test_a_network_of_exit_waves_is_refused():
    with pytest.raises(ValueError, match="returns exit waves"):
        calibrate_network("mos2-exit-wave", output="never.safetensors")


def test_an_ensemble_has_several_members(model):
    with pytest.raises(ValueError, match="single network"):
        calibrate_ensemble(str(model))


def test_the_command_needs_to_know_what_several_models_are(capsys):
    from hyperspy_dlatoms import cli

    assert cli.main(["calibrate", "one", "two"]) == 1
    assert "--ensemble" in capsys.readouterr().err

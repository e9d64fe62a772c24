# SPDX-License-Identifier: GPL-3.0-or-later
import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import ExtrapolationWarning, data, registry
from hyperspy_dlatoms.detection.choosing import UNCLEAR, Rating
from hyperspy_dlatoms.detection.sampling import SamplingError
from hyperspy_dlatoms.signals import _blocks, _choice
from hyperspy_dlatoms.signals._choice import Choice, candidates, knowing, say, warn_of_unclear


@pytest.fixture(params=["graphene", "nanoparticle"])
def example(request):
    expected = {"graphene": "graphene", "nanoparticle": "metal-nanoparticle"}
    return getattr(data, request.param)(), expected[request.param]


def test_examples_are_read_by_their_networks(example):
    signal, expected = example
    table = signal.suggest_model()
    assert table.index[0] == expected
    assert table.chosen.tolist() == [True] + [False] * (len(table) - 1)
    assert "outside" in table and table.probability.between(0, 1).all()
    # Nothing says so, but the images are of a camera.
    assert table.likely["crystal"] > 0.5 > table.likely["stem"]


def test_atoms_of_a_chosen_network_are_those_of_its_name_and_keep_the_choice(
    example, tmp_path, capsys
):
    signal, expected = example
    atoms = signal.find_atoms_nn(show_progressbar=True)
    named = signal.find_atoms_nn(expected, show_progressbar=False)
    np.testing.assert_array_equal(atoms.data[0], named.data[0])
    vectors = atoms.metadata.VectorMetadata
    assert vectors.model == expected
    assert vectors.choice.names[0] in candidates(signal)
    assert 0.5 < vectors.choice.certainty <= 1
    assert vectors.choice.evidence > UNCLEAR
    said = capsys.readouterr()
    assert f"Network: {expected!r}" in said.out + said.err
    atoms.save(tmp_path / "atoms.hspy")
    again = hs.load(tmp_path / "atoms.hspy").metadata.VectorMetadata.choice
    assert list(again.names) == list(vectors.choice.names)


def test_further_networks_for_ensembles_and_those_of_series_are_no_candidates():
    names = candidates(hs.signals.Signal2D(np.zeros((4, 4))))
    assert {"crystal", "graphene", "metal-nanoparticle"} <= set(names)
    further = {name for entry in registry.ensembles().values() for name in entry.members[1:]}
    assert not {"crystal-random", "mx2-focal-series", *further} & set(names)


@pytest.mark.parametrize(
    ("mode", "there", "left_out"),
    [("STEM", "stem", "graphene"), ("TEM", "graphene", "stem"), (None, "stem", "none")],
)
def test_networks_for_other_images_are_no_candidates(mode, there, left_out):
    signal = hs.signals.Signal2D(np.zeros((4, 4)))
    if mode:
        signal.metadata.set_item("Acquisition_instrument.TEM.acquisition_mode", mode)
    names = candidates(signal)
    assert there in names
    assert left_out not in names


@pytest.mark.parametrize(("mode", "scanned"), [("STEM", True), (None, False)])
def test_a_focal_series_is_hrtem_unless_the_metadata_say_otherwise(mode, scanned):
    signal = hs.signals.Signal2D(np.zeros((3, 4, 4)))
    signal.axes_manager[0].name = "Defocus"
    if mode:
        signal.metadata.set_item("Acquisition_instrument.TEM.acquisition_mode", mode)
    assert ("stem" in candidates(signal)) is scanned


def test_the_network_that_knows_a_material():
    signal = hs.signals.Signal2D(np.zeros((4, 4)))
    assert knowing("Pt", signal) == "metal-nanoparticle"
    assert knowing("graphene", signal) == "graphene"
    with pytest.raises(ValueError, match="made for 'cheese': expected one of .*Pt.*give the model"):
        knowing("cheese", signal)


def test_a_sampling_is_estimated_by_the_network_that_knows_the_lattice():
    signal = data.graphene()
    sampling = signal.axes_manager.signal_axes[0].scale
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = 1.0, ""
    choice, found = _choice.choose_model(signal, "estimate", 1, ["graphene"])
    assert choice.name == "graphene"
    assert found == pytest.approx(10 * sampling, rel=0.02)


def test_a_sampling_that_no_network_can_estimate():
    with pytest.raises(SamplingError, match="None of the networks can measure"):
        _choice.choose_model(hs.signals.Signal2D(np.zeros((64, 64))), "estimate", 1, ["graphene"])


def test_what_is_said_of_a_choice(capsys):
    inside = Rating("near", True, 5.0, 0.9, 0.5, (), 0.9)
    say(Choice("near", 0.8, (inside,)), show=False)
    assert capsys.readouterr().err == ""
    say(Choice("near", 0.8, (inside,)), show=True)
    assert "'near', certainty 0.80 (5 sites" in capsys.readouterr().err
    say(Choice("near", 0.8, (inside,)), show=True, series=True)
    assert capsys.readouterr().err.count("; classify_species (dlatoms classify)") == 1
    outside = Rating("far", True, 5.0, 0.9, 2.0, ("texture",), 0.9)
    say(Choice("far", 0.0, (outside,)), show=True)
    assert "None of them was trained on such images" in capsys.readouterr().err


def test_images_that_no_network_reads_clearly_are_warned_of(monkeypatch, recwarn):
    inside = Rating("near", True, 5.0, 0.6, 0.5, (), 0.9)
    unclear = Choice("near", 0.8, (inside,), UNCLEAR - 0.01)
    with pytest.warns(
        ExtrapolationWarning, match="clearly: the evidence for what 'near' finds.*pixel"
    ):
        warn_of_unclear(unclear)
    # The search itself warns of images that are outside.
    outside = inside._replace(domain=1.1)
    for silent in (unclear._replace(evidence=UNCLEAR), unclear._replace(ratings=(outside,))):
        warn_of_unclear(silent)
    signal = data.graphene()
    monkeypatch.setattr(_blocks, "choose_model", lambda *_, **__: (unclear, 0.1))
    output, auto = _blocks.Output(False, None, None), ("auto", None)
    ignore = _blocks.SearchOptions(None, None, False, "ignore")
    assert _blocks.chosen(signal, *auto, ignore, output) == (unclear, "near", 0.1)
    assert not recwarn
    with pytest.warns(ExtrapolationWarning, match="No network reads these images clearly"):
        _blocks.chosen(signal, *auto, ignore._replace(on_extrapolation="warn"), output)

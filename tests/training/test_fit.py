# SPDX-License-Identifier: GPL-3.0-or-later
import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import read_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.recipes import NetworkSettings, TrainingSettings
from hyperspy_dlatoms.training.examples import Examples
from hyperspy_dlatoms.training.fit import start_from, train, training_examples


def rows(directory):
    with (directory / "log.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def easy(tiny):
    settings = {"steps": 60, "steps_per_epoch": 20, "learning_rate": 0.01, "curriculum": None}
    return replace(tiny, training=tiny.training | settings)


@pytest.fixture(scope="module")
def run(easy, tiny_data, tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    path = train(easy, data=tiny_data.directory, directory=directory, show_progressbar=False)
    return directory, path


def test_a_training_leaves_a_model_with_its_card(run, tiny):
    directory, path = run
    card, arrays = read_model(path)
    assert path == directory / "tiny.safetensors"
    assert card.name == "tiny"
    assert card.classes == ("C",)
    assert card.recipe == tiny.text
    assert card.training["steps"] == 60
    assert card.training["examples"] == 120
    assert card.domain["dose"] == [1e3, 1e5]
    assert card.domain["energy"] == [80e3, 80e3]
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_the_log_has_a_row_an_epoch(run):
    log = rows(run[0])
    assert [int(row["step"]) for row in log] == [20, 40, 60]
    assert float(log[-1]["progress"]) == 1
    best = min(float(row["val_loss"]) for row in log)
    assert read_model(run[1])[0].scores["validation_loss"] == pytest.approx(best, abs=1e-3)


def test_a_finished_training_is_not_trained_on(run, easy, tiny_data):
    before = run[1].read_bytes()
    train(easy, data=tiny_data.directory, directory=run[0], show_progressbar=False)
    assert len(rows(run[0])) == 3
    assert run[1].read_bytes() == before


def test_training_learns(run):
    losses = [float(row["loss"]) for row in rows(run[0])]
    assert losses[-1] < 0.8 * losses[0]


def test_a_training_starts_from_another_network(run, tiny, tiny_data, tmp_path):
    settings = {"start": str(run[1]), "steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0}
    again = replace(tiny, training=tiny.training | settings)
    path = train(again, data=tiny_data.directory, directory=tmp_path, show_progressbar=False)
    before, after = read_model(run[1])[1], read_model(path)[1]
    for name in before:
        if "moving" not in name:
            np.testing.assert_allclose(after[name], before[name], atol=1e-3)


def test_the_examples_have_a_seed_of_their_own(tiny, tiny_data):
    def first(recipe, validation=False):
        return training_examples(tiny_data, recipe, validation=validation).draw_batch(0)[0]

    again = replace(tiny, training=tiny.training | {"seed": tiny.seed})
    other = replace(tiny, training=tiny.training | {"seed": tiny.seed + 1})
    np.testing.assert_array_equal(first(again), first(tiny))
    assert np.abs(first(other) - first(tiny)).max() > 0.1
    # So that losses before and after can be compared.
    np.testing.assert_array_equal(first(other, validation=True), first(tiny, validation=True))


def test_a_training_starts_from_a_network_with_fewer_dilations(run, tiny, tiny_data, tmp_path):
    settings = {"start": str(run[1]), "steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0}
    deeper = replace(
        tiny,
        network=tiny.network | {"dilations": [*tiny.network.dilations, 2, 4]},
        training=tiny.training | settings,
    )
    path = train(deeper, data=tiny_data.directory, directory=tmp_path, show_progressbar=False)
    before, after = read_model(run[1])[1], read_model(path)[1]
    for name in before:
        if "moving" not in name:
            np.testing.assert_allclose(after[name], before[name], atol=1e-3)
    added = sorted({name.split("_")[0] for name in after} - {name.split("_")[0] for name in before})
    assert len(added) == 2
    for name in added:
        # What they add to what they are given.
        np.testing.assert_array_less(abs(after[f"{name}_second_norm/gamma"]), 1e-6)
        assert np.ptp(after[f"{name}_second/kernel"]) > 0.01


def test_a_training_starts_from_a_network_that_was_told_less(
    tiny_series, tiny_series_data, tmp_path
):
    settings = {"steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0}
    given = {"data": tiny_series_data.directory, "show_progressbar": False}
    first = replace(tiny_series, training=tiny_series.training | settings)
    start = train(first, directory=tmp_path / "first", **given)
    told = replace(
        first,
        network=first.network | {"material": True},
        training=first.training
        | {"start": str(start), "known_material": 1.0, "height_weight": 1e4},
    )
    path = train(told, directory=tmp_path / "told", **given)
    (_, before), (card, after) = read_model(start), read_model(path)
    assert card.arguments["material"] is True
    kernel = after["focus/kernel"]
    np.testing.assert_allclose(kernel[:4], before["focus/kernel"], atol=1e-3)
    assert kernel.shape[0] == 6 and np.abs(kernel[4:]).max() < 1e-6
    assert np.abs(after["material/kernel"]).max() < 1e-6
    # The same batch, of which the heights count for more.
    (once,), (more,) = rows(tmp_path / "first"), rows(tmp_path / "told")
    assert float(more["loss"]) > 100 * float(once["loss"])


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_a_limit_of_no_time_is_refused(minutes, tiny, tmp_path):
    with pytest.raises(ValueError, match="minutes is .*, expected a number above 0"):
        train(tiny, directory=tmp_path / "run", minutes=minutes, show_progressbar=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": 200}, "training.crop is 200 px, but .* gives 120"),
        ({"validation_share": 1.0}, "below 1"),
    ],
)
def test_crops_and_shares_that_leave_nothing_are_refused(settings, message, tiny, tmp_path):
    other = replace(tiny, training=tiny.training | settings)
    with pytest.raises(ValueError, match=message):
        train(other, data=tmp_path / "data", directory=tmp_path, show_progressbar=False)
    assert not (tmp_path / "data").exists()


def test_another_architecture_is_refused_before_waves_are_simulated(run, tiny, tmp_path):
    settings = {"start": str(run[1])}
    other = replace(
        tiny, network=tiny.network | {"widths": [8, 8]}, training=tiny.training | settings
    )
    with pytest.raises(ValueError, match=r"widths is \[8, 16\], in the recipe \[8, 8\]"):
        train(other, data=tmp_path / "data", directory=tmp_path / "run", show_progressbar=False)
    assert not (tmp_path / "data").exists()


def test_a_training_does_not_start_from_another_architecture(run, tiny, tiny_data, tmp_path):
    other = replace(
        tiny,
        network=tiny.network | {"widths": [8, 8]},
        training=tiny.training | {"start": str(run[1])},
    )
    with pytest.raises(ValueError, match="another one"):
        train(other, data=tiny_data.directory, directory=tmp_path, show_progressbar=False)


def test_a_training_that_diverges_at_once_says_so(tiny, tiny_data, tmp_path):
    wild = replace(tiny, training=tiny.training | {"learning_rate": 1e25})
    with pytest.raises(ValueError, match="lower learning_rate"):
        train(wild, data=tiny_data.directory, directory=tmp_path, show_progressbar=False)


@pytest.mark.slow
def test_a_killed_training_goes_on_from_its_checkpoint(tiny, tiny_data, tmp_path, monkeypatch):
    draw_batch = Examples.draw_batch
    recipe, directory = tmp_path / "tiny.yaml", tmp_path / "run"
    text = tiny.text.replace("steps: 12", "steps: 3000")
    recipe.write_text(text)
    command = [sys.executable, "-m", "hyperspy_dlatoms.cli", "train", str(recipe)]
    command += ["--data", str(tiny_data.directory), "--runs", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not (directory / "log.csv").is_file() or len(rows(directory)) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(rows(directory))
    assert done < 1000

    from hyperspy_dlatoms.recipes.recipe import parse_recipe

    drawn = []
    monkeypatch.setattr(
        Examples, "draw_batch", lambda *args: drawn.append(args[1]) or draw_batch(*args)
    )
    train(
        parse_recipe(text),
        data=tiny_data.directory,
        directory=directory,
        minutes=float(rows(directory)[-1]["minutes"]) + 0.02,
        show_progressbar=False,
    )
    steps = [int(row["step"]) for row in rows(directory)]
    assert steps[:done] == list(range(3, 3 * done + 1, 3))
    assert steps[done] > steps[done - 1]
    # After the batch of validation others than before.
    assert min(drawn[1:]) == steps[done - 1]
    assert read_model(directory / "tiny.safetensors")[0].training["steps"] == steps[-1]


@pytest.fixture(scope="module")
def series_run(tiny_series, tiny_series_data, tmp_path_factory):
    directory = tmp_path_factory.mktemp("series-run")
    settings = {"steps": 45, "steps_per_epoch": 15, "learning_rate": 0.01}
    easy = replace(tiny_series, training=tiny_series.training | settings)
    data = tiny_series_data.directory
    return directory, train(easy, data=data, directory=directory, show_progressbar=False)


def test_a_training_on_focal_series(series_run):
    directory, path = series_run
    card, arrays = read_model(path)
    assert card.classes == ("Mo", "S", "Mo vacancy", "S vacancy")
    assert card.arguments["images"] == 3 and card.arguments["heights"]
    assert card.domain["defocus"] == [-20, 20]
    assert card.domain["defocus_step"] == [-50, 50]
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert len(rows(directory)) == 3


def test_focal_series_are_learnt(series_run):
    losses = [float(row["loss"]) for row in rows(series_run[0])]
    assert losses[-1] < 0.8 * losses[0]


def test_another_recipe_does_not_go_on_with_the_run(run, tiny, tiny_data):
    other = replace(tiny, text=tiny.text + "# changed\n")
    with pytest.raises(ValueError, match="run of another recipe"):
        train(other, data=tiny_data.directory, directory=run[0], show_progressbar=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": TrainingSettings()}, "--minutes"),
        ({"network": NetworkSettings(classes=("Au", "Pt"))}, "expected one class"),
        (
            {
                "network": NetworkSettings(classes=("Mo", "Se")),
                "structures": [{"structure": "two-dimensional", "formula": "MoS2"}],
            },
            "expected kinds among Mo, Mo vacancy, S, S vacancy",
        ),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_made(tiny, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        train(replace(tiny, **changes), data=tmp_path / "data", directory=tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_torch_trains_too(tiny, tiny_data, tmp_path):
    """And JAX in `test_on_device`."""
    pytest.importorskip("torch")
    (tmp_path / "tiny.yaml").write_text(tiny.text)
    command = [sys.executable, "-m", "hyperspy_dlatoms.cli", "train", str(tmp_path / "tiny.yaml")]
    command += ["--data", str(tiny_data.directory), "--runs", str(tmp_path / "run")]
    subprocess.run(command, check=True, env=os.environ | {"KERAS_BACKEND": "torch"})
    card, _ = read_model(tmp_path / "run" / "tiny.safetensors")
    assert card.training["backend"] == "torch"
    assert len(rows(tmp_path / "run")) == 4


def test_a_training_without_improvement_stops_early(tiny, tiny_data, tmp_path):
    settings = {"steps": 3000, "learning_rate": 0.5, "patience": 2, "curriculum": None}
    hopeless = replace(tiny, training=tiny.training | settings)
    train(hopeless, data=tiny_data.directory, directory=tmp_path, show_progressbar=False)
    losses = [float(row["val_loss"]) for row in rows(tmp_path)]
    assert len(losses) < 1000
    assert len(losses) - 1 - int(np.argmin(losses)) == 3


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(tiny, tiny_data, tmp_path, precision):
    mixed = replace(tiny, training=tiny.training | {"steps": 6, "precision": precision})
    path = train(mixed, data=tiny_data.directory, directory=tmp_path, show_progressbar=False)
    card, arrays = read_model(path)
    assert card.training["steps"] == 6
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_the_card_says_that_images_are_scanned(tiny_scanned, tiny_scanned_data, tmp_path):
    path = train(
        tiny_scanned, data=tiny_scanned_data.directory, directory=tmp_path, show_progressbar=False
    )
    card, _ = read_model(path)
    assert card.modality == "STEM" and card.classes == ("column",)
    assert card.domain["dose"] == [1e4, 1e5] and card.domain["sampling"] == [0.1, 0.3]


def test_scanned_images_are_made_by_the_processor(tiny_scanned, tiny_scanned_data, tmp_path):
    with pytest.raises(ValueError, match="can only be made on the CPU"):
        train(
            tiny_scanned,
            data=tiny_scanned_data.directory,
            directory=tmp_path,
            on_device=True,
            show_progressbar=False,
        )


def test_a_network_that_is_told_no_material_any_more_keeps_what_the_defoci_do():
    untold = {"widths": [4, 4], "dilations": [1], "images": 3}
    told = untold | {"material": True}
    card = ModelCard(
        name="told",
        version="1",
        architecture="unet",
        arguments=told,
        classes=("metal", "chalcogen"),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.0,
        threshold=0.5,
    )
    first, model = (architecture.build(arguments, 2) for arguments in (told, untold))
    start_from(model, AtomNetwork.from_model(card, first), 1)
    before, after = ({one.path: np.asarray(one) for one in each.weights} for each in (first, model))
    assert before[architecture.FOCUS].shape[0] == 6
    np.testing.assert_array_equal(after[architecture.FOCUS], before[architecture.FOCUS][:4])
    assert architecture.MATERIAL in before and architecture.MATERIAL not in after
    for path in set(after) - {architecture.FOCUS}:
        np.testing.assert_array_equal(after[path], before[path])


@pytest.fixture(scope="module")
def narrow(run, tiny):
    """A narrower network, which learns from the trained one."""
    return replace(
        tiny,
        network=tiny.network | {"widths": [6, 12]},
        training=tiny.training | {"start": str(run[1]), "teacher": str(run[1])},
    )


def test_a_narrower_network_starts_from_a_wider_one_and_learns_from_it(
    run, narrow, tiny_data, tmp_path
):
    given = {"data": tiny_data.directory, "show_progressbar": False}
    alone = replace(narrow, training=narrow.training | {"teacher": None})
    # Else the difference would be that of the draws.
    losses = {}
    for name, recipe in (("taught", narrow), ("alone", alone)):
        path = train(recipe, directory=tmp_path / name, **given)
        losses[name] = [float(row["loss"]) for row in rows(tmp_path / name)]
        card, arrays = read_model(path)
        assert card.arguments["widths"] == [6, 12]
        assert arrays["stem/kernel"].shape[-1] == 6
    # What the teacher says counts as well as the sites, but not in the loss of held-out waves.
    assert losses["taught"][0] > 1.3 * losses["alone"][0]
    first = [float(rows(tmp_path / name)[0]["val_loss"]) for name in losses]
    assert first[0] == pytest.approx(first[1], rel=0.3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"classes": ["B"]}}, r"cannot be the teacher: its classes are .*C.*B"),
        ({"network": {"heights": True}}, "cannot be the teacher: heights is False.* True"),
        ({"training": {"teacher": "graphene-ensemble"}}, "cannot be the teacher: it is an ens"),
        ({"training": {"teacher": "mos2-exit-wave"}}, "cannot be the teacher: it returns exit wav"),
        ({"training": {"teacher": "nothing.safetensors"}}, "cannot be the teacher"),
    ],
)
def test_a_network_of_other_maps_is_no_teacher(changes, message, narrow, tmp_path):
    other = replace(
        narrow,
        network=narrow.network | changes.get("network", {}),
        training=narrow.training | {"start": None} | changes.get("training", {}),
    )
    if "classes" in changes.get("network", {}):
        other = replace(other, structures=[{"structure": "hexagonal-boron-nitride"}])
    with pytest.raises(ValueError, match=message):
        train(other, data=tmp_path / "data", directory=tmp_path / "run", show_progressbar=False)
    assert not (tmp_path / "data").exists()

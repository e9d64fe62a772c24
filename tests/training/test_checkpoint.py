# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.training.checkpoint import load_state, save_state


@pytest.fixture
def variables():
    import keras

    return [keras.Variable(np.arange(6.0).reshape(2, 3)), keras.Variable(7, dtype="int64")]


def test_variables_and_state_come_back(variables, tmp_path):
    save_state(tmp_path / "state", variables, {"step": 3, "best": 0.5})
    variables[0].assign(np.zeros((2, 3)))
    variables[1].assign(0)
    assert load_state(tmp_path / "state", variables) == {"step": 3, "best": 0.5}
    np.testing.assert_array_equal(variables[0].numpy(), np.arange(6.0).reshape(2, 3))
    assert int(variables[1]) == 7
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


def test_a_full_disk_leaves_the_old_file(variables, tmp_path, monkeypatch):
    path = tmp_path / "state"
    save_state(path, variables, {"step": 3})
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(OSError, match="No space"):
        save_state(path, variables, {"step": 4})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


def test_a_foreign_file_is_refused(variables, tmp_path):
    (tmp_path / "state").write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="not a checkpoint"):
        load_state(tmp_path / "state", variables)


def test_another_network_is_refused(variables, tmp_path):
    save_state(tmp_path / "state", variables[:1], {"step": 3})
    with pytest.raises(ValueError, match="another network"):
        load_state(tmp_path / "state", variables)

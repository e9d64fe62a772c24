# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import json
import os
import stat

import numpy as np
import pytest
from safetensors.numpy import save_file

from hyperspy_dlatoms.networks.card import FORMAT
from hyperspy_dlatoms.networks.model_file import ModelFileError, read_model, write_model


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "a/kernel": rng.normal(size=(3, 3, 1, 4)).astype(np.float32),
        "a/bias": np.asfortranarray(rng.normal(size=(4, 2))),
        "steps": np.array(7, np.int64),
    }


@pytest.fixture
def file(tmp_path, card, arrays):
    path = tmp_path / "example.safetensors"
    write_model(path, card, arrays)
    return path


def test_round_trip(file, card, arrays):
    again, read = read_model(file)
    assert again == card
    assert read.keys() == arrays.keys()
    for name in ("a/kernel", "a/bias"):
        assert read[name].dtype == np.float32
        np.testing.assert_array_equal(read[name], arrays[name].astype(np.float16))
    assert read["steps"] == 7


def test_stored_in_half_precision_and_readable_by_others(file, arrays):
    assert file.stat().st_size < 2 * sum(array.size for array in arrays.values()) + 2000
    assert os.listdir(file.parent) == [file.name]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_refuses_weights_that_float16_cannot_hold(tmp_path, card, value):
    with pytest.raises(ModelFileError, match="'kernel'.*not finite"):
        write_model(tmp_path / "a.safetensors", card, {"kernel": np.array([value])})
    assert not list(tmp_path.iterdir())


def test_refuses_what_is_no_number(tmp_path, card):
    with pytest.raises(ModelFileError, match="'names' has dtype"):
        write_model(tmp_path / "a.safetensors", card, {"names": np.array(["x"])})


def test_full_disk_leaves_the_old_file(file, card, arrays, monkeypatch):
    before = file.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_model(file, card, {"a": np.zeros(3)})
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such.safetensors"):
        read_model(tmp_path / "no such.safetensors")


def test_folder(tmp_path):
    with pytest.raises(ModelFileError, match="not a file"):
        read_model(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_truncated(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match="cut off or damaged"):
        read_model(file)


def test_every_flipped_bit_of_the_header_is_an_error_or_harmless(file, card):
    content = file.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    refused = 0
    for place in range(0, header, 3):
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        file.write_bytes(damaged)
        try:
            read_model(file)
        except ModelFileError:
            refused += 1
    assert refused > header / 3 * 0.4


@pytest.mark.parametrize(
    "content", [b"hello, this is a text and not a model", b"\x89HDF\r\n\x1a\n" + b"\0" * 500]
)
def test_foreign_file(tmp_path, content):
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="foreign"):
        read_model(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_safetensors_without_card(tmp_path, metadata):
    path = tmp_path / "other.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, path, metadata=metadata)
    with pytest.raises(ModelFileError, match="without a model card"):
        read_model(path)


def test_newer_card_names_the_file_and_says_to_update(tmp_path, card):
    path = tmp_path / "newer.safetensors"
    values = json.loads(card.to_json()) | {"format": FORMAT + 1}
    save_file({"a": np.zeros(3, np.float32)}, path, metadata={"card": json.dumps(values)})
    with pytest.raises(ModelFileError, match="newer.safetensors.*update"):
        read_model(path)


@pytest.mark.parametrize("value", [np.float16(np.nan), np.float32(np.inf), np.float64(1e300)])
def test_weights_that_are_not_finite(tmp_path, card, value):
    path = tmp_path / "a.safetensors"
    save_file({"a": np.array([value])}, path, metadata={"card": card.to_json()})
    with pytest.raises(ModelFileError, match="'a' is not finite"):
        read_model(path)


def test_weights_that_are_complex(tmp_path, card):
    path = tmp_path / "a.safetensors"
    save_file({"a": np.ones(3, np.complex64)}, path, metadata={"card": card.to_json()})
    with pytest.raises(ModelFileError, match="'a' has dtype complex64, expected real numbers"):
        read_model(path)


def test_a_single_number_stays_one(tmp_path, card):
    path = tmp_path / "one.safetensors"
    write_model(path, card, {"scale": np.float32(3), "steps": np.array(5)})
    _, arrays = read_model(path)
    assert {name: array.shape for name, array in arrays.items()} == {"scale": (), "steps": ()}

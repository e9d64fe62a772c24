# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a training on disk: arrays and numbers, written in one step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write

if TYPE_CHECKING:
    import keras


def save_state(path: Path, variables: list[keras.Variable], state: dict[str, Any]) -> None:
    """
    Write variables and a state, so that a reader finds the old file or the new one, never a part.

    Parameters
    ----------
    path : pathlib.Path
        Of the file.
    variables : list of keras.Variable
        In an order that does not change.
    state : dict
        What JSON can hold.
    """
    from keras import ops
    from safetensors.numpy import save_file

    arrays = {
        f"{i:04d}": np.array(ops.convert_to_numpy(variable), order="C")
        for i, variable in enumerate(variables)
    }
    with atomic_write(path) as draft:
        save_file(arrays, draft, metadata={"state": json.dumps(state)})


def load_state(path: Path, variables: list[keras.Variable]) -> dict[str, Any]:
    """
    Put back variables, and return the state written with them.

    Parameters
    ----------
    path : pathlib.Path
        Of the file.
    variables : list of keras.Variable
        As they were written.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the file is not a checkpoint of these variables.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            state = json.loads(file.metadata()["state"])
            arrays = [file.get_tensor(name) for name in sorted(file.keys())]
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is not a checkpoint ({error}); remove it to start anew."
        ) from error
    if [a.shape for a in arrays] != [tuple(v.shape) for v in variables]:
        raise ValueError(
            f"{path} is of another network; remove it to start anew, or choose another directory."
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return state

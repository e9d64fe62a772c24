# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks as ONNX graphs, for ONNX Runtime and other programs, written without TensorFlow."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks._folding import folded_weights
from hyperspy_dlatoms.networks._weights import weights_of
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.maps import REACH
from hyperspy_dlatoms.networks.model_file import read_model
from hyperspy_dlatoms.networks.running import Call, halving

_OPERATORS, _FORMAT = 17, 8  # Versions of 2022, which all maintained programs read.


def export_onnx(model: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Write the network of a model file as ONNX (usually NAME.onnx), for other languages."""
    # Its input ``frame`` (n, h, w, images; float32) are normalised images at the card's sampling,
    # its outputs the maps of `AtomNetwork.maps` and ``features``; the card is in its metadata, as
    # JSON.
    card, arrays = read_model(model)
    weights = weights_of(Path(model), card, arrays)
    content = graph_of(card, weights).SerializeToString()
    with atomic_write(Path(path)) as draft:
        draft.write_bytes(content)


def session(card: ModelCard, arrays: Mapping[str, np.ndarray]) -> tuple[Call, tuple[str, ...]]:
    """Return a function of arrays that runs a network in ONNX Runtime, and its output names."""
    require("onnxruntime", extra="onnx", what="Running networks without TensorFlow")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Set as for TensorFlow; 0 means one thread per core.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", 0))
    running = onnxruntime.InferenceSession(
        graph_of(card, arrays).SerializeToString(), options, ["CPUExecutionProvider"]
    )
    names = [one.name for one in running.get_inputs()]

    def call(*inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(running.run(None, dict(zip(names, inputs, strict=True))))

    return halving(call), tuple(one.name for one in running.get_outputs())


def graph_of(card: ModelCard, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the ``onnx.ModelProto`` of the network that `architecture.build` builds, folded."""
    # Its outputs are those of `maps.with_maps`, or the wave, and the ``features`` of `with_levels`.
    require("onnx", extra="onnx", what="Writing a network as ONNX")
    from onnx import TensorProto, checker, helper

    graph = _Graph(arrays)
    arguments = architecture.complete(card.arguments)
    depth = len(arguments["widths"]) - 1
    inputs = {"frame": ["n", "h", "w", arguments["images"]]}
    x = graph.add("Transpose", "frame", perm=(0, 3, 1, 2))
    x = graph.convolution(x, "stem", stride=architecture.STRIDE)
    if arguments["images"] > 1:
        inputs["defoci"] = ["n", arrays[architecture.FOCUS].shape[0]]
        x = graph.told(x, architecture.FOCUS)
    skips, levels = [], []
    for level in range(depth):
        skips.append(graph.residual(x, f"down{level}"))
        levels.append((skips[-1], 2 ** (depth - level)))
        x = graph.add("MaxPool", skips[-1], kernel_shape=(2, 2), strides=(2, 2))
    if arguments["material"]:
        x = graph.told(x, architecture.MATERIAL)
    for number, dilation in enumerate(arguments["dilations"]):
        x = graph.residual(x, f"{architecture.MIDDLE}{number}", dilation)
    for level in reversed(range(depth)):
        levels.append((x, 2 ** (depth - 1 - level)))
        x = graph.convolution(x, f"up{level}_merge")
        x = graph.add("Add", graph.doubled(x), skips[level])
        x = graph.residual(x, f"up{level}")
    levels.append((x, 2**depth))
    if arguments["wave"]:
        outputs = {"wave": graph.convolution(x, "wave")}
    else:
        outputs = graph.maps(x, card, arguments)
    means = [
        graph.add("AveragePool", one, kernel_shape=(size, size), strides=(size, size))
        if size > 1
        else one
        for one, size in levels
    ]
    outputs["features"] = graph.add("Concat", *means, axis=1)
    for name, one in outputs.items():
        if name == "peak":
            graph.add("Squeeze", one, graph.constant(np.array([1])), output=name)
        else:
            graph.add("Transpose", one, perm=(0, 2, 3, 1), output=name)

    def described(name: str, shape: list) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            card.name,
            [described(name, shape) for name, shape in inputs.items()],
            [described(name, [None] * (3 if name == "peak" else 4)) for name in outputs],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPERATORS)],
        ir_version=_FORMAT,
        producer_name="hyperspy-dlatoms",
    )
    helper.set_model_props(made, {"card": card.to_json()})
    checker.check_model(made)
    return made


class _Graph:
    """Nodes and constants of a graph; tensors are (n, channels, h, w)."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        from onnx import helper

        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, value: np.ndarray) -> str:
        """Add a constant array, and return its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def convolution(self, x: str, name: str, dilation: int = 1, stride: int = 1) -> str:
        """Add a convolution with the batch normalisation after it, see `_folding`."""
        kernel, *bias = folded_weights(self.arrays, name)
        weights = [kernel.transpose(3, 2, 0, 1), *bias]
        # The same on either side, since the sides of frames are multiples of the stride.
        pad = (dilation * (kernel.shape[0] - 1) + 1 - stride) // 2
        inputs = x, *map(self.constant, weights)
        strides, dilations = (stride, stride), (dilation, dilation)
        return self.add("Conv", *inputs, pads=(pad,) * 4, strides=strides, dilations=dilations)

    def residual(self, x: str, name: str, dilation: int = 1) -> str:
        """Add two convolutions and the shortcut around them."""
        shortcut = f"{name}_shortcut"
        around = self.convolution(x, shortcut) if f"{shortcut}/kernel" in self.arrays else x
        x = self.add("Relu", self.convolution(x, f"{name}_first", dilation))
        x = self.convolution(x, f"{name}_second", dilation)
        return self.add("Relu", self.add("Add", x, around))

    def told(self, x: str, name: str) -> str:
        """Add what is known of a focal series to all cells."""
        known = self.add("MatMul", "defoci", self.constant(self.arrays[name]))
        return self.add("Add", x, self.add("Unsqueeze", known, self.constant(np.array([2, 3]))))

    def doubled(self, x: str) -> str:
        """Repeat each cell twice along both axes."""
        twice = self.constant(np.array([1, 1, 2, 2], np.float32))
        how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.add("Resize", x, "", twice, mode="nearest", **how)

    def maps(self, x: str, card: ModelCard, arguments: Mapping[str, Any]) -> dict[str, str]:
        """Add the maps of sites, see `maps.read_output` and `maps.peaks`."""
        classes = len(card.classes)
        end = 1 + classes + len(arguments["decoys"])
        raw = self.convolution(x, "maps")
        shares = self.add("Softmax", self._channels(raw, 0, end), axis=1)
        outputs = {
            "probability": self._channels(shares, 1, classes + 1),
            "offset": self._channels(raw, end, end + 2),
            "sigma": self._deviation(self._channels(raw, end + 2, end + 4)),
        }
        if arguments["heights"]:
            raw = self.convolution(x, "heights")
            mean = self.add("Relu", self._channels(raw, 0, 1))
            both = self.add("Concat", mean, self._deviation(self._channels(raw, 1, 2)), axis=1)
            outputs["height"] = self._times(both, architecture.HEIGHT_UNIT)
        squared = self._sum(self.add("Mul", outputs["offset"], outputs["offset"]))
        reach = REACH / card.sampling
        near = self.add("Exp", self._times(squared, -1 / (2 * reach**2)))
        score = self.add("Mul", self._sum(outputs["probability"]), near)
        largest = self.add("MaxPool", score, kernel_shape=(3, 3), pads=(1,) * 4)
        none = self.constant(np.array(-1, np.float32))
        outputs["peak"] = self.add("Where", self.add("Equal", score, largest), score, none)
        return outputs

    def _channels(self, x: str, start: int, stop: int) -> str:
        return self.add("Slice", x, *(self.constant(np.array([n])) for n in (start, stop, 1)))

    def _deviation(self, logarithm: str) -> str:
        limits = (self.constant(np.array(one, np.float32)) for one in architecture.LOG_SIGMA)
        return self.add("Exp", self.add("Clip", logarithm, *limits))

    def _times(self, x: str, factor: float) -> str:
        return self.add("Mul", x, self.constant(np.array(factor, np.float32)))

    def _sum(self, x: str) -> str:
        return self.add("ReduceSum", x, self.constant(np.array([1])), keepdims=1)

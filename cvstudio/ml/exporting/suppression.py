"""Suppression of doubles as a part of an ONNX graph: the file answers with a list of objects.

What is done is what decode.suppress() does with the answers of a plain file, by the operator
NonMaxSuppression of the standard: of each class apart, best first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.forms import Answers
from cvstudio.core.networks import network as network_info
from cvstudio.ml.decode import MOST_OBJECTS, OVERLAP, SCORE_FLOOR
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.onnx_file import BOXES

_EVERYWHERE = "answers_everywhere"
"""What the output for every place is called once it is none any more."""
_PREFIX = "doubles_removed/"
_DIGITS = 1e5
"""Scores are compared with five digits."""


def check_possible(network: LoadedNetwork) -> None:
    """Raise ConfigError, in words, where a network's doubles cannot be removed inside a file."""
    if network.task not in (Task.DETECT, Task.INSTANCE):
        raise ConfigError("Only networks that find objects have doubles that a file could remove.")
    if network.form.answers is Answers.ROTATED:
        raise ConfigError(
            "ONNX has no operator that removes doubles of rotated boxes: a file of this network"
            " cannot do it."
        )


def lists_already(network: LoadedNetwork) -> bool:
    """Whether a network removes its doubles itself, so that nothing is to be added."""
    return network_info(network.config.network).listed


def with_suppression(model: onnx.ModelProto, classes: int) -> onnx.ModelProto:
    """The model with a list of objects as its first output.

    (N, 4 + classes + m, places) becomes (N, objects, 6 + m) with objects at most 300: left, top,
    right and bottom in input pixels, score, number of the class from 0, and what else there was of
    the place (m). Best first; rows of nothing but 0 fill up the list.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    rows = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == BOXES:
                    names[place] = _EVERYWHERE
    steps = _Steps()
    _list_objects(steps, classes, rows)
    graph.node.extend(steps.nodes)
    graph.initializer.extend(steps.constants)
    kept = list(graph.output)[1:]
    del graph.output[:]
    shape = ["batch", "objects", rows - classes + 2]
    graph.output.append(helper.make_tensor_value_info(BOXES, TensorProto.FLOAT, shape))
    graph.output.extend(kept)
    onnx.checker.check_model(result, full_check=True)
    return result


class _Steps:
    """Nodes that are added one after the other; each gives the name of what comes out."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: Sequence[float] | float, kind: Any = np.int64) -> str:
        name = f"{_PREFIX}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def add(self, operator: str, *inputs: str, outputs: int = 1, last: str = "", **how: Any) -> str:
        name = f"{_PREFIX}{operator}_{len(self.nodes)}"
        names = [last or name, *(f"{name}_{i}" for i in range(1, outputs))]
        self.nodes.append(helper.make_node(operator, list(inputs), names, name=name, **how))
        return names[0]

    def cut(self, source: str, start: int, end: int, axis: int) -> str:
        ends = (self.constant([v]) for v in (start, end, axis))
        return self.add("Slice", source, *ends)


def _rounded(steps: _Steps, scores: str) -> str:
    """Scores as the decoder compares them: what differs in its last digits only is a tie, and ties
    go by place; those that are not reported become 0."""
    whole = steps.add("Mul", scores, steps.constant(_DIGITS, np.float32))
    rounded = steps.add("Div", steps.add("Round", whole), steps.constant(_DIGITS, np.float32))
    reported = steps.add("Greater", scores, steps.constant(SCORE_FLOOR, np.float32))
    return steps.add("Where", reported, rounded, steps.constant(0.0, np.float32))


def _list_objects(steps: _Steps, classes: int, rows: int) -> None:
    everything = steps.add("Transpose", _EVERYWHERE, perm=[0, 2, 1])  # (N, places, rows)
    boxes = steps.cut(everything, 0, 4, 2)
    exact = steps.cut(_EVERYWHERE, 4, 4 + classes, 1)  # (N, classes, places)
    scores = _rounded(steps, exact)
    chosen = steps.add(
        "NonMaxSuppression", boxes, scores, steps.constant([MOST_OBJECTS]),
        steps.constant([OVERLAP], np.float32), steps.constant([0.0], np.float32),
        center_point_box=1,
    )  # fmt: skip
    shape = steps.add("Shape", scores)
    nothing = steps.add("ConstantOfShape", shape)
    kept = steps.add("ScatterND", nothing, chosen, steps.add("GatherND", scores, chosen))
    side = steps.constant([0, -1])
    flat = steps.add("Reshape", kept, side)
    count = steps.cut(steps.add("Shape", flat), 1, 2, 0)
    most = steps.add("Min", count, steps.constant([MOST_OBJECTS]))
    best = steps.add("TopK", flat, most, outputs=2, axis=1, largest=1, sorted=1)  # (N, objects)
    place = f"{best}_1"
    told = steps.add("GatherElements", steps.add("Reshape", exact, side), place, axis=1)
    places = steps.cut(shape, 2, 3, 0)
    class_at = steps.add("Cast", steps.add("Div", place, places), to=TensorProto.FLOAT)
    anchor = steps.add("Unsqueeze", steps.add("Mod", place, places), steps.constant([2]))
    rest = boxes
    if rows > 4 + classes:
        rest = steps.add("Concat", boxes, steps.cut(everything, 4 + classes, rows, 2), axis=2)
    found = steps.add("GatherND", rest, anchor, batch_dims=1)  # (N, objects, 4 + m)
    half = steps.add("Mul", steps.cut(found, 2, 4, 2), steps.constant(0.5, np.float32))
    centre = steps.cut(found, 0, 2, 2)
    end = steps.constant([2])
    parts = [
        steps.add("Sub", centre, half), steps.add("Add", centre, half),
        steps.add("Unsqueeze", told, end), steps.add("Unsqueeze", class_at, end),
    ]  # fmt: skip
    if rows > 4 + classes:
        parts.append(steps.cut(found, 4, rows - classes, 2))
    listed = steps.add("Concat", *parts, axis=2)
    there = steps.add("Greater", best, steps.constant(0.0, np.float32))
    mask = steps.add("Unsqueeze", steps.add("Cast", there, to=TensorProto.FLOAT), end)
    steps.add("Mul", listed, mask, last=BOXES)

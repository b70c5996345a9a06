"""ONNX files that ultralytics exported: what they say of themselves as a record of CVStudio's kind.

Their exports for detection and instance segmentation name task, classes and size in the metadata,
and their input and outputs are the ones that decode.py reads. Where doubles are removed inside the
file already (nms=True, and end-to-end networks such as YOLO26), its list of objects is written out
in that form. Whatever differs is refused in words, because answers that are read wrongly look like
answers.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.errors import FormatError
from cvstudio.core.palette import class_colours
from cvstudio.core.recipe import Fit
from cvstudio.ml.onnx_file import BOXES, INPUT, INSIDE, MAPS, FileRecord, output_rows
from cvstudio.ml.preprocess import Preprocessing

_TASKS = {"detect": Task.DETECT, "segment": Task.INSTANCE}
_COEFFICIENTS = 32
_BOX = 4
_LISTED = _BOX + 2
"""Numbers of an object in a list: two corners in input pixels, score and class."""
WARNING = (
    "Exported by ultralytics: classes and size are taken from the file. Nothing was proven about it"
    " here, so look at a few suggestions first"
)


class Node(Protocol):
    """An input or output of a file, as ONNX Runtime tells it."""

    name: str
    type: str
    shape: Sequence[int | str | None]


def is_ultralytics(kept: Mapping[str, str]) -> bool:
    """Whether the metadata of a file is that of an export by ultralytics."""
    return kept.get("author", "").lower() == "ultralytics" and "names" in kept


def record_of(
    kept: Mapping[str, str], inputs: Sequence[Node], outputs: Sequence[Node], *, name: str
) -> FileRecord:
    """The record of such a file. Raises FormatError, in a sentence, where it cannot be used."""
    task = _TASKS.get(kept.get("task", ""))
    if task is None:
        raise FormatError(
            f"{name} is for {kept.get('task') or 'an unknown task'}: of ultralytics' files those"
            " for detection and segmentation of objects can be used."
        )
    names = _names(kept, name)
    size = _size(kept, inputs, name)
    shapes = [list(node.shape) for node in outputs]
    inside = _check_outputs(task, len(names), outputs, shapes, name)
    colours = class_colours()
    classes = tuple(
        LabelClass(number, words, colours[place % len(colours)], order=place)
        for place, (number, words) in enumerate(names, 1)
    )
    plain = Preprocessing(size, Fit.PAD, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return FileRecord(
        task=task,
        classes=classes,
        input={**plain.to_json(), "name": INPUT, "type": "float32", "shape": [1, 3, size, size]},
        outputs=output_rows(task, len(names), [[s or 0 for s in shape] for shape in shapes]),
        network={"name": kept.get("description", name), "family": "ultralytics", INSIDE: inside},
        run={"warning": WARNING},
    )


def _names(kept: Mapping[str, str], name: str) -> list[tuple[int, str]]:
    """Class ids from 1 on with their names, in the order of the outputs."""
    try:
        found = ast.literal_eval(kept["names"])
        return [(int(key) + 1, str(found[key])) for key in sorted(found)]
    except (ValueError, SyntaxError, TypeError, KeyError) as error:
        raise FormatError(f"The names of the classes inside {name} cannot be read.") from error


def _size(kept: Mapping[str, str], inputs: Sequence[Node], name: str) -> int:
    """The side of the input in pixels."""
    (node, *more) = inputs
    if more or node.name != INPUT or node.type != "tensor(float)":
        raise FormatError(f"{name} does not take one image of plain numbers (export without half).")
    sides: Any = list(node.shape[2:])
    if not all(isinstance(side, int) for side in sides):
        try:
            sides = ast.literal_eval(kept.get("imgsz", ""))
        except (ValueError, SyntaxError) as error:
            raise FormatError(f"{name} does not say how large its images are.") from error
    if not isinstance(sides, list) or len(sides) != 2 or sides[0] != sides[1]:
        raise FormatError(f"{name} takes images that are not square; export with one imgsz.")
    return int(sides[0])


def _check_outputs(
    task: Task, count: int, outputs: Sequence[Node], shapes: list[list[Any]], name: str
) -> bool:
    """Whether the file lists objects without doubles, rather than an answer for each place."""
    more = _COEFFICIENTS if task == Task.INSTANCE else 0
    wanted = [BOXES] if task == Task.DETECT else [BOXES, MAPS]
    if [node.name for node in outputs] == wanted and len(shapes[0]) == 3:
        _, rows, places = shapes[0]
        if rows == _BOX + count + more:
            return False
        if places == _LISTED + more:
            return True
        if not isinstance(rows, int) and not isinstance(places, int):
            return False
    raise FormatError(
        f"{name} gives other answers than {count} classes and a box for each place, or a list of"
        " objects: export it anew with ultralytics, as ONNX."
    )


def written_out(outputs: Sequence[NDArray[Any]], count: int) -> list[NDArray[Any]]:
    """The outputs of a file that lists its objects in the form that decode.py reads.

    (N, objects, 6 + m) with two corners, score, class and m coefficients becomes
    (N, 4 + count + m, objects); other outputs stay as they are. Empty places have a score of 0.
    """
    listed, *others = outputs
    low, high, scores = listed[..., :2], listed[..., 2:4], listed[..., 4]
    classes = np.clip(listed[..., 5].astype(np.int64), 0, count - 1)
    told = np.where(np.arange(count) == classes[..., None], scores[..., None], 0.0)
    parts = [(low + high) / 2, high - low, told, listed[..., _LISTED:]]
    rows = np.concatenate(parts, axis=-1).astype(np.float32).swapaxes(1, 2)
    return [np.ascontiguousarray(rows), *others]

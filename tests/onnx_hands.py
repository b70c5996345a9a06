"""Small ONNX files as ultralytics writes them, for tests of what the window shows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def finding_file(
    path: Path, names: tuple[str, ...], found: Sequence[tuple[float, float, float, float, float]]
) -> Path:
    """A detector as below that finds the same objects of its first class in whatever it is shown:
    x and y of their centres, width, height and score."""
    answer = np.zeros((1, 4 + len(names), 84), np.float32)
    for place, row in enumerate(found):
        answer[0, :5, place] = row
    return _written(path, names, answer)


def ultralytics_file(path: Path, names: tuple[str, ...], *, inside: bool = False) -> Path:
    """A detector of 64 x 64 pixels with the metadata and shapes of an export, whose weights are
    one answer. `inside`: it lists its objects without doubles."""
    rows = 4 + len(names)
    answer = np.zeros((1, 300, 6) if inside else (1, rows, 84), np.float32)
    return _written(path, names, answer)


def _written(path: Path, names: tuple[str, ...], answer: np.ndarray) -> Path:
    value = numpy_helper.from_array(answer, "value")
    node = helper.make_node("Constant", [], ["output0"], value=value)
    graph = helper.make_graph(
        [node], "main",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(answer.shape))],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    kept = {
        "author": "Ultralytics", "task": "detect", "imgsz": "[64, 64]",
        "names": str(dict(enumerate(names))), "description": "Ultralytics YOLO11n model",
    }  # fmt: skip
    helper.set_model_props(model, kept)
    onnx.save(model, str(path))
    return path

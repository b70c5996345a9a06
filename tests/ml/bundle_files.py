"""Small ONNX files with CVStudio's record, one for each kind of answer: what they say hangs on the
image, so that a wrong way of reading or preparing it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.forms import Answers, Form
from cvstudio.core.pieces import in_windows, window_rules
from cvstudio.core.recipe import Fit, Sees
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.sureness import Platt
from cvstudio.ml.onnx_file import KEY, FileRecord, output_rows
from cvstudio.ml.preprocess import Preprocessing, depth_rules
from cvstudio.ml.tiles import rules

CLASSES = (LabelClass(3, "round", "#F73C62"), LabelClass(7, 'flat "0/1" 🙂', "#688BF6"))
SIDE, PLACES, MAPS = 64, 80, 4
BONES = Skeleton(("nose", "tail"), ((0, 1),))
KINDS = (
    "classify", "several", "segment", "detect", "instance", "own masks", "rotated", "keypoints",
    "listed",
)  # fmt: skip


def file_of(
    path: Path,
    kind: str,
    *,
    fit: Fit = Fit.PAD,
    window: tuple[float, float] | None = None,
    channels: int = 3,
    run: dict[str, Any] | None = None,
    verification: dict[str, Any] | None = None,
    platt: Platt | None = None,
) -> Path:
    """Write such a file. `channels` other than 3: a network that sees all values."""
    task = {
        "classify": Task.CLASSIFY, "several": Task.CLASSIFY, "segment": Task.SEGMENT,
        "instance": Task.INSTANCE, "own masks": Task.INSTANCE,
    }.get(kind, Task.DETECT)  # fmt: skip
    form = Form(Answers.OUTLINES if task is Task.INSTANCE else Answers.BOXES)
    if kind == "rotated":
        form = Form(Answers.ROTATED)
    if kind == "keypoints":
        form = Form(Answers.KEYPOINTS, BONES, frozenset({3, 7}))
    how = Preprocessing(
        SIDE, fit, (0.0,) * channels, (1.0,) * channels,
        Sees.DISPLAYED if channels == 3 else Sees.ALL, () if channels == 3 else (0.25,) * channels,
    )  # fmt: skip
    nodes, values, outputs = _graph(kind, channels)
    shapes: list[list[int | str]] = [list(shape) for _, shape in outputs]
    network = {
        "name": "tiny", "title": "Tiny", "family": "torchvision-detection"
        if kind == "own masks" else "timm",
        **({"several_classes": True} if kind == "several" else {}),
        **({"objects": form.to_json()} if kind in ("rotated", "keypoints") else {}),
        **({"doubles_removed_inside": True} if kind == "listed" else {}),
    }  # fmt: skip
    large = {"large_images": rules(objects=task is not Task.SEGMENT)} if fit is Fit.CROP else {}
    if in_windows(task, fit):
        large = {"windows": window_rules(SIDE)}
    record = FileRecord(
        task=task, classes=CLASSES,
        input={
            **how.to_json(), "name": "images", "type": "float32", "range": [0, 1],
            "shape": ["batch", channels, "height", "width"], **depth_rules(window, sees=how.sees),
            **large,
        },
        outputs=output_rows(task, 2, shapes, several=kind == "several", form=form),
        network=network, run=run or {"name": "0001-tiny", "epoch": 3, "snapshot": "ab12"},
        score=0.3, class_scores={3: 0.2, 7: 0.6}, verification=verification,
        platt=platt, versions={"cvstudio": "0.1.0"},
    )  # fmt: skip
    side: Any = "height", "width"
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", channels, *side])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, list(s)) for n, s in outputs],
        initializer=[numpy_helper.from_array(v, n) for n, v in values.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    helper.set_model_props(model, {KEY: json.dumps(record.to_json())})
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def _graph(kind: str, channels: int) -> tuple[list[Any], dict[str, Any], list[tuple[str, Any]]]:
    """Nodes, constants, and the outputs with their shapes."""
    random = np.random.default_rng(KINDS.index(kind))
    if kind == "segment":
        weights = random.normal(0, 4, (3, channels, 1, 1)).astype(np.float32)
        values = {"weights": weights, "bias": random.normal(0, 0.3, 3).astype(np.float32)}
        node = helper.make_node("Conv", ["images", "weights", "bias"], ["output0"])
        return [node], values, [("output0", ("batch", 3, "height", "width"))]
    first, *others = _answers(kind, random)
    values = {"tenth": np.array(0.1, np.float32), "one": np.array(1, np.float32)}
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3]),
        helper.make_node("Mul", ["mean", "tenth"], ["little"]),
        helper.make_node("Add", ["little", "one"], ["gain"]),
    ]
    outputs: list[tuple[str, Any]] = []
    for place, answer in enumerate((first, *others)):
        values[f"answer{place}"] = answer
        values[f"axes{place}"] = np.array([-1, *(1 for _ in answer.shape[1:])], np.int64)
        own = helper.make_node("Reshape", ["gain", f"axes{place}"], [f"gain{place}"])
        told = helper.make_node("Mul", [f"answer{place}", f"gain{place}"], [f"output{place}"])
        nodes += [own, told]
        outputs.append((f"output{place}", ("batch", *answer.shape[1:])))
    return nodes, values, outputs


def _answers(kind: str, random: np.random.Generator) -> list[np.ndarray]:
    """What the file answers before the image's brightness has its little say."""
    if kind in ("classify", "several"):
        return [random.normal(0, 1, (1, 2)).astype(np.float32)]
    centres = random.uniform(8, SIDE - 8, (2, PLACES))
    sides = random.uniform(6, 30, (2, PLACES))
    scores = random.uniform(0, 0.85, (2, PLACES)) ** 2
    rows = [centres, sides, scores]
    if kind == "rotated":
        rows.append(random.uniform(-1.5, 1.5, (1, PLACES)))
    if kind == "keypoints":
        points = [[*random.uniform(5, 59, (2, PLACES)), random.uniform(0, 0.9, PLACES)]
                  for _ in BONES.names]  # fmt: skip
        rows += [np.array(point) for point in points]
    if kind == "listed":
        corners = [centres - sides / 2, centres + sides / 2]
        numbers = random.integers(0, 2, (1, PLACES))
        listed = np.concatenate([*corners, scores[:1], numbers]).T[None]
        return [listed.astype(np.float32)]
    if kind == "instance":
        rows.append(random.normal(0, 1, (MAPS, PLACES)))
    found = [np.concatenate(rows)[None].astype(np.float32)]
    if kind == "instance":
        small = random.normal(0, 1, (MAPS, 4, 4)).astype(np.float32)
        maps = [cv2.resize(plane, (SIDE // 4, SIDE // 4)) for plane in small]
        found.append(np.stack(maps)[None].astype(np.float32))
    if kind == "own masks":
        found.append(random.uniform(0, 1, (1, PLACES, 7, 7)).astype(np.float32))
    return found


def picture(path: Path, width: int, height: int, *, seed: int = 0, deep: bool = False) -> Path:
    """A smooth picture of random colours; `deep`: of 16 bits."""
    random = np.random.default_rng(seed)
    small = random.uniform(0, 255, (5, 6, 3)).astype(np.float32)
    pixels = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), (pixels * 200).astype(np.uint16) if deep else
                       pixels.astype(np.uint8))  # fmt: skip
    return path

"""Use an exported file: ONNX Runtime, numpy and CVStudio's own decoding; no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.config import Views
from cvstudio.core.errors import FormatError, ImageError
from cvstudio.core.jobdir import write_json
from cvstudio.core.masks import Mask, to_coco
from cvstudio.core.predictions import Found, Prediction
from cvstudio.imaging.decode import probe, read_rgb
from cvstudio.ml import foreign_file
from cvstudio.ml.answer import answer
from cvstudio.ml.environment import threads
from cvstudio.ml.onnx_file import INPUT, KEY, FileRecord
from cvstudio.ml.preprocess import Image
from cvstudio.ml.views import seen_from

_state = ort.capi.onnxruntime_pybind11_state
# What ONNX Runtime raises for a file that it cannot use; these have no base of their own.
_REFUSALS = (
    _state.InvalidProtobuf, _state.InvalidGraph, _state.InvalidArgument, _state.NoSuchFile,
    _state.NotImplemented, _state.Fail, _state.RuntimeException,
)  # fmt: skip


class OnnxNetwork:
    """An exported file, ready to answer; the counterpart of a LoadedNetwork.

    Raises FormatError when the file is no ONNX file, or was exported neither by CVStudio nor, for
    detection or segmentation of objects, by ultralytics.
    """

    def __init__(
        self, path: Path, *, thread_count: int | None = None, views: Views = Views.ONE
    ) -> None:
        self.views = views
        if not path.is_file():
            raise FormatError(f"There is no file {path}.", path=path)
        options = ort.SessionOptions()
        options.intra_op_num_threads = thread_count or threads()
        options.log_severity_level = 3
        try:
            self.session = ort.InferenceSession(
                os.fspath(path), options, providers=["CPUExecutionProvider"]
            )
        except _REFUSALS as error:
            raise FormatError(f"{path.name} is not a usable ONNX file.", path=path) from error
        kept = self.session.get_modelmeta().custom_metadata_map
        if KEY not in kept and foreign_file.is_ultralytics(kept):
            self.record = foreign_file.record_of(
                kept, self.session.get_inputs(), self.session.get_outputs(), name=path.name
            )
        else:
            self.record = FileRecord.from_text(kept.get(KEY), name=path.name)
        self.preprocessor = self.record.preprocessing

    @property
    def task(self) -> Task:
        return self.record.task

    @property
    def several(self) -> bool:
        """Whether an image may have several classes."""
        return self.record.several

    @property
    def classes(self) -> tuple[LabelClass, ...]:
        return self.record.classes

    @property
    def class_ids(self) -> tuple[int, ...]:
        return tuple(c.id for c in self.classes)

    def raw(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        """The outputs for (N, 3, H, W), RGB from 0 to 1, as decode.decode() reads them."""
        outputs: list[NDArray[Any]] = self.session.run(None, {INPUT: batch})
        return outputs

    def predict(self, rgbs: Sequence[Image], image_ids: Sequence[int]) -> list[Prediction]:
        """Predictions for RGB images of any sizes, in image coordinates."""
        return answer(
            seen_from(self.raw, self.task, self.views, several=self.several), rgbs, image_ids,
            task=self.task, preprocessor=self.preprocessor, class_ids=self.class_ids,
            several=self.several,
        )  # fmt: skip


def predict_files(
    onnx: Path,
    paths: Iterable[Path],
    output: Path | None = None,
    *,
    score: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Answer for image files (every page) and give, or also write, the answers as plain JSON.

    {"file", "task", "classes", "score", "warning", "images": [...], "problems": [...]}; "warning"
    says when the network had learned nothing ("" otherwise). Each image has
    "file", "page", "width", "height" and, by task, "scores" {class name: probability} and "class",
    where images may have several also "classes" [those whose probability is `score` or more];
    "objects" [{"class", "score", "box": [x, y, w, h], "segmentation": COCO RLE}] from `score`
    upwards (None: the one stored in the file); or "regions" {class name: COCO RLE}. An image that
    cannot be read is listed under "problems" and stops nothing. Raises FormatError for the file.
    """
    network = OnnxNetwork(onnx)
    files = list(paths)
    images: list[dict[str, Any]] = []
    problems: list[dict[str, str]] = []
    for done, path in enumerate(files, start=1):
        try:
            for info in probe(path):
                images.append(_row(network, path, info.page, score=score))
        except ImageError as error:
            problems.append({"file": os.fspath(path), "problem": error.message})
        if progress is not None:
            progress(done, len(files))
    content = _content(network, onnx, images, problems, score=score)
    if output is not None:
        write_json(output, content)
    return content


def predict_page(
    network: OnnxNetwork, onnx: Path, path: Path, page: int, *, score: float | None = None
) -> dict[str, Any]:
    """The content of predict_files for one page of one file. Raises ImageError."""
    return _content(network, onnx, [_row(network, path, page, score=score)], [], score=score)


def _content(
    network: OnnxNetwork,
    onnx: Path,
    images: list[dict[str, Any]],
    problems: list[dict[str, str]],
    *,
    score: float | None,
) -> dict[str, Any]:
    return {
        "file": onnx.name,
        "task": network.task.value,
        "classes": [{"id": c.id, "name": c.name, "colour": c.colour} for c in network.classes],
        "score": network.record.score if score is None else score,
        "warning": network.record.warning,
        "images": images,
        "problems": problems,
    }


def _row(network: OnnxNetwork, path: Path, page: int, *, score: float | None) -> dict[str, Any]:
    rgb = read_rgb(path, page, network.record.window)
    (prediction,) = network.predict([rgb], [0])
    floor = network.record.score if score is None else score
    row = {"file": os.fspath(path), "page": page}
    told = _told(prediction, rgb.shape, network.classes, floor or 0, several=network.several)
    return {**row, **told}


def _told(
    prediction: Prediction,
    shape: tuple[int, ...],
    classes: Sequence[LabelClass],
    floor: float,
    *,
    several: bool,
) -> dict[str, Any]:
    """A prediction with class names in the place of ids."""
    height, width = shape[:2]
    names = {c.id: c.name for c in classes}
    row: dict[str, Any] = {"width": width, "height": height}
    if prediction.scores is not None:
        scores = {names[key]: value for key, value in prediction.scores.items()}
        best = max(scores, key=lambda name: scores[name])
        if several:
            held = [name for name, value in scores.items() if value >= floor]
            return {**row, "class": best, "classes": held, "scores": scores}
        return {**row, "class": best, "scores": scores}
    if prediction.regions is not None:
        regions = {names[key]: _code(mask, height, width)
                   for key, mask in prediction.regions.items()}  # fmt: skip
        return {**row, "regions": regions}
    objects = [
        _object(found, names[found.class_id], height, width)
        for found in prediction.objects
        if found.score >= floor
    ]
    return {**row, "objects": objects}


def _object(found: Found, name: str, height: int, width: int) -> dict[str, Any]:
    box = found.box
    row: dict[str, Any] = {
        "class": name,
        "score": round(found.score, 6),
        "box": [round(value, 3) for value in (box.x, box.y, box.w, box.h)],
    }
    if found.mask is not None:
        row["segmentation"] = _code(found.mask, height, width)
    return row


def _code(mask: Mask, height: int, width: int) -> dict[str, Any]:
    return to_coco(mask, height=height, width=width)

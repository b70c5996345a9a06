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
from cvstudio.core.answers import Teller
from cvstudio.core.config import Views
from cvstudio.core.errors import FormatError, ImageError
from cvstudio.core.forms import Form
from cvstudio.core.jobdir import write_json
from cvstudio.core.masks import Mask, to_coco
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.words import counted
from cvstudio.imaging.decode import probe
from cvstudio.ml import foreign_file
from cvstudio.ml.answer import Compute, answer
from cvstudio.ml.environment import threads
from cvstudio.ml.onnx_file import INPUT, KEY, FileRecord
from cvstudio.ml.preprocess import Image
from cvstudio.ml.seeing import see
from cvstudio.ml.views import seen_from

_state = ort.capi.onnxruntime_pybind11_state
# What ONNX Runtime raises for a file that it cannot use; these have no base of their own.
_REFUSALS = (
    _state.InvalidProtobuf, _state.InvalidGraph, _state.InvalidArgument, _state.NoSuchFile,
    _state.NotImplemented, _state.Fail, _state.RuntimeException,
)  # fmt: skip


class ExportedNetwork:
    """A file that can answer, whatever runs it; the counterpart of a LoadedNetwork."""

    def __init__(self, record: FileRecord, compute: Compute, *, views: Views = Views.ONE) -> None:
        self.record, self.views = record, views
        self.preprocessor = record.preprocessing
        self._compute = compute

    @property
    def task(self) -> Task:
        return self.record.task

    @property
    def several(self) -> bool:
        """Whether an image may have several classes."""
        return self.record.several

    @property
    def form(self) -> Form:
        """What it answers with of each object."""
        return self.record.form

    @property
    def classes(self) -> tuple[LabelClass, ...]:
        return self.record.classes

    @property
    def class_ids(self) -> tuple[int, ...]:
        return tuple(c.id for c in self.classes)

    def outputs(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        """The file's own outputs for (N, channels, H, W), from 0 to 1.

        Raises FormatError when they are for another number of images.
        """
        found = list(self._compute(batch))
        if any(len(output) != len(batch) for output in found):
            raise FormatError(f"The file cannot answer for {counted(len(batch), 'image')} at once.")
        return found

    def raw(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        """The outputs for (N, channels, H, W), from 0 to 1, as decode.decode() reads them."""
        outputs = self.outputs(batch)
        if self.record.lists_objects:
            return foreign_file.written_out(outputs, len(self.classes))
        return outputs

    def predict(self, rgbs: Sequence[Image], image_ids: Sequence[int]) -> list[Prediction]:
        """Predictions for RGB images of any sizes, in image coordinates."""
        return answer(
            seen_from(self.raw, self.task, self.views, several=self.several, form=self.form),
            rgbs, image_ids, task=self.task, preprocessor=self.preprocessor,
            class_ids=self.class_ids, several=self.several, form=self.form,
            correction=self.record.thresholds.correction,
        )  # fmt: skip


class OnnxNetwork(ExportedNetwork):
    """An ONNX file, ready to answer.

    Raises FormatError when the file is no ONNX file, or was exported neither by CVStudio nor, for
    detection or segmentation of objects, by ultralytics.
    """

    def __init__(
        self, path: Path, *, thread_count: int | None = None, views: Views = Views.ONE
    ) -> None:
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
            record = foreign_file.record_of(
                kept, self.session.get_inputs(), self.session.get_outputs(), name=path.name
            )
        else:
            record = FileRecord.from_text(kept.get(KEY), name=path.name)
        super().__init__(record, self._run, views=views)

    def _run(self, batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        outputs: list[NDArray[Any]] = self.session.run(None, {INPUT: batch})
        return outputs


def predict_files(
    onnx: Path,
    paths: Iterable[Path],
    output: Path | None = None,
    *,
    score: float | None = None,
    views: Views = Views.ONE,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Answer for image files (every page) and give, or also write, the answers as plain JSON.

    {"file", "task", "classes", "score", "views", "warning", "images": [...], "problems": [...]};
    "warning" says when the network had learned nothing ("" otherwise). Each image has
    "file", "page" (from 1), "width", "height" and, by task, "scores" {class name: probability} and
    "class", where images may have several also "classes" [those whose probability is `score` or
    more; None: each from its own score in the file];
    "objects" [{"class", "score", "box": [x, y, w, h], "segmentation": COCO RLE}] from `score`
    upwards (None: the one stored in the file), where the network answers so also "rotated_box":
    [x and y of the centre, width, height, clockwise degrees] or "keypoints": {name: [x, y, how sure
    it is]}; or "regions" {class name: COCO RLE}. An image that
    cannot be read is listed under "problems" and stops nothing. Raises FormatError for the file.
    """
    network = OnnxNetwork(onnx, views=views)
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
    return plain_content(
        teller_of(network, onnx.name), images, problems, views=network.views, score=score
    )


def teller_of(network: OnnxNetwork, name: str) -> Teller:
    """Who answers when a file of that name does."""
    record = network.record
    own = {key: score for key, score in record.class_scores.items() if score is not None}
    return Teller(
        name, network.task, network.classes, network.several, network.form, record.score, own,
        network.several or record.own_scores, record.warning,
    )  # fmt: skip


def plain_content(
    teller: Teller,
    images: list[dict[str, Any]],
    problems: list[dict[str, str]],
    *,
    views: Views,
    score: float | None,
) -> dict[str, Any]:
    """What is written about many images, see predict_files."""
    floors = teller.usual_floors(score)
    return {
        "file": teller.name,
        "task": teller.task.value,
        "classes": [{"id": c.id, "name": c.name, "colour": c.colour} for c in teller.classes],
        "score": teller.score if score is None else score,
        **({"class_scores": {c.name: floors[c.id] for c in teller.classes}}
           if teller.several else {}),
        "views": views.value,
        "warning": teller.warning,
        "images": images,
        "problems": problems,
    }  # fmt: skip


def _row(network: OnnxNetwork, path: Path, page: int, *, score: float | None) -> dict[str, Any]:
    rgb = see(path, page, network.record.window, network.preprocessor)
    (prediction,) = network.predict([rgb], [0])
    row = {"file": os.fspath(path), "page": page + 1}
    height, width = rgb.shape[:2]
    told = plain_answer(prediction, (width, height), teller_of(network, ""), score)
    return {**row, **told}


def plain_answer(
    prediction: Prediction, size: tuple[int, int], teller: Teller, score: float | None
) -> dict[str, Any]:
    """A prediction for an image of (width, height) as plain JSON, with class names in the place of
    ids."""
    width, height = size
    names = {c.id: c.name for c in teller.classes}
    row: dict[str, Any] = {"width": width, "height": height}
    floors = teller.usual_floors(score)
    if prediction.scores is not None:
        scores = {names[key]: value for key, value in prediction.scores.items()}
        best = max(scores, key=lambda name: scores[name])
        if teller.several:
            held = [names[key] for key, value in prediction.scores.items() if value >= floors[key]]
            return {**row, "class": best, "classes": held, "scores": scores}
        return {**row, "class": best, "scores": scores}
    if prediction.regions is not None:
        regions = {names[key]: _code(mask, height, width)
                   for key, mask in prediction.regions.items()}  # fmt: skip
        return {**row, "regions": regions}
    objects = [
        _object(found, names[found.class_id], height, width, teller.form)
        for found in prediction.objects
        if found.score >= floors[found.class_id]
    ]
    return {**row, "objects": objects}


def _object(found: Found, name: str, height: int, width: int, form: Form) -> dict[str, Any]:
    box = found.box
    row: dict[str, Any] = {
        "class": name,
        "score": round(found.score, 6),
        "box": [round(value, 3) for value in (box.x, box.y, box.w, box.h)],
    }
    if found.mask is not None:
        row["segmentation"] = _code(found.mask, height, width)
    if found.rotated is not None:
        turned = found.rotated
        row["rotated_box"] = [
            round(value, 3) for value in (turned.cx, turned.cy, turned.w, turned.h, turned.angle)
        ]
    if found.points is not None and form.skeleton is not None:
        rows = zip(form.skeleton.names, found.points.points.tolist(), found.sure, strict=True)
        row["keypoints"] = {
            point: [round(x, 3), round(y, 3), round(sure, 4)] for point, (x, y, _), sure in rows
        }
    return row


def _code(mask: Mask, height: int, width: int) -> dict[str, Any]:
    return to_coco(mask, height=height, width=width)

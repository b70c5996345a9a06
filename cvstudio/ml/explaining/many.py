"""The job of many heat maps: pictures of chosen cases with a list of them, or the mean by class."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.config import ExplainCase, ExplainManyConfig
from cvstudio.core.errors import CVStudioError, RunError
from cvstudio.core.events import Note, Outcome, Phase, Progress
from cvstudio.core.geometry import Box, overlap
from cvstudio.core.jobdir import JobDir, Request, replace_file, write_json
from cvstudio.core.predictions import Prediction, read_predictions
from cvstudio.core.snapshot import Snapshot, SnapshotImage, read_snapshot
from cvstudio.core.words import counted
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.drawing import Mark, draw, marks_of_answer, marks_of_labels
from cvstudio.imaging.heat import overlay
from cvstudio.ml.explaining.averaging import CAVEAT_IMAGES, CAVEAT_OBJECTS, Mean
from cvstudio.ml.explaining.choosing import SAME_OBJECT
from cvstudio.ml.explaining.explain import Question, ask
from cvstudio.ml.explaining.heat import Explanation
from cvstudio.ml.explaining.picture import write_picture
from cvstudio.ml.load import LoadedNetwork, load_network
from cvstudio.ml.seeing import see

AVERAGES = "averages.json"
LIST = "pictures.csv"
_LONGEST = 960
"""Pixels of the longer side of one of the three panels."""
_GAP = 8
_COLUMNS = (
    "picture", "image", "page", "kind", "labelled", "predicted", "score", "explained",
    "probability", "x", "y", "width", "height", "method", "layer", "note",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def run_explain_many(job: JobDir, config: ExplainManyConfig) -> Outcome:
    """Draw the cases of a run, or the mean of each class where there are none.

    An image that cannot be read or explained is left out with a note. Raises RunError when nothing
    could be drawn, or the split has nothing to explain.
    """
    job.emit(Phase(text="Loading the network"))
    network = load_network(config.run_directory, device=config.device)
    # The window hands over the labels that it judges by; else they are those that the run saw.
    own = job.snapshot.is_file()
    snapshot = read_snapshot(job.snapshot if own else JobDir(config.run_directory).snapshot)
    folder = config.folder or job.path
    folder.mkdir(parents=True, exist_ok=True)
    if config.cases:
        return _draw_all(job, config, network, snapshot, folder)
    return _average(job, config, network, snapshot, folder)


# -- pictures of cases


def _draw_all(
    job: JobDir, config: ExplainManyConfig, network: LoadedNetwork, snapshot: Snapshot, folder: Path
) -> Outcome:
    images = {image.id: image for image in snapshot.images}
    answers = _answers(config, {case.image_id for case in config.cases})
    rows: list[dict[str, Any]] = []
    job.emit(Phase(text=f"Drawing {counted(len(config.cases), 'heat map')}"))
    for number, case in enumerate(config.cases, start=1):
        if job.asked() is Request.CANCEL:
            _write_list(folder / LIST, rows)
            return Outcome.CANCELLED
        image = images.get(case.image_id)
        if image is None:
            job.emit(Note(text=f"Image {case.image_id} is not among those of the run."))
            continue
        try:
            picture, found = _drawn(network, snapshot, image, case, config, answers)
        except CVStudioError as error:
            job.emit(Note(text=f"{image.path.name}: {error.message}"))
        else:
            name = _name(number, case, image)
            write_picture(folder / name, picture)
            rows.append(_row(name, image, case, found, config, network.classes))
        job.emit(Progress(done=number, total=len(config.cases)))
    _write_list(folder / LIST, rows)
    if not rows:
        raise RunError("None of the images could be explained.", hint="Its notes say why.")
    return Outcome.FINISHED


def _answers(config: ExplainManyConfig, wanted: set[int]) -> dict[int, Prediction]:
    path = JobDir(config.run_directory).predictions(config.split)
    if not path.is_file():
        return {}
    return {found.image_id: found for found in read_predictions(path) if found.image_id in wanted}


def _drawn(
    network: LoadedNetwork, snapshot: Snapshot, image: SnapshotImage, case: ExplainCase,
    config: ExplainManyConfig, answers: Mapping[int, Prediction],
) -> tuple[NDArray[np.uint8], Explanation]:  # fmt: skip
    """Labels, answer and heat side by side. Raises CVStudioError."""
    where = (image.path, image.page, image.window)
    seen = see(*where, network.preprocessor)
    rgb = seen if seen.dtype == np.uint8 else read_rgb(*where)
    box = Box(*case.box) if case.box is not None else None
    found = ask(network, seen, Question(case.class_id, box, config.method, config.layer))
    if image.id not in answers:
        (answer,) = network.predict([seen], [image.id])
    else:
        answer = answers[image.id]
    classes = {c.id: c for c in snapshot.classes}
    scale = min(_LONGEST / max(rgb.shape[:2]), 1.0)
    # OpenCV draws letters of ASCII only; the list has every name.
    words = all(c.name.isascii() for c in snapshot.classes)
    frame = [Mark((255, 255, 255), "", box or found.box)] if box or found.box else []
    marks = (
        [*marks_of_labels(image.annotations, classes, snapshot.skeletons), *frame],
        [*marks_of_answer(answer, classes, snapshot.skeletons, least=config.score), *frame],
        frame,
    )
    grounds = (rgb, rgb, overlay(rgb, found.heat, config.opacity))
    panels = [
        draw(ground, some, words=words, scale=scale)
        for ground, some in zip(grounds, marks, strict=True)
    ]
    gap = np.full((panels[0].shape[0], _GAP, 3), 255, np.uint8)
    return np.hstack([panels[0], gap, panels[1], gap, panels[2]]), found


def _name(number: int, case: ExplainCase, image: SnapshotImage) -> str:
    """A name that sorts as the cases do and says what they are."""
    said = "-".join(filter(None, (case.kind, case.labelled, case.predicted, image.path.stem)))
    return f"{number:04d}-{re.sub(r'[^0-9A-Za-z]+', '-', said).strip('-')[:80]}.png"


def _row(
    name: str, image: SnapshotImage, case: ExplainCase, found: Explanation,
    config: ExplainManyConfig, classes: Sequence[LabelClass],
) -> dict[str, Any]:  # fmt: skip
    box = found.box
    names = {c.id: c.name for c in classes}
    return {
        "picture": name, "image": image.path.name, "page": image.page + 1, "kind": case.kind,
        "labelled": case.labelled, "predicted": case.predicted,
        "score": "" if case.score is None else round(case.score, 4),
        "explained": names[found.class_id], "probability": round(found.score, 4),
        "x": round(box.x, 1) if box else "", "y": round(box.y, 1) if box else "",
        "width": round(box.w, 1) if box else "", "height": round(box.h, 1) if box else "",
        "method": config.method, "layer": found.layer, "note": found.note,
    }  # fmt: skip


def _write_list(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """The list as CSV that spreadsheets open; words that they would run are shown as words."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        plain = {
            key: f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
            for key, value in row.items()
        }
        writer.writerow(plain)
    replace_file(path, text.getvalue().encode("utf-8-sig"))


# -- means by class


def _average(
    job: JobDir, config: ExplainManyConfig, network: LoadedNetwork, snapshot: Snapshot, folder: Path
) -> Outcome:
    wanted = list(_to_average(snapshot, config, network.class_ids))
    if not wanted:
        raise RunError(f"No image of {config.split} is labelled with a class of this network.")
    means = {class_id: Mean(class_id) for class_id in network.class_ids}
    looked = dict.fromkeys(network.class_ids, 0)
    objects = network.task in (Task.DETECT, Task.INSTANCE)
    job.emit(Phase(text=f"Laying {counted(len(wanted), 'heat map')} over each other"))
    told = 0
    for number, (image, class_id, box) in enumerate(wanted, start=1):
        if job.asked() is Request.CANCEL:
            return Outcome.CANCELLED
        where = (image.path, image.page, image.window)
        try:
            seen = see(*where, network.preprocessor)
            (answer,) = network.predict([seen], [image.id])
            if _finds(answer, class_id, box, config.score, several=network.several):
                found = ask(network, seen, Question(class_id, box, config.method, config.layer))
                rgb = seen if seen.dtype == np.uint8 else read_rgb(*where)
                means[class_id].add(rgb, found.heat, box if objects else None)
            looked[class_id] += 1
        except CVStudioError as error:
            if told < 20:
                job.emit(Note(text=f"{image.path.name}: {error.message}"))
            told += 1
        job.emit(Progress(done=number, total=len(wanted)))
    rows = []
    for known in network.classes:
        mean, name = means[known.id], None
        if mean.count:
            rgb, heat = mean.result()
            name = f"average-{known.id}.png"
            write_picture(folder / name, overlay(rgb, heat, config.opacity))
        if looked[known.id]:
            of = {"count": mean.count, "looked": looked[known.id], "file": name}
            rows.append({"class": known.id, "name": known.name, **of})
    if not rows:
        raise RunError("None of the images could be explained.", hint="Its notes say why.")
    caveat = CAVEAT_OBJECTS if objects else CAVEAT_IMAGES
    content = {
        "split": config.split, "method": config.method, "layer": config.layer,
        "of": "object" if objects else "image", "caveat": caveat, "classes": rows,
    }  # fmt: skip
    write_json(folder / AVERAGES, content)
    return Outcome.FINISHED


def _finds(
    answer: Prediction, class_id: int, box: Box | None, score: float, *, several: bool
) -> bool:  # fmt: skip
    """Whether a network gives the answer that a heat map is to explain: where it does not, there is
    a map all the same, of an answer that nobody ever hears."""
    if answer.scores is not None:
        if several:
            return answer.scores[class_id] >= score
        return max(answer.scores.items(), key=lambda item: item[1])[0] == class_id
    if answer.regions is not None:
        return class_id in answer.regions and answer.regions[class_id].area > 0
    return box is not None and any(
        one.class_id == class_id and one.score >= score and overlap(one.box, box) >= SAME_OBJECT
        for one in answer.objects
    )


def _to_average(
    snapshot: Snapshot, config: ExplainManyConfig, class_ids: Sequence[int]
) -> Iterator[tuple[SnapshotImage, int, Box | None]]:
    """Up to `most` images or objects of each class, as they are labelled, spread over the split."""
    found: dict[int, list[tuple[SnapshotImage, int, Box | None]]] = {i: [] for i in class_ids}
    for image in snapshot.of(config.split):
        seen: set[int] = set()
        for one in image.annotations:
            if one.class_id not in found or one.crowd:
                continue
            if snapshot.task in (Task.DETECT, Task.INSTANCE):
                if one.box.area > 0:
                    found[one.class_id].append((image, one.class_id, one.box))
            elif one.class_id not in seen:
                seen.add(one.class_id)
                found[one.class_id].append((image, one.class_id, None))
    for rows in found.values():
        step = max(len(rows) / config.most, 1.0)
        yield from (rows[int(place * step)] for place in range(min(len(rows), config.most)))

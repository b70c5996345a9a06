"""Which images to label next: those of which the network is unsure, on which two runs differ, and
which are unlike all that is labelled. One list, and for each image why it is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cvstudio.core import doubt, similarity
from cvstudio.core.annotation import Review, Task
from cvstudio.core.embedding import Embeddings
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import iou_matrix
from cvstudio.core.predictions import Found, Prediction
from cvstudio.core.words import counted, percent, quoted
from cvstudio.project import queries
from cvstudio.project.project import Project

SURE = 0.25
"""Objects of a lower score are not held against those of another run."""
SAME = 0.5
"""Overlap (IoU) from which two objects are the same thing."""
_SAID = 0.25
"""How unsure, or how different, something must be before it is said as a reason."""
_FAR = 1.3
"""Times the usual distance from which an image is called unlike those that are labelled."""
_NOTHING_APART = 1e-6
_PLAIN = 0.15
"""What an image without any doubt counts, so that what nobody would guess has a chance too."""


class By(StrEnum):
    """What speaks for an image."""

    ALL = "all"
    DOUBT = "doubt"
    DIFFERENCE = "difference"
    VARIETY = "variety"


@dataclass(frozen=True, slots=True)
class Choice:
    """An image that is worth a label. `doubt` and `difference` go from 0 to 1; `far` is how many
    times the usual distance it lies from what is labelled, or chosen before it."""

    image_id: int
    doubt: float
    difference: float
    far: float
    reason: str


@dataclass(frozen=True, eq=False)
class RunOpinion:
    """What a run makes of the images: its embeddings of images, its answers and its title."""

    embeddings: Embeddings
    answers: Mapping[int, Prediction]
    title: str


def label_next(
    project: Project, run: RunOpinion, other: RunOpinion | None = None, *, count: int = 50,
    by: By = By.ALL, cancelled: Callable[[], bool] = lambda: False,
) -> list[Choice]:  # fmt: skip
    """The unlabelled images that teach most, the best first; `other`, a second run to differ from.

    With `By.ALL`, each next image is the one that is farthest from all labelled and chosen ones,
    where a distance counts the more the less sure the runs are: doubt alone would choose one image
    and all its sisters. Raises RunError when nothing is left to label, similarity.Stopped.
    """
    if run.embeddings.of_objects:
        raise RunError("The list is made from embeddings of whole images.")
    if by is By.DIFFERENCE and other is None:
        raise RunError("Two runs are needed to see where they differ.")
    with project.read() as s:
        records = queries.images(s, run.embeddings.images.tolist())
        names = {c.id: c.name for c in queries.classes(s)}
    waiting = {r.id for r in records if r.review is Review.UNLABELLED}
    if not waiting:
        raise RunError(
            "Every image that the run has seen is labelled.",
            hint="Bring in new images, and make the map again.",
        )
    found = _weighed(run, other, waiting)
    known = run.embeddings.vectors[~np.isin(run.embeddings.images, list(waiting))]
    return _chosen(found, known, count, by, _Words(project.task, names, run, other), cancelled)


@dataclass(frozen=True, eq=False)
class _Weighed:
    """The waiting images: ids (n,), vectors (n, d), doubt and difference (n,)."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float16]
    doubts: NDArray[np.float32]
    differences: NDArray[np.float32]


def _weighed(run: RunOpinion, other: RunOpinion | None, waiting: set[int]) -> _Weighed:
    rows = np.isin(run.embeddings.images, list(waiting))
    ids = run.embeddings.images[rows]
    doubts = dict(zip(run.embeddings.seen.tolist(), run.embeddings.doubts.tolist(), strict=True))
    apart = [0.0] * len(ids)
    if other is not None:
        apart = [difference(run.answers.get(i), other.answers.get(i)) for i in ids.tolist()]
    return _Weighed(
        ids, run.embeddings.vectors[rows],
        np.array([doubts.get(i, 0.0) for i in ids.tolist()], np.float32),
        np.array(apart, np.float32),
    )  # fmt: skip


def _chosen(
    found: _Weighed, known: NDArray[np.float16], count: int, by: By, words: _Words,
    cancelled: Callable[[], bool],
) -> list[Choice]:  # fmt: skip
    everything = np.concatenate([known, found.vectors])
    rows = similarity.centred(found.vectors, everything)
    others = similarity.centred(known, everything)
    usual = max(
        similarity.usual_distance(similarity.centred(everything, everything)), _NOTHING_APART
    )
    told = np.maximum(found.doubts, found.differences)
    if by in (By.DOUBT, By.DIFFERENCE):
        value = found.doubts if by is By.DOUBT else found.differences
        order = np.argsort(-value, kind="stable")[:count].tolist()
        gaps = (
            similarity.nearest(rows[order], others, 1, stopped=cancelled).distances[:, 0].tolist()
            if len(others) else [0.0] * len(order)
        )  # fmt: skip
    else:
        weights = None if by is By.VARIETY else (_PLAIN + told).astype(np.float32)
        order, gaps = similarity.far_apart(rows, others, count, weights=weights, stopped=cancelled)
    return [
        Choice(
            int(found.ids[at]), float(found.doubts[at]), float(found.differences[at]), gap / usual,
            words.reason(int(found.ids[at]), float(found.doubts[at]),
                         float(found.differences[at]), gap / usual),
        )
        for at, gap in zip(order, gaps, strict=True)
    ]  # fmt: skip


def difference(one: Prediction | None, other: Prediction | None) -> float:
    """How much two answers for an image differ, from 0 to 1; 0 where one is missing.

    classify: half the sum of the differences of the probabilities (total variation). detect,
    instance: the share of objects that the other has not, of the same class in the same place.
    segment: the share of pixels with a class on which they do not agree.
    """
    if one is None or other is None:
        return 0.0
    if one.scores is not None and other.scores is not None:
        keys = one.scores.keys() | other.scores.keys()
        apart = sum(abs(one.scores.get(k, 0) - other.scores.get(k, 0)) for k in keys)
        return min(apart / 2, 1.0)
    if one.regions is not None and other.regions is not None:
        return _pixels_apart(one, other)
    mine, theirs = _sure(one), _sure(other)
    if not mine and not theirs:
        return 0.0
    return 1 - 2 * _matched(mine, theirs) / (len(mine) + len(theirs))


def _sure(prediction: Prediction) -> list[Found]:
    return [found for found in prediction.objects if found.score >= SURE]


def _matched(mine: Sequence[Found], theirs: Sequence[Found]) -> int:
    """How many objects both have, each with one at most, the best overlaps first."""
    if not mine or not theirs:
        return 0
    a, b = (
        np.array([[f.box.x, f.box.y, f.box.w, f.box.h] for f in some], np.float64)
        for some in (mine, theirs)
    )
    overlaps = iou_matrix(a, b)
    alike = np.array([[f.class_id == g.class_id for g in theirs] for f in mine])
    overlaps = np.where(alike, overlaps, 0)
    matched = 0
    while overlaps.max() >= SAME:
        row, column = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        overlaps[row, :] = overlaps[:, column] = 0
        matched += 1
    return matched


def _pixels_apart(one: Prediction, other: Prediction) -> float:
    """Regions of one answer do not overlap: what both call the same is what they share."""
    mine, theirs = one.regions or {}, other.regions or {}
    masks = [*mine.values(), *theirs.values()]
    if not masks:
        return 0.0
    width = int(max(mask.box.right for mask in masks))
    height = int(max(mask.box.bottom for mask in masks))
    maps = np.zeros((2, height, width), np.int32)
    for canvas, regions in zip(maps, (mine, theirs), strict=True):
        for class_id, mask in regions.items():
            mask.paint(canvas, class_id)
    said = maps.any(axis=0)
    return float((maps[0] != maps[1])[said].mean()) if said.any() else 0.0


@dataclass(frozen=True, eq=False)
class _Words:
    """Why an image was chosen, as a person would say it."""

    task: Task
    names: Mapping[int, str]
    run: RunOpinion
    other: RunOpinion | None

    def reason(self, image_id: int, unsure: float, apart: float, far: float) -> str:
        """The reasons that weigh, in one line."""
        answer = self.run.answers.get(image_id)
        parts = []
        if answer is not None and unsure >= _SAID:
            parts.append(self._unsure(answer, unsure))
        if apart >= _SAID and answer is not None and self.other is not None:
            parts.append(self._apart(answer, self.other.answers[image_id]))
        if far >= _FAR or not parts:
            parts.append(_far_words(far))
        return "; ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])])

    def _name(self, class_id: int) -> str:
        return quoted(self.names.get(class_id, str(class_id)))

    def _unsure(self, answer: Prediction, unsure: float) -> str:
        if answer.scores is not None:
            best = sorted(answer.scores.items(), key=lambda item: -item[1])[:2]
            shares = " or ".join(f"{self._name(c)} ({percent(v)})" for c, v in best)
            return f"Unsure: {shares}"
        if self.task is Task.SEGMENT:
            return f"Unsure: in {percent(unsure)} of the pixels"
        doubtful = [f for f in answer.objects if doubt.of_object(f.score) >= 0.5]
        if not doubtful:
            return "Unsure of what it found"
        some = sorted(doubtful, key=lambda f: -doubt.of_object(f.score))[:2]
        said = " and ".join(f"{self._name(f.class_id)} ({percent(f.score)})" for f in some)
        if len(doubtful) == len(some):
            return f"Unsure of {said}"
        return f"Unsure of {counted(len(doubtful), 'object')}, as {said}"

    def _apart(self, mine: Prediction, theirs: Prediction) -> str:
        assert self.other is not None
        if mine.scores and theirs.scores:
            one, two = (
                max(scores, key=scores.__getitem__) for scores in (mine.scores, theirs.scores)
            )
            if one != two:
                return (
                    f"{self.run.title} says {self._name(one)}, {self.other.title} {self._name(two)}"
                )
            return f"{self.run.title} and {self.other.title} differ in how sure they are"
        if self.task is Task.SEGMENT:
            return f"{self.run.title} and {self.other.title} colour it differently"
        counts = [counted(len(_sure(each)), "object") for each in (mine, theirs)]
        if counts[0] == counts[1]:
            return f"{self.run.title} and {self.other.title} find other objects"
        return f"{self.run.title} finds {counts[0]}, {self.other.title} {counts[1]}"


def _far_words(far: float) -> str:
    if far >= _FAR:
        return f"Unlike the images before it: {far:.1f} times the usual distance"
    return "Fills a gap between the images that are labelled"

"""What the pixel classifier learns from scribbles: features and samples, in whatever thread."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.geometry import Box
from cvstudio.gui.label.tools.stroke import Stroke
from cvstudio.imaging.regions import pixel_classifier
from cvstudio.imaging.regions.view import Place, Sight

_MOST_IMAGES = 40  # that are remembered, at most 0.6 MB a class each

Strokes = tuple[Stroke, ...]
Labels = NDArray[np.int32]
Samples = dict[int, NDArray[np.float32]]
"""By class, the features of its pixels."""


@dataclass(frozen=True)
class Question:
    """What is classified, and what is known. `across`: use what other images taught."""

    image_id: int
    sight: Sight
    place: Place
    strokes: Strokes
    across: bool


class Learner:
    """Answers questions in a thread, and remembers what questions have in common."""

    def __init__(self) -> None:
        self._features: tuple[Sight, Place, pixel_classifier.Features] | None = None
        self._rows: dict[tuple[Sight, int, Strokes], NDArray[np.float32]] = {}
        self._learnt: dict[int, tuple[int, Samples]] = {}
        self._forgotten = 0
        self._looking = Lock()
        """Held while features are computed: who needs the same ones waits for them."""

    def knows(self, sight: Sight, place: Place) -> bool:
        """Whether the features of a place are there."""
        return self._features is not None and self._features[:2] == (sight, place)

    def look(self, sight: Sight, place: Place) -> None:
        """Compute the features of a place ahead of the first question about it."""
        self._features_of(sight, place)

    def answer(self, question: Question, learnt: dict[int, list[NDArray[np.float32]]]) -> Labels:
        """The class of each pixel of the place, (h, w). `learnt` is what other images taught."""
        begun = self._forgotten
        found = self._features_of(question.sight, question.place)
        known: dict[int, list[NDArray[np.float32]]] = {}
        rows = {}
        for index, stroke in enumerate(question.strokes):
            key = (question.sight, question.place.step, question.strokes[index:])
            own = self._rows.get(key)
            if own is None:
                own = self._rows_of(question, question.strokes[index:], found)
            rows[key] = own
            known.setdefault(stroke.number, []).append(own)
        if begun == self._forgotten:
            self._rows = rows
        for number, more in learnt.items():
            known.setdefault(number, []).extend(more)
        samples = {number: np.concatenate(each) for number, each in known.items()}
        return pixel_classifier.train(samples).predict(found)

    def learnt(self, question: Question) -> dict[int, list[NDArray[np.float32]]]:
        """What other images taught at the same step, by class."""
        result: dict[int, list[NDArray[np.float32]]] = {}
        for image_id, (step, samples) in self._learnt.items() if question.across else ():
            if image_id != question.image_id and step == question.place.step:
                for number, rows in samples.items():
                    result.setdefault(number, []).append(rows)
        return result

    def keep(self, question: Question) -> None:
        """Remember what an image taught, for the others."""
        known: dict[int, list[NDArray[np.float32]]] = {}
        for index, stroke in enumerate(question.strokes):
            key = (question.sight, question.place.step, question.strokes[index:])
            if key in self._rows:
                known.setdefault(stroke.number, []).append(self._rows[key])
        if known:
            joined = {n: pixel_classifier.thinned(np.concatenate(r)) for n, r in known.items()}
            self._learnt.pop(question.image_id, None)
            self._learnt[question.image_id] = (question.place.step, joined)
        while len(self._learnt) > _MOST_IMAGES:
            del self._learnt[next(iter(self._learnt))]

    def forget(self) -> None:
        """Let the memory of the open image go; a thread that is about to keep some does not."""
        self._forgotten += 1
        self._features = None
        self._rows = {}

    def _features_of(self, sight: Sight, place: Place) -> pixel_classifier.Features:
        begun = self._forgotten
        with self._looking:
            kept = self._features
            if kept is not None and kept[0] == sight and kept[1] == place:
                return kept[2]
            found = pixel_classifier.features(sight.take(place).rgb)
            if begun == self._forgotten:
                self._features = (sight, place, found)
            return found

    def _rows_of(
        self, question: Question, strokes: Strokes, found: pixel_classifier.Features
    ) -> NDArray[np.float32]:
        """The features of the first stroke's pixels, less those that a later stroke is about."""
        place, box = question.place, strokes[0].box
        around = place.box
        if not (
            around.x <= box.x and around.y <= box.y
            and box.right <= around.right and box.bottom <= around.bottom
        ):  # fmt: skip
            room = pixel_classifier.MARGIN * place.step
            area = Box(box.x - room, box.y - room, box.w + 2 * room, box.h + 2 * room)
            beside = question.sight.place(
                area, scale=1 / place.step, most=pixel_classifier.MOST_PIXELS
            )
            if beside is None:
                return found.reshape(-1, found.shape[2])[:0]
            place = beside
            found = pixel_classifier.features(question.sight.take(place).rgb)
        inside = np.zeros(found.shape[:2], np.uint8)
        strokes[0].draw(inside, place, 1)
        for later in strokes[1:]:
            later.draw(inside, place, 0)
        return np.asarray(found[inside > 0], np.float32)

"""Asks the live process about the image and pipeline at hand: variants, ladder, trials, times."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from cvstudio.augment.advice import Trials
from cvstudio.augment.editing import Items
from cvstudio.augment.presets import dump_steps
from cvstudio.core.annotation import Annotation, State, Task, carried
from cvstudio.core.networks import default_config
from cvstudio.core.pipeline import Step
from cvstudio.core.recipe import Sees
from cvstudio.core.snapshot import shape_to_json
from cvstudio.core.wire import Message
from cvstudio.core.words import counted
from cvstudio.gui.augment.findings import TRIALS
from cvstudio.gui.studio import Studio
from cvstudio.project import queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord

VARIANTS = 9
_WAIT_MS = 8
_PATIENCE = 0.12
"""Seconds for which the next wish waits for the answer to the last, so that a dragged slider shows
pictures all the way; what takes longer is given up for the newer wish."""
_TRIAL_WAIT_MS = 350
_TRIAL_IMAGES = 60
_TRIAL_SHAPES = 3000


def accepted(annotations: Iterable[Annotation]) -> list[Annotation]:
    """The annotations that count."""
    return [a for a in annotations if a.state is State.ACCEPTED]


def trained(annotations: Iterable[Annotation], task: Task) -> list[Annotation]:
    """Those whose shapes the live process carries along, in its order."""
    return [a for a in annotations if carried(a, task)]


class Preview(QObject):
    """Asks a moment after each change, one wish at a time; the latest change wins."""

    came = Signal(object, object)
    """An answer to "augment", and the class ids of its shapes."""
    rungs_came = Signal(object, object)
    """An answer to "ladder", and the class ids of its shapes."""
    tried = Signal(object)
    """What became of annotations in trial images: Trials, empty where nothing is counted."""
    timed = Signal(object, object)
    """Milliseconds by place, and those of the whole pipeline on average; None while unknown.

    Both are about the steps that are set: an answer about earlier ones is not told, since
    another one is on its way."""
    failed = Signal(str)

    def __init__(self, studio: Studio, project: Project, parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._project = studio, project
        self.image: ImageRecord | None = None
        self.annotations: list[Annotation] = []
        self.steps: Items = ()
        self.rising: Step | None = None
        """The step whose ladder is wanted instead of variants."""
        self.class_ids: list[int] = []
        self.image_ids: Sequence[int] = ()
        self.seed = 0
        self.pixels = 420
        self.sees, self.channels = Sees.DISPLAYED, 3
        """What the next run's network sees of the image, and how many channels that are."""
        self._asked_at: float | None = None
        """When the wish was sent whose answer is awaited."""
        self._soon = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._soon.timeout.connect(self._ask)
        self._trial_soon = QTimer(self, singleShot=True, interval=_TRIAL_WAIT_MS)
        self._trial_soon.timeout.connect(self._ask_trial)

    @property
    def deep(self) -> bool:
        """Whether the next run's network sees every bit and channel."""
        return self.sees is Sees.ALL

    def refresh(self) -> None:
        """Ask for what is set now, soon."""
        if not self._soon.isActive():
            self._soon.start()
        self._trial_soon.start()

    def stop(self) -> None:
        """Ask for nothing more, and take no answer."""
        self._soon.stop()
        self._trial_soon.stop()
        self._studio.live.drop(self)
        self._asked_at = None

    def _header(self) -> dict[str, Any]:
        config = default_config(self._project.task)
        return {
            "task": self._project.task.value,
            "fit": config.fit.value,
            "size": config.image_size,
            "steps": dump_steps(self.steps),
            "seed": self.seed,
            "classes": self.class_ids,
            "sees": self.sees.value,
            "channels": self.channels if self.deep else 3,
        }

    def _told(self, record: ImageRecord, annotations: Iterable[Annotation]) -> dict[str, Any]:
        return {
            "id": record.id,
            "path": str(self._project.image_path(record)),
            "page": record.page,
            "window": record.window,
            "width": record.width,
            "height": record.height,
            "annotations": [
                {"class": a.class_id, "crowd": a.crowd, **shape_to_json(a.shape)}
                for a in annotations
            ],
        }

    def _ask(self) -> None:
        if self.image is None:
            return
        if self._asked_at is not None and time.monotonic() - self._asked_at < _PATIENCE:
            self._soon.start()
            return
        class_ids = [a.class_id for a in trained(self.annotations, self._project.task)]
        header = {**self._shown(), "thumbnail": self.pixels}

        def sorry(text: str, hint: str) -> None:
            self._asked_at = None
            self.failed.emit(f"{text} {hint}".strip())

        def tell(signal: Any, message: Message) -> None:
            self._asked_at = None
            if self._soon.isActive():  # another change waits for this answer
                self._soon.stop()
                self._ask()
            signal.emit(message, class_ids)

        self._asked_at = time.monotonic()
        if self.rising is not None:
            self._studio.live.request(
                "ladder", {**header, "steps": dump_steps((self.rising,))}, failed=sorry, owner=self,
                done=lambda message: tell(self.rungs_came, message),
            )  # fmt: skip
            return
        self._studio.live.request(
            "augment", {**header, "epochs": list(range(1, VARIANTS + 1))}, failed=sorry,
            owner=self, done=lambda message: tell(self.came, message),
        )  # fmt: skip

    def _shown(self) -> dict[str, Any]:
        assert self.image is not None
        return {**self._header(), "image": self._told(self.image, self.annotations)}

    def _ask_times(self) -> None:
        if self.image is None:
            return
        steps = self.steps

        def done(message: Message) -> None:
            if steps != self.steps:
                return
            times = {tuple(place): took for place, took in message.header["times"]}
            self.timed.emit(times, message.header["total"])

        self._studio.live.request(
            "times", self._shown(), done=done, owner=self,
            failed=lambda text, hint: self.timed.emit({}, None),
        )  # fmt: skip

    def _ask_trial(self) -> None:
        self._ask_times()
        if self._project.task is Task.CLASSIFY or not self.image_ids:
            self.tried.emit(Trials())
            return
        # The same images every time, so that figures change with the pipeline only.
        chosen = random.Random(0).sample(
            list(self.image_ids), min(_TRIAL_IMAGES, len(self.image_ids))
        )
        with self._project.read() as session:
            records = queries.images(session, chosen)
            labels = queries.annotations_of(session, chosen)
        told: list[dict[str, Any]] = []
        count = 0
        for record in records:
            found = accepted(labels.get(record.id, []))
            if count and count + len(found) > _TRIAL_SHAPES:
                break
            count += len(found)
            told.append(self._told(record, found))
        steps = self.steps

        def done(message: Message) -> None:
            if steps == self.steps:
                self.tried.emit(_trials(message))

        self._studio.live.request(
            "trial", {**self._header(), "images": told, "count": TRIALS}, done=done,
            failed=lambda text, hint: self.tried.emit(Trials()), owner=self,
        )  # fmt: skip


def seen_words(preview: Preview) -> str:
    """What a network that sees all values gets of the image, and what the pictures show of it."""
    if not preview.deep:
        return ""
    shown = "" if preview.channels <= 3 else "; the pictures show the first three"
    many = counted(preview.channels, "channel")
    return f"The next run sees {many} with all their values{shown}."


def _trials(message: Message) -> Trials:
    told = message.header
    lost_by = {tuple(place): int(count) for place, count in told["lost_by"]}
    return Trials(dict(told["outcomes"]), lost_by, int(told["images"]), int(told["count"]))

"""Asks the live process what prompts mean in the open picture, once it has looked at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from cvstudio.core.geometry import Box
from cvstudio.core.wire import Message
from cvstudio.gui import smart_network
from cvstudio.gui.label.document import Document
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.imaging.regions import smart_view
from cvstudio.imaging.regions.view import Place, Region, Sight, View

NO_NETWORK = (
    "The smart tool needs a file of SAM, SAM 2 or MobileSAM, which is chosen once."
    " Magic wand and GrabCut need none."
)
_PATIENCE = 3000  # ms that the window waits when a picture is left with an answer under way


@dataclass(frozen=True, slots=True)
class Prompt:
    """A point of the object, or of what is not the object; or a box around it. In pixels of the
    image."""

    point: tuple[float, float] | None = None
    box: Box | None = None
    include: bool = True

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Points that have to be in sight of the network."""
        if self.box is not None:
            return ((self.box.x, self.box.y), (self.box.right, self.box.bottom))
        return (self.point,) if self.point is not None else ()


@dataclass(frozen=True, eq=False)
class Question:
    """What prompts mean in a place of a picture. `done` is told the answers, the best first."""

    sight: Sight
    place: Place
    prompts: tuple[Prompt, ...]
    others: bool
    done: Callable[[list[Region | None]], None]
    failed: Callable[[str], None]


class Prompting(QObject):
    """One picture is looked at, and the newest question about it is answered."""

    changed = Signal()
    """More of the picture has been looked at."""
    named = Signal()
    """It is another network, or there is another problem with it."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self._studio = document.studio
        self._views = LatestWins(self._studio.tasks, owner=self, title="Look at the picture")
        self._target: tuple[Sight, Place] | None = None
        self._key = ""
        """What the target's pixels are known by; "" while they are being taken."""
        self._looked = False
        self._question: Question | None = None
        self.title = ""
        """The network's name, once it has been loaded."""
        self.problem = ""
        """Why the network cannot be used."""
        self.share = 0.0
        """How much of the picture has been looked at, of 1."""
        self._studio.settings.listen(self._on_setting)

    def release(self) -> None:
        """The page goes away; the settings stay."""
        self._studio.settings.unlisten(self._on_setting)

    # -- the network

    @property
    def network(self) -> Path | None:
        """The file of the network; None without one."""
        return smart_network.current(self._studio)

    @property
    def note(self) -> str:
        """Why nothing can be asked; "" when all is well."""
        return NO_NETWORK if self.network is None else self.problem

    def header(self) -> dict[str, Any]:
        """What every request says of the network and of where embeddings are kept."""
        project = self._document.project
        cache = str(project.embeddings_directory) if project.writable else None
        network, device = str(self.network), smart_network.device(self._studio)
        return {"network": network, "device": device, "cache": cache}

    def _on_setting(self, key: str, _value: object) -> None:
        if key in (smart_network.SETTING, "train.device"):
            self.leave()
            self.title = self.problem = ""
            self.named.emit()

    def _name(self, *, title: str = "", problem: str = "") -> None:
        if (title, problem) != (self.title, self.problem):
            self.title, self.problem = title, problem
            self.named.emit()

    # -- the picture

    @property
    def looking(self) -> bool:
        """Whether the network is looking at the picture that was asked for."""
        return self._target is not None and not self._looked

    def look(self, sight: Sight, place: Place) -> None:
        """Let the network look at a part of a picture, if it has not yet."""
        if self.network is None or self._target == (sight, place):
            return
        self._target, self._key, self._looked, self.share = (sight, place), "", False, 0.0
        self._views.request(
            lambda _control: _known(sight.take(place)), partial(self._took, (sight, place)),
            self._lost,
        )  # fmt: skip
        self.changed.emit()

    def leave(self) -> None:
        """Forget the picture; the network stops to look at it."""
        looking, self._target = self.looking, None
        self._question = None
        self._views.drop()
        self._studio.live.drop(self)
        if looking and self._studio.live.pid:
            self._studio.live.request("smart_rest", {}, done=lambda message: None, owner=self)

    def _took(self, target: tuple[Sight, Place], found: tuple[View, str]) -> None:
        if target != self._target:
            return
        view, self._key = found
        self._studio.live.request(
            "smart_look", {**self.header(), "key": self._key}, arrays={"rgb": view.rgb}, owner=self,
            done=partial(self._seen, target), failed=partial(self._unseen, target),
            progress=partial(self._progress, target),
        )  # fmt: skip

    def _lost(self, error: BaseException) -> None:
        self._target = None
        self._studio.tasks.tell(self._views.title, error)
        self._fail("")

    def _progress(self, target: tuple[Sight, Place], share: float) -> None:
        if target == self._target:  # else it was left, and another one is being taken
            self.share = share
            self.changed.emit()

    def _seen(self, target: tuple[Sight, Place], message: Message) -> None:
        if target != self._target:
            return
        self._looked, self.share = True, 1.0
        self._name(title=str(message.header["title"]))
        self.changed.emit()
        self._send()

    def _unseen(self, target: tuple[Sight, Place], text: str, hint: str) -> None:
        if target == self._target:
            self._refused(text, hint)

    def _refused(self, text: str, hint: str) -> None:
        self._target = None
        words = f"{text} {hint}".strip()
        self._name(problem=words)
        self._fail(words)

    # -- questions

    @property
    def busy(self) -> bool:
        """Whether there is a question without its answer."""
        return self._question is not None

    def ask(self, question: Question) -> None:
        """Answer a question as soon as its picture has been looked at; older ones are dropped."""
        self._question = question
        self.look(question.sight, question.place)
        self._send()

    def drop(self) -> None:
        """Forget the question; the picture stays looked at."""
        self._question = None

    def settle(self) -> None:
        """Wait for the answer for a moment, since what it is about is going to be left."""
        self._views.settle()
        if self.busy and not self._studio.live.wait(self, _PATIENCE):
            self._fail("The network has not answered in time")

    def _fail(self, words: str) -> None:
        question, self._question = self._question, None
        if question is not None:
            question.failed(words)

    def _send(self) -> None:
        question = self._question
        if question is None or not self._looked or self._target != (
            question.sight, question.place,
        ):  # fmt: skip
            return
        place = question.place
        points = [
            [(p.point[0] - place.x) / place.step, (p.point[1] - place.y) / place.step, p.include]
            for p in question.prompts
            if p.point is not None
        ]
        box = next((p.box for p in reversed(question.prompts) if p.box is not None), None)
        where = box and [
            (box.x - place.x) / place.step, (box.y - place.y) / place.step,
            box.w / place.step, box.h / place.step,
        ]  # fmt: skip
        asked = {
            "key": self._key, "size": [place.height, place.width], "points": points, "box": where,
            "others": question.others,
        }  # fmt: skip
        self._studio.live.request(
            "smart_prompt", {**self.header(), **asked}, owner=self, failed=self._refused,
            done=partial(self._answered, question),
        )  # fmt: skip

    def _answered(self, question: Question, message: Message) -> None:
        if question is not self._question:
            return
        if message.header["missing"]:  # it was let go for others: look again
            target, self._target = self._target, None
            if target is not None:
                self.look(*target)
            return
        self._question = None
        place = question.place
        masks = np.unpackbits(message.arrays["masks"], axis=2, count=place.width)
        question.done([Region.of(np.ascontiguousarray(mask), place) for mask in masks])


def _known(view: View) -> tuple[View, str]:
    return view, smart_view.key_of(view.rgb)

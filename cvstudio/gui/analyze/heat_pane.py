"""Where the evidence lies: the picture with the heat, asked of the live process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox

from cvstudio.core.annotation import Task
from cvstudio.core.explaining import method_of
from cvstudio.core.geometry import Box
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.wire import Message
from cvstudio.core.words import percent, quoted
from cvstudio.gui.analyze.how import How
from cvstudio.gui.analyze.pane import Pane
from cvstudio.gui.analyze.scale import Scale
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.what_is import WhatIs
from cvstudio.project.records import RunRecord
from cvstudio.project.verdict import Analysis

_CHECKING = "Shuffling what was learned, to see whether the map changes"
_NARROWEST_CLASS = 96
"""Where the picture is narrow a long name of a class gives way: the words of the scale do not."""


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """What the network is asked about: the evidence for a class, and for which object or region.

    None as class is whatever the network answers there.
    """

    image: SnapshotImage
    class_id: int | None
    box: Box | None


class HeatPane(Pane):
    """The heat over the image, for `question`; `how` says how it is made, and stands elsewhere."""

    class_chosen = Signal(int)
    """The person wants another class explained."""

    def __init__(self, studio: Studio, how: How) -> None:
        super().__init__("Grad-CAM", Scale())
        self._studio, self.how = studio, how
        self._run: RunRecord | None = None
        self._names: dict[int, str] = {}
        self.question: Question | None = None
        self.class_box = QComboBox()
        self.class_box.setAccessibleName("Class to explain")
        self.class_box.setToolTip("The class whose evidence is shown")
        self.class_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.class_box.setPlaceholderText("likeliest")
        self.class_box.setMinimumWidth(_NARROWEST_CLASS)
        self.class_box.setMaximumWidth(180)
        self.class_box.activated.connect(
            lambda _index: self.class_chosen.emit(int(self.class_box.currentData()))
        )
        self.class_box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.head.insertWidget(1, self.class_box)
        self.head.insertWidget(1, WhatIs("Grad-CAM"))
        self.head.setSpacing(4)
        self._busy = QTimer(self, singleShot=True, interval=300)
        self._busy.timeout.connect(lambda: self.figure.setText("working …"))
        how.changed.connect(self.ask)
        how.opacity_changed.connect(self.view.set_heat_opacity)
        how.check_wanted.connect(self._check)

    def use(self, run: RunRecord, analysed: Analysis) -> None:
        """Ask this run from now on."""
        self._run = run
        self._names = {c.id: c.name for c in analysed.classes}
        self.class_box.clear()
        for known in analysed.classes:
            self.class_box.addItem(known.name, known.id)
        self.class_box.setVisible(analysed.snapshot.task in (Task.CLASSIFY, Task.SEGMENT))

    def set_question(self, question: Question | None) -> None:
        """Another question; `ask` asks it."""
        self.question = question
        self.how.say("")
        if question is None:
            self.class_box.setEnabled(False)
            return
        self.class_box.setEnabled(True)
        self.title.setText(self.how.title)
        self.figure.setText("")
        self._name_classes()
        wanted = question.class_id
        self.class_box.setCurrentIndex(-1 if wanted is None else self.class_box.findData(wanted))

    def ask(self) -> None:
        """Ask the live process for the heat map of the question; the newest request wins."""
        question = self.question
        if question is None:
            return
        self.title.setText(self.how.title)
        self.view.set_words("")
        self.view.set_heat(np.zeros((1, 1), np.float32))
        self._busy.start()
        self._studio.live.request(
            "explain", self.header(question), owner=self,
            done=lambda message: self._heated(question, message),
            failed=lambda text, _hint: self._not_heated(question, text),
            progress=lambda share: self._progress(question, share),
        )  # fmt: skip

    def header(self, question: Question) -> dict[str, Any]:
        """A question as the live process takes it."""
        assert self._run is not None
        image, box = question.image, question.box
        return {
            "run": str(self._run.directory), "path": str(Path(image.path)), "page": image.page,
            "window": list(image.window) if image.window else None,
            "class_id": question.class_id,
            "box": [box.x, box.y, box.w, box.h] if box is not None else None,
            "method": self.how.method, "layer": self.how.layer,
        }  # fmt: skip

    def release(self) -> None:
        """The page goes away."""
        self._busy.stop()
        self._studio.live.drop(self)

    def _heated(self, question: Question, message: Message) -> None:
        """Show the heat, titled with what the network says it explains."""
        if self.question is not question:
            return
        self._busy.stop()
        header = message.header
        self.how.told(
            header.get("layers", []), tokens=bool(header.get("tokens")),
            note=str(header.get("note", "")),
        )  # fmt: skip
        class_id, score = header["class_id"], f"{header['score']:.2f}"
        self.figure.setText("")
        self._name_classes()
        if method_of(self.how.method).of_class:
            self._tell_score(class_id, score)
        self.view.set_heat(np.asarray(message.arrays["heat"], np.float32))

    def _tell_score(self, class_id: int, score: str) -> None:
        """The class with its score, as the other pictures tell it: beside the colours a bare figure
        would be taken for their lower end."""
        if self.class_box.isHidden():
            name = quoted(self._names[class_id]) if class_id in self._names else "?"
            self.figure.setText(f"{name} {score}")
            return
        place = self.class_box.findData(class_id)
        self.class_box.setCurrentIndex(place)
        if place >= 0:
            self.class_box.setItemText(place, f"{quoted(self._names[class_id])} {score}")

    def _name_classes(self) -> None:
        for place in range(self.class_box.count()):
            self.class_box.setItemText(place, self._names[self.class_box.itemData(place)])

    def _progress(self, question: Question, share: float) -> None:
        if self.question is question:
            self._busy.stop()
            self.figure.setText(percent(share))

    def _not_heated(self, question: Question, text: str) -> None:
        if self.question is question:
            self._busy.stop()
            self.figure.setText("")
            self.view.set_words(text)

    def _check(self) -> None:
        """Ask whether the map follows what was learned; told in the place of the method's words."""
        question, method, layer, run = self.question, self.how.method, self.how.layer, self._run
        if question is None:
            return
        self.how.say(f"{_CHECKING} …")

        def say(text: str) -> None:
            if self.question is question and self.how.method == method:
                self.how.say(text)

        def checked(message: Message) -> None:
            if self.how.method == method and self.how.layer == layer and self._run is run:
                self.how.keep_check(float(message.header["likeness"]))
            say(str(message.header["words"]))

        self._studio.live.request(
            "explain_check", self.header(question), owner=self,
            done=checked,
            failed=lambda text, _hint: say(text),
            progress=lambda share: say(f"{_CHECKING} … {percent(share)}"),
        )  # fmt: skip

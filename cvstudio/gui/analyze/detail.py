"""One case, three pictures: what is labelled, what is predicted, and where the evidence lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.geometry import Box
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.wire import Message
from cvstudio.core.words import counted, quoted
from cvstudio.gui import theme
from cvstudio.gui.analyze import words
from cvstudio.gui.analyze.compare_view import CompareView, link_views
from cvstudio.gui.analyze.crops import CHANGED
from cvstudio.gui.analyze.pictures import Pictures
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.overlay import OverlayItem
from cvstudio.gui.widgets.section import NextButton, label, push, tool
from cvstudio.gui.widgets.what_is import WhatIs
from cvstudio.imaging.heat import colours
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.records import RunRecord
from cvstudio.project.verdict import Analysis, Case

_SHORTEST_BAR = 32


class _Scale(QWidget):
    """The legend of the heat map: little … much."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(32)
        self.setToolTip("How much a place speaks for the class: dark little, bright much")

    def sizeHint(self) -> QSize:
        return QSize(124, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("muted"))
        metrics = painter.fontMetrics()
        left, right = metrics.horizontalAdvance("little") + 4, metrics.horizontalAdvance("much") + 4
        if self.width() < left + right + _SHORTEST_BAR:
            left = right = 0  # the colours alone say it
        else:
            painter.drawText(self.rect(), 0x0081, "little")
            painter.drawText(self.rect(), 0x0082, "much")
        bar = QRect(left, (self.height() - 8) // 2, self.width() - left - right, 8)
        shades = colours(np.linspace(0, 1, 6, dtype=np.float32)[None])[0]
        gradient = QLinearGradient(bar.left(), 0, bar.right(), 0)
        for place, (r, g, b) in enumerate(shades.tolist()):
            gradient.setColorAt(place / 5, f"#{r:02X}{g:02X}{b:02X}")
        painter.fillRect(bar, gradient)


@dataclass(frozen=True, eq=False, slots=True)
class _Question:
    """What the network is asked about: the evidence for a class, and for which object or region.

    None as class is whatever the network answers there.
    """

    image: SnapshotImage
    class_id: int | None
    box: Box | None


class _Pane(QWidget):
    """A titled picture with a figure at the right of its title."""

    def __init__(self, title: str, right: QWidget | None = None) -> None:
        super().__init__()
        self.title = label(title, "section")
        self.figure = label("", "caption")
        self.view = CompareView(title)
        header = QWidget()
        header.setFixedHeight(theme.size("row_compact"))
        head = self.head = QHBoxLayout(header)
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(self.title)
        head.addWidget(self.figure)
        head.insertStretch(1 if right is None else 2, 1)
        if right is not None:
            head.addWidget(right)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(header)
        column.addWidget(self.view, 1)


class Detail(QWidget):
    """The case at hand with its three pictures and the page's next step."""

    stepped = Signal(int)

    def __init__(self, studio: Studio, parent: QWidget) -> None:
        super().__init__(parent)
        self._studio = studio
        self._run: RunRecord | None = None
        self._analysis: Analysis | None = None
        self._pictures: Pictures | None = None
        self.case: Case | None = None
        self._place = ""
        self._score = 0.0
        self._latest = LatestWins(studio.tasks, owner=self)
        self._rgb: NDArray[np.uint8] | None = None

        self.name = label("", "section")
        self.place = label("", "muted")
        head = QHBoxLayout()
        head.setContentsMargins(16, 8, 16, 4)
        head.setSpacing(8)
        head.addWidget(self.name)
        head.addWidget(self.place)
        head.addStretch(1)
        head.addWidget(tool(studio.actions["analyze.previous"]))
        head.addWidget(tool(studio.actions["analyze.next"]))

        self.labels = _Pane("Labels")
        self.answers = _Pane("Prediction")
        self.heat = _Pane("GradCAM", _Scale())
        self.class_box = QComboBox()
        self.class_box.setAccessibleName("Class to explain")
        self.class_box.setToolTip("The class whose evidence is shown")
        self.class_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.class_box.setMaximumWidth(132)
        self.class_box.setPlaceholderText("likeliest")
        self.class_box.setMaximumWidth(180)
        self.class_box.activated.connect(lambda _index: self._choose_class())
        self.class_box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.heat.head.insertWidget(1, self.class_box)
        self.heat.head.insertWidget(1, WhatIs("GradCAM"))
        self.heat.head.setSpacing(4)
        self._question: _Question | None = None
        self._busy = QTimer(self, singleShot=True, interval=300)
        self._busy.timeout.connect(lambda: self.heat.figure.setText("…"))
        panes = QHBoxLayout()
        panes.setContentsMargins(16, 0, 16, 8)
        panes.setSpacing(8)
        for pane in (self.labels, self.answers, self.heat):
            panes.addWidget(pane, 1)
        link_views([self.labels.view, self.answers.view, self.heat.view])
        self.labels.view.pressed.connect(self._label_pressed)
        self.answers.view.pressed.connect(self._answer_pressed)
        for pane in (self.labels, self.answers, self.heat):
            pane.view.drawn.connect(self._region_drawn)

        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(panes, 1)
        column.addWidget(self._make_footer())
        self.clear()

    def _make_footer(self) -> QWidget:
        footer = self.footer = QFrame()
        theme.mark(footer, panel="footer")
        row = QHBoxLayout(footer)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        said = QVBoxLayout()
        said.setSpacing(0)
        self.said = label("", "section", wrap=True)
        self.more = label("", "caption", wrap=True)
        said.addWidget(self.said)
        said.addWidget(self.more)
        row.addLayout(said, 1)
        self.keep = KeepButton(self._studio)
        row.addWidget(self.keep)
        self.fix = NextButton(self._studio.actions["analyze.fix"])
        row.addWidget(self.fix)
        return footer

    # -- what the page tells

    def use(self, run: RunRecord, analysed: Analysis, pictures: Pictures | None) -> None:
        """Show cases of this run from now on."""
        self._run, self._analysis, self._pictures = run, analysed, pictures
        task = analysed.snapshot.task
        self.class_box.clear()
        for known in analysed.classes:
            self.class_box.addItem(known.name, known.id)
        self.class_box.setVisible(task in (Task.CLASSIFY, Task.SEGMENT))
        said = {
            Task.SEGMENT: "Drag with Shift to explain the class inside a rectangle",
            Task.CLASSIFY: "",
        }.get(task, "Click an object to explain it")
        for pane in (self.labels, self.answers, self.heat):
            pane.view.draws_regions = task is Task.SEGMENT
            pane.view.setToolTip(said)

    def clear(self) -> None:
        """Show that there is no case at hand."""
        self.case, self._rgb, self._question = None, None, None
        self.class_box.setEnabled(False)
        self.name.setText("")
        self.place.setText("")
        self.said.setText("Nothing to look at here.")
        self.more.setText("Choose another kind of error, or a cell of the table.")
        for pane in (self.labels, self.answers, self.heat):
            pane.view.set_image(None)
            pane.view.set_items([])
            pane.view.set_heat(None)
            pane.view.set_words("")
            pane.view.show_frame(None)
            pane.figure.setText("")
        for action in ("analyze.fix", "analyze.keep"):
            self._studio.actions.allow(action, False, why="Choose an error first")

    def show_case(
        self, case: Case, position: tuple[int, int], said: tuple[str, str], *, score: float
    ) -> None:
        """Show a case; pixels and the heat map follow when they are there."""
        assert self._analysis is not None
        image = self._analysis.images[case.image_id]
        again = self.case is not None and self.case.image_id == case.image_id
        self.case, self._score = case, score
        self._studio.actions.allow("analyze.fix", True)
        self.name.setText(image.path.name)
        self._place = f"{position[0]:,} of {position[1]:,} · {words.place(case)}"
        self.place.setText(self._place)
        self.said.setText(said[0])
        self.more.setText(said[1])
        if not again:
            # The shapes of the new image must not lie on the pixels of the old one.
            for pane in (self.labels, self.answers, self.heat):
                pane.view.set_image(None, size=(image.width, image.height))
                pane.view.set_heat(None)
        self._show_shapes(image, case, score)
        self.class_box.setEnabled(True)
        for pane in (self.labels, self.answers, self.heat):
            pane.view.show_frame(case.box)
        self._question = _Question(image, case.predicted or case.labelled or None, case.box)
        self._show_question()
        if again and self._rgb is not None:
            self._explain()
            return
        pictures = self._pictures
        assert pictures is not None

        def work(control: Control) -> NDArray[np.uint8]:
            control.check()
            return pictures.read(case.image_id)

        self._latest.request(work, lambda rgb: self._read(case, rgb), self._unreadable)

    def mark_changed(self, changed: bool) -> None:
        """Say that the label of the case at hand is another one now."""
        if self.case is not None:
            self.place.setText(f"{self._place} · {CHANGED}" if changed else self._place)

    def release(self) -> None:
        """The page goes away."""
        self._latest.drop()
        self._busy.stop()
        self._studio.live.drop(self)

    # -- pictures

    def _read(self, case: Case, rgb: NDArray[np.uint8]) -> None:
        if self.case is not case:
            return
        self._rgb = rgb
        for pane in (self.labels, self.answers, self.heat):
            pane.view.set_words("")
            pane.view.set_image(rgb)
        self._explain()

    def _unreadable(self, error: BaseException) -> None:
        for pane in (self.labels, self.answers, self.heat):
            pane.view.set_words(str(error))

    def _classes(self) -> Mapping[int, LabelClass]:
        assert self._analysis is not None
        return {c.id: c for c in self._analysis.classes}

    def _show_shapes(self, image: SnapshotImage, case: Case, score: float) -> None:
        analysed, classes = self._analysis, self._classes()
        assert analysed is not None

        def colour(class_id: int) -> str:
            return classes[class_id].colour if class_id in classes else "#FFFFFF"

        def name(class_id: int) -> str:
            return classes[class_id].name if class_id in classes else "?"

        self.labels.view.set_items(
            [
                OverlayItem(
                    a.shape, colour(a.class_id), strong=a.id == case.annotation_id,
                    text=name(a.class_id) if a.id == case.annotation_id and a.shape else "",
                )
                for a in image.annotations
            ]
        )  # fmt: skip
        answer = analysed.predictions.get(case.image_id, Prediction(case.image_id))
        if answer.scores is not None:
            self.labels.figure.setText(
                ", ".join(quoted(name(a.class_id)) for a in image.annotations) or "no class"
            )
            best = sorted(answer.scores.items(), key=lambda item: -item[1])[:2]
            self.answers.figure.setText("   ".join(f"{quoted(name(c))} {s:.2f}" for c, s in best))
            self.answers.view.set_items([])
            return
        if answer.regions is not None:
            count = len(image.annotations)
            self.labels.figure.setText(counted(count, "mask"))
            self.answers.figure.setText(f"mIoU of all: {analysed.metric('mIoU'):.3f}")
            self.answers.view.set_items(
                [OverlayItem(mask, colour(c)) for c, mask in answer.regions.items()]
            )
            return
        count = len(image.annotations)
        self.labels.figure.setText(counted(count, "annotation"))
        self.answers.figure.setText(f"score {score:.2f} and up")
        self.answers.view.set_items(
            [
                OverlayItem(
                    found.mask or found.box, colour(found.class_id),
                    strong=place == case.prediction,
                    text=f"{name(found.class_id)} {found.score:.2f}"
                    if place == case.prediction else "",
                )
                for place, found in enumerate(answer.objects)
                if found.score >= score or place == case.prediction
            ]
        )  # fmt: skip

    # -- where the evidence lies

    def _label_pressed(self, x: float, y: float) -> None:
        if self._question is not None:
            places = [(a.class_id, a.box) for a in self._question.image.annotations if a.shape]
            self._ask_object(places, x, y)

    def _answer_pressed(self, x: float, y: float) -> None:
        if self._question is not None and self._analysis is not None:
            image_id = self._question.image.id
            answer = self._analysis.predictions.get(image_id, Prediction(image_id))
            shown = [
                (found.class_id, found.box)
                for place, found in enumerate(answer.objects)
                if found.score >= self._score or (self.case and place == self.case.prediction)
            ]
            self._ask_object(shown, x, y)

    def _ask_object(self, places: Sequence[tuple[int, Box]], x: float, y: float) -> None:
        """Explain the smallest of these objects that lies under a point."""
        under = [place for place in places if place[1].contains(x, y)]
        if under and isinstance(self._analysis, ObjectAnalysis):
            class_id, box = min(under, key=lambda place: place[1].area)
            self._ask(class_id, box)

    def _region_drawn(self, box: Box) -> None:
        self._ask(None, box)

    def _choose_class(self) -> None:
        if self._question is not None:
            self._ask(int(self.class_box.currentData()), self._question.box)

    def _ask(self, class_id: int | None, box: Box | None) -> None:
        if self._question is None or self._rgb is None:
            return
        self._question = _Question(self._question.image, class_id, box)
        for pane in (self.labels, self.answers, self.heat):
            pane.view.show_frame(box)
        self._show_question()
        self._explain()

    def _show_question(self) -> None:
        assert self._question is not None
        self.heat.title.setText("GradCAM")
        self.heat.figure.setText("")
        wanted = self._question.class_id
        self.class_box.setCurrentIndex(-1 if wanted is None else self.class_box.findData(wanted))

    def _explain(self) -> None:
        """Ask the live process for the heat map of the question; the newest request wins."""
        assert self._run is not None
        question = self._question
        if question is None:
            return
        self.heat.view.set_words("")
        self.heat.view.set_heat(np.zeros((1, 1), np.float32))
        self._busy.start()
        image, box = question.image, question.box
        header: dict[str, Any] = {
            "run": str(self._run.directory), "path": str(Path(image.path)), "page": image.page,
            "window": list(image.window) if image.window else None,
            "class_id": question.class_id,
            "box": [box.x, box.y, box.w, box.h] if box is not None else None,
        }  # fmt: skip
        self._studio.live.request(
            "explain", header, owner=self,
            done=lambda message: self._heated(question, message),
            failed=lambda text, _hint: self._not_heated(question, text),
        )  # fmt: skip

    def _heated(self, question: _Question, message: Message) -> None:
        """Show the heat, titled with what the network says it explains."""
        if self._question is not question or self._rgb is None:
            return
        self._busy.stop()
        class_id, score = message.header["class_id"], f"{message.header['score']:.2f}"
        if self.class_box.isHidden():
            known = self._classes().get(class_id)
            self.heat.title.setText(f"GradCAM for {quoted(known.name) if known else '?'} {score}")
            self.heat.figure.setText("")
        else:
            self.class_box.setCurrentIndex(self.class_box.findData(class_id))
            self.heat.figure.setText(score)
        self.heat.view.set_heat(np.asarray(message.arrays["heat"], np.float32))

    def _not_heated(self, question: _Question, text: str) -> None:
        if self._question is question:
            self._busy.stop()
            self.heat.figure.setText("")
            self.heat.view.set_words(text)


class KeepButton(QWidget):
    """The plain button beside the next step: the label is right."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        action = studio.actions["analyze.keep"]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.button = push("Label is right   K", action.trigger)
        row.addWidget(self.button)
        action.changed.connect(self._follow)
        self._action = action
        self._follow()

    def _follow(self) -> None:
        self.button.setEnabled(self._action.isEnabled())
        self.button.setToolTip(self._action.toolTip())

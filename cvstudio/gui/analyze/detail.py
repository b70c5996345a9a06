"""One case, three pictures: what is labelled, what is predicted, and where the evidence lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QSize, QTimer, Signal
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.config import TrainConfig
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.wire import Message
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.analyze import words
from cvstudio.gui.analyze.compare_view import CompareView, link_views
from cvstudio.gui.analyze.pictures import Pictures
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control, LatestWins
from cvstudio.gui.widgets.overlay import OverlayItem
from cvstudio.gui.widgets.section import NextButton, label, tool
from cvstudio.imaging.heat import colours
from cvstudio.project import runs
from cvstudio.project.analysis import Analysis, Case, ObjectAnalysis
from cvstudio.project.records import RunRecord


class _Scale(QWidget):
    """The legend of the heat map: little … much."""

    def sizeHint(self) -> QSize:
        return QSize(124, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("muted"))
        metrics = painter.fontMetrics()
        left, right = metrics.horizontalAdvance("little"), metrics.horizontalAdvance("much")
        painter.drawText(self.rect(), 0x0081, "little")
        painter.drawText(self.rect(), 0x0082, "much")
        bar = QRect(left + 4, 4, self.width() - left - right - 8, 8)
        shades = colours(np.linspace(0, 1, 6, dtype=np.float32)[None])[0]
        gradient = QLinearGradient(bar.left(), 0, bar.right(), 0)
        for place, (r, g, b) in enumerate(shades.tolist()):
            gradient.setColorAt(place / 5, f"#{r:02X}{g:02X}{b:02X}")
        painter.fillRect(bar, gradient)


class _Pane(QWidget):
    """A titled picture with a figure at the right of its title."""

    def __init__(self, title: str, right: QWidget | None = None) -> None:
        super().__init__()
        self.title = label(title, "section")
        self.figure = label("", "caption")
        self.view = CompareView(title)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.title)
        head.addWidget(self.figure)
        head.insertStretch(1 if right is None else 2, 1)
        if right is not None:
            head.addWidget(right)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.view, 1)


class Detail(QWidget):
    """The case at hand with its three pictures and the page's next step."""

    stepped = Signal(int)

    def __init__(self, studio: Studio, parent: QWidget) -> None:
        super().__init__(parent)
        self._studio = studio
        self._run: RunRecord | None = None
        self._config: TrainConfig | None = None
        self._analysis: Analysis | None = None
        self._pictures: Pictures | None = None
        self.case: Case | None = None
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
        self._busy = QTimer(self, singleShot=True, interval=300)
        self._busy.timeout.connect(lambda: self.heat.figure.setText("looking …"))
        panes = QHBoxLayout()
        panes.setContentsMargins(16, 0, 16, 8)
        panes.setSpacing(8)
        for pane in (self.labels, self.answers, self.heat):
            panes.addWidget(pane, 1)
        link_views([self.labels.view, self.answers.view, self.heat.view])

        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(panes, 1)
        column.addWidget(self._make_footer())
        self.clear()

    def _make_footer(self) -> QWidget:
        footer = QFrame()
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
        self._config = runs.config_of(run)

    def clear(self) -> None:
        """Show that there is no case at hand."""
        self.case, self._rgb = None, None
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
        self.case = case
        self._studio.actions.allow("analyze.fix", True)
        self.name.setText(image.path.name)
        self.place.setText(f"{position[0]:,} of {position[1]:,} · {words.place(case)}")
        self.said.setText(said[0])
        self.more.setText(said[1])
        self._show_shapes(image, case, score)
        self.heat.title.setText(self._heat_title(case))
        for pane in (self.labels, self.answers, self.heat):
            pane.view.show_frame(case.box)
        if again and self._rgb is not None:
            self._explain(image, case)
            return
        pictures = self._pictures
        assert pictures is not None

        def work(control: Control) -> NDArray[np.uint8]:
            control.check()
            return pictures.read(case.image_id)

        self._latest.request(work, lambda rgb: self._read(image, case, rgb), self._unreadable)

    def release(self) -> None:
        """The page goes away."""
        self._latest.drop()
        self._busy.stop()
        self._studio.live.drop(self)

    # -- pictures

    def _read(self, image: SnapshotImage, case: Case, rgb: NDArray[np.uint8]) -> None:
        if self.case is not case:
            return
        self._rgb = rgb
        for pane in (self.labels, self.answers, self.heat):
            pane.view.set_words("")
            pane.view.set_image(rgb)
        self._explain(image, case)

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
                ", ".join(name(a.class_id) for a in image.annotations[:1]) or "no class"
            )
            best = sorted(answer.scores.items(), key=lambda item: -item[1])[:2]
            self.answers.figure.setText("  ".join(f"{name(c)} {s:.2f}" for c, s in best))
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

    def _heat_title(self, case: Case) -> str:
        classes = self._classes()
        target = case.predicted or case.labelled
        if target not in classes:
            return "GradCAM"
        score = f" {case.score:.2f}" if case.score is not None else ""
        return f"GradCAM for {classes[target].name}{score}"

    def _explain(self, image: SnapshotImage, case: Case) -> None:
        """Ask the live process for the heat map of this case; the newest request wins."""
        assert self._run is not None
        assert self._analysis is not None
        self.heat.view.set_words("")
        self.heat.view.set_heat(np.zeros((1, 1), np.float32))
        self._busy.start()
        header: dict[str, Any] = {
            "run": str(self._run.directory), "path": str(Path(image.path)), "page": image.page,
            "window": list(image.window) if image.window else None,
            "class_id": (case.predicted or case.labelled) or None,
            "box": None,
        }  # fmt: skip
        if case.box is not None:
            header["box"] = [case.box.x, case.box.y, case.box.w, case.box.h]
        if isinstance(self._analysis, ObjectAnalysis) and case.prediction is None:
            # A missed object: there is no prediction to explain, so ask what lies on the label.
            header["class_id"] = None
        self._studio.live.request(
            "explain", header, owner=self,
            done=lambda message: self._heated(case, message),
            failed=lambda text, _hint: self._not_heated(case, text),
        )  # fmt: skip

    def _heated(self, case: Case, message: Message) -> None:
        if self.case is case and self._rgb is not None:
            self._heat_over()
            self.heat.view.set_heat(np.asarray(message.arrays["heat"], np.float32))

    def _heat_over(self) -> None:
        self._busy.stop()
        self.heat.figure.setText("")

    def _not_heated(self, case: Case, text: str) -> None:
        if self.case is case:
            self._heat_over()
            self.heat.view.set_words(text)


class KeepButton(QWidget):
    """The plain button beside the next step: the label is right."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        from cvstudio.gui.widgets.section import push

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

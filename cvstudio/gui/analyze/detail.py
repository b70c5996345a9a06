"""One case, three pictures: what is labelled, what is predicted, and where the evidence lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.geometry import Box
from cvstudio.core.metrics import ErrorKind
from cvstudio.core.predictions import Prediction
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.words import counted, quoted
from cvstudio.gui import theme
from cvstudio.gui.analyze import words
from cvstudio.gui.analyze.compare_view import link_views
from cvstudio.gui.analyze.crops import CHANGED
from cvstudio.gui.analyze.explaining import HeatSource, Making
from cvstudio.gui.analyze.heat_pane import HeatPane, Question
from cvstudio.gui.analyze.how import How, HowButton
from cvstudio.gui.analyze.pane import Pane
from cvstudio.gui.analyze.pictures import Pictures
from cvstudio.gui.kept_values import KeptValues
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.action_button import ActionButton
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.overlay import OverlayItem, edges_of
from cvstudio.gui.widgets.section import NextButton, label, tool
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project.object_analysis import ObjectAnalysis
from cvstudio.project.records import RunRecord
from cvstudio.project.verdict import Analysis, Case, Verdict

_ROOM_FOR_WORDS = 340
"""A height in pixels from which words beneath the pictures leave these high enough to see by."""


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
        self._kept: KeptValues | None = None
        self._nothing = ""
        self.listed: Callable[[], Sequence[Case]] = tuple
        """The cases that are listed, for pictures of all of them."""

        self.name = NameLabel(role="section")
        self.place = label("", "muted")
        head = QHBoxLayout()
        head.setContentsMargins(16, 8, 16, 4)
        head.setSpacing(8)
        head.addWidget(self.name)
        head.addWidget(self.place)
        head.addStretch(1)
        self.how_button = HowButton(studio.actions["analyze.how"])
        head.addWidget(self.how_button)
        head.addWidget(tool(studio.actions["analyze.previous"]))
        head.addWidget(tool(studio.actions["analyze.next"]))

        self.labels = Pane("Labels")
        self.answers = Pane("Prediction")
        self.how = How()
        self.heat = HeatPane(studio, self.how)
        self.class_box = self.heat.class_box
        self.heat.class_chosen.connect(self._choose_class)
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
        self.caution = NameLabel(role="caption", front=1.0)
        beneath = QHBoxLayout()
        beneath.setContentsMargins(16, 0, 16, 0)
        beneath.addWidget(self.caution)
        column.addLayout(beneath)
        column.addWidget(self.how)
        column.addWidget(self._make_footer())
        self._make_how(parent)
        self.clear()

    def _make_how(self, view: QWidget) -> None:
        self.making = Making(self._studio, self.how, self)
        self.how.average_wanted.connect(lambda: self.making.average(self._asked()))
        self.how.pictures_wanted.connect(
            lambda: self.making.pictures(self._asked(), self.case, self.listed())
        )
        self.how.cautioned.connect(self._cautioned)
        self._studio.actions.connect("analyze.how", self._fold_how, view)
        self._show_how(False)

    def _fold_how(self) -> None:
        self._show_how(self.how.isHidden())
        if self._kept is not None:
            self._kept.set("open", not self.how.isHidden())

    def _show_how(self, shown: bool) -> None:
        self.how.setVisible(shown)
        self._show_caution()
        self.how_button.show_open(shown)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_caution()

    def _show_caution(self) -> None:
        """Unfolded, How says it itself; in a low window the pictures need the room, and the tip of
        the map says it."""
        room = self.how.isHidden() and self.height() >= _ROOM_FOR_WORDS
        self.caution.setVisible(bool(self.caution.text()) and room)

    def _cautioned(self, words: str) -> None:
        self.caution.setText(words)
        self.caution.setToolTip(words)
        self.heat.setToolTip(words)
        self._show_caution()

    def _use_how(self, task: Task) -> None:
        """What was chosen in this project, for networks of its task."""
        project = self._studio.project
        if self._kept is None and project is not None:
            self._kept = KeptValues(project, "analyze.how", self)
        if self._kept is not None:
            self.how.use(self._kept, task, self._run.id if self._run is not None else 0)
            self._show_how(bool(self._kept.get("open", False)))

    def _asked(self) -> HeatSource:
        assert self._run is not None
        assert self._analysis is not None
        return HeatSource(self._run, self._analysis, self._score, self._nothing)

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
        self.keep = ActionButton(self._studio.actions["analyze.keep"])
        row.addWidget(self.keep)
        self.fix = NextButton(self._studio.actions["analyze.fix"])
        row.addWidget(self.fix)
        return footer

    # -- what the page tells

    def use(self, run: RunRecord, analysed: Analysis, pictures: Pictures | None) -> None:
        """Show cases of this run from now on."""
        self._run, self._analysis, self._pictures = run, analysed, pictures
        self.making.find(run)
        task = analysed.snapshot.task
        self.heat.use(run, analysed)
        self._use_how(task)
        said = {
            Task.SEGMENT: "Drag with Shift to explain the class inside a rectangle",
            Task.CLASSIFY: "",
        }.get(task, "Click an object to explain it")
        for pane in (self.labels, self.answers, self.heat):
            pane.view.draws_regions = task is Task.SEGMENT
            pane.view.setToolTip(said)

    def clear(self) -> None:
        """Show that there is no case at hand."""
        self.case, self._rgb = None, None
        self.heat.set_question(None)
        self.name.setText("")
        self.place.setText("")
        self.keep.set_text("")
        self.fix.set_text("")
        self.said.setText("Nothing to look at here.")
        self.more.setText("Choose another kind of error, or a cell of the table.")
        for pane in (self.labels, self.answers, self.heat):
            pane.view.set_image(None)
            pane.view.set_items([])
            pane.view.set_heat(None)
            pane.view.set_words("")
            pane.view.show_frame(None)
            pane.figure.setText("")

    def show_case(
        self, case: Case, verdict: Verdict, position: tuple[int, int], *, score: float, nothing: str
    ) -> None:
        """Show a case; pixels and the heat map follow when they are there."""
        assert self._analysis is not None
        image = self._analysis.images[case.image_id]
        again = self.case is not None and self.case.image_id == case.image_id
        self.case, self._score, self._nothing = case, score, nothing
        self.name.setText(image.path.name)
        self.name.setToolTip(tip(image.path.name))
        self._place = f"{position[0]:,} of {position[1]:,} · {words.place(case, verdict)}"
        self.place.setText(self._place)
        said, follows = words.explain(case, verdict, self._classes(), nothing=nothing)
        self.said.setText(said)
        self.more.setText(follows)
        bare = case.kind == ErrorKind.FALSE_ALARM
        self.keep.set_text(words.NOTHING_TO_LABEL if bare else "")
        self.fix.set_text(words.LABEL_IT if bare else "")
        if not again:
            # The shapes of the new image must not lie on the pixels of the old one.
            self._rgb = None
            for pane in (self.labels, self.answers, self.heat):
                pane.view.set_image(None, size=(image.width, image.height))
                pane.view.set_heat(None)
        self._show_shapes(image, case, score)
        for pane in (self.labels, self.answers, self.heat):
            pane.view.show_frame(case.box)
        asked = Question(image, case.predicted or case.labelled or None, case.box)
        self.heat.set_question(asked)
        if again and self._rgb is not None:
            self.heat.ask()
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
        self.heat.release()
        self.making.stop()
        if self._kept is not None:
            self._kept.write()

    # -- pictures

    def _read(self, case: Case, rgb: NDArray[np.uint8]) -> None:
        if self.case is not case:
            return
        self._rgb = rgb
        for pane in (self.labels, self.answers, self.heat):
            pane.view.set_words("")
            pane.view.set_image(rgb)
        self.heat.ask()

    def _unreadable(self, error: BaseException) -> None:
        for pane in (self.labels, self.answers, self.heat):
            pane.view.set_words(str(error))

    def _classes(self) -> Mapping[int, LabelClass]:
        assert self._analysis is not None
        return {c.id: c for c in self._analysis.classes}

    def _show_shapes(self, image: SnapshotImage, case: Case, score: float) -> None:
        analysed, classes = self._analysis, self._classes()
        assert analysed is not None

        bones = analysed.snapshot.skeletons

        def colour(class_id: int) -> str:
            return classes[class_id].colour if class_id in classes else "#FFFFFF"

        def name(class_id: int) -> str:
            return classes[class_id].name if class_id in classes else "?"

        self.labels.view.set_items(
            [
                OverlayItem(
                    a.shape, colour(a.class_id), strong=a.id == case.annotation_id,
                    text=name(a.class_id) if a.id == case.annotation_id and a.shape else "",
                    edges=edges_of(a.shape, bones.get(a.class_id)),
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
                    found.shape, colour(found.class_id), strong=place == case.prediction,
                    edges=edges_of(found.shape, bones.get(found.class_id)),
                    text=f"{name(found.class_id)} {found.score:.2f}"
                    if place == case.prediction else "",
                )
                for place, found in enumerate(answer.objects)
                if found.score >= score or place == case.prediction
            ]
        )  # fmt: skip

    # -- where the evidence lies

    def _label_pressed(self, x: float, y: float) -> None:
        if self.heat.question is not None:
            places = [(a.class_id, a.box) for a in self.heat.question.image.annotations if a.shape]
            self._ask_object(places, x, y)

    def _answer_pressed(self, x: float, y: float) -> None:
        if self.heat.question is not None and self._analysis is not None:
            image_id = self.heat.question.image.id
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

    def _choose_class(self, class_id: int) -> None:
        if self.heat.question is not None:
            self._ask(class_id, self.heat.question.box)

    def _ask(self, class_id: int | None, box: Box | None) -> None:
        if self.heat.question is None or self._rgb is None:
            return
        for pane in (self.labels, self.answers, self.heat):
            pane.view.show_frame(box)
        self.heat.set_question(Question(self.heat.question.image, class_id, box))
        self.heat.ask()

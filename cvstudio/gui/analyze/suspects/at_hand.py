"""The suspect at hand: its label beside what the network answers, the reason, and the decisions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.predictions import Prediction
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.suspects.values import NOTHING
from cvstudio.gui import theme
from cvstudio.gui.analyze.compare_view import link_views
from cvstudio.gui.analyze.crops import square_around
from cvstudio.gui.analyze.pane import Pane
from cvstudio.gui.analyze.pictures import Pictures
from cvstudio.gui.analyze.suspects import words
from cvstudio.gui.analyze.suspects.suspect_list import colour_of
from cvstudio.gui.analyze.words import LABEL_IT, NOTHING_TO_LABEL
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.action_button import ActionButton
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.overlay import OverlayItem, edges_of
from cvstudio.gui.widgets.section import NextButton, label, tool
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project.suspecting import Suspect

_ANSWER = "The network’s answer"


class AtHand(QWidget):
    """Two pictures and a footer; the view tells which suspect, the actions do the rest."""

    def __init__(self, studio: Studio, task: Task) -> None:
        super().__init__()
        self._task = task
        self._latest = LatestWins(studio.tasks, owner=self)
        self._example: SnapshotImage | None = None
        self._pictures: Pictures | None = None
        self._image_id = 0
        actions = studio.actions
        self.name = NameLabel(role="section")
        self.place = label("", "muted")
        head = QHBoxLayout()
        head.setContentsMargins(16, 8, 16, 4)
        head.setSpacing(8)
        head.addWidget(self.name)
        head.addWidget(self.place)
        head.addStretch(1)
        head.addWidget(tool(actions["analyze.previous"]))
        head.addWidget(tool(actions["analyze.next"]))
        self.labels, self.answers = Pane("Label"), Pane(_ANSWER)
        self.panes = (self.labels, self.answers)
        if task is not Task.CLASSIFY:  # there the second picture is of another image
            link_views([pane.view for pane in self.panes])
        pictures = QHBoxLayout()
        pictures.setContentsMargins(16, 0, 16, 8)
        pictures.setSpacing(8)
        for pane in self.panes:
            pictures.addWidget(pane, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(pictures, 1)
        column.addWidget(self._make_footer(studio))

    def _make_footer(self, studio: Studio) -> QWidget:
        footer = self.footer = QFrame()
        theme.mark(footer, panel="footer")
        column = QVBoxLayout(footer)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(8)
        self.reason = label("", "section", wrap=True)
        column.addWidget(self.reason)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        actions = studio.actions
        self.keep = ActionButton(actions["analyze.keep"])
        for name in ("delete_label", "send_back"):
            row.addWidget(ActionButton(actions[f"analyze.{name}"]))
        self.fix = ActionButton(actions["analyze.fix"])
        row.addWidget(self.keep)
        row.addWidget(self.fix)
        self.accept = NextButton(actions["analyze.take_answer"])
        row.addWidget(self.accept)
        column.addLayout(row)
        return footer

    # -- what the view tells

    def use(self, pictures: Pictures) -> None:
        """Read images from here from now on."""
        self._pictures, self._image_id = pictures, 0

    def clear(self, said: str) -> None:
        """There is nothing at hand."""
        self._latest.drop()
        self._image_id = 0
        self.name.setText("")
        self.place.setText("")
        self.reason.setText(said)
        self.accept.set_text("")
        self.keep.set_text("")
        self.fix.set_text("")
        for pane in self.panes:
            pane.figure.setText("")
            pane.view.set_image(None)
            pane.view.set_items([])
            pane.view.set_words("")
            pane.view.show_frame(None)

    def show_suspect(
        self, suspect: Suspect, position: tuple[int, int], image: SnapshotImage,
        classes: Mapping[int, LabelClass], bones: Mapping[int, Skeleton],
        answer: Prediction | None, example: SnapshotImage | None = None,
    ) -> None:  # fmt: skip
        """Show a suspect with the labels of now; pixels follow when they are read. Of whole images,
        the second picture is an `example` of the class that is proposed, where there is one."""
        self.name.setText(image.path.name)
        self.name.setToolTip(tip(image.path.name))
        self.place.setText(f"{position[0]:,} of {position[1]:,} · {image.split.value}")
        self.reason.setText(suspect.reason)
        self.accept.set_text(words.taking(suspect, classes, self._task))
        labelled, proposed = (
            words.name_of(i, classes, self._task) for i in (suspect.labelled, suspect.proposed)
        )  # fmt: skip
        bare = suspect.labelled == NOTHING and self._task is not Task.SEGMENT
        self.keep.set_text(NOTHING_TO_LABEL if bare else "")
        self.fix.set_text(LABEL_IT if bare else "")
        self.labels.figure.setText("not labelled" if bare else labelled)
        sure = f" {suspect.score:.2f}" if suspect.score is not None else ""
        found = suspect.proposed != NOTHING
        self.answers.figure.setText(f"{proposed}{sure}" if found else "finds nothing here")
        self.answers.title.setText(_ANSWER if example is None else f"For comparison, a {proposed}")
        if example is not None:
            self.answers.figure.setText(example.path.name)
        again = image.id == self._image_id and example is self._example
        self._image_id, self._example = image.id, example
        for pane in self.panes:
            if not again:
                pane.view.set_image(None, size=(image.width, image.height))
                pane.view.set_words("")
            pane.view.show_frame(suspect.box)
            pane.view.show_region(_around(suspect, image))
        self.labels.view.set_items(_labels(suspect, image, classes, bones))
        self.answers.view.set_items(_answers(suspect, classes, bones, answer))
        if not again:
            self._read(image.id, image.id if example is None else example.id)

    def release(self) -> None:
        """The page goes away."""
        self._latest.drop()

    def _read(self, image_id: int, other_id: int) -> None:
        pictures = self._pictures
        assert pictures is not None

        def work(control: Control) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
            control.check()
            return pictures.read(image_id), pictures.read(other_id)

        def show(found: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
            for pane, rgb in zip(self.panes, found, strict=True):
                pane.view.set_image(rgb)

        self._latest.request(work, show, self._unreadable)

    def _unreadable(self, error: BaseException) -> None:
        for pane in self.panes:
            pane.view.set_words(str(error))


def _around(suspect: Suspect, image: SnapshotImage) -> QRectF:
    """The part of the image to show: the object with its surroundings, or all of it."""
    if suspect.box is None:
        return QRectF()
    square = square_around(suspect.box, image.width, image.height, room=1.5)
    return QRectF(square.x, square.y, square.w, square.h)


def _labels(
    suspect: Suspect, image: SnapshotImage, classes: Mapping[int, LabelClass],
    bones: Mapping[int, Skeleton],
) -> list[OverlayItem]:  # fmt: skip
    """The labels of the image, the suspected one strong and named."""
    items = []
    for a in image.annotations:
        here = a.id == suspect.annotation_id
        named = classes[a.class_id].name if here and a.shape and a.class_id in classes else ""
        items.append(
            OverlayItem(a.shape, colour_of(a.class_id, classes), strong=here, text=named,
                        edges=edges_of(a.shape, bones.get(a.class_id)))
        )  # fmt: skip
    return items


def _answers(
    suspect: Suspect, classes: Mapping[int, LabelClass], bones: Mapping[int, Skeleton],
    answer: Prediction | None,
) -> list[OverlayItem]:  # fmt: skip
    """What the network answers on the image as far as that is known, the proposal strong."""
    items = []
    if answer is not None and suspect.score is not None:
        items = [
            OverlayItem(f.shape, colour_of(f.class_id, classes), dashed=True,
                        edges=edges_of(f.shape, bones.get(f.class_id)))
            for f in answer.objects
            if f.score >= suspect.score
        ]  # fmt: skip
    if suspect.proposed != NOTHING and suspect.box is not None:
        shape = suspect.shape if suspect.shape is not None else suspect.box
        name = classes[suspect.proposed].name if suspect.proposed in classes else ""
        score = f" {suspect.score:.2f}" if suspect.score is not None else ""
        items.append(
            OverlayItem(shape, colour_of(suspect.proposed, classes), dashed=True, strong=True,
                        text=f"{name}{score}", edges=edges_of(shape, bones.get(suspect.proposed)))
        )  # fmt: skip
    return items

"""Restore the open image's annotations as of an earlier step, after a look at what they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import Annotation, LabelClass, pack_shape
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.words import counted
from cvstudio.gui.label.document import Document
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.one_step import ONE_STEP
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.image_view import ImageView
from cvstudio.gui.widgets.overlay import OverlayItem, overlay_items
from cvstudio.gui.widgets.progress_dialog import run_with_progress
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.step_list import StepList, StepRow, when
from cvstudio.project import restoring
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord
from cvstudio.project.restoring import Moment

_SIDE = 1024
FIRST = "Before these steps"


class RestoreDialog(StudioDialog):
    """The moments at the left, the picture with the annotations of the one at hand at the right."""

    def __init__(
        self, parent: QWidget | None, studio: Studio, image: ImageRecord,
        moments: Sequence[Moment], classes: Mapping[int, LabelClass],
        skeletons: Mapping[int, Skeleton], earlier: Callable[[Moment], Sequence[Moment]],
    ) -> None:  # fmt: skip
        super().__init__(parent, "Restore annotations as of …", width=880, height=560)
        self.setObjectName("restore")
        self._moments, self._classes, self._skeletons = list(moments), classes, skeletons
        self._earlier, self._looking = earlier, False
        self._now = {a.id: a for m in moments if m.present for a in m.annotations()}
        row = QHBoxLayout()
        row.setSpacing(16)
        self.list = StepList()
        self.list.setAccessibleName("Steps that changed this image, newest first")
        self.list.setFixedWidth(300)
        row.addWidget(self.list)
        right = QVBoxLayout()
        right.setSpacing(8)
        self.view = ImageView()
        right.addWidget(self.view, 1)
        self.words = label("", "muted", wrap=True)
        right.addWidget(self.words)
        row.addLayout(right, 1)
        self.content.addWidget(label(image.title, "title"))
        self.content.addLayout(row, 1)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Restore", self.accept, next=True)
        self.list.looked_at.connect(self._show)
        self.list.more_wanted.connect(self._want_more)
        found = [self._row(place, moment) for place, moment in enumerate(moments)]
        self.list.show_rows(found, complete=self._complete)
        self.list.setFocus()
        assert studio.project is not None
        self.view.read(
            LatestWins(studio.tasks, owner=self), studio.project.image_path(image), image.page,
            size=(image.width, image.height), side=_SIDE,
            came=lambda: self._show(self.list.key or 0),
        )  # fmt: skip

    @property
    def moment(self) -> Moment:
        """The moment at hand."""
        return self._moments[self.list.key or 0]

    @property
    def _complete(self) -> bool:
        return self._moments[-1].step is None

    def _want_more(self) -> None:
        """The end came into view. The list asks while it lays itself out, so it waits a moment."""
        if not self._looking:
            self._looking = True
            QTimer.singleShot(0, self, self._add_more)

    def _add_more(self) -> None:
        first = len(self._moments)
        self._moments += self._earlier(self._moments[-1])
        rows = [self._row(n, self._moments[n]) for n in range(first, len(self._moments))]
        self._looking = False
        # Cancelled: the end may be asked for again.
        self.list.add_rows(rows, complete=self._complete)

    def _row(self, place: int, moment: Moment) -> StepRow:
        amount = counted(len(moment.rows), "annotation")
        step = moment.step
        if step is None:
            return StepRow(place, FIRST, amount, present=moment.present)
        detail = f"{when(step.at)} · {step.who} · {amount}"
        return StepRow(place, step.label, detail, moment.present, not step.done)

    def _show(self, place: int) -> None:
        moment = self._moments[place]
        found = moment.annotations()
        self.view.set_items(self._items(found))
        self.words.setText(self._class_words(found))
        self.note(self._difference(moment, found))
        self.go.setEnabled(not moment.present)

    def _items(self, found: Sequence[Annotation]) -> list[OverlayItem]:
        """What differs from now is drawn with a strong line."""
        items = []
        for annotation in found:
            strong = not self._same(annotation)
            one = overlay_items([annotation], dict(self._classes), self._skeletons)
            items += [replace(item, strong=strong) for item in one]
        return items

    def _same(self, annotation: Annotation) -> bool:
        """Whether an annotation looks now as it did then."""
        now = self._now.get(annotation.id)
        return now is not None and looks(now) == looks(annotation)

    def _class_words(self, found: Sequence[Annotation]) -> str:
        """How many of each class there were."""
        counts = Counter(a.class_id for a in found)
        named = [f"{c.name} {counts[c.id]}" for c in self._classes.values() if counts[c.id]]
        gone = sum(n for id, n in counts.items() if id not in self._classes)
        if gone:
            named.append(f"{counted(gone, 'annotation')} of a class that is gone")
        return " · ".join(named) or "No annotation"

    def _difference(self, moment: Moment, found: Sequence[Annotation]) -> str:
        """What restoring would do, in a sentence."""
        if moment.present:
            return "So it is now."
        then = {a.id for a in found}
        back = len(then - set(self._now))
        went = len(set(self._now) - then)
        changed = sum(not self._same(a) for a in found if a.id in self._now)
        parts = [
            f"{counted(back, 'annotation')} come{'s' * (back == 1)} back" if back else "",
            f"{changed} change{'s' * (changed == 1)}" if changed else "",
            f"{went} {'goes' if went == 1 else 'go'}" if went else "",
        ]
        words = ", ".join(filter(None, parts)) or "Only the drawing order and marks differ"
        return f"{words}. {ONE_STEP}"


def looks(annotation: Annotation) -> tuple[object, ...]:
    """What is seen of an annotation, as a value that can be compared."""
    packed = pack_shape(annotation.shape)
    return annotation.class_id, annotation.kind, annotation.box, packed, annotation.state


def _moments(
    project: Project, image_id: int, before: Moment | None, control: Control
) -> list[Moment]:
    """For a thread: steps on very many images take long to unpack."""

    def look(done: int, total: int) -> None:
        control.check()
        control.progress(done, total)

    with project.read() as session:
        if before is not None:
            return restoring.earlier(session, image_id, before, progress=look)
        return restoring.moments(session, image_id, progress=look)


class Restoring(QObject):
    """The action of the page."""

    said = Signal(str)
    answered = Signal()
    """A dialog was closed: the canvas takes the keys again."""

    def __init__(self, studio: Studio, document: Document, page: QWidget) -> None:
        super().__init__(page)
        self._studio, self._document, self._page = studio, document, page
        studio.actions.connect("label.restore", self._ask, page)

    def _ask(self) -> None:
        document, image = self._document, self._document.image
        if image is None:
            return
        found = self._found(self._page, image.id)
        if not found:
            return
        if len(found) < 2:
            self.said.emit("No step that is kept has changed this image's annotations")
            return
        classes, bones = document.classes, document.skeletons
        dialog = RestoreDialog(
            self._page, self._studio, image, found, classes, bones,
            lambda last: self._found(dialog, image.id, last),
        )  # fmt: skip
        if dialog.exec() and not dialog.moment.present:
            self._restore(image.id, dialog.moment)
        dialog.deleteLater()
        self.answered.emit()

    def _found(self, parent: QWidget, image_id: int, before: Moment | None = None) -> list[Moment]:
        """The moments, or those before one; none when the person stopped the search."""
        work = partial(_moments, self._document.project, image_id, before)
        outcome = run_with_progress(parent, self._studio.tasks, "Look through the history", work)
        if outcome.error is not None:
            self._studio.fail(outcome.error)
        return outcome.result or []

    def _restore(self, image_id: int, moment: Moment) -> None:
        step = moment.step
        name = f"Restore annotations as of {when(step.at)}" if step else "Restore the first state"
        told: list[restoring.Restored] = []
        work = partial(restoring.restore, image_id=image_id, moment=moment)
        self._document.change(name, lambda s: told.append(work(s)))
        if told and told[0].left_out:
            left = counted(told[0].left_out, "annotation")
            self.said.emit(f"{left} stayed away: the class is gone")

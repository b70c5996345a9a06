"""Suggestions on the selected images: asking for them, and accepting or rejecting by score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtWidgets import QWidget

from cvstudio.core.errors import CVStudioError
from cvstudio.core.words import counted
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label
from cvstudio.gui.widgets.slider_field import SliderField
from cvstudio.project import decisions


class Deciding:
    """The actions of the Data page that are about suggestions."""

    def __init__(self, studio: Studio, page: QWidget) -> None:
        self._studio, self._page = studio, page
        studio.actions.connect("data.suggest", self.ask, page)
        studio.actions.connect("data.decide", self.decide, page)

    def ask(self) -> None:
        """Let a network look at the selected images, or at others."""
        self._studio.go_to("suggest", ids=self._studio.selection)

    def decide(self) -> None:
        """Open the dialog, when there is something to decide on."""
        ids = self._studio.selection
        project = self._studio.project
        assert project is not None
        with project.read() as session:
            there = decisions.pending(session, ids)
        if not there:
            self._studio.toast(f"No suggestions on {counted(len(ids), 'selected image')}.")
            return
        dialog = DecideDialog(self._page.window(), self._studio, ids, there)
        dialog.exec()
        dialog.deleteLater()


class DecideDialog(StudioDialog):
    """A score, and how many suggestions reach it; each answer is one undo step."""

    def __init__(
        self,
        parent: QWidget,
        studio: Studio,
        ids: Sequence[int],
        there: Sequence[decisions.Pending],
    ) -> None:
        super().__init__(parent, "Decide on suggestions", width=520)
        self.setObjectName("decide")
        self._studio, self._ids, self._there = studio, ids, there
        images = len({p.image_id for p in there})
        words = f"{counted(len(there), 'suggestion')} on {counted(images, 'image')}"
        self.content.addWidget(label(words, "title"))
        self.score = SliderField(0.0, 1.0, 0.5, step=0.01)
        self.score.slider.setAccessibleName("Score from")
        self.score.changed.connect(lambda _value: self._show())
        self.content.addWidget(label("Score from", "muted"))
        self.content.addWidget(self.score)
        self.figures = label("", "muted", wrap=True)
        self.content.addWidget(self.figures)
        self.note("One step each, undone with Ctrl+Z.")
        self.drop = self.add_button("Reject", self._reject)
        self.keep = self.add_button("Accept", self._keep, next=True)
        self._show()

    def _show(self) -> None:
        reach = sum(p.reaches(self.score.value - 1e-9) for p in self._there)
        below = len(self._there) - reach
        self.figures.setText(f"{reach:,} reach it, {below:,} do not.")
        self.keep.setText(f"Accept {reach:,}")
        self.keep.setEnabled(reach > 0)
        self.drop.setText(f"Reject {below:,}")
        self.drop.setEnabled(below > 0)

    def _keep(self) -> None:
        score = self.score.value - 1e-9
        self._do(
            "Accept suggestions",
            lambda s: decisions.keep_from(s, image_ids=self._ids, score=score),
            lambda count: f"{counted(count, 'suggestion')} accepted.",
        )

    def _reject(self) -> None:
        score = self.score.value - 1e-9
        self._do(
            "Reject suggestions",
            lambda s: decisions.reject_below(s, image_ids=self._ids, score=score),
            lambda count: f"{counted(count, 'suggestion')} rejected.",
        )

    def _do(self, step: str, work: Callable[[Any], int], words: Callable[[int], str]) -> None:
        """One answer; the dialog stays while there are suggestions to decide on."""
        project = self._studio.project
        assert project is not None
        try:
            with project.transaction(step, source=self) as session:
                count = work(session)
            with project.read() as session:
                self._there = decisions.pending(session, self._ids)
        except CVStudioError as error:
            self._studio.fail(error)
            return
        self._studio.toast(words(count), level="success", link="Undo", do=self._studio.undo)
        if self._there:
            self._show()
        else:
            self.accept()

"""Undo from the Label page: a step that reaches further than the open image is asked about, and
what is selected after it."""

from __future__ import annotations

from collections.abc import Collection

from cvstudio.core.annotation import Task
from cvstudio.core.words import counted, quoted
from cvstudio.gui.label.document import Document
from cvstudio.project.changes import ChangeSet, Reach

_MOST_STEPS = 2000  # whose selection is remembered

_NO_IMAGE = "It changes no image and no label."


class Undoing:
    """Whether the person really wants to take back what they may not have in mind here."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._selected: dict[int, frozenset[int]] = {}
        """By step, what was selected when it began."""
        self._present = document.project.present_step
        self._undone = 0

    def remember(self, changes: ChangeSet) -> None:
        """Something changed: keep what was selected before it, or which step was taken back."""
        self._undone = self._present if changes.kind == "undo" else 0
        self._present = self._document.project.present_step
        if changes.kind == "do" and changes.step and changes.source is self._document:
            # A key that changes a little more joins its step, and keeps its selection.
            self._selected.setdefault(changes.step, self._document.selected_before)
            while len(self._selected) > _MOST_STEPS:
                del self._selected[next(iter(self._selected))]

    def selection_after(self, changes: ChangeSet, known: Collection[int]) -> Collection[int] | None:
        """What to select after undo or redo; None leaves the selection as it is.

        What came back or changed is to be seen, but where somebody paints a whole image one
        stroke changes the masks beside it too: of these only what was selected before it is, or
        what came back. `known`: the annotations that were there before.
        """
        ids = changes.ids("annotation") or set()
        before = self._selected.get(self._undone)
        if before is not None and not before.isdisjoint(ids):
            return before
        if self._document.task != Task.SEGMENT:
            return ids
        came = ids.difference(known)
        if before is not None:
            return before | came
        return came or (ids if len(ids) == 1 else None)

    def agrees(self, *, redo: bool = False) -> bool:
        """True when the next step back (or forth) is about one image, or wanted anyway.

        A step of another image is not asked about: Label goes there and shows what came back.
        """
        project = self._document.project
        reach = project.redo_reach if redo else project.undo_reach
        label = project.redo_label if redo else project.undo_label
        if label is None or _is_near(reach):
            return True
        asked, text = words(label, reach, redo=redo)
        return self._document.studio.ask(asked, text, yes="Do it again" if redo else "Undo")

    def tell(self, changes: ChangeSet) -> str:
        """Which step was taken back or done again. Who has just hidden shapes may have meant
        those: they are told that hiding is no step, and how the shapes come back."""
        words = f"{'Undone' if changes.kind == 'undo' else 'Done again'}: {changes.label}"
        document = self._document
        if document.hidden_ids:
            hidden = counted(len(document.hidden_ids), "hidden shape stays", "hidden shapes stay")
            document.studio.toast(
                f"{words}. {hidden} hidden: that is no step.",
                link="Show again",
                do=document.show_hidden,
                about="hidden shapes",
                passing=True,
            )
        return words


def _is_near(reach: Reach) -> bool:
    """About one image that stays, or about the classes alone, which are seen here too."""
    if reach.came or reach.went or reach.images is None:
        return False
    return len(reach.images) == 1 or (not reach.images and reach.classes)


def words(label: str, reach: Reach, *, redo: bool) -> tuple[str, str]:
    """ "Undo the import of 38 images?", and what that means."""
    moved = counted(reach.came or reach.went, "image")
    if reach.came or reach.went:
        what = f"the {'import' if reach.came else 'removal'} of {moved}"
        leave = bool(reach.came) != redo
        text = (
            "They leave the project with their annotations. Their files stay."
            if leave
            else "They come back with their annotations."
        )
        return (f"Redo {what}?" if redo else f"Undo {what}?"), f"{text} {_way_back(redo)}"
    verb = "Redo" if redo else "Undo"
    if reach.images is None or len(reach.images) > 1:
        many = counted(reach.image_count, "image") if reach.image_count else "many images"
        text = f"It is about {many}, not only the one you see. {_way_back(redo)}"
        return f"{verb} {quoted(label)} on {many}?", text
    return f"{verb} {quoted(label)}?", f"{_NO_IMAGE} {_way_back(redo)}"


def _way_back(redo: bool) -> str:
    return "Undo takes it back." if redo else "Redo does it again."

"""Undo from the Label page: a step that reaches further than the open image is asked about."""

from __future__ import annotations

from cvstudio.core.words import counted, quoted
from cvstudio.gui.label.document import Document
from cvstudio.project.changes import ChangeSet, Reach

_NO_IMAGE = "It changes no image and no label."


class Undoing:
    """Whether the person really wants to take back what they may not have in mind here."""

    def __init__(self, document: Document) -> None:
        self._document = document

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

"""What can be done to the label classes from the Label page; each verb is one undo step."""

from __future__ import annotations

from cvstudio.core.words import quoted
from cvstudio.gui.label.document import Document
from cvstudio.project import commands


class ClassVerbs:
    """Add, rename, recolour and delete classes, and give them keys."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def add(self, name: str) -> int | None:
        """Add a class and make it the current one; None when it was not possible."""
        made: list[int] = []
        if not self._document.change(
            f"Add class {quoted(name)}", lambda s: made.append(commands.add_class(s, name=name))
        ):
            return None
        self._document.choose_class(made[0])
        return made[0]

    def rename(self, class_id: int, name: str) -> None:
        """Give a class another name; no name leaves it as it is."""
        if name.strip() and name != self._document.classes[class_id].name:
            self._document.change(
                "Rename class", lambda s: commands.rename_class(s, id=class_id, name=name)
            )

    def recolour(self, class_id: int, colour: str) -> None:
        """Give a class another colour."""
        self._document.change(
            "Change colour", lambda s: commands.recolour_class(s, id=class_id, colour=colour)
        )

    def set_hotkey(self, class_id: int, hotkey: str) -> None:
        """Give a class a key; the class that had it has none then."""
        self._document.change(
            "Change key", lambda s: commands.set_hotkey(s, id=class_id, hotkey=hotkey)
        )

    def delete(self, class_id: int) -> None:
        """Remove a class and its annotations on all images."""
        name = self._document.classes[class_id].name
        self._document.change(
            f"Delete class {quoted(name)}", lambda s: commands.delete_class(s, id=class_id)
        )

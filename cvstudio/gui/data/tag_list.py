"""The tags in the left panel of Data: choosing one filters, and each can be renamed or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.core.errors import CVStudioError
from cvstudio.core.words import counted
from cvstudio.gui.data import saved_views
from cvstudio.gui.data.named_list import NamedList
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.dialogs import ask_text
from cvstudio.gui.widgets.nav_list import NavRow
from cvstudio.project import queries, tagging
from cvstudio.project.records import TagRecord

_PREFIX = "tag:"


def key_of(tag: str) -> str:
    """The key of a tag's row."""
    return f"{_PREFIX}{tag}"


class TagList(NamedList):
    """`asked(what, tag)`: "rename" by F2 or the menu, "delete" by Del or the menu."""

    def __init__(self) -> None:
        super().__init__("Tags", prefix=_PREFIX, removal="delete")

    def show_tags(self, tags: Sequence[TagRecord]) -> None:
        """Show these, with how many images carry each."""
        words = "{}. F2 renames it, Del takes it off all images."
        rows = [
            NavRow(
                key_of(t.name), t.name, "tag-outline", f"{t.image_count:,}", words.format(t.name)
            )
            for t in tags
        ]
        self.show_rows(rows)

    def menu(self, tag: str) -> QMenu:
        """What can be done with a tag."""
        menu = QMenu(self)
        menu.addAction("Rename", lambda: self.asked.emit("rename", tag))
        menu.addAction("Delete tag", lambda: self.asked.emit("delete", tag))
        return menu


def rename_tag(studio: Studio, page: QWidget, tag: str, name: str = "") -> str:
    """Give a tag another name, in saved views too; asks for it when none is given.

    Returns the name that the tag has afterwards.
    """
    project = studio.project
    assert project is not None
    name = name or ask_text(page, "Rename tag", "Tag", tag, yes="Rename")
    if not name or name == tag:
        return tag
    with project.read() as session:
        found = next((t for t in queries.tags(session) if t.name == tag), None)
        views = saved_views.stored(session)
    if found is None:
        return tag
    renamed = [
        replace(view, filter=replace(view.filter, tags=_exchange(view.filter.tags, tag, name)))
        for view in views
    ]
    try:
        with project.transaction(f"Rename tag {tag}", source=page) as session:
            tagging.rename_tag(session, id=found.id, name=name)
            if renamed != views:
                saved_views.put(session, renamed)
    except CVStudioError as error:
        studio.fail(error)
        return tag
    return name


def _exchange(tags: Sequence[str], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if tag == old else tag for tag in tags)


def delete_tag(studio: Studio, page: QWidget, tag: str) -> None:
    """Take a tag off all images; the images stay, and undo brings it back."""
    project = studio.project
    assert project is not None
    with project.read() as session:
        found = next((t for t in queries.tags(session) if t.name == tag), None)
    if found is None:
        return
    with project.transaction(f"Delete tag {tag}", source=page) as session:
        tagging.delete_tag(session, id=found.id)
    studio.toast(
        f"Tag {tag} taken off {counted(found.image_count, 'image')}.", link="Undo", do=studio.undo
    )

"""What keys and the right click do to the shape being drawn and to what is selected."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QMenu, QWidget

from cvstudio.core.annotation import State, Task
from cvstudio.gui.actions import Actions
from cvstudio.gui.label.bars import OptionsBar
from cvstudio.gui.label.canvas import Canvas
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.menu import annotation_menu, canvas_menu
from cvstudio.gui.label.toolbox import Toolbox


class Editing(QObject):
    """Finish, cancel, delete, hide, select all, and the context menu."""

    def __init__(
        self, actions: Actions, document: Document, canvas: Canvas, toolbox: Toolbox,
        bar: OptionsBar, page: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(page)
        self._actions, self._document, self._canvas = actions, document, canvas
        self._toolbox, self._bar, self._page = toolbox, bar, page
        self.comment_at: Callable[[float, float], object] = lambda _x, _y: None
        """Talks about a place of the image."""
        canvas.menu_wanted.connect(self._show_canvas_menu)
        connect = partial(actions.connect, widget=page)
        connect("label.finish", self._finish)
        connect("label.cancel", self._cancel)
        connect("label.delete", self._delete)
        connect("label.hide", document.toggle_hidden)
        connect("label.select_all", self._select_all)

    def _leave_field(self) -> bool:
        """Enter and Esc in a field of the bar give the keys back to the canvas, no more."""
        if not self._bar.is_typed_in():
            return False
        self._canvas.setFocus()
        return True

    def _finish(self) -> None:
        if self._leave_field():
            return
        document = self._document
        if not self._canvas.tool.finish():
            hovered = {document.hovered} if document.hovered else set()
            document.accept(document.selection or frozenset(hovered) or self._whole())

    def _whole(self) -> frozenset[int]:
        """What is suggested for the whole image, where images are classified."""
        found = (a for a in self._document.annotations if a.state == State.SUGGESTED)
        surest = sorted((a for a in found if a.shape is None), key=lambda a: -(a.score or 0.0))
        return frozenset(a.id for a in surest[:1])

    def _cancel(self) -> None:
        """Esc backs out one step at a time: field, draft, selection, tool."""
        if self._leave_field() or self._canvas.tool.cancel():
            return
        if self._document.selection:
            self._document.select([])
        else:
            self._toolbox.take()

    def _delete(self) -> None:
        document = self._document
        if document.task == Task.CLASSIFY and (whole := self._whole()):
            document.delete(whole)
        elif document.task == Task.CLASSIFY:
            document.classify(None)
        elif document.selection:
            document.delete(document.selection)
        elif document.hovered is not None:
            annotation = document.get(document.hovered)
            if annotation is not None and annotation.state == State.SUGGESTED:
                document.delete([annotation.id])

    def _select_all(self) -> None:
        away = self._document.untouchable()
        self._toolbox.take()
        self._document.select(a.id for a in self._document.annotations if a.id not in away)

    def _show_canvas_menu(self, place: QPoint) -> None:
        """Right click on the canvas: what is under the pointer is selected first."""
        document, canvas = self._document, self._canvas
        at = canvas.to_image(canvas.viewport().mapFromGlobal(place).toPointF())
        if document.image is None:
            return
        under = document.hovered
        if under is None:
            under = self._toolbox.select.first_under(*at)
        if under is not None and under not in document.selection:
            document.select([under])
        comment = partial(self.comment_at, *at)
        if under is not None or document.selection:
            self._open(annotation_menu(document, self._actions, self._page, comment), place)
        else:
            self._open(canvas_menu(self._actions, self._page, comment), place)

    def show_menu(self, place: QPoint) -> None:
        """The context menu of what is selected."""
        self._open(annotation_menu(self._document, self._actions, self._page), place)

    def _open(self, menu: QMenu, place: QPoint) -> None:
        menu.exec(place)
        menu.deleteLater()

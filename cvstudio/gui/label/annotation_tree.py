"""The annotations of the image as a tree by class, in step with the canvas both ways."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
)

from cvstudio.core.annotation import Annotation, Kind, Source, State
from cvstudio.core.attributes import said_of, values_in, words_of
from cvstudio.core.geometry import Polygon
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask
from cvstudio.core.rotated import RotatedBox
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.label.document import Document
from cvstudio.gui.label.origins import origin_words
from cvstudio.gui.label.tree_heading import TreeHeading
from cvstudio.gui.label.turning import rotated_words
from cvstudio.gui.widgets.focus_mark import paint_focus
from cvstudio.gui.widgets.icons import paint_icon
from cvstudio.gui.widgets.swatch import paint_swatch
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project.suggestions import MAKER
from cvstudio.project.tracks import is_computed

ROLE = Qt.ItemDataRole.UserRole
KIND_ICONS = {
    Kind.BOX: "rectangle-outline",
    Kind.POLYGON: "vector-polygon",
    Kind.MASK: "gesture",
    Kind.IMAGE: "image-outline",
    Kind.ROTATED_BOX: "rhombus-outline",
    Kind.KEYPOINTS: "vector-polyline",
}
_WHO = {Source.HUMAN: "you", Source.IMPORT: "import", Source.NETWORK: "network"}
_BUTTON = 26

Index = QModelIndex | QPersistentModelIndex


class AnnotationModel(QAbstractItemModel):
    """Class rows with annotation rows below them, suggestions apart and first.

    Only rows that change are touched.
    """

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._classes: list[int] = []
        self._rows: dict[int, list[Annotation]] = {}

    # A class has a group for its annotations and one for its suggestions, see _group_of. The
    # internal id of a group's row is 0, that of an annotation's row its group.

    def rowCount(self, parent: Index | None = None) -> int:
        if parent is None or not parent.isValid():
            return len(self._classes)
        return len(self._rows[self._classes[parent.row()]]) if parent.internalId() == 0 else 0

    def columnCount(self, parent: Index | None = None) -> int:
        return 1

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        if parent is None or not parent.isValid():
            return self.createIndex(row, column, 0)
        return self.createIndex(row, column, self._classes[parent.row()])

    def parent(self, index: Index | None = None) -> Any:
        if index is None:
            return super().parent()
        class_id = index.internalId()
        if class_id == 0 or class_id not in self._rows:
            return QModelIndex()
        return self.createIndex(self._classes.index(class_id), 0, 0)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        annotation = self.annotation(index)
        if role == ROLE:
            return annotation
        if role == Qt.ItemDataRole.DisplayRole:
            if annotation is not None:
                return describe(annotation, self._said(annotation))
            found = self._document.classes.get(self.class_at(index))
            name = found.name if found else ""
            return f"{name}, suggested" if self.suggests(index) else name
        if role == Qt.ItemDataRole.AccessibleTextRole and annotation is not None:
            found = self._document.classes.get(annotation.class_id)
            said = describe(annotation, self._said(annotation))
            if annotation.state == State.SUGGESTED:
                said = f"{said}, suggested by {origin_words(annotation) or 'a network'}"
            return f"{found.name}: {said}" if found else said
        if role == Qt.ItemDataRole.ToolTipRole and annotation is not None:
            carried = values_in(annotation.attributes).items()
            lines = [f"{name}: {words_of(value)}" for name, value in carried]
            if origin := origin_words(annotation):
                lines.insert(0, f"Suggested by {origin}")
            # A narrow panel has not room for all of a row.
            return tip("\n".join([describe(annotation, self._said(annotation)), *lines]))
        return None

    def _said(self, annotation: Annotation) -> str:
        """What an annotation's attributes say, in few words."""
        return said_of(annotation.attributes, self._document.asked.get(annotation.class_id, ()))

    def annotation(self, index: Index) -> Annotation | None:
        """The annotation of a row, None for a class row."""
        class_id = index.internalId()
        rows = self._rows.get(class_id, [])
        return rows[index.row()] if class_id and index.row() < len(rows) else None

    def class_at(self, index: Index) -> int:
        """The class of a class row."""
        return self._classes[index.row()] // 2

    def suggests(self, index: Index) -> bool:
        """Whether a class row stands over suggestions."""
        return bool(self._classes[index.row()] % 2)

    def group_at(self, index: Index) -> int:
        """The group of a class row."""
        return self._classes[index.row()]

    def count(self, index: Index) -> int:
        """How many annotations a class row stands over."""
        return len(self._rows[self._classes[index.row()]])

    def index_of(self, annotation: Annotation) -> QModelIndex:
        """The row of an annotation."""
        group = _group_of(annotation)
        for row, other in enumerate(self._rows.get(group, [])):
            if other.id == annotation.id:
                return self.createIndex(row, 0, group)
        return QModelIndex()

    def refresh(self) -> None:
        """Bring the rows in step with the document, by as few insertions and removals as it
        takes when the classes stay the same."""
        new = _grouped(self._document)
        if list(new) != self._classes:
            self.beginResetModel()
            self._classes, self._rows = list(new), new
            self.endResetModel()
            return
        for place, (class_id, wanted) in enumerate(new.items()):
            self._update_class(self.createIndex(place, 0, 0), class_id, wanted)

    def _update_class(self, parent: QModelIndex, class_id: int, wanted: list[Annotation]) -> None:
        rows = self._rows[class_id]
        ids = {a.id for a in wanted}
        counted = len(rows)
        for row in range(len(rows) - 1, -1, -1):
            if rows[row].id not in ids:
                self.beginRemoveRows(parent, row, row)
                del rows[row]
                self.endRemoveRows()
        for row, annotation in enumerate(wanted):
            if row < len(rows) and rows[row].id == annotation.id:
                if rows[row] is not annotation:
                    rows[row] = annotation
                    index = self.createIndex(row, 0, class_id)
                    self.dataChanged.emit(index, index)
            elif all(a.id != annotation.id for a in rows[row:]):
                self.beginInsertRows(parent, row, row)
                rows.insert(row, annotation)
                self.endInsertRows()
            else:  # the order itself has changed
                self.beginResetModel()
                self._rows[class_id] = wanted
                self.endResetModel()
                return
        if counted != len(rows):
            self.dataChanged.emit(parent, parent)


def _group_of(annotation: Annotation) -> int:
    return 2 * annotation.class_id + (annotation.state == State.SUGGESTED)


def _grouped(document: Document) -> dict[int, list[Annotation]]:
    """Annotations by class, in the order of the classes; all suggestions before the others."""
    groups: dict[int, list[Annotation]] = {}
    for annotation in document.annotations:
        groups.setdefault(_group_of(annotation), []).append(annotation)
    order = [2 * id + suggested for suggested in (1, 0) for id in document.classes]
    return {group: groups[group] for group in order if group in groups}


def describe(annotation: Annotation, said: str = "") -> str:
    """What is `said` of an annotation, and its size: "round, torn · 11,149 px², 129 × 122 px"."""
    return f"{said} · {_size(annotation)}" if said else _size(annotation)


def _size(annotation: Annotation) -> str:
    if annotation.shape is None:
        return "whole image"
    box, shape = annotation.box, annotation.shape
    if isinstance(shape, RotatedBox):
        return rotated_words(shape) + (", crowd" if annotation.crowd else "")
    text = f"{box.w:.0f} × {box.h:.0f} px"
    if isinstance(shape, Mask):
        text = f"{shape.area:,.0f} px², {text}"  # where room ends, the box is what can be spared
    elif isinstance(shape, Keypoints):
        text = f"{len(shape.placed())} of {counted(len(shape.points), 'point')}, {text}"
    elif isinstance(shape, Polygon):
        points = sum(map(len, shape.rings()))
        holes = sum(len(part.holes) for part in shape.parts)
        text += f", {points} points"
        if holes:
            text += f", {counted(holes, 'hole')}"
    return text + (", crowd" if annotation.crowd else "")


def maker_words(annotation: Annotation) -> str:
    """Who made an annotation as it is now, or who suggests it and how sure that is."""
    computed = annotation.attributes.get(MAKER, "").lower() if is_computed(annotation) else ""
    if annotation.state != State.SUGGESTED:
        return computed or _WHO[annotation.source]
    score = f"{annotation.score:.2f}" if annotation.score is not None else ""
    origin = computed or origin_words(annotation, short=True)
    return " · ".join(word for word in (origin, score) if word) or "suggested"


class _Delegate(QStyledItemDelegate):
    def __init__(self, document: Document, view: QTreeView) -> None:
        super().__init__(view)
        self._document = document

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(100, theme.size("row_compact"))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        annotation: Annotation | None = index.data(ROLE)
        view = self.parent()
        assert isinstance(view, QTreeView)
        rect: QRect = option.rect
        row = QRect(0, rect.top(), view.viewport().width(), rect.height())
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected and annotation is not None:
            painter.fillRect(row, theme.colour("selection"))
        elif annotation is not None and annotation.id == self._document.hovered:
            painter.fillRect(row, theme.colour("hover"))
        painter.setFont(theme.font("body"))
        if annotation is None:
            self.paint_class(painter, row, index, view)
        else:
            words = str(index.data(Qt.ItemDataRole.DisplayRole))
            self._paint_annotation(painter, row, annotation, words, selected)
        paint_focus(painter, option, row)

    def paint_class(self, painter: QPainter, row: QRect, index: Index, view: QTreeView) -> None:
        """Paint the row of a class."""
        model = index.model()
        assert isinstance(model, AnnotationModel)
        found = self._document.classes.get(model.class_at(index))
        if found is None:
            return
        name = "chevron-down" if view.isExpanded(model.index(index.row(), 0)) else "chevron-right"
        paint_icon(painter, name, QRect(14, row.top(), 20, row.height()), "muted")
        paint_swatch(painter, QRect(40, row.center().y() - 5, 12, 12), found.colour)
        figure = f"{model.count(index)} suggested" if model.suggests(index) else ""
        figure = figure or str(model.count(index))
        self._paint_words(painter, row, 60, found.name, figure, "text", "muted")

    def _paint_annotation(
        self, painter: QPainter, row: QRect, annotation: Annotation, words: str, selected: bool
    ) -> None:
        text = "selectionText" if selected else "text"
        quiet = "selectionMuted" if selected else "muted"
        if annotation.id in self._document.hidden():
            text = quiet if selected else "disabled"
        paint_icon(
            painter, KIND_ICONS[annotation.kind], QRect(36, row.top(), 16, row.height()), quiet
        )
        if annotation.state == State.SUGGESTED:
            keep, drop = suggestion_buttons(row)
            paint_icon(painter, "check", keep, text)
            paint_icon(painter, "close", drop, text)
            row = row.adjusted(0, 0, -2 * _BUTTON, 0)
        if annotation.locked:
            paint_icon(painter, "lock-outline", QRect(14, row.top(), 16, row.height()), quiet)
        self._paint_words(painter, row, 60, words, maker_words(annotation), text, quiet)

    @staticmethod
    def _paint_words(
        painter: QPainter, row: QRect, left: int, words: str, figure: str, role: str, quiet: str
    ) -> None:
        metrics = painter.fontMetrics()
        padding = theme.size("panel_padding")
        width = metrics.horizontalAdvance(figure)
        painter.setPen(theme.colour(quiet))
        painter.drawText(
            row.adjusted(0, 0, -padding, 0),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
            figure,
        )
        area = QRect(left, row.top(), row.width() - left - padding - width - 8, row.height())
        painter.setPen(theme.colour(role))
        elided = metrics.elidedText(words, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, elided)


def suggestion_buttons(row: QRect) -> tuple[QRect, QRect]:
    """Where a suggestion's row has its tick and its cross."""
    right = row.right() - 8
    keep = QRect(right - 2 * _BUTTON, row.top(), _BUTTON, row.height())
    return keep, keep.translated(_BUTTON, 0)


class AnnotationTree(QTreeView):
    """The list; `menu_wanted(place)` is a right click on a row, which selects it first."""

    menu_wanted = Signal(QPoint)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._model = AnnotationModel(document)
        self._syncing = False
        self.setModel(self._model)
        delegate = _Delegate(document, self)
        self.setItemDelegate(delegate)
        self.heading = TreeHeading(self, delegate.paint_class, self._fold)
        """Says whom the first rows belong to."""
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setUniformRowHeights(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setExpandsOnDoubleClick(False)
        self.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QTreeView.SelectionMode.ExtendedSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Annotations")
        self._folded: set[int] = set()
        self._model.modelReset.connect(self._expand)
        self._model.rowsInserted.connect(self._expand)
        self.selectionModel().selectionChanged.connect(self._on_selection)
        document.selection_changed.connect(self._show_selection)
        document.hover_changed.connect(self.viewport().update)

    @property
    def rows(self) -> AnnotationModel:
        """The model behind the tree."""
        return self._model

    def refresh(self) -> None:
        """The document's annotations, classes or what is hidden are other ones."""
        self._syncing = True
        self._model.refresh()
        self._syncing = False
        self._show_selection()
        self.heading.follow()
        self.viewport().update()

    def _expand(self, *_: object) -> None:
        for row in range(self._model.rowCount()):
            index = self._model.index(row, 0)
            self.setExpanded(index, self._model.group_at(index) not in self._folded)

    def _on_selection(self, *_: QItemSelection) -> None:
        if self._syncing:
            return
        found = [self._model.annotation(i) for i in self.selectionModel().selectedIndexes()]
        self._document.select(a.id for a in found if a is not None)

    def _show_selection(self) -> None:
        """Select the rows of what is selected on the canvas, and bring the first into view."""
        wanted = QItemSelection()
        first = QModelIndex()
        for annotation in self._document.selected():
            index = self._model.index_of(annotation)
            if index.isValid():
                wanted.select(index, index)
                first = first if first.isValid() else index
        self._syncing = True
        self.selectionModel().select(wanted, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._syncing = False
        if first.isValid():
            self.scrollTo(first)

    def take_keys(self) -> None:
        """Give the keys to the list, as Tab does; from the canvas, where Tab may be taken."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Who comes by key sees where: on the row of what is selected, else on the first."""
        super().focusInEvent(event)
        chosen = self.selectionModel().selectedIndexes()
        index = chosen[0] if chosen else self.currentIndex()
        if not index.isValid():
            index = self._model.index(0, 0) if self._model.rowCount() else index
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)

    def scrollTo(
        self,
        index: Index,
        hint: QTreeView.ScrollHint = QTreeView.ScrollHint.EnsureVisible,
    ) -> None:
        """Bring a row into view, and out from under the heading."""
        super().scrollTo(index, hint)
        if self._model.annotation(index) is not None and self.heading.covers(index):
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() - 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What is selected stays in view when the attributes below take their room."""
        super().resizeEvent(event)
        self.heading.follow()
        self._show_selection()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        annotation = self._model.annotation(index) if index.isValid() else None
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            if annotation is None:
                self._fold(index)
                return
            if annotation.state == State.SUGGESTED and self._press_button(event, index, annotation):
                return
        super().mousePressEvent(event)

    def _fold(self, index: Index) -> None:
        group = self._model.group_at(index)
        self._folded ^= {group}
        self.setExpanded(index, group not in self._folded)

    def _press_button(self, event: QMouseEvent, index: QModelIndex, annotation: Annotation) -> bool:
        rect = self.visualRect(index)
        row = QRect(0, rect.top(), self.viewport().width(), rect.height())
        keep, drop = suggestion_buttons(row)
        if keep.contains(event.position().toPoint()):
            self._document.accept([annotation.id])
            return True
        if drop.contains(event.position().toPoint()):
            self._document.delete([annotation.id])
            return True
        return False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        annotation = self._model.annotation(index) if index.isValid() else None
        self._document.hover(annotation.id if annotation else None)
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._document.hover(None)
        super().leaveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.indexAt(event.pos())
        annotation = self._model.annotation(index) if index.isValid() else None
        if annotation is None:
            return
        if annotation.id not in self._document.selection:
            self._document.select([annotation.id])
        self.menu_wanted.emit(event.globalPos())

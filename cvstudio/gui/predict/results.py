"""What was answered, image by image: a list with small pictures and the answers drawn on them."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    QSizeF,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage, QPainter, QResizeEvent
from PySide6.QtWidgets import QFrame, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cvstudio.core.answers import Answered, Line, Skipped, Teller, said_classes
from cvstudio.core.errors import ImageError
from cvstudio.core.words import counted, quoted
from cvstudio.formats.answers import Count
from cvstudio.gui import theme
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.tasks import Control, Tasks
from cvstudio.gui.widgets.icons import paint_icon
from cvstudio.gui.widgets.names import elided
from cvstudio.gui.widgets.overlay import OverlayItem, edges_of, mask_layer, paint_items

Index = QModelIndex | QPersistentModelIndex
LINE = Qt.ItemDataRole.UserRole
SIDE = 72
"""Pixels of the longer side of a small picture."""
_KEPT = 600
_AT_ONCE = 24
_LAYERS_KEPT = 60
_MOST_TAGS = 40
"""Objects above which words would cover the picture."""


def items_of(
    answered: Answered, teller: Teller, count: Count, *, tags: bool = False
) -> list[OverlayItem]:
    """What is drawn of an answer; classes of whole images are written and not drawn. `tags`: each
    object says its class and score, while there are few enough of them to be read."""
    answer = count.of(answered.prediction, teller)
    classes = teller.by_id
    items = [OverlayItem(mask, classes[key].colour) for key, mask in (answer.regions or {}).items()]
    tags = tags and len(answer.objects) <= _MOST_TAGS
    for one in answer.objects:
        label = classes[one.class_id]
        edges = edges_of(one.shape, teller.form.skeleton)
        text = f"{label.name} {one.score:.2f}" if tags else ""
        items.append(OverlayItem(one.shape, label.colour, edges=edges, text=text))
    return items


def words_of(answered: Answered, teller: Teller, count: Count) -> str:
    """An answer in a few words: "2 RBC, 1 WBC", "“Cat” 0.93", "nothing"."""
    names = {c.id: c.name for c in teller.classes}
    answer = count.of(answered.prediction, teller)
    if answer.scores is not None:
        said = said_classes(answer, teller, count.score, own=count.own)
        return ", ".join(f"{quoted(names[k])} {answer.scores[k]:.2f}" for k in said) or "no class"
    if answer.regions is not None:
        return ", ".join(names[key] for key in answer.regions) or "background only"
    found = Counter(one.class_id for one in answer.objects)
    return ", ".join(f"{n:,} {names[key]}" for key, n in found.most_common()) or "nothing"


def bare_reason(line: Skipped) -> str:
    """Why a file was skipped, below its name, which need not be said again."""
    said = line.reason.removeprefix(f"{line.path.name} ")
    return said[:1].upper() + said[1:]


class ResultsModel(QAbstractListModel):
    """The answers and the files that were skipped, in the order in which they came."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self.teller: Teller | None = None
        self.count = Count(0.25)

    @property
    def answers(self) -> list[Answered]:
        """The answers alone."""
        return [line for line in self.lines if isinstance(line, Answered)]

    @property
    def skipped(self) -> list[Skipped]:
        """The files that could not be read."""
        return [line for line in self.lines if isinstance(line, Skipped)]

    def clear(self) -> None:
        """Begin anew."""
        self.beginResetModel()
        self.lines, self.teller = [], None
        self.endResetModel()

    def add(self, lines: Iterable[Line]) -> None:
        """More has come."""
        new = list(lines)
        if new:
            first = len(self.lines)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self.lines += new
            self.endInsertRows()

    def set_count(self, count: Count) -> None:
        """Other answers count: everything is painted anew."""
        self.count = count
        if self.lines:
            self.dataChanged.emit(self.index(0), self.index(len(self.lines) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        line = self.lines[index.row()]
        if role == LINE:
            return line
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.title(line)}: {self.words(line)}"
        if role == Qt.ItemDataRole.DisplayRole:
            return self.title(line)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{line.path}\n{self.words(line)}"
        return None

    def title(self, line: Line) -> str:
        """The name of an image, and which one of its file it is."""
        return line.title if isinstance(line, Answered) else line.path.name

    def words(self, line: Line) -> str:
        """What was found, or why it was skipped."""
        if isinstance(line, Skipped):
            return bare_reason(line)
        return words_of(line, self.teller, self.count) if self.teller is not None else ""


class ResultsList(QListView):
    """The list; small pictures are read in a thread, those that are looked at first."""

    chosen = Signal(int)
    """The row that is looked at, -1 for none."""

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self.results = ResultsModel()
        self.setModel(self.results)
        self.pictures: OrderedDict[tuple[str, int], QImage] = OrderedDict()
        self._latest = LatestWins(tasks, owner=self)
        self._tried: set[tuple[str, int]] = set()
        self.setItemDelegate(_Delegate(self))
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("Results")
        self.verticalScrollBar().valueChanged.connect(lambda _value: self.read_more())
        self.selectionModel().currentChanged.connect(lambda now, _old: self.chosen.emit(now.row()))
        self.results.rowsInserted.connect(lambda *_rows: self.read_more())

    def current(self) -> Line | None:
        """The line that is looked at."""
        index = self.currentIndex()
        return self.results.lines[index.row()] if index.isValid() else None

    def go(self, by: int) -> None:
        """Look at the next one, or one before."""
        count = len(self.results.lines)
        if count:
            row = min(max(self.currentIndex().row() + by, 0), count - 1)
            self.setCurrentIndex(self.results.index(row))

    def release(self) -> None:
        """Nothing is read any more."""
        self._latest.drop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.read_more()

    def read_more(self) -> None:
        """Read the small pictures that are on the screen and not there yet."""
        first = self.indexAt(self.viewport().rect().topLeft() + _INSIDE).row()
        shown = range(max(first, 0), max(first, 0) + self.viewport().height() // (SIDE + 8) + 2)
        wanted = []
        for row in shown:
            line = self.results.lines[row] if row < len(self.results.lines) else None
            if isinstance(line, Answered) and _key(line) not in self._tried:
                wanted.append(line)
        if wanted:
            some = wanted[:_AT_ONCE]
            self._latest.request(lambda control: _read(some, control), self._came)

    def _came(self, found: dict[tuple[str, int], bytes]) -> None:
        for key, data in found.items():
            self._tried.add(key)
            if data:
                self.pictures[key] = QImage.fromData(data)
        while len(self.pictures) > _KEPT:
            gone, _ = self.pictures.popitem(last=False)
            self._tried.discard(gone)
        self.viewport().update()
        self.read_more()


_INSIDE = QRect(0, 0, 9, 9).center()


def _key(line: Answered) -> tuple[str, int]:
    return str(line.path), line.page


def _read(lines: list[Answered], control: Control) -> dict[tuple[str, int], bytes]:
    """JPEG bytes of small pictures; none for files that went away."""
    from cvstudio.imaging.thumbnails import make

    found: dict[tuple[str, int], bytes] = {}
    for line in lines:
        control.check()
        try:
            found[_key(line)] = make(line.path, line.page, 2 * SIDE)
        except ImageError:
            found[_key(line)] = b""
    return found


class _Delegate(QStyledItemDelegate):
    """Small picture with the answer on it, name, and what was found."""

    def __init__(self, view: ResultsList) -> None:
        super().__init__(view)
        self._view = view
        self._layers: OrderedDict[tuple[tuple[str, int], Count], QImage | None] = OrderedDict()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, SIDE + 8)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        option.widget.style().drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        line: Line = index.data(LINE)
        on = bool(option.state & QStyle.StateFlag.State_Selected) and option.widget.isActiveWindow()
        area = option.rect.adjusted(16, 4, -12, -4)
        room = QRect(area.x(), area.y(), SIDE, SIDE)
        self._paint_picture(painter, room, line)
        skipped = isinstance(line, Skipped)
        words = area.adjusted(SIDE + 12, 2 if skipped else 10, 0, -2 if skipped else -10)
        place = "" if isinstance(line, Skipped) else line.place_words
        rows = [text for text in (line.path.name, place, self._view.results.words(line)) if text]
        if len(rows) == 3:  # page or frame between name and answer
            words = area.adjusted(SIDE + 12, 2, 0, -2)
        high = words.height() // (3 if skipped else len(rows))
        main, muted = ("selectionText", "selectionMuted") if on else ("text", "muted")
        painter.setFont(theme.font())
        for number, text in enumerate(rows[:1] if skipped else rows):
            painter.setPen(theme.colour(muted if number else main))
            metrics, wide = painter.fontMetrics(), words.width()
            cut = (
                metrics.elidedText(text, Qt.TextElideMode.ElideRight, wide) if number
                else elided(text, metrics, wide)
            )  # fmt: skip
            room = QRect(words.x(), words.y() + number * high, words.width(), high)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, cut)
        if skipped:  # a reason has the room of two lines
            painter.setPen(theme.colour(muted))
            room = words.adjusted(0, high, 0, 0)
            painter.drawText(room, Qt.TextFlag.TextWordWrap, rows[-1])

    def _paint_picture(self, painter: QPainter, room: QRect, line: Line) -> None:
        results = self._view.results
        if isinstance(line, Skipped):
            paint_icon(painter, "alert-outline", room, "warning")
            return
        picture = self._view.pictures.get(_key(line))
        if picture is None or picture.isNull():
            paint_icon(painter, "image-outline", room, "muted")
            return
        scale = SIDE / max(picture.width(), picture.height(), 1)
        size = QSizeF(picture.width() * scale, picture.height() * scale)
        target = QRectF(
            room.x() + (SIDE - size.width()) / 2, room.y() + (SIDE - size.height()) / 2,
            size.width(), size.height(),
        )  # fmt: skip
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawImage(target, picture)
        if results.teller is not None:
            whole = QSizeF(line.width, line.height)
            items = items_of(line, results.teller, results.count)
            layer = self._layer(line, items, results.count)
            if layer is not None:
                painter.drawImage(target, layer)
            paint_items(painter, target, whole, items)

    def _layer(self, line: Answered, items: list[OverlayItem], count: Count) -> QImage | None:
        """The masks of an answer, small; decoded once while nothing changes."""
        key = (_key(line), count)
        if key not in self._layers:
            self._layers[key] = mask_layer(items, line.width, line.height, longest=2 * SIDE)
            if len(self._layers) > _LAYERS_KEPT:
                self._layers.popitem(last=False)
        return self._layers[key]


def told(model: ResultsModel) -> str:
    """How much is there, in words."""
    answers, skipped = len(model.answers), len(model.skipped)
    words = counted(answers, "image") if answers else ""
    if skipped:
        words += f"{', ' if words else ''}{skipped:,} skipped"
    return words

"""What is known about the project: classes, box sizes, splits and health, computed in a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass, Split, Task
from cvstudio.core.words import quoted
from cvstudio.gui import theme
from cvstudio.gui.data.near_row import NearRow
from cvstudio.gui.read_only import Follow
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.bar_chart import ClassBars, Histogram
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import SectionHeader, label, link
from cvstudio.gui.widgets.swatch import paint_swatch, swatch_icon
from cvstudio.gui.widgets.table_names import name_table
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project import health, queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter

Index = QModelIndex | QPersistentModelIndex

HEALTH_ICONS = {
    "error": ("alert-circle-outline", "danger"),
    "warning": ("alert-outline", "warning"),
    "note": ("information-outline", "muted"),
}

GOOD = (
    ("unreadable", "Every image can be read"),
    ("no area", "Every shape has an area"),
    ("class missing in split", "Classes appear in all splits"),
    ("copies across splits", "No image is in two splits"),
)
"""Rules that are worth a tick when they found nothing: the finding's kind, and the words."""

NEED_SPLITS = frozenset({"class missing in split", "copies across splits"})
"""Rules that say nothing while no image is in a split."""


@dataclass
class Facts:
    """Everything that the panel shows."""

    task: Task = Task.DETECT
    classes: Sequence[LabelClass] = ()
    counts: Mapping[int, int] = field(default_factory=dict)
    sides: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    split_images: Mapping[Split | None, int] = field(default_factory=dict)
    split_classes: Mapping[Split | None, Mapping[int, int]] = field(default_factory=dict)
    findings: Sequence[health.Finding] = ()


def read_facts(project: Project) -> Facts:
    """Ask the project everything; takes seconds on a large one, so call it in a thread."""
    with project.read() as session:
        return Facts(
            task=project.task,
            classes=queries.classes(session),
            counts=queries.class_counts(session),
            sides=queries.box_sides(session),
            split_images=queries.split_counts(session),
            split_classes={
                split: queries.class_counts(session, ImageFilter(splits=(split,)))
                for split in (*Split, None)
            },
            findings=health.check(session, project),
        )


def imbalance(classes: Sequence[LabelClass], counts: Mapping[int, int]) -> str:
    """One sentence on classes that are much rarer than others; "" when they are not."""
    present = [(counts.get(c.id, 0), c.name) for c in classes if counts.get(c.id, 0)]
    if len(present) < 2:
        return ""
    most, least = max(present), min(present)
    ratio = most[0] / least[0]
    if ratio < 3:
        return ""
    shown = f"{ratio:.1f}".removesuffix(".0") if ratio < 100 else f"{ratio:,.0f}"
    return f"{shown} times as many of {quoted(most[1])} as of {quoted(least[1])}."


ROOM = 168
"""Pixels of the split table that class names may take as its headings."""


def fit_as_columns(classes: Sequence[LabelClass]) -> bool:
    """Whether the classes have room as columns of the split table; else they become its rows."""
    metrics = QFontMetrics(theme.font("caption"))
    widest = max((metrics.horizontalAdvance(c.name) for c in classes), default=0)
    return (widest + 28) * len(classes) <= ROOM


class SplitModel(QAbstractTableModel):
    """Splits against the number of images and of each class's annotations.

    Few classes are columns and splits are rows; more classes are rows, so that nothing scrolls
    sideways.
    """

    def __init__(self) -> None:
        super().__init__()
        self._facts = Facts()
        self._splits: list[Split | None] = []
        self._turned = False

    def show_facts(self, facts: Facts) -> None:
        """Show the splits that have images, and always the three that there are."""
        self.beginResetModel()
        self._facts = facts
        self._splits = [*Split, *([None] if facts.split_images.get(None) else [])]
        self._turned = not fit_as_columns(facts.classes)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        if parent.isValid():
            return 0
        return 1 + len(self._facts.classes) if self._turned else len(self._splits)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        if parent.isValid():
            return 0
        return 1 + len(self._splits) if self._turned else 2 + len(self._facts.classes)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row, column = index.row(), index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if not column else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if self._turned and column == 0:
            return self._class_head(row - 1, role)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        split = self._splits[column - 1 if self._turned else row]
        if column == 0:
            return _word_of(split)
        place = row if self._turned else column - 1
        if place == 0:
            return f"{self._facts.split_images.get(split, 0):,}"
        found = self._facts.classes[place - 1]
        return f"{self._facts.split_classes.get(split, {}).get(found.id, 0):,}"

    def _class_head(self, place: int, role: int) -> object:
        """The words and the swatch of a class, "Images" before the first one."""
        found = self._facts.classes[place] if place >= 0 else None
        if role == Qt.ItemDataRole.DisplayRole:
            return found.name if found else "Images"
        if role == Qt.ItemDataRole.UserRole and found:
            return found.colour
        if role == Qt.ItemDataRole.DecorationRole and found:
            return swatch_icon(found.colour, 10)
        if role == Qt.ItemDataRole.ToolTipRole and found:
            return tip(f"{found.name}: annotations in each split")
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if section == 0 else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if section == 0:
            return "Split" if role == Qt.ItemDataRole.DisplayRole else None
        if self._turned:
            word = _word_of(self._splits[section - 1])
            return word if role == Qt.ItemDataRole.DisplayRole else None
        return self._class_head(section - 2, role)


def _word_of(split: Split | None) -> str:
    return str(split) if split else "none"


class SwatchHeader(QHeaderView):
    """A header whose class names stand behind a small swatch, as near as there is room."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setHighlightSections(False)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        model, role = self.model(), Qt.ItemDataRole
        painter.save()
        painter.setPen(theme.colour("border"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("muted"))
        text = str(model.headerData(section, self.orientation(), role.DisplayRole))
        colour = model.headerData(section, self.orientation(), role.UserRole)
        area = rect.adjusted(6, 0, -6, 0)
        swatch = 14 if colour else 0
        metrics = painter.fontMetrics()
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width() - swatch)
        right = section > 0
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        painter.drawText(area, side | Qt.AlignmentFlag.AlignVCenter, text)
        if colour:
            left = area.right() - metrics.horizontalAdvance(text) - swatch
            paint_swatch(painter, QRect(left, area.center().y() - 4, 10, 10), colour)
        painter.restore()


class FindingRow(QWidget):
    """One finding: icon, sentence, and Show when there are images to show."""

    def __init__(
        self, icon_name: str, role: str, text: str, show: Callable[[], None] | None
    ) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 12, 6)
        row.setSpacing(8)
        row.addWidget(IconLabel(icon_name, role), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(label(text, "" if role in ("warning", "danger") else "muted", wrap=True), 1)
        if show is not None:
            button = link("Show", show, tip="Show these images")
            button.setAccessibleName(f"Show: {text}")
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)


class StatisticsPanel(QWidget):
    """The tab Project. `images_asked(ids, words)` and `class_asked(id)` filter the gallery."""

    images_asked = Signal(object, str)
    class_asked = Signal(int)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self.facts = Facts()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        self._classes = SectionHeader("Annotations per class")
        column.addWidget(self._classes)
        self.bars = ClassBars()
        self.bars.pressed.connect(lambda row: self.class_asked.emit(self.facts.classes[row].id))
        column.addLayout(_padded(self.bars))
        self.note = label("", "caption", wrap=True)
        column.addLayout(_padded(self.note, top=4))
        self._sizes = SectionHeader("Box size", figure="number of boxes")
        column.addSpacing(8)
        column.addWidget(self._sizes)
        self.histogram = Histogram("box side, px")
        column.addLayout(_padded(self.histogram))
        self._split = SectionHeader(
            "Split", link_text="Edit split", do=lambda: studio.actions.trigger("data.split")
        )
        if self._split.link is not None:
            Follow(self._split.link, studio.actions["data.split"])
        column.addSpacing(8)
        column.addWidget(self._split)
        self.split_model = SplitModel()
        self.table = QTableView()
        self.table.setHorizontalHeader(SwatchHeader())
        name_table(self.table, "Objects by class and split")
        self.table.setModel(self.split_model)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.verticalHeader().setDefaultSectionSize(theme.size("row_compact"))
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.table.horizontalHeader()
        header.setMinimumSectionSize(44)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        column.addLayout(_padded(self.table, left=8, right=8))
        self.table_note = label("", "caption", wrap=True)
        column.addLayout(_padded(self.table_note, top=4))
        column.addSpacing(16)
        column.addWidget(
            SectionHeader(
                "Data health",
                link_text="Check again",
                do=lambda: studio.actions.trigger("data.health"),
            )
        )
        self._findings = QVBoxLayout()
        self._findings.setSpacing(0)
        column.addLayout(self._findings)
        self.near = NearRow(studio)
        column.addWidget(self.near)
        column.addStretch(1)

    def show_facts(self, facts: Facts) -> None:
        """Show what the project holds."""
        self.facts = facts
        self.show()
        total = sum(facts.counts.values())
        self._classes.figure.setText(f"{total:,}")
        self.bars.show_counts(
            [(c.name, c.colour, facts.counts.get(c.id, 0)) for c in facts.classes]
        )
        # Regions are counted in pixels: how many masks hold them says nothing.
        whole = facts.task == Task.SEGMENT
        words = "" if whole else imbalance(facts.classes, facts.counts)
        self.note.setText(words if facts.classes else "Classes appear here when there are some.")
        self.note.setVisible(bool(words) or not facts.classes)
        shapes = facts.task != Task.CLASSIFY
        self._sizes.setVisible(shapes)
        self.histogram.setVisible(shapes)
        if shapes:
            self.histogram.show_values(np.sqrt(np.maximum(facts.sides.prod(axis=1), 0)))
        self.split_model.show_facts(facts)
        self._fit_table()
        self._show_findings(facts)
        self.near.follow()

    def _fit_table(self) -> None:
        rows = self.split_model.rowCount()
        header = self.table.horizontalHeader()
        turned = not fit_as_columns(self.facts.classes)
        mode = QHeaderView.ResizeMode
        header.setSectionResizeMode(mode.ResizeToContents if turned else mode.Stretch)
        header.setSectionResizeMode(0, mode.Stretch if turned else mode.ResizeToContents)
        if not turned:
            header.setSectionResizeMode(1, mode.ResizeToContents)
        height = theme.size("table_header") + rows * theme.size("row_compact") + 2
        self.table.setFixedHeight(height)
        whole = self.facts.task == Task.CLASSIFY
        what = "images of each class" if whole else "annotations of each class, not images"
        self.table_note.setText(f"{'Below' if turned else 'Beside'} Images: {what}.")
        self.table_note.setVisible(bool(self.facts.classes))

    def _show_findings(self, facts: Facts) -> None:
        empty(self._findings)
        for finding in facts.findings:
            icon_name, role = HEALTH_ICONS[finding.level.value]
            show = None
            if finding.image_ids:
                show = partial(self.images_asked.emit, finding.image_ids, finding.text)
            self._findings.addWidget(FindingRow(icon_name, role, finding.text, show))
        if any(facts.split_images.values()):
            wrong = {finding.kind for finding in facts.findings}
            if "missing file" in wrong:
                wrong.add("unreadable")  # what is not there is not read either
            if "unused class" in wrong:
                wrong.add("class missing in split")  # it is in no split at all
            divided = any(number for split, number in facts.split_images.items() if split)
            for kind, words in GOOD:
                if kind not in wrong and (divided or kind not in NEED_SPLITS):
                    self._findings.addWidget(FindingRow("check", "muted", words, None))


def _padded(
    widget: QWidget, *, top: int = 0, left: int | None = None, right: int | None = None
) -> QHBoxLayout:
    row = QHBoxLayout()
    padding = theme.size("panel_padding")
    row.setContentsMargins(
        padding if left is None else left, top, 12 if right is None else right, 0
    )
    row.addWidget(widget)
    return row

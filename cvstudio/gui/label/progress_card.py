"""How the labelling comes along: pace, what is left and how long it may take, objects by class."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSpacerItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import Review
from cvstudio.gui import theme
from cvstudio.gui.label.corner_handle import CornerHandle
from cvstudio.gui.label.document import Document
from cvstudio.gui.widgets.section import label, line
from cvstudio.gui.widgets.swatch import swatch
from cvstudio.project import pace, queries
from cvstudio.project.estimate import roughly

_MARGIN = 12  # px that stay free around it
_WIDTH = 276
_HANDLE = 18
_CORNERS = ("lower left", "upper left", "upper right", "lower right")
_CORNER_KEY = "label.progress.corner"
_CLASSES = 6
"""So many classes are named, those with the most objects; the card stays small."""
_UNTIL_THEN = "after a few images"
"""What stands for the time left while there is no pace yet."""
_SOON = 300
"""Milliseconds after the last change: a row of quick strokes is counted once."""


class ProgressCard(QFrame):
    """A small card in a corner of the canvas. The mouse goes through it, but for its title: by
    that it is dragged to another corner, or the next one is chosen with a click or a key."""

    def __init__(self, document: Document, around: QWidget) -> None:
        super().__init__(around)
        self._document, self._around = document, around
        self._memory = document.studio.memory
        kept = self._memory.get(_CORNER_KEY, _CORNERS[0])
        self.corner: str = kept if kept in _CORNERS else _CORNERS[0]
        theme.mark(self, toast=True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Progress")
        self.handle = CornerHandle(around)
        self.handle.dragged.connect(self._follow)
        self.handle.dropped.connect(self._settle)
        self.handle.turned.connect(self._next_corner)
        self._figures: dict[str, QLabel] = {}
        self._rows: list[tuple[QLabel, QLabel]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        self._title = QSpacerItem(0, _HANDLE, QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        column.addItem(self._title)
        grid = QGridLayout()
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for row, name in enumerate(("Images per hour", "Reviewed", "To go", "Time left")):
            grid.addWidget(label(name, "muted"), row, 0)
            figure = label("")
            figure.setAlignment(Qt.AlignmentFlag.AlignRight)
            figure.setAccessibleName(name)
            grid.addWidget(figure, row, 1)
            self._figures[name] = figure
        self._grid = grid
        column.addLayout(grid)
        column.addWidget(line())
        self._classes = QGridLayout()
        self._classes.setVerticalSpacing(2)
        self._classes.setColumnStretch(1, 1)
        column.addLayout(self._classes)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON)
        self._soon.timeout.connect(self.refresh)
        around.installEventFilter(self)
        self.hide()

    def show_card(self, on: bool) -> None:
        """Show or hide it."""
        self.setVisible(on)
        self.handle.setVisible(on)
        if on:
            self.refresh()

    def refresh_soon(self) -> None:
        """Something was done."""
        if not self.isHidden():
            self._soon.start()

    def release(self) -> None:
        """The project is about to close: count nothing more."""
        self._soon.stop()
        self.hide()
        self.handle.hide()

    def refresh(self) -> None:
        """Count again."""
        with self._document.project.read() as session:
            now = pace.pace(pace.acts(session))
            reviews = queries.review_counts(session)
            counts = queries.class_counts(session)
        done = reviews[Review.REVIEWED] + reviews[Review.EMPTY]
        total = sum(reviews.values())
        rest = now.rest(total - done)
        hourly = f"{now.per_hour:,.0f}" if now.per_hour is not None else "not yet known"
        self._figures["Images per hour"].setText(hourly)
        self._figures["Reviewed"].setText(f"{done:,} of {total:,}")
        self._figures["To go"].setText(f"{total - done:,}")
        self._figures["Time left"].setText(_UNTIL_THEN if rest is None else roughly(rest))
        self._show_classes(counts)
        self._place()

    def figure(self, name: str) -> str:
        """What is shown beside a word."""
        return self._figures[name].text()

    def class_figures(self) -> list[tuple[str, str]]:
        """The classes that are shown, each with its figure."""
        return [(name.text(), figure.text()) for name, figure in self._rows]

    def _show_classes(self, counts: dict[int, int]) -> None:
        while (item := self._classes.takeAt(0)) is not None:
            gone = item.widget()
            if gone is not None:
                gone.setParent(None)
                gone.deleteLater()
        self._rows.clear()
        known = [found for found in self._document.classes.values() if found.id in counts]
        most = sorted(known, key=lambda found: -counts[found.id])
        for row, found in enumerate(most[:_CLASSES]):
            patch = label("")
            patch.setPixmap(swatch(found.colour))
            self._classes.addWidget(patch, row, 0)
            self._add_class(row, found.name, counts[found.id])
        others = most[_CLASSES:]
        if others:
            rest = sum(counts[found.id] for found in others)
            self._add_class(_CLASSES, f"{len(others):,} more", rest)

    def _add_class(self, row: int, name: str, count: int) -> None:
        words = label("")
        wide = _WIDTH - 100
        elided = words.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, wide)
        words.setText(elided)
        figure = label(f"{count:,}", "muted")
        figure.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._rows.append((words, figure))
        self._classes.addWidget(words, row, 1)
        self._classes.addWidget(figure, row, 2)

    def _place(self) -> None:
        """In its corner."""
        layout = self.layout()
        assert layout is not None
        for part in self.findChildren(QLabel):
            part.setVisible(True)  # a layout counts those that were shown, not those to come
            part.ensurePolished()
        for each in (self._grid, self._classes, layout):
            each.invalidate()
        layout.activate()
        height = layout.totalSizeHint().height()  # with the frame
        width, room = self._around.width(), self._around.height()
        left = width - _WIDTH - _MARGIN if "right" in self.corner else _MARGIN
        top = _MARGIN if "upper" in self.corner else room - height - _MARGIN
        self.setGeometry(max(left, _MARGIN), max(top, _MARGIN), _WIDTH, height)
        self._place_handle()

    def _place_handle(self) -> None:
        self.raise_()
        self.handle.setGeometry(self.x() + 1, self.y() + 1, self.width() - 2, _HANDLE + 10)
        self.handle.raise_()

    # -- to another corner

    def _follow(self, by: QPoint) -> None:
        """The title is dragged: the card goes along, within the canvas."""
        room = self._around.rect().adjusted(0, 0, -self.width(), -self.height())
        place = self.pos() + by
        x = min(max(place.x(), 0), max(room.right(), 0))
        self.move(x, min(max(place.y(), 0), max(room.bottom(), 0)))
        self._place_handle()

    def _settle(self) -> None:
        """It was let go: the nearest corner is its own from now on."""
        middle, centre = self.geometry().center(), self._around.rect().center()
        side = "right" if middle.x() > centre.x() else "left"
        self._take_corner(f"{'upper' if middle.y() < centre.y() else 'lower'} {side}")

    def _next_corner(self) -> None:
        place = _CORNERS.index(self.corner)
        self._take_corner(_CORNERS[(place + 1) % len(_CORNERS)])

    def _take_corner(self, corner: str) -> None:
        self.corner = corner
        self._memory.set(_CORNER_KEY, corner)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return False

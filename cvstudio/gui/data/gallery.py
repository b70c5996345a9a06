"""The middle of the Data page: the filter bar, the row of counts and sorting, the thumbnails."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import LabelClass
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.data import filters
from cvstudio.gui.data.filters import FilterBar
from cvstudio.gui.data.meant import Offer
from cvstudio.gui.data.missing import MissingNotice
from cvstudio.gui.read_only import Follow
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.layouts import bar_row
from cvstudio.gui.widgets.message import IconLabel
from cvstudio.gui.widgets.section import label, line, link, push
from cvstudio.gui.widgets.thumbnail_grid import ThumbnailGrid
from cvstudio.gui.widgets.thumbnail_model import ThumbnailModel
from cvstudio.project.queries import Sort
from cvstudio.project.records import ImageFilter

SORTS = (
    ("name", "Sort: file name"),
    ("imported", "Sort: newest first"),
    ("annotations", "Sort: most annotations"),
    ("review", "Sort: review state"),
    ("size", "Sort: file size"),
)
_SIDES = (96, 288)
_SIDE, _SIDE_KEY = 148, "data.side"


_CLEAR = "Clear the filter"
_HELP = "Words of queries, with examples"
_UNREAD = "all, until the query is understood"


class Gallery(QWidget):
    """`filtered(ImageFilter)` when the person chose a filter, `reordered` when another order."""

    filtered = Signal(object)
    reordered = Signal()

    def __init__(self, studio: Studio, model: ThumbnailModel) -> None:
        super().__init__()
        self._studio, self._model = studio, model
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._filter_row())
        self.missing = MissingNotice(studio, model)
        column.addWidget(self.missing)
        column.addWidget(self._sort_row())
        column.addWidget(self._refusal_row())
        self.grid = ThumbnailGrid(model)
        self.grid.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.grid.delegate.overlays = bool(studio.settings.get("data.overlays"))
        self.grid.set_side(self.side.value())
        self.nothing = EmptyState("image-filter-none", "", button=_CLEAR, next_=False)
        self.nothing.point_to(_HELP, self.filter_bar.open_help)
        self._offers: tuple[Offer, ...] = ()
        self._words = self._selected = ""
        self.filter_bar.text.returnPressed.connect(self._take_offer)
        self.shown_part = QStackedWidget()
        holder = QWidget()
        inner = QHBoxLayout(holder)
        inner.setContentsMargins(8, 0, 0, 0)
        inner.addWidget(self.grid)
        self.shown_part.addWidget(holder)
        self.shown_part.addWidget(self.nothing)
        self._awaited = ""
        self._patience = QTimer(self, singleShot=True)
        self._patience.timeout.connect(self._show_wait)
        self.awaiting = EmptyState("chart-bar", "", button=_CLEAR, do=self._clear, next_=False)
        self.shown_part.addWidget(self.awaiting)
        column.addWidget(self.shown_part, 1)

    def _filter_row(self) -> QWidget:
        frame = QFrame()
        row = bar_row(frame)
        self.filter_bar = FilterBar()
        self.filter_bar.extra = (self._studio.actions["data.classes"],)
        self.filter_bar.changed.connect(self.filtered)
        self.filter_bar.refused.connect(self._show_refusal)
        row.addWidget(self.filter_bar, 1)
        self.import_button = push(
            "Import",
            lambda: self._studio.actions.trigger("data.import"),
            icon_name="import",
            small=True,
        )
        Follow(self.import_button, self._studio.actions["data.import"])
        row.addWidget(self.import_button)
        return frame

    def _sort_row(self) -> QWidget:
        frame = QWidget()
        frame.setFixedHeight(44)
        row = QHBoxLayout(frame)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(8)
        self.count = label("", "section")
        self.words = label("", "muted")
        self.words.setMinimumWidth(40)
        row.addWidget(self.count)
        row.addWidget(self.words, 1)
        self.save_link = link(
            "Save as view", lambda: self._studio.actions.trigger("data.save_view")
        )
        Follow(self.save_link, self._studio.actions["data.save_view"])
        row.addWidget(self.save_link)
        divider = line(upright=True)
        divider.setFixedHeight(20)
        row.addWidget(divider)
        self.sort = QComboBox()
        for key, text in SORTS:
            self.sort.addItem(text, key)
        self.sort.setMinimumWidth(144)
        self.sort.setAccessibleName("Sort")
        self.sort.currentIndexChanged.connect(lambda _place: self.reordered.emit())
        row.addWidget(self.sort)
        row.addWidget(IconLabel("view-grid-outline", "muted", 16))
        self.side = QSlider(Qt.Orientation.Horizontal)
        self.side.setRange(*_SIDES)
        self.side.setFixedWidth(88)
        self.side.setValue(int(self._studio.memory.get(_SIDE_KEY, _SIDE)))
        self.side.setToolTip("Size of the thumbnails")
        self.side.setAccessibleName("Size of the thumbnails")
        self.side.valueChanged.connect(self._set_side)
        row.addWidget(self.side)
        return frame

    def _refusal_row(self) -> QWidget:
        """What is wrong with the query, in lines of its own: it is to be read to its end."""
        self.refusal = label("", "danger", wrap=True)
        self.refusal.setContentsMargins(16, 0, 16, 8)
        self.refusal.setAccessibleName("What is wrong with the query")
        self.refusal.hide()
        return self.refusal

    def _set_side(self, side: int) -> None:
        self.grid.set_side(side)
        self._studio.memory.set(_SIDE_KEY, side)

    @property
    def order(self) -> Sort:
        """How the images are sorted."""
        chosen: Sort = self.sort.currentData()
        return chosen

    def show_overlays(self, on: bool) -> None:
        """Draw the shapes over the thumbnails, or not."""
        self.grid.delegate.overlays = on
        self.grid.viewport().update()

    def show_ids(
        self, ids: list[int], current: ImageFilter, classes: dict[int, LabelClass],
        offers: Sequence[Offer] = (), *, trouble: str = "",
    ) -> None:  # fmt: skip
        """Show these images; when there are none, say what none of them is.

        `offers`: what may have been meant instead, the likeliest first; Enter takes that one.
        `trouble`: why there are none, where that is not known by the filter.
        """
        self._end_wait()
        self._model.set_ids(ids)
        self._offers = tuple(offers)
        self.filter_bar.fruitless = not ids
        self.nothing.pointer.setVisible(bool(current.text or current.query))
        self.shown_part.setCurrentIndex(0 if ids else 1)
        if ids:
            return
        words = filters.in_words(current, classes)
        has = words.startswith("with ")
        said = trouble or f"No image {'has ' + words[5:] if has else 'is ' + words}."
        if not offers:
            self.nothing.set(said, button=_CLEAR, do=self._clear)
            self.nothing.offer_also("")
            return
        first, *others = offers
        said += " Enter takes the filter below."
        self.nothing.set(said, button=f"Show {first.words}", do=self._take_offer)
        if others:
            filtered = others[0].filter
            self.nothing.offer_also(f"Or {others[0].words}", lambda: self.filtered.emit(filtered))
        else:
            self.nothing.offer_also(_CLEAR, self._clear)

    def _clear(self) -> None:
        self.filtered.emit(ImageFilter())

    def wait(self, words: str) -> None:
        """Say what is waited for before the images are known, when it takes a moment."""
        self._awaited = words
        self._offers = ()
        self.count.setText("…")
        if not self._patience.isActive() and self.shown_part.currentWidget() is not self.awaiting:
            self._patience.start(theme.tokens()["motion"]["busy_shown_after"])
        self.awaiting.set(f"{words}. Go on meanwhile: the newest filter counts.")

    @property
    def waiting(self) -> str:
        """What is waited for before the images of the filter are known; "" when they are."""
        return self._awaited

    def _show_wait(self) -> None:
        """What was shown is no answer to the filter that is set."""
        self._model.set_ids([])
        self.shown_part.setCurrentWidget(self.awaiting)

    def _end_wait(self) -> None:
        self._awaited = ""
        self._patience.stop()

    def _take_offer(self) -> None:
        """Show what was offered in the place of a name that no image has."""
        if self._offers and not self._model.ids:
            self.filtered.emit(self._offers[0].filter)

    def show_words(self, words: str, *, chosen: int, may_save: bool) -> None:
        """Say how many images are shown, which, and how many are selected."""
        self.count.setText("…" if self.waiting else counted(len(self._model.ids), "image"))
        self._words = words
        self._selected = f"{chosen:,} selected" if chosen else ""
        self._tell_words()
        self.save_link.setVisible(may_save)

    def _tell_words(self) -> None:
        shown = self._words or (_UNREAD if self.refusal.text() else "")
        self.words.setText(" · ".join(part for part in (shown, self._selected) if part))

    def _show_refusal(self, words: str) -> None:
        """Say why a query cannot be answered; what stands before its fault is shown."""
        self.refusal.setText(words)
        self.refusal.setVisible(bool(words))
        self._tell_words()

    def seek(self) -> None:
        """Put the cursor into the field of the file name."""
        self.filter_bar.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter_bar.text.selectAll()

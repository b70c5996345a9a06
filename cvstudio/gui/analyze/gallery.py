"""Kinds of error as tabs, the picked cell as a filter, and the crops of the cases behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.geometry import Box
from cvstudio.core.strokes import Stroke, strokes_of
from cvstudio.core.words import counted, quoted
from cvstudio.gui import theme
from cvstudio.gui.analyze.crops import CropGallery, CropItem
from cvstudio.gui.analyze.pictures import Pictures
from cvstudio.gui.analyze.words import in_short
from cvstudio.gui.tasks import Tasks
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.section import label, link, push, tab_bar
from cvstudio.gui.widgets.verbatim import face, tip
from cvstudio.project.verdict import Analysis, Case, KindCount

_GREY = "#FFFFFF"
_SHORT: tuple[Mapping[str, str], ...] = (
    {"Likely label errors": "Label errors"},
    {"Wrong class and loose": "Both", "Wrong class, points off": "Both"},
    {"Loose box": "Loose", "Loose outline": "Loose"},
    {"Duplicate": "Twice"},
    {"Wrong class": "Class"},
    {"False alarm": "Alarm"},
    {"Likely label errors": "Suspects"},
)
"""Shorter names of tabs, in the order in which they are taken while there is too little room; after
the last one they stand closer to their counts too."""


class Gallery(QWidget):
    """Choose what to look at; `case_chosen` gives the Case at hand, or None."""

    tab_chosen = Signal(str)
    more_wanted = Signal()
    """More of what is listed, of which only the first are."""
    cell_dropped = Signal()
    case_chosen = Signal(object)

    def __init__(self, tasks: Tasks, parent: QWidget) -> None:
        super().__init__(parent)
        self.pictures: Pictures | None = None
        self.cell: tuple[int, int] | None = None
        self._cases: list[Case] = []
        self._removed: list[tuple[int, Case, CropItem]] = []  # with the rows where they stood
        self._returned: list[Case] = []
        self._kinds: tuple[KindCount, ...] = ()
        self._steps = 0
        """How many steps of _SHORT the names of the tabs have taken."""
        self._concerns: Callable[[Case], bool] = lambda _case: False

        self.tabs = tab_bar()
        self.tabs.currentChanged.connect(self._tab)
        # A click leaves the focus where errors are stepped through; Tab brings it here.
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.chip = push("", self._drop, small=True)
        theme.mark(self.chip, filter=True, selected=True)
        self.chip.setIcon(icon("close", "selectionText"))
        self.chip.setToolTip("Show all cases of the tab again")
        self.chip.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.caption = label("", "muted")
        self.more = link("Show more", self.more_wanted.emit, tip="List further ones, too")
        self.more.hide()

        self.crops = CropGallery(tasks, self._read)
        self.crops.chosen.connect(self._chosen)
        self.none = label("", "muted")
        self.none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.crops)
        self.stack.addWidget(self.none)
        tab_row = QFrame()
        theme.mark(tab_row, panel="bar")
        tabs = QHBoxLayout(tab_row)
        tabs.setContentsMargins(8, 0, 16, 0)
        tabs.setSpacing(8)
        tabs.addWidget(self.tabs, 1)
        tabs.addWidget(self.chip)
        tabs.addWidget(self.caption)
        tabs.addWidget(self.more)
        self._tab_line = tabs
        self._own_row = QWidget()
        self._own_line = QHBoxLayout(self._own_row)
        self._own_line.setContentsMargins(12, 8, 16, 0)
        self._own_line.addStretch(1)
        self._own_row.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(tab_row)
        column.addWidget(self._own_row)
        body = QHBoxLayout()
        body.setContentsMargins(12, 8, 4, 4)
        body.addWidget(self.stack)
        column.addLayout(body, 1)

    # -- what the page tells

    def use(self, pictures: Pictures) -> None:
        """Read images from here from now on."""
        self.pictures = pictures

    def show_kinds(self, kinds: Sequence[KindCount], *, fresh: bool) -> None:
        """Show the kinds with their counts; `fresh` goes back to the first tab."""
        self.tabs.blockSignals(True)
        if [k.kind for k in kinds] != [k.kind for k in self._kinds]:
            while self.tabs.count():
                self.tabs.removeTab(0)
            for _kind in kinds:
                self.tabs.addTab("")
        self._kinds = tuple(kinds)
        self._name_tabs(self._steps)
        if fresh:
            self.cell = None
            self.tabs.setCurrentIndex(0)
        self.tabs.blockSignals(False)

    def show_cases(
        self, cases: Sequence[Case], classes: Mapping[int, LabelClass], *, nothing: str,
        analysed: Analysis | None, withheld: str = "", total: int = 0, at: int = 0,
    ) -> None:  # fmt: skip
        """Show the cases of a tab, the first of `total`; `withheld` says why some are not named.
        The case at row `at` is at hand."""
        self.cell = None
        self.chip.hide()
        self._tell_amount(cases, total)
        self.caption.setToolTip(withheld)
        self._fill(
            cases, classes, analysed, at=at,
            empty=withheld or "Nothing of this kind at this score.",
        )  # fmt: skip

    def show_cell(
        self, cell: tuple[int, int], cases: Sequence[Case], classes: Mapping[int, LabelClass],
        *, nothing: str, analysed: Analysis | None, total: int = 0, at: int = 0,
    ) -> None:  # fmt: skip
        """Show what stands behind a cell of the matrix, the first of `total`."""
        self.cell = cell
        names = {0: nothing} | {i: quoted(c.name) for i, c in classes.items()}
        labelled, predicted = names.get(cell[0], "?"), names.get(cell[1], "?")
        self.chip.setText(face(f"{labelled} labelled, {predicted} predicted"))
        self.chip.show()
        self._tell_amount(cases, total)
        self._fill(cases, classes, analysed, empty="Nothing stands behind this cell.", at=at)

    def show_images(
        self, words: str, cases: Sequence[Case], classes: Mapping[int, LabelClass],
        *, analysed: Analysis | None, total: int = 0, at: int = 0,
    ) -> None:  # fmt: skip
        """Show what somebody came for, the first of `total`; the chip names it, and leads back."""
        self.cell = None
        self.chip.setText(face(words))
        self.chip.show()
        self._tell_amount(cases, total)
        self._fill(cases, classes, analysed, empty="None of these images was judged.", at=at)

    # -- what the page asks

    @property
    def kind(self) -> str:
        """The kind of the tab that is open."""
        return self._kinds[max(self.tabs.currentIndex(), 0)].kind if self._kinds else ""

    @property
    def current(self) -> Case | None:
        """The case at hand."""
        row = self.crops.currentIndex().row()
        return self._cases[row] if 0 <= row < len(self._cases) else None

    @property
    def position(self) -> tuple[int, int]:
        """Which case of how many is at hand, counted from 1."""
        return self.crops.currentIndex().row() + 1, len(self._cases)

    @property
    def count(self) -> int:
        return len(self._cases)

    def cases(self) -> tuple[Case, ...]:
        """All that are listed, in their order."""
        return tuple(self._cases)

    def step(self, by: int) -> None:
        """Go to a case before or after."""
        self.crops.step(by)

    def mark_changed(self, concerns: Callable[[Case], bool]) -> None:
        """Mark the cases that may have been dealt with since the evaluation."""
        self._concerns = concerns
        self.crops.crops.mark(lambda row: concerns(self._cases[row]))

    def remove_current(self) -> None:
        """Take the case at hand out of the view and go on to the next."""
        row = self.crops.currentIndex().row()
        if 0 <= row < len(self._cases):
            self._removed.append((row, self._cases.pop(row), self.crops.crops.item(row)))
            self.crops.remove(row)
            self.caption.setText(_amount(self._cases))

    def follow(self, wanted: Callable[[Sequence[Case]], list[Case]]) -> None:
        """Put cases that were taken out and are wanted again back where they stood.

        Those that went out again since, as by redo, leave again.
        """
        while self._removed and wanted([self._removed[-1][1]]):
            row, case, item = self._removed.pop()
            self._cases.insert(row, case)
            self.caption.setText(_amount(self._cases))
            self.crops.insert(row, replace(item, changed=self._concerns(case)))
            self._returned.append(case)
        for case in [c for c in self._returned if c in self._cases and not wanted([c])]:
            self.crops.setCurrentIndex(self.crops.crops.index(self._cases.index(case)))
            self.remove_current()

    # -- inside

    def _tell_amount(self, cases: Sequence[Case], total: int) -> None:
        self.caption.setText(_amount(cases, total) if cases else "")
        self.more.setVisible(total > len(cases))
        self.more.setToolTip(f"Listed are {_amount(cases, total)}")
        self._make_room()

    def _fill(
        self, cases: Sequence[Case], classes: Mapping[int, LabelClass], analysed: Analysis | None,
        *, empty: str, at: int,
    ) -> None:  # fmt: skip
        self._cases = list(cases)
        self._removed, self._returned = [], []
        self.none.setText(empty)
        self.stack.setCurrentIndex(0 if cases else 1)
        if analysed is None:
            return

        def said(case: Case) -> str:
            return in_short(case, classes, nothing=analysed.snapshot.task.no_class)

        def item(case: Case) -> CropItem:
            made = _item(case, classes, analysed)
            return replace(made, said=said(case), changed=self._concerns(case))

        items = [partial(item, case) for case in cases]
        self.crops.show_items(items, at, says=any(map(said, cases)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _names(self, steps: int) -> list[str]:
        """The words of the tabs, after some steps of _SHORT."""
        short = {long: name for step in _SHORT[:steps] for long, name in step.items()}
        gap = " " * (2 if steps == len(_SHORT) else 3)
        return [face(f"{short.get(k.title, k.title)}{gap}{k.count:,}") for k in self._kinds]

    def _name_tabs(self, steps: int) -> None:
        self._steps = steps
        for place, name in enumerate(self._names(steps)):
            if name != self.tabs.tabText(place):  # each new word lays all of them out again
                self.tabs.setTabText(place, name)
            title = self._kinds[place].title
            self.tabs.setTabToolTip(place, "" if name.startswith(face(title)) else tip(title))

    def _make_room(self) -> None:
        """The tabs need the row more than the amount, which the status bar says too.

        Where they would be cut all the same, they take shorter names, no more of them than they
        have to; then "Show more" is shorter too, and the chip of a cell has a line of its own.
        """
        chip = self.chip.sizeHint().width() + 8 if self.cell is not None else 0
        self.more.setText("Show more")
        more = self.more.sizeHint().width() + 8 if not self.more.isHidden() else 0
        steps, tabs = 0, self._tabs_width(0)
        while steps < len(_SHORT) and tabs + chip + more > self.width():
            steps += 1
            tabs = self._tabs_width(steps)
        self._name_tabs(steps)
        if more and tabs + more > self.width():
            self.more.setText("More")
            more = self.more.sizeHint().width() + 8
        apart = tabs + chip + more > self.width()
        home = self._own_line if apart else self._tab_line
        if self.chip.parentWidget() is not home.parentWidget():
            home.insertWidget(0 if apart else 1, self.chip)
            self.chip.setVisible(self.cell is not None)
        self._own_row.setVisible(apart and self.cell is not None)
        beside = more if apart else more + chip
        amount = self.caption.sizeHint().width() + 8
        self.caption.setVisible(tabs + beside + amount < self.width())

    def _tabs_width(self, steps: int) -> int:
        """What the tabs would take after some steps of _SHORT."""
        metrics = self.tabs.fontMetrics()
        names = self._names(steps)
        shown = (self.tabs.tabText(place) for place in range(len(names)))
        more = sum(
            _width(metrics, name) - _width(metrics, now)
            for name, now in zip(names, shown, strict=True) if name != now
        )  # fmt: skip
        return self.tabs.sizeHint().width() + more + 24

    def _read(self, image_id: int) -> NDArray[np.uint8]:
        assert self.pictures is not None
        return self.pictures.read(image_id)

    def _tab(self, index: int) -> None:
        if index >= 0:
            self.tab_chosen.emit(self.kind)

    def _drop(self) -> None:
        self.cell_dropped.emit()

    def _chosen(self, row: int) -> None:
        self.case_chosen.emit(self._cases[row] if 0 <= row < len(self._cases) else None)


def _width(metrics: QFontMetrics, name: str) -> int:
    """What a tab's words take, as QTabBar measures them."""
    return metrics.size(Qt.TextFlag.TextShowMnemonic, name).width()


def _amount(cases: Sequence[Case], total: int = 0) -> str:
    if total > len(cases):
        return f"the first {len(cases):,} of {total:,}"
    images = len({case.image_id for case in cases})
    if images == len(cases):
        return counted(images, "image")
    return f"{len(cases):,} in {counted(images, 'image')}"


def _item(case: Case, classes: Mapping[int, LabelClass], analysed: Analysis) -> CropItem:
    image = analysed.images[case.image_id]
    solid: list[tuple[Box, str]] = []
    dashed: list[tuple[Box, str]] = []
    lines: list[tuple[Stroke, str, bool]] = []
    bones = analysed.snapshot.skeletons
    if case.annotation_id is not None and case.box is not None:
        own = next((a for a in image.annotations if a.id == case.annotation_id), None)
        colour = _colour(case.labelled, classes)
        strokes = strokes_of(own.shape, bones.get(own.class_id)) if own is not None else ()
        lines += [(stroke, colour, False) for stroke in strokes]
        if own is not None and not strokes and own.box.area < image.width * image.height:
            solid.append((own.box, colour))
    if case.prediction is not None and case.box is not None:
        found = analysed.predictions[case.image_id].objects[case.prediction]
        colour = _colour(case.predicted, classes)
        strokes = strokes_of(found.shape, bones.get(found.class_id))
        lines += [(stroke, colour, True) for stroke in strokes]
        if not strokes:
            dashed.append((case.box, colour))
    return CropItem(
        image_id=case.image_id,
        size=(image.width, image.height),
        title=image.path.stem,
        figure=case.figure,
        box=case.box,
        solid=tuple(solid),
        dashed=tuple(dashed),
        lines=tuple(lines),
    )


def _colour(class_id: int, classes: Mapping[int, LabelClass]) -> str:
    return classes[class_id].colour if class_id in classes else _GREY

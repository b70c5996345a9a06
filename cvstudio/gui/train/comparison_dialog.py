"""Runs beside each other in a dialog: curves, settings, data, computer, figures, single images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import Split
from cvstudio.core.curves import loss_of
from cvstudio.core.errors import CVStudioError, RunError
from cvstudio.core.run_state import RunState
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.words import counted
from cvstudio.gui.studio import Studio
from cvstudio.gui.train.compare_chart import draw_lines
from cvstudio.gui.widgets.chart import Chart
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import label, tab_bar
from cvstudio.gui.widgets.table_names import name_table
from cvstudio.project import (
    analysis,
    better_worse,
    comparing,
    deciding,
    judged,
    queries,
    reproducing,
    runs,
)
from cvstudio.project.better_worse import Changes, ImageChange
from cvstudio.project.comparing import DataDifference, Difference, Figure
from cvstudio.project.deciding import WhatDecides
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.reproducing import Repetition

TABS = ("Curves", "Figures", "Settings", "Data", "Computer", "Images")

_DIGITS = 12
"""So much of a hash tells snapshots apart."""
_LOSSES = {"loss on train": "train", "loss on val": "val"}


@dataclass(frozen=True)
class Found:
    """All that is compared, in the order of the runs; the first is the one held against."""

    settings: list[Difference]
    data: list[DataDifference]
    computer: list[Difference]
    figures: list[Figure]
    classes: list[Figure]
    class_figure: str
    images: list[Changes | str]
    """By run after the first; words where the runs cannot be compared."""
    names: Mapping[int, str]
    repetition: Repetition | None
    decided: list[WhatDecides | None]
    """By run after the first: whether it is better, and which images decide it."""
    metric: str


def compare(project: Project, compared: Sequence[RunRecord]) -> Found:
    """Compare runs; reads their files, and takes seconds on large splits."""
    jobs = [runs.job_of(run) for run in compared]
    snapshots = [read_snapshot(job.snapshot) for job in jobs]
    reports = [comparing.report(job) for job in jobs]
    class_names = {c.id: c.name for snapshot in snapshots for c in snapshot.classes}
    called, classes = comparing.class_figures(reports, class_names)
    images: list[Changes | str] = []
    decided: list[WhatDecides | None] = []
    for job in jobs[1:]:
        try:
            images.append(better_worse.compare(jobs[0], job))
            both = [analysis.load(each, Split.VAL) for each in (job, jobs[0])]
            decided.append(deciding.decide(*both))
        except RunError as error:
            images.append(error.message)
            decided.append(None)
    told = [c for found in images if isinstance(found, Changes) for c in _both(found)]
    with project.read() as session:
        names = {i.id: i.title for i in queries.images(session, [c.image_id for c in told])}
    pair = [run.id for run in compared] if len(compared) == 2 else []
    repeats = len(pair) == 2 and reproducing.repeats(compared[1]) == pair[0]
    return Found(
        settings=comparing.settings([runs.config_of(run) for run in compared]),
        data=[comparing.data(snapshots[0], snapshot) for snapshot in snapshots[1:]],
        computer=comparing.environments([comparing.environment(job) for job in jobs]),
        figures=comparing.figures(reports), classes=classes, class_figure=called,
        images=images, names=names,
        repetition=reproducing.compare(project, *pair) if repeats else None,
        decided=decided, metric=judged.main_figure(project),
    )  # fmt: skip


class ComparisonDialog(StudioDialog):
    """Up to five runs; a double click on an image opens it in Analyze."""

    def __init__(
        self, studio: Studio, project: Project, compared: Sequence[RunRecord],
        states: Mapping[int, RunState], *, metric: str,
    ) -> None:  # fmt: skip
        numbers = ", ".join(str(run.id) for run in compared)
        title = f"Compare runs {numbers}" if len(compared) > 1 else f"Run {numbers}"
        super().__init__(studio.window, title, width=880, height=600)
        self.setObjectName("compare")
        self._studio, self._runs, self._states = studio, list(compared), dict(states)
        self._metric = metric
        self.found: Found | None = None
        self.tabs = tab_bar(*TABS)
        self.content.addWidget(self.tabs)
        self.verdict = label("", "muted", wrap=True)
        self.verdict.hide()
        self.content.addWidget(self.verdict)
        self.pages = QStackedWidget()
        self.content.addWidget(self.pages, 1)
        for place in range(2, len(TABS)):  # what differs; one run alone has curves and figures
            self.tabs.setTabVisible(place, len(compared) > 1)
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        self.figures = _table("Figures")
        self.settings = _table("Settings that differ")
        self.computer = _table("Programs and computers that differ")
        self.data = _table("What differs in the data")
        self.images = _table("Images that got better or worse")
        self.pair = QComboBox()
        self.pair.setAccessibleName("Which run is held against the first")
        self.images_words = label("", "muted", wrap=True)
        for page in (self._curves(), self.figures, self.settings, self.data, self.computer,
                     self._images()):  # fmt: skip
            self.pages.addWidget(page)
        self.add_button("Close", self.accept)
        self.note("Comparing …")
        studio.tasks.run(
            lambda _control: self._compare(project), title="Compare runs", done=self.show_found,
            failed=self._failed, owner=self,
        )  # fmt: skip

    def _compare(self, project: Project) -> Found:
        return compare(project, self._runs)

    def show_found(self, found: Found) -> None:
        """Fill the tabs."""
        self.found = found
        head = [f"Run {run.id}" for run in self._runs]
        shown = [(row.title, [_figure(v) for v in row.values]) for row in found.figures]
        shown += [
            (f"{row.title}: {found.class_figure} on val", [_figure(v) for v in row.values])
            for row in found.classes
        ]
        _fill(self.figures, head, shown, "These runs have not been judged yet.")
        _fill(self.settings, head, _plain(found.settings), "These runs have the same settings.")
        _fill(self.computer, head, _plain(found.computer),
              "These runs were done by the same programs on the same computer.")  # fmt: skip
        self._fill_data(found)
        self.pair.clear()
        for run in self._runs[1:]:
            self.pair.addItem(f"Run {run.id} against run {self._runs[0].id}")
        self._show_images()
        alone = "Select several runs in the list to compare them."
        self.note(self._counts(found) if len(self._runs) > 1 else alone)
        if found.repetition is not None:
            self.verdict.setText(f"{found.repetition.verdict} {found.repetition.reasons}".strip())
            self.verdict.show()

    def open_image(self, row: int) -> None:
        """Look at an image of the list in Analyze, with the run that got better or worse."""
        changes = self._listed()
        if 0 <= row < len(changes):
            place = self.pair.currentIndex()
            run, first = self._runs[1 + place], self._runs[0]
            ordered = [*changes[row:], *changes[:row]]
            self.accept()
            self._studio.go_to(
                "analyze", run_id=run.id,
                images={c.image_id: f"{c.before:.2f} → {c.after:.2f}" for c in ordered},
                words=f"better or worse than run {first.id}",
            )  # fmt: skip

    # Curves

    def _curves(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        self.curve = QComboBox()
        self.curve.setAccessibleName("What the curves show")
        names = dict.fromkeys(
            [self._metric]
            + [n for state in self._states.values() for e in state.epochs[-1:] for n in e.metrics]
        )
        self.curve.addItems([f"{name} on val" for name in names] + list(_LOSSES))
        self.chart = Chart("", x="epoch", y="")
        self.curve.currentTextChanged.connect(self._draw)
        column.addWidget(self.curve, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.chart, 1)
        self._draw(self.curve.currentText())
        return page

    def _draw(self, shown: str) -> None:
        lines = {}
        for run_id, state in self._states.items():
            if shown in _LOSSES:
                pairs = [(e.epoch, loss_of(getattr(e, _LOSSES[shown]))) for e in state.epochs]
                known = [(float(x), y) for x, y in pairs if y is not None]
                lines[run_id] = ([x for x, _ in known], [y for _, y in known])
            else:
                xs, ys = state.series(shown.removesuffix(" on val"))
                lines[run_id] = ([float(x) for x in xs], ys)
        draw_lines(self.chart, lines, share=shown not in _LOSSES)

    # Data and images

    def _fill_data(self, found: Found) -> None:
        rows = [
            (f"Run {run.id} against run {self._runs[0].id}", [words])
            for run, data in zip(self._runs[1:], found.data, strict=True)
            for words in data.words or ("the same images and labels",)
        ]
        if any(found.data):  # the whole of what each run saw, as its record names it
            rows += [
                (f"Run {run.id}", [f"snapshot {run.snapshot_hash[:_DIGITS]}"]) for run in self._runs
            ]
        _fill(self.data, ["What differs"], rows, "")

    def _images(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pair, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.images_words)
        column.addWidget(self.images, 1)
        self.pair.currentIndexChanged.connect(lambda _index: self._show_images())
        self.images.cellActivated.connect(lambda row, _column: self.open_image(row))
        self.images.setToolTip("Enter or a double click opens the image in Analyze")
        return page

    def _listed(self) -> list[ImageChange]:
        place = self.pair.currentIndex()
        if self.found is None or place < 0:
            return []
        found = self.found.images[place]
        return _ranked(found, self._shares(place)) if isinstance(found, Changes) else []

    def _shares(self, place: int) -> dict[int, float]:
        """What each image adds to the difference of the two runs, by its id."""
        decision = self.found.decided[place] if self.found is not None else None
        return {} if decision is None else {part.image_id: part.share for part in decision.parts}

    def _show_images(self) -> None:
        place = self.pair.currentIndex()
        if self.found is None or place < 0:
            return
        found = self.found.images[place]
        first, second = self._runs[0].id, self._runs[1 + place].id
        head = [f"Run {first}", f"Run {second}", "Difference", f"Of the {self.found.metric}"]
        if isinstance(found, str):
            self.images_words.setText(found)
            _fill(self.images, head, [], found)
            return
        said = (
            f"Of {counted(found.images, 'val image')}, {len(found.better)} got better and"
            f" {len(found.worse)} worse: {found.figure}."
        )
        decision, shares = self.found.decided[place], self._shares(place)
        if decision is not None:
            answer = deciding.words(decision, newer=second, older=first, metric=self.found.metric)
            said = f"{answer} {said}"
        self.images_words.setText(said)
        names = self.found.names
        rows = [
            (names.get(c.image_id, "an image that is gone"),
             [f"{c.before:.2f}", f"{c.after:.2f}", f"{c.gain:+.2f}",
              f"{shares[c.image_id]:+.4f}" if c.image_id in shares else "–"])
            for c in _ranked(found, shares)
        ]  # fmt: skip
        _fill(self.images, head, rows, "No image is answered differently.")

    def _counts(self, found: Found) -> str:
        count = len(found.settings)
        settings = f"{counted(count, 'setting')} differ{'s' * (count == 1)}" if count else ""
        first = settings or "The same settings"
        return f"{first}, {'other data' if any(found.data) else 'the same data'}."

    def _failed(self, error: BaseException) -> None:
        self.note("")
        if isinstance(error, CVStudioError):
            self.verdict.setText(error.message)
            self.verdict.show()
        else:
            self._studio.fail(error)


def _both(found: Changes) -> tuple[ImageChange, ...]:
    """Better and worse, the largest differences first."""
    return tuple(sorted((*found.better, *found.worse), key=lambda c: (-abs(c.gain), c.image_id)))


def _ranked(found: Changes, shares: Mapping[int, float]) -> list[ImageChange]:
    """Those that decide which run is better first, whichever way they speak."""
    return sorted(_both(found), key=lambda c: -abs(shares.get(c.image_id, 0.0)))


def _plain(rows: Sequence[Difference]) -> list[tuple[str, list[str]]]:
    return [(row.title, list(row.values)) for row in rows]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(name: str) -> QTableWidget:
    table = QTableWidget()
    name_table(table, name)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(28)
    table.setWordWrap(False)
    return table


def _fill(
    table: QTableWidget, head: Sequence[str], rows: Sequence[tuple[str, list[str]]], empty: str
) -> None:
    """Rows of a title and values; `empty` is said where there are none."""
    table.clear()
    shown = list(rows) or [(empty, [""] * len(head))]
    table.setColumnCount(1 + len(head))
    table.setRowCount(len(shown))
    table.setHorizontalHeaderLabels(["", *head])
    for place, (title, values) in enumerate(shown):
        for column, text in enumerate((title, *values)):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            table.setItem(place, column, item)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
    header.setMinimumSectionSize(120)
    header.setMaximumSectionSize(360)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    if not rows:
        table.setSpan(0, 0, 1, 1 + len(head))
    else:
        table.clearSpans()

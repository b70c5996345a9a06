"""The second page of the import wizard: what will come in and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.words import counted
from cvstudio.formats.base import Problem, ProblemKind
from cvstudio.gui import theme
from cvstudio.gui.data.tables import plain_table
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import SectionHeader, label, push
from cvstudio.gui.widgets.verbatim import tip as plain_tip
from cvstudio.project.importing import Bare, ImportPlan, Known

PROBLEM_WORDS: dict[ProblemKind, tuple[str, str, str]] = {
    ProblemKind.NO_AREA: ("Shapes without area", "left out; nothing can be learned from one",
                          "warning"),
    ProblemKind.OUTSIDE: ("Shapes that reach past the border", "cut at the border; left out when"
                          " nothing is inside", "warning"),
    ProblemKind.CLASS_UNKNOWN: ("Classes that nobody names", "left out", "warning"),
    ProblemKind.IMAGE_MISSING: ("Images that are not there", "left out, with their labels",
                                "danger"),
    ProblemKind.IMAGE_UNREADABLE: ("Files that cannot be read", "left out; the files stay as they"
                                   " are", "danger"),
    ProblemKind.MALFORMED: ("Entries that make no sense", "left out where they cannot be used",
                            "warning"),
    ProblemKind.DUPLICATE: ("Things that are there twice", "taken once", "info"),
    ProblemKind.SAME_CONTENT: ("Files with the same content", "all are taken; copies share a"
                               " split", "info"),
    ProblemKind.NOT_TAKEN: ("Things that CVStudio cannot hold", "left out", "info"),
    ProblemKind.CARRIED: ("Shapes that CVStudio cannot draw", "kept for an export in the same"
                          " format", "info"),
}  # fmt: skip
"""Each kind of problem in words: what it is, what happens to it, how much it matters."""

_LEVEL_ICONS = {
    "danger": ("alert-circle-outline", "danger"),
    "warning": ("alert-outline", "warning"),
    "info": ("information-outline", "muted"),
}


class FigureCard(QFrame):
    """A large figure with a word under it."""

    def __init__(self, one: str, many: str) -> None:
        super().__init__()
        self._one, self._many = one, many
        theme.mark(self, card=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(0)
        self.figure = label("", "figure")
        column.addWidget(self.figure)
        self.words = label(many, "caption")
        column.addWidget(self.words)

    def set(self, number: int, *, warn: bool = False) -> None:
        """Show a number; `warn` colours it."""
        self.figure.setText(f"{number:,}")
        self.words.setText(self._one if number == 1 else self._many)
        theme.mark(self.figure, role="figure_warning" if warn else "figure")


class CheckStep(QWidget):
    """What will come in and what is wrong with it."""

    save_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._groups: list[tuple[ProblemKind, list[Problem]]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._add_figures(column)
        self._add_problems(column)
        self._add_questions(column)
        column.addStretch(0)

    def _add_figures(self, column: QVBoxLayout) -> None:
        """The source, and how much of it is sound."""
        top = QHBoxLayout()
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(label("What will come in", "title"))
        self.source = label("", "muted")
        words.addWidget(self.source)
        top.addLayout(words, 1)
        self.save = push("Save the list", self.save_asked.emit, icon_name="download", small=True)
        top.addWidget(self.save, 0, Qt.AlignmentFlag.AlignBottom)
        column.addLayout(top)
        cards = QHBoxLayout()
        cards.setSpacing(8)
        self.cards = [
            FigureCard("image can be read", "images can be read"),
            FigureCard("annotation is sound", "annotations are sound"),
            FigureCard("class", "classes"),
            FigureCard("kind of problem", "kinds of problems"),
        ]
        for card in self.cards:
            cards.addWidget(card, 1)
        column.addLayout(cards)

    def _add_problems(self, column: QVBoxLayout) -> None:
        """The kinds of problems, and the places of the chosen one."""
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(["", "Problem", "Places", "   What happens"])
        plain_table(self.table)
        self.table.verticalHeader().setDefaultSectionSize(theme.size("row_compact") + 4)
        self.table.itemSelectionChanged.connect(self._show_places)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.table.setColumnWidth(0, 32)
        self.table.setColumnWidth(2, 72)
        places = QTableWidgetItem("Places")
        places.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.table.setHorizontalHeaderItem(2, places)
        column.addWidget(self.table)
        self.places_title = SectionHeader("The places", padded=False)
        column.addWidget(self.places_title)
        self.places = QListWidget()
        self.places.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.places.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(self.places, 1)
        self.fine = Message("success", "Nothing is wrong with this source.")
        column.addWidget(self.fine)
        self.notes = Message("info", "")
        column.addWidget(self.notes)

    def _add_questions(self, column: QVBoxLayout) -> None:
        """What the person decides: about images that are known, and images without annotations."""
        self.already = QWidget()
        row = QHBoxLayout(self.already)
        row.setContentsMargins(0, 0, 0, 0)
        self._already_words = label("")
        row.addWidget(self._already_words, 1)
        self.known_choice = QComboBox()
        self.known_choice.addItem("Add the annotations they lack", "add")
        self.known_choice.addItem("Leave them as they are", "skip")
        row.addWidget(self.known_choice)
        column.addWidget(self.already)
        self.silent = QWidget()
        row = QHBoxLayout(self.silent)
        row.setContentsMargins(0, 0, 0, 0)
        self._silent_words = label("")
        row.addWidget(self._silent_words, 1)
        self.bare_choice = QComboBox()
        self.bare_choice.setAccessibleName("Images without annotations")
        row.addWidget(self.bare_choice)
        column.addWidget(self.silent)

    @property
    def known(self) -> Known:
        """What happens to images that the project has already."""
        return "skip" if self.known_choice.currentData() == "skip" else "add"

    @property
    def bare(self) -> Bare:
        """What images without annotations become."""
        choice: Bare = self.bare_choice.currentData() or "stated"
        return choice

    def _show_silent(self, plan: ImportPlan) -> None:
        """Ask what images without annotations are, where there are some in a source of labels."""
        stated, bare = plan.empty_count, plan.bare_count
        self.silent.setVisible(stated + bare > 0)
        have = counted(stated + bare, "image has", "images have")
        said = f"; the source calls {stated:,} of them empty" if stated and bare else ""
        self._silent_words.setText(f"{have} no annotation{said}")
        self.bare_choice.clear()
        if stated and bare:
            self.bare_choice.addItem("As the source says, others unlabelled", "stated")
        default = "unlabelled" if bare and not stated else "empty"
        choices = {"unlabelled": "Unlabelled, not trained on", "empty": "Reviewed and empty"}
        for value, words in choices.items():
            self.bare_choice.addItem(words, value)
        if not (stated and bare):
            self.bare_choice.setCurrentIndex(self.bare_choice.findData(default))

    def summary(self) -> str:
        """For the list of steps."""
        number = len(self._groups)
        return counted(number, "kind of problem", "kinds of problems") if number else "all is well"

    def show_plan(self, plan: ImportPlan, sources: Sequence[Path]) -> None:
        """Show what a plan says."""
        where = str(sources[0]) if len(sources) == 1 else f"{len(sources):,} files and folders"
        lines = [f"{where}, {plan.title}", *(found.sentence for found in plan.videos[:3])]
        if len(plan.videos) > 3:
            lines.append(f"and {len(plan.videos) - 3:,} more videos")
        self.source.setText("\n".join(lines))
        self.source.setToolTip(plain_tip(where))
        grouped: dict[ProblemKind, list[Problem]] = {}
        for problem in plan.problems:
            grouped.setdefault(problem.kind, []).append(problem)
        levels = list(_LEVEL_ICONS)
        self._groups = sorted(
            grouped.items(), key=lambda g: (levels.index(PROBLEM_WORDS[g[0]][2]), -len(g[1]))
        )
        harmful = any(PROBLEM_WORDS[kind][2] != "info" for kind in grouped)
        for card, number in zip(
            self.cards,
            (len(plan.images), plan.annotation_count, len(plan.classes), len(grouped)),
            strict=True,
        ):
            card.set(number, warn=card is self.cards[3] and harmful)
        self.table.setRowCount(len(self._groups))
        for line, (kind, problems) in enumerate(self._groups):
            self._fill(line, kind, len(problems))
        self.table.setFixedHeight(theme.size("table_header") + 4 + min(len(self._groups), 5) * 32)
        some = bool(self._groups)
        for part in (self.table, self.places_title, self.places, self.save):
            part.setVisible(some)
        self.fine.setVisible(not some)
        self.notes.set("info", " ".join(plan.notes()))
        self.notes.setVisible(bool(plan.notes()))
        self.already.setVisible(plan.known_count > 0)
        already = counted(plan.known_count, "image is", "images are")
        self._already_words.setText(f"{already} in the project already")
        self._show_silent(plan)
        if some:
            self.table.selectRow(0)
            self._show_places()

    def _fill(self, line: int, kind: ProblemKind, number: int) -> None:
        title, happens, level = PROBLEM_WORDS[kind]
        mark = QTableWidgetItem()
        mark.setIcon(icon(*_LEVEL_ICONS[level]))
        count = QTableWidgetItem(f"{number:,}")
        count.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        cells = (mark, QTableWidgetItem(title), count, QTableWidgetItem(f"   {happens}"))
        for column, cell in enumerate(cells):
            cell.setFlags(Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(line, column, cell)

    def _show_places(self) -> None:
        line = self.table.currentRow()
        self.places.clear()
        if not 0 <= line < len(self._groups):
            return
        problems = self._groups[line][1]
        self.places_title.title.setText(f"The {counted(len(problems), 'place')}")
        for problem in problems[:500]:
            where = f", line {problem.line}" if problem.line else ""
            told = f"line {problem.line}" in problem.text
            self.places.addItem(problem.text if told else problem.text.removesuffix(".") + where)
            tip = f"{problem.file or ''}{where}\n{problem.text}".strip()
            self.places.item(self.places.count() - 1).setToolTip(plain_tip(tip))
        if len(problems) > 500:
            self.places.addItem(f"and {len(problems) - 500:,} more; Save the list has them all")

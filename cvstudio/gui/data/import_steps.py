"""The four pages of the import wizard; import_dialog.py leads through them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QListWidget,
    QRadioButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import Task
from cvstudio.core.words import counted, look_alikes
from cvstudio.formats.base import Problem, ProblemKind
from cvstudio.formats.table import all_formats
from cvstudio.gui import theme
from cvstudio.gui.data.shares import add_shares
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.icons import icon
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.section import SectionHeader, label, push
from cvstudio.gui.widgets.swatch import swatch_icon
from cvstudio.gui.widgets.verbatim import tip as plain_tip
from cvstudio.project import import_choices
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
}  # fmt: skip
"""Each kind of problem in words: what it is, what happens to it, how much it matters."""

_LEVEL_ICONS = {
    "danger": ("alert-circle-outline", "danger"),
    "warning": ("alert-outline", "warning"),
    "info": ("information-outline", "muted"),
}


class SourceStep(QWidget):
    """Which folder or files, and as which format. `chosen` when that changes."""

    chosen = Signal()

    def __init__(self, task: Task, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.sources: list[Path] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(label("Where are the images?", "title"))
        words = "A folder, a label file (COCO .json, YOLO data.yaml), or single image files."
        column.addWidget(label(words, "muted", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(8)
        self.path = QLineEdit()
        self.path.setPlaceholderText("Folder or label file")
        self.path.setAccessibleName("Folder or label file")
        self.path.textEdited.connect(self._typed)
        row.addWidget(self.path, 1)
        row.addWidget(push("Folder", self._choose_folder, icon_name="folder-outline", small=True))
        row.addWidget(push("Files", self._choose_files, icon_name="file-outline", small=True))
        column.addLayout(row)
        self.said = label("", "caption", wrap=True)
        column.addWidget(self.said)
        line = QHBoxLayout()
        line.addWidget(label("Format of the labels"))
        self.formats = QComboBox()
        self.formats.addItem("Find out", "auto")
        self.formats.addItem("No labels, images only", "images")
        for found in all_formats():
            fits = "" if task in found.tasks else "  (made for other tasks)"
            self.formats.addItem(found.title + fits, found.name)
        self.formats.setMinimumWidth(220)
        line.addWidget(self.formats)
        line.addStretch(1)
        column.addSpacing(8)
        column.addLayout(line)
        column.addStretch(1)

    @property
    def format(self) -> str:
        """A name of formats.FORMATS, "images" or "auto"."""
        return str(self.formats.currentData())

    @property
    def ready(self) -> bool:
        """Whether there is something to look at."""
        return bool(self.sources) and all(path.exists() for path in self.sources)

    def set_sources(self, paths: Sequence[Path]) -> None:
        """Take these files and folders."""
        self.sources = list(paths)
        if len(paths) == 1:
            self.path.setText(str(paths[0]))
        else:
            self.path.setText("; ".join(path.name for path in paths))
        self._tell()

    def _typed(self, text: str) -> None:
        self.sources = [Path(text.strip()).expanduser()] if text.strip() else []
        self._tell()

    def _tell(self) -> None:
        missing = [path for path in self.sources if not path.exists()]
        theme.mark(self.said, role="danger_caption" if missing else "caption")
        if missing:
            self.said.setText(f"There is nothing at {missing[0]}.")
        elif len(self.sources) > 1:
            self.said.setText(f"{len(self.sources):,} files and folders")
        else:
            self.said.setText("")
        self.chosen.emit()

    def _choose_folder(self) -> None:
        start = str(self._studio.memory.get("folder", Path.home()))
        found = QFileDialog.getExistingDirectory(self, "Choose a folder", start)
        if found:
            self._studio.memory.set("folder", found)
            self.set_sources([Path(found)])

    def _choose_files(self) -> None:
        start = str(self._studio.memory.get("folder", Path.home()))
        found, _ = QFileDialog.getOpenFileNames(self, "Choose images or a label file", start)
        if found:
            self._studio.memory.set("folder", str(Path(found[0]).parent))
            self.set_sources([Path(path) for path in found])


class FigureCard(QFrame):
    """A large figure with a word under it."""

    def __init__(self, words: str) -> None:
        super().__init__()
        theme.mark(self, card=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(0)
        self.figure = label("", "figure")
        column.addWidget(self.figure)
        self.words = label(words, "caption")
        column.addWidget(self.words)

    def set(self, number: int, *, warn: bool = False) -> None:
        """Show a number; `warn` colours it."""
        self.figure.setText(f"{number:,}")
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
            FigureCard("images can be read"),
            FigureCard("annotations are sound"),
            FigureCard("classes"),
            FigureCard("kinds of problems"),
        ]
        for card in self.cards:
            cards.addWidget(card, 1)
        column.addLayout(cards)
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(["", "Problem", "Places", "   What happens"])
        _plain(self.table)
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
        column.addStretch(0)

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
        self.source.setText(f"{where}, {plan.title}")
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
            self.places.addItem(problem.text + where)
            tip = f"{problem.file or ''}{where}\n{problem.text}".strip()
            self.places.item(self.places.count() - 1).setToolTip(plain_tip(tip))
        if len(problems) > 500:
            self.places.addItem(f"and {len(problems) - 500:,} more; Save the list has them all")


class ClassesStep(QWidget):
    """Which classes come in, and under which names."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(label("Match the classes", "title"))
        words = "A class of the source becomes a class of the project, a new one, or stays out."
        column.addWidget(label(words, "muted", wrap=True))
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["In the source", "Annotations", "In the project"])
        _plain(self.table)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.verticalHeader().setDefaultSectionSize(36)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        self.table.setColumnWidth(1, 100)
        self.table.setColumnWidth(2, 260)
        column.addWidget(self.table, 1)
        self._names: list[str] = []
        self._choices: list[QComboBox] = []

    def show_plan(self, plan: ImportPlan, present: Sequence[str]) -> None:
        """Show the classes of a plan, matched with those of the project by name."""
        counts = plan.class_counts()
        self._names = [c.name for c in plan.classes]
        proposals = look_alikes(self._names, list(present))
        self._choices = []
        self.table.setRowCount(len(self._names))
        for line, name in enumerate(self._names):
            cell = QTableWidgetItem(name)
            colour = plan.classes[line].colour
            if colour:
                cell.setIcon(swatch_icon(colour, 10))
            cell.setFlags(Qt.ItemFlag.ItemIsEnabled)
            figure = QTableWidgetItem(f"{counts.get(name, 0):,}")
            figure.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            figure.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(line, 0, cell)
            self.table.setItem(line, 1, figure)
            choice = self._choice(name, present, proposals.get(name))
            holder = QWidget()
            row = QHBoxLayout(holder)
            row.setContentsMargins(6, 4, 6, 4)
            row.addWidget(choice)
            self.table.setCellWidget(line, 2, holder)
            self._choices.append(choice)

    def _choice(self, name: str, present: Sequence[str], proposal: str | None) -> QComboBox:
        choice = QComboBox()
        choice.setAccessibleName(f"{name} becomes")
        if name in present:
            choice.addItem(name, name)
        else:
            choice.addItem(f"New class: {name}", name)
        for other in dict.fromkeys([*present, *self._names]):
            if other != name:
                words = other if other in present else f"Together with {other}"
                choice.addItem(words, other)
        choice.addItem("Leave out", None)
        if proposal is not None:
            choice.setCurrentIndex(choice.findData(proposal))
        return choice

    def choose(self, name: str, becomes: str | None) -> None:
        """Choose what a class becomes, as a click does; None leaves it out."""
        choice = self._choices[self._names.index(name)]
        place = choice.count() - 1 if becomes is None else choice.findData(becomes)
        choice.setCurrentIndex(place)

    def mapping(self) -> dict[str, str | None]:
        """From each class of the source to its name in the project, None for left out."""
        return {
            name: choice.currentData()
            for name, choice in zip(self._names, self._choices, strict=True)
        }

    def summary(self) -> str:
        """For the list of steps."""
        number = len(self._names)
        return f"{number} class{'es' if number != 1 else ''}" if number else "none"


class SplitStep(QWidget):
    """Copy or refer, and which split the images go into."""

    def __init__(self, copy: bool) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(label("Where the images stay", "title"))
        self.refer = QRadioButton("Use them where they are; the project refers to them")
        self.copy_in = QRadioButton("Copy them into the project")
        where = QFrame(self)
        inner = QVBoxLayout(where)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.refer)
        inner.addWidget(self.copy_in)
        (self.copy_in if copy else self.refer).setChecked(True)
        column.addWidget(where)
        column.addSpacing(12)
        column.addWidget(label("Train, val and test", "title"))
        self.given = QCheckBox("")
        self.given.setChecked(True)
        column.addWidget(self.given)
        self.divide = QCheckBox("Divide the images that have no split")
        self.divide.setChecked(True)
        column.addWidget(self.divide)
        grid = QGridLayout()
        grid.setContentsMargins(24, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        self.shares = add_shares(grid, self._check)
        self._seed = QSpinBox()
        self._seed.setRange(0, 2**31 - 1)
        self._seed.setAccessibleName("Seed")
        grid.addWidget(label("seed", "muted"), 0, 3)
        grid.addWidget(self._seed, 1, 3)
        grid.setColumnStretch(4, 1)
        column.addLayout(grid)
        self.sum = label("", "danger_caption")
        self.sum.setContentsMargins(24, 0, 0, 0)
        column.addWidget(self.sum)
        words = (
            "Each class is divided in the same shares. The split is stored and stays;"
            " runs never shuffle it."
        )
        note = label(words, "caption", wrap=True)
        note.setContentsMargins(24, 0, 0, 0)
        column.addWidget(note)
        column.addStretch(1)
        self.divide.toggled.connect(self._check)
        self._check()

    def show_plan(self, plan: ImportPlan) -> None:
        """Say what the source gives, and what copying takes."""
        given = import_choices.given_splits(plan)
        words = ", ".join(f"{number:,} {split}" for split, number in given.items())
        self.given.setText(f"Keep the split of the source: {words}")
        self.given.setVisible(bool(given))
        self.copy_in.setText(f"Copy them into the project ({plan.bytes / 2**20:,.1f} MB)")
        rest = plan.split_counts().get(None, 0)
        self.divide.setEnabled(bool(rest) or bool(given))

    @property
    def copy(self) -> bool:
        return self.copy_in.isChecked()

    @property
    def keep_given(self) -> bool:
        return self.given.isChecked()

    @property
    def seed(self) -> int:
        return self._seed.value()

    @property
    def fractions(self) -> tuple[float, float, float] | None:
        """The shares of train, val and test; None: images without a split stay without."""
        total = sum(spin.value() for spin in self.shares)
        if not self.divide.isChecked() or abs(total - 100) > 1e-6:
            return None
        a, b, _ = (spin.value() / 100 for spin in self.shares)
        return a, b, 1 - a - b

    def summary(self) -> str:
        """For the list of steps."""
        return "copied" if self.copy else "used where they are"

    def _check(self) -> None:
        total = sum(spin.value() for spin in self.shares)
        wrong = abs(total - 100) > 1e-6
        self.sum.setText(f"The shares add up to {total:g} %, not 100 %." if wrong else "")
        self.sum.setVisible(wrong)
        for spin in (*self.shares, self._seed):
            spin.setEnabled(self.divide.isChecked())


def _plain(table: QTableWidget) -> None:
    """A table of look.md: no grid, whole rows, no numbers at the left."""
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setDefaultAlignment(
        Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    )
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

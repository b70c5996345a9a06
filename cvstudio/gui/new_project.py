"""The dialog that starts a project: what the network is to do, where, and the first classes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.words import look_alikes, quoted
from cvstudio.gui import theme
from cvstudio.gui.widgets.cards import ChoiceCards
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.section import Segments, label, push

TASKS = (
    (Task.DETECT, "Find objects", "A box around each: count cells, find defects", "vector-square"),
    (Task.INSTANCE, "Outline objects", "The shape of each one: size, form, overlap",
     "vector-polygon"),
    (Task.SEGMENT, "Colour regions", "Every pixel gets a class: tissue, membrane, rust", "brush"),
    (Task.CLASSIFY, "Sort images", "One class for the whole image: good or bad, species",
     "image-multiple-outline"),
)  # fmt: skip
"""Each task in the words of a person who has not heard of it."""


SEVERAL_WORDS = ("One class", "Several classes")
SEVERAL_TIPS = (
    "Good or bad, this species or that: networks can be trained on it",
    "What all is to be seen on it; networks are trained on one class an image so far",
)


@dataclass(frozen=True)
class NewProject:
    """What the dialog answers."""

    path: Path
    name: str
    task: Task
    classes: tuple[str, ...]
    several: bool = False
    """Whether an image may have several classes, where images are sorted."""


def split_names(text: str) -> tuple[str, ...]:
    """Class names written with commas or line ends between them; each once, in order."""
    names = (part.strip() for part in re.split(r"[,;\n]", text))
    return tuple(dict.fromkeys(name for name in names if name))


def folder_name(name: str) -> str:
    """A folder's name for a project's name: without what file systems refuse."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")


class NewProjectDialog(StudioDialog):
    """Asks for everything that a project needs; `answer` holds it after exec()."""

    def __init__(self, parent: QWidget | None, location: Path) -> None:
        super().__init__(parent, "New project", width=640)
        self.setObjectName("new_project")
        self.answer: NewProject | None = None
        self.content.addWidget(label("What is the network to do?", "section"))
        self.tasks = ChoiceCards(
            [(task.value, title, text, "") for task, title, text, _ in TASKS],
            columns=2,
            icons=[name for *_, name in TASKS],
        )
        self.content.addWidget(self.tasks)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Leaf spots 2026")
        self.name.textChanged.connect(self._check)
        self.location = QLineEdit(str(location))
        self.location.textChanged.connect(self._check)
        self.classes = QLineEdit()
        self.classes.textChanged.connect(self._check)
        self.classes.setPlaceholderText("RBC, WBC, Platelets (more can be added any time)")
        for field, name in (
            (self.name, "Name"), (self.location, "In folder"), (self.classes, "Label classes"),
        ):  # fmt: skip
            field.setAccessibleName(name)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.location, 1)
        row.addWidget(push("Choose", self._choose, small=True))
        for line, words in enumerate(("Name", "In folder", "Label classes")):
            grid.addWidget(label(words), line, 0)
        grid.addWidget(self.name, 0, 1)
        grid.addLayout(row, 1, 1)
        grid.addWidget(self.classes, 2, 1)
        self.several = Segments(SEVERAL_WORDS, tips=SEVERAL_TIPS)
        self.several.setAccessibleName("Each image has")
        self._several_title = label("Each image has")
        grid.addWidget(self._several_title, 3, 0)
        grid.addWidget(self.several, 3, 1)
        self.tasks.chosen.connect(self._show_several)
        self.content.addLayout(grid)
        self.where = label("", "caption", wrap=True)
        self.where.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        # Room for a second line from the start: nothing jumps when the folder is a long one.
        self.where.setMinimumHeight(2 * QFontMetrics(theme.font("caption")).lineSpacing() + 2)
        self.content.addWidget(self.where)
        self.content.addStretch(1)
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Start project", self.accept, next=True)
        self.name.setFocus()
        self._show_several(self.tasks.key)
        self._check()

    def choose_task(self, task: Task) -> None:
        """Choose a task as a click on its card does."""
        self.tasks.choose(task.value)
        self._show_several(task.value)

    def _show_several(self, task: str) -> None:
        """Only where images are sorted it is asked how many classes one may have."""
        for part in (self.several, self._several_title):
            part.setVisible(task == Task.CLASSIFY)
        self.fit_height()

    def _folder(self) -> Path:
        return Path(self.location.text()).expanduser() / folder_name(self.name.text())

    def _check(self) -> None:
        folder = self._folder()
        problem = ""
        if not folder_name(self.name.text()):
            problem = "Give the project a name."
        elif (folder / "project.db").exists():
            problem = f"There is a project in {folder} already."
        elif folder.is_file():
            problem = f"{folder} is a file."
        named = bool(self.name.text())
        theme.mark(self.where, role="danger_caption" if problem and named else "caption")
        said = (
            problem or f"Everything of the project goes into {folder}; images stay where they are."
        )
        for name, other in look_alikes(split_names(self.classes.text()), ()).items():
            said += f"\n{quoted(other)} and {quoted(name)} will be two classes: is one a slip?"
        self.where.setText(said)
        self.go.setEnabled(not problem)
        self.fit_height()

    def _choose(self) -> None:
        found = QFileDialog.getExistingDirectory(self, "Choose a folder", self.location.text())
        if found:
            self.location.setText(found)

    def accept(self) -> None:
        """Keep the answer and close."""
        self.answer = NewProject(
            path=self._folder(),
            name=self.name.text().strip(),
            task=Task(self.tasks.key),
            classes=split_names(self.classes.text()),
            several=Task(self.tasks.key) is Task.CLASSIFY and self.several.index == 1,
        )
        super().accept()

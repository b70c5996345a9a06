"""Asks which network is to suggest labels, for which images, and how sure it has to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import Task
from cvstudio.core.config import SuggestConfig
from cvstudio.core.errors import CVStudioError
from cvstudio.core.words import counted, quoted
from cvstudio.gui.studio import Studio
from cvstudio.gui.suggest_file import FilePanel
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import label, push
from cvstudio.gui.widgets.slider_field import SliderField
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.gui.widgets.views_field import ViewsField
from cvstudio.project import image_classes, queries, suggesting
from cvstudio.project.records import RunRecord
from cvstudio.project.run_titles import run_title
from cvstudio.project.suggesting import Which

_WORDS = {
    Which.UNLABELLED: "Unlabelled images",
    Which.OPEN: "Images that are not reviewed",
    Which.ALL: "All images",
}


_WIDTH, _PANEL = 560, 400
_MOST_SCORES = 5
"""Classes whose scores are told; of more, how many there are."""


@dataclass(frozen=True)
class Wish:
    """What the person asked for."""

    config: SuggestConfig
    image_ids: tuple[int, ...]


class SuggestDialog(StudioDialog):
    """Network, images, least score; `wish` is set when the person went on."""

    def __init__(
        self,
        parent: QWidget | None,
        studio: Studio,
        *,
        run_id: int = 0,
        ids: Sequence[int] = (),
        file: Path | None = None,
    ) -> None:
        super().__init__(parent, "Suggest labels", width=_WIDTH)
        self.setObjectName("suggest")
        assert studio.project is not None
        self._studio, self._project = studio, studio.project
        self._read: Path | None = None
        """The file that the panel shows."""
        self._runs = {run.id: run for run in suggesting.able_runs(self._project)}
        self._ids = tuple(ids)
        self._file = file
        self._own_scores: dict[int, float] = {}
        with self._project.read() as session:
            self._several = image_classes.several(session)
        self.wish: Wish | None = None
        self._scored: Path | None = None
        """The file whose own score was taken over; what a person sets after that stays."""
        self._build(run_id)

    def _build(self, run_id: int) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        self.network = self._networks(run_id)
        grid.addWidget(label("Network"), 0, 0)
        grid.addWidget(self.network, 0, 1)
        grid.addWidget(self._file_row(), 1, 1)
        self.images = self._image_choice()
        grid.addWidget(label("Images"), 2, 0)
        grid.addWidget(self.images, 2, 1)
        self.score = SliderField(0.01, 0.99, 0.25, step=0.01)
        self.score.slider.setAccessibleName("Least score")
        grid.addWidget(label("Least score"), 3, 0)
        grid.addWidget(self.score, 3, 1)
        self._score_words = label("", "muted", wrap=True)
        words = QVBoxLayout()
        words.setSpacing(4)
        self.own = QCheckBox("Each class from its own score")
        self.own.setToolTip("The score that was best for a class on val, as in the exported file")
        self.own.setChecked(True)
        self.own.toggled.connect(lambda _on: self._show_score())
        words.addWidget(self.own)
        words.addWidget(self._score_words)
        grid.addLayout(words, 4, 1)
        self.overlap = SliderField(0.1, 1.0, 0.5, step=0.05)
        self.overlap.slider.setAccessibleName("Leave out what overlaps labels")
        grid.addWidget(label("Overlap"), 5, 0)
        grid.addWidget(self.overlap, 5, 1)
        grid.addWidget(
            label("What overlaps one of your labels by more than that is left out.", "muted",
                  wrap=True), 6, 1,
        )  # fmt: skip
        self.views = ViewsField()
        name = label("Views")
        name.setContentsMargins(0, 6, 0, 0)
        grid.addWidget(name, 7, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(self.views, 7, 1)
        sides = QHBoxLayout()
        sides.setSpacing(24)
        left = QVBoxLayout()
        left.addLayout(grid)
        left.addStretch(1)
        sides.addLayout(left, 1)
        with self._project.read() as session:
            self.panel = FilePanel(self._studio, queries.classes(session))
        self.panel.setMinimumWidth(_PANEL)
        self.panel.changed.connect(self._follow_file)
        sides.addWidget(self.panel, 1)
        self.content.addLayout(sides)
        self.trouble = Message("info", "")
        self.content.addWidget(self.trouble)
        self.content.addStretch(1)
        self.note("Your labels stay as they are. Suggestions count once you accept them.")
        self.add_button("Cancel", self.reject)
        self.go = self.add_button("Suggest", self._accept, next=True)
        self.network.activated.connect(self._chose_network)
        self.images.activated.connect(lambda _place: self._check())
        self._show_network()
        self.go.setFocus(Qt.FocusReason.OtherFocusReason)

    def _networks(self, run_id: int) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName("Network")
        for run in self._runs.values():
            box.addItem(run_title(run), run.id)
        box.addItem("An exported file…", 0)
        place = 0 if self._file is None else box.count() - 1
        if run_id in self._runs:
            place = box.findData(run_id)
        box.setCurrentIndex(place)
        return box

    def _file_row(self) -> QWidget:
        self._row = QWidget()
        row = QHBoxLayout(self._row)
        row.setContentsMargins(0, 0, 0, 0)
        self._path = NameLabel()
        row.addWidget(self._path, 1)
        row.addWidget(push("Choose", self.choose_file, small=True))
        return self._row

    def _image_choice(self) -> QComboBox:
        """Only choices of which there are images; what was handed over comes first."""
        box = QComboBox()
        box.setAccessibleName("Images")
        if self._ids:
            words = "This image" if len(self._ids) == 1 else f"{len(self._ids):,} selected images"
            box.addItem(words, self._ids)
        with self._project.read() as session:
            for which in Which:
                found = tuple(suggesting.image_ids(session, which))
                if found:
                    box.addItem(f"{_WORDS[which]} ({len(found):,})", found)
        return box

    # -- what is chosen

    @property
    def run(self) -> RunRecord | None:
        """The chosen run; None when a file is asked."""
        return self._runs.get(int(self.network.currentData()))

    @property
    def image_ids(self) -> tuple[int, ...]:
        """The chosen images."""
        return tuple(self.images.currentData() or ())

    def choose_file(self) -> None:
        """Let the person choose an exported file."""
        folder = str(self._project.exports_directory)
        name, _ = QFileDialog.getOpenFileName(self, "Exported network", folder, "ONNX (*.onnx)")
        if name:
            self.use_file(Path(name))

    def use_file(self, file: Path) -> None:
        """Ask this file."""
        self._file = file
        self.network.setCurrentIndex(self.network.count() - 1)
        self._show_network()

    def _chose_network(self) -> None:
        if self.run is None and self._file is None:
            self.choose_file()
        self._show_network()

    def _show_network(self) -> None:
        run, task = self.run, self._project.task
        self._row.setVisible(run is None)
        self._path.setText(self._file.name if self._file else "No file chosen yet")
        self._path.setToolTip(tip(str(self._file)) if self._file else "")
        self._show_file()
        self.score.set_value(suggesting.usual_score(run, task))
        self._own_scores = suggesting.own_scores(run) if run is not None else {}
        self.own.setVisible((run is None and self._several) or bool(self._own_scores))
        self._show_score()

    def _show_file(self) -> None:
        """Beside the questions, what is in the file; a run of this project needs no such."""
        file = self._file if self.run is None else None
        self.panel.setVisible(file is not None)
        self.setMinimumWidth(_WIDTH if file is None else _WIDTH + _PANEL)
        if file is not None and file != self._read:
            self._read = file
            self.panel.read(file)
        self.fit_height()

    def _follow_file(self) -> None:
        """The file was read, or another class was chosen."""
        facts = self.panel.facts
        if facts is not None and self._scored != self._read:
            self._scored = self._read
            if facts.score is not None:
                self.score.set_value(facts.score)
        self._check()
        self.fit_height()

    def _file_trouble(self) -> str:
        """Why the file cannot be asked; "" when it can."""
        panel, task = self.panel, self._project.task
        if panel.trouble:
            return panel.trouble
        if panel.facts is None:
            return "The file is being read."
        if panel.facts.task is not task:
            return f"The file is for {panel.facts.task}, and this project is for {task}."
        return "" if panel.useful else "Choose what at least one class of the file becomes."

    @property
    def _by_class(self) -> bool:
        return self.own.isChecked() and not self.own.isHidden()

    def _show_score(self) -> None:
        """What the score means for the chosen network."""
        run, task = self.run, self._project.task
        regions = task is Task.SEGMENT
        self.score.setEnabled(not regions and not self._by_class)
        if self._by_class:
            self._score_words.setText(self._own_words())
        elif regions:
            self._score_words.setText("Regions carry no score: a pixel gets its likeliest class.")
        elif run is not None and task is not Task.CLASSIFY:
            self._score_words.setText("Begins with the score that was best on val.")
        else:
            self._score_words.setText("What the network is less sure of is left out.")
        self._check()

    def _own_words(self) -> str:
        """The scores of the classes: "From val: “disc” 0.41, “square” 0.63. Others: 0.50."."""
        with self._project.read() as session:
            names = {c.id: quoted(c.name) for c in queries.classes(session)}
        told = [f"{names[k]} {v:.2f}" for k, v in self._own_scores.items() if k in names]
        if not told:
            return "Each class from the score in the file; one without such a score from this one."
        more = f" and {len(told) - _MOST_SCORES} more" if len(told) > _MOST_SCORES else ""
        others = "" if len(told) == len(names) else f" The others from {self.score.value:.2f}."
        return f"As chosen on val: {', '.join(told[:_MOST_SCORES])}{more}.{others}"

    def _check(self) -> None:
        count = len(self.image_ids)
        words = ""
        if not count:
            words = "There are no images yet."
        elif self.run is None and self._file is None:
            words = "Choose a file that CVStudio or ultralytics exported"
            words += "." if self._runs else ", or train a network first."
        elif self.run is None:
            words = self._file_trouble()
        self.trouble.set("info", words)
        self.trouble.setVisible(bool(words))
        self.go.setEnabled(not words)
        self.go.setText(f"Suggest for {counted(count, 'image')}" if count else "Suggest")

    def _accept(self) -> None:
        run = self.run
        try:
            config = suggesting.config_for(
                self._project,
                run_id=run.id if run is not None else None,
                file=self._file if run is None else None,
                score=0.0 if self._project.task is Task.SEGMENT else self.score.value,
                overlap=self.overlap.value,
                views=self.views.views,
                own_scores=self._by_class,
                classes=self.panel.choices if run is None else None,
            )
        except CVStudioError as error:
            self.trouble.set("danger", error.message)
            self.trouble.show()
            return
        self.wish = Wish(config, self.image_ids)
        self.accept()

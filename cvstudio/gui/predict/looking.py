"""What is looked at: one picture with the answers that count, and the score from which they do."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import Task
from cvstudio.core.answers import Answered, Line, Skipped, Teller
from cvstudio.core.errors import ImageError
from cvstudio.core.metrics import USUAL_SCORE
from cvstudio.core.predictions import Prediction
from cvstudio.formats.answers import Count
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.predict.camera import Rgb
from cvstudio.gui.predict.results import items_of, words_of
from cvstudio.gui.tasks import Control, Tasks
from cvstudio.gui.widgets.image_view import ImageView
from cvstudio.gui.widgets.section import label, link
from cvstudio.gui.widgets.slider_field import SliderField
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.imaging.decode import read_rgb


class Looking(QWidget):
    """`stepped(by)` when another result is wanted, `recounted()` when other answers count."""

    stepped = Signal(int)
    recounted = Signal()

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self.teller: Teller | None = None
        self._asked: Answered | None = None
        """What is looked at, and being read."""
        self._shown: Answered | None = None
        """What the picture in the view is of."""
        self._latest = LatestWins(tasks, owner=self)
        self.view = ImageView()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._make_head())
        column.addWidget(self.view, 1)
        column.addWidget(self._make_score())
        self.score_row.hide()

    def _make_head(self) -> QHBoxLayout:
        self.name_label = label("", "section")
        self.found = label("", "muted")
        self.before = link("Previous", lambda: self.stepped.emit(-1))
        self.after = link("Next", lambda: self.stepped.emit(1))
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.name_label)
        head.addWidget(self.found, 1)
        head.addWidget(self.before)
        head.addWidget(self.after)
        return head

    def _make_score(self) -> QWidget:
        self.score = SliderField(0.05, 0.99, USUAL_SCORE, step=0.01, name="Score")
        self.score.setToolTip("Answers of which the network is less sure do not count")
        self.score.changed.connect(lambda _value: self._recount())
        self.own = QCheckBox("Each class its own")
        self.own.setToolTip("Where a class has a score of its own in the file, it counts from that")
        self.own.toggled.connect(lambda _on: self._recount())
        self.score_row = QWidget()
        row = QHBoxLayout(self.score_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(label("Score from", "muted"))
        row.addWidget(self.score, 1)
        row.addWidget(self.own)
        return self.score_row

    # -- whose answers, and which of them count

    def take_teller(self, teller: Teller, count: Count | None = None) -> None:
        """Somebody answers: its score is the one to begin with, where no count is given."""
        self.teller = teller
        self.score.set_value(teller.thresholds.common if count is None else count.score)
        self.own.blockSignals(True)
        self.own.setChecked(teller.own_hold if count is None else count.own)
        self.own.blockSignals(False)
        self.own.setVisible(bool(teller.own))
        single = teller.task is Task.CLASSIFY and not teller.several
        self.score_row.setVisible(not single and teller.task is not Task.SEGMENT)
        self._recount()

    def forget_teller(self) -> None:
        """Somebody else is asked, of whom it is not known yet whether a score decides."""
        self.teller = None
        self.score_row.hide()

    @property
    def count(self) -> Count:
        """Which answers count."""
        return Count(self.score.value, own=self.own.isChecked() and not self.own.isHidden())

    def _recount(self) -> None:
        self.recounted.emit()
        self._draw()

    # -- the picture

    def show_line(self, line: Line | None, title: str) -> None:
        """Look at a result, or at none."""
        self.clear(title, line.reason if isinstance(line, Skipped) else "")
        self.name_label.setToolTip(tip(str(line.path)) if line is not None else "")
        if not isinstance(line, Answered):
            return
        self._asked = line

        def work(control: Control) -> Rgb:
            control.check()
            return read_rgb(line.path, line.page)

        self._latest.request(work, lambda rgb: self._read(line, rgb), self._unreadable)
        self._draw_words(line)

    def show_camera(self, picture: Rgb, answer: Prediction, rate: float) -> None:
        """Look at a picture of a camera; `rate` is how many come in a second, 0 while unknown."""
        if self.teller is None:
            return
        height, width = picture.shape[:2]
        line = Answered(Path("camera"), 0, 1, width, height, answer)
        self.view.set_words("")
        self.view.set_image(picture)
        self.view.set_items(items_of(line, self.teller, self.count, tags=True))
        said = f" · {rate:.1f} pictures a second" if rate else ""
        self.found.setText(words_of(line, self.teller, self.count) + said)

    def clear(self, name: str = "", words: str = "") -> None:
        """Look at nothing; `words` stand in its place."""
        self._latest.drop()
        self._asked = self._shown = None
        self.name_label.setText(name)
        self.found.setText("")
        self.view.set_image(None)
        self.view.set_items([])
        self.view.set_words(words)

    def release(self) -> None:
        """The page goes away."""
        self._latest.drop()

    def _read(self, line: Answered, rgb: Rgb) -> None:
        if line is self._asked:
            self.view.set_image(rgb)
            self._shown = line
            self._draw()

    def _unreadable(self, error: BaseException) -> None:
        self.view.set_image(None)
        self.view.set_words(error.message if isinstance(error, ImageError) else str(error))

    def _draw(self) -> None:
        if self.teller is not None and self._shown is not None:
            self.view.set_items(items_of(self._shown, self.teller, self.count, tags=True))
            self._draw_words(self._shown)

    def _draw_words(self, line: Answered) -> None:
        if self.teller is not None:
            took = f"{line.milliseconds:,.0f} ms"
            self.found.setText(f"{words_of(line, self.teller, self.count)} · {took}")

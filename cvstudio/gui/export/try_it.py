"""Trying an exported file on new images: drop one, see what the file says and by what, save it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.errors import ImageError
from cvstudio.core.forms import BOXES, Form
from cvstudio.core.predictions import Prediction, from_json
from cvstudio.core.wire import Message
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.drop_area import DropArea
from cvstudio.gui.export.looking import Looking
from cvstudio.gui.export.saving import Page, Saving, pages_of
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.image_view import ImageView
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.overlay import OverlayItem, edges_of
from cvstudio.gui.widgets.possible import allow
from cvstudio.gui.widgets.section import label, link, push
from cvstudio.gui.widgets.slider_field import SliderField
from cvstudio.gui.widgets.swatch import swatch
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.imaging.decode import SUFFIXES, read_rgb

_NO_FILE = "Export a network first"


class TryIt(QWidget):
    """One image at a time with the answers of the file at hand."""

    def __init__(self, studio: Studio, parent: QWidget) -> None:
        super().__init__(parent)
        self._studio = studio
        self._latest = LatestWins(studio.tasks, owner=self)
        self._file: Path | None = None
        self._looking = LatestWins(studio.tasks, owner=self)
        self._pages: list[Page] = []
        self._place = 0
        self._classes: dict[int, tuple[str, str]] = {}
        self._answers: dict[Page, Prediction] = {}
        self._floors: dict[int, float] = {}
        self._form: Form = BOXES
        self.saving = Saving(studio, self)
        self.saving.moved.connect(self._saving_moved)
        self.saving.ended.connect(self._saving_ended)
        self._rgb: NDArray[np.uint8] | None = None

        column = QVBoxLayout(self)
        column.setContentsMargins(16, 0, 16, 12)
        column.setSpacing(8)
        self._add_picture(column)
        self._add_figures(column)
        self._add_steps(column)
        self._score_row.hide()
        allow(self.area, _NO_FILE, does="")
        self._show()

    def _add_picture(self, column: QVBoxLayout) -> None:
        """Where images are dropped, and the one that is looked at."""
        self.area = DropArea(SUFFIXES, title="Try on images")
        self.area.dropped.connect(self.try_images)
        column.addWidget(self.area)
        head = QHBoxLayout()
        self.name = label("", "section")
        self.time = label("", "muted")
        head.addWidget(self.name, 1)
        head.addWidget(self.time)
        column.addLayout(head)
        self.view = ImageView()
        self.view.setMinimumHeight(190)
        self.view.pressed.connect(self._pressed)
        column.addWidget(self.view, 1)
        self.looking = Looking(self._studio, self.view)
        column.addWidget(self.looking)
        self.nothing = label("Export a network first, then try it here.", "muted", wrap=True)
        column.addWidget(self.nothing)
        column.addStretch(0)

    def _add_figures(self, column: QVBoxLayout) -> None:
        """The score from which answers are shown, and how many there are of each class."""
        self.score = SliderField(0.01, 0.99, 0.25, step=0.01, name="Score")
        self.score.changed.connect(lambda _value: self._draw())
        row = QHBoxLayout()
        row.addWidget(label("Score from", "muted"))
        row.addWidget(self.score, 1)
        self._score_row = QWidget()
        self._score_row.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._score_row)
        self._found = QWidget()
        self._grid = QGridLayout(self._found)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        column.addWidget(self._found)

    def _add_steps(self, column: QVBoxLayout) -> None:
        """Saving, with how far it is, and the way through the images."""
        self.save = push("Save predictions", self._save, small=True)
        steps = QHBoxLayout()
        self.before = link("Previous", lambda: self._go(-1))
        self.after = link("Next", lambda: self._go(1))
        steps.addWidget(self.save)
        steps.addStretch(1)
        steps.addWidget(self.before)
        steps.addWidget(self.after)
        column.addLayout(steps)
        self._saving_row = QWidget()
        progress = QHBoxLayout(self._saving_row)
        progress.setContentsMargins(0, 0, 0, 0)
        progress.setSpacing(8)
        self.saving_words = label("", "muted")
        self._saving_bar = QProgressBar()
        self._saving_bar.setTextVisible(False)
        self._saving_bar.setAccessibleName("How many answers are saved")
        theme.mark(self._saving_bar, job=True)
        progress.addWidget(self.saving_words)
        progress.addWidget(self._saving_bar, 1)
        progress.addWidget(link("Cancel", self.saving.cancel))
        column.addWidget(self._saving_row)
        self._saving_row.hide()

    def use(self, file: Path | None) -> None:
        """Try this file from now on."""
        allow(self.area, "" if file is not None else _NO_FILE, does="")
        if file != self._file:
            self._file = file
            self._answers.clear()
            self.looking.use(file)
            self._show()

    def try_images(self, paths: list[Path]) -> None:
        """Run the file on images, the first at once and the others when they are looked at.

        Saving asks about all of them.
        """
        self.view.set_words("Looking through the files")
        self._looking.request(lambda control: pages_of(paths, control), self._take)

    def release(self) -> None:
        """The page goes away."""
        self._looking.drop()
        self._latest.drop()
        self.looking.clear()
        self.saving.cancel()
        self._studio.live.drop(self)

    def _take(self, pages: list[Page]) -> None:
        self._pages, self._place = pages, 0
        self._answers.clear()
        self._show()
        if not pages:
            self.view.set_words("There is no image among these files.")

    # -- inside

    @property
    def _page(self) -> Page | None:
        return self._pages[self._place] if self._place < len(self._pages) else None

    def _go(self, by: int) -> None:
        self._place = min(max(self._place + by, 0), len(self._pages) - 1)
        self._show()

    def _show(self) -> None:
        page = self._page
        several = len(self._pages) > 1
        self.before.setVisible(several)
        self.after.setVisible(several)
        allow(self.before, "" if self._place else "This is the first one", does="")
        last = self._place + 1 >= len(self._pages)
        allow(self.after, "This is the last one" if last else "", does="")
        self._rgb = None
        # An empty picture would look like a broken one.
        self.view.setVisible(page is not None and self._file is not None)
        self.nothing.setVisible(self._file is None)
        self.save.setVisible(page is not None)
        self.view.set_image(None)
        self.view.set_items([])
        self.looking.look_at(None)
        self.name.setText(page.title if page is not None else "")
        self.name.setToolTip(tip(str(page.path)) if page is not None else "")
        self.time.setText("")
        self._offer_saving()
        self._show_counts([])
        if page is None or self._file is None:
            words = "" if self._file is None else "The file's answers appear here."
            self.view.set_words(words)
            return
        self.view.set_words("")

        def work(control: Control) -> NDArray[np.uint8]:
            control.check()
            return read_rgb(page.path, page.page)

        self._latest.request(work, lambda rgb: self._read(page, rgb), self._unreadable)

    def _unreadable(self, error: BaseException) -> None:
        self.view.set_words(error.message if isinstance(error, ImageError) else str(error))

    def _read(self, page: Page, rgb: NDArray[np.uint8]) -> None:
        if page != self._page or self._file is None:
            return
        self._rgb = rgb
        self.view.set_image(rgb)
        file = self._file
        header = {
            "onnx": str(file), "path": str(page.path), "page": page.page, "window": None,
        }  # fmt: skip
        self._studio.live.request(
            "predict", header, owner=self, done=lambda message: self._answered(file, page, message),
            failed=lambda text, _hint: self._refused(file, page, text),
        )  # fmt: skip

    def _refused(self, file: Path, page: Page, text: str) -> None:
        if (file, page) == (self._file, self._page):
            self.view.set_words(text)

    def _answered(self, file: Path, page: Page, message: Message) -> None:
        if file != self._file:
            return  # another one is tried by now
        header = message.header
        answer = from_json(header["prediction"])
        if not self._answers and header["score"] is not None:
            self.score.set_value(header["score"])
        self._answers[page] = answer
        if page == self._page:
            self.looking.look_at(page)
        self._classes = {c["id"]: (c["name"], c["colour"]) for c in header["classes"]}
        self._form = Form.from_json(header["form"])
        self._floors = {int(key): score for key, score in header["class_scores"].items()}
        self._score_row.setVisible(answer.scores is None and answer.regions is None)
        if page == self._page:
            self.time.setText(f"{header['answer_ms']:.0f} ms")
            self._draw()

    def _draw(self) -> None:
        answer = self._answers.get(self._page) if self._page is not None else None
        if answer is None or self._rgb is None:
            return
        items: list[OverlayItem] = []
        rows: list[tuple[int, str, str]] = []
        if answer.scores is not None:
            best = sorted(answer.scores.items(), key=lambda item: -item[1])[:5]
            rows = [(class_id, f"{score:.2f}", self._said(class_id, score))
                    for class_id, score in best]  # fmt: skip
        elif answer.regions is not None:
            pixels = self._rgb.shape[0] * self._rgb.shape[1]
            for class_id, mask in answer.regions.items():
                items.append(OverlayItem(mask, self._classes[class_id][1]))
                rows.append((class_id, f"{100 * mask.area / pixels:.1f} %", ""))
        else:
            kept = [found for found in answer.objects if found.score >= self.score.value]
            items = [
                OverlayItem(
                    f.shape, self._classes[f.class_id][1],
                    edges=edges_of(f.shape, self._form.skeleton),
                )
                for f in kept
            ]  # fmt: skip
            counts = Counter(f.class_id for f in kept)
            rows = [
                (c, f"{n:,}", f"{min(f.score for f in kept if f.class_id == c):.2f}")
                for c, n in counts.most_common()
            ]
        self.view.set_items(items)
        self._show_counts(rows, "Share" if answer.regions is not None else "Score")

    def _pressed(self, x: float, y: float) -> None:
        """Ask what speaks for the smallest object there, once that was asked of another."""
        answer = self._answers.get(self._page) if self._page is not None else None
        if answer is None or not self.looking.open:
            return
        there = [
            found for found in answer.objects
            if found.score >= self.score.value and found.box.contains(x, y)
        ]  # fmt: skip
        if there:
            found = min(there, key=lambda one: one.box.area)
            self.looking.ask(found.class_id, found.box)

    def _said(self, class_id: int, score: float) -> str:
        """Whether the file says a class, where images may have several; else ""."""
        floor = self._floors.get(class_id)
        if floor is None:
            return ""
        return f"yes, from {floor:.2f}" if score >= floor else f"no, below {floor:.2f}"

    def _show_counts(self, rows: list[tuple[int, str, str]], figure_title: str = "") -> None:
        empty(self._grid)
        if not rows:
            return
        three = any(row[2] for row in rows)
        last = ("Score", "Said") if self._floors else ("Found", "Lowest score")
        titles = ("Class", *last) if three else ("Class", figure_title)
        for column, text in enumerate(titles):
            self._grid.addWidget(_right(label(text, "caption"), column > 0), 0, column)
        for place, (class_id, figure, lowest) in enumerate(rows, 1):
            name, colour = self._classes.get(class_id, ("?", "#888888"))
            self._grid.addWidget(_Swatch(name, colour), place, 0)
            self._grid.addWidget(_right(label(figure), True), place, 1)
            if three:
                self._grid.addWidget(_right(label(lowest, "muted"), True), place, 2)

    # -- saving

    def _offer_saving(self) -> None:
        count = len(self._pages)
        why = "Answers are being saved" if self.saving.running else ""
        if self._file is None:
            why = _NO_FILE
        allow(self.save, why, does=f"Answers for {counted(count, 'image')}, as JSON")

    def _save(self) -> None:
        if not self._pages or self._file is None or self.saving.running:
            return
        name, _ = QFileDialog.getSaveFileName(
            self, "Save predictions", "predictions.json", "JSON (*.json)"
        )
        if name:
            # Where images have several classes, each counts as the file says.
            score = None if self._floors else self.score.value
            self.saving.start(self._file, self._pages, Path(name), score=score)
            self._offer_saving()

    def _saving_moved(self, done: int, total: int) -> None:
        self._saving_row.show()
        self.saving_words.setText(f"{done:,} of {total:,}")
        self._saving_bar.setRange(0, total)
        self._saving_bar.setValue(done)

    def _saving_ended(self, text: str) -> None:
        self._saving_row.hide()
        self._offer_saving()
        if text:
            level = "success" if text.startswith("Saved") else "warning"
            self._studio.toast(text, level=level)


class _Swatch(QWidget):
    def __init__(self, name: str, colour: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        box = QLabel()
        box.setPixmap(swatch(colour))
        row.addWidget(box)
        row.addWidget(label(name), 1)


def _right(widget: QLabel, right: bool) -> QLabel:
    if right:
        widget.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return widget

"""Images that show the same, pair by pair beside each other, and the move that ends a leak."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core.annotation import Split
from cvstudio.core.words import counted
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.one_step import ONE_STEP
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.dialogs import StudioDialog
from cvstudio.gui.widgets.image_view import ImageView
from cvstudio.gui.widgets.section import label
from cvstudio.project import queries
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord
from cvstudio.project.similarity import duplicates
from cvstudio.project.similarity.duplicates import Pair
from cvstudio.project.similarity.embedding import Found

_LONGEST = 800  # pixels of a picture that is read to be looked at


def show_pairs(
    parent: QWidget | None, studio: Studio, found: Found | None = None,
    pairs: Sequence[Pair] | None = None,
) -> None:  # fmt: skip
    """Let the person look at pairs, those that are known or else all that are found; `found` are
    the embeddings of a run that help to find them."""
    dialog = PairsDialog(parent, studio, found, pairs)
    dialog.exec()
    dialog.release()
    dialog.deleteLater()


class PairsDialog(StudioDialog):
    """A list of pairs, those across splits first; the two images of the one at hand."""

    def __init__(
        self, parent: QWidget | None, studio: Studio, found: Found | None,
        pairs: Sequence[Pair] | None,
    ) -> None:  # fmt: skip
        super().__init__(parent, "Near-duplicates", width=920, height=600)
        self.setObjectName("pairs")
        assert studio.project is not None  # its pages open this
        self._project: Project = studio.project
        self._studio = studio
        self.pairs: list[Pair] = []
        self._records: dict[int, ImageRecord] = {}
        self._finding = LatestWins(studio.tasks, owner=self, title="Look for near-duplicates")
        self._reading = (LatestWins(studio.tasks, owner=self), LatestWins(studio.tasks, owner=self))
        self._lay_out()
        self._show_buttons()
        if pairs is not None:
            self._take(list(pairs))
        else:
            self._find(found)

    def _lay_out(self) -> None:
        self.words = label("Looking for images that show the same …", "muted", wrap=True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.list = QListWidget()
        self.list.setAccessibleName("Pairs of images")
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFixedWidth(300)
        self.list.currentRowChanged.connect(self._show_pair)
        pictures = QHBoxLayout()
        pictures.setSpacing(12)
        self.views = (ImageView(), ImageView())
        self.captions = (label("", wrap=True), label("", wrap=True))
        for view, caption in zip(self.views, self.captions, strict=True):
            column = QVBoxLayout()
            column.setSpacing(4)
            column.addWidget(view, 1)
            column.addWidget(caption)
            pictures.addLayout(column, 1)
        self.reason = label("", "muted", wrap=True)
        right = QVBoxLayout()
        right.addLayout(pictures, 1)
        right.addWidget(self.reason)
        both = QWidget()
        across = QHBoxLayout(both)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(16)
        across.addWidget(self.list)
        across.addLayout(right, 1)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.words)
        self.stack.addWidget(both)
        self.content.addWidget(self.stack, 1)
        self.close_button = self.add_button("Close", self.reject)
        self.data = self.add_button("Show on Data", self._show_on_data)
        self.one = self.add_button("Move this pair", self._move_one)
        self.all = self.add_button("Move all", self._move_all, next=True)
        self.one.setToolTip("Put both images into one split: train if one is there, else val")
        self.all.setToolTip("Put every pair that is across splits into one")

    def release(self) -> None:
        """The dialog is over: what is still looked for is not wanted."""
        for work in (self._finding, *self._reading):
            work.drop()

    # -- finding

    def _find(self, found: Found | None) -> None:
        def work(control: Control) -> list[Pair] | None:
            embeddings = found.read() if found is not None else None
            return duplicates.find(self._project, embeddings, cancelled=control.cancelled)

        self._finding.request(work, lambda pairs: self._take(pairs or []), self._not_found)

    def _not_found(self, error: BaseException) -> None:
        self.words.setText("They cannot be looked for.")
        self._studio.fail(error, doing="Look for near-duplicates")

    def _take(self, pairs: list[Pair]) -> None:
        self.pairs = sorted(pairs, key=lambda pair: not pair.leaks)  # stable: the surest first
        ids = {image for pair in pairs for image in (pair.first, pair.second)}
        with self._project.read() as s:
            self._records = {record.id: record for record in queries.images(s, sorted(ids))}
        self.list.clear()
        for pair in self.pairs:
            QListWidgetItem(self._line(pair), self.list)
        if not self.pairs:
            self.words.setText("No two images show the same.")
        self.stack.setCurrentIndex(1 if self.pairs else 0)
        self._show_buttons()
        if self.pairs:
            self.list.setCurrentRow(0)
            self.list.setFocus()

    def _line(self, pair: Pair) -> str:
        names = " and ".join(
            self._records[i].title if i in self._records else "?" for i in (pair.first, pair.second)
        )
        splits = " and ".join(dict.fromkeys(_split(split) for split in pair.splits))
        return f"{names}\n{splits}"

    def _show_buttons(self) -> None:
        leaks = [pair for pair in self.pairs if pair.leaks]
        many = counted(len(duplicates.moves(leaks)), "image")
        self.all.setText(f"Move {many} into one split" if leaks else "Nothing to move")
        self.all.setEnabled(bool(leaks) and self._project.writable)
        self.data.setEnabled(bool(self.pairs))
        if self.pairs:
            many = counted(len(self.pairs), "pair")
            said = f"{many}, {len(leaks):,} of them in different splits."
            self.note(f"{said} {ONE_STEP}" if leaks else f"{many}, each in one split.")
        else:
            self.note("")
        self._show_one_button()

    def _show_one_button(self) -> None:
        pair = self._at_hand
        self.one.setEnabled(pair is not None and pair.leaks and self._project.writable)

    # -- the pair at hand

    @property
    def _at_hand(self) -> Pair | None:
        row = self.list.currentRow()
        return self.pairs[row] if 0 <= row < len(self.pairs) else None

    def _show_pair(self, _row: int) -> None:
        pair = self._at_hand
        self._show_one_button()
        if pair is None:
            return
        self.reason.setText(f"{pair.reason}.")
        images = pair.first, pair.second
        parts = zip(images, pair.splits, self.views, self.captions, self._reading, strict=True)
        for image, split, view, caption, latest in parts:
            record = self._records.get(image)
            view.set_image(None)
            if record is None:
                view.set_words("It has been removed from the project.")
                continue
            size = record.width, record.height
            caption.setText(f"{record.title} · {size[0]} × {size[1]} · {_split(split)}")
            view.setAccessibleName(caption.text())
            view.read(
                latest, self._project.image_path(record), record.page, size=size, side=_LONGEST,
                came=view.update,
            )  # fmt: skip

    # -- what is done about it

    def _move_one(self) -> None:
        pair = self._at_hand
        if pair is not None:
            self._move([pair])

    def _move_all(self) -> None:
        self._move([pair for pair in self.pairs if pair.leaks])

    def _move(self, pairs: Sequence[Pair]) -> None:
        row = self.list.currentRow()
        moved = duplicates.separate(self._project, pairs, source=self)
        if moved:
            many = counted(len(moved), "image")
            self._studio.toast(f"{many} moved, so that no pair is in two splits", level="success")
        with self._project.read() as s:
            now = {r.id: r.split for r in queries.images(s, sorted(self._records))}
        self._take([duplicates.as_of_now(pair, now) for pair in self.pairs])
        self.list.setCurrentRow(min(row, len(self.pairs) - 1))

    def _show_on_data(self) -> None:
        ids = dict.fromkeys(i for pair in self.pairs for i in (pair.first, pair.second))
        self.accept()
        self._studio.go_to("data", ids=list(ids), words="near-duplicates, pair by pair")


def _split(split: Split | None) -> str:
    return str(split) if split else "no split"

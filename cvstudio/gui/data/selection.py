"""The tab Selection: the one selected image looked at closely, or many in figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core.annotation import LabelClass
from cvstudio.core.words import size_words
from cvstudio.gui import theme
from cvstudio.gui.data.filters import REVIEW_WORDS, SPLIT_WORDS
from cvstudio.gui.read_only import Follow
from cvstudio.gui.studio import Studio
from cvstudio.gui.widgets.bar_chart import ClassBars
from cvstudio.gui.widgets.image_view import ImageView
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.overlay import overlay_items
from cvstudio.gui.widgets.section import SectionHeader, label, push
from cvstudio.project import queries, selected, skeletons
from cvstudio.project.records import ImageRecord
from cvstudio.project.selected import SelectedFigures


class SelectionPanel(QWidget):
    """Follows studio.selection; `annotation_count` is what the status bar says."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.annotation_count = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        self.title = SectionHeader("Nothing selected")
        column.addWidget(self.title)
        self._hint = label("Click an image; Ctrl and Shift select several.", "caption", wrap=True)
        self._hint.setContentsMargins(16, 0, 16, 0)
        column.addWidget(self._hint)
        self.view = ImageView()
        self.view.setFixedHeight(200)
        frame = QHBoxLayout()
        frame.setContentsMargins(16, 0, 16, 0)
        frame.addWidget(self.view)
        column.addLayout(frame)
        self._facts = QWidget()
        self._grid = QGridLayout(self._facts)
        self._grid.setContentsMargins(16, 8, 16, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        column.addWidget(self._facts)
        self._classes = SectionHeader("Annotations")
        column.addWidget(self._classes)
        self.bars = ClassBars()
        bars = QHBoxLayout()
        bars.setContentsMargins(16, 0, 12, 0)
        bars.addWidget(self.bars)
        column.addLayout(bars)
        self._buttons = QFrame()
        row = QVBoxLayout(self._buttons)  # side by side they are wider than a narrow panel
        row.setContentsMargins(16, 12, 16, 0)
        row.setSpacing(8)
        trigger = studio.actions.trigger
        self.open = push("Open in Label", lambda: trigger("data.open"), small=True)
        self.reviewed = push("Mark as reviewed", lambda: trigger("data.mark_reviewed"), small=True)
        for button, action in ((self.open, "data.open"), (self.reviewed, "data.mark_reviewed")):
            Follow(button, studio.actions[action])
            row.addWidget(button)
        column.addWidget(self._buttons)
        column.addStretch(1)
        studio.thumbnails.ready.connect(self._picture_came)
        self._shown: ImageRecord | None = None
        self.refresh()

    def _picture_came(self, image_ids: Collection[int]) -> None:
        record = self._shown
        if record is not None and record.id in image_ids:
            self._show_picture(record)

    def _show_picture(self, record: ImageRecord) -> None:
        """The small picture, which may come a moment later, or why there is none."""
        thumbnails = self._studio.thumbnails
        picture = thumbnails.picture(record)
        self.view.set_image(picture, size=(record.width, record.height))
        self.view.set_words("" if picture else thumbnails.failure(record.id) or "Reading …")

    def refresh(self) -> None:
        """Show the selection as it is now."""
        ids, project = self._studio.selection, self._studio.project
        for part in (self.view, self._facts, self._classes, self.bars, self._buttons):
            part.setVisible(bool(ids))
        self._hint.setVisible(not ids)
        self.annotation_count = 0
        self._shown = None
        if not ids or project is None:
            self.title.title.setText("Nothing selected")
            return
        with project.read() as session:
            classes = queries.classes(session)
            figures = selected.figures(session, ids)
            records = queries.images(session, ids) if len(ids) == 1 else []
            found = queries.annotations_of(session, [r.id for r in records])
            bones = skeletons.skeletons(session)
        self.annotation_count = sum(figures.classes.values())
        self._classes.figure.setText(f"{self.annotation_count:,}")
        self._show_classes(classes, figures.classes)
        if not records:
            self._show_many(len(ids), figures)
            return
        self._shown = records[0]
        self._show_one(records[0], tuple(figures.tags))
        self._show_picture(records[0])
        self.view.set_items(overlay_items(found[records[0].id], classes, bones))

    def _show_classes(self, classes: Sequence[LabelClass], counts: Mapping[int, int]) -> None:
        rows = [(c.name, c.colour, counts[c.id]) for c in classes if c.id in counts]
        self.bars.show_counts(rows)
        self._classes.setVisible(bool(rows))

    def _show_one(self, record: ImageRecord, tags: Sequence[str]) -> None:
        self.title.title.setText(record.title)
        self.title.setToolTip(record.uri)
        depth = f", {record.bit_depth} bit" if record.bit_depth != 8 else ""
        rows = [
            ("Size", f"{record.width:,} × {record.height:,} px{depth}, {size_words(record.size)}"),
            ("Folder", record.folder or "project folder"),
            ("Split", SPLIT_WORDS[record.split]),
            ("State", REVIEW_WORDS[record.review]),
        ]
        if tags:
            rows.append(("Tags", ", ".join(tags)))
        if record.group:
            rows.append(("Group", record.group))
        if record.problem:
            rows.append(("Problem", record.problem))
        self._fill(rows)

    def _show_many(self, count: int, of: SelectedFigures) -> None:
        self.title.title.setText(f"{count:,} images")
        self.view.hide()
        rows = [
            ("Split", ", ".join(f"{n:,} {SPLIT_WORDS[s]}" for s, n in of.splits.items())),
            ("State", ", ".join(f"{n:,} {REVIEW_WORDS[r]}" for r, n in of.reviews.items())),
        ]
        if of.tags:
            rows.append(("Tags", ", ".join(f"{n:,} {tag}" for tag, n in of.tags.items())))
        rows.append(("Files", size_words(of.size)))
        self._fill(rows)

    def _fill(self, rows: Sequence[tuple[str, str]]) -> None:
        empty(self._grid)
        for line, (name, text) in enumerate(rows):
            self._grid.addWidget(label(name, "caption"), line, 0, Qt.AlignmentFlag.AlignTop)
            words = label(text, wrap=True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            theme.mark(words, role="value")
            self._grid.addWidget(words, line, 1)

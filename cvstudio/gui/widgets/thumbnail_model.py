"""What the lists of thumbnails show: ids at once, records and outlines as they come into view.

    model = ThumbnailModel(studio.thumbnails)
    model.open(project); model.set_ids(ids)
    model.take(changes)          # after a ChangeSet: repaints what changed
Only what is visible is read from the database, so 100,000 images scroll like 100.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from cvstudio.core.annotation import LabelClass, State
from cvstudio.core.skeleton import Skeleton
from cvstudio.gui.thumbnails import Thumbnails
from cvstudio.gui.widgets.badges import Badge, badges_of
from cvstudio.gui.widgets.overlay import OverlayItem, has_masks, mask_layer, overlay_items
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.project import queries, skeletons
from cvstudio.project.changes import ChangeSet
from cvstudio.project.comments import open_counts
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord

_BLOCK = 64
_RECORDS_KEPT = 4096

Index = QModelIndex | QPersistentModelIndex
ID_ROLE = Qt.ItemDataRole.UserRole


class ThumbnailModel(QAbstractListModel):
    """Images by id; records and annotations come from the project in blocks, when painted."""

    def __init__(self, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.thumbnails = thumbnails
        self._project: Project | None = None
        self._ids: list[int] = []
        self._rows: dict[int, int] = {}
        self._records: OrderedDict[int, ImageRecord] = OrderedDict()
        self._items: dict[int, list[OverlayItem]] = {}
        self._image_classes: dict[int, list[LabelClass]] = {}
        self._layers: dict[int, QImage | None] = {}
        self._badges: dict[int, tuple[Badge, ...]] = {}
        self._classes: dict[int, LabelClass] = {}
        self._skeletons: dict[int, Skeleton] = {}
        self._generation = 0
        thumbnails.ready.connect(self._came)

    # -- what is shown

    def open(self, project: Project | None) -> None:
        """Show images of a project; None lets go of it."""
        self._project = project
        self._forget_all()
        self.set_ids([])

    def set_ids(self, ids: Sequence[int]) -> None:
        """Show these images in this order."""
        new = list(ids)
        if new == self._ids:
            return
        self.beginResetModel()
        self._ids = new
        self._rows = {image_id: row for row, image_id in enumerate(new)}
        self.endResetModel()

    @property
    def ids(self) -> list[int]:
        """All ids in their order; not to be changed."""
        return self._ids

    def row_of(self, image_id: int) -> int:
        """The row of an image, -1 when it is not shown."""
        return self._rows.get(image_id, -1)

    def take(self, changes: ChangeSet) -> None:
        """Repaint what a change touched. The order and the number of images are the caller's."""
        if changes.touches("label_class"):
            self._forget_all()
        images = changes.images()
        # What could not be read may be there again: its file was found, or is read anew.
        changed = self._ids if images is None else images
        self.thumbnails.try_again(changed)
        if images is None:
            self._forget_all()
        else:
            for image_id in images:
                self._forget(image_id)
        if self._ids:
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1))

    def _forget_all(self) -> None:
        self._generation += 1
        self._records.clear()
        self._items.clear()
        self._image_classes.clear()
        self._layers.clear()
        self._badges.clear()
        self._classes.clear()

    def _forget(self, image_id: int) -> None:
        self._generation += 1
        for cache in (
            self._records, self._items, self._image_classes, self._layers, self._badges,
        ):  # fmt: skip
            cache.pop(image_id, None)

    def _came(self, ids: list[int]) -> None:
        for image_id in ids:
            row = self._rows.get(image_id)
            if row is not None:
                index = self.index(row)
                self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])

    # -- for the delegate

    @property
    def generation(self) -> int:
        """Another number whenever something that was painted is not true any more."""
        return self._generation

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._ids)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._ids):
            return None
        if role == Qt.ItemDataRole.DisplayRole or role == Qt.ItemDataRole.AccessibleTextRole:
            record = self.record(index.row())
            return record.title if record else ""
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(index.row())
        if role == ID_ROLE:
            return self._ids[index.row()]
        return None

    def _tip(self, row: int) -> str:
        record = self.record(row)
        if record is None:
            return ""
        lines = [record.title, f"{record.width:,} × {record.height:,} px", str(record.review)]
        if found := self.image_classes(record.id):
            lines.insert(1, ", ".join(each.name for each in found))
        lines += [badge.words for badge in self.badges(record.id)]
        failure = record.problem or self.thumbnails.failure(record.id)
        return tip("\n".join([*lines, failure] if failure else lines))

    def record(self, row: int) -> ImageRecord | None:
        """The record of a row; reads the block around it when it is not known."""
        image_id = self._ids[row]
        found = self._records.get(image_id)
        if found is None:
            self._read_block(row)
            found = self._records.get(image_id)
        return found

    def items(self, image_id: int) -> list[OverlayItem]:
        """The shapes of an image whose record is known."""
        return self._items.get(image_id, [])

    def badges(self, image_id: int) -> tuple[Badge, ...]:
        """What is to be known of an image whose record is known, beside its review state."""
        return self._badges.get(image_id, ())

    def image_classes(self, image_id: int) -> list[LabelClass]:
        """The classes of the whole image, in projects that classify."""
        return self._image_classes.get(image_id, [])

    def layer(self, image_id: int) -> QImage | None:
        """The masks of an image as a picture; None when it has none, or while it is painted."""
        if image_id not in self._layers and has_masks(self.items(image_id)):
            self._layers[image_id] = None
            record = self._records[image_id]
            items = self.items(image_id)
            self.thumbnails.tasks.run(
                lambda _control: mask_layer(items, record.width, record.height),
                done=lambda picture: self._layer_came(image_id, picture, items),
                owner=self,
            )
        return self._layers.get(image_id)

    def _layer_came(self, image_id: int, picture: QImage | None, items: list[OverlayItem]) -> None:
        if self._items.get(image_id) is items:  # else they were changed while this was painted
            self._layers[image_id] = picture
            self._came([image_id])

    def _read_block(self, row: int) -> None:
        if self._project is None:
            return
        start = row // _BLOCK * _BLOCK
        wanted = [i for i in self._ids[start : start + _BLOCK] if i not in self._records]
        with self._project.read() as session:
            if not self._classes:
                self._classes = {c.id: c for c in queries.classes(session)}
                self._skeletons = skeletons.skeletons(session)
            records = queries.images(session, wanted)
            annotations = queries.annotations_of(session, wanted)
            waiting = open_counts(session)
        for record in records:
            self._records[record.id] = record
            mine = annotations[record.id]
            self._items[record.id] = overlay_items(mine, self._classes, self._skeletons)
            self._image_classes.pop(record.id, None)
            self._badges[record.id] = badges_of(record, mine, waiting.get(record.id, 0))
            for annotation in mine:
                if annotation.shape is None and annotation.state == State.ACCEPTED:
                    found = self._image_classes.setdefault(record.id, [])
                    found.append(self._classes[annotation.class_id])
        while len(self._records) > _RECORDS_KEPT:
            old, _ = self._records.popitem(last=False)
            for cache in (self._items, self._image_classes, self._layers, self._badges):
                cache.pop(old, None)

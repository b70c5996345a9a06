"""What the network finds on four fixed val images, epoch by epoch, with a slider to look back."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QVBoxLayout, QWidget

from cvstudio.core import events
from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.config import read_config
from cvstudio.core.jobdir import JobDir
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Prediction, read_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.snapshot import SnapshotImage, read_snapshot
from cvstudio.core.strokes import Stroke, strokes_of
from cvstudio.core.words import percent
from cvstudio.gui import theme
from cvstudio.gui.latest_wins import LatestWins
from cvstudio.gui.studio import Studio
from cvstudio.gui.train.film import FilmStrip, thumbnail
from cvstudio.gui.widgets.section import label
from cvstudio.imaging.decode import read_rgb

SCORE = 0.25
"""Objects below this score are not drawn."""

PIXELS = 640
"""Longest side of a kept picture."""

FILL = 0.35

FILM_AT_ONCE = 4
"""Small pictures that are painted before they are shown."""


@dataclass(frozen=True)
class Answer:
    """One image as it is shown: its picture with regions painted, boxes in 0 .. 1, its words."""

    name: str
    words: str
    picture: NDArray[np.uint8]
    boxes: tuple[tuple[float, float, float, float, str], ...]


class Album:
    """The pictures of a run's val images; read and painted in threads."""

    def __init__(self, job: JobDir) -> None:
        self.job = job
        self._images: Mapping[int, SnapshotImage] = {}
        self._classes: Mapping[int, LabelClass] = {}
        self._task = Task.DETECT
        self._skeletons: Mapping[int, Skeleton] = {}
        self._several = False
        self._pictures: dict[int, NDArray[np.uint8]] = {}
        self._lock = threading.Lock()

    def answers(self, file: str) -> list[Answer]:
        """The answers in one of the run's files. Raises CVStudioError or OSError."""
        with self._lock:
            return self._answers(file)

    def _answers(self, file: str) -> list[Answer]:
        if not self._images:
            snapshot = read_snapshot(self.job.snapshot)
            self._classes = {c.id: c for c in snapshot.classes}
            self._images = {image.id: image for image in snapshot.images}
            self._task, self._skeletons = snapshot.task, snapshot.skeletons
            config = read_config(self.job.config)
            self._several = isinstance(config, TrainConfig) and config.several_classes
        found = read_predictions(self.job.path / file)
        return [self._answer(prediction) for prediction in found]

    def _scored(self, scores: dict[int, float]) -> str:
        """The likeliest class; where images may have several, all that are likelier than not."""
        order = sorted(scores, key=lambda each: -scores[each])
        if not self._several:
            order = order[:1]
        named = [f"{self._classes[each].name} {percent(scores[each])}" for each in order
            if scores[each] >= 0.5 or not self._several]  # fmt: skip
        return ", ".join(named) or "no class"

    def _answer(self, prediction: Prediction) -> Answer:
        image = self._images[prediction.image_id]
        picture = self._picture(image)
        name = Path(image.path).stem
        if prediction.scores is not None:
            return Answer(name, self._scored(prediction.scores), picture, ())
        if prediction.regions is not None:
            for class_id, mask in prediction.regions.items():
                area = (mask.x, mask.y, mask.patch())
                picture = self._painted(picture, image, area, self._classes[class_id].colour)
            count = len(prediction.regions)
            words = f"{count} class" + ("" if count == 1 else "es")
            return Answer(name, words, picture, ())
        objects = [found for found in prediction.objects if found.score >= SCORE]
        boxes = []
        for found in objects:
            colour = self._classes[found.class_id].colour
            box = found.box
            strokes = strokes_of(found.shape, self._skeletons.get(found.class_id))
            if strokes:
                picture = _drawn(picture, image, strokes, colour)
                continue
            boxes.append(
                (
                    box.x / image.width,
                    box.y / image.height,
                    box.w / image.width,
                    box.h / image.height,
                    colour,
                )
            )
            if found.mask is not None:
                area = (found.mask.x, found.mask.y, found.mask.patch())
                picture = self._painted(picture, image, area, colour)
        shown = tuple(boxes) if self._task is Task.DETECT else ()
        return Answer(name, f"{len(objects)} found", picture, shown)

    def _picture(self, image: SnapshotImage) -> NDArray[np.uint8]:
        if image.id not in self._pictures:
            rgb = read_rgb(image.path, image.page, image.window)
            share = min(1.0, PIXELS / max(rgb.shape[:2]))
            size = (max(1, round(rgb.shape[1] * share)), max(1, round(rgb.shape[0] * share)))
            small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
            self._pictures[image.id] = np.ascontiguousarray(small, np.uint8)
        return self._pictures[image.id]

    def _painted(
        self,
        picture: NDArray[np.uint8],
        image: SnapshotImage,
        area: tuple[int, int, NDArray[np.uint8]],
        colour: str,
    ) -> NDArray[np.uint8]:
        """The picture with a mask's patch laid over it, outlined in the class's colour."""
        x, y, patch = area
        high, wide = picture.shape[:2]
        sx, sy = wide / image.width, high / image.height
        left, top = round(x * sx), round(y * sy)
        size = (
            max(1, min(wide - left, round(patch.shape[1] * sx))),
            max(1, min(high - top, round(patch.shape[0] * sy))),
        )
        small = cv2.resize(patch.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        result = picture.copy()
        part = result[top : top + size[1], left : left + size[0]]
        inside = small[: part.shape[0], : part.shape[1]] > 0
        tint = np.array(_rgb(colour), np.float32)
        part[inside] = (part[inside] * (1 - FILL) + tint * FILL).astype(np.uint8)
        outlines, _ = cv2.findContours(
            inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE
        )
        offset = (left, top)
        cv2.drawContours(result, outlines, -1, tint.tolist(), 1, cv2.LINE_AA, offset=offset)
        return result


def _drawn(
    picture: NDArray[np.uint8], image: SnapshotImage, strokes: Sequence[Stroke], colour: str
) -> NDArray[np.uint8]:
    """The picture with lines and dots, given in pixels of the image, drawn over it."""
    result = picture.copy()
    high, wide = picture.shape[:2]
    scale = (wide / image.width, high / image.height)
    tint = [float(value) for value in _rgb(colour)]
    for stroke in strokes:
        # In sixteenths of a pixel, from whose middle OpenCV counts.
        points = np.round((np.array(stroke) * scale - 0.5) * 16).astype(np.int32)
        if len(points) > 1:
            cv2.polylines(result, [points], False, tint, 1, cv2.LINE_AA, shift=4)
        else:
            cv2.circle(result, tuple(points[0].tolist()), 32, tint, -1, cv2.LINE_AA, shift=4)
    return result


class SampleTile(QWidget):
    """One picture with its boxes, its name and its words below. `pressed()`: it was clicked."""

    pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._chosen = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Show this image in the strip over the epochs")
        self._answer: Answer | None = None
        self._image = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(150)

    def set_answer(self, answer: Answer | None) -> None:
        """Show an answer, or nothing."""
        self._answer = answer
        if answer is not None:
            rgb = np.ascontiguousarray(answer.picture)
            high, wide = rgb.shape[:2]
            kind = QImage.Format.Format_RGB888
            self._image = QImage(rgb.data, wide, high, 3 * wide, kind).copy()
            self.setAccessibleName(f"{answer.name}: {answer.words}")
        self.update()

    def set_chosen(self, on: bool) -> None:
        """Whether the strip shows this image."""
        self._chosen = on
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(170, 150)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._answer is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        room = QRectF(0, 0, self.width(), self.height() - 20)
        size = self._image.size().scaled(room.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        area = QRectF(0, 0, size.width(), size.height())
        painter.fillRect(room, theme.colour("canvas"))
        area.moveCenter(room.center())
        painter.drawImage(area, self._image)
        for x, y, w, h, colour in self._answer.boxes:
            pen = QPen(QColor(colour), 1)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawRect(
                QRectF(
                    area.x() + x * area.width(),
                    area.y() + y * area.height(),
                    w * area.width(),
                    h * area.height(),
                )
            )
        if self._chosen:
            painter.setPen(QPen(theme.colour("link"), 2))
            painter.drawRect(room.adjusted(1, 1, -1, -1))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.colour("muted"))
        below = QRectF(0, self.height() - 18, self.width(), 18)
        words = painter.fontMetrics().horizontalAdvance(self._answer.words)
        name = painter.fontMetrics().elidedText(
            self._answer.name, Qt.TextElideMode.ElideMiddle, int(below.width() - words - 8)
        )
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(below, right, self._answer.words)


class SampleStrip(QWidget):
    """Predictions on four val images with the slider over the epochs; newest unless moved back.

    Below them one of the images over all epochs, as a film that can be scrubbed.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._latest = LatestWins(studio.tasks, owner=self)
        self._studio = studio
        self._album: Album | None = None
        self._files: list[events.Samples] = []
        self._follows = True
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        head = QHBoxLayout()
        self.title = label("Predictions on four val images", "section")
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(label("epoch", "muted"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setFixedWidth(160)
        self.slider.setAccessibleName("Epoch of the predictions")
        self.slider.valueChanged.connect(self._moved)
        head.addWidget(self.slider)
        self.epoch = label("", "strong")
        self.epoch.setMinimumWidth(24)
        head.addWidget(self.epoch)
        column.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.tiles = [SampleTile() for _ in range(4)]
        for tile in self.tiles:
            row.addWidget(tile, 1)
        column.addLayout(row)
        self.film = FilmStrip()
        self.film.chosen.connect(self.slider.setValue)
        self.film.needed.connect(self._fill_film)
        column.addWidget(self.film)
        self._image = 0
        self._film_works = LatestWins(studio.tasks, owner=self)
        for place, tile in enumerate(self.tiles):
            tile.pressed.connect(partial(self.choose_image, place))
        self.hide()

    def choose_image(self, place: int) -> None:
        """Show another of the images in the film."""
        if place != self._image:
            self._image = place
            self._mark_image()
            self._film_works.drop()
            self.film.forget_pictures()

    def _mark_image(self) -> None:
        alone = len(self._files) < 2
        for place, tile in enumerate(self.tiles):
            tile.set_chosen(place == self._image and not alone)
        self.film.setVisible(not alone)

    def _fill_film(self) -> None:
        """Paint what the film misses, some pictures at a time."""
        album, image = self._album, self._image
        wanted = [self._files[place] for place in self.film.missing[:FILM_AT_ONCE]]
        if album is None or not wanted or self._film_works.busy:
            return

        def paint(control: Any) -> dict[int, QImage]:
            pictures = {}
            for samples in wanted:
                control.check()
                answers = album.answers(samples.file)
                if image < len(answers):
                    found = answers[image]
                    pictures[samples.epoch] = thumbnail(found.picture, found.boxes)
            return pictures

        def painted(pictures: dict[int, QImage]) -> None:
            self.film.add_pictures(pictures)
            if pictures:
                self._fill_film()

        self._film_works.request(paint, painted, failed=self._lost)

    def open(self, job: JobDir | None) -> None:
        """Show another run, or none."""
        self._latest.drop()
        self._film_works.drop()
        self._image = 0
        self.film.clear()
        self._album = Album(job) if job is not None else None
        self._files, self._follows = [], True
        for tile in self.tiles:
            tile.set_answer(None)
        self.hide()

    def set_samples(self, files: Sequence[events.Samples]) -> None:
        """The epochs for which there are predictions."""
        if len(files) == len(self._files):
            return
        self._files = list(files)
        self.setVisible(bool(files))
        if not files:
            return
        self.slider.blockSignals(True)
        self.slider.setRange(0, len(files) - 1)
        if self._follows:
            self.slider.setValue(len(files) - 1)
        self.slider.blockSignals(False)
        self._mark_image()
        self.film.set_epochs([samples.epoch for samples in files])
        self.film.set_current(self.slider.value())
        if self._follows:
            self._request()

    def _moved(self, value: int) -> None:
        self._follows = value == self.slider.maximum()
        self.film.set_current(value)
        self._request()

    def _request(self) -> None:
        album = self._album
        if album is None or not self._files:
            return
        chosen = self._files[self.slider.value()]
        self.epoch.setText(str(chosen.epoch))
        self._latest.request(
            lambda _control: album.answers(chosen.file), self._show, failed=self._lost
        )

    def _lost(self, error: BaseException) -> None:
        self.title.setText("Predictions on val images")
        self.title.setToolTip(f"They cannot be shown: {error}")
        for tile in self.tiles:
            tile.set_answer(None)

    def _show(self, answers: list[Answer]) -> None:
        count = {1: "one val image", 2: "two val images", 3: "three val images"}
        many = count.get(len(answers), "four val images")
        self.title.setText(f"Predictions on {many}")
        for place, tile in enumerate(self.tiles):
            tile.set_answer(answers[place] if place < len(answers) else None)
            tile.setVisible(place < len(answers))


def _rgb(colour: str) -> tuple[int, int, int]:
    found = QColor(colour)
    return found.red(), found.green(), found.blue()

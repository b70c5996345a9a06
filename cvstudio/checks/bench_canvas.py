"""How long the canvas takes for a dab of the brush, a step of panning and a step of zooming.

The real Document, Canvas and tools on a real project, 1600 x 900, painted offscreen; every figure
includes the redraw. The floor is a plain copy of a viewport's pixels in the same run. Times are
those of the window's thread on the processor, so that other work on the machine does not count.
"""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from cvstudio.checks.figures import Figure, ratio_of_pairs
from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Polygon
from cvstudio.core.masks import Mask
from cvstudio.imaging.tiles import Pyramid
from cvstudio.project import commands, rows
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

FRAME = 16.0  # ms: sixty frames a second
_VIEW = (1600, 900)
_POINTS = 40
_MASKS_MEMORY = 50.0  # MB
_MOST_OF_BARE = 2.0  # outlines at full detail with nothing around them


def canvas(*, quick: bool = False) -> list[Figure]:
    """All figures in milliseconds; `quick` takes small images, to try the benchmark itself."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from cvstudio.gui.app import make_application

    make_application()
    small, large, polygons = (1024, 2048, 600) if quick else (4096, 12_000, 5_000)
    floor = _blit()
    figures = [Figure("a copy of the viewport (the floor)", floor, "ms")]
    for side in (small, large):
        with opened(side) as bench:
            figures += bench.moves(floor)
            figures += bench.brush(floor)
    with opened(7168 if not quick else small, polygons=polygons) as bench:
        figures += bench.many(polygons, floor)
    figures.append(masks_memory(60 if quick else 300, small))
    return figures


def masks_memory(count: int, side: int) -> Figure:
    """What the masks of an image take beyond the image itself, once they have all been seen."""
    process = psutil.Process()
    with opened(side) as bench:
        bench.look_around()
        before = process.memory_full_info().uss
        bench.add_masks(count)
        bench.look_around()
        grown = (process.memory_full_info().uss - before) / 1e6
    name = f"memory of {count} masks at {side}², beyond the image"
    return Figure(name, grown, "MB", limit=_MASKS_MEMORY, detail="seen whole and at 100 %")


@contextmanager
def opened(side: int, *, polygons: int = 0) -> Iterator[CanvasBench]:
    """The real canvas on a project with one image of that side, and polygons on it."""
    from cvstudio.gui.label.canvas import Canvas
    from cvstudio.gui.label.document import Document
    from cvstudio.gui.studio import Studio

    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as folder:
        project = Project.create(
            Path(folder) / "p", task=Task.INSTANCE, classes=("Cell", "Nucleus", "Other")
        )
        with project.transaction("Fill") as session:
            commands.add_images(session, [NewImage(uri="none.png", width=side, height=side)])
            _add_polygons(session, polygons, side)
        studio = Studio()
        studio.adopt(project)
        document = Document(studio)
        studio.project_changed.connect(document.take_in)
        view = Canvas(document)
        view.resize(*_VIEW)
        view.show()
        document.open(1)
        pyramid = Pyramid(_image(side))
        pyramid.build()
        view.tiles.show(pyramid, document.size)
        try:
            yield CanvasBench(view, side)
        finally:
            studio.project_changed.disconnect(document.take_in)
            view.close()
            view.deleteLater()
            studio.close()
            _process()


class CanvasBench:
    """A canvas with an image of `side` pixels, and what can be done on it."""

    def __init__(self, view: Any, side: int) -> None:
        self.view = view
        self._side = side

    def look_around(self) -> None:
        """Paint the whole image, and all of it at 100 %."""
        self.view.fit()
        _process()
        self.view.zoom_to(1.0)
        for y in range(0, self._side, _VIEW[1]):
            for x in range(0, self._side, _VIEW[0]):
                corner = self.view.to_screen(x, y)
                self.view.pan(-corner.x(), -corner.y())
                _process()
        gc.collect()

    def add_masks(self, count: int) -> None:
        """Round masks side by side, which cover most of the image."""
        new = []
        for place, (patch, left, top) in enumerate(round_masks(count, self._side)):
            mask = Mask.from_patch(patch, left, top)
            assert mask is not None
            new.append(
                commands.annotation_row(
                    image_id=1, class_id=place % 3 + 1, shape=mask, width=self._side,
                    height=self._side, z=place,
                )
            )  # fmt: skip
        with self.view.document.project.transaction("Fill") as session:
            rows.add(session, "annotation", commands.ANNOTATION_COLUMNS, new)
        _process()

    def brush(self, floor: float) -> list[Figure]:
        """One dab of 36 px with its redraw, while a stroke goes on."""
        from cvstudio.gui.label.tools.base import Pointer
        from cvstudio.gui.label.tools.brush import BrushTool
        from cvstudio.gui.label.tools.brush_settings import BrushSettings

        figures = []
        tool = BrushTool(self.view.document, self.view, BrushSettings(fill_holes=False))
        self.view.set_tool(tool)
        for words, size, scale in (
            ("the whole image in view", 36, 0.0),
            ("100 %", 36, 1.0),
            ("the whole image in view, radius 100", 200, 0.0),
            ("100 %, radius 100", 200, 1.0),
            ("100 %, brush of 400 px", 400, 1.0),
        ):
            tool.settings.size = size
            self.view.fit() if not scale else self.view.zoom_to(scale)
            _process()
            seen = self.view.visible()
            left, top = max(seen.left(), 0) + size, max(seen.top(), 0) + size
            tool.press(Pointer(left, top))
            _process()
            across = min(seen.width(), self._side) - 2 * size
            step = max(across / 120, 1.0)

            def dab(index: int, left: float = left, top: float = top, step: float = step) -> None:
                tool.move(Pointer(left + index * step, top + index * step / 4), held=True)

            values = _times(dab, 100)
            tool.release(Pointer(left, top))
            name = f"brush dab on {self._side}², {words}"
            figures.append(_figure(name, values, floor))
        return figures

    def moves(self, floor: float) -> list[Figure]:
        """Panning at 100 %, and zooming in from the whole image."""
        self.view.zoom_to(1.0)
        _process()
        pans = _times(lambda index: self.view.pan(-9 if index % 40 < 20 else 9, -5), 60)
        self.view.fit()
        _process()
        zooms = _times(lambda index: self.view.zoom_by(1 if index < 24 else -1), 48)
        return [
            _figure(f"panning {self._side}² at 100 %", pans, floor),
            _figure(f"zooming {self._side}²", zooms, floor),
        ]

    def many(self, count: int, floor: float) -> list[Figure]:
        """Panning over many polygons, in turns with drawing their bare outlines."""
        figures = []
        for words, scale, fill in (
            ("all in view", 0.0, 0.0), ("all filled", 0.0, 0.25), ("100 %", 1.0, 0.25),
        ):  # fmt: skip
            self.view.shapes.shape_fill = fill
            self.view.fit() if not scale else self.view.zoom_to(scale)
            _process()
            bare = self._bare_outlines()
            shown = self.view.shapes.count_in_view()
            ours, peers = [], []
            for index in range(40):
                start = time.thread_time()
                self.view.pan(7 if index % 8 < 4 else -7, 3 if index % 2 else -3)
                _process()
                ours.append((time.thread_time() - start) * 1000)
                start = time.thread_time()
                bare()
                peers.append((time.thread_time() - start) * 1000)
            name = f"panning {count:,} polygons of {_POINTS} points, {words} ({shown:,})"
            figures.append(_figure(name, ours, floor))
            if not scale and not fill:  # close by, the tiles take more than the few outlines
                ratio = ratio_of_pairs(ours, peers)
                detail = f"bare outlines {statistics.median(peers):.1f} ms"
                name = f"{name}, against bare outlines"
                figures.append(Figure(name, ratio, "×", limit=_MOST_OF_BARE, detail=detail))
        return figures

    def _bare_outlines(self) -> Callable[[], None]:
        """Draws the outlines in view at full detail with QPainter, and nothing else."""
        from PySide6.QtCore import QRectF
        from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform

        shapes, scale = self.view.shapes, self.view.scale
        seen: QRectF = self.view.visible()
        rings = [
            ring
            for row, annotation in enumerate(shapes.layer.annotations)
            if seen.intersects(QRectF(*(getattr(annotation.box, side) for side in "xywh")))
            for ring in shapes.outline_of(row).polygons(1)
        ]
        target = QImage(*_VIEW, QImage.Format.Format_RGB32)
        corner = self.view.to_screen(0, 0)

        def draw() -> None:
            painter = QPainter(target)
            painter.setTransform(QTransform(scale, 0, 0, scale, corner.x(), corner.y()))
            pen = QPen(QColor("#F73C62"), 1)
            pen.setCosmetic(True)
            painter.setPen(pen)
            for ring in rings:
                painter.drawPolygon(ring)
            painter.end()

        return draw


def _figure(name: str, values: list[float], floor: float) -> Figure:
    middle = statistics.median(values)
    worst = sorted(values)[int(len(values) * 0.99)]
    detail = f"{middle / floor:.1f} times the floor; slowest of 100: {worst:.1f} ms"
    return Figure(name, middle, "ms", limit=FRAME, detail=detail)


def _times(step: Callable[[int], object], count: int) -> list[float]:
    """Milliseconds of each step with everything that it makes Qt draw."""
    result = []
    for index in range(count):
        start = time.thread_time()
        step(index)
        _process()
        result.append((time.thread_time() - start) * 1000)
    return result


def _process() -> None:
    from PySide6.QtWidgets import QApplication

    QApplication.processEvents()


def _blit() -> float:
    """Milliseconds to copy one viewport's pixels into another image with QPainter."""
    from PySide6.QtGui import QImage, QPainter

    source = QImage(*_VIEW, QImage.Format.Format_RGB32)
    target = QImage(*_VIEW, QImage.Format.Format_RGB32)
    source.fill(0x808080)

    def copy() -> None:
        painter = QPainter(target)
        painter.drawImage(0, 0, source)
        painter.end()

    values = []
    for _ in range(50):
        start = time.thread_time()
        copy()
        values.append((time.thread_time() - start) * 1000)
    return statistics.median(values)


def _image(side: int) -> NDArray[np.uint8]:
    """A picture without large even areas, from one repeated noisy square."""
    square = np.random.default_rng(0).integers(40, 220, (512, 512, 3), np.uint8)
    times = -(-side // 512)
    return np.ascontiguousarray(np.tile(square, (times, times, 1))[:side, :side])


def rings(count: int, side: int) -> Iterator[NDArray[np.float64]]:
    """Wavy outlines of 40 points each, (40, 2) in pixels, all over an image of that side."""
    generator = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    for place in range(count):
        x, y = generator.uniform(80, side - 80, 2)
        radius = generator.uniform(20, 60) * (1 + 0.1 * np.sin(5 * angles + place))
        yield np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)


def round_masks(count: int, side: int) -> Iterator[tuple[NDArray[np.uint8], int, int]]:
    """Discs side by side as (patch of zeros and ones, left, top); no two are alike."""
    across = int(np.ceil(np.sqrt(count)))
    pitch = side / across
    radius = int(pitch * 0.48)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    patch = (x * x + y * y <= radius * radius).astype(np.uint8)
    for place in range(count):
        left = int((place % across + 0.5) * pitch) - radius
        top = int((place // across + 0.5) * pitch) - radius
        marked = patch.copy()
        marked[radius + place // 20, radius + place % 20] = 0
        yield marked, left, top


def _add_polygons(session: Any, count: int, side: int) -> None:
    new = [
        commands.annotation_row(
            image_id=1, class_id=place % 3 + 1, shape=Polygon.simple(ring), width=side,
            height=side, z=place,
        )
        for place, ring in enumerate(rings(count, side))
    ]  # fmt: skip
    rows.add(session, "annotation", commands.ANNOTATION_COLUMNS, new)

"""A frame of panning and zooming the map of images, beside pyqtgraph's scatter in the same run.

Both are 1200 x 800, drawn offscreen without a graphics card, with as many colours as there are
classes. Times are those of the window's thread on the processor, so that other work on the machine
does not count.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cvstudio.checks.figures import Figure, ratio_of_pairs

FRAME = 1000 / 60  # ms
_VIEW = (1200, 800)
_MOST_OF_PEER = 1.0
_CLASSES = ("#F73C62", "#688BF6", "#0C8486", "#FDC432", "#F9B5FE")


def map_frames(*, quick: bool = False) -> list[Figure]:
    """The figures in milliseconds of the processor; `quick` takes fewer points and frames."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from cvstudio.gui.app import make_application

    application = make_application()
    count, frames = (10_000, 5) if quick else (100_000, 25)
    points, classes = _points(count)
    pan, zoom = _own(points, classes)
    theirs = _peer(points, classes)
    ours, zooms, peers = [], [], []
    for step in range(frames + 2):
        ours.append(_spent(pan, _step(step)))
        zooms.append(_spent(zoom, 1.1 if step % 2 else 1 / 1.1))
        peers.append(_spent(theirs, _step(step)))
        application.processEvents()
    ours, zooms, peers = ours[2:], zooms[2:], peers[2:]  # the first ones make what is kept
    own, peer = statistics.median(ours), statistics.median(peers)
    return [
        Figure(f"a frame of panning {count:,} points", own, "ms", limit=FRAME),
        Figure(f"a frame of zooming {count:,} points", statistics.median(zooms), "ms", limit=FRAME),
        Figure("the same by pyqtgraph's scatter (the peer)", peer, "ms"),
        Figure("panning against the peer", ratio_of_pairs(ours, peers), "", limit=_MOST_OF_PEER),
    ]  # fmt: skip


def _step(step: int) -> float:
    """Pixels to the side: there and back, so that the points stay in view."""
    return 7.0 if step % 4 < 2 else -7.0


def _points(count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Clouds as a projection has them, in -1 .. 1, with their classes."""
    random = np.random.default_rng(0)
    classes = random.integers(0, len(_CLASSES), count)
    middles = random.uniform(-0.7, 0.7, (len(_CLASSES), 2))
    points = middles[classes] + random.normal(0, 0.13, (count, 2))
    return np.clip(points, -1, 1).astype(np.float32), classes


def _spent(work: Callable[[float], object], by: float) -> float:
    start = time.thread_time()
    work(by)
    return 1000 * (time.thread_time() - start)


def _own(
    points: NDArray[np.float32], classes: NDArray[np.int64]
) -> tuple[Callable[[float], object], Callable[[float], object]]:
    from PySide6.QtGui import QColor

    from cvstudio.gui.analyze.map_view.canvas import MapCanvas

    canvas = MapCanvas()
    canvas.resize(*_VIEW)
    canvas.show()
    canvas.show_points(points)
    table = np.array([QColor(name).rgb() for name in _CLASSES], np.uint32)
    canvas.show_colours(table[classes], np.ones(len(points), np.bool_))

    def pan(pixels: float) -> object:
        canvas.pan(pixels, 0)
        return canvas.grab()

    def zoom(factor: float) -> object:
        canvas.zoom_at(factor)
        return canvas.grab()

    return pan, zoom


def _peer(
    points: NDArray[np.float32], classes: NDArray[np.int64]
) -> Callable[[float], object]:  # fmt: skip
    import pyqtgraph

    widget = pyqtgraph.PlotWidget()
    widget.resize(*_VIEW)
    brushes = [pyqtgraph.mkBrush(name) for name in _CLASSES]
    scatter = pyqtgraph.ScatterPlotItem(
        x=points[:, 0], y=points[:, 1], size=4, pen=None, brush=[brushes[c] for c in classes]
    )
    widget.addItem(scatter)
    widget.show()
    box = widget.getPlotItem().getViewBox()

    def pan(pixels: float) -> object:
        box.translateBy(x=2 * pixels / _VIEW[0])
        return widget.grab()

    return pan

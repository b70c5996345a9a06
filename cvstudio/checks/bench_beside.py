"""The canvas beside napari, labelme and X-AnyLabeling: the same gesture on the same shapes.

Times are of the wall, and include the redraw. The limits of ours are kept by the figures of
bench_canvas, which other work on the machine does not reach; here only ratios have one.

napari draws by OpenGL in software, the others and CVStudio by QPainter. What a peer has no word
for is left out: labelme and X-AnyLabeling have no brush, X-AnyLabeling no masks, and masks of one
Labels layer in napari cannot lie over each other.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.checks import labelme_folder
from cvstudio.checks.bench_canvas import masks_memory, opened, rings, round_masks
from cvstudio.checks.figures import Figure
from cvstudio.checks.peers import LABELME, NAPARI, X_ANYLABELING, Answer, Peers

RADIUS = 100
_FASTER = 10.0  # than napari's Labels layer, for one dab
_WALL = "by the wall clock"
_STEPS = 60
_SLOW_STEPS = 20  # where a step of a peer may take a second


def beside(*, quick: bool, peers: Peers) -> list[Figure]:
    """Ours and the peers', in milliseconds and megabytes, and how many times ours each is."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from cvstudio.gui.app import make_application

    make_application()
    side, count, masks = (2048, 600, 60) if quick else (12_000, 5_000, 300)
    width = 2048 if quick else 7168
    return [
        *_brush(side, peers),
        *_panning(width, count, peers),
        *_memory(1024 if quick else 4096, masks, peers),
    ]


def _brush(side: int, peers: Peers) -> list[Figure]:
    ours = _dabs(side)
    answer = peers.ask(NAPARI, "paint", side, RADIUS, _STEPS)
    figures = []
    for key, words in (("all", "the whole image in view"), ("full", "100 %")):
        where = f"dab of radius {RADIUS} on {side}², {words}"
        mine = statistics.median(ours[key])
        figures.append(Figure(where, mine, "ms", detail=_WALL))
        name = f"{answer.name} Labels: {where}"
        if answer.found is None:
            figures.append(Figure(name, None, "ms", detail=answer.reason))
            continue
        theirs = statistics.median(answer.found[key]["wall"])
        seen = "" if answer.found["redrawn"] else "without any redraw: it had no OpenGL"
        figures.append(Figure(name, theirs, "ms", detail=seen))
        name = f"times faster than napari, {words}"
        figures.append(Figure(name, theirs / mine, "×", limit=_FASTER, at_least=True))
    return figures


def _dabs(side: int) -> dict[str, list[float]]:
    """Milliseconds of dabs along a line; every one of them must have painted the canvas."""
    from cvstudio.gui.label.tools.base import Pointer
    from cvstudio.gui.label.tools.brush import BrushTool
    from cvstudio.gui.label.tools.brush_settings import BrushSettings

    found = {}
    with opened(side) as bench:
        view = bench.view
        tool = BrushTool(view.document, view, BrushSettings(fill_holes=False))
        view.set_tool(tool)
        tool.settings.size = 2 * RADIUS
        for key in ("all", "full"):
            view.fit() if key == "all" else view.zoom_to(1.0)
            seen = view.visible()
            across = min(seen.width(), side) - 4 * RADIUS
            centre = seen.center()
            xs = np.linspace(centre.x() - across / 2, centre.x() + across / 2, _STEPS)
            tool.press(Pointer(xs[0], centre.y()))

            def dab(index: int, xs: Any = xs, y: float = centre.y()) -> None:
                tool.move(Pointer(xs[index], y + index), held=True)

            found[key] = _drawn(view, dab, _STEPS)
            tool.release(Pointer(xs[-1], centre.y()))
    return found


def _drawn(view: Any, step: Callable[[int], object], count: int) -> list[float]:
    """Milliseconds of each step with its redraw, which is seen to happen."""
    from PySide6.QtCore import QEvent, QObject
    from PySide6.QtWidgets import QApplication

    paints = []

    class Painted(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                paints.append(1)
            return False

    QApplication.processEvents()
    painted = Painted()
    view.viewport().installEventFilter(painted)
    values = []
    for index in range(count):
        start = time.perf_counter()
        step(index)
        QApplication.processEvents()
        values.append((time.perf_counter() - start) * 1000)
    view.viewport().removeEventFilter(painted)
    if len(paints) < count:
        raise AssertionError(f"only {len(paints)} of {count} steps were painted")
    return values


def _panning(side: int, count: int, peers: Peers) -> list[Figure]:
    ours, in_view = {}, 0
    with opened(side, polygons=count) as bench:
        view = bench.view
        for key in ("all", "full"):
            view.fit() if key == "all" else view.zoom_to(1.0)
            in_view = view.shapes.count_in_view()
            ours[key] = _drawn(
                view, lambda i: view.pan(7 if i % 8 < 4 else -7, 3 if i % 2 else -3), _STEPS
            )
    what = f"panning {count:,} polygons of 40 points"
    mine = {key: statistics.median(values) for key, values in ours.items()}
    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as scratch:
        outlines = Path(scratch) / "rings.npy"
        np.save(outlines, np.stack(list(rings(count, side))))
        napari = peers.ask(NAPARI, "pan", outlines, _STEPS)
        folder = Path(scratch) / "images"
        shapes = [labelme_folder.polygon_shape(r) for r in rings(count, side)]
        labelme_folder.make(folder, images=1, width=side, height=side, shapes=lambda _: shapes)
        figures = [Figure(f"{what}, all in view", mine["all"], "ms", detail=_WALL)]
        name = f"{napari.name} Shapes: {what}, all in view"
        figures.append(
            _beside(name, napari, lambda f: statistics.median(f["all"]["wall"]), mine["all"])
        )
        at_full = f"{what}, 100 %"
        figures.append(
            Figure(at_full, mine["full"], "ms", detail=f"{_WALL}, {in_view:,} of them in view")
        )
        for peer in (LABELME, X_ANYLABELING):
            answer = peers.ask(peer, "pan", folder, _SLOW_STEPS)
            figures.append(
                _beside(
                    f"{answer.name}: {at_full}", answer, lambda f: statistics.median(f["ms"]),
                    mine["full"],
                )
            )  # fmt: skip
    return figures


def _memory(side: int, count: int, peers: Peers) -> list[Figure]:
    """The peers' memory for the masks that the figure of the canvas has."""
    ours = masks_memory(count, side)
    assert ours.value is not None
    what = f"memory of {count} masks at {side}²"
    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as scratch:
        folder = Path(scratch) / "images"
        shapes = [labelme_folder.mask_shape(*mask) for mask in round_masks(count, side)]
        labelme_folder.make(
            folder, images=2, width=side, height=side, shapes=lambda n: shapes if n else shapes[:1]
        )
        labelme = peers.ask(LABELME, "hold", folder, 0)
    napari = peers.ask(NAPARI, "hold", side, count)
    return [
        ours,
        _beside(f"{labelme.name}: {what}", labelme, lambda f: f["mb"], ours.value, "MB"),
        _beside(f"{napari.name} Labels: {what}", napari, lambda f: f["mb"], ours.value, "MB"),
    ]


def _beside(
    name: str, answer: Answer, value: Callable[[Any], float], ours: float, unit: str = "ms"
) -> Figure:
    if answer.found is None:
        return Figure(name, None, unit, detail=answer.reason)
    theirs = value(answer.found)
    return Figure(name, theirs, unit, detail=f"{theirs / ours:.1f} times ours")

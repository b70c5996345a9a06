"""How long the next image takes on the Label page, from the key to the painted canvas.

The real page on a project of JPEG files with 20 boxes each, painted offscreen. The neighbour has
been read ahead, as it has after a moment's look. The floor is decoding the same file; the peers
open the same files, with the same boxes in labelme files beside them. Wall time.
"""

from __future__ import annotations

import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.checks import labelme_folder
from cvstudio.checks.figures import Figure, percentile
from cvstudio.checks.peers import LABELME, X_ANYLABELING, Answer, Peers
from cvstudio.core.annotation import Task
from cvstudio.core.opencv import cv2
from cvstudio.project import commands, rows
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

_BOXES = 20
_VIEW = (1440, 900)
_SIZES = ((1280, 960, 50.0), (6000, 4000, 150.0))  # width, height, the limit in ms


def next_image(*, quick: bool = False, peers: Peers | None = None) -> list[Figure]:
    """The 95th percentile for 1280 x 960 and for 24 megapixels; `quick` takes few images."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from cvstudio.gui.app import make_application

    make_application()
    figures = []
    for width, height, limit in _SIZES:
        count = 6 if quick else (60 if width < 2000 else 24)
        with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as folder:
            every = labelme_folder.boxes(width, height, _BOXES)
            shapes = [labelme_folder.box_shape(box) for box in every]
            images = Path(folder) / "images"
            paths = labelme_folder.make(
                images, images=count, width=width, height=height, shapes=partial(_same, shapes)
            )
            project = _project(Path(folder) / "p", paths, width, height)
            ours = _measured(project, paths[0], count, f"{width} × {height}", limit)
            figures.append(ours)
            if peers is None or not peers.wanted:
                continue
            for peer in (LABELME, X_ANYLABELING):
                answer = peers.ask(peer, "next", images, count - 1)
                figures.append(_peers_figure(answer, ours, f"{width} × {height}"))
    return figures


def _same(shapes: list[dict[str, Any]], _: int) -> list[dict[str, Any]]:
    return shapes


def _peers_figure(answer: Answer, ours: Figure, size: str) -> Figure:
    name = f"{answer.name}: next image of {size}, 95th percentile"
    if answer.found is None or ours.value is None:
        return Figure(name, None, "ms", detail=answer.reason)
    worst = percentile(answer.found["ms"])
    detail = f"{worst / ours.value:.1f} times ours; median {np.median(answer.found['ms']):.1f} ms"
    return Figure(name, worst, "ms", detail=detail)


def _measured(project: Project, first: Path, count: int, size: str, limit: float) -> Figure:
    from cvstudio.gui.label.page import LabelPage
    from cvstudio.gui.studio import Studio

    studio = Studio()
    studio.adopt(project)
    page = LabelPage(studio)
    page.resize(*_VIEW)
    page.show()
    page.shown()
    try:
        values = [_step(page) for _ in range(count - 1)]
    finally:
        page.hidden()
        page.release()
        page.close()
        page.deleteLater()
        studio.close()
        _process()
    detail = f"median {np.median(values):.1f} ms; decoding the file takes {_decoding(first):.0f} ms"
    name = f"next image of {size} with {_BOXES} boxes, 95th percentile"
    return Figure(name, percentile(values), "ms", limit=limit, detail=detail)


def _step(page: Any) -> float:
    """Milliseconds from the action of the key D to a canvas that shows the next image in full."""
    _wait(lambda: page.canvas.tiles.pyramid is not None and not page.studio.tasks.working)
    before = page.document.image.id
    start = time.perf_counter()
    page.studio.actions.trigger("label.next")
    tiles = page.canvas.tiles
    while page.document.image.id == before or tiles.pyramid is None or not tiles.complete:
        page.canvas.viewport().repaint()
        _process()
    return (time.perf_counter() - start) * 1000


def _wait(ready: Any) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError("the image was not read within a minute")
        _process()
        time.sleep(0.002)


def _process() -> None:
    from PySide6.QtWidgets import QApplication

    QApplication.processEvents()


def _project(path: Path, images: list[Path], width: int, height: int) -> Project:
    project = Project.create(path, task=Task.DETECT, classes=("Cell", "Other"))
    with project.transaction("Fill") as session:
        ids = commands.add_images(
            session,
            [NewImage(uri=project.uri_of(p), width=width, height=height) for p in images],
        )
        new = [
            commands.annotation_row(
                image_id=image_id, class_id=place % 2 + 1, shape=box, width=width, height=height,
                z=place,
            )
            for image_id in ids
            for place, box in enumerate(labelme_folder.boxes(width, height, _BOXES))
        ]  # fmt: skip
        rows.add(session, "annotation", commands.ANNOTATION_COLUMNS, new)
    return project


def _decoding(path: Path) -> float:
    data = np.fromfile(path, np.uint8)
    values = []
    for _ in range(5):
        start = time.perf_counter()
        cv2.imdecode(data, cv2.IMREAD_COLOR)
        values.append((time.perf_counter() - start) * 1000)
    return float(np.median(values))

"""How long the next image takes on the Label page, from the key to the painted canvas.

The real page on a project of JPEG files with 20 boxes each, painted offscreen. The neighbour has
been read ahead, as it has after a moment's look. The floor is decoding the same file. Wall time.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.checks.figures import Figure
from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.project import commands, rows
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

_BOXES = 20
_VIEW = (1440, 900)
_SIZES = ((1280, 960, 50.0), (6000, 4000, 150.0))  # width, height, the limit in ms


def next_image(*, quick: bool = False) -> list[Figure]:
    """The 95th percentile for 1280 x 960 and for 24 megapixels; `quick` takes few images."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from cvstudio.gui.app import make_application

    make_application()
    figures = []
    for width, height, limit in _SIZES:
        count = 6 if quick else (60 if width < 2000 else 24)
        figures.append(_measured(width, height, limit, count))
    return figures


def _measured(width: int, height: int, limit: float, count: int) -> Figure:
    from cvstudio.gui.label.page import LabelPage
    from cvstudio.gui.studio import Studio

    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as folder:
        paths = _images(Path(folder), width, height)
        project = _project(Path(folder), paths, width, height, count)
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
        decoding = _decoding(paths[0])
    worst = sorted(values)[int(len(values) * 0.95)]
    detail = f"median {np.median(values):.1f} ms; decoding the file takes {decoding:.0f} ms"
    name = f"next image of {width} × {height} with {_BOXES} boxes, 95th percentile"
    return Figure(name, worst, "ms", limit=limit, detail=detail)


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


def _images(folder: Path, width: int, height: int) -> list[Path]:
    """Four files that differ; the project shows them again and again under other names."""
    generator = np.random.default_rng(0)
    paths = []
    for number in range(4):
        coarse = generator.integers(0, 255, (height // 16, width // 16, 3), np.uint8)
        picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        path = folder / f"picture_{number}.jpg"
        cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
        paths.append(path)
    return paths


def _project(folder: Path, paths: list[Path], width: int, height: int, count: int) -> Project:
    links = []
    for number in range(count):
        link = folder / f"image_{number:03}.jpg"
        link.write_bytes(paths[number % len(paths)].read_bytes())
        links.append(link)
    project = Project.create(folder / "p", task=Task.DETECT, classes=("Cell", "Other"))
    generator = np.random.default_rng(1)
    with project.transaction("Fill") as session:
        ids = commands.add_images(
            session,
            [NewImage(uri=project.uri_of(p), width=width, height=height) for p in links],
        )
        new = []
        for image_id in ids:
            for place in range(_BOXES):
                x, y = generator.uniform(0, width - 200), generator.uniform(0, height - 200)
                new.append(
                    commands.annotation_row(
                        image_id=image_id, class_id=place % 2 + 1, shape=Box(x, y, 180, 150),
                        width=width, height=height, z=place,
                    )
                )  # fmt: skip
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

"""How long Augment takes from the slider to nine new pictures on screen, and what transforms cost.

The real page and the real live process on a project of 640 x 640 images with 20 boxes each, painted
offscreen. The floor is the renderer alone, in this process, measured in turns. Wall time.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.augment.catalogue import TRANSFORMS, make_step
from cvstudio.augment.presets import dump_steps, presets_for
from cvstudio.checks import labelme_folder
from cvstudio.checks.figures import Figure, percentile, timed
from cvstudio.checks.pages import opened, process, wait
from cvstudio.core.annotation import Review, Task
from cvstudio.core.pipeline import Item
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import shape_to_json
from cvstudio.project import commands, rows
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

_SIDE, _BOXES, _VARIANTS = 640, 20, 9
_LIMIT = 150.0
_PRESETS = ("Careful", "Standard", "Automatic", "Strong")
_FRAME = 0.016
"""Seconds between two movements of a hand on a slider."""


def augment(*, quick: bool = False) -> list[Figure]:
    """Latency per preset, that of the last movement of a drag, and a table of transforms."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from cvstudio.gui.app import make_application
    from cvstudio.gui.augment.page import AugmentPage

    make_application()
    turns = 8 if quick else 60
    figures = []
    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as folder:
        paths = labelme_folder.make(
            Path(folder) / "images", images=2, width=_SIDE, height=_SIDE, shapes=lambda _: []
        )
        project = _project(Path(folder) / "p", paths)
        with opened(AugmentPage, project) as page:
            _wait(lambda: page.grid.pictures)
            for preset in presets_for(Task.DETECT):
                if preset.name in _PRESETS:
                    figures += _latency(page, preset.name, preset.steps, paths[0], turns)
    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as folder:
        (path,) = labelme_folder.make(
            Path(folder), images=1, width=_SIDE, height=_SIDE, shapes=lambda _: []
        )
        figures += _table(path, quick=quick)
    return figures


def _latency(page: Any, name: str, steps: Sequence[Item], path: Path, turns: int) -> list[Figure]:
    """Single movements, and drags of which the last movement counts."""
    page.pipeline.replace(f"Choose {name}", steps)
    page.pipeline.select((len(steps) - 1,))
    watch = _Watch(page)
    slider = page.side.form.rows["chance"].slider
    places = [40 + 7 * n % 53 for n in range(turns + 3)]
    alone = _renderer_alone(path, steps)
    single, floor, drags = [], [], []
    for place in places:
        single.append(watch.seen_after([place], slider))
        floor.append(alone())
    for place in places[: max(turns // 4, 2)]:
        drags.append(watch.seen_after([30 + (place + n) % 60 for n in range(12)], slider))
    single, floor = single[3:], floor[3:]
    words = f"nine variants of {_SIDE} × {_SIDE}, {name}"
    bare = f"the renderer alone, in turns: {np.median(floor):.0f} and {percentile(floor):.0f} ms"
    detail = f"median {np.median(single):.0f} ms; {bare}"
    last = f"median {np.median(drags):.0f} ms; 12 movements, 16 ms apart"
    return [
        Figure(f"slider to screen, {words}", percentile(single), "ms", _LIMIT, detail=detail),
        Figure(f"last of a drag, {words}", percentile(drags), "ms", _LIMIT, detail=last),
    ]


class _Watch:
    """Knows when the pictures that belong to the newest wish are painted."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._asked = self._answered = 0
        ask = page.studio.live.request

        def request(kind: str, *given: Any, **named: Any) -> int:
            number = int(ask(kind, *given, **named))
            if kind == "augment":
                self._asked = number
            return number

        page.studio.live.request = request
        page.preview.came.connect(self._came)

    def _came(self, message: Any, _classes: Any) -> None:
        self._answered = int(message.header["id"])

    def seen_after(self, places: Sequence[int], slider: Any) -> float:
        """Milliseconds from the last of these places of a slider to its painted pictures."""
        slider.setSliderDown(True)
        for place in places[:-1]:
            slider.setSliderPosition(place)
            end = time.perf_counter() + _FRAME
            while time.perf_counter() < end:
                process()
        before = self._asked
        start = time.perf_counter()
        slider.setSliderPosition(places[-1])
        _wait(lambda: self._asked > before and self._answered == self._asked)
        self._page.grid.repaint()
        took = 1000 * (time.perf_counter() - start)
        slider.setSliderDown(False)
        self._rest()
        return took

    def _rest(self) -> None:
        """Let what follows a rest of the hand be done: trial images, times."""
        end = time.perf_counter() + 0.03
        while time.perf_counter() < end or self._answered != self._asked:
            process()


def _wait(ready: Callable[[], Any]) -> None:
    wait(ready, seconds=120, missing="no variants came within two minutes")


def _header(path: Path, steps: Sequence[Item]) -> dict[str, Any]:
    boxes = labelme_folder.boxes(_SIDE, _SIDE, _BOXES)
    return {
        "task": Task.DETECT.value, "fit": Fit.PAD.value, "size": _SIDE, "seed": 0,
        "steps": dump_steps(steps), "classes": [1, 2], "thumbnail": 0,
        "epochs": list(range(1, _VARIANTS + 1)),
        "image": {
            "id": 1, "path": str(path), "page": 0, "window": None,
            "annotations": [{"class": 1, **shape_to_json(box)} for box in boxes],
        },
    }  # fmt: skip


def _renderer_alone(path: Path, steps: Sequence[Item]) -> Callable[[], float]:
    """Measures nine variants without window, process or messages, in milliseconds.

    Its turns stand beside ours: where they are slow, the machine was busy with something else.
    """
    from cvstudio.ml.preview import Previews

    previews, header = Previews(), _header(path, steps)
    return lambda: 1000 * timed(lambda: previews.augment(header))


def _table(path: Path, *, quick: bool) -> list[Figure]:
    """What each transform costs with the catalogue's own settings, the slowest first."""
    from cvstudio.ml.preview import Previews

    previews = Previews()
    found = []
    for record in TRANSFORMS[:: 8 if quick else 1]:
        if Task.DETECT not in record.tasks:
            continue
        steps = (make_step(record.name, chance=1.0),)
        told = previews.times(_header(path, steps), give_way=lambda: False).header["times"]
        found.append(Figure(f"{record.title} ({record.target})", float(told[0][1]), "ms"))
    return sorted(found, key=lambda figure: -(figure.value or 0))


def _project(path: Path, images: list[Path]) -> Project:
    project = Project.create(path, task=Task.DETECT, classes=("Cell", "Other"))
    with project.transaction("Fill") as session:
        new_images = [NewImage(uri=project.uri_of(p), width=_SIDE, height=_SIDE) for p in images]
        ids = commands.add_images(session, new_images)
        new = [
            commands.annotation_row(
                image_id=image_id, class_id=place % 2 + 1, shape=box, width=_SIDE, height=_SIDE,
                z=place,
            )
            for image_id in ids
            for place, box in enumerate(labelme_folder.boxes(_SIDE, _SIDE, _BOXES))
        ]  # fmt: skip
        rows.add(session, "annotation", commands.ANNOTATION_COLUMNS, new)
        commands.set_review(session, image_ids=list(ids), review=Review.REVIEWED)
    return project

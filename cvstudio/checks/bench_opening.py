"""How long until a folder of many annotated images can be labelled, once it has been imported.

The real window opens the project on its Label page; it is ready when the first image stands there
in full, its boxes are drawn and a tool is in hand. Two clocks: from the opening of the project, and
from the start of the process. The peers open the same files with a labelme file beside each, and
are ready when their canvas has painted the first image with its shapes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cvstudio.checks import labelme_folder
from cvstudio.checks.figures import Figure
from cvstudio.checks.peers import LABELME, X_ANYLABELING, Peers
from cvstudio.core.annotation import Task
from cvstudio.project import commands, rows
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

LIMIT = 2.0  # seconds
_SIZE = (1280, 960)
_BOXES = 12

_OURS = """
import json, os, sys, time
started = float(os.environ["BENCH_STARTED"])
from pathlib import Path
from cvstudio.gui.app import make_application, make_studio
from cvstudio.gui.main_window import MainWindow
application = make_application()
window = MainWindow(make_studio(application))
window.resize(1440, 900)
window.show()
application.processEvents()
opened = time.time()
window.open_project(Path(os.environ["BENCH_PROJECT"]))
window.studio.go_to("label")
page = window.page_named("label")
tiles = page.canvas.tiles
until = time.monotonic() + 120
while tiles.pyramid is None or not tiles.complete or not page.document.annotations:
    if time.monotonic() > until:
        sys.exit("the first image was not painted within two minutes")
    application.processEvents()
page.canvas.viewport().repaint()
application.processEvents()
ready = time.time()
assert page.canvas.tool is not None and page.canvas.isEnabled()
print(json.dumps({
    "opening": ready - opened, "start": ready - started, "shapes": len(page.document.annotations),
}), flush=True)
os._exit(0)
"""


def opening(*, images: int, turns: int, peers: Peers) -> list[Figure]:
    """Medians over the turns, in seconds; each peer is asked in every turn too."""
    with tempfile.TemporaryDirectory(prefix="cvstudio-bench-") as scratch:
        folder = Path(scratch) / "images"
        shapes = [labelme_folder.box_shape(b) for b in labelme_folder.boxes(*_SIZE, _BOXES)]
        paths = labelme_folder.make(
            folder, images=images, width=_SIZE[0], height=_SIZE[1], shapes=lambda _: shapes
        )
        project = _project(Path(scratch) / "project", paths)
        asked = (LABELME, X_ANYLABELING) if peers.wanted else ()
        _run(project)  # files come into the cache, bytecode is written
        answers = {peer.name: [peers.ask(peer, "open", folder, 0)] for peer in asked}
        ours = []
        for _ in range(turns):
            ours.append(_run(project))
            for peer in asked:
                if answers[peer.name][0].found is not None:
                    answers[peer.name].append(peers.ask(peer, "open", folder, 0))
    opened = statistics.median(o["opening"] for o in ours)
    started = statistics.median(o["start"] for o in ours)
    words = f"{images:,} images with {_BOXES} boxes each"
    figures = [
        Figure(f"ready to label, {words}, from opening", opened, "s", limit=LIMIT),
        Figure(f"ready to label, {words}, from the start", started, "s"),
    ]
    for asked_answers in answers.values():
        first, *later = asked_answers
        seconds = [a.found["seconds"] for a in later if a.found is not None]
        name = f"{first.name}: {words}, from the start"
        if seconds:
            value = statistics.median(seconds)
            detail = f"{value / started:.1f} times ours"
            figures.append(Figure(name, value, "s", detail=detail))
        else:
            figures.append(Figure(name, None, "s", detail=first.reason))
    return figures


def _run(project: Path) -> dict[str, Any]:
    environment = {
        **os.environ,
        "BENCH_PROJECT": str(project),
        "CVSTUDIO_HOME": str(project.parent),
    }
    if not environment.get("DISPLAY"):
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    environment["BENCH_STARTED"] = str(time.time())
    done = subprocess.run(
        [sys.executable, "-c", _OURS], check=True, capture_output=True, text=True, env=environment
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _project(path: Path, images: list[Path]) -> Path:
    width, height = _SIZE
    with Project.create(path, task=Task.DETECT, classes=["cell"]) as project:
        new = [
            NewImage(uri=project.uri_of(p), width=width, height=height, sha256=f"{n:064x}")
            for n, p in enumerate(images)
        ]
        with project.transaction("Fill", undoable=False) as session:
            ids = commands.add_images(session, new)
            drawn = [
                commands.annotation_row(
                    image_id=image_id, class_id=1, shape=box, width=width, height=height, z=z
                )
                for image_id in ids
                for z, box in enumerate(labelme_folder.boxes(width, height, _BOXES))
            ]
            rows.add(session, "annotation", commands.ANNOTATION_COLUMNS, drawn)
    return path

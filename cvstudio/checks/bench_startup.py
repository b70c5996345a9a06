"""How long until the window is up with a large project, in turns with a bare Qt window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cvstudio.checks.figures import Figure, ratio_of_pairs
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.geometry import Box
from cvstudio.project import commands, rows
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

LIMIT = 1.5
_TORCH = ("torch", "torchvision", "ultralytics", "albumentations", "onnxruntime", "timm")

# Both programs print how long after their start the first frame was painted.
_END = """
class Painted(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and watched is window:
            QTimer.singleShot(0, report)
        return False
def report():
    print(json.dumps({"seconds": time.time() - started, "modules": sorted(
        name for name in sys.modules if name in TORCH)}), flush=True)
    os._exit(0)
painted = Painted()
window.installEventFilter(painted)
window.show()
application.exec()
"""
_PEER = """
import json, os, sys, time
started = float(os.environ["BENCH_STARTED"])
TORCH = ()
import cv2, numpy, pyqtgraph, sqlalchemy, sqlalchemy.orm
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
application = QApplication([])
window = QMainWindow()
window.resize(1440, 900)
"""
_OURS = """
import json, os, sys, time
started = float(os.environ["BENCH_STARTED"])
TORCH = set(os.environ["BENCH_TORCH"].split(","))
from pathlib import Path
from PySide6.QtCore import QEvent, QObject, QTimer
from cvstudio.__main__ import window_program
program = window_program()
application = program.make_application()
window = program.MainWindow(program.make_studio(application))
window.resize(1440, 900)
window.open_project(Path(os.environ["BENCH_PROJECT"]))
"""


def startup(*, images: int, turns: int) -> list[Figure]:
    """The median ratio over turns, and which training libraries the window had loaded."""
    with tempfile.TemporaryDirectory() as scratch:
        project = large_project(Path(scratch) / "large", images=images)
        environment = {
            **os.environ, "BENCH_PROJECT": str(project), "BENCH_TORCH": ",".join(_TORCH),
            "CVSTUDIO_HOME": scratch,
        }  # fmt: skip
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
        if not environment.get("DISPLAY"):
            environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        for script in (_PEER, _OURS):  # files come into the cache, bytecode is written
            _run(script, environment)
        pairs = [(_run(_OURS, environment), _run(_PEER, environment)) for _ in range(turns)]
    ours, peers = [p[0]["seconds"] for p in pairs], [p[1]["seconds"] for p in pairs]
    modules = pairs[0][0]["modules"]
    detail = f"{sorted(ours)[turns // 2]:.2f} s against {sorted(peers)[turns // 2]:.2f} s"
    return [
        Figure(
            f"window up, {images:,} images", ratio_of_pairs(ours, peers), "x", LIMIT, detail=detail
        ),
        Figure("training libraries in the window", len(modules), "", 0, detail=", ".join(modules)),
    ]


def _run(script: str, environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", script + _END], check=True, capture_output=True, text=True,
        env={**environment, "BENCH_STARTED": str(time.time())},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def large_project(path: Path, *, images: int, per_image: int = 12) -> Path:
    """A detect project of that size, whose image files need not exist."""
    with Project.create(path, task=Task.DETECT, classes=["cell", "debris", "other"]) as project:
        new = [
            NewImage(
                uri=f"images/{n // 1000:03d}/image_{n:06d}.jpg", width=1280, height=960,
                sha256=f"{n:064x}", size=300_000, split=(Split.TRAIN, Split.VAL)[n % 5 == 0],
                review=(Review.REVIEWED, Review.LABELLED)[n % 3 == 0],
            )
            for n in range(images)
        ]  # fmt: skip
        with project.transaction("Fill", undoable=False) as session:
            ids = commands.add_images(session, new)
            drawn = [
                commands.annotation_row(
                    image_id=image_id, class_id=1 + k % 3,
                    shape=Box(20.0 * k, 15.0 * k, 60, 50), width=1280, height=960,
                )
                for image_id in ids
                for k in range(per_image)
            ]  # fmt: skip
            rows.add(session, "annotation", commands.ANNOTATION_COLUMNS, drawn)
    return path

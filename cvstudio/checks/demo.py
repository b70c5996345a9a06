"""`cvstudio demo [FOLDER] [--json]`: the sample project, in the window where there is a display.

Without one, the sample's whole loop runs in the terminal: every command is printed before it runs,
so that it can be typed again, and the pictures are named at the end.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cvstudio.core.annotation import Split
from cvstudio.core.geometry import Box
from cvstudio.core.predictions import Prediction
from cvstudio.core.program import program
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.project import analysis, runs
from cvstudio.project.project import Project

_NETWORK, _EPOCHS, _SIZE = "yolo11n", 40, 160
_PICTURES = 4


def main(arguments: Sequence[str]) -> int:
    """Open or work through the sample; the exit code.

    With "--json" stdout holds nothing but what was made, and all words go to stderr.
    """
    as_json = "--json" in arguments
    names = [name for name in arguments if name != "--json"]
    folder = Path(names[0] if names else "demo")
    if as_json:
        return _as_json(folder)
    return _demo(folder)


def _as_json(folder: Path) -> int:
    """The demo with its words on stderr, and its files as JSON on stdout."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)  # commands that are called write there, too
    try:
        code = _demo(folder)
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
    made = {
        "project": str((folder / "cells").resolve()),
        "network": _path(folder / "cells.onnx"),
        "predictions": _path(folder / "predictions.json"),
        "pictures": [str(p.resolve()) for p in sorted((folder / "pictures").glob("*.png"))],
        "exit_code": code,
    }
    sys.stdout.write(json.dumps(made, indent=1) + "\n")
    return code


def _path(path: Path) -> str | None:
    return str(path.resolve()) if path.exists() else None


def _demo(folder: Path) -> int:
    project = folder / "cells"
    if not project.exists():
        _say("Making a sample project: microscopy-like images with exact labels.")
        folder.mkdir(parents=True, exist_ok=True)
        if _command("sample", str(project), "--task", "detect") != 0:
            return 1
    if _has_display():
        return subprocess.call(program(str(project)))
    _say("There is no display, so the sample's loop runs here instead of in the window.")
    return _loop(folder, project)


def _loop(folder: Path, project: Path) -> int:
    commands = [
        ("check", str(project)),
        ("train", str(project), "--preset", "fast", "--network", _NETWORK, "--epochs", str(_EPOCHS),
         "--set", "start=scratch", "--set", f"image_size={_SIZE}", "--set", "batch=8"),
    ]  # fmt: skip
    for command in commands:
        if _command(*command) != 0:
            return 1
    with Project.open(project, write=False) as opened:
        run = runs.all_runs(opened)[-1]
        judged = analysis.load(runs.job_of(run), Split.VAL)
    example = next(i for i in judged.images.values() if judged.predictions[i.id].objects)
    pictures, exported = folder / "pictures", folder / "cells.onnx"
    pictures.mkdir(exist_ok=True)
    number, new = str(run.id), [str(i.path) for i in list(judged.images.values())[:_PICTURES]]
    commands = [
        ("evaluate", str(project), number, "--split", "test"),
        ("errors", str(project), number),
        ("explain", str(project), number, example.path.name, "-o", str(pictures / "heat.png")),
        ("export-network", str(project), number, "-o", str(exported)),
        ("predict", str(exported), *new, "-o", str(folder / "predictions.json")),
    ]
    for command in commands:
        if _command(*command) != 0:
            return 1
    for image in list(judged.images.values())[:_PICTURES]:
        _draw(image, judged.predictions[image.id], pictures / f"{image.path.stem}.png")
    _say(
        f"\nThe loop is closed. Pictures are in {pictures.resolve()}: labels in white, predictions"
    )
    _say(f"in yellow, and a heat map. The proven network is {exported.resolve()}.")
    _say(f"With a display, this opens the same project in the window: cvstudio {project}")
    return 0


def _command(*arguments: str) -> int:
    _say(f"\n$ cvstudio {shlex.join(arguments)}")
    return subprocess.call(program(*arguments))


def _draw(image: SnapshotImage, answer: Prediction, path: Path) -> None:
    """Labels in white and predictions from 0.25 in yellow, over the image at twice its size."""
    from cvstudio.core.opencv import cv2
    from cvstudio.imaging.decode import read_rgb

    rgb = read_rgb(image.path, image.page, image.window)
    canvas = cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)

    def rectangle(box: Box, colour: tuple[int, int, int], width: int) -> None:
        corner, far = (2 * box.x, 2 * box.y), (2 * box.right, 2 * box.bottom)
        cv2.rectangle(
            canvas, [round(v) for v in corner], [round(v) for v in far], colour, width, cv2.LINE_AA
        )

    for annotation in image.annotations:
        rectangle(annotation.box, (255, 255, 255), 3)
    for found in answer.objects:
        if found.score >= 0.25:
            rectangle(found.box, (253, 196, 50), 1)
    cv2.imencode(".png", canvas[:, :, ::-1])[1].tofile(path)


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

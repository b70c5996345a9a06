"""Import of a large COCO file, in turns with json.load plus raw SQLite on the same rows."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.checks.figures import Figure, ratio_of_pairs, timed
from cvstudio.core.opencv import cv2

LIMIT = 4.0
TURNS = 5

# A process of its own, as `cvstudio import` is; only the work is timed, not Python's start.
_OURS = """
import sys, time
from pathlib import Path
from cvstudio.core.annotation import Task
from cvstudio.project import importing
from cvstudio.project.project import Project
source, target = Path(sys.argv[1]), Path(sys.argv[2])
with Project.create(target, task=Task.INSTANCE) as project:
    start = time.perf_counter()
    plan = importing.plan(project, source)
    report = importing.run(project, plan)
    print(time.perf_counter() - start, report.added, report.annotations)
"""


def import_coco(*, images: int, annotations: int) -> list[Figure]:
    """The median ratio over turns. Both sides must end with every image and annotation."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = make_coco(folder / "data", images=images, annotations=annotations)
        floors, ours = [], []
        for turn in range(TURNS):
            floors.append(_floor(source, folder / f"floor{turn}.db"))
            ours.append(_import(source, folder / f"project{turn}", images, annotations))
    detail = f"{sorted(ours)[TURNS // 2]:.1f} s against {sorted(floors)[TURNS // 2]:.1f} s"
    return [
        Figure(
            f"import {images:,} images, {annotations:,} annotations",
            ratio_of_pairs(ours, floors), "x", LIMIT, detail=detail,
        )
    ]  # fmt: skip


def make_coco(folder: Path, *, images: int, annotations: int) -> Path:
    """A COCO file with four boxes to each polygon of ten points, and its tiny image files."""
    random_ = random.Random(0)
    (folder / "images").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    encoded = cv2.imencode(".jpg", picture)[1].tobytes()
    records: list[dict[str, Any]] = []
    for n in range(images):
        name = f"image_{n:06d}.jpg"
        # A different comment in each file, so that no two have the same content.
        comment = b"\xff\xfe" + (2 + 8).to_bytes(2, "big") + f"{n:08d}".encode()
        (folder / "images" / name).write_bytes(encoded[:2] + comment + encoded[2:])
        records.append({"id": n + 1, "file_name": name, "width": 64, "height": 48})
    items = []
    for n in range(annotations):
        x, y = round(random_.uniform(0, 40), 2), round(random_.uniform(0, 28), 2)
        w, h = round(random_.uniform(4, 20), 2), round(random_.uniform(4, 18), 2)
        item = {
            "id": n + 1, "image_id": 1 + n % images, "category_id": 1 + n % 20, "iscrowd": 0,
            "bbox": [x, y, w, h], "area": round(w * h, 2),
        }  # fmt: skip
        if n % 5 == 0:
            angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
            ring = np.stack([x + w / 2 * (1 + np.cos(angles)), y + h / 2 * (1 + np.sin(angles))], 1)
            item["segmentation"] = [np.round(ring, 2).ravel().tolist()]
        items.append(item)
    categories = [{"id": k + 1, "name": f"class {k + 1}"} for k in range(20)]
    path = folder / "annotations.json"
    content = {"images": records, "annotations": items, "categories": categories}
    path.write_text(json.dumps(content))
    return path


def _floor(source: Path, database: Path) -> float:
    """Seconds of json.load and of executemany; making the rows in between is not counted."""
    found: dict[str, Any] = {}
    seconds = timed(lambda: found.update(json.loads(source.read_bytes())))
    images = [
        (i["id"], i["file_name"], i["width"], i["height"], "", 0, 0.0) for i in found["images"]
    ]
    annotations = [
        (
            a["id"], a["image_id"], a["category_id"], *a["bbox"], a["area"],
            np.array(a["segmentation"][0]).tobytes() if "segmentation" in a else None,
        )
        for a in found["annotations"]
    ]  # fmt: skip
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(
        "CREATE TABLE image (id INTEGER PRIMARY KEY, uri, width, height, sha, size, at)"
    )
    connection.execute(
        "CREATE TABLE annotation"
        " (id INTEGER PRIMARY KEY, image_id, class_id, x, y, w, h, area, payload)"
    )

    def insert() -> None:
        with connection:
            connection.executemany("INSERT INTO image VALUES (?,?,?,?,?,?,?)", images)
            connection.executemany("INSERT INTO annotation VALUES (?,?,?,?,?,?,?,?,?)", annotations)

    seconds += timed(insert)
    connection.close()
    return seconds


def _import(source: Path, target: Path, images: int, annotations: int) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _OURS, str(source), str(target)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds, added, came = done.stdout.split()
    if (int(added), int(came)) != (images, annotations):
        raise AssertionError(f"only {added} images and {came} annotations came in")
    return float(seconds)

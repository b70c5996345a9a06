"""Snapshots, predictions and messages come back as they were written."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cvstudio.core.annotation import LabelClass, Review, Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box, Polygon
from cvstudio.core.masks import Mask
from cvstudio.core.predictions import Found, Prediction, read_predictions, write_predictions
from cvstudio.core.snapshot import (
    Snapshot,
    SnapshotAnnotation,
    SnapshotImage,
    read_snapshot,
    read_split_sizes,
    write_snapshot,
)
from cvstudio.core.wire import Message, read_message, write_message

MASK = Mask.from_patch(np.eye(5, dtype=np.uint8), x=1, y=2)
TRIANGLE = Polygon.simple([(0, 0), (4.5, 0), (0, 4.25)])


def snapshot() -> Snapshot:
    shapes = [Box(1, 2, 3.5, 4), TRIANGLE, MASK, None]
    annotations = tuple(
        SnapshotAnnotation(id=i, class_id=7, shape=s, box=Box(0, 0, 9, 9), crowd=i == 2)
        for i, s in enumerate(shapes)
    )
    image = SnapshotImage(
        id=3, path=Path("a b/ü 🦠.tif"), page=2, width=9, height=9, split=Split.VAL,
        review=Review.REVIEWED, sha256="ab", annotations=annotations, window=(0.0, 4095.0),
    )  # fmt: skip
    return Snapshot(Task.INSTANCE, (LabelClass(7, 'a "b"/🦠', "#112233", "1", 0),), (image,))


def test_a_snapshot_survives_its_file(tmp_path: Path) -> None:
    digest = write_snapshot(tmp_path / "s.gz", snapshot())
    again = read_snapshot(tmp_path / "s.gz")
    assert again == snapshot()
    assert again.hash == digest
    assert write_snapshot(tmp_path / "t.gz", again) == digest


@pytest.mark.parametrize("damage", [b"", b"no gzip", None])
def test_a_damaged_snapshot_is_refused_in_words(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "s.gz"
    write_snapshot(path, snapshot())
    path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    with pytest.raises(RunError, match="damaged"):
        read_snapshot(path)


def test_split_sizes_are_known_without_reading_the_images(tmp_path: Path) -> None:
    path = tmp_path / "s.gz"
    write_snapshot(path, snapshot())
    header, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    path.write_bytes(gzip.compress(f"{header}\nnot an image\n".encode()))
    assert read_split_sizes(path) == {Split.TRAIN: 0, Split.VAL: 1, Split.TEST: 0}
    older = {key: value for key, value in json.loads(header).items() if key != "images"}
    path.write_bytes(gzip.compress("\n".join([json.dumps(older), *lines]).encode()))
    assert read_split_sizes(path)[Split.VAL] == 1
    path.write_bytes(b"")
    with pytest.raises(RunError, match="damaged"):
        read_split_sizes(path)


def test_predictions_survive_their_file(tmp_path: Path) -> None:
    assert MASK is not None
    given = [
        Prediction(1, scores={7: 0.25, 8: 0.75}),
        Prediction(2, objects=(Found(7, 0.5, Box(1, 2, 3, 4)), Found(8, 0.25, MASK.box, MASK))),
        Prediction(3, regions={7: MASK}),
        Prediction(4, regions={}),
        Prediction(5),
    ]
    write_predictions(tmp_path / "p.gz", given)
    assert list(read_predictions(tmp_path / "p.gz")) == given


def test_messages_with_arrays_cross_the_wire() -> None:
    stream = io.BytesIO()
    arrays = {"rgb": np.arange(24, dtype=np.uint8).reshape(2, 4, 3), "none": np.zeros((0, 4))}
    write_message(stream, Message({"kind": "augment", "n": 3}, arrays))
    stream.seek(0)
    message = read_message(stream)
    assert message is not None
    assert message.header == {"kind": "augment", "n": 3}
    for name, array in arrays.items():
        np.testing.assert_array_equal(message.arrays[name], array)
    assert read_message(stream) is None


def test_a_message_cut_short_is_noticed() -> None:
    stream = io.BytesIO()
    write_message(stream, Message({"kind": "x"}, {"a": np.zeros(100)}))
    with pytest.raises(EOFError):
        read_message(io.BytesIO(stream.getvalue()[:-1]))


def test_a_start_does_not_go_through_all_installed_packages_for_plugins() -> None:
    code = (
        "import importlib.metadata as m, sys\n"
        "m.entry_points = lambda **_: sys.exit('looked for plugins')\n"
        "import cvstudio.core.config\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYDANTIC_DISABLE_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr

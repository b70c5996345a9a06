"""The live process as the window uses it: a child with two pipes, which outlives mistakes."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_child import Live, live_child

from cvstudio.augment.catalogue import make_step
from cvstudio.augment.presets import dump_steps
from cvstudio.core.opencv import cv2
from cvstudio.core.wire import Message, write_message
from cvstudio.ml.live import _Inbox


@pytest.fixture
def live() -> Iterator[Live]:
    with live_child() as child:
        yield child


@pytest.fixture
def image(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "é ä.png"
    rgb = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    path.write_bytes(cv2.imencode(".png", rgb)[1].tobytes())
    return {
        "id": 3,
        "path": str(path),
        "width": 120,
        "height": 90,
        "annotations": [
            {"class": 1, "box": [10, 10, 30, 20]},
            {"class": 2, "box": [60, 40, 20, 20]},
            {"class": 2, "box": [100, 70, 40, 40], "crowd": True},
        ],
    }


def request(image: dict[str, Any], **more: Any) -> dict[str, Any]:
    steps = [make_step("flip_horizontal", chance=1.0), make_step("iso_noise", chance=1.0)]
    return {
        "task": "detect", "fit": "pad", "size": 160, "steps": dump_steps(steps), "seed": 4,
        "epochs": [1, 2, 3], "thumbnail": 80, "image": image, "classes": [1, 2], **more,
    }  # fmt: skip


def test_it_answers_and_survives_mistakes(live: Live, image: dict[str, Any]) -> None:
    answer = live.ask("augment", **request(image))
    assert answer.header["ok"], answer.header
    assert answer.header["counted"] == 2
    assert answer.header["variants"][0]["caption"].startswith("flipped, camera noise")
    assert answer.arrays["variant 2"].shape == (60, 80, 3)
    # 120 x 90 becomes 160 x 120 for the network and 80 x 60 for the eye.
    (x, y, w, h) = answer.header["variants"][0]["shapes"][0]["box"]
    assert (x, y, w, h) == pytest.approx(((120 - 40) * 2 / 3, 10 * 2 / 3, 20, 20 * 2 / 3))

    gone = {**image, "path": image["path"] + ".gone"}
    broken = live.ask("augment", **request(gone))
    assert not broken.header["ok"]
    assert "gone" in broken.header["error"]
    wrong = live.ask("augment", **request(image, steps=[{"transform": "melt"}]))
    assert "no transform called melt" in wrong.header["error"]
    assert "knows no request" in live.ask("dance").header["error"]

    again = live.ask("augment", **request(image))
    assert np.array_equal(again.arrays["variant 1"], answer.arrays["variant 1"])


def test_a_trial_counts_every_annotation_once(live: Live, image: dict[str, Any]) -> None:
    images = [image, {**image, "id": 4}]
    steps = dump_steps([make_step("affine", chance=1.0, shift=50)])
    answer = live.ask("trial", **request(image, images=images, count=50, steps=steps))
    outcomes = answer.header["outcomes"]
    assert sum(outcomes.values()) == 100
    assert outcomes["cut"] > 0
    assert outcomes["lost"] > 0
    none = live.ask("trial", **request(image, images=[], count=50))
    assert sum(none.header["outcomes"].values()) == 0


def test_only_the_newest_of_several_requests_is_worked_on() -> None:
    stream = io.BytesIO()
    for number in range(5):
        write_message(stream, Message({"id": number, "kind": "augment"}))
    write_message(stream, Message({"id": 9, "kind": "explain"}))
    stream.seek(0)
    inbox = _Inbox()
    gate = threading.Event()
    real_read = stream.read

    def read_then_wait(size: int = -1) -> bytes:
        data = real_read(size)
        if not data:
            gate.wait(60)  # the window is still there
        return data

    stream.read = read_then_wait  # type: ignore[method-assign]
    thread = threading.Thread(target=inbox.fill, args=(stream,))
    thread.start()
    deadline = time.monotonic() + 50
    while len(inbox._waiting) < 6:
        assert time.monotonic() < deadline, "what was written is not read"
        time.sleep(0.01)
    message, superseded = inbox.next()  # type: ignore[misc]
    assert message.header["id"] == 4
    assert [m.header["id"] for m in superseded] == [0, 1, 2, 3]
    assert inbox.next()[0].header["id"] == 9  # type: ignore[index]
    gate.set()
    thread.join()
    assert inbox.next() is None


def test_segment_shows_the_label_map_that_trains(live: Live, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[16:48, 8:24] = 255
    path.write_bytes(cv2.imencode(".png", rgb)[1].tobytes())
    square = {"polygon": [[[[8, 16], [24, 16], [24, 48], [8, 48]]]]}
    image = {"id": 1, "path": str(path), "annotations": [{"class": 7, **square}]}
    steps = dump_steps([make_step("quarter_turns", chance=1.0), make_step("flip_vertical")])
    answer = live.ask(
        "augment",
        **request(image, task="segment", classes=[5, 7], size=64, thumbnail=0, steps=steps),
    )
    for number in range(3):
        seen = answer.arrays[f"variant {number}"][..., 0] > 127
        assert np.array_equal(answer.arrays[f"labels {number}"], np.where(seen, 2, 0))

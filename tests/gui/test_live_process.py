"""The live process seen from the window: latest wins, a death is told once, nothing is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from patience import until
from pytestqt.qtbot import QtBot

from cvstudio.augment.catalogue import make_step
from cvstudio.augment.presets import dump_steps
from cvstudio.core.opencv import cv2
from cvstudio.core.wire import Message
from cvstudio.gui.live import LiveProcess


@pytest.fixture
def live(qapp: QtBot) -> Iterator[LiveProcess]:
    process = LiveProcess()
    yield process
    pid = process.pid
    process.close()
    assert not pid or not psutil.pid_exists(pid)


def header(path: Path, seed: int) -> dict[str, object]:
    image = {"id": 1, "path": str(path), "annotations": [{"class": 1, "box": [1, 1, 9, 9]}]}
    return {
        "task": "detect", "fit": "pad", "size": 320, "seed": seed, "epochs": [1, 2], "image": image,
        "thumbnail": 0, "classes": [1], "steps": dump_steps([make_step("affine", chance=1.0)]),
    }  # fmt: skip


def test_the_latest_request_wins_and_a_death_is_told_once(
    live: LiveProcess, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((40, 60, 3), np.uint8))[1].tobytes())
    answers: list[Message] = []
    troubles: list[str] = []
    failures: list[str] = []
    live.trouble.connect(troubles.append)

    def ask(seed: int) -> None:
        live.request(
            "augment", header(path, seed), done=answers.append, owner=live,
            failed=lambda text, hint: failures.append(text),
        )  # fmt: skip

    for seed in range(6):
        ask(seed)
    until(lambda: len(answers) == 1)
    assert answers[0].header["id"] == 6
    assert answers[0].arrays["variant 1"].shape == (213, 320, 3)

    for _ in range(2):
        ask(7)
        os.kill(live.pid, signal.SIGKILL)
        count = len(failures)
        until(lambda count=count: len(failures) > count)  # type: ignore[misc]
    assert len(troubles) == 1
    ask(8)
    until(lambda: len(answers) == 2)

    live.request(
        "augment", header(tmp_path / "gone.png", 1), done=answers.append,
        failed=lambda text, hint: failures.append(text), owner=live,
    )  # fmt: skip
    until(lambda: len(failures) == 3)
    assert "gone.png" in failures[-1]

"""`cvstudio bench training`: both sides deliver the same, and a pair is told when it has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from cvstudio.checks import bare_training, bench_training
from cvstudio.checks.bench_training import OWN, Side, Spent
from cvstudio.core.annotation import Task


def test_a_pair_is_told_before_the_next_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []

    def side(name: str, seconds: float, settings: dict[str, Any]) -> Side:
        trained.append(f"{name} {settings['seed']}")
        return Side(Spent(seconds, seconds), Spent(2 * seconds, 2 * seconds), 0.5)

    monkeypatch.setattr(
        bench_training, "_ours", lambda _project, _trial, settings: side("ours", 3, settings)
    )
    monkeypatch.setattr(
        bench_training, "_bare", lambda _folder, _trial, told, _count: side("bare", 2, told)
    )
    segment = next(trial for trial in OWN if trial.task is Task.SEGMENT)
    figures = bench_training.training((segment,), seeds=2, short=True)
    first = next(figures)
    assert trained == ["ours 0", "bare 0"]
    assert (first.value, first.limit) == (1.5, None)
    assert "metric 0.500 against 0.500" in first.detail
    rest = list(figures)
    assert trained == ["ours 0", "bare 0", "bare 1", "ours 1"]
    asked = [figure for figure in rest if figure.limit is not None]
    assert [figure.value for figure in asked] == [1.5] * 4


def test_the_plain_loop_keeps_its_best_epoch_and_judges_what_it_kept(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for name, value in (("bright", 220), ("dark", 30)):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for nth in range(3):
                picture = np.full((40, 40, 3), value + 5 * nth, np.uint8)
                cv2.imwrite(str(folder / f"{nth}.png"), picture)
    settings = {
        "task": "classify", "data": str(tmp_path / "data"), "classes": 2, "seed": 0, "epochs": 2,
        "batch": 3, "image_size": 32, "learning_rate": 0.001, "weight_decay": 0.01,
        "warmup_epochs": 1.0, "out": str(tmp_path / "bare.json"), "told": str(tmp_path / "told"),
    }  # fmt: skip
    found = bare_training.classify(settings)
    assert set(found) == {"metric", "test"}
    assert all(0 <= value <= 1 for value in found.values())
    kept = torch.load(tmp_path / "best.pt", weights_only=True)
    assert kept["fc.weight"].shape == (2, 512)
    assert (tmp_path / "told").read_text() == "1\n2\n"

"""`cvstudio bench export`: what it prints can be read by a program, and while it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cvstudio.checks import bench, bench_export
from cvstudio.checks.bench_export import FAMILIES
from cvstudio.checks.figures import Figure
from cvstudio.core.networks import NETWORKS, NetworkInfo, network

_CODE = """
import sys
from cvstudio.checks import bench_export
from cvstudio.checks.bench import main
bench_export.FAMILIES = (("yolo11n-obb", 64), ("yolo11n-pose", 64))
bench_export._QUICK = ("yolo11n-obb", "yolo11n-pose")
bench_export._eight_bits = lambda folder, quick: []
sys.exit(main(["export", "--quick", "--json"]))
"""


def test_no_words_of_a_library_stand_among_the_figures() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _CODE], check=True, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    found = json.loads(told.stdout)["figures"]["export"]
    assert ["rotated" in f["name"] for f in found] == [True, False]
    assert all("YOLO11" in f["name"] and f["value"] < f["limit"] for f in found)
    assert not told.stderr


def test_a_figure_is_printed_before_the_next_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []

    def run(_quick: bool, _peers: Any) -> Iterator[Figure]:
        yield Figure("first", 1.0, "x")
        printed.append(capsys.readouterr().out)
        yield Figure("second", 3.0, "x", limit=2.0)

    monkeypatch.setattr(bench, "BENCHES", (bench.Bench("export", "Files", run),))
    assert bench.main(["export"]) == 1
    assert "first" in printed[0]
    assert "second" in capsys.readouterr().out


def test_families_are_compared_one_after_the_other_as_figures_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def parity(name: str, _side: int, _folder: Any, *, images: int) -> Figure:
        asked.append(name)
        return Figure(name, float(images), "")

    monkeypatch.setattr(bench_export, "_parity", parity)
    figures = bench_export.export(quick=True)
    next(figures)
    assert asked == ["resnet18"]
    assert next(figures).name == "unet-mobilenet_v2"


def test_every_library_task_and_kind_of_answer_is_compared() -> None:
    compared = {_kind(network(name)) for name, _ in FAMILIES}
    assert {_kind(info) for info in NETWORKS} <= compared


def _kind(info: NetworkInfo) -> tuple[str, ...]:
    return info.family, info.task, info.answers

"""`cvstudio bench export`: what it prints can be read by a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from cvstudio.checks.bench_export import FAMILIES
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


def test_every_library_task_and_kind_of_answer_is_compared() -> None:
    compared = {_kind(network(name)) for name, _ in FAMILIES}
    assert {_kind(info) for info in NETWORKS} <= compared


def _kind(info: NetworkInfo) -> tuple[str, ...]:
    return info.family, info.task, info.answers

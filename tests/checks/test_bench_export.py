"""`cvstudio bench export`: what it prints can be read by a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys

_CODE = """
import sys
from cvstudio.checks import bench_export
from cvstudio.checks.bench import main
bench_export.FAMILIES = (("yolo11n", 64),)
bench_export._QUICK = ("yolo11n",)
bench_export._eight_bits = lambda folder, quick: []
sys.exit(main(["export", "--quick", "--json"]))
"""


def test_no_words_of_a_library_stand_among_the_figures() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _CODE], check=True, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    (found,) = json.loads(told.stdout)["figures"]["export"]
    assert "YOLO11" in found["name"]
    assert found["value"] < found["limit"]
    assert not told.stderr

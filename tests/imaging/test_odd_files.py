"""A collection of good, bad and hostile image files: each ends in pixels or in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and memory limits")

SCRIPT = Path(__file__).with_name("odd_file.py")


def endings(paths: list[Path]) -> dict[Path, str]:
    """How decoding each file in a process of its own ends."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    )
    return dict(zip(paths, done.stdout.splitlines(), strict=True))


@pytest.mark.slow
@pytest.mark.shared_data
def test_no_odd_file_does_worse_than_a_sentence(shared_data: Path) -> None:
    files = sorted(p for p in (shared_data / "odd_image_rs").rglob("*") if p.is_file())
    ended = endings(files)
    kinds = Counter(words.split()[0] for words in ended.values())
    bad = {p.name: w for p, w in ended.items() if w.split()[0] not in ("PIXELS", "REFUSED")}
    assert not bad
    assert all(w.endswith(".") for w in ended.values() if w.startswith("REFUSED"))
    assert kinds["PIXELS"] >= 150  # most of them are fine


@pytest.mark.shared_data
def test_hostile_files_are_refused_in_words(shared_data: Path) -> None:
    names = (
        "bad/bmp/Bad_reallybig.bmp",
        "bad/bmp/Bad_shortfile.bmp",
        "regression/ico/oom-0d0085eb7f66ea55d9119206235cd29e089b9140.ico",
        "regression/jpg/oss-fuzz-36829.jpeg",
        "regression/tga/overfull-image.tga",
    )
    for path, words in endings([shared_data / "odd_image_rs" / name for name in names]).items():
        assert words.startswith(f"REFUSED {path.name} ")

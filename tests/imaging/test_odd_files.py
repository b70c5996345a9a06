"""A collection of good, bad and hostile image files: each ends in pixels or in a sentence."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("odd_file.py")


def ending(path: Path) -> str:
    """How decoding one file in a process of its own ends."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        return f"CRASHED {done.returncode} {done.stderr[-500:]}"
    return done.stdout.strip()


@pytest.mark.shared_data
@pytest.mark.slow
def test_no_odd_file_does_worse_than_a_sentence(shared_data: Path) -> None:
    files = sorted(p for p in (shared_data / "odd_image_rs").rglob("*") if p.is_file())
    endings = {path: ending(path) for path in files}
    kinds = Counter(words.split()[0] for words in endings.values())
    bad = {p.name: w for p, w in endings.items() if w.split()[0] not in ("PIXELS", "REFUSED")}
    assert not bad
    assert all(w.endswith(".") for w in endings.values() if w.startswith("REFUSED"))
    assert kinds["PIXELS"] >= 150  # most of them are fine


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name",
    [
        "bad/bmp/Bad_reallybig.bmp",
        "bad/bmp/Bad_shortfile.bmp",
        "regression/ico/oom-0d0085eb7f66ea55d9119206235cd29e089b9140.ico",
        "regression/jpg/oss-fuzz-36829.jpeg",
        "regression/tga/overfull-image.tga",
    ],
)
def test_a_hostile_file_is_refused_in_words(shared_data: Path, name: str) -> None:
    words = ending(shared_data / "odd_image_rs" / name)
    assert words.startswith(f"REFUSED {Path(name).name} ")

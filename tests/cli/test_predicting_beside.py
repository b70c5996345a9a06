"""Pictures of answers that lie in a folder already stay, whatever is predicted next."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx_hands import finding_file

from cvstudio.__main__ import main


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Finds two cells with 0.9 and 0.4 wherever it looks."""
    return finding_file(
        tmp_path / "cells.onnx", ("cell",), [(16, 16, 10, 10, 0.9), (44, 40, 12, 8, 0.4)]
    )


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return _images(tmp_path / "images", 2)


def _images(folder: Path, many: int) -> Path:
    folder.mkdir()
    for number in range(many):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((64, 64, 3), 40 * number, np.uint8))
    return folder


def _draw(network: Path, images: Path, seen: Path, *more: str) -> None:
    out = seen.with_name("all.json")
    assert main(["predict", str(network), str(images), "-o", str(out), "--overlay", str(seen),
                 *more]) == 0  # fmt: skip


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_pictures_of_other_settings_go_beside_those_that_are_there(
    tmp_path: Path, network: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = tmp_path / "seen"
    _draw(network, images, seen, "--score", "0.3")
    before = _contents(seen)
    capsys.readouterr()
    _draw(network, images, seen, "--score", "0.5")
    said = capsys.readouterr().err
    assert f"What lies in {seen} stays" in said
    assert f"Wrote {tmp_path / 'seen-2'}: 2 pictures" in said
    assert _contents(seen) == before
    after = _contents(tmp_path / "seen-2")
    assert after["1.png"] != before["1.png"]
    made = [json.loads(each["settings.json"]) for each in (before, after)]
    assert [one["score"] for one in made] == [0.3, 0.5]
    assert made[1]["network"] == str(network)


def test_the_same_once_more_is_written_in_its_place_and_may_have_more_images(
    tmp_path: Path, network: Path, images: Path
) -> None:
    seen = tmp_path / "seen"
    _draw(network, images, seen)
    cv2.imwrite(str(images / "9.png"), np.full((64, 64, 3), 90, np.uint8))
    _draw(network, images, seen)
    assert (seen / "9.png").is_file()
    assert not (tmp_path / "seen-2").exists()


def test_other_images_and_a_network_that_was_made_anew_go_beside(
    tmp_path: Path, network: Path, images: Path
) -> None:
    seen = tmp_path / "seen"
    _draw(network, images, seen)
    before = _contents(seen)
    _draw(network, _images(tmp_path / "others", 2), seen)
    assert "others" in (tmp_path / "seen-2" / "pictures.csv").read_text(encoding="utf-8")
    os.utime(network, (1_700_000_000, 1_700_000_000))
    _draw(network, images, seen)
    assert (tmp_path / "seen-3" / "0.png").is_file()
    assert _contents(seen) == before


def test_pictures_that_nobody_here_has_made_are_never_replaced(
    tmp_path: Path, network: Path, images: Path
) -> None:
    own = _images(tmp_path / "own", 2)
    before = _contents(own)
    _draw(network, images, own)
    assert _contents(own) == before
    assert (tmp_path / "own-2" / "0.png").is_file()
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "notes.txt").write_text("slide 4", encoding="utf-8")
    _draw(network, images, notes)
    assert (notes / "0.png").is_file()
    assert (notes / "notes.txt").read_text(encoding="utf-8") == "slide 4"


def test_a_later_look_at_a_folder_passes_over_what_went_beside(network: Path, images: Path) -> None:
    for score in ("0.3", "0.5", "0.3"):
        _draw(network, images, images / "seen", "--score", score)
        looked = json.loads((images / "all.json").read_text(encoding="utf-8"))["images"]
        assert [Path(row["file"]).name for row in looked] == ["0.png", "1.png"]
    assert (images / "seen-2").is_dir()
    assert not (images / "seen-3").exists()

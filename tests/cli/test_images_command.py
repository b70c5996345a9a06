"""`cvstudio images` finds what the query box finds, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cvstudio.__main__ import main


@pytest.fixture
def cells(tmp_path: Path) -> str:
    folder = tmp_path / "cells"
    assert main(["sample", str(folder), "--task", "detect", "--images", "12"]) == 0
    return str(folder)


def test_images_are_found_by_a_query(cells: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["images", cells, "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert len(everything) == 12
    assert main(["images", cells, "count>2 -split:train", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    wanted = [row for row in everything if row["objects"] > 2 and row["split"] != "train"]
    assert found == wanted
    assert 0 < len(found) < 12
    assert main(["images", cells, "count>2 -split:train", "--paths"]) == 0
    assert capsys.readouterr().out.splitlines() == [row["path"] for row in found]


def test_a_wrong_query_is_a_wrong_usage_with_its_place(
    cells: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["images", cells, "count>2 clas:x"]) == 2
    said = capsys.readouterr().err
    assert "There is no key “clas” (character 9). Did you mean class?" in said

"""The Export page: what it says before, during and after, and that a bad file is called bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from person import Person
from test_analyze import finished_run

from cvstudio.gui.export.page import ExportPage, find_proof


def report(file: Path, *, passed: bool, eight: bool = False) -> dict[str, Any]:
    """A verification as ml/export.py writes it."""

    def check(name: str, value: float, allowed: float, precision: str = "float32") -> Any:
        good = passed if precision == "float32" else True
        return {
            "check": name, "precision": precision, "value": value, "allowed": allowed,
            "passed": good, "reference": None, "unit": "",
        }  # fmt: skip

    checks = [check("Largest difference in a score", 0.0004 if passed else 0.2, 0.001)]
    if eight:
        checks.append(check("Largest difference in a score", 0.01, 0.05, "int8"))
    small = {"file": "x", "size": 1, "sha256": "", "verified": True, "metric": 0.5, "drop": 0.007,
             "speed_up": 2.0}  # fmt: skip
    return {
        "made": "2026-11-20T14:41:00+00:00", "run": "0001-detect-yolo11n", "task": "detect",
        "verified": passed, "split": "val", "images": 6, "metric": "mAP50-95", "score": 0.4,
        "checks": checks, "differences": [], "file": file.name, "size": 1000, "sha256": "ab" * 32,
        "input": {"shape": ["batch", 3, 640, 640], "range": [0, 1], "fit": "pad"},
        "outputs": [{"shape": ["batch", 300, 6]}], "int8": small if eight else None,
        "latency": [{"what": "ONNX 32-bit", "device": "processor", "median": 5.0, "p95": 7.0}],
    }  # fmt: skip


def export_of(person: Person, *, passed: bool, eight: bool = False) -> Path:
    finished_run(person.project)
    folder = person.project.exports_directory
    folder.mkdir(exist_ok=True)
    file = folder / ("cells.onnx" if passed else "cells-UNVERIFIED.onnx")
    file.write_bytes(b"network")
    content = report(file, passed=passed, eight=eight)
    file.with_name(f"{file.stem}.verification.json").write_text(json.dumps(content))
    return file


def opened(person: Person) -> ExportPage:
    page = person.page("export")
    assert isinstance(page, ExportPage)
    person.idle()
    return page


def test_the_page_says_what_to_do_before_the_first_run(studio_window: Person) -> None:
    page = opened(studio_window)
    assert "becomes an ONNX file" in page.empty.words.text()
    assert not studio_window.studio.actions["export.network"].isEnabled()


def test_a_proven_file_shows_its_proof_and_can_be_tried(studio_window: Person) -> None:
    file = export_of(studio_window, passed=True, eight=True)
    page = opened(studio_window)
    assert page.proof is not None
    assert page.proof.file == file
    assert page.card.title.text() == "Verified: the file answers like run 1"
    assert "6 val images" in page.card.subtitle.text()
    assert page.try_it.area.isEnabled()
    assert "lowers mAP50-95 by 0.007" in page.message.text


def test_a_file_that_failed_is_red_and_cannot_be_tried(studio_window: Person) -> None:
    export_of(studio_window, passed=False)
    page = opened(studio_window)
    assert page.card.title.text().startswith("Not verified")
    assert "Do not use this file" in page.message.text
    assert not page.try_it.area.isEnabled()
    assert find_proof(studio_window.project.exports_directory / "cells.onnx") is not None


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"file": 3}'])
def test_a_damaged_report_is_no_proof(studio_window: Person, damage: str) -> None:
    file = export_of(studio_window, passed=True)
    file.with_name(f"{file.stem}.verification.json").write_text(damage)
    page = opened(studio_window)
    assert page.proof is None
    assert "not exported yet" in page.empty.words.text()


def test_a_name_without_ending_or_folder_lands_in_the_projects_exports(
    studio_window: Person,
) -> None:
    finished_run(studio_window.project)
    page = opened(studio_window)
    page.file.setText("my network")
    assert page._target() == studio_window.project.exports_directory / "my network.onnx"

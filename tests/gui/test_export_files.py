"""The Export page with several kinds of files: what is asked for, and the verdict on each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from person import Person
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from test_analyze import finished_run
from test_export import opened, report

from cvstudio.core.config import ExportConfig
from cvstudio.core.errors import CVStudioError
from cvstudio.core.export_kinds import KINDS, FileKind
from cvstudio.gui.export.page import ExportPage
from cvstudio.project import runs
from cvstudio.project.project import Project


def row(kind: FileKind, *, verified: bool | None = True, drop: float = 0.0) -> dict[str, Any]:
    """What a report tells of one file."""
    info = KINDS[kind]
    ending = "-UNVERIFIED" if verified is False else ""
    check = {
        "check": "mAP50-95, measured again", "precision": info.precision.value,
        "value": 0.6 - drop, "allowed": 0.59, "passed": verified, "reference": 0.6, "unit": "",
    }  # fmt: skip
    return {
        "kind": kind.value, "title": info.title, "engine": info.engine.value,
        "precision": info.precision.value, "verified": verified, "measured": 0.6 - drop,
        "drop": drop, "speed_up": 2.5, "size": 2_600_000, "sha256": "cd" * 32,
        "file": f"cells{info.ending}{ending}{info.suffix}",
        "checks": [] if verified is None else [check],
    }  # fmt: skip


ROWS = (
    row(FileKind.ONNX),
    row(FileKind.ONNX_INT8, verified=False, drop=0.123),
    row(FileKind.OPENVINO, drop=-0.001),
    row(FileKind.TENSORRT, verified=None),
)


def export_of_several(person: Person) -> Path:
    """Files with their certificates, as an export leaves them."""
    finished_run(person.project)
    folder = person.project.exports_directory
    folder.mkdir(exist_ok=True)
    time = {
        "what": "ONNX, 32-bit", "device": "processor", "threads": 2, "batch": 4,
        "processor": 8.0, "fastest": 9.0, "median": 10.0, "p90": 11.0, "p95": 12.0, "p99": 13.0,
        "images_per_second": 400.0,
    }  # fmt: skip
    for own in ROWS:
        file = folder / own["file"]
        file.write_bytes(b"network")
        content = report(file, passed=True) | {"allowed_drop": 0.01, "timings": [time]} | own
        content |= {"files": [], "main": ROWS[0]["file"]}
        if own is ROWS[0]:
            left_out = [{"title": "TorchScript", "why": "It cannot be traced."}]
            content |= {"files": list(ROWS), "main": "", "left_out": left_out}
        file.with_suffix(".verification.json").write_text(json.dumps(content))
    return folder / ROWS[0]["file"]


def words_in(page: ExportPage) -> str:
    return "\n".join(w.text() for w in page.list.findChildren(QLabel) if not w.isHidden())


def test_each_file_has_its_verdict_and_a_click_shows_its_certificate(
    studio_window: Person,
) -> None:
    export_of_several(studio_window)
    page = opened(studio_window)
    assert page.proof is not None
    assert not page.list.isHidden()
    for told in (
        "2.6 MB", "2.5", "0.123", "TorchScript is left out: It cannot be traced.",
        "ONNX, 8-bit is refused. Out of bounds: mAP50-95, measured again: 0.477 (at least 0.590).",
    ):  # fmt: skip
        assert told in words_in(page)
    assert page.card.title.text() == "Verified: the file answers like run 1"
    studio_window.click(studio_window.button("cells-int8-UNVERIFIED.onnx", page.list))
    assert page.card.title.text() == "Refused: it loses 0.123 of mAP50-95, only 0.010 may be lost"
    assert page.message.text.endswith("Out of bounds: mAP50-95, measured again.")
    studio_window.click(studio_window.button("cells-openvino.xml", page.list))
    assert page.card.title.text().startswith("Verified")
    assert page.card.subtitle.text().startswith("OpenVINO, 32-bit against run 1")
    assert page.message.isHidden()
    studio_window.click(studio_window.button("cells-tensorrt.py", page.list))
    assert page.card.title.text().startswith("Not proven here")


def test_a_file_that_cannot_be_judged_is_neither_green_nor_red_and_says_why(
    studio_window: Person,
) -> None:
    file = export_of_several(studio_window).with_name("cells-int8-UNVERIFIED.onnx")
    why = {
        "verified": None, "judged_by": "nothing", "drop": 0.0,
        "unjudged": "the network has learned too little for this file to be judged",
        "because": "It gives 40 % of the run's answers on 40 images.",
    }  # fmt: skip
    told = {**ROWS[1], **why}
    told["checks"] = [{**told["checks"][0], "passed": None, "allowed": None}]
    main = file.with_name(ROWS[0]["file"]).with_suffix(".verification.json")
    content = json.loads(main.read_text())
    main.write_text(json.dumps(content | {"files": [ROWS[0], told, *ROWS[2:]]}))
    beside = file.with_suffix(".verification.json")
    beside.write_text(json.dumps(json.loads(beside.read_text()) | told))
    page = opened(studio_window)
    said = f"ONNX, 8-bit is neither proven nor refused: {why['unjudged']}. {why['because']}"
    assert said in words_in(page)
    button = studio_window.button(file.name, page.list)
    assert button.accessibleName() == f"{file.name}, not proven"
    studio_window.click(button)
    assert page.card.title.text() == f"Not proven: {why['unjudged']}"
    assert page.card.subtitle.text().startswith("ONNX, 8-bit against run 1 on ")
    assert page.message.text.startswith(why["because"])
    assert "use the 32-bit file" in page.message.text
    assert "Do not use" not in page.message.text
    assert page.status_left == ()


@pytest.mark.parametrize("verified", [True, False])
def test_a_file_that_was_held_to_the_answers_says_how_many_it_gives(
    studio_window: Person, verified: bool
) -> None:
    file = export_of_several(studio_window).with_name("cells-int8-UNVERIFIED.onnx")
    found = {"share": 0.954, "anyway": 0.2, "answers": 1234, "images": 90}
    beside = file.with_suffix(".verification.json")
    told = {"verified": verified, "judged_by": "answers", "agreement": found, "drop": 0.0}
    beside.write_text(json.dumps(json.loads(beside.read_text()) | told))
    page = opened(studio_window)
    studio_window.click(studio_window.button(file.name, page.list))
    verdict = "Verified" if verified else "Refused"
    assert page.card.title.text() == f"{verdict}: it gives 95 % of 1,234 answers as run 1 does"


def test_a_file_that_keeps_its_metric_and_fails_otherwise_is_not_said_to_lose_it(
    studio_window: Person,
) -> None:
    file = export_of_several(studio_window).with_name("cells-int8-UNVERIFIED.onnx")
    beside = file.with_suffix(".verification.json")
    content = json.loads(beside.read_text())
    foreign = {**content["checks"][0], "check": "Operators outside the ONNX standard"}
    foreign |= {"value": 2, "allowed": 0, "reference": None}
    beside.write_text(json.dumps(content | {"drop": 0.0, "checks": [foreign]}))
    page = opened(studio_window)
    studio_window.click(studio_window.button(file.name, page.list))
    assert page.card.title.text() == "Refused: it does not answer like run 1"
    assert page.message.text.endswith("Out of bounds: operators outside the ONNX standard.")


def test_a_refused_file_of_an_older_version_that_tells_no_limit_is_still_shown(
    studio_window: Person,
) -> None:
    file = export_of_several(studio_window).with_name("cells-int8-UNVERIFIED.onnx")
    beside = file.with_suffix(".verification.json")
    content = json.loads(beside.read_text())
    del content["allowed_drop"]
    beside.write_text(json.dumps(content))
    page = opened(studio_window)
    studio_window.click(studio_window.button(file.name, page.list))
    assert page.card.title.text().startswith("Refused: it loses 0.123 of mAP50-95")


def test_files_that_were_made_together_stand_once_among_earlier_exports(
    studio_window: Person,
) -> None:
    export_of_several(studio_window)
    page = opened(studio_window)
    names = [b.text() for b in page.earlier.findChildren(QPushButton)]
    assert names == ["cells.onnx"]


def test_all_times_can_be_unfolded(studio_window: Person) -> None:
    export_of_several(studio_window)
    page = opened(studio_window)
    studio_window.click(page.times.table.arrow)
    told = [w.text() for w in page.times.table.findChildren(QLabel)]
    for figure in ("4", "10.0", "12.0", "13.0", "400.0"):
        assert figure in told


def test_ticked_files_and_advanced_choices_go_into_the_export(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_run(studio_window.project)
    page = opened(studio_window)
    asked: list[ExportConfig] = []

    def start(_project: Project, _run: int, config: ExportConfig, **_more: object) -> None:
        asked.append(config)
        raise CVStudioError("enough")

    monkeypatch.setattr(runs, "start_job", start)
    monkeypatch.setattr(studio_window.studio, "fail", lambda *_a, **_k: None)
    assert not page.files.drop.isVisible()
    assert not page.files.boxes[FileKind.ONNX].isEnabled()
    studio_window.click(page.files.boxes[FileKind.OPENVINO])
    assert not page.files.drop.isVisible()  # 32 bits lose nothing
    box = page.files.boxes[FileKind.ONNX_FLOAT16]
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert page.files.drop.isVisible()
    page.files.drop.setValue(0.025)
    studio_window.click(page.advanced.arrow)
    page.advanced.opset.setValue(15)
    page.advanced.doubles.setCurrentIndex(1)
    page.export()
    studio_window.idle()
    (config,) = asked
    assert config.kinds == (FileKind.ONNX, FileKind.ONNX_FLOAT16, FileKind.OPENVINO)
    assert config.allowed_drop == pytest.approx(0.025)
    assert config.opset == 15
    assert config.suppress_inside

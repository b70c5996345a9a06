"""The Export page: what it says before, during and after, and that a bad file is called bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from person import Person
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton
from test_analyze import finished_run

from cvstudio.core import events
from cvstudio.core.config import ExportConfig
from cvstudio.core.jobdir import JobDir
from cvstudio.core.opencv import cv2
from cvstudio.core.wire import Message
from cvstudio.gui.export.page import ExportPage
from cvstudio.gui.export.times import TimesCard
from cvstudio.project import runs


def report(file: Path, *, passed: bool, eight: bool = False) -> dict[str, Any]:
    """A verification as an export writes it."""

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


def test_without_a_run_nothing_can_be_tried_and_the_page_says_why(studio_window: Person) -> None:
    page = opened(studio_window)
    assert not page.try_it.area.isEnabled()
    assert "Export a network first" in page.try_it.area.toolTip()


def test_a_proven_file_shows_its_proof_and_can_be_tried(studio_window: Person) -> None:
    file = export_of(studio_window, passed=True, eight=True)
    page = opened(studio_window)
    assert page.proof is not None
    assert page.proof.file == file
    assert page.card.title.text() == "Verified: the file answers like run 1"
    assert "6 val images" in page.card.subtitle.text()
    assert page.try_it.area.isEnabled()
    assert "lowers mAP50-95 by 0.007" in page.message.text


def test_in_a_small_window_nothing_lies_on_the_tried_picture(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_of(studio_window, passed=True)
    monkeypatch.setattr(studio_window.studio, "_live", Answers())
    page = opened(studio_window)
    studio_window.window.resize(1440, 690)  # the right panel stays open
    many_images(tmp_path / "new")
    tried = page.try_it
    tried.try_images([tmp_path / "new"])
    studio_window.until(lambda: len(tried._pages) == 5)
    tried._score_row.show()
    tried._show_counts([(n, "7", "0.31") for n in range(1, 9)])
    studio_window.idle()
    below = [tried._score_row, tried._found, tried.save]
    studio_window.until(lambda: tried._found.height() >= tried._found.minimumSizeHint().height())
    studio_window.until(lambda: all(p.y() >= tried.view.geometry().bottom() for p in below))
    assert tried.view.height() >= 190


def test_a_file_that_failed_is_red_and_cannot_be_tried(studio_window: Person) -> None:
    export_of(studio_window, passed=False)
    page = opened(studio_window)
    assert page.card.title.text().startswith("Not verified")
    assert "Do not use this file" in page.message.text
    assert not page.try_it.area.isEnabled()


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


def exported_by_job(job: JobDir, output: Path, *, passed: bool, made: str) -> Path:
    """What an export job leaves: its config, its verification, and the file with the same."""
    config = ExportConfig(run_directory=job.path, output=output)
    number = len(list(job.path.glob("jobs/export-*"))) + 1
    folder = job.path / "jobs" / f"export-{number}"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(config.model_dump_json())
    file = output if passed else output.with_name(f"{output.stem}-UNVERIFIED.onnx")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"network")
    content = report(file, passed=passed) | {"made": made}
    (folder / "verification.json").write_text(json.dumps(content))
    file.with_suffix(".verification.json").write_text(json.dumps(content))
    return folder


def test_exports_to_any_folder_are_listed_until_their_file_is_gone(
    studio_window: Person, tmp_path: Path
) -> None:
    job = finished_run(studio_window.project)
    output = tmp_path / "elsewhere" / "cells.onnx"
    exported_by_job(job, output, passed=True, made="2026-11-20T14:41:00+00:00")
    page = opened(studio_window)
    assert page.proof is not None
    assert page.proof.file == output
    studio_window.button("cells.onnx", page.earlier)
    assert any("in elsewhere" in w.text() for w in page.earlier.findChildren(QLabel))
    studio_window.studio.jobs.runs_changed.emit()
    assert page.proof is not None
    output.unlink()
    page.refresh()
    assert page.proof is None


def test_all_earlier_exports_can_be_reached(studio_window: Person) -> None:
    job = finished_run(studio_window.project)
    folder = studio_window.project.exports_directory
    for number in range(9):
        made = f"2026-11-20T14:{number + 10}:00+00:00"
        exported_by_job(job, folder / f"cells-{number}.onnx", passed=True, made=made)
    page = opened(studio_window)
    assert not [b for b in page.earlier.findChildren(QPushButton) if b.text() == "cells-0.onnx"]
    studio_window.click(studio_window.button("Show all 9", page.earlier))
    studio_window.click(studio_window.button("cells-0.onnx", page.earlier))
    assert page.proof is not None
    assert page.proof.file.name == "cells-0.onnx"


def test_a_run_is_called_by_the_figure_that_analyze_shows(studio_window: Person) -> None:
    job = finished_run(studio_window.project)
    page = opened(studio_window)
    assert page.run_box.currentText() == "Run 1 · YOLO11 nano · mAP50-95 0.400"
    job.report.write_text(json.dumps({"val": {"metrics": {"mAP50-95": 0.45}}}))
    page.refresh()
    assert page.run_box.currentText() == "Run 1 · YOLO11 nano · mAP50-95 0.450"


def test_the_folder_of_the_file_is_said_before_the_export(
    studio_window: Person, tmp_path: Path
) -> None:
    finished_run(studio_window.project)
    page = opened(studio_window)
    assert page.folder.text() == f"in {studio_window.project.exports_directory}"
    page.file.setText(str(tmp_path / "mine.onnx"))
    assert page.folder.text() == f"in {tmp_path}"


def test_a_failed_export_over_a_proven_file_shows_the_failure_and_keeps_the_file(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finished_run(studio_window.project)
    page = opened(studio_window)
    output = page._target()
    exported_by_job(job, output, passed=True, made="2026-11-20T14:41:00+00:00")
    asked: list[str] = []
    studio = studio_window.studio

    def ask(question: str, text: str = "", **more: object) -> bool:
        asked.append(text)
        return True

    def start(*_what: object, **_more: object) -> JobDir:
        made = "2026-11-20T15:41:00+00:00"
        begun = JobDir(exported_by_job(job, output, passed=False, made=made))
        (begun.path / "process.json").write_text('{"pid": 1, "created": 1.0, "launched_at": 0.0}')
        text = "The exported file does not answer like the run."
        begun.emit(events.Failed(cause="other", text=text))
        return begun

    failures: list[str] = []
    monkeypatch.setattr(studio, "ask", ask)
    monkeypatch.setattr(studio, "fail", lambda error, **_more: failures.append(str(error)))
    monkeypatch.setattr(runs, "start_job", start)
    page.export()
    studio_window.until(lambda: failures)
    assert failures == ["The exported file does not answer like the run."]
    assert f"{output.stem}-UNVERIFIED.onnx" in asked[0]
    assert "stays" in asked[0]
    assert page.proof is not None
    assert not page.proof.passed
    assert page.proof.file.exists()
    assert output.exists()
    assert "Do not use this file" in page.message.text


def test_a_place_that_cannot_be_written_to_is_told_and_the_page_is_free_again(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_run(studio_window.project)
    page = opened(studio_window)
    (tmp_path / "file").write_text("x")
    page.file.setText(str(tmp_path / "file" / "a.onnx"))
    told: list[str] = []
    monkeypatch.setattr(
        studio_window.studio, "fail", lambda error, **_more: told.append(str(error))
    )
    studio_window.click(page.next_step.button)
    studio_window.until(lambda: told)
    assert "is a file and not a folder" in told[0]
    assert page.busy.isHidden()
    assert page.next_step.button.isEnabled()


def test_a_certificate_that_cannot_be_saved_is_told_in_words(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_of(studio_window, passed=True)
    page = opened(studio_window)
    (tmp_path / "file").write_text("x")
    wanted = str(tmp_path / "file" / "certificate.json")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_a: (wanted, "")))
    told: list[BaseException] = []
    monkeypatch.setattr(studio_window.studio, "fail", lambda error, **_more: told.append(error))
    page._save_certificate()
    assert isinstance(told[0], OSError)


class Answers:
    """Stands in for the live process: answers one request when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def request(self, kind: str, header: dict[str, Any], **more: Any) -> int:
        if kind == "answers":
            self.waiting.append((header, more))
        return 1

    def drop(self, _owner: object) -> None:
        self.waiting.clear()

    def close(self) -> None:
        """Nothing runs."""

    def answer(self) -> None:
        header, more = self.waiting.pop(0)
        if header["path"].endswith("broken.png"):
            more["failed"]("broken.png is damaged.", "")
            return
        row = {"file": header["path"], "page": header["page"] + 1, "objects": []}
        content = {"file": "cells.onnx", "score": header["score"], "images": [row], "problems": []}
        more["done"](Message({"content": content}))


def many_images(folder: Path) -> None:
    folder.mkdir()
    pages = [np.full((24, 32), value, np.uint8) for value in (10, 90, 200)]
    assert cv2.imwritemulti(str(folder / "stack.tif"), pages)
    assert cv2.imwrite(str(folder / "one.png"), pages[0])
    (folder / "broken.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no image")


def test_saving_predictions_asks_about_every_page_and_can_be_cancelled(
    studio_window: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_of(studio_window, passed=True)
    live = Answers()
    monkeypatch.setattr(studio_window.studio, "_live", live)
    page = opened(studio_window)
    many_images(tmp_path / "new")
    page.try_it.try_images([tmp_path / "new"])
    studio_window.until(lambda: len(page.try_it._pages) == 5)
    studio_window.idle()
    page.try_it._go(3)
    assert page.try_it.name.text() == "stack.tif, page 2 of 3"
    studio_window.idle()
    output = tmp_path / "answers.json"
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", staticmethod(lambda *_a, **_k: (str(output), ""))
    )
    save = studio_window.button("Save predictions")
    studio_window.click(save)
    assert not save.isEnabled()
    live.answer()
    assert page.try_it.saving_words.text() == "1 of 5"
    studio_window.click(studio_window.button("Cancel", page.try_it))
    assert not live.waiting
    assert not output.exists()
    assert save.isEnabled()

    studio_window.click(save)
    while live.waiting:
        live.answer()
    told = json.loads(output.read_text())
    assert [(Path(row["file"]).name, row["page"]) for row in told["images"]] == [
        ("one.png", 1), ("stack.tif", 1), ("stack.tif", 2), ("stack.tif", 3),
    ]  # fmt: skip
    assert [Path(row["file"]).name for row in told["problems"]] == ["broken.png"]
    assert told["score"] == pytest.approx(page.try_it.score.value)


def test_the_words_under_the_chart_of_times_are_whole_in_a_narrow_card(
    studio_window: Person,
) -> None:
    times = [{"what": "ONNX 32-bit", "device": "processor", "median": 5.0, "p95": 7.0}]

    def ink(width: int) -> int:
        card = TimesCard()
        card.show_times(times)
        card.bars.setParent(None)
        card.bars.resize(width, card.bars.height())
        picture = card.bars.grab().toImage()
        foot = range(picture.height() - 30, picture.height())
        ground = picture.pixelColor(0, picture.height() - 1)
        return sum(picture.pixelColor(x, y) != ground for x in range(width) for y in foot)

    assert ink(300) == pytest.approx(ink(900), rel=0.1)


def test_a_certificate_is_saved_beside_its_file_unless_another_place_is_chosen(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = export_of(studio_window, passed=True)
    opened(studio_window)
    asked: list[str] = []

    def take_what_is_offered(_parent: object, _title: str, usual: str, _kinds: str) -> Any:
        asked.append(usual)
        return usual, ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(take_what_is_offered))
    studio_window.click(studio_window.button("Save certificate…"))
    assert [Path(usual).parent for usual in asked] == [file.parent]
    saved = json.loads(Path(asked[0]).read_text(encoding="utf-8"))
    assert saved["file"] == file.name

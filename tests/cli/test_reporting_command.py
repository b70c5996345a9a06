"""The report from the terminal: a file, its name in the answer, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from judged_run import judged_run

from cvstudio.__main__ import main
from cvstudio.core.annotation import Task
from cvstudio.project.sample import create_sample


def test_a_report_is_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with create_sample(tmp_path / "sample", Task.CLASSIFY, images=20) as project:
        run = judged_run(project)
    page = tmp_path / "for Ana" / "report.html"
    asked = ["report", str(tmp_path / "sample"), str(run.id), "-o", str(page), "--json"]
    assert main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["file"]) == page
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert page.stat().st_size == told["bytes"]


def test_a_name_that_is_no_page_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with create_sample(tmp_path / "sample", Task.CLASSIFY, images=12):
        pass
    asked = ["report", str(tmp_path / "sample"), "1", "-o", str(tmp_path / "report.docx")]
    assert main(asked) == 2
    assert "does not end with .html" in capsys.readouterr().err
    assert not (tmp_path / "report.docx").exists()

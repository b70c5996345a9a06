"""The report from the terminal: a file, its name in the answer, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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


def test_a_paper_is_written_where_there_is_no_display(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.CLASSIFY, images=20) as project:
        run = judged_run(project)
    paper = tmp_path / "report.pdf"
    asked = ["report", str(tmp_path / "sample"), str(run.id), "-o", str(paper), "--json"]
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    plain = {name: value for name, value in os.environ.items() if name not in screens}
    done = subprocess.run(
        [sys.executable, "-m", "cvstudio", *asked], capture_output=True, text=True, env=plain,
        check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes"] == paper.stat().st_size
    content = paper.read_bytes()
    assert content.startswith(b"%PDF")
    assert b"/FontFile" in content, "words, and not empty boxes"
    assert content.count(b"/Subtype /Image") >= 2, "curves and pictures"


def test_a_page_of_html_loads_no_qt(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.CLASSIFY, images=20) as project:
        run = judged_run(project)
    asked = ["report", str(tmp_path / "sample"), str(run.id), "-o", str(tmp_path / "report.html")]
    code = (
        "import sys; from cvstudio.__main__ import main; "
        f"assert main({asked!r}) == 0; print(any('PySide6' in name for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"


def test_a_name_that_is_no_page_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with create_sample(tmp_path / "sample", Task.CLASSIFY, images=12):
        pass
    asked = ["report", str(tmp_path / "sample"), "1", "-o", str(tmp_path / "report.docx")]
    assert main(asked) == 2
    assert "does not end with .html or .pdf" in capsys.readouterr().err
    assert not (tmp_path / "report.docx").exists()

"""The report from the window: a file of the kind that was chosen, or a sentence why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from judged_run import judged_run
from person import Person
from PySide6.QtWidgets import QFileDialog

from cvstudio.core.annotation import Task
from cvstudio.paper.pdf import to_pdf
from cvstudio.project import commands, run_commands, splits
from cvstudio.project.report import compose
from cvstudio.project.run_status import RunStatus
from cvstudio.project.sample import create_sample


@pytest.fixture
def analyze(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """The Analyze page on a judged run."""
    project = studio_window.project
    with project.read() as s:
        proposed = splits.propose(s, fractions=(0.5, 0.5, 0.0))
    with project.transaction("Split") as s:
        commands.set_splits(s, proposed)
    run = judged_run(project)
    with project.transaction("Finish", undoable=False) as s:
        run_commands.update_run(s, id=run.id, status=RunStatus.FINISHED.value, best=0.4)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    page = studio_window.page("analyze")
    studio_window.until(lambda: page.analysis is not None)
    studio_window.idle()
    return studio_window


def choose(monkeypatch: pytest.MonkeyPatch, path: Path, kind: str = "HTML (*.html)") -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(path), kind))


@pytest.mark.parametrize(("name", "begins"), [("run.html", b"<!doctype"), ("run.pdf", b"%PDF")])
def test_the_link_saves_a_report_of_either_kind(
    analyze: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, begins: bytes
) -> None:
    path = tmp_path / name
    choose(monkeypatch, path)
    said: list[str] = []
    analyze.studio.toasted.connect(lambda toast: said.append(toast.text))
    analyze.click(analyze.button("Report…"))
    analyze.until(lambda: f"{name} is saved." in said)
    assert path.read_bytes().startswith(begins)


def test_a_name_without_an_end_gets_that_of_the_kind(
    analyze: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, tmp_path / "for Ana", "PDF, to print (*.pdf)")
    analyze.trigger("analyze.report")
    analyze.until(lambda: (tmp_path / "for Ana.pdf").is_file())


def test_a_paper_that_cannot_be_written_is_told_and_leaves_the_old_one(
    analyze: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "run.pdf"
    old.write_bytes(b"the old one")
    (tmp_path / "run.pdf.part").mkdir()  # nothing can be written beside it
    choose(monkeypatch, old)
    told: list[BaseException] = []
    monkeypatch.setattr(analyze.studio, "fail", lambda error, **_more: told.append(error))
    analyze.trigger("analyze.report")
    analyze.until(lambda: told)
    assert isinstance(told[0], OSError)
    assert old.read_bytes() == b"the old one"


def test_paper_holds_what_the_page_holds(qapp: object, tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.DETECT, images=20) as project:
        report = compose(project, judged_run(project))
    content = to_pdf(report)
    assert content.startswith(b"%PDF")
    assert content.count(b"/Subtype /Image") >= 3, "the curves and the picture"

"""An export that runs while the person looks at another page: its sign, and a word at its end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from person import Person
from PySide6.QtWidgets import QPushButton
from test_analyze import finished_run
from test_export import opened, report

from cvstudio.core.jobdir import replace_file
from cvstudio.gui.widgets.toast import ToastFrame

JOB = """
import sys, time, psutil
from pathlib import Path
from cvstudio.core import events
from cvstudio.core.config import read_config
from cvstudio.core.jobdir import JobDir
job, proof = JobDir(Path(sys.argv[2])), Path(sys.argv[1])
me = psutil.Process()
job.emit(events.Started(job="export", pid=me.pid, process_created=me.create_time()))
job.emit(events.Progress(done=2, total=4))
while not proof.exists():
    time.sleep(0.05)
output = read_config(job.config).output
output.write_bytes(b"network")
text = proof.read_text().replace("FILE", output.name)
output.with_name(output.stem + ".verification.json").write_text(text)
(job.path / "verification.json").write_text(text)
job.emit(events.Ended(outcome=events.Outcome.FINISHED))
"""


def begin(person: Person, folder: Path) -> Path:
    """Start an export that ends once the file that is returned holds its proof."""
    finished_run(person.project)
    script, proof = folder / "job.py", folder / "proof.json"
    script.write_text(JOB)
    jobs = person.studio.jobs
    jobs.command = lambda path: [sys.executable, str(script), str(proof), str(path)]
    person.until(lambda: bool(person.window.property("watching")))
    opened(person)
    person.trigger("export.network")
    return proof


def end(proof: Path, *, passed: bool) -> None:
    content = json.dumps(report(Path("FILE"), passed=passed))
    replace_file(proof, content.encode())


def toast_of(person: Person) -> ToastFrame:
    person.until(lambda: bool(person.window.findChildren(ToastFrame)))
    (toast,) = person.window.findChildren(ToastFrame)
    return toast


def test_the_header_tells_of_the_export_on_every_page_and_leads_to_it(
    studio_window: Person, tmp_path: Path
) -> None:
    proof = begin(studio_window, tmp_path)
    pill = studio_window.window.header.export
    studio_window.page("train")
    studio_window.until(pill.isVisible)
    assert pill.words.text() == "Exporting run 1"
    studio_window.until(lambda: (pill.bar.value(), pill.bar.maximum()) == (2, 4))
    studio_window.click(pill)
    assert studio_window.window.front is studio_window.window.page_named("export")
    studio_window.page("data")
    end(proof, passed=True)
    toast = toast_of(studio_window)
    assert toast.words.text() == "cells-run1.onnx is exported and proven."
    assert pill.isHidden()
    (link,) = [b for b in toast.findChildren(QPushButton) if b.text() == "Show its proof"]
    studio_window.click(link)
    assert studio_window.window.front is studio_window.window.page_named("export")
    studio_window.idle()


def test_an_export_whose_proof_failed_is_told_of_too(studio_window: Person, tmp_path: Path) -> None:
    proof = begin(studio_window, tmp_path)
    studio_window.page("data")
    end(proof, passed=False)
    assert toast_of(studio_window).words.text().endswith("exported, but its proof failed.")
    studio_window.idle()


def test_the_sign_goes_when_the_export_is_cancelled(studio_window: Person, tmp_path: Path) -> None:
    begin(studio_window, tmp_path)
    pill = studio_window.window.header.export
    studio_window.until(pill.isVisible)
    studio_window.click(studio_window.button("Cancel", studio_window.window.page_named("export")))
    assert pill.isHidden()
    studio_window.idle()

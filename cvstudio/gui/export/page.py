"""The Export page: choose a run, write its network as ONNX, see the proof, try it on new images."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cvstudio.core import proof as proof_words
from cvstudio.core.config import ExportConfig
from cvstudio.core.forms import Answers
from cvstudio.core.jobdir import JobDir, replace_file
from cvstudio.core.networks import network
from cvstudio.core.room import require_place
from cvstudio.gui.export.choices import Advanced, FileChoices
from cvstudio.gui.export.files_card import FilesCard
from cvstudio.gui.export.packing import Packing
from cvstudio.gui.export.parts import Busy, fact
from cvstudio.gui.export.proof import Proof, ProofCard, read_proof
from cvstudio.gui.export.times import TimesCard
from cvstudio.gui.export.try_it import TryIt
from cvstudio.gui.one_job import OneJob
from cvstudio.gui.studio import Studio
from cvstudio.gui.tasks import Control
from cvstudio.gui.widgets.empty_state import EmptyState
from cvstudio.gui.widgets.layouts import empty, scrolling
from cvstudio.gui.widgets.message import Message
from cvstudio.gui.widgets.names import NameLabel
from cvstudio.gui.widgets.section import NextStep, SectionHeader, label, line, link, push, tool
from cvstudio.gui.widgets.verbatim import tip
from cvstudio.gui.workspace import Workspace
from cvstudio.project import exports, runs
from cvstudio.project.at_work import jobs_at_work
from cvstudio.project.exports import REPORT_SUFFIX
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.run_titles import run_title

_FEW = 6
"""So many earlier exports are listed before all are asked for."""
_FACTS = (
    ("Any number of images at once", "The batch is free; the proof tries several."),
    ("Classes and preprocessing inside", "Readable without CVStudio."),
    ("Proven before it is called exported", "Numbers, labels and the metric, on val images."),
)


class ExportPage(Workspace):
    """A finished run becomes an ONNX file here."""

    name, title, icon = "export", "Export", "package-variant-closed"
    centre_needs = 740

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.run: RunRecord | None = None
        self.proof: Proof | None = None
        self.certificate: Proof | None = None
        """That of the file at hand, among those that were made together."""
        self.job = OneJob(studio, self)
        self.job.moved.connect(self._work_moved)
        self.job.told.connect(lambda state: self.busy.show_state(state))
        self.job.done.connect(self._done)
        self.job.failed.connect(self._failed)
        self._wanted_run: int | None = None
        self._named_by_hand = False
        self._all_earlier = False
        self._build()
        studio.actions.connect("export.network", self.export, self)
        studio.actions.connect("export.try", lambda: self.try_it.area.choose(), self)
        studio.actions.connect("export.bundle", lambda: self.packing.pack(), self)
        studio.jobs.runs_changed.connect(self.refresh)

    # -- parts

    def _build(self) -> None:
        left = self.panel("left", 328)
        left.add(SectionHeader("Network"))
        self.run_box = QComboBox()
        self.run_box.setAccessibleName("Network")
        self.run_box.setPlaceholderText("No finished run yet")
        self.run_box.activated.connect(lambda _index: self._choose())
        # Long titles are elided: the whole one stands in the tooltip.
        self.run_box.currentTextChanged.connect(lambda text: self.run_box.setToolTip(tip(text)))
        left.add_padded(self.run_box, bottom=8)
        left.add(SectionHeader("Files"))
        self.files = FileChoices()
        left.add_padded(self.files, bottom=8)
        self.advanced = Advanced()
        left.add(self.advanced)
        left.add(SectionHeader("In every export"))
        for title, text in _FACTS:
            left.add_padded(fact(title, text), bottom=8)
        left.add(SectionHeader("Save as"))
        self.file = QLineEdit()
        self.file.setAccessibleName("Save as")
        self.file.setPlaceholderText("Named after the run")
        self.file.textEdited.connect(self._named)
        row = QWidget()
        box = QHBoxLayout(row)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addWidget(self.file, 1)
        self.choose_file = tool(
            icon_name="folder-open-outline", tip="Choose where to save", do=self._choose_file
        )
        box.addWidget(self.choose_file)
        left.add_padded(row)
        self.folder = NameLabel()
        left.add_padded(self.folder, top=4)
        self.file.textChanged.connect(lambda _text: self._show_folder())
        self._show_folder()
        left.body.addStretch(1)
        left.make_scrollable()
        self.next_step = NextStep(self.studio.actions["export.network"])
        left.set_footer(self.next_step)

        right = self.panel("right", 304)
        right.add(SectionHeader("Try it on new images"))
        self.try_it = TryIt(self.studio, self)
        right.add(self.try_it, 1)
        self.packing = Packing(self.studio)
        right.add(self.packing)
        right.add(line())
        right.add(SectionHeader("Earlier exports"))
        self.earlier = QWidget()
        self._earlier = QVBoxLayout(self.earlier)
        self._earlier.setContentsMargins(16, 0, 16, 12)
        self._earlier.setSpacing(2)
        right.add(self.earlier)
        right.make_scrollable()  # where height is scarce nothing may lie on the picture
        self.assemble(left=left, centre=self._make_centre(), right=right)

    def _make_centre(self) -> QWidget:
        self.empty = EmptyState("package-variant-closed", "", next_=False)
        self.list = FilesCard(self._show_file)
        self.card = ProofCard(self._save_certificate)
        self.times = TimesCard()
        self.message = Message("warning", "")
        column = QWidget()
        inside = QVBoxLayout(column)
        inside.setContentsMargins(16, 12, 16, 16)
        inside.setSpacing(8)
        self.busy = Busy(self.job.cancel)
        for part in (self.busy, self.list, self.card, self.message, self.times):
            inside.addWidget(part)
        inside.addStretch(1)
        area = scrolling(column)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(area)
        return self.stack

    # -- hooks

    def arrive(self, **what: Any) -> None:
        if what.get("run_id"):
            self._wanted_run = int(what["run_id"])

    def shown(self) -> None:
        self._find_working()
        self.refresh()

    def release(self) -> None:
        self.job.stop()
        self.try_it.release()
        self.packing.release()

    # -- runs and files

    def refresh(self) -> None:
        """Take in the runs and the files of now."""
        if self.studio.project is None:
            return
        ready = [r for r in reversed(runs.all_runs(self.project)) if _ready(r)]
        keep = self._wanted_run or (self.run.id if self.run else None)
        self._wanted_run = None
        self.run_box.clear()
        for run in ready:
            self.run_box.addItem(run_title(run), run)
        for part in (self.run_box, self.file, self.choose_file):
            part.setEnabled(bool(ready))
        if not ready:
            self.run = None
            self._allow()
            self.empty.set("A finished run becomes an ONNX file here.", button="Go to Train",
                           do=lambda: self.studio.go_to("train"))  # fmt: skip
            self.stack.setCurrentIndex(0)
            return
        found = next((i for i, r in enumerate(ready) if r.id == keep), 0)
        self.run_box.setCurrentIndex(found)
        self._choose()

    def _choose(self) -> None:
        self.run = self.run_box.currentData()
        self.run_box.setToolTip(self.run_box.currentText())
        self._allow()
        self._fit_choices()
        self._suggest_name()
        self._list_earlier()
        if not self.job.running:
            proofs = [p for p in self._proofs() if self.run and p.run == self.run.id]
            same = [p for p in proofs if self.proof and p.file == self.proof.file]
            self._show(next(iter(same or proofs), None))

    def _fit_choices(self) -> None:
        """Ask only what can be asked of the chosen network."""
        if self.run is None:
            return
        info = network(self.run.network)
        self.files.set_metric(self.run.metric)
        plain = not info.listed and info.answers is not Answers.ROTATED
        self.advanced.set_task(self.run.task, possible=plain)

    def _suggest_name(self) -> None:
        if self.run is not None and not self._named_by_hand:
            self.file.setText(f"{_plain(self.project.name)}-run{self.run.id}.onnx")

    def _show_folder(self) -> None:
        """Where the file will lie, below its name."""
        folder = self._target().parent
        self.folder.setText(f"in {folder}")
        self.folder.setToolTip(tip(str(folder)))

    def _named(self) -> None:
        self._named_by_hand = bool(self.file.text())

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Export network", str(self._target()), "ONNX (*.onnx)"
        )
        if name:
            self.file.setText(name)
            self._named_by_hand = True

    def _target(self) -> Path:
        """The file that Export writes; a bare name lies in the project's exports."""
        path = Path(self.file.text().strip() or "network.onnx")
        path = path if path.suffix == ".onnx" else path.with_name(path.name + ".onnx")
        return path if path.is_absolute() else self.project.exports_directory / path

    def _proofs(self) -> list[Proof]:
        """What was exported from the project's runs, the newest first; of files that were made
        together the 32-bit ONNX file, which names the others."""
        found = [read_proof(report) for report in exports.reports(self.project)]
        return sorted((p for p in found if p is not None and not p.main), key=lambda p: -p.made)

    def _list_earlier(self) -> None:
        empty(self._earlier)
        proofs = self._proofs()
        for proof in proofs if self._all_earlier else proofs[:_FEW]:
            self._earlier.addWidget(self._earlier_row(proof))
        if len(proofs) > _FEW and not self._all_earlier:
            more = link(f"Show all {len(proofs):,}", self._show_all_earlier)
            self._earlier.addWidget(more, 0, Qt.AlignmentFlag.AlignLeft)
        if not proofs:
            self._earlier.addWidget(label("None yet.", "muted"))

    def _earlier_row(self, proof: Proof) -> QWidget:
        """A button with the file's name, and the folder when it is not the project's own."""
        row = QWidget()
        box = QHBoxLayout(row)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        button = push(proof.file.name, partial(self._show, proof), flat=True)
        button.setToolTip(f"{proof.file}\n{proof.subtitle}")
        box.addWidget(button)
        box.addStretch(1)
        own = proof.file.parent == self.project.exports_directory
        where = "" if own else f"in {proof.file.parent.name}, "
        made = time.strftime("%d %b", time.localtime(proof.made)).lstrip("0")
        box.addWidget(label(f"{where}{made}", "caption"))
        return row

    def _show_all_earlier(self) -> None:
        self._all_earlier = True
        self._list_earlier()

    # -- exporting

    def export(self) -> None:
        """Start the export job of the chosen run."""
        run = self.run
        if run is None or self.job.running:
            return
        output = self._target()
        if output.exists() and not self.studio.ask(
            f"Replace {output.name}?",
            "The new file takes its place once it is proven. If a check fails, the file that is"
            f" there now stays, and the new one becomes {output.stem}-UNVERIFIED.onnx.",
            yes="Replace",
        ):
            return
        project, command = self.project, self.studio.jobs.command
        config = ExportConfig(
            run_directory=runs.job_of(run).path, output=output,
            files=self.files.chosen, allowed_drop=self.files.allowed_drop,
            opset=self.advanced.opset.value(), suppress_inside=self.advanced.inside,
        )  # fmt: skip

        def begin(_control: Control) -> JobDir:
            require_place(output, about=0)
            return runs.start_job(project, run.id, config, command=command)

        self.job.start(f"Exporting run {run.id}", begin, run_id=run.id)
        self._show_work(run.id)

    def _find_working(self) -> None:
        """Go on with an export that began before the project was opened."""
        for run in [] if self.job.running else runs.all_runs(self.project):
            found = jobs_at_work(self.project, "export", run)
            self.job.go_on(f"Exporting run {run.id}", found, run_id=run.id)
            if self.job.running:
                self._wanted_run = run.id
                self._show_work(run.id)
                return

    def _show_work(self, run_id: int) -> None:
        self._show(None)
        self.busy.begin(f"Exporting run {run_id}")
        self._allow()

    def _work_moved(self, text: str) -> None:
        if not text:  # over, in whatever way
            self.busy.end()
            self.refresh()

    def _done(self, job: JobDir) -> None:
        self._list_earlier()
        proof = _proof_of(job)
        self._show(proof)
        if proof is not None:
            self._tell_end(proof)

    def _tell_end(self, proof: Proof) -> None:
        """Say how an export ended, with the way to it for who looks at another page."""
        link = "" if self.isVisible() else "Show its proof"
        show = partial(self.studio.go_to, "export", run_id=self.run.id if self.run else 0)
        if proof.passed:
            words, level = f"{proof.file.name} is exported and proven.", "success"
        else:
            words, level = f"{proof.file.name} is exported, but its proof failed.", "warning"
        self.studio.toast(words, level=level, link=link, do=show)

    def _failed(self, job: JobDir) -> None:
        self.proof = _proof_of(job) or self.proof
        self.refresh()

    def _allow(self) -> None:
        """Let the person export while there is a run and no export is at work."""
        busy = self.job.running
        why = "An export is at work" if busy else "Finish a run first"
        self.studio.actions.allow("export.network", self.run is not None and not busy, why=why)

    # -- the proof

    def _show(self, proof: Proof | None) -> None:
        self.proof = proof
        has = proof is not None
        self.list.setVisible(has)
        self.card.setVisible(has)
        self.times.setVisible(has)
        self.message.hide()
        if proof is None:
            self.try_it.use(None)
            self.packing.use(None, 0)
            if not self.job.running and self.run is not None:
                self.empty.set(
                    f"Run {self.run.id} is not exported yet. Its proof will stand here.",
                    button="", do=None,
                )  # fmt: skip
            self.stack.setCurrentIndex(1 if self.job.running else 0)
            self.set_status()
            return
        self.stack.setCurrentIndex(1)
        c = proof.content
        self.times.show_times(c.get("latency") or [], c.get("timings") or [])
        self._show_certificate(proof)
        usable = c["verified"] is not False
        self.try_it.use(proof.file if usable else None)
        self.packing.use(proof.file if usable else None, proof.run or 0)

    def _show_file(self, name: str) -> None:
        """Show the certificate of one of the files that were made together."""
        if self.proof is None:
            return
        if name == self.proof.file.name:
            self._show_certificate(self.proof)
            return
        other = read_proof(self.proof.file.with_name(name).with_suffix(REPORT_SUFFIX))
        if other is None:
            self.studio.toast(f"{name} or its certificate is gone.", level="warning")
        self._show_certificate(other or self.proof)

    def _show_certificate(self, proof: Proof) -> None:
        if self.proof is None:
            return
        self.certificate = proof
        self.list.show_files(self.proof.content, proof.file.name)
        self.card.show_proof(proof)
        self.message.hide()
        self._warn(proof)
        passed, judged = proof.counts
        told = judged and not proof.unproven  # what passed of what cannot be judged says nothing
        self.set_status(f"{passed} of {judged} checks passed" if told else "")

    def _warn(self, proof: Proof) -> None:
        """Say what is wrong with a file, or what the 8-bit one costs."""
        if proof.content["verified"] is False:
            failed = [
                proof_words.within(c["check"]) for c in proof.checks
                if c["passed"] is False and c["precision"] == proof.precision
            ]  # fmt: skip
            self.message.set("danger", f"Do not use this file. Out of bounds: {', '.join(failed)}.")
            self.message.show()
        elif proof.unproven:
            self.message.set("warning", f"{proof.content['because']} {_ON}")
            self.message.show()
        elif proof.eight and proof.eight.get("drop") is not None:
            drop, speed = proof.eight["drop"], proof.eight["speed_up"]
            words = (
                f"lowers {proof.content['metric']} by {drop:.3f}" if drop > 0 else "loses nothing"
            )
            good = proof.eight["verified"]
            end = "" if good else " It is marked as unverified: keep the 32-bit file."
            self.message.set(
                "info" if good else "warning",
                f"The 8-bit file {words} and is {speed:.1f} times as fast as the 32-bit one"
                f" here.{end}",
            )
            self.message.show()

    def _save_certificate(self) -> None:
        if self.certificate is None:
            return
        source = self.certificate.file.with_suffix(REPORT_SUFFIX)
        usual = self.certificate.file.with_suffix(".certificate.json")  # beside the file
        name, _ = QFileDialog.getSaveFileName(self, "Save certificate", str(usual), "JSON (*.json)")
        if name and Path(name) != source:
            try:
                replace_file(Path(name), source.read_bytes())
            except OSError as error:
                self.studio.fail(error, doing="Save certificate")
                return
            self.studio.toast(f"Saved {Path(name).name}.", level="success")


_ON = "Train longer, or add images, and export again; until then use the 32-bit file."


def _proof_of(job: JobDir) -> Proof | None:
    """What an export job proved of the file that it wrote, also when that failed."""
    file = exports.exported_file(job)
    return None if file is None else read_proof(file.with_suffix(REPORT_SUFFIX))


def _ready(run: RunRecord) -> bool:
    return RunStatus(run.status).has_network and runs.whole(run)


def _plain(name: str) -> str:
    """A project's name as part of a file's name."""
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    return "-".join(words) or "network"

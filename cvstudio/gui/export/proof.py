"""What the verification of an exported file found: verdict, checks, times, differences."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cvstudio.core import proof as proof_words
from cvstudio.core.export_kinds import Engine
from cvstudio.core.recipe import Sees
from cvstudio.core.words import counted, size_words
from cvstudio.gui import theme
from cvstudio.gui.export.times import cell
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel, Message
from cvstudio.gui.widgets.section import label, line, push

FLOAT, INT8 = "float32", "int8"


@dataclass(frozen=True)
class Proof:
    """A verification report as it lies beside the exported file (ml/exporting/job.py writes it)."""

    file: Path
    content: dict[str, Any]

    @property
    def passed(self) -> bool:
        return self.content["verified"] is True

    @property
    def run(self) -> int:
        """The number of the run, the first part of its directory's name."""
        return int(str(self.content["run"]).partition("-")[0])

    @property
    def made(self) -> float:
        """When, in seconds since 1970."""
        return datetime.fromisoformat(self.content["made"]).timestamp()

    @property
    def eight(self) -> dict[str, Any] | None:
        """What an older report tells of the 8-bit file beside its own; since then each file has a
        certificate."""
        return None if self._own else self.content.get("int8")

    @property
    def _own(self) -> bool:
        """Whether the report has a row for each file."""
        return "files" in self.content

    @property
    def main(self) -> str:
        """The 32-bit ONNX file that this one was made with; "" for that one itself."""
        return str(self.content.get("main", ""))

    @property
    def precision(self) -> str:
        """What the numbers in the file are kept in."""
        return str(self.content.get("precision", FLOAT))

    @property
    def kind_title(self) -> str:
        """What kind of file it is, as "ONNX, 32-bit"."""
        return str(
            self.content.get("title", "ONNX, 32-bit and 8-bit" if self.eight else "ONNX, 32-bit")
        )

    @property
    def checks(self) -> list[dict[str, Any]]:
        """The checks of this file; of an older report also those of the 8-bit one."""
        rows = self.content.get("files")
        found: list[dict[str, Any]] = rows[0]["checks"] if rows else self.content["checks"]
        return found

    @property
    def warning(self) -> str:
        """What to know before the file is used: a network that found nothing right; usually ""."""
        return str(self.content.get("warning", ""))

    @property
    def unproven(self) -> str:
        """Why a file of fewer bits is neither proven nor refused; "" for every other."""
        return proof_words.unproven(self.content)

    @property
    def title(self) -> str:
        """The verdict in one line."""
        if self.unproven:
            return f"Not proven: {self.content['unjudged']}"
        if self.content["verified"] is None:
            if self.content.get("engine") == Engine.TENSORRT:
                return "Not proven here: it builds and checks the engine where it will be used"
            return f"Not proven: nobody asked whether the file answers like run {self.run}"
        if self.precision != FLOAT:
            return self._lost
        if self.passed:
            return f"Verified: the file answers like run {self.run}"
        return f"Not verified: the file does not answer like run {self.run}"

    @property
    def _lost(self) -> str:
        """What fewer bits cost, as a verdict."""
        c = self.content
        lost, allowed = c.get("drop"), proof_words.figure(c.get("allowed_drop"))
        if lost is None:
            return "Refused: its metric cannot be measured"
        words = proof_words.figure(max(lost, 0.0))
        if shared := proof_words.in_common(self.content):
            verdict = "Verified" if self.passed else "Refused"
            return f"{verdict}: it gives {shared} as run {self.run} does"
        if self.passed:
            return f"Verified: it loses {words} of {c['metric']}, {allowed} may be lost"
        if lost <= c.get("allowed_drop", 0.0):  # it is another check that it failed
            return f"Refused: it does not answer like run {self.run}"
        return f"Refused: it loses {words} of {c['metric']}, only {allowed} may be lost"

    @property
    def subtitle(self) -> str:
        """What was compared, on what, and when."""
        c = self.content
        when = _when(self.made)
        if c["verified"] is None and not self.unproven:
            return f"{self.kind_title}, {when}"
        images = counted(c["images"], f"{c['split']} image")
        said = f"{self.kind_title} against run {self.run} on {images}, {when}"
        scores = proof_words.counted_from(c)
        return f"{said}. {scores}" if scores else said

    def lines(self) -> list[dict[str, dict[str, Any]]]:
        """The checks in their order, each with its row for "float32" and, if any, for "int8"."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for check in self.checks:
            found.setdefault(check["check"], {})[check["precision"]] = check
        return list(found.values())

    @property
    def counts(self) -> tuple[int, int]:
        """How many checks of the file passed, of how many."""
        judged = [c for c in self.checks
                  if c["precision"] == self.precision and c["passed"] is not None]  # fmt: skip
        return sum(c["passed"] for c in judged), len(judged)


def read_proof(report: Path) -> Proof | None:
    """A report beside its file; None when one of the two is missing or the report is damaged."""
    try:
        content = json.loads(report.read_text(encoding="utf-8"))
        proof = Proof(report.with_name(content["file"]), content)
        _ = proof.run, proof.made, proof.title, proof.counts  # whatever will be shown must be there
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return proof if proof.file.exists() else None


class ProofCard(QFrame):
    """The verdict with its table of checks and what goes in and out."""

    def __init__(self, on_save: Any) -> None:
        super().__init__()
        theme.mark(self, card=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        self.icon = IconLabel("shield-check-outline", "success", theme.size("page_state"))
        self.title = label("", "title", wrap=True)
        self.subtitle = label("", "muted", wrap=True)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.icon)
        said = QVBoxLayout()
        said.setSpacing(0)
        said.addWidget(self.title)
        said.addWidget(self.subtitle)
        head.addLayout(said, 1)
        head.addWidget(push("Save certificate…", on_save, icon_name="tray-arrow-down"))
        column.addLayout(head)
        self.warning = Message("warning", "")
        column.addWidget(self.warning)
        column.addWidget(line())
        self._table = QWidget()
        self._grid = QGridLayout(self._table)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(0, 1)
        column.addWidget(self._table)
        column.addWidget(line())
        self._facts = QWidget()
        self._facts_grid = QGridLayout(self._facts)
        self._facts_grid.setContentsMargins(0, 0, 0, 0)
        self._facts_grid.setHorizontalSpacing(16)
        self._facts_grid.setVerticalSpacing(6)
        self._facts_grid.setColumnStretch(1, 1)
        self._facts_grid.setColumnStretch(3, 1)
        column.addWidget(self._facts)

    def show_proof(self, proof: Proof) -> None:
        """Show a verification report."""
        if proof.passed:
            self.icon.set("shield-check-outline", "success")
        elif proof.unproven:
            self.icon.set("help-circle-outline", "warning")
        elif proof.content.get("engine") == Engine.TENSORRT:
            self.icon.set("help-circle-outline", "muted")
        else:
            self.icon.set("shield-alert-outline", "danger")
        self.title.setText(proof.title)
        self.subtitle.setText(proof.subtitle)
        self.warning.set("warning", proof.warning)
        self.warning.setVisible(bool(proof.warning))
        empty(self._grid)
        bits = [FLOAT, INT8] if proof.eight else [proof.precision]
        names = ["32-bit", "8-bit"] if proof.eight else ["File"]
        heads = ["Check", f"Run {proof.run}", *names]
        for column, text in enumerate([*heads, "Allowed"]):
            self._grid.addWidget(cell(text, "caption", right=column > 0), 0, column)
        for row, found in enumerate(proof.lines(), 1):
            first = next(iter(found.values()))
            self._grid.addWidget(label(proof_words.sentence(first["check"]), wrap=True), row, 0)
            reference = proof_words.figure(first["reference"], first["unit"])
            self._grid.addWidget(cell(reference, "muted", right=True), row, 1)
            for column, precision in enumerate(bits, 2):
                if precision in found:
                    self._grid.addWidget(_value(found[precision]), row, column)
            allowed = proof_words.allowed([found[p] for p in bits if p in found])
            self._grid.addWidget(cell(allowed, "muted", right=True), row, 2 + len(bits))
        self._show_facts(proof)

    def _show_facts(self, proof: Proof) -> None:
        empty(self._facts_grid)
        c = proof.content
        facts = [
            ("Goes in", _shapes([c["input"]]), True),
            ("Pixels", _pixels(c["input"]), False),
            ("Comes out", _shapes(c["outputs"]), True),
            ("SHA-256", f"{c['sha256'][:6]}…{c['sha256'][-6:]}", True),
            ("File", proof.file.name, False),
            ("Size", size_words(c["size"]), False),
        ]
        for place, (name, text, mono) in enumerate(facts):
            row, column = divmod(place, 2)
            self._facts_grid.addWidget(label(name, "muted"), row, 2 * column)
            value = label(text, "mono" if mono else "", wrap=True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            value.setToolTip(c["sha256"] if name == "SHA-256" else str(proof.file))
            self._facts_grid.addWidget(value, row, 2 * column + 1)


def _value(check: dict[str, Any]) -> QWidget:
    """A figure with its tick or cross: state by shape first, never by colour alone."""
    role = {True: "success", False: "danger", None: ""}[check["passed"]]
    frame = QWidget()
    row = QHBoxLayout(frame)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    row.addStretch(1)
    if role:
        row.addWidget(IconLabel("check" if role == "success" else "close", role, 14))
    row.addWidget(label(proof_words.value(check), role))
    return frame


def _pixels(given: dict[str, Any]) -> str:
    fit = {"pad": "padded to a square", "stretch": "stretched to a square", "crop": "whole"}
    low, high = given["range"]
    if given.get("sees") == Sees.ALL:
        many = counted(given["shape"][1], "channel")
        values = f"{many} with all values, {low} and {high} at the ends of the window"
    else:
        values = f"RGB, {low} to {high}"
    return f"{values}, {fit.get(given['fit'], given['fit'])}"


def _shapes(items: Sequence[dict[str, Any]]) -> str:
    return ",  ".join(" × ".join(str(side) for side in item["shape"]) for item in items)


def _when(at: float) -> str:
    then, now = time.localtime(at), time.localtime()
    clock = time.strftime("%H:%M", then)
    if then[:3] == now[:3]:
        return f"today {clock}"
    return time.strftime("%d %b %Y ", then).lstrip("0") + clock

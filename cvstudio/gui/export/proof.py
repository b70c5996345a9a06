"""What the verification of an exported file found: verdict, checks, times, differences."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cvstudio.core import proof as proof_words
from cvstudio.core.words import counted
from cvstudio.gui import theme
from cvstudio.gui.widgets.layouts import empty
from cvstudio.gui.widgets.message import IconLabel, Message
from cvstudio.gui.widgets.section import label, line, push

FLOAT, INT8 = "float32", "int8"


@dataclass(frozen=True)
class Proof:
    """A verification report as it lies beside the exported file (ml/export.py writes it)."""

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
        """What is told of the 8-bit file, if there is one."""
        return self.content.get("int8")

    @property
    def warning(self) -> str:
        """What to know before the file is used: a network that found nothing right; usually ""."""
        return str(self.content.get("warning", ""))

    @property
    def title(self) -> str:
        """The verdict in one line."""
        if self.content["verified"] is None:
            return f"Not proven: nobody asked whether the file answers like run {self.run}"
        if self.passed:
            return f"Verified: the file answers like run {self.run}"
        return f"Not verified: the file does not answer like run {self.run}"

    @property
    def subtitle(self) -> str:
        """What was compared, on what, and when."""
        c = self.content
        when = _when(self.made)
        if c["verified"] is None:
            return f"ONNX, {when}"
        images = counted(c["images"], f"{c['split']} image")
        bits = "32-bit and 8-bit" if self.eight else "32-bit"
        return f"ONNX {bits} against run {self.run} on {images}, {when}"

    def lines(self) -> list[dict[str, dict[str, Any]]]:
        """The checks in their order, each with its row for "float32" and, if any, for "int8"."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for check in self.content["checks"]:
            found.setdefault(check["check"], {})[check["precision"]] = check
        return list(found.values())

    @property
    def counts(self) -> tuple[int, int]:
        """How many checks of the 32-bit file passed, of how many."""
        judged = [c for c in self.content["checks"]
                  if c["precision"] == FLOAT and c["passed"] is not None]  # fmt: skip
        return sum(c["passed"] for c in judged), len(judged)


class ProofCard(QFrame):
    """The verdict with its table of checks and what goes in and out."""

    def __init__(self, on_save: Any) -> None:
        super().__init__()
        theme.mark(self, card=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        self.icon = IconLabel("shield-check-outline", "success", theme.size("page_state"))
        self.title = label("", "title")
        self.subtitle = label("", "muted")
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.icon)
        said = QVBoxLayout()
        said.setSpacing(0)
        said.addWidget(self.title)
        said.addWidget(self.subtitle)
        head.addLayout(said, 1)
        head.addWidget(push("Save certificate", on_save, icon_name="tray-arrow-down"))
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
        else:
            self.icon.set("shield-alert-outline", "danger")
        self.title.setText(proof.title)
        self.subtitle.setText(proof.subtitle)
        self.warning.set("warning", proof.warning)
        self.warning.setVisible(bool(proof.warning))
        empty(self._grid)
        bits = [FLOAT, INT8] if proof.eight else [FLOAT]
        heads = ["Check", f"Run {proof.run}", "32-bit", "8-bit"][: 2 + len(bits)]
        for column, text in enumerate([*heads, "Allowed"]):
            self._grid.addWidget(_cell(text, "caption", right=column > 0), 0, column)
        for row, found in enumerate(proof.lines(), 1):
            first = next(iter(found.values()))
            self._grid.addWidget(label(proof_words.sentence(first["check"]), wrap=True), row, 0)
            reference = proof_words.figure(first["reference"], first["unit"])
            self._grid.addWidget(_cell(reference, "muted", right=True), row, 1)
            for column, precision in enumerate(bits, 2):
                if precision in found:
                    self._grid.addWidget(_value(found[precision]), row, column)
            allowed = proof_words.allowed([found[p] for p in bits if p in found])
            self._grid.addWidget(_cell(allowed, "muted", right=True), row, 2 + len(bits))
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
            ("Size", _size(c["size"]), False),
        ]
        for place, (name, text, mono) in enumerate(facts):
            row, column = divmod(place, 2)
            self._facts_grid.addWidget(label(name, "muted"), row, 2 * column)
            value = label(text, "mono" if mono else "", wrap=True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            value.setToolTip(c["sha256"] if name == "SHA-256" else str(proof.file))
            self._facts_grid.addWidget(value, row, 2 * column + 1)


class TimesCard(QFrame):
    """Milliseconds per image: a bar to the median, a whisker to where 95 of 100 lie."""

    def __init__(self) -> None:
        super().__init__()
        theme.mark(self, card=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        head = QHBoxLayout()
        head.addWidget(label("Time for one image", "section"))
        head.addStretch(1)
        head.addWidget(label("this computer", "muted"))
        column.addLayout(head)
        self.bars = _TimeBars()
        column.addWidget(self.bars)

    def show_times(self, times: Sequence[dict[str, Any]]) -> None:
        """Show the times of a report; without any, the card is hidden."""
        self.setVisible(bool(times))
        self.bars.show_times(times)


FOOT = "milliseconds per image, whisker: 95 % are faster"
_FOOT = 48
"""Pixels under the bars: the axis, and two lines of words."""


class _TimeBars(QWidget):
    _ROW = 30

    def __init__(self) -> None:
        super().__init__()
        self._times: list[tuple[str, float, float]] = []

    def show_times(self, times: Sequence[dict[str, Any]]) -> None:
        self._times = [
            (f"{t['what']}, {t['device']}", float(t["median"]), float(t["p95"])) for t in times
        ]
        self.setAccessibleName(", ".join(f"{w}: {m:.1f} ms" for w, m, _ in self._times))
        self.setFixedHeight(self._ROW * len(self._times) + _FOOT)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, self._ROW * len(self._times) + _FOOT)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._times:
            return
        painter = QPainter(self)
        painter.setFont(theme.font())
        left, right = 190, 170
        room = max(self.width() - left - right, 40)
        most = max(p95 for *_, p95 in self._times) * 1.02
        for place, (what, median, p95) in enumerate(self._times):
            y = place * self._ROW
            middle = y + self._ROW // 2
            painter.setPen(theme.colour("text"))
            row = QRect(0, y, left - 12, self._ROW)
            painter.drawText(row, int(Qt.AlignmentFlag.AlignVCenter), what)
            painter.fillRect(
                QRectF(left, middle - 8, room * median / most, 16),
                theme.colour("chart1" if place == 0 else "muted"),
            )
            painter.setPen(QPen(theme.colour("text"), 1))
            end = round(left + room * p95 / most)
            painter.drawLine(round(left + room * median / most), middle, end, middle)
            painter.drawLine(end, middle - 4, end, middle + 4)
            words = QRect(self.width() - right + 8, y, right - 8, self._ROW)
            painter.setFont(theme.font("control"))
            painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), f"{median:.1f} ms")
            painter.setFont(theme.font())
            painter.setPen(theme.colour("muted"))
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(words, int(flags), f"{1000 / median:,.0f} a second")
        y = self._ROW * len(self._times) + 2
        painter.setPen(QPen(theme.colour("borderControl"), 1))
        painter.drawLine(left, y, left + room, y)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.colour("chartAxis"))
        painter.drawText(QRect(left, y + 2, 40, 14), 0, "0")
        painter.drawText(
            QRect(left + room - 60, y + 2, 60, 14), int(Qt.AlignmentFlag.AlignRight), f"{most:.0f}"
        )
        # Over the whole width: under the axis alone it would be cut in a narrow card.
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(QRect(0, y + 16, self.width(), _FOOT - 18), int(flags), FOOT)


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
    return f"RGB, {low} to {high}, {fit.get(given['fit'], given['fit'])}"


def _cell(text: str, role: str, *, right: bool) -> QLabel:
    result = label(text, role)
    if right:
        result.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return result


def _shapes(items: Sequence[dict[str, Any]]) -> str:
    return ",  ".join(" × ".join(str(side) for side in item["shape"]) for item in items)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _when(at: float) -> str:
    then, now = time.localtime(at), time.localtime()
    clock = time.strftime("%H:%M", then)
    if then[:3] == now[:3]:
        return f"today {clock}"
    return time.strftime("%d %b %Y ", then).lstrip("0") + clock

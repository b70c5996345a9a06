"""Further sections of a report: every figure with its range, what errors cost, whether the network
is as often right as it is sure, the parts on which it does worse, and files that were exported."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from cvstudio.core.metrics.resampling import Draws, Measured
from cvstudio.core.metrics.sheets import Sheet
from cvstudio.core.proof import counted_from, sentence, unproven
from cvstudio.core.words import counted
from cvstudio.project import exports, slices
from cvstudio.project.figure_sheet import about_never_found, sheet_of
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.report.blocks import Block, Heading, Table, Text, Tone
from cvstudio.project.runs import job_of
from cvstudio.project.verdict import Analysis, Verdict

_OVERLAP = 0.5
_FEWEST_FOR_CALIBRATION = 50
"""Answers without which nothing is said of how sure the network is."""
_NOTICEABLE = 0.03
"""How far sureness must lie from the truth, on average, before it is said."""


def figures(analysed: Analysis, verdict: Verdict, drawn: Draws, score: float) -> Iterator[Block]:
    """Every figure of a split, and what is made of the errors and of the sureness."""
    sheet = sheet_of(analysed, drawn, score=score, iou=_OVERLAP, own=True)
    yield Table(
        ("Figure", "Value", "95 % interval"),
        tuple((sentence(name), _value(one), _range(one)) for name, one in sheet.figures.items()),
        caption="Intervals: from drawing the judged images again and again, with repeats.",
    )
    if sheet.gains:
        yield _gains(sheet, verdict)
        never = about_never_found(sheet, {each.id: each for each in analysed.classes})
        if never:
            yield Text(never)
    if sheet.reliability is not None and sheet.reliability.count >= _FEWEST_FOR_CALIBRATION:
        yield Text(_sureness(sheet.reliability.tendency, sheet.reliability.error))


def _gains(sheet: Sheet, verdict: Verdict) -> Table:
    """What fixing each kind of error would add (TIDE, Bolya 2020)."""
    titles = {kind.kind: kind.title for kind in verdict.kinds}
    return Table(
        ("Errors", "mAP50 it would add", "95 % interval"),
        tuple(
            (titles.get(gain.kind.value, gain.kind.value.capitalize()),
             f"+{gain.gain.value:.3f}", _range(gain.gain) if gain.gain.interval else "")
            for gain in sheet.gains
        ),
        caption="What putting right all errors of one kind would add, over all scores.",
    )  # fmt: skip


def _sureness(tendency: float, error: Measured) -> str:
    off = f"(expected calibration error {error.value:.3f})"
    if abs(tendency) < _NOTICEABLE:
        return f"On average it is about as often right as it is sure {off}."
    how = "surer than it is right" if tendency > 0 else "less sure than it is right"
    return f"On average it is {abs(tendency):.0%} {how} {off}."


def worse_parts(
    project: Project, analysed: Analysis, drawn: Draws, score: float
) -> Iterator[Block]:
    """The parts of the images on which the network does worse than chance explains; nothing is said
    where there is none. Looks of the images are left out: they would all be read for it."""
    with project.read() as session:
        facts = slices.facts_of(session, list(analysed.images), {})
    found = slices.look(analysed, facts, score=score, iou=_OVERLAP, own=True, drawn=drawn)
    if not found.worst:
        return
    yield Text(
        f"It does worse on these parts than on the rest ({found.figure} of all"
        f" {_value(found.whole)}), by more than chance explains:"
    )
    yield Table(
        ("Part", found.figure, "95 % interval", "Images"),
        tuple(
            (each.name, _value(each.part.figure), _range(each.part.figure),
             f"{each.part.images:,}")
            for each in found.worst
        ),
    )  # fmt: skip


def proofs(project: Project, run: RunRecord) -> Iterator[Block]:
    """The exported files of the run that are there now, each with what its certificate says."""
    told = [_read(path) for path in exports.reports(project)]
    own = [t for t in told if t.get("run") == job_of(run).path.name]
    if not own:
        return
    yield Heading("Exported files")
    for content in sorted(own, key=lambda t: str(t.get("file"))):
        yield _proof(content)


def _read(path: Any) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # somebody else's file, or one that is being written: the report leaves it out
    return content if isinstance(content, dict) else {}


def _proof(content: dict[str, Any]) -> Text:
    name, checks = content.get("file", ""), content.get("checks") or []
    # A certificate holds the checks of every precision made with it: those of this file count, and
    # of these the ones that have a bound.
    precision = content.get("precision", "float32")
    own = [check.get("passed") for check in checks if check.get("precision") == precision]
    judged = [passed for passed in own if passed is not None]
    if content.get("verified") is True:
        images = counted(int(content.get("images") or 0), "image")
        return Text(
            f"{name}: proven to answer like this run on {images} of {content.get('split', 'val')};"
            f" {sum(judged)} of {counted(len(judged), 'check')} passed."
            f" {counted_from(content)} SHA-256 {content.get('sha256', '')}."
        )
    if content.get("verified") is False:
        return Text(f"{name}: does NOT answer like this run. Do not use it.", Tone.WARNING)
    if why := unproven(content):
        return Text(f"{name}: not proven: {why}", Tone.WARNING)
    return Text(f"{name}: was not held against this run.", Tone.WARNING)


def _value(one: Measured) -> str:
    return "–" if math.isnan(one.value) else f"{one.value:.3f}"


def _range(one: Measured) -> str:
    return f"{one.interval[0]:.3f} to {one.interval[1]:.3f}" if one.interval else one.why_no_range

"""How the checks of an exported file are told, in the window and in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cvstudio.core.words import percent, quoted

Check = Mapping[str, Any]
"""A row of "checks" in FILE.verification.json: check, precision, value, allowed, reference, unit,
passed."""


def sentence(name: str) -> str:
    """The name of a check with a capital; names such as mAP50 and mIoU keep their own."""
    return name[0].upper() + name[1:] if name[:2].islower() else name


def within(name: str) -> str:
    """The name of a check within a sentence; mAP50 and mIoU keep their own."""
    return name[0].lower() + name[1:] if name[1:2].islower() else name


def is_yes(check: Check) -> bool:
    """Whether a check has no figure but is simply fulfilled."""
    return bool(check["value"] == check["allowed"] == 1) and not check["unit"]


def value(check: Check) -> str:
    """What was found: a figure, or "yes"."""
    return "yes" if is_yes(check) else figure(check["value"], check["unit"])


def figure(number: float | None, unit: str = "") -> str:
    """A value with as many places as it needs: 0.0004, 0.624, 1,177 px."""
    if number is None:
        return ""
    if number == int(number) and abs(number) >= 1:
        text = f"{number:,.0f}"
    elif number == 0:
        text = "0"
    else:
        text = f"{number:.3f}" if abs(number) >= 0.0095 else f"{number:.4f}"
        text = "under 0.0001" if text == "0.0000" else text
    return f"{text} {unit}".strip()


def why_refused(checks: Sequence[Check]) -> str:
    """The checks that a file failed as a sentence, each with its figure and its limit."""
    failed = [
        f"{within(c['check'])}: {value(c) or 'no number'} ({allowed([c])})"
        for c in checks
        if c["passed"] is False
    ]
    return f"Out of bounds: {'; '.join(failed)}." if failed else ""


def why_not(row: Mapping[str, Any]) -> str:
    """Why a file that was made is not proven: refused, or beyond what can be judged. "" for one
    that is proven, or that nobody wanted proof of."""
    if row["verified"] is False:
        return f"{row['title']} is refused. {why_refused(row['checks'])}".strip()
    if unjudged := unproven(row):
        return f"{row['title']} is neither proven nor refused: {unjudged}"
    return ""


def unproven(told: Mapping[str, Any]) -> str:
    """Why a file of fewer bits could not be judged, from its row or its certificate, as the rest of
    a sentence and another one; "" where it could."""
    if told.get("verified") is not None or not told.get("unjudged"):
        return ""
    return f"{told['unjudged']}. {told['because']}"


def standing(row: Mapping[str, Any]) -> str:
    """How a file stands, in a word or two."""
    if unproven(row):
        return "not proven"
    return {True: "verified", False: "refused", None: "not run here"}[row["verified"]]


def in_common(told: Mapping[str, Any]) -> str:
    """How far the answers of a file of fewer bits are its run's, where it was proven or refused by
    that: a part of a sentence, or ""."""
    if told.get("judged_by") != "answers":
        return ""
    found = told["agreement"]
    return f"{percent(found['share'])} of {found['answers']:,} answers"


def counted_from(certificate: Mapping[str, Any]) -> str:
    """From which scores answers counted when a file was held to its run: those that it carries.

    A sentence; "" where no answer has a score to count from, and for certificates of older
    versions, which held a file to the scores of the report.
    """
    told = certificate.get("counted_from")
    if not told:
        return ""
    if told["temperature"] is not None:
        return f"Judged at the temperature that the file carries: {told['temperature']:.3g}."
    corrected = ", corrected by Platt scaling," if told.get("platt") else ""
    own = [f"{quoted(name)} from {at:.3f}" for name, at in list(told["classes"].items())[:_NAMED]]
    more = len(told["classes"]) - len(own)
    others = "all" if not own else "the others"
    listed = ", ".join([*own, *([f"{more} more from their own"] if more else [])])
    rest = f"{others} from {told['score']:.3f}"
    named = f"{f'{listed}, ' if listed else ''}{rest}"
    return f"Judged with the scores that the file carries{corrected}: {named}."


_NAMED = 6


def allowed(checks: Sequence[Check]) -> str:
    """What each precision is held to; a check that only informs is held to nothing."""
    # Where the run has a value of its own, the file must reach it; elsewhere it must stay below.
    side = "at most" if checks[0]["reference"] is None else "at least"
    words = ["–" if c["allowed"] is None else figure(c["allowed"], c["unit"]) for c in checks]
    if all(is_yes(c) or c["allowed"] is None for c in checks):
        return ""
    return f"{side} {' · '.join(dict.fromkeys(words))}"

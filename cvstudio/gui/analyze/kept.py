"""The cases of a run that the person keeps: the label is right and the network is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from cvstudio.core.words import quoted
from cvstudio.project import commands, queries, suspect_decisions
from cvstudio.project.likely import FAULTS, suspect_of
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.suspect_decisions import KEPT_CASES, Decision, settled
from cvstudio.project.verdict import LIKELY, Case, Verdict


def keep(project: Project, run: RunRecord, case: Case, *, source: object) -> None:
    """Take a case out of the likely label errors, and out of the suspects of every run; one step
    that can be undone."""
    now = [*_keys(project, run), _key(case)]
    with project.transaction(_step(project, case), source=source) as session:
        commands.set_setting(session, _name(run), now)
        if case.kind in FAULTS:
            suspect_decisions.note(session, [suspect_of(case, run.id)], Decision.KEPT)


def _step(project: Project, case: Case) -> str:
    """What the menu calls it: undo reaches it from any page, so it names the object's place."""
    with project.read() as session:
        names = {found.id: found.name for found in queries.classes(session)}
        image = queries.image(session, case.image_id).name
    label = f"label {quoted(names[case.labelled])}" if case.labelled in names else "label"
    return f"Keep the {label} on {image}"


def without(project: Project, run: RunRecord, cases: Sequence[Case]) -> list[Case]:
    """The cases that are not kept."""
    known = _keys(project, run)
    return [case for case in cases if _key(case) not in known]


def likely(
    project: Project, run: RunRecord, verdict: Verdict, most: int
) -> tuple[list[Case], int]:  # fmt: skip
    """The first `most` likely label errors that nobody has kept, here or among the suspects, and
    how many there are."""
    keys = _keys(project, run)
    with project.read() as session:
        known = settled(session)
    left = [
        case
        for case in verdict.cases(LIKELY)
        if _key(case) not in keys and not known.holds(suspect_of(case))
    ]
    return left[:most], len(left)


def _name(run: RunRecord) -> str:
    return f"{KEPT_CASES}{run.id}"


def _keys(project: Project, run: RunRecord) -> list[list[int]]:
    with project.read() as session:
        return list(queries.setting(session, _name(run), []))


def _key(case: Case) -> list[int]:
    return [
        case.image_id,
        case.annotation_id or 0,
        -1 if case.prediction is None else case.prediction,
    ]

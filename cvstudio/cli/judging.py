"""Judging and using networks from the terminal: evaluate, errors, explain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cvstudio.cli.follow import Follower
from cvstudio.cli.output import (
    DeviceName,
    Share,
    WholeNumber,
    answer,
    as_json,
    figure,
    note,
    opened,
    project_argument,
    run_argument,
    table,
)
from cvstudio.core.annotation import Split
from cvstudio.core.config import EvaluateConfig, Views
from cvstudio.core.error_kinds import kind_named
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import nothing_right
from cvstudio.core.run_state import RunState
from cvstudio.project import analysis, launch, likely, runs, snapshots
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus
from cvstudio.project.verdict import Analysis, Verdict

_OVERLAP = 0.5
"""The IoU from which an answer fits its label."""

device_option = click.option(
    "--device",
    type=DeviceName(),
    default="auto",
    show_default=True,
    help="auto, cpu, mps or cuda:0.",
)
views_option = click.option(
    "--views",
    type=click.Choice([v.value for v in Views]),
    default=Views.ONE.value,
    show_default=True,
    help="Look at images as they are, mirrored too, or both ways (test-time augmentation).",
)


@click.command("evaluate")
@project_argument
@run_argument
@click.option(
    "--split",
    type=click.Choice([s.value for s in Split]),
    default="val",
    show_default=True,
    help="The part to judge on.",
)
@click.option(
    "--labels",
    type=click.Choice(["now", "run"]),
    default="now",
    show_default=True,
    help="The labels of now, or those that the run saw.",
)
@device_option
@views_option
@as_json
def evaluate_command(
    project: Path, run: int, split: str, labels: str, device: str, views: str, as_json: bool
) -> int:  # fmt: skip
    """Judge a run's network on val or test."""
    with opened(project) as open_project:
        record = with_network(open_project, run)
        snapshot = None
        if labels == "now":
            with open_project.read() as session:
                snapshot = snapshots.build(session, open_project)
        config = EvaluateConfig(
            run_directory=record.directory, split=split, device=device, views=Views(views)
        )
        job = runs.start_job(open_project, run, config, snapshot=snapshot)
    finish(job, f"Evaluating run {run} on {split}")
    report = json.loads(job.report.read_text(encoding="utf-8"))[split]
    names = {c.id: c.name for c in analysis.load(JobDir(record.directory), split).classes}
    warning = nothing_right(record.task, report)

    def words() -> None:
        _say_metrics(report)
        _say_classes(report, names)
        if warning:
            note(f"warning: {warning}")

    content = {"run": run, "split": split, "warning": warning, **report}
    answer(content, as_json=as_json, words=words)
    return 0


def judged_at(found: Analysis, score: float | None) -> tuple[float, bool, Verdict]:
    """The score from which objects count (that of the run where None is named), whether classes
    count from scores of their own, as they do where some were chosen and none is named; the
    verdict."""
    chosen = found.chosen.common if score is None else score
    own = score is None and bool(found.own_scores)
    return chosen, own, likely.judged(found, score=chosen, iou=_OVERLAP, own=own)


@click.command("errors")
@project_argument
@run_argument
@click.option(
    "--split",
    type=click.Choice([s.value for s in Split]),
    default="val",
    show_default=True,
    help="The part that was judged.",
)
@click.option("--kind", help="Only this kind, as missed, false-alarm or wrong-class.")
@click.option(
    "--limit", type=WholeNumber(min=1), default=20, show_default=True, help="How many of them."
)
@click.option(
    "--score", type=Share(), help="Score from which objects count; else those chosen, or the best."
)
@as_json
def errors_command(
    project: Path, run: int, split: str, kind: str | None, limit: int, score: float | None,
    as_json: bool,
) -> None:  # fmt: skip
    """What a run gets wrong, worst first, with the images and annotations to look at."""
    with opened(project) as open_project:
        found = analysis.load(runs.job_of(runs.get(open_project, run)), split)
    chosen, own, verdict = judged_at(found, score)
    kinds = [entry.kind for entry in verdict.kinds]
    wanted = kinds[0] if kind is None else kind_named(kind)
    if wanted not in kinds:
        offered = ", ".join(dict.fromkeys(kinds))
        raise click.BadParameter(f'"{kind}" is none of: {offered}.', param_hint="--kind")
    names = {0: found.snapshot.task.no_class} | {c.id: c.name for c in found.classes}
    cases = verdict.cases(wanted)
    rows: list[dict[str, Any]] = [
        {
            "kind": case.kind,
            "image": str(found.images[case.image_id].path),
            "image_id": case.image_id,
            "annotation_id": case.annotation_id,
            "labelled": names[case.labelled],
            "predicted": names[case.predicted],
            "score": case.score,
            "box": [case.box.x, case.box.y, case.box.w, case.box.h] if case.box else None,
        }
        for case in cases[:limit]
    ]
    counts = {entry.kind: entry.count for entry in verdict.kinds}

    def words() -> None:
        click.echo(", ".join(f"{entry.count:,} {entry.title.lower()}" for entry in verdict.kinds))
        if verdict.withheld:
            note(verdict.withheld)
        table(
            ("kind", "labelled", "predicted", "score", "image"),
            [
                (row["kind"], row["labelled"], row["predicted"], figure(row["score"], 2),
                 Path(row["image"]).name)
                for row in rows
            ],
        )  # fmt: skip

    content = {
        "run": run,
        "split": split,
        "score": chosen,
        "own_scores": own,
        "counts": counts,
        "withheld": verdict.withheld,
        "errors": rows,
    }
    answer(content, as_json=as_json, words=words)


def with_network(project: Project, run_id: int) -> RunRecord:
    """A run that has a network. Raises RunError for one that has none yet."""
    run = runs.get(project, run_id)
    if not runs.job_of(run).best.exists():
        raise RunError(f"Run {run_id} is {runs.status(run)} and has no network yet.")
    return run


def finish(job: JobDir, title: str) -> RunState:
    """Show a smaller job to its end. Raises RunError with its own words when it fails."""
    follower = Follower(job, title)
    try:
        status = follower.follow()
    except KeyboardInterrupt:
        launch.end(job)
        raise
    if follower.state.failed is not None:
        raise RunError(follower.state.failed.text)
    if status is not RunStatus.FINISHED:
        raise RunError(f"{title}: {status}.")
    return follower.state


def _say_metrics(report: Mapping[str, Any]) -> None:
    """Each figure, with the range in which 95 of 100 lie when the images are drawn again."""
    intervals, why_not = report.get("intervals", {}), report.get("no_interval", {})
    for name, value in report["metrics"].items():
        between = f" ({why_not[name]})" if name in why_not else ""
        if name in intervals:
            low, high = intervals[name]
            between = f" (95 %: {figure(low)} to {figure(high)})"
        click.echo(f"{name}: {figure(value)}{between}")


def _say_classes(report: Mapping[str, Any], names: Mapping[int, str]) -> None:
    rows = report.get("per_class", [])
    if not rows:
        return
    columns = [name for name in rows[0] if name not in _ONLY_IN_JSON]
    table(
        ("class", "labelled", *columns),
        [
            (names.get(row["class"], "background"), row["labelled"],
             *(figure(row[c]) if isinstance(row[c], float | None) else row[c] for c in columns))
            for row in rows
        ],
    )  # fmt: skip


_ONLY_IN_JSON = (
    "class", "labelled", "correct", "F1", "best score", "intervals", "no_interval", "AP75",
    "AP small", "AP medium", "AP large", "AUROC",
)  # fmt: skip
"""Figures of a class without a column of their own: the table has to fit a terminal."""

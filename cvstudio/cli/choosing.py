"""`cvstudio thresholds`, `calibrate`, `slices`: what is chosen for a run, and where it is weak."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cvstudio.cli.output import (
    Share,
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
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics.resampling import Measured
from cvstudio.core.metrics.sheet_json import reliability_json
from cvstudio.core.sureness import Correction
from cvstudio.core.thresholds import Aim, thresholds_of
from cvstudio.core.words import counted
from cvstudio.project import analysis, choosing, runs, slices
from cvstudio.project.measuring import measure
from cvstudio.project.slices import Slice, Sliced


@click.command("thresholds")
@project_argument
@run_argument
@click.option("--best-f1", "best_f1", is_flag=True, help="For each class the score of best F1.")
@click.option("--precision", type=Share(), help="For each class the wanted precision.")
@click.option("--recall", type=Share(), help="For each class the wanted recall.")
@click.option("--clear", is_flag=True, help="Count all classes from one score again.")
@as_json
def thresholds_command(
    project: Path, run: int, best_f1: bool, precision: float | None, recall: float | None,
    clear: bool, as_json: bool,
) -> None:  # fmt: skip
    """The score from which each class counts: chosen on val, kept with the run and its exports."""
    asked = [best_f1, precision is not None, recall is not None, clear]
    if sum(asked) > 1:
        raise click.UsageError("Choose one of --best-f1, --precision, --recall and --clear.")
    with opened(project) as open_project:
        job = runs.job_of(runs.get(open_project, run))
    names = {c.id: c.name for c in analysis.load(job, Split.VAL).classes}
    rows: list[dict[str, Any]] = []
    if clear:
        choosing.forget(job)
    elif any(asked):
        aim = Aim.F1 if best_f1 else Aim.PRECISION if precision is not None else Aim.RECALL
        wanted = precision if precision is not None else recall
        chosen = choosing.choices(job, aim, wanted)
        choosing.take(job, chosen, aim, wanted)
        rows = [
            {"class": names[c.class_id], "score": c.score, "precision": _known(c.precision),
             "recall": _known(c.recall), "why_not": c.why_not}
            for c in chosen
        ]  # fmt: skip
    content = {"run": run, **_in_force(job, names), "chosen": rows}
    answer(content, as_json=as_json, words=lambda: _say_thresholds(content))


def _known(value: float) -> float | None:
    return None if value != value else value


def _in_force(job: JobDir, names: dict[int, str]) -> dict[str, Any]:
    told = thresholds_of(job.path)
    return {
        "score": told.score,
        "per_class": {names[c]: told.own.get(c) for c in names} if told.applied else {},
        "aim": told.aim.value if told.aim is not None else None,
        "wanted": told.wanted,
    }


def _say_thresholds(content: dict[str, Any]) -> None:
    if content["chosen"]:
        table(
            ("class", "score", "precision", "recall", ""),
            [
                (row["class"], figure(row["score"], 3), figure(row["precision"]),
                 figure(row["recall"]), row["why_not"])
                for row in content["chosen"]
            ],
        )  # fmt: skip
        note("Kept with the run; its exported files say so too.")
    elif content["per_class"]:
        rows = [(name, figure(score, 3)) for name, score in content["per_class"].items()]
        table(("class", "score"), rows)
    else:
        click.echo(f"All classes count from {figure(content['score'], 3)}.")


@click.command("calibrate")
@project_argument
@run_argument
@click.option("--take", is_flag=True, help="Read the run's answers with what fits val best.")
@click.option("--clear", is_flag=True, help="Read them as they are again.")
@as_json
def calibrate_command(project: Path, run: int, take: bool, clear: bool, as_json: bool) -> None:
    """Whether a network that says 0.8 is right 8 of 10 times, and what mends it: a temperature for
    classes of images and pixels, Platt scaling for objects."""
    if take and clear:
        raise click.UsageError("Choose one of --take and --clear.")
    with opened(project) as open_project:
        job = runs.job_of(runs.get(open_project, run))
    if clear:
        choosing.take_correction(job, None)
    found = choosing.calibration(job)
    if found is None:
        raise RunError(choosing.why_nothing_fits(job))
    if take:
        choosing.take_correction(job, found.fitted)
    taken = thresholds_of(job.path).correction
    content = {
        "run": run,
        **_figures_of(found.fitted),
        "taken": None if taken is None else _figures_of(taken),
        "images": found.images,
        "answers": found.before.count,
        "before": reliability_json(found.before),
        "after": reliability_json(found.after),
    }

    def words() -> None:
        click.echo(f"ECE as it is: {_with_range(found.before.error)}")
        click.echo(
            f"ECE at {found.fitted.words}: {_with_range(found.after.error)}"
            f" (fitted on {counted(found.images, 'image')} of val)"
        )
        click.echo(f"The run is read {'as it is' if taken is None else f'at {taken.words}'}.")

    answer(content, as_json=as_json, words=words)


def _figures_of(correction: Correction) -> dict[str, Any]:
    """The temperature, or slope and shift of Platt scaling; null for the other."""
    platt = correction.platt
    scaling = None if platt is None else {"slope": platt.slope, "shift": platt.shift}
    return {"temperature": correction.temperature, "platt": scaling}


@click.command("slices")
@project_argument
@run_argument
@click.option(
    "--split", type=click.Choice([s.value for s in Split]), default="val", show_default=True,
    help="The part that was judged.",
)  # fmt: skip
@click.option("--score", type=Share(), help="Score from which objects count.")
@click.option(
    "--query", "asked", multiple=True,
    help='One more part, as "class:RBC size<20"; may be given again.',
)  # fmt: skip
@click.option("--all", "every", is_flag=True, help="All parts, not only those that are worse.")
@as_json
def slices_command(
    project: Path, run: int, split: str, score: float | None, asked: tuple[str, ...], every: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """The parts of a split on which a run does worse than on the rest, and not by chance."""
    with opened(project) as open_project:
        job = runs.job_of(runs.get(open_project, run))
        found = analysis.load(job, split)
        looks = measure(open_project, found.images)
        with open_project.read() as session:
            facts = slices.facts_of(session, list(found.images), looks, more=asked)
    chosen = found.chosen.common if score is None else score
    sliced = slices.look(
        found, facts, score=chosen, iou=choosing.OVERLAP, own=score is None,
        others=slices.on_other_splits(job, found),
    )  # fmt: skip
    shown = [s for s in sliced.slices if every or s.worse or s.kind == "query"]
    content = {
        "run": run,
        "split": split,
        "score": chosen if found.has_scores else None,
        "figure": sliced.figure,
        "whole": sliced.whole.value,
        "interval": sliced.whole.interval,
        "looked_at": sliced.looks,
        "slices": [_slice_json(each) for each in shown],
    }
    answer(content, as_json=as_json, words=lambda: _say_slices(sliced, shown))


def _slice_json(each: Slice) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "name": each.name,
        "value": _known(each.part.figure.value),
        "interval": each.part.figure.interval,
        "above_rest": _known(each.part.above_rest.value),
        "chance": each.chance,
        "worse": each.worse,
        "units": each.part.units,
        "image_count": each.part.images,
        "images": list(each.image_ids),
    }


def _say_slices(sliced: Sliced, shown: list[Slice]) -> None:
    click.echo(f"{sliced.figure} of all: {_with_range(sliced.whole)}")
    if not sliced.worst:
        note(f"None of the {sliced.looks} parts looked at is worse beyond chance.")
    if shown:
        table(
            ("part", "of", sliced.figure, "95 %", "images", ""),
            [
                (each.name, each.kind, figure(_known(each.part.figure.value)),
                 _range(each.part.figure), each.part.images, "worse" if each.worse else "")
                for each in shown
            ],
        )  # fmt: skip


def _range(measured: Measured) -> str:
    between = measured.interval
    return f"{between[0]:.3f} to {between[1]:.3f}" if between is not None else measured.why_no_range


def _with_range(measured: Measured) -> str:
    between, before = _range(measured), "95 %: " if measured.interval is not None else ""
    return f"{figure(_known(measured.value))}" + (f" ({before}{between})" if between else "")

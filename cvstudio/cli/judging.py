"""Judging and taking home from the terminal: evaluate, errors, explain, export, predict."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
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
from cvstudio.core import proof
from cvstudio.core.annotation import Annotation, Split
from cvstudio.core.config import EvaluateConfig, ExplainConfig, ExportConfig, Views
from cvstudio.core.errors import RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import USUAL_SCORE, nothing_right
from cvstudio.core.run_state import RunState
from cvstudio.core.words import counted
from cvstudio.imaging.decode import is_image_name
from cvstudio.project import analysis, launch, queries, runs, snapshots
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord, RunRecord
from cvstudio.project.run_status import RunStatus

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
        record = _with_network(open_project, run)
        snapshot = None
        if labels == "now":
            with open_project.read() as session:
                snapshot = snapshots.build(session, open_project)
        config = EvaluateConfig(
            run_directory=record.directory, split=split, device=device, views=Views(views)
        )
        job = runs.start_job(open_project, run, config, snapshot=snapshot)
    finish(job, f"Judging run {run} on {split}")
    report = json.loads(job.report.read_text(encoding="utf-8"))[split]
    names = {c.id: c.name for c in analysis.load(JobDir(record.directory), split).classes}
    warning = nothing_right(record.task, report)

    def words() -> None:
        _say_metrics(report["metrics"], report.get("intervals", {}))
        _say_classes(report, names)
        if warning:
            note(f"warning: {warning}")

    content = {"run": run, "split": split, "warning": warning, **report}
    answer(content, as_json=as_json, words=words)
    return 0


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
@click.option("--kind", help="Only this kind, as missed, extra or wrong class.")
@click.option(
    "--limit", type=WholeNumber(min=1), default=20, show_default=True, help="How many of them."
)
@click.option("--score", type=Share(), help="Score from which objects count.")
@as_json
def errors_command(
    project: Path, run: int, split: str, kind: str | None, limit: int, score: float | None,
    as_json: bool,
) -> None:  # fmt: skip
    """What a run gets wrong, worst first, with the images and annotations to look at."""
    with opened(project) as open_project:
        found = analysis.load(runs.job_of(runs.get(open_project, run)), split)
    best = found.best_score(0.5)
    chosen = score if score is not None else USUAL_SCORE if math.isnan(best) else best
    verdict = found.judge(score=chosen, iou=0.5)
    kinds = [entry.kind for entry in verdict.kinds]
    if kind is not None and kind not in kinds:
        offered = ", ".join(dict.fromkeys(kinds))
        raise click.BadParameter(f'"{kind}" is none of: {offered}.', param_hint="--kind")
    names = {0: "nothing"} | {c.id: c.name for c in found.classes}
    cases = verdict.cases(kind if kind is not None else kinds[0])
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
        "counts": counts,
        "withheld": verdict.withheld,
        "errors": rows,
    }
    answer(content, as_json=as_json, words=words)


@click.command("explain")
@project_argument
@run_argument
@click.argument("image")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The PNG to write.",
)
@click.option("--class", "class_name", help="The class to explain; else the likeliest.")
@click.option(
    "--object", "annotation_id", type=WholeNumber(min=1), help="Id of the annotation to explain."
)
@click.option("--page", type=WholeNumber(min=1), help="Page of a file with several, from 1 on.")
@device_option
@as_json
def explain_command(
    project: Path, run: int, image: str, output: Path, class_name: str | None,
    annotation_id: int | None, page: int | None, device: str, as_json: bool,
) -> None:  # fmt: skip
    """A heat map of what a run's network looks at. IMAGE is a file, or an image's name or id."""
    with opened(project) as open_project:
        record = _with_network(open_project, run)
        path, number = _image(open_project, image, page)
        thing = _annotation(open_project, annotation_id)
        class_id = _class_id(open_project, class_name)
        if class_id is None and thing is not None:
            class_id = thing.class_id
        config = ExplainConfig(
            run_directory=record.directory,
            image=path,
            page=number,
            class_id=class_id,
            box=(thing.box.x, thing.box.y, thing.box.w, thing.box.h) if thing else None,
            device=device,
            output=output.absolute(),
        )
        job = runs.start_job(open_project, run, config)
    finish(job, f"Explaining {path.name}")
    content = json.loads((job.path / "heat.json").read_text(encoding="utf-8"))
    answer(
        {"output": str(output.absolute()), **content},
        as_json=as_json,
        words=lambda: click.echo(f"Wrote {output}"),
    )


@click.command("export-network")
@project_argument
@run_argument
@click.option("--format", "format_", type=click.Choice(["onnx"]), default="onnx", show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write.",
)
@click.option("--int8", is_flag=True, help="Quantised: smaller and faster, measured on val.")
@click.option("--verify/--no-verify", default=True, help="Prove it against the checkpoint.")
@as_json
def export_network_command(
    project: Path, run: int, format_: str, output: Path, int8: bool, verify: bool, as_json: bool
) -> None:  # fmt: skip
    """Write a run's network as an ONNX file that is proven to compute the same."""
    with opened(project) as open_project:
        record = _with_network(open_project, run)
        config = ExportConfig(
            run_directory=record.directory, output=output.absolute(), int8=int8, verify=verify
        )
        job = runs.start_job(open_project, run, config)
    finish(job, f"Exporting run {run}")
    content = json.loads((job.path / "verification.json").read_text(encoding="utf-8"))

    def words() -> None:
        click.echo(f"Wrote {output} ({output.stat().st_size / 1e6:.1f} MB)")
        _say_proof(content)

    answer(content, as_json=as_json, words=words)


@click.command("predict")
@click.argument("network", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The JSON file to write; else it is printed.",
)
@as_json
def predict_command(
    network: Path, images: tuple[Path, ...], output: Path | None, as_json: bool
) -> int:  # fmt: skip
    """Use an exported network on image files and folders; needs no project and no torch."""
    from cvstudio.ml.predict import predict_files

    files: list[Path] = []
    for path in images:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [p for p in inside if not path.is_dir() or is_image_name(p.name)]
    content = predict_files(network, files, output)
    if content["warning"]:
        note(f"warning: {content['warning']}")
    for problem in content["problems"]:
        note(f"{problem['file']}: {problem['problem']}")
    if output is None or as_json:
        click.echo(json.dumps(content, ensure_ascii=False, indent=1))
    if output is not None:
        note(f"Wrote {output}: {counted(len(content['images']), 'image')}")
    return 0 if content["images"] else 1


def _with_network(project: Project, run_id: int) -> RunRecord:
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


def _image(project: Project, words: str, page: int | None) -> tuple[Path, int]:
    """A file of the disk, or an image of the project by its id or its name, with its page."""
    path = Path(words)
    if path.is_file():
        return path.absolute(), (page or 1) - 1
    with project.read() as session:
        every = queries.images(session, queries.image_ids(session))
    found = [
        image
        for image in every
        if words in (str(image.id), image.name, image.uri) and page in (None, image.page + 1)
    ]
    if len(found) != 1:
        problem = f"{len(found)} images are called" if found else "There is no image"
        raise click.BadParameter(f'{problem} "{words}".', param_hint="IMAGE")
    image: ImageRecord = found[0]
    return project.image_path(image), image.page


def _class_id(project: Project, name: str | None) -> int | None:
    if name is None:
        return None
    with project.read() as session:
        classes = queries.classes(session)
    found = next((c.id for c in classes if name in (c.name, str(c.id))), None)
    if found is None:
        names = ", ".join(c.name for c in classes)
        raise click.BadParameter(f'"{name}" is none of: {names}.', param_hint="--class")
    return found


def _annotation(project: Project, annotation_id: int | None) -> Annotation | None:
    if annotation_id is None:
        return None
    with project.read() as session:
        found = queries.annotation(session, annotation_id)
    if found is None:
        raise click.BadParameter(f"There is no annotation {annotation_id}.", param_hint="--object")
    return found


def _say_metrics(
    metrics: Mapping[str, float | None], intervals: Mapping[str, Sequence[float]]
) -> None:
    """Each figure, with the range in which 95 of 100 lie when the images are drawn again."""
    for name, value in metrics.items():
        between = ""
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


_ONLY_IN_JSON = ("class", "labelled", "correct", "F1", "best score")
"""Figures of a class without a column of their own: the table has to fit a terminal."""


def _say_proof(content: Mapping[str, Any]) -> None:
    """The verification of an exported file: each check, the times, the 8-bit file."""
    if content["verified"] is None:
        note("It was not verified.")
        return
    marks = {True: "passed", False: "failed", None: "told"}
    for check in content["checks"]:
        allowed = proof.allowed([check]) if check["allowed"] is not None else ""
        limit = f" ({allowed})" if allowed else ""
        name = f"{proof.sentence(check['check'])}{_BITS[check['precision']]}"
        click.echo(f"{marks[check['passed']]}: {name}: {proof.value(check) or '–'}{limit}")
    for times in content["latency"]:
        click.echo(f"{times['what']}: {times['median']:.1f} ms an image on the {times['device']}")
    if content["int8"]:
        click.echo(f"8 bits: {_in_words(content['int8'])}")


_BITS = {"float32": "", "int8": " (8 bits)"}


def _in_words(row: Mapping[str, Any]) -> str:
    """A row of a report as "name value, ..."; what is empty or nested is left out."""
    shown = {k: v for k, v in row.items() if k != "passed" and isinstance(v, str | float | int)}
    parts = [f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
             for name, value in shown.items() if value != ""]  # fmt: skip
    return ", ".join(parts)

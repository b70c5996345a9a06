"""Heat maps from the terminal: of an image, of all errors of a kind, the mean of each class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from cvstudio.cli.images import image_called
from cvstudio.cli.judging import device_option, finish, judged_at, with_network
from cvstudio.cli.output import Share, WholeNumber, answer, as_json, opened
from cvstudio.core.annotation import Annotation, Split
from cvstudio.core.config import ExplainCase, ExplainConfig, ExplainManyConfig
from cvstudio.core.error_kinds import kind_named
from cvstudio.core.explaining import METHODS, OCCLUSION, USUAL
from cvstudio.core.metrics import USUAL_SCORE
from cvstudio.core.words import counted
from cvstudio.project import analysis, queries, runs
from cvstudio.project.explained_cases import explain_case
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord

_KINDS = "missed, false-alarm, wrong-class, all and the others that `cvstudio errors` lists"


@click.command("explain")
@click.argument("what", nargs=-1, metavar="[PROJECT RUN] [IMAGE]")
@click.option(
    "-o",
    "--output",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The PNG to write; with --errors or --mean the folder.",
)
@click.option(
    "--method",
    type=click.Choice([method.key for method in METHODS]),
    default=USUAL,
    show_default=True,
    help="What the map is made from.",
)
@click.option("--layer", default="", help='The map to look at: 1 the last, 2 the next, or "all".')
@click.option("--class", "class_name", help="The class to explain; else the likeliest.")
@click.option(
    "--object", "annotation_id", type=WholeNumber(min=1), help="Id of the annotation to explain."
)
@click.option("--page", type=WholeNumber(min=1), help="Page of a file with several, from 1 on.")
@click.option("--check", is_flag=True, help="Say too whether the map follows what was learned.")
@click.option(
    "--opacity", type=Share(), default=0.75, show_default=True, help="Of the hottest places."
)
@click.option(
    "--file",
    "onnx",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Ask an exported file instead of a run (occlusion); needs no project.",
)
@click.option("--errors", "kind", help=f"Draw every error of a kind: {_KINDS}.")
@click.option("--mean", is_flag=True, help="The mean heat map of each class of a split.")
@click.option(
    "--split",
    type=click.Choice([s.value for s in Split]),
    default="val",
    show_default=True,
    help="The part that --errors and --mean look at.",
)
@device_option
@as_json
def explain_command(
    what: tuple[str, ...], output: Path, method: str, layer: str, class_name: str | None,
    annotation_id: int | None, page: int | None, check: bool, opacity: float, onnx: Path | None,
    kind: str | None, mean: bool, split: str, device: str, as_json: bool,
) -> None:  # fmt: skip
    """A heat map of what a network looks at. IMAGE is a file, or an image's name or id.

    explain PROJECT RUN IMAGE -o heat.png asks the network of a run, explain IMAGE --file net.onnx
    -o heat.png an exported one. With --errors or --mean no image is named, and -o is a folder.
    """
    if onnx is not None:
        if method not in (USUAL, OCCLUSION) or kind is not None or mean or check or layer:
            raise click.UsageError("An exported file only answers: ask it with --method occlusion.")
        content = _of_file(onnx, _one(what, "IMAGE"), output, class_name, page, opacity)
        answer(content, as_json=as_json, words=lambda: _say(content))
        return
    many = mean or kind is not None
    if len(what) != (2 if many else 3):
        raise click.UsageError("Name PROJECT and RUN" + ("." if many else " and IMAGE."))
    project, number = Path(what[0]), _number(what[1])
    more = {"method": method, "layer": layer, "opacity": opacity, "device": device}
    if many:
        content = _many(project, number, output, split, None if mean else kind, more)
    else:
        content = _of_image(
            project, number, what[2], output, class_name, annotation_id, page,
            {**more, "check": check},
        )  # fmt: skip
    answer(content, as_json=as_json, words=lambda: _say(content))


def _say(content: dict[str, Any]) -> None:
    click.echo(f"Wrote {content['output']}")
    if content.get("pictures"):
        click.echo(f"{counted(content['pictures'], 'picture')}, listed in pictures.csv")
    for row in content.get("classes", []):
        click.echo(_say_mean(row, content["of"]))
    for words in (content.get("note"), content.get("check", {}).get("words")):
        if words:
            click.echo(words)
    if content.get("caveat"):
        click.echo(content["caveat"])


def _one(what: tuple[str, ...], name: str) -> Path:
    path = Path(what[0]) if len(what) == 1 else None
    if path is None or not path.is_file():
        raise click.UsageError(f"Name one {name}, a file.")
    return path


def _number(words: str) -> int:
    if not words.isdigit() or int(words) < 1:
        raise click.BadParameter(f'"{words}" is no number of a run.', param_hint="RUN")
    return int(words)


def _say_mean(row: dict[str, Any], of: str) -> str:
    looked = counted(row["looked"], of)
    if row["file"] is None:
        return f"{row['name']}: no mean, as the network finds none of {looked}"
    return f"{row['name']}: mean of {row['count']:,} found of {looked}, {row['file']}"


def _of_image(
    project: Path, number: int, image: str, output: Path, class_name: str | None,
    annotation_id: int | None, page: int | None, more: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    with opened(project) as open_project:
        record = with_network(open_project, number)
        path, place = _image(open_project, image, page)
        thing = _annotation(open_project, annotation_id)
        class_id = _class_id(open_project, class_name)
        if class_id is None and thing is not None:
            class_id = thing.class_id
        config = ExplainConfig(
            run_directory=record.directory, image=path, page=place, class_id=class_id,
            box=(thing.box.x, thing.box.y, thing.box.w, thing.box.h) if thing else None,
            output=output.absolute(), **more,
        )  # fmt: skip
        job = runs.start_job(open_project, number, config)
    finish(job, f"Explaining {path.name}")
    content = json.loads((job.path / "heat.json").read_text(encoding="utf-8"))
    return {"output": str(output.absolute()), **content}


def _many(
    project: Path, number: int, folder: Path, split: str, kind: str | None, more: dict[str, Any]
) -> dict[str, Any]:
    """Every error of a kind as a picture, or (None) the mean of each class."""
    with opened(project) as open_project:
        record = with_network(open_project, number)
        cases, score = ((), USUAL_SCORE) if kind is None else _cases(record, split, kind)
        config = ExplainManyConfig(
            run_directory=record.directory, split=split, cases=cases, folder=folder.absolute(),
            score=score, **more,
        )  # fmt: skip
        job = runs.start_job(open_project, number, config)
    finish(job, f"Explaining run {number} on {split}")
    content: dict[str, Any] = {"output": str(folder.absolute()), "split": split}
    if kind is not None:
        return {**content, "pictures": len(list(folder.glob("*.png")))}
    return {**content, **json.loads((folder / "averages.json").read_text(encoding="utf-8"))}


def _cases(record: RunRecord, split: str, kind: str) -> tuple[tuple[ExplainCase, ...], float]:
    """The errors of a kind, worst first, and the score from which objects count."""
    found = analysis.load(runs.job_of(record), split)
    score, _own, verdict = judged_at(found, None)
    kinds = [entry.kind for entry in verdict.kinds]
    wanted = kind_named(kind)
    if wanted not in kinds:
        offered = ", ".join(dict.fromkeys(kinds))
        raise click.BadParameter(f'"{kind}" is none of: {offered}.', param_hint="--errors")
    names = {0: found.snapshot.task.no_class} | {c.id: c.name for c in found.classes}
    cases = verdict.cases(wanted)
    if not cases:
        words = f"There are no errors of the kind {wanted}."
        raise click.BadParameter(words, param_hint="--errors")
    return tuple(explain_case(case, names) for case in cases), score


def _of_file(
    onnx: Path, image: Path, output: Path, class_name: str | None, page: int | None, opacity: float
) -> dict[str, Any]:
    """Occlusion of an exported file, an ONNX one without torch; Ctrl+C ends it."""
    import numpy as np

    from cvstudio.imaging.decode import read_rgb
    from cvstudio.imaging.heat import overlay
    from cvstudio.ml.explaining.occlusion import asked_file, occlude
    from cvstudio.ml.explaining.picture import write_picture
    from cvstudio.ml.predict import ExportedNetwork, OnnxNetwork
    from cvstudio.ml.seeing import see

    if onnx.suffix.lower() == ".onnx":
        network: ExportedNetwork = OnnxNetwork(onnx)  # needs no torch
    else:
        from cvstudio.ml.exporting.engines import open_exported

        network = open_exported(onnx)
    known = {c.name: c.id for c in network.classes} | {str(c.id): c.id for c in network.classes}
    if class_name is not None and class_name not in known:
        names = ", ".join(c.name for c in network.classes)
        raise click.BadParameter(f'"{class_name}" is none of: {names}.', param_hint="--class")
    where = (image, (page or 1) - 1, network.record.window)
    rgb = see(*where, network.preprocessor)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"Explaining {image.name}", total=None)
        found = occlude(
            asked_file(network), rgb, class_id=known[class_name] if class_name else None,
            tell=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if rgb.dtype != np.uint8:  # the picture under the heat is for people
        rgb = read_rgb(*where)
    write_picture(output, overlay(rgb, found.heat, opacity))
    box = found.box
    return {
        "output": str(output.absolute()), "class": found.class_id, "score": found.score,
        "box": [box.x, box.y, box.w, box.h] if box else None, "method": OCCLUSION,
    }  # fmt: skip


def _image(project: Project, words: str, page: int | None) -> tuple[Path, int]:
    """A file of the disk, or an image of the project by its id or its name, with its page."""
    path = Path(words)
    if path.is_file():
        return path.absolute(), (page or 1) - 1
    image = image_called(project, words, page=page)
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

"""Images and labels from the terminal: import, export, and the formats there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cvstudio.cli.output import answer, as_json, note, opened, project_argument, table
from cvstudio.core.annotation import Review, Split
from cvstudio.core.words import alike_sentences, counted, look_alikes
from cvstudio.formats.table import all_formats
from cvstudio.imaging.video import Step
from cvstudio.project import commands, exporting, import_choices, importing, queries, splits
from cvstudio.project.import_words import what_became
from cvstudio.project.importing import ImportPlan
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter
from cvstudio.project.splits import Fractions

SAID_EVERY = 2.0
SHOWN_PROBLEMS = 20
_LABELLED = (Review.LABELLED, Review.REVIEWED, Review.EMPTY)


class _Shares(click.ParamType["Fractions"]):
    """Three shares that add up to 1: "0.7,0.2,0.1"."""

    name = "shares"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fractions:  # fmt: skip
        try:
            train, val, test = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail("give three shares, as 0.7,0.2,0.1", param, ctx)
        if abs(train + val + test - 1) > 1e-6 or min(train, val, test) < 0:
            self.fail("the three shares must add up to 1", param, ctx)
        return train, val, test


class _Frames(click.ParamType["Step"]):
    """Which frames of a video: "10" or "2s"."""

    name = "step"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Step:
        text = str(value).strip()
        try:
            step = Step(seconds=float(text[:-1])) if text.endswith("s") else Step(int(text))
        except ValueError:
            self.fail("give a number of frames, as 10, or of seconds, as 2s", param, ctx)
        wanted = step.seconds if text.endswith("s") else step.frames
        if not 0 < wanted < 1e9:
            self.fail("the step must be above 0", param, ctx)
        return step


@click.command("import")
@project_argument
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "format_",
    default="auto",
    show_default=True,
    help="A name that `cvstudio formats` lists, images, or auto.",
)
@click.option(
    "--copy/--reference",
    default=False,
    help="Copy the images into the project, or use them where they are (default).",
)
@click.option("--splits", type=_Shares(), help="Divide new images: train,val,test shares.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the division.")
@click.option(
    "--class-map",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For colour-coded masks: which colour is which class.",
)
@click.option(
    "--empty",
    "bare",
    type=click.Choice(["stated", "unlabelled", "empty"]),
    default="stated",
    show_default=True,
    help="Images without annotations: empty where the source says so (and else unlabelled), all"
    " unlabelled, or all reviewed and empty.",
)
@click.option(
    "--group-by",
    type=click.Choice(["file", "folder"]),
    default="file",
    show_default=True,
    help="Which images never part into different splits: pages of one file, or those of a folder.",
)
@click.option(
    "--class",
    "renames",
    multiple=True,
    metavar="OLD=NEW",
    help="Let a class of the source come in under another name; OLD= leaves it out.",
)
@click.option(
    "--step",
    type=_Frames(),
    default="10",
    show_default=True,
    metavar="N|Ts",
    help="Of a video: every Nth frame, or one every T seconds (2s, 0.5s).",
)
@click.option("--dry-run", is_flag=True, help="Only say what would come in, and what is wrong.")
@as_json
def import_command(
    project: Path, source: Path, format_: str, copy: bool, splits: Fractions | None, seed: int,
    class_map: Path | None, bare: importing.Bare, group_by: importing.GroupBy,
    renames: tuple[str, ...], step: Step, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Bring images, with or without labels, into a project: one undo step."""
    with opened(project, write=not dry_run) as open_project:
        plan = importing.plan(
            open_project, source, format=format_, class_map=class_map, step=step,
            progress=_progress(),
        )  # fmt: skip
        _rename(open_project, plan, renames)
        advice = _advice(open_project, plan)
        content = _planned(plan) | {"advice": advice}
        for sentence in advice:
            note(f"advice: {sentence}")
        if dry_run:
            answer(content, as_json=as_json, words=lambda: _say_plan(plan))
            return
        report = importing.run(
            open_project, plan, copy=copy, bare=bare, group_by=group_by, splits=splits, seed=seed,
            progress=_progress(),
        )  # fmt: skip
    content |= {
        "added": report.added,
        "known": report.known,
        "annotations": report.annotations,
        "doubles": report.doubles,
        "empty": report.empty,
        "unlabelled": report.bare,
        "windows": {str(depth): list(window) for depth, window in report.windows.items()},
        "image_ids": list(report.image_ids),
    }

    def words() -> None:
        for sentence in (*report.sentences(), *plan.notes()):
            click.echo(sentence)
        _say_problems(plan)

    answer(content, as_json=as_json, words=words)


@click.command("split")
@project_argument
@click.argument("shares", type=_Shares(), default=(0.7, 0.2, 0.1))
@click.option("--seed", type=int, default=0, show_default=True, help="Of the division.")
@click.option("--anew", is_flag=True, help="Divide every image again, also those with a split.")
@click.option("--by-folder", is_flag=True, help="Keep the images of one folder together.")
@as_json
def split_command(
    project: Path, shares: Fractions, seed: int, anew: bool, by_folder: bool, as_json: bool
) -> None:
    """Divide the labelled images into train, val and test: 0.7,0.2,0.1.

    Every class gets its share in each. Images that have a split keep it, unless --anew. Copies of a
    file never part.
    """
    with opened(project, write=True) as open_project:
        with open_project.read() as session:
            labelled = queries.image_ids(session, ImageFilter(reviews=_LABELLED))
            proposed = splits.propose(
                session, image_ids=labelled, fractions=shares, seed=seed, keep=not anew,
                group_by="folder" if by_folder else "group",
            )  # fmt: skip
        with open_project.transaction("Divide images") as session:
            commands.set_splits(session, proposed)
        with open_project.read() as session:
            counts = queries.split_counts(session)
    content = {str(split or "none"): count for split, count in counts.items()}

    def words() -> None:
        click.echo(", ".join(f"{name} {count:,}" for name, count in content.items()))

    answer(content, as_json=as_json, words=words)


@click.command("export")
@project_argument
@click.argument("dest", type=click.Path(path_type=Path))
@click.option("--format", "format_", required=True, help="A name that `cvstudio formats` lists.")
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice([s.value for s in Split]),
    help="Only this split; may be given several times.",
)
@click.option("--unlabelled", is_flag=True, help="Also images that nobody has labelled.")
@click.option("--labels-only", is_flag=True, help="Do not copy the images.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the format; `cvstudio formats` lists them.",
)
@as_json
def export_command(
    project: Path, dest: Path, format_: str, splits: tuple[str, ...], unlabelled: bool,
    labels_only: bool, options: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Write labelled images in another program's format, into a new folder."""
    pairs = dict(text.partition("=")[::2] for text in options)
    with opened(project) as open_project:
        report = exporting.export(
            open_project,
            dest,
            format=format_,
            splits=[Split(name) for name in splits] or None,
            unlabelled=unlabelled,
            copy_images=not labels_only,
            options=pairs,
            progress=_progress(),
        )
    content = {
        "path": str(report.path),
        "format": report.format,
        "images": report.images,
        "annotations": report.annotations,
        "losses": list(report.losses),
        "problems": [problem.text for problem in report.problems],
    }

    def words() -> None:
        for sentence in report.sentences():
            click.echo(sentence)

    answer(content, as_json=as_json, words=words)


@click.command("formats")
@as_json
def formats_command(as_json: bool) -> None:
    """The label formats that can be read and written."""
    content = [
        {
            "name": f.name,
            "title": f.title,
            "tasks": [task.value for task in f.tasks],
            "options": {name: list(values) for name, values in f.options.items()},
        }
        for f in all_formats()
    ]

    def words() -> None:
        table(
            ("name", "format", "tasks", "options"),
            [
                (f.name, f.title, ", ".join(f.tasks),
                 "; ".join(f"{n}={'|'.join(v)}" for n, v in f.options.items()))
                for f in all_formats()
            ],
        )  # fmt: skip

    answer(content, as_json=as_json, words=words)


def _progress() -> Callable[[str, int, int], None]:
    """Says on stderr what is being done when it takes long."""
    said = time.monotonic()

    def say(doing: str, done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= SAID_EVERY:
            said = now
            note(f"{doing}: {done:,} of {total:,}" if total else doing)

    return say


def _rename(project: Project, plan: ImportPlan, renames: tuple[str, ...]) -> None:
    """Carry out --class; a name that the source does not have is wrong usage."""
    known = [c.name for c in plan.classes]
    names: dict[str, str | None] = {}
    for text in renames:
        old, equals, new = text.partition("=")
        if not equals or old not in known:
            offered = ", ".join(known) or "none"
            problem = f'"{text}" is not OLD=NEW with a class of the source: {offered}.'
            raise click.BadParameter(problem, param_hint="--class")
        names[old] = new.strip() or None
    if names:
        import_choices.choose_classes(project, plan, names)


def _advice(project: Project, plan: ImportPlan) -> list[str]:
    """What may be a slip in the names of classes, with the way to change it."""
    with project.read() as session:
        present = [c.name for c in queries.classes(session)]
    alike = look_alikes(plan.new_classes, present)
    sentences = alike_sentences(plan.new_classes, present)
    return [
        f'{sentence} --class "{name}={other}" makes them one.'
        for sentence, (name, other) in zip(sentences, alike.items(), strict=True)
    ]


def _planned(plan: ImportPlan) -> dict[str, Any]:
    return {
        "source": plan.source,
        "format": plan.format,
        "images": len(plan.images),
        "already_there": plan.known_count,
        "annotations": plan.annotation_count,
        "classes": plan.class_counts(),
        "new_classes": plan.new_classes,
        "videos": [
            {
                "path": str(found.path),
                "frames": found.frames,
                "seconds": found.seconds,
                "images": len(found.chosen),
            }
            for found in plan.videos
        ],
        "said_to_be_empty": plan.empty_count,
        "without_annotations": plan.bare_count,
        "splits": {(s.value if s else "none"): n for s, n in plan.split_counts().items()},
        "notes": plan.notes(),
        "problems": [
            {
                "kind": problem.kind.value,
                "text": problem.text,
                "path": str(problem.file) if problem.file else None,
                "line": problem.line,
            }
            for problem in plan.problems
        ],
    }


def _say_plan(plan: ImportPlan) -> None:
    there = counted(plan.known_count, "image is", "images are")
    click.echo(
        f"{plan.title}: {counted(len(plan.images), 'image')} with"
        f" {counted(plan.annotation_count, 'annotation')} would come in"
        + (f"; {there} in the project already." if plan.known_count else ".")
    )
    for found in plan.videos:
        click.echo(f"  {found.sentence}")
    for name, count in plan.class_counts().items():
        click.echo(f"  {count:,} × {name}" + (" (new)" if name in plan.new_classes else ""))
    for sentence in (*plan.notes(), *plan.silence(), *what_became(plan.problems)):
        click.echo(sentence)
    _say_problems(plan)


def _say_problems(plan: ImportPlan) -> None:
    for problem in plan.problems[:SHOWN_PROBLEMS]:
        place = f":{problem.line}" if problem.line else ""
        where = f" ({problem.file}{place})" if problem.file else ""
        note(f"{problem.kind}: {problem.text}{where}")
    if len(plan.problems) > SHOWN_PROBLEMS:
        note(f"… and {len(plan.problems) - SHOWN_PROBLEMS:,} more; --json lists all.")

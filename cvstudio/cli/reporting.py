"""A run among people: report, for those who do not have CVStudio; drift, for new images."""

from __future__ import annotations

from pathlib import Path

import click

from cvstudio.cli.judging import device_option, finish
from cvstudio.cli.output import (
    WholeNumber,
    answer,
    as_json,
    figure,
    opened,
    project_argument,
    run_argument,
    table,
)
from cvstudio.core.jobdir import replace_file
from cvstudio.core.words import percent, size_words
from cvstudio.project import drift, runs
from cvstudio.project.report import compose, to_html
from cvstudio.project.report.blocks import Report
from cvstudio.project.report.content import WORST_SHOWN


@click.command("report")
@project_argument
@run_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write: HTML for any browser, or PDF to print (.html, .pdf).",
)
@click.option(
    "--worst", type=WholeNumber(min=0), default=WORST_SHOWN, show_default=True,
    help="How many images with errors it shows.",
)  # fmt: skip
@as_json
def report_command(project: Path, run: int, output: Path, worst: int, as_json: bool) -> None:
    """One file that says all of a run: data, settings, curves, figures, errors and limits.

    As HTML it opens in every browser; as PDF it is laid out on A4. Either fetches nothing from
    elsewhere, holds pictures of the images, and needs no display to be made.
    """
    if output.suffix.lower() not in (".html", ".htm", ".pdf"):
        raise click.BadParameter(
            f'"{output.name}" does not end with .html or .pdf.', param_hint="--output"
        )
    with opened(project) as open_project:
        made = compose(open_project, runs.get(open_project, run), worst=worst)
    page = _paper(made) if output.suffix.lower() == ".pdf" else to_html(made).encode()
    replace_file(output, page)
    answer(
        {"file": str(output), "bytes": len(page), "title": made.title},
        as_json=as_json,
        words=lambda: click.echo(f"{output}: {made.title} ({size_words(len(page))})"),
    )


def _paper(report: Report) -> bytes:
    from cvstudio.paper.pdf import to_pdf  # Qt, for who wants a PDF

    return to_pdf(report)


@click.command("drift")
@project_argument
@run_argument
@click.argument(
    "images", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path),
)  # fmt: skip
@click.option(
    "--limit", type=WholeNumber(min=1), default=10, show_default=True,
    help="How many of the strangest to list.",
)  # fmt: skip
@device_option
@as_json
def drift_command(
    project: Path, run: int, images: tuple[Path, ...], limit: int, device: str, as_json: bool
) -> None:
    """Whether a run still knows what it looks at: new images beside those that it learned from.

    IMAGES are files and folders; they need not be in the project. Brightness, sharpness and the
    like are compared, how far the images lie from those of train as the network sees them, and how
    sure it is.
    """
    with opened(project) as open_project:
        record = runs.get(open_project, run)
    job = drift.start(record, images, device=device)
    finish(job, f"Looking at new images with run {run}")
    found = drift.read(record, job)

    def words() -> None:
        click.echo(found.headline)
        for sentence in found.sentences:
            click.echo(f"  {sentence}")
        table(
            ("measure", "usual", "new", "new one is higher"),
            [
                (title, figure(one.usual, 2), figure(one.new, 2), f"{percent(one.more)} of pairs")
                for title, one in found.shifts.items()
            ],
        )
        table(
            ("strangest", "times as far as usual"),
            [(one.path.name, figure(one.times, 1)) for one in found.strangers[:limit]],
        )

    answer(found.to_json(), as_json=as_json, words=words)

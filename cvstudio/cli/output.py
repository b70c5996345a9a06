"""What the commands share: opening the project, and answers for people or for programs (--json)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cvstudio.project.project import Project

_UNLIMITED = 10_000
"""Characters in a line of a table that nobody looks at on a screen."""

_SHORT = 16
"""Characters up to which a text is not broken."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")

project_argument = click.argument(
    "project", type=click.Path(exists=True, file_okay=False, path_type=Path)
)


class WholeNumber(click.IntRange):
    """A whole number within limits; what is none is said in words."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:  # fmt: skip
        try:
            number: int = super().convert(value, param, ctx)
        except click.BadParameter:
            limits = f" from {self.min}" if self.min is not None else ""
            limits += f" to {self.max}" if self.max is not None else " on" if limits else ""
            self.fail(f'"{value}" is not a whole number{limits}.', param, ctx)
        return number


class Share(click.FloatRange):
    """A number from 0 to 1; what is none is said in words."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:  # fmt: skip
        try:
            number: float = super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f'"{value}" is not a number from 0 to 1.', param, ctx)
        return number


class DeviceName(click.types.StringParamType):
    """Where a network computes: auto, cpu, mps, cuda or cuda with a number."""

    name = "device"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:  # fmt: skip
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
            self.fail(f'"{value}" is not auto, cpu, mps or cuda with a number.', param, ctx)
        return str(value)


run_argument = click.argument("run", type=WholeNumber(min=1))


def opened(path: Path, *, write: bool = False) -> Project:
    """A project to be used in a with statement; for reading it may be open elsewhere too."""
    return Project.open(path, write=write)


def answer(content: Any, *, as_json: bool, words: Callable[[], None]) -> None:
    """Print a result: as JSON for programs, else whatever `words` prints."""
    if as_json:
        click.echo(json.dumps(content, ensure_ascii=False, indent=1, default=str))
    else:
        words()


def note(text: str) -> None:
    """Something that is not the result: on stderr, so that results can be piped."""
    click.echo(text, err=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a plain table; columns of figures are aligned to the right.

    What goes to a file or another program is as wide as it is. On a terminal that is too narrow,
    texts go on in the next line; figures and short words are never broken.
    """
    made = Table(box=None, pad_edge=False, header_style="dim")
    for index, name in enumerate(columns):
        figures = bool(rows) and all(_is_figure(row[index]) for row in rows)
        widest = max(len(text) for text in (name, *(_cell(row[index]) for row in rows)))
        made.add_column(
            name,
            justify="right" if figures else "left",
            overflow="fold",
            min_width=widest if figures else min(widest, _SHORT),
        )
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _UNLIMITED
    console.print(made)


def figure(value: float | None, digits: int = 3) -> str:
    """A metric in words: "–" where it cannot be computed."""
    return "–" if value is None else f"{value:.{digits}f}"


def _is_figure(value: object) -> bool:
    if isinstance(value, str):
        return value == "–" or value.replace(".", "", 1).replace(",", "").isdigit()
    return isinstance(value, int | float)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)

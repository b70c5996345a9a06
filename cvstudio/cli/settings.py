"""The settings of a run as `train --help` lists them: limits and words come from TrainConfig."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import click
from pydantic.fields import FieldInfo

from cvstudio.core.recipe_limits import fields


class WithSettings(click.Command):
    """A command that takes --set; its help ends with every setting without an own option."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = {parameter.name for parameter in self.params} | {"device"}
        with formatter.section("Settings for --set KEY=VALUE"):
            formatter.write_dl(
                [
                    (f"{name} {allowed(field)}", _words(field))
                    for name, field in fields().items()
                    if name not in own
                ]
            )
        super().format_epilog(ctx, formatter)


def _words(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    return f"{field.title}{f', in {unit}' if unit else ''}. {field.description}"


def allowed(field: FieldInfo) -> str:
    """What a setting may be: "1 to 10000", "pad|stretch|crop", "true|false"."""
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(member.value for member in kind)
    if kind is bool:
        return "true|false"
    if kind in (int, float):
        return _range(field)
    return "FILE" if kind == Path | None else "TEXT"


def _range(field: FieldInfo) -> str:
    limits: dict[str, Any] = {}
    for rule in field.metadata:
        for name in ("ge", "gt", "le", "lt", "multiple_of"):
            if getattr(rule, name, None) is not None:
                limits[name] = getattr(rule, name)
    low = f"{limits['ge']}" if "ge" in limits else f"above {limits['gt']}"
    high = f"to {limits['le']}" if "le" in limits else f"to below {limits['lt']}"
    steps = f" in steps of {limits['multiple_of']}" if "multiple_of" in limits else ""
    return f"{low} {high}{steps}"


def as_option(name: str, value: object) -> str:
    """How a setting is written on the command line."""
    return f"--start {value}" if name == "start" else f"--set {name}={value}"

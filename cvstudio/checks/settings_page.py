"""The tables "What each setting means" of docs/training.md, made from the recipe's own words.

    python -m cvstudio.checks.settings_page docs/training.md

writes them anew after a setting was added or changed; a test holds the page to them.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from cvstudio.cli.settings import allowed
from cvstudio.core.recipe import holds_for, needed
from cvstudio.core.recipe_limits import extra, fields

BEGIN = "<!-- begun by cvstudio.checks.settings_page -->"
END = "<!-- ended by cvstudio.checks.settings_page -->"

_KINDS = {
    "any size": "networks that take any image size",
    "any channels": "networks that take any number of channels",
    "torchvision-detection": "torchvision's detectors",
    "yolo": "YOLO",
}


def tables() -> str:
    """A table for each group of settings, in the order of the form."""
    groups: dict[str, list[str]] = {}
    for name, field in fields().items():
        groups.setdefault(extra(field, "group"), []).append(_row(name, field))
    parts = []
    for group, rows in groups.items():
        parts += [
            f"### {group}", "",
            "| setting | for `--set` | may be | without a word | what it means |",
            "|---|---|---|---|---|", *rows, "",
        ]  # fmt: skip
    return "\n".join(parts)


def between(page: str) -> str:
    """The part of a page that is made. Raises ValueError where it has none."""
    return _parts(page)[1]


def written(page: str) -> str:
    """A page with its tables made anew. Raises ValueError where it has no place for them."""
    before, _, after = _parts(page)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def _parts(page: str) -> tuple[str, str, str]:
    before, begin, rest = page.partition(f"{BEGIN}\n")
    made, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no part between {BEGIN} and {END}")
    return before, made, after


def _row(name: str, field: FieldInfo) -> str:
    words = " ".join([str(field.description), *_only(name)])
    may = allowed(field).replace("|", ", ")
    return f"| {field.title} | `{name}` | {may} | {_default(field)} | {words} |"


def _default(field: FieldInfo) -> str:
    """What a run has that nobody told anything; a preset may have another value."""
    value: Any = field.default
    if isinstance(value, bool):
        return str(value).casefold()
    if value is None:
        return "none"
    if isinstance(value, StrEnum):
        return value.value
    zero = extra(field, "zero")
    if value == 0 and zero:
        return f"0 ({zero})"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _only(name: str) -> list[str]:
    """Sentences about what has the setting, and which other ones it needs."""
    found = []
    holds = holds_for(name)
    if holds is not None:
        found.append(f"Only for {' and '.join(_KINDS.get(each, each) for each in sorted(holds))}.")
    for need in needed(name):
        asked = [f"`{other}` {' or '.join(map(_value, values))}" for other, values in need.items()]
        found.append(f"Only with {' or '.join(asked)}.")
    return found


def _value(value: str) -> str:
    return value.casefold() if value in ("True", "False") else value


def main() -> None:
    """Write the tables of a page anew."""
    path = Path(sys.argv[1])
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

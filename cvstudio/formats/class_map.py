"""Which value or colour of a mask stands for which class: by a file, or by names made up."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvstudio.core.errors import FormatError
from cvstudio.formats.files import read_text

NAMES = (
    "class_map.json", "class_map.csv", "class_map.txt", "classes.json", "classes.csv",
    "dataset_meta.json", "labelmap.txt", "label_colors.txt", "class_dict.csv", "classes.txt",
)  # fmt: skip
"""The files that are looked for beside masks, best first."""

_BACKGROUND = frozenset(
    ("background", "void", "unlabeled", "unlabelled", "ignore", "none", "_background_")
)
_COLOURS = {
    "black": 0x000000, "white": 0xFFFFFF, "red": 0xFF0000, "green": 0x00FF00, "blue": 0x0000FF,
    "yellow": 0xFFFF00, "magenta": 0xFF00FF, "cyan": 0x00FFFF, "orange": 0xFFA500,
    "purple": 0x800080, "dark red": 0x800000, "dark green": 0x008000, "dark blue": 0x000080,
    "olive": 0x808000, "teal": 0x008080, "grey": 0x808080, "silver": 0xC0C0C0, "pink": 0xFFC0CB,
    "brown": 0xA52A2A,
}  # fmt: skip
_COLOUR_NAMES = {code: name for name, code in _COLOURS.items()}


@dataclass
class ClassMap:
    """Class names by pixel value and by colour (0xRRGGBB); None means background."""

    values: dict[int, str | None] = field(default_factory=dict)
    colours: dict[int, str | None] = field(default_factory=dict)

    def add(self, name: str, value: int | None, colour: int | None) -> None:
        kept = None if name.strip().lower() in _BACKGROUND else name.strip()
        if value is not None:
            self.values[value] = kept
        if colour is not None:
            self.colours[colour] = kept

    def colour_of(self, name: str) -> str | None:
        """The colour of a class as "#RRGGBB", if the map has one."""
        return next((hexadecimal(c) for c, n in self.colours.items() if n == name), None)

    def names(self) -> list[str]:
        """All classes in the map's order."""
        found = (*self.values.values(), *self.colours.values())
        return list(dict.fromkeys(name for name in found if name is not None))


def find(folders: Iterable[Path]) -> Path | None:
    """The class map that lies in one of some folders."""
    for folder in folders:
        for name in NAMES:
            if (folder / name).is_file():
                return folder / name
    return None


def read(file: Path) -> ClassMap:
    """A class map in JSON, CSV or lines of text. Raises FormatError with the line.

    A table with a heading (value, name, colour or r, g, b) may hold any name in quotes. Else
    lines are "name r g b", "name: r,g,b", "value,name,#RRGGBB", "value name" or a name alone
    (then numbered from 0); rows of a table may stand in any of these orders.
    """
    text = read_text(file)
    if file.suffix.lower() == ".json":
        return _from_json(text, file)
    table = _from_table(text)
    if table is not None:
        return table
    result, bare = ClassMap(), []
    for number, line in enumerate(text.splitlines(), 1):
        words = _words(line)
        if not words or line.lstrip().startswith("#") or _is_heading(words):
            continue
        name, value, colour = _take_apart(words)
        if name is None:
            raise FormatError(
                f"Line {number} of {file.name} names no class.", path=file, line=number
            )
        if value is None and colour is None:
            bare.append(name)
        else:
            result.add(name, value, colour)
    for value, name in enumerate(bare):
        result.add(name, value, None)
    return result


def _from_table(text: str) -> ClassMap | None:
    """The map in a table whose heading says which column is which; None when there is no such."""
    rows = [row for row in csv.reader(io.StringIO(text)) if any(word.strip() for word in row)]
    heading = [word.strip().lower() for word in rows[0]] if rows else []

    def place(*names: str) -> int | None:
        return next((heading.index(name) for name in names if name in heading), None)

    name, value = place("name", "class", "label"), place("value", "index", "id")
    colour, channels = place("colour", "color"), [place(c, c[0]) for c in ("red", "green", "blue")]
    known = [p for p in (value, colour, *channels) if p is not None]
    if name is None or not known:
        return None
    result = ClassMap()
    for row in rows[1:]:
        if len(row) < len(heading) or not row[name].strip():
            return None
        code = _triple(row[colour].strip()) if colour is not None else None
        if None not in channels:
            code = _triple([_number(row[p]) for p in channels if p is not None])
        result.add(row[name], _number(row[value]) if value is not None else None, code)
    return result


def _number(word: str) -> int | None:
    return int(word) if re.fullmatch(r"\s*\d{1,5}\s*", word) else None


def _words(line: str) -> list[str]:
    line = line.strip()
    if "," in line and ":" not in line:
        return [word.strip() for word in next(csv.reader(io.StringIO(line)))]
    if ":" in line:  # VOC's labelmap: name:r,g,b:parts:actions
        name, rest = line.split(":", 1)
        return [name, *re.findall(r"\d+", rest.split(":")[0])]
    return line.split("\t") if "\t" in line else line.split()


def _is_heading(words: list[str]) -> bool:
    lowered = {word.lower() for word in words}
    return bool(lowered & {"name", "class", "label"}) and bool(
        lowered & {"r", "red", "colour", "color", "rgb", "value", "index", "id"}
    )


def _take_apart(words: list[str]) -> tuple[str | None, int | None, int | None]:
    """The name, the value and the colour among the words of a line."""
    colour = next((int(w[1:], 16) for w in words if re.fullmatch(r"#[0-9a-fA-F]{6}", w)), None)
    rest = [w for w in words if not re.fullmatch(r"#[0-9a-fA-F]{6}", w)]
    numbers = [int(w) for w in rest if re.fullmatch(r"\d{1,5}", w)]
    names = [w for w in rest if not re.fullmatch(r"\d{1,5}", w) and w]
    if not names and numbers and colour is not None:
        return str(numbers[0]), numbers[0], colour
    if len(numbers) >= 3 and colour is None:
        red, green, blue = (min(n, 255) for n in numbers[-3:])
        colour, numbers = red << 16 | green << 8 | blue, numbers[:-3]
    return " ".join(names) or None, numbers[0] if numbers else None, colour


def _from_json(text: str, file: Path) -> ClassMap:
    try:
        data: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise FormatError(f"{file.name} is damaged.", path=file, line=line) from None
    result = ClassMap()
    if isinstance(data, dict) and isinstance(data.get("label_map"), dict):
        colours = data.get("segmentation_colors") or []
        for index, (value, name) in enumerate(data["label_map"].items()):
            colour = _triple(colours[index]) if index < len(colours) else None
            result.add(str(name), int(value) if str(value).isdigit() else None, colour)
        return result
    items = data.items() if isinstance(data, dict) else enumerate(data or [])
    for key, item in items:
        if isinstance(item, str) and str(key).isdigit():
            result.add(item, int(key), None)
        elif isinstance(item, int) and not isinstance(item, bool):
            result.add(str(key), item, None)
        elif isinstance(item, dict) and isinstance(item.get("name"), str):
            value = item.get("value", item.get("id"))
            colour = _triple(item.get("colour", item.get("color")))
            result.add(item["name"], value if isinstance(value, int) else None, colour)
        elif _triple(item) is not None:
            result.add(str(key), None, _triple(item))
        else:
            raise FormatError(f"{file.name} is not a class map: {key} is neither.", path=file)
    return result


def _triple(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"#?[0-9a-fA-F]{6}", value):
        return int(value.removeprefix("#"), 16)
    if not isinstance(value, list | tuple) or len(value) < 3:
        return None
    channels = [v for v in value[:3] if isinstance(v, int) and 0 <= v <= 255]
    if len(channels) < 3:
        return None
    red, green, blue = channels
    return red << 16 | green << 8 | blue


def colour_name(code: int) -> str:
    """A name for a colour that no class map explains."""
    return _COLOUR_NAMES.get(code, hexadecimal(code))


def hexadecimal(code: int) -> str:
    """0xRRGGBB as "#RRGGBB"."""
    return f"#{code:06X}"

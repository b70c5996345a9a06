"""The kinds of parameters and the record that describes one transform, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cvstudio.core.annotation import Task

Values = Mapping[str, Any]
"""Parameters of one step by name, in the units that the user sees."""


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number. `plus_minus` marks a limit that is drawn from -value to +value.

    `after` are words behind the field; such a field stands without a slider. `weak` is the value
    that changes least where that is not `low`. `scales` is False where more is not stronger.
    """

    name: str
    title: str
    low: int
    high: int
    default: int
    unit: str = ""
    step: int = 1
    plus_minus: bool = False
    brief: bool = True
    after: str = ""
    weak: float | None = None
    scales: bool = True

    def check(self, value: Any) -> str:
        """What is wrong with a value, or an empty string."""
        if not isinstance(value, int) or isinstance(value, bool):
            return "is not a whole number"
        return _outside(value, self.low, self.high, self.unit)


@dataclass(frozen=True, slots=True)
class Float:
    """A number; `weak` and `scales` as for Int."""

    name: str
    title: str
    low: float
    high: float
    default: float
    unit: str = ""
    step: float = 0.1
    plus_minus: bool = False
    brief: bool = True
    weak: float | None = None
    scales: bool = True

    def check(self, value: Any) -> str:
        """What is wrong with a value, or an empty string."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return "is not a number"
        return _outside(value, self.low, self.high, self.unit)


@dataclass(frozen=True, slots=True)
class Range:
    """Two numbers between which each variant draws its own.

    `weak` is the value that changes least, where that is neither 0 nor (above 0) `low`.
    """

    name: str
    title: str
    low: float
    high: float
    default: tuple[float, float]
    unit: str = ""
    step: float = 1
    brief: bool = True
    weak: float | None = None
    scales: bool = True

    def check(self, value: Any) -> str:
        """What is wrong with a value, or an empty string."""
        if (
            not isinstance(value, list | tuple)
            or len(value) != 2
            or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
        ):
            return "is not a pair of numbers"
        if value[0] > value[1]:
            return "starts above its end"
        return _outside(value[0], self.low, self.high, self.unit) or _outside(
            value[1], self.low, self.high, self.unit
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several named values: pairs of value and title."""

    name: str
    title: str
    options: tuple[tuple[str, str], ...]
    default: str
    brief: bool = False

    def check(self, value: Any) -> str:
        """What is wrong with a value, or an empty string."""
        if value in [name for name, _ in self.options]:
            return ""
        return "is not one of " + ", ".join(name for name, _ in self.options)


@dataclass(frozen=True, slots=True)
class Bool:
    """Yes or no."""

    name: str
    title: str
    default: bool
    brief: bool = False

    def check(self, value: Any) -> str:
        """What is wrong with a value, or an empty string."""
        return "" if isinstance(value, bool) else "is neither on nor off"


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour as "#RRGGBB"."""

    name: str
    title: str
    default: str
    brief: bool = False

    def check(self, value: Any) -> str:
        """What is wrong with a value, or an empty string."""
        if isinstance(value, str) and len(value) == 7 and value[0] == "#":
            try:
                int(value[1:], 16)
            except ValueError:
                return "is not a colour"
            return ""
        return "is not a colour"


Field = Int | Float | Range | Choice | Bool | Colour


class Points(StrEnum):
    """How the coordinates of shapes follow the pixels of a geometric transform."""

    FLIP_X = "flip x"
    FLIP_Y = "flip y"
    TRANSPOSE = "transpose"
    QUARTERS = "quarters"
    MATRIX = "matrix"
    PERSPECTIVE = "perspective"
    EIGHT = "eight"
    CROP = "crop"
    MAP = "map"
    MESH = "mesh"
    TILES = "tiles"


Sized = Callable[[Values, int, int], dict[str, Any]]
"""Arguments that depend on an image's height and width, besides the step's values."""

OBJECTS = frozenset((Task.DETECT, Task.SEGMENT, Task.INSTANCE))
"""The tasks in which objects have a place."""


class Target(StrEnum):
    """What a transform changes besides the pixels, in the words of the window."""

    IMAGE = "image"
    MASKS = "masks"
    BOXES = "boxes"
    OUTLINES = "outlines"


@dataclass(frozen=True, slots=True)
class Transform:
    """One entry of the catalogue.

    `target` is the class of albumentations, `arguments` makes its keyword arguments from the
    step's values, `caption` says in words what one variant drew (values, drawn parameters).
    `points` is set for geometric transforms. `sized` makes arguments that depend on the size of the
    image; `restored` ones crop, and the piece is brought back to that size. `sees` ones are told
    where objects lie. `filled` ones have a border to fill, `hides` ones cover pieces of the image.
    `grey` is False when it has no use on images without colour, `deep` when it runs on 8-bit RGB
    images alone; `unbounded` ones change values beyond 0 and 1 of float images too.
    """

    name: str
    title: str
    group: str
    description: str
    target: str
    arguments: Callable[[Values], dict[str, Any]]
    parameters: tuple[Field, ...] = ()
    brief: str = ""
    caption: Callable[[Values, Mapping[str, Any]], str] | None = None
    points: Points | None = None
    tasks: frozenset[Task] = field(default_factory=lambda: frozenset(Task))
    grey: bool = True
    deep: bool = True
    unbounded: bool = False
    sized: Sized | None = None
    restored: bool = False
    sees: bool = False
    filled: bool = False
    hides: bool = False
    warning: str = ""

    @property
    def geometric(self) -> bool:
        return self.points is not None

    @property
    def targets(self) -> tuple[Target, ...]:
        """What follows the transform; an image whose pixels stay in place leaves labels alone."""
        if self.points is Points.TILES:
            return (Target.IMAGE, Target.MASKS)
        return tuple(Target) if self.geometric else (Target.IMAGE,)

    def defaults(self) -> dict[str, Any]:
        """Every parameter at its default."""
        return {f.name: _plain(f.default) for f in self.parameters}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _outside(value: float, low: float, high: float, unit: str) -> str:
    if low <= value <= high:
        return ""
    space = " " if unit and unit != "°" else ""
    return f"is {value:g}, and must lie between {low:g} and {high:g}{space}{unit}"


KEEP = Int("keep", "Keep if", 1, 100, 30, unit="%", brief=False, after="of its area is left")
"""Objects of which less than that share is left are dropped."""

BORDER = Choice(
    "border",
    "Border",
    (
        ("background", "Background colour"),
        ("reflect", "Mirror"),
        ("edge", "Repeat the edge"),
        ("black", "Black"),
    ),
    "background",
)
"""What fills the pixels that come from outside the image."""


def number(value: float, *, digits: int = 0, sign: bool = False) -> str:
    """A number as people write it, with a true minus sign."""
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "\N{MINUS SIGN}")

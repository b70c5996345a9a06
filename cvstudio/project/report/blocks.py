"""What a report is made of: blocks one below the other, before they become a page of any kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How a sentence is meant."""

    PLAIN = "plain"
    QUIET = "quiet"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Figure:
    """One number as it is to be read, how far it may be off, and of what it is."""

    title: str
    value: str
    interval: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers side by side."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head. The first column names what a row is about; the others are to the right.

    `shades` are as many rows of values from 0 to 1, None for a cell without a shade: a matrix.
    `colours` stand before the names, one a row.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    shades: tuple[tuple[float | None, ...], ...] = ()
    colours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing in SVG, `width` x `height` px, and what it says to those who do not see it."""

    title: str
    svg: str
    width: int
    height: int
    words: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG and the sentence below it."""

    jpeg: bytes
    width: int
    height: int
    caption: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures one after the other."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are, line by line; long ones belong to the end of a report."""

    rows: tuple[tuple[str, str], ...]


Block = Heading | Text | Figures | Table | Chart | Pictures | Facts


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report: what it is about, and its blocks."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]

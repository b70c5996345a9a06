"""CVAT's XML element by element: however long a file is, one image or track of it is in memory.

Entities are defined in a document type, which CVAT never writes: a file that has one is refused
before anything of it is expanded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from cvstudio.core.errors import FormatError

_CHUNK = 1 << 17
_DEEPEST = 32


@dataclass(slots=True)
class Node:
    """An element with what is in it, and the line where it begins."""

    tag: str
    attrib: dict[str, str]
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def find(self, tag: str) -> Node | None:
        """The first child of a tag."""
        return next((child for child in self.children if child.tag == tag), None)

    def told(self, tag: str) -> str:
        """The text of the first child of a tag, without spaces around it; "" without one."""
        child = self.find(tag)
        return child.text.strip() if child is not None else ""

    def anywhere(self, tag: str) -> Iterator[Node]:
        """All elements of a tag, however deep."""
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.anywhere(tag)


def nodes(file: Path, told: Callable[[int, int], None]) -> Iterator[Node]:
    """The elements right below <annotations>, each as soon as it ends.

    `told` is called with the bytes read and their number. Raises FormatError with the line.
    """
    building = _Building(file)
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                told(stream.tell(), size)
                building.parser.Parse(chunk, False)
                while building.finished:
                    yield building.finished.popleft()
            building.parser.Parse(b"", True)
    except expat.ExpatError as error:
        text = f"{file.name} is damaged at line {error.lineno}, column {error.offset + 1}"
        if error.code == expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]:
            text = f"{file.name} is cut off at line {error.lineno}"
        raise FormatError(f"{text}.", path=file, line=error.lineno) from None
    except (LookupError, ValueError) as error:  # of an encoding that nobody knows
        raise FormatError(f"{file.name} cannot be read: {error}.", path=file) from None
    except OSError as error:
        raise FormatError(f"{file.name} cannot be opened: {error.strerror}.", path=file) from None


class _Building:
    """Builds nodes while the parser goes through a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.finished: deque[Node] = deque()
        self._open: list[Node] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def _start(self, tag: str, attrib: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        if not self._open and tag != "annotations":
            raise FormatError(f"{self.file.name} is not a CVAT file: left out.", path=self.file)
        if len(self._open) >= _DEEPEST:
            text = f"{self.file.name} is damaged: it is nested too deeply."
            raise FormatError(text, path=self.file, line=line)
        node = Node(tag, attrib, line)
        if len(self._open) > 1:  # what is right below the root is given out and forgotten
            self._open[-1].children.append(node)
        self._open.append(node)

    def _end(self, _tag: str) -> None:
        node = self._open.pop()
        if len(self._open) == 1:
            self.finished.append(node)

    def _text(self, text: str) -> None:
        if len(self._open) > 1:
            self._open[-1].text += text

    def _refuse(self, *_: object) -> None:
        text = f"{self.file.name} defines entities, which a label file has no need of: refused."
        raise FormatError(text, path=self.file, line=self.parser.CurrentLineNumber)


class Pen:
    """Writes indented XML into a stream, line by line."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._open: list[str] = []
        stream.write('<?xml version="1.0" encoding="utf-8"?>\n')

    def open(self, tag: str, **attrib: str) -> None:
        """Begin an element that has others in it."""
        self._stream.write(f"{self._indent}<{tag}{_attributes(attrib)}>\n")
        self._open.append(tag)

    def close(self) -> None:
        """End the element that was begun last."""
        tag = self._open.pop()
        self._stream.write(f"{self._indent}</{tag}>\n")

    def leaf(self, tag: str, text: str = "", **attrib: str) -> None:
        """A whole element with nothing but text in it."""
        self._stream.write(
            f"{self._indent}<{tag}{_attributes(attrib)}>{escape(allowed(text))}</{tag}>\n"
        )

    @property
    def _indent(self) -> str:
        return "  " * len(self._open)


def _attributes(attrib: dict[str, str]) -> str:
    return "".join(f" {key}={quoteattr(allowed(value))}" for key, value in attrib.items())


def allowed(text: str) -> str:
    """A text without the signs that XML cannot hold at all."""
    return "".join(c for c in text if c in "\t\n" or (c >= " " and not _barred(ord(c))))


def _barred(code: int) -> bool:
    return 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF)

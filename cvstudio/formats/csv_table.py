"""A table of images and their classes, for classification with one class an image or several.

    file,labels,split
    a.png,cat;outdoors,train
    b.png,,train                    no class applies

Read are such tables with a comma, a semicolon or a tab between the columns, tables with a line for
each class of an image, and tables with a column of 0 and 1 for each class. Between classes stands
";" or "|" ("|" or "," where the columns have semicolons). A header is needed; the order of the
columns is free.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cvstudio.core.annotation import Review
from cvstudio.core.errors import FormatError
from cvstudio.formats.base import (
    ExportDataset,
    ParsedAnnotation,
    ParsedClass,
    ParsedDataset,
    ParsedImage,
    Problem,
    ProblemKind,
    Reading,
    Writing,
)
from cvstudio.formats.class_names import names_apart
from cvstudio.formats.files import ImageIndex, head_of, read_text, split_of
from cvstudio.formats.images import place

_FILE = frozenset(
    ("file", "files", "filename", "file_name", "image", "images", "image_path", "path", "img")
)
_LABELS = frozenset(("labels", "label", "classes", "class", "tags", "class_name", "categories"))
_SPLIT = frozenset(("split", "subset", "set", "fold"))
_BETWEEN = ";|"
_LONGEST_HEADER = 100_000
_MARKS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False, "": False}


@dataclass(frozen=True)
class _Layout:
    """The places of the columns; `labels` is -1 where each class has a column of its own."""

    delimiter: str
    file: int
    labels: int
    split: int
    classes: tuple[tuple[int, str], ...] = ()


def sniff(source: Path) -> float:
    """Whether a file, or the one CSV file of a folder, is such a table."""
    try:
        table = _table(source)
    except FormatError:
        return 0.0
    head = head_of(table).decode("utf-8-sig", errors="replace")
    layout = _layout(head.partition("\n")[0].rstrip("\r"))
    if layout is None:
        return 0.0
    return 0.9 if layout.labels >= 0 else 0.6


def read(source: Path, reading: Reading) -> ParsedDataset:
    """Read the table. Raises FormatError when it has no header that says what its columns are."""
    table = _table(source)
    text = read_text(table)
    layout = _layout(text[:_LONGEST_HEADER].partition("\n")[0].rstrip("\r"))
    if layout is None:
        raise FormatError(
            f"{table.name} has no header that names a column of files and one of classes.",
            path=table, line=1, hint='The first line should read "file,labels".',
        )  # fmt: skip
    dataset = ParsedDataset()
    index = ImageIndex(table.parent)
    images: dict[Path, ParsedImage] = {}
    names: dict[str, None] = {name: None for _, name in layout.classes}
    lines = csv.reader(io.StringIO(text), delimiter=layout.delimiter, strict=True)
    try:
        next(lines, None)
        for row in lines:
            number = lines.line_num
            if number % 1000 == 0:
                reading.step("Reading the table", number, 0)
            if any(cell.strip() for cell in row):
                _take(row, number, layout, table, index, images, names, dataset)
    except csv.Error:
        line = lines.line_num
        raise FormatError(
            f"{table.name} is damaged at line {line}: it is no row of a table.",
            path=table, line=line, hint="Look there for a quotation mark that is not closed.",
        ) from None  # fmt: skip
    dataset.classes = [ParsedClass(name) for name in names]
    dataset.images = list(images.values())
    for image in dataset.images:
        image.empty = not image.annotations
    return dataset


def _take(
    row: Sequence[str], number: int, layout: _Layout, table: Path, index: ImageIndex,
    images: dict[Path, ParsedImage], names: dict[str, None], dataset: ParsedDataset,
) -> None:  # fmt: skip
    """One line of the table."""

    def problem(kind: ProblemKind, text: str) -> None:
        dataset.problems.append(Problem(kind, f"Line {number}: {text}", table, number))

    file = row[layout.file].strip() if layout.file < len(row) else ""
    if not file:
        problem(ProblemKind.MALFORMED, "no file is named; left out.")
        return
    path = index.find(file, beside=[table.parent])
    if path is None:
        problem(ProblemKind.IMAGE_MISSING, f"the image {file} was not found.")
        return
    try:
        labels = _labels(row, layout)
    except ValueError as error:
        problem(ProblemKind.MALFORMED, f"{error}; left out.")
        return
    image = images.setdefault(path, ParsedImage(path))
    if 0 <= layout.split < len(row):
        image.split = split_of(row[layout.split]) or image.split
    have = {annotation.class_name for annotation in image.annotations}
    for name in labels:
        if name in have:
            problem(ProblemKind.DUPLICATE, f"{file} has the class {name} already.")
            continue
        have.add(name)
        names.setdefault(name)
        image.annotations.append(ParsedAnnotation(name, None))


def _labels(row: Sequence[str], layout: _Layout) -> list[str]:
    """The classes of a line. Raises ValueError in words for a mark that is neither 0 nor 1."""
    if layout.labels >= 0:
        cell = row[layout.labels] if layout.labels < len(row) else ""
        signs = "|," if layout.delimiter == ";" else _BETWEEN
        sign = next((each for each in signs if each in cell), signs[0])
        return [part for part in (each.strip() for each in cell.split(sign)) if part]
    found = []
    for place_, name in layout.classes:
        mark = row[place_].strip().lower() if place_ < len(row) else ""
        if mark not in _MARKS:
            raise ValueError(f"{name} is {mark!r}, neither 0 nor 1")
        if _MARKS[mark]:
            found.append(name)
    return found


def _table(source: Path) -> Path:
    """The CSV file that a source is or holds. Raises FormatError when there is not exactly one."""
    if source.is_file():
        if source.suffix.lower() not in (".csv", ".tsv"):
            raise FormatError(f"{source.name} is no CSV file.", path=source)
        return source
    try:
        found = [each for each in source.iterdir() if each.suffix.lower() in (".csv", ".tsv")]
    except OSError as error:
        raise FormatError(f"{source} cannot be read: {error.strerror}.", path=source) from None
    if len(found) != 1:
        words = "no CSV file" if not found else f"{len(found)} CSV files"
        raise FormatError(
            f"{source.name} holds {words}.", path=source, hint="Choose the table itself."
        )
    return found[0]


def _layout(header: str) -> _Layout | None:
    """Which column is what; None when the header does not say."""
    for delimiter in ",;\t":
        cells = [cell.strip() for cell in next(csv.reader([header], delimiter=delimiter), [])]
        words = [cell.lower() for cell in cells]
        file = next((n for n, word in enumerate(words) if word in _FILE), -1)
        if file < 0 or len(cells) < 2:
            continue
        split = next((n for n, word in enumerate(words) if word in _SPLIT), -1)
        labels = next((n for n, word in enumerate(words) if word in _LABELS), -1)
        if labels >= 0:
            return _Layout(delimiter, file, labels, split)
        columns = [(n, cell) for n, cell in enumerate(cells) if n not in (file, split) and cell]
        if columns:
            return _Layout(delimiter, file, -1, split, tuple(columns))
    return None


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write labels.csv and, where images are copied, images/. Raises FormatError."""
    names = names_apart((c.name for c in dataset.classes), _bare, between=" ")
    for name, bare in names.items():
        if bare != name:
            writing.rename(f'Class "{name}" became "{bare}": its signs stand between classes.')
    file = dest / "labels.csv"
    rows = [("file", "labels", "split")]
    for done, image in enumerate(dataset.images, 1):
        labels = [names[a.class_name] for a in image.annotations if a.shape is None]
        shapes = [a for a in image.annotations if a.shape is not None]
        writing.leave_out(
            "shape[s] [was|were] left out: a table holds classes of whole images", *shapes
        )
        if not labels and image.review is not Review.EMPTY:
            writing.leave_out_image("image[s] without a class [was|were] left out", image)
            continue
        if any(a.attributes for a in image.annotations if a.shape is None):
            writing.lose("image[s] lost attributes that a table cannot hold")
        name = place(image, dest / "images", writing)
        shown = name if Path(name).is_absolute() else f"images/{name}"
        rows.append((shown, ";".join(labels), image.split.value if image.split else ""))
        writing.step("Writing the table", done, len(dataset.images))
    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{file.name} could not be written: {reason}.", path=file) from None


def _bare(name: str) -> str:
    """A class's name without the signs that stand between classes."""
    return "".join("/" if sign in _BETWEEN else sign for sign in name)

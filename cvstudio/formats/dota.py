"""DOTA: rotated boxes in pixels, one text file an image: four corners, class, difficulty.

SPLIT/images/NAME.png and SPLIT/labelTxt/NAME.txt; the lines "imagesource:" and "gsd:" at the top
of a file, which DOTA 1.0 has, are passed over. Where several versions of the labels lie beside
the same images, the newest is read, and that is told. Images without a file come in unlabelled.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.core.errors import FormatError
from cvstudio.core.geometry import Points
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.words import agreed
from cvstudio.formats.base import (
    ExportAnnotation,
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
from cvstudio.formats.files import ImageIndex, head_of, read_text, split_of, walk
from cvstudio.formats.fitting import turned_inside
from cvstudio.formats.images import place
from cvstudio.formats.yolo_obb import rotated_of

_HEADS = ("imagesource:", "gsd:")
_LOOKED_AT = 20  # label files that decide
_FOLDERS = ("labelTxt-v2.0", "labelTxt-v1.5", "labelTxt-v1.0", "labelTxt", "annfiles", "labels")
"""Folders of label files, beside one of images; of several versions the first one counts."""


def sniff(source: Path) -> float:
    """Whether a folder holds label files of DOTA."""
    if source.is_file():
        return 0.0
    files = _label_files(source)[:_LOOKED_AT]
    told = [_lines(head_of(file, 4000).decode("utf-8", "replace")) for file in files]
    lines = [text for some in told for _, text in some[:5]]
    sound = sum(_parsed(text) is not None for text in lines)
    return 0.96 if 2 * sound > len(lines) else 0.0


def read(source: Path, reading: Reading) -> ParsedDataset:
    """Read a folder; splits come from the names of folders. Raises FormatError."""
    root = source if source.is_dir() else source.parent
    index = ImageIndex(root)
    dataset = ParsedDataset()
    found = _labelled(root, index, dataset.problems)
    if not found:
        raise FormatError(f"No images were found for the DOTA labels in {source}.", path=source)
    bare = _unlabelled(index, found)
    reading.look_at([*found, *bare])
    names: dict[str, None] = dict.fromkeys(reading.classes)
    for number, path in enumerate((*found, *bare)):
        if number % 100 == 0:
            reading.step("Reading DOTA", number, len(found) + len(bare))
        image = ParsedImage(path, split=split_of("/".join(path.relative_to(root).parts[:-1])))
        file = found.get(path)
        image.bare = file is None
        info = None if file is None else reading.info(path)
        if file is not None and info is not None:
            image.width, image.height = info.width, info.height
            _read_file(file, image, dataset.problems)
        dataset.images.append(image)
        names.update(dict.fromkeys(a.class_name for a in image.annotations))
    used = {a.class_name for image in dataset.images for a in image.annotations}
    dataset.classes = [ParsedClass(name) for name in names if name in used]
    return dataset


def _labelled(root: Path, index: ImageIndex, problems: list[Problem]) -> dict[Path, Path]:
    """The label file of each image, in the order of the files; of several the newest version."""
    found: dict[Path, Path] = {}
    passed: Counter[tuple[str, str]] = Counter()
    for file in _label_files(root):
        path = _image_of(file, index)
        if path is None:
            text = f"The image of {file.name} was not found."
            problems.append(Problem(ProblemKind.IMAGE_MISSING, text, file))
            continue
        other = found.setdefault(path, file)
        if other is not file:
            older, newer = sorted((file, other), key=_age, reverse=True)
            found[path] = newer
            passed[older.parent.name, newer.parent.name] += 1
    for (older_name, newer_name), count in passed.items():
        many = agreed(count, "image[s] [has|have] labels")
        text = f"{many} in {older_name} and in {newer_name}: {newer_name} was read."
        problems.append(Problem(ProblemKind.DUPLICATE, text, root))
    return found


def _age(file: Path) -> int:
    return _FOLDERS.index(file.parent.name)


def _unlabelled(index: ImageIndex, labelled: Collection[Path]) -> list[Path]:
    """Images beside the labelled ones, or in a folder "images", that have no label file."""
    folders = {path.parent for path in labelled}
    return [
        folder / name
        for folder, names in index.folders.items()
        if folder in folders or folder.name == "images"
        for name in names
        if folder / name not in labelled
    ]


def _label_files(root: Path) -> list[Path]:
    return [
        folder / name
        for folder, names in walk(root, depth=5)
        if folder.name in _FOLDERS
        for name in names
        if name.endswith(".txt")
    ]


def _image_of(file: Path, index: ImageIndex) -> Path | None:
    home = file.parent.parent
    beside = (home / "images", home / "images" / "images", file.parent, home)
    return next((p for f in beside if (p := index.with_stem(f, file.stem)) is not None), None)


def _lines(text: str) -> list[tuple[int, str]]:
    """The lines that are annotations, by their number in the file."""
    return [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().lower().startswith(_HEADS)
    ]


def _parsed(text: str) -> tuple[Points, str, str] | None:
    """Four corners (4, 2), the class and the difficulty ("" where it is not said)."""
    words = text.split()
    if len(words) not in (9, 10):
        return None
    try:
        numbers = [float(word) for word in words[:8]]
    except ValueError:
        return None
    if not all(map(math.isfinite, numbers)) or _is_number(words[8]):
        return None
    return np.array(numbers).reshape(4, 2), words[8], words[9] if len(words) == 10 else ""


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _read_file(file: Path, image: ParsedImage, problems: list[Problem]) -> None:
    try:
        lines = _lines(read_text(file))
    except FormatError as error:
        problems.append(Problem(ProblemKind.MALFORMED, error.message, file, error.line))
        return
    image.empty = not lines
    for number, text in lines:
        who = f"Line {number} of {file.name}"
        parsed = _parsed(text)
        if parsed is None:
            words = f"{who} is not four corners and a class."
            problems.append(Problem(ProblemKind.MALFORMED, words, file, number))
            continue
        corners, name, difficult = parsed
        shape, problem = turned_inside(
            corners, image.width, image.height, who=who, file=file, line=number
        )
        if problem is not None:
            problems.append(problem)
        if shape is not None:
            attributes: dict[str, Any] = {"difficult": 1} if difficult not in ("", "0") else {}
            image.annotations.append(ParsedAnnotation(name, shape, attributes))


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write SPLIT/images and SPLIT/labelTxt. Images of no split go to train. Raises FormatError."""
    if not writing.copy_images:
        writing.lose("image[s] had to be copied: DOTA looks for [it|them] beside the labels", 1)
    names = names_apart((c.name for c in dataset.classes), _one_word)
    for name, word in names.items():
        if word != _one_word(name):
            writing.rename(f'Class "{name}" became "{word}": another one reads the same.')
    for done, image in enumerate(dataset.images, 1):
        split = image.split.value if image.split is not None else "train"
        if image.split is None:
            writing.lose("image[s] without a split [was|were] put into train")
        name = place(image, dest / split / "images", writing, copy=True)
        lines = [line for a in image.annotations if (line := _line(a, names, writing))]
        if lines or image.review in ("reviewed", "reviewed and empty"):
            file = dest / split / "labelTxt" / f"{Path(name).stem}.txt"
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
            except OSError as error:
                reason = error.strerror or str(error)
                raise FormatError(
                    f"{file.name} could not be written: {reason}.", path=file
                ) from None
        writing.step("Writing DOTA", done, len(dataset.images))


def _one_word(name: str) -> str:
    """A class as DOTA can hold it: spaces part the words of a line, and numbers are corners."""
    word = "-".join(name.split())
    return f"class-{word}" if _is_number(word) else word


def _line(annotation: ExportAnnotation, names: Mapping[str, str], writing: Writing) -> str:
    shape, attributes = annotation.shape, annotation.attributes
    if shape is None:
        writing.leave_out(
            "class[es] of [a whole image|whole images] [was|were] left out: DOTA has none",
            annotation,
        )
        return ""
    if isinstance(shape, Keypoints):
        writing.leave_out("set[s] of keypoints [was|were] left out: DOTA has none", annotation)
        return ""
    if attributes.get("iscrowd"):
        writing.leave_out("crowd[s] [was|were] left out: DOTA cannot mark [it|them]", annotation)
        return ""
    if attributes.keys() - {"coco", "iscrowd", "difficult"}:
        writing.lose("annotation[s] lost attributes that DOTA cannot hold")
    name = annotation.class_name
    if name != "-".join(name.split()):
        writing.lose("annotation[s] [has|have] a class with spaces, which DOTA parts words by:"
                     " written with hyphens")  # fmt: skip
    if _is_number(name):
        writing.lose("annotation[s] [has|have] a class that is a number: written as class-NUMBER")
    corners = rotated_of(shape, writing).corners().ravel().tolist()
    numbers = " ".join(f"{value:.10g}" for value in corners)
    return f"{numbers} {names[name]} {int(bool(attributes.get('difficult')))}"

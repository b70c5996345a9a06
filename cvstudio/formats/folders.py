"""Image folders for classification: one folder a class, or train/val/test with such folders."""

from __future__ import annotations

from pathlib import Path

from natsort import natsorted

from cvstudio.core.annotation import Split
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
from cvstudio.formats.files import ImageIndex, split_of, walk
from cvstudio.formats.images import place

_SPLITS = {
    "train": Split.TRAIN, "training": Split.TRAIN, "val": Split.VAL, "valid": Split.VAL,
    "validation": Split.VAL, "test": Split.TEST, "testing": Split.TEST,
}  # fmt: skip
_NO_CLASS = frozenset(
    (
        *("images", "image", "imgs", "img", "masks", "mask", "labels", "label", "annotations"),
        *("jpegimages", "segmentationclass", "segmentationobject", "imagesets", "gt"),
        *("gtfine", "leftimg8bit", "scribbles"),
    )
)
_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
)
"""Names that Windows keeps for devices, with any ending."""


def sniff(source: Path) -> float:
    """Whether a folder has one folder a class and no label files."""
    if not source.is_dir():
        return 0.0
    for folder, names in walk(source, depth=3):
        endings = {Path(name).suffix.lower() for name in names}
        # What the source itself is called says nothing: people keep classes in "images", too.
        other = folder != source and folder.name.lower() in _NO_CLASS
        if endings & {".xml", ".json"} or other:
            return 0.1 if _class_folders(_start(source)) else 0.0
    classes = {path.name for path, _ in _class_folders(_start(source))}
    return 0.8 if len(classes) >= 2 else 0.3 if classes else 0.0


def read(source: Path, reading: Reading) -> ParsedDataset:
    """Read the folders of classes. Raises FormatError when there are none."""
    if not source.is_dir():
        raise FormatError(f"{source.name} is not a folder of classes.", path=source)
    start = _start(source)
    folders = _class_folders(start)
    if not folders:
        raise FormatError(f"{source} has no folder for each class.", path=source)
    dataset = ParsedDataset()
    names = natsorted({folder.name for folder, _ in folders})
    dataset.classes = [ParsedClass(name) for name in names]
    inside = set()
    for number, (folder, split) in enumerate(folders):
        reading.step("Reading folders", number, len(folders))
        index = ImageIndex(folder)
        for where, files in index.folders.items():
            for name in natsorted(files):
                label = ParsedAnnotation(folder.name, None)
                dataset.images.append(ParsedImage(where / name, [label], split=split))
                inside.add(where / name)
    loose = [
        where / name
        for where, files in ImageIndex(start).folders.items()
        for name in files
        if where / name not in inside
    ]
    for path in loose:
        text = f"{path.name} lies in no folder of a class; it comes in unlabelled."
        dataset.problems.append(Problem(ProblemKind.CLASS_UNKNOWN, text, path))
        relative = "/".join(path.relative_to(start).parent.parts)
        dataset.images.append(ParsedImage(path, split=split_of(relative)))
    return dataset


def _start(source: Path) -> Path:
    """The folder whose folders are classes or splits: as long as there is only one, go in."""
    folder = source
    for _ in range(4):
        inner = _subfolders(folder)
        if len(inner) != 1 or inner[0].name.lower() in _SPLITS or not _subfolders(inner[0]):
            break
        folder = inner[0]
    return folder


def _class_folders(start: Path) -> list[tuple[Path, Split | None]]:
    result: list[tuple[Path, Split | None]] = []
    for folder in _subfolders(start):
        split = _SPLITS.get(folder.name.lower())
        if split is not None:
            result += [(inner, split) for inner in _subfolders(folder) if len(ImageIndex(inner))]
        elif folder.name.lower() not in _NO_CLASS and len(ImageIndex(folder)):
            result.append((folder, None))
    return result


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    except OSError:
        return []


def write(dest: Path, dataset: ExportDataset, writing: Writing) -> None:
    """Write SPLIT/CLASS/image, or CLASS/image when no image has a split. Raises FormatError."""
    names = folder_names([c.name for c in dataset.classes])
    for c in dataset.classes:
        if names[c.name] != c.name:
            writing.rename(f'Class "{c.name}" became the folder "{names[c.name]}".')
    has_splits = any(image.split for image in dataset.images)
    if not writing.copy_images:
        writing.lose("image[s] had to be copied: folders are the labels", 1)
    for done, image in enumerate(dataset.images, 1):
        labels = [a for a in image.annotations if a.shape is None]
        shapes = [a for a in image.annotations if a.shape is not None]
        writing.leave_out("shape[s] [was|were] left out: folders hold one class an image", *shapes)
        if not labels:
            writing.leave_out_image("image[s] without a class [was|were] left out", image)
            continue
        writing.leave_out("further class[es] of an image [was|were] left out", *labels[1:])
        folder = dest
        if has_splits:
            folder /= image.split.value if image.split else "unsplit"
            if image.split is None:
                writing.lose('image[s] without a split [was|were] put into "unsplit"')
        place(image, folder / names[labels[0].class_name], writing, copy=True)
        writing.step("Writing folders", done, len(dataset.images))


def folder_names(names: list[str]) -> dict[str, str]:
    """A name for each class that every file system can hold, all different."""
    result: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        clean = "".join("_" if c in '<>:"/\\|?*' or c < " " else c for c in name).strip(" .")
        clean = clean or "class"
        candidate, number = clean, 1
        while (
            candidate.lower() in (*taken, *_SPLITS, *_NO_CLASS)
            or candidate.lower().partition(".")[0] in _DEVICES
        ):
            number += 1
            stem, dot, ending = clean.partition(".")
            candidate = f"{stem}_{number}{dot}{ending}"
        taken.add(candidate.lower())
        result[name] = candidate
    return result

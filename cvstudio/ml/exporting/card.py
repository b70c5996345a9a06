"""The model card: what a person who gets an exported file should know of it, in plain words.

It is Markdown. What is not known (a run whose directory is gone) is said to be unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cvstudio.core import proof
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.forms import Answers
from cvstudio.core.meanings import meaning
from cvstudio.core.snapshot import Snapshot, SnapshotImage
from cvstudio.core.words import counted, percent, size_words
from cvstudio.ml.onnx_file import FileRecord

FEW = 50
"""Classes with fewer labels in training than this are named among the limits."""
WEAK = 0.6
"""So are classes of which less than this share is found."""

_DOES = {
    Task.CLASSIFY: "says which class an image belongs to",
    Task.DETECT: "finds objects in an image and puts a box around each",
    Task.INSTANCE: "finds objects in an image and says of each which pixels it covers",
    Task.SEGMENT: "says of every pixel of an image which class it belongs to",
}
_LICENCES = {
    "ultralytics": "The network's code and pretrained weights are by ultralytics, under"
    " AGPL-3.0: whoever passes this file on, or offers it over a network, has to keep that licence"
    " or hold a commercial one from ultralytics.",
    "torchvision": "The network's code is torchvision's, under the BSD 3-clause licence; its"
    " pretrained weights were learned from ImageNet, whose images are given out for research only.",
    "torchvision-detection": "The network's code is torchvision's, under the BSD 3-clause licence;"
    " its pretrained weights were learned from COCO, whose images have licences of their own.",
    "timm": "The network's code is timm's, under Apache 2.0; its pretrained weights have licences"
    " of their own, which stand on the page of that network in the Hugging Face hub.",
    "smp": "The network's code is that of segmentation_models.pytorch, under the MIT licence; the"
    " pretrained weights of its encoder were learned from ImageNet, whose images are given out for"
    " research only.",
}


@dataclass(frozen=True)
class Known:
    """What is known besides the file: the labels it learned from, its report, its certificate."""

    snapshot: Snapshot | None = None
    report: Mapping[str, Any] | None = None
    """The run's report.json."""
    certificate: Mapping[str, Any] | None = None
    """What was found when the file was proven: FILE.verification.json, or what is inside."""


def model_card(record: FileRecord, *, file: str, size: int, sha256: str, known: Known) -> str:
    """The card of a file of that name, size (bytes) and checksum, as Markdown."""
    parts = [
        _head(record, file, size, sha256),
        _data(record, known),
        _figures(record, known),
        _thresholds(record),
        _limits(record, known),
        _proof(known.certificate),
        _licence(record),
    ]
    return "\n\n".join(parts) + "\n"


def does(record: FileRecord) -> str:
    """What a network is for, in half a sentence."""
    if record.several:
        return "says of each class whether an image shows it"
    if record.form.answers is Answers.ROTATED:
        return "finds objects in an image and puts a turned box around each"
    if record.form.answers is Answers.KEYPOINTS:
        return "finds objects in an image and the places of their keypoints"
    return _DOES[record.task]


def class_names(record: FileRecord) -> str:
    """The names of the classes in a row."""
    return ", ".join(c.name for c in record.classes)


def _head(record: FileRecord, file: str, size: int, sha256: str) -> str:
    title = record.network.get("title", record.network.get("name", "Network"))
    run, epoch = record.run.get("name", "an unknown run"), record.run.get("epoch")
    version = record.versions.get("cvstudio", "")
    lines = [
        f"# Model card: {title}",
        f"This network {does(record)}.",
        f"- Classes: {class_names(record)}",
        f"- File: `{file}`, {size_words(size)}, numbers of type {record.precision}",
        f"- sha256: `{sha256}`",
        f"- Made by CVStudio {version} from the run `{run}`"
        + (f", as it was after epoch {epoch}" if epoch is not None else ""),
        f"- This card was written on {date.today().isoformat()}",
    ]
    if record.warning:
        lines.append(f"- **Warning: {record.warning}**")
    return lines[0] + "\n\n" + lines[1] + "\n\n" + "\n".join(lines[2:])


# -- data


def _data(record: FileRecord, known: Known) -> str:
    digest = str(record.run.get("snapshot", ""))
    text = "## What it learned from\n\n"
    if known.snapshot is None:
        return text + (
            "The labels that it learned from do not lie with the run any more."
            f" They had the hash `{digest}`."
        )
    snapshot = known.snapshot
    table = ["| | train | val | test |", "|---|---:|---:|---:|"]
    parts = [snapshot.of(split) for split in (Split.TRAIN, Split.VAL, Split.TEST)]
    table.append(_row("images", [len(images) for images in parts]))
    empty = [sum(i.review is Review.EMPTY for i in images) for images in parts]
    if any(empty):
        table.append(_row("of these with nothing on them", empty))
    counts = [_class_counts(images) for images in parts]
    for label in snapshot.classes:
        table.append(_row(f"labels “{label.name}”", [count[label.id] for count in counts]))
    sizes = Counter((i.width, i.height) for i in snapshot.images)
    (width, height), often = sizes.most_common(1)[0] if sizes else ((0, 0), 0)
    rest = f"{width} × {height} pixels ({often:,} of them)" if len(sizes) > 1 else (
        f"{width} × {height} pixels"
    )  # fmt: skip
    apart = "test images took no part" if parts[2] else (
        "there are no test images, so its figures are of images that took part in that choice and"
        " may be a little better than on images that it has never seen"
    )  # fmt: skip
    note = (
        f"The images are {rest}. It saw the train images again and again; val images chose the best"
        f" epoch and the threshold; {apart}."
    )
    return (
        text + "\n".join(table) + f"\n\n{note} Labels and splits as they were (the snapshot) have"
        f" the hash `{snapshot.hash or digest}`."
    )


def _class_counts(images: Sequence[SnapshotImage]) -> Counter[int]:
    return Counter(a.class_id for image in images for a in image.annotations)


def _row(name: str, values: Sequence[object]) -> str:
    cells = [f"{v:,}" if isinstance(v, int) else str(v) for v in values]
    return f"| {name} | {' | '.join(cells)} |"


# -- figures


def _figures(record: FileRecord, known: Known) -> str:
    text = "## How good it is\n\n"
    report = known.report or {}
    splits = [name for name in ("test", "val") if report.get(name, {}).get("metrics")]
    if not splits:
        metrics = record.run.get("metrics", {})
        if not metrics:
            return text + "Nobody judged it, so nothing is known."
        return text + "On val images:\n\n" + _metric_table({"metrics": metrics})
    parts = []
    for name in splits:
        told = report[name]
        images = told.get("counts", {}).get("images")
        head = f"On {counted(images, f'{name} image')}:" if images else f"On {name} images:"
        parts.append(head + "\n\n" + _metric_table(told))
        parts.append(_class_table(record, told))
    if "test" not in splits:
        parts.append(
            "There is no judgement on test images. The val images also chose the best epoch and the"
            " threshold, so expect a little less on new images."
        )
    words = dict.fromkeys(n for name in splits for n in report[name]["metrics"])
    explained = [f"- **{name}**: {told}" for name in words if (told := _explained(name))]
    return text + "\n\n".join(part for part in (*parts, "\n".join(explained)) if part)


def _metric_table(told: Mapping[str, Any]) -> str:
    intervals, why_not = told.get("intervals", {}), told.get("no_interval", {})
    rows = ["| figure | value | 95 of 100 times between |", "|---|---:|---:|"]
    for name, value in told["metrics"].items():
        between = why_not.get(name, "")
        if name in intervals and None not in intervals[name]:
            low, high = intervals[name]
            between = f"{low:.3f} and {high:.3f}"
        rows.append(_row(name, ["–" if value is None else f"{value:.3f}", between]))
    return "\n".join(rows)


_COLUMNS = ("precision", "recall", "F1", "AP50", "AP50-95", "IoU", "Dice")


def _class_table(record: FileRecord, told: Mapping[str, Any]) -> str:
    known = told.get("per_class", [])
    columns = [c for c in _COLUMNS if any(isinstance(row.get(c), float) for row in known)]
    if not columns:
        return ""
    names = {c.id: c.name for c in record.classes}
    rows = [_row("class", ["labelled", *columns]), "|---" + "|---:" * (len(columns) + 1) + "|"]
    for row in known:
        values = ["–" if row.get(c) is None else f"{row[c]:.3f}" for c in columns]
        rows.append(_row(names.get(row["class"], "background"), [row.get("labelled", ""), *values]))
    return "\n".join(rows)


def _explained(metric: str) -> str:
    """What a figure means, from the words that the window explains too."""
    word = meaning(metric)
    return word.text if word is not None else ""


# -- thresholds and limits


def _thresholds(record: FileRecord) -> str:
    text = "## From which score an answer counts\n\n"
    if record.task is Task.SEGMENT:
        return text + "There is none: every pixel gets its likeliest class."
    if record.task is Task.CLASSIFY and not record.several:
        return text + "There is none: the likeliest class is the answer, with its probability."
    common = "not chosen" if record.score is None else f"{record.score:.3f}"
    rows = [f"In common: {common}. A higher one gives fewer false alarms and misses more."]
    own = {c.name: record.class_scores.get(c.id) for c in record.classes}
    if any(score is not None for score in own.values()):
        hold = record.thresholds.applied
        use = "Each class has its own" if hold else "Best for each class by itself"
        rows.append(
            f"{use}: " + ", ".join(f"{n} {s:.3f}" for n, s in own.items() if s is not None) + "."
        )
    return text + "\n\n".join(rows)


def _limits(record: FileRecord, known: Known) -> str:
    names = {c.id: c.name for c in record.classes}
    items = [
        "It knows the classes above and nothing else. Whatever else is on an image gets one of"
        " them, or none.",
        "It was taught with images like those of its data. Another camera, light, scale or place"
        " may be beyond it: try it on a few dozen labelled images from there before you trust it.",
    ]
    if record.preprocessing.fit != "crop":
        side = record.preprocessing.size
        items.append(
            f"It sees images at {side} × {side} pixels. What is only a few pixels large after that"
            " is lost; `--tiles` looks at large images in pieces instead."
        )
    if known.snapshot is not None:
        train = _class_counts(known.snapshot.of(Split.TRAIN))
        few = [f"{names[c.id]} ({train[c.id]:,})" for c in record.classes if train[c.id] < FEW]
        if few:
            items.append(f"It saw few labels in training of: {', '.join(few)}.")
    weak = _weak(known.report or {}, names)
    if weak:
        items.append(f"It misses many of: {', '.join(weak)}.")
    if record.precision == "int8":
        items.append("Its numbers have 8 bits: answers differ a little from those of the run.")
    if record.window is not None:
        low, high = record.window
        items.append(
            f"Of images with more than 8 bits the values {low:g} to {high:g} become black to white."
            " Images from a device with another range look wrong to it."
        )
    return "## Limits\n\n" + "\n".join(f"- {item}" for item in items)


def _weak(report: Mapping[str, Any], names: Mapping[int, str]) -> list[str]:
    rows = (report.get("test") or report.get("val") or {}).get("per_class", [])
    found = []
    for row in rows:
        value = row.get("recall", row.get("IoU"))
        if value is not None and value < WEAK and row["class"] in names:
            figure = "of them found" if "recall" in row else "overlap"
            found.append(f"{names[row['class']]} ({percent(value)} {figure})")
    return found


# -- certificate and licence


def _proof(certificate: Mapping[str, Any] | None) -> str:
    text = "## Certificate\n\n"
    unproven = proof.unproven(certificate or {})
    if not certificate or (certificate.get("verified") is None and not unproven):
        return text + (
            "**Nobody asked whether this file answers like the run that it was made from.** The"
            " self-test compares it only with its own answers on the computer where it was packed."
        )
    images, split = certificate.get("images"), certificate.get("split", "val")
    head = (
        f"Proven on {images} {split} images on {certificate.get('made', 'an unknown day')}:"
        f" the file answers like the run that it was made from. {proof.counted_from(certificate)}"
    )
    if shared := proof.in_common(certificate):
        head += f" Its metric could not tell: it was held to the run's answers and gives {shared}."
    if unproven:
        head = f"**This file is not proven: {unproven}**"
    rows = ["| check | found | allowed |", "|---|---:|---:|"]
    for check in certificate.get("checks", []):
        limit = proof.allowed([check]) if check["allowed"] is not None else ""
        rows.append(_row(proof.sentence(check["check"]), [proof.value(check) or "–", limit]))
    return text + head + "\n\n" + "\n".join(rows)


def _licence(record: FileRecord) -> str:
    family = str(record.network.get("family", ""))
    network = _LICENCES.get(family, "The licence of the network's code is not known here.")
    return (
        f"## Licence\n\n{network}\n\n`predict.py` is a part of CVStudio, under AGPL-3.0-or-later."
        " The images that it learned from, and the samples in this folder, belong to whoever made"
        " them: pass the samples on only if you may. None of this is legal advice."
    )

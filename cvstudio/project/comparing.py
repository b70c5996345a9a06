"""In what runs differ: settings, data, computer and figures, each as rows with a value per run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from cvstudio.augment.summary import summary
from cvstudio.core.annotation import Split
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import Snapshot, SnapshotImage
from cvstudio.core.words import counted, size_words
from cvstudio.project.runs import same_content

NOT_RECORDED = "not recorded"
"""What stands for a fact that a run of an older CVStudio did not keep."""


@dataclass(frozen=True)
class Difference:
    """One thing in which runs differ: its name, and what it is in each run, in their order."""

    title: str
    values: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether it is the same in every run."""
        return len(set(self.values)) == 1


@dataclass(frozen=True)
class DataDifference:
    """What a run saw that another one had not seen, as ids of images, and in words."""

    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    relabelled: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()
    """In another split."""
    replaced: tuple[int, ...] = ()
    """The file itself is another one."""
    words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words)


@dataclass(frozen=True)
class Figure:
    """One figure of each run's report; None where it has none."""

    title: str
    values: tuple[float | None, ...]


def settings(configs: Sequence[TrainConfig]) -> list[Difference]:
    """The settings in which runs differ, under their titles, augmentation step by step."""
    rows = []
    for name, field in TrainConfig.model_fields.items():
        if name == "augmentation":
            continue
        title = field.title or name.replace("_", " ").capitalize()
        values = tuple(plain(getattr(config, name)) for config in configs)
        rows.append(Difference(title, values))
    rows.append(Difference("Augmentation", tuple(_augmentation(config) for config in configs)))
    return [row for row in rows if not row.same]


def data(before: Snapshot, after: Snapshot) -> DataDifference:
    """What `after` has that `before` had not, and the other way round."""
    if before.hash and before.hash == after.hash:
        return DataDifference()
    old = {image.id: image for image in before.images}
    new = {image.id: image for image in after.images}
    both = sorted(old.keys() & new.keys())
    replaced = [i for i in both if _file(old[i]) != _file(new[i])]
    moved = [i for i in both if old[i].split is not new[i].split]
    relabelled = [i for i in both if not same_labels(old[i], new[i])]
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    words = [
        *_told(added, "added", lambda i: new[i].split),
        *_told(removed, "removed", lambda i: old[i].split),
        *_told(relabelled, "with other labels", lambda i: new[i].split),
        *(
            f"{counted(count, 'image')} moved from {old_split} to {new_split}"
            for (old_split, new_split), count in Counter(
                (old[i].split.value, new[i].split.value) for i in moved
            ).items()
        ),
        *_told(replaced, "with another file", lambda i: new[i].split),
        *_classes(before, after),
        *_counts(before, after),
    ]
    return DataDifference(
        tuple(added), tuple(removed), tuple(relabelled), tuple(moved), tuple(replaced), tuple(words)
    )


def same_labels(before: SnapshotImage, after: SnapshotImage) -> bool:
    """Whether two images carry the same annotations, whatever their file and split."""
    alike = replace(
        after, path=before.path, page=before.page, split=before.split, sha256=before.sha256
    )
    return same_content(before, alike)


def environment(job: JobDir) -> dict[str, Any]:
    """What a run recorded of program and computer; empty when it has not begun."""
    try:
        content = json.loads(job.environment.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def environments(records: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """In what programs and computers differ; what matters to networks first, packages last."""
    told = [_flat(record) for record in records]
    titles = list(dict.fromkeys(title for record in told for title in record))
    first = [title for title in titles if not title.startswith(_PACKAGE)]
    packages = [title for title in titles if title.startswith(_PACKAGE)]
    ours = {f"{_PACKAGE}{name}" for record in records for name in record.get("packages", {})}
    packages.sort(key=lambda title: (title not in ours, title))
    both = list(zip(records, told, strict=True))
    rows = [
        Difference(title, tuple(_of(record, flat, title) for record, flat in both))
        for title in (*first, *packages)
    ]
    return [row for row in rows if not row.same and set(row.values) != {NOT_RECORDED}]


def report(job: JobDir) -> dict[str, Any]:
    """A run's report by split; empty while there is none that can be read."""
    try:
        content = json.loads(job.report.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def figures(reports: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Every figure of the runs' reports: "mAP50-95 on val" and on test, side by side."""
    rows = []
    for split in Split:
        metrics = [told.get(split.value, {}).get("metrics", {}) for told in reports]
        for name in dict.fromkeys(name for each in metrics for name in each):
            rows.append(Figure(f"{name} on {split}", tuple(each.get(name) for each in metrics)))
    return rows


def class_figures(
    reports: Sequence[Mapping[str, Any]], names: Mapping[int, str], metric: str = ""
) -> tuple[str, list[Figure]]:
    """One figure on val of each class, side by side, and what it is called.

    `metric`: the column of the report; "" takes the one that the task is known by.
    """
    tables = [
        {row["class"]: row for row in told.get("val", {}).get("per_class", ())} for told in reports
    ]
    columns = [
        name for table in tables for row in table.values() for name in row
        if name not in ("class", "labelled")
    ]  # fmt: skip
    chosen = metric or next((n for n in _PER_CLASS if n in columns), columns[0] if columns else "")
    ids = dict.fromkeys(class_id for table in tables for class_id in table)
    return chosen, [
        Figure(names.get(i, str(i)), tuple(table.get(i, {}).get(chosen) for table in tables))
        for i in ids
    ]


_PER_CLASS = ("AP50-95", "AP50", "IoU", "recall", "F1")
"""The figure of a class that is shown, the first that a report has."""

_PACKAGE = "Package "

_TITLES = {
    "cvstudio.version": "CVStudio", "cvstudio.revision": "CVStudio's commit", "python": "Python",
    "system": "System", "processor": "Processor", "cores": "Cores", "memory": "Memory",
    "threads": "Threads", "device": "Device", "processes": "Processes", "gpu.name": "GPU",
    "gpu.memory": "Memory of the GPU", "gpu.capability": "Capability of the GPU",
    "gpu.driver": "NVIDIA driver", "gpu.cuda": "CUDA", "gpu.cudnn": "cuDNN",
    "weights.file": "Weights to start from", "weights.sha256": "Hash of these weights",
}  # fmt: skip
"""What of an environment.json is told, under which words; the rest is told elsewhere."""


def _flat(record: Mapping[str, Any]) -> dict[str, str]:
    """The facts of an environment.json by their titles."""
    found = {}
    for key, title in _TITLES.items():
        value: Any = record
        for step in key.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value not in (None, ""):
            large = key in ("memory", "gpu.memory")
            short = key in ("weights.sha256", "cvstudio.revision")
            found[title] = size_words(value) if large else str(value)[: 12 if short else None]
    for name, value in record.get("switches", {}).items():
        found[f"Variable {name}"] = str(value)
    packages = record.get("installed") or record.get("packages", {})
    return found | {f"{_PACKAGE}{name}": version for name, version in packages.items()}


def _of(record: Mapping[str, Any], flat: Mapping[str, str], title: str) -> str:
    if title in flat:
        return flat[title]
    everything = "installed" in record
    if title.startswith(_PACKAGE) and everything:
        return "not installed"
    if title.startswith("Variable ") and "switches" in record:
        return "not set"
    if title in ("GPU", "NVIDIA driver", "CUDA", "cuDNN") and record:
        return "none"
    return NOT_RECORDED


def plain(value: Any) -> str:
    """A setting as people read it: "on", "0.01", "–" for none."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _augmentation(config: TrainConfig) -> str:
    return "; ".join(summary(step) for step in config.augmentation if step.enabled) or "none"


def _file(image: SnapshotImage) -> tuple[object, ...]:
    return (image.sha256 or str(image.path), image.page)


def _told(ids: Iterable[int], what: str, split: Callable[[int], Split]) -> list[str]:
    """ "4 images added (3 train, 1 val)"."""
    found = Counter(split(i).value for i in ids)
    if not found:
        return []
    parts = ", ".join(f"{count} {name}" for name, count in found.items())
    return [f"{counted(found.total(), 'image')} {what} ({parts})"]


def _classes(before: Snapshot, after: Snapshot) -> list[str]:
    old, new = ({c.id: c.name for c in s.classes} for s in (before, after))
    words = [f'class "{new[i]}" added' for i in new if i not in old]
    words += [f'class "{old[i]}" removed' for i in old if i not in new]
    return words + [
        f'class "{old[i]}" called "{new[i]}"' for i in old if i in new and old[i] != new[i]
    ]


def _counts(before: Snapshot, after: Snapshot) -> list[str]:
    """How many annotations of each class were added or taken away: "cell 312 → 340"."""
    names = {c.id: c.name for s in (before, after) for c in s.classes}
    old, new = (
        Counter(a.class_id for image in s.images for a in image.annotations)
        for s in (before, after)
    )
    changed = [i for i in names if old[i] != new[i]]
    if not changed:
        return []
    shown = ", ".join(f"{names[i]} {old[i]:,} → {new[i]:,}" for i in changed[:8])
    more = f" and {len(changed) - 8} more classes" if len(changed) > 8 else ""
    return [f"annotations: {shown}{more}"]

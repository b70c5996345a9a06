"""What the Map reads in a thread: embeddings with all that they are coloured and listed by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cvstudio.core.embedding import Embeddings
from cvstudio.core.words import counted
from cvstudio.gui.analyze.map_view.colours import Known
from cvstudio.gui.analyze.map_view.reasons import Reason
from cvstudio.gui.analyze.view import Subject
from cvstudio.gui.tasks import Control
from cvstudio.project import queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord, RunRecord
from cvstudio.project.similarity import alike, embedding, labelled, outliers
from cvstudio.project.similarity import next as upcoming
from cvstudio.project.similarity.embedding import Found, What
from cvstudio.project.similarity.next import RunOpinion, difference

LISTED = 100
"""Images that a list of reasons has at most."""
ALIKE = 48
"""Images, or objects, that are listed as like another one."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """A map as it is shown: where it lies, what is on it, and how many images are not."""

    found: Found
    known: Known
    missing: int = 0
    other: RunRecord | None = None
    """Another run that has looked at the images, to differ from."""


def load(
    project: Project, subject: Subject, of: What, layer: str, control: Control
) -> Loaded | None:
    """The newest map of a run; None where none was made of that layer."""
    found = embedding.latest(subject.run, of=of, layer=layer)
    if found is None:
        return None
    embeddings = found.read()
    control.check()
    with project.read() as s:
        records = {record.id: record for record in queries.images(s, queries.image_ids(s))}
        classes = {c.id: c for c in queries.classes(s)}
        classes_of = labelled.classes_by_image(s)
    embeddings = _of_now(embeddings, records)
    control.check()
    kinds = subject.verdict.kinds
    known = Known(
        embeddings, records, classes, classes_of,
        cases=[case for kind in kinds for case in subject.verdict.cases(kind.kind)],
        kinds={kind.kind: kind.title for kind in kinds},
        judged=frozenset(subject.analysis.images), score=subject.score,
    )  # fmt: skip
    control.check()
    other = _other(project, subject.run)
    if other is not None:
        known = replace(known, apart=_apart(found, other))
    readable = sum(not record.problem for record in records.values())
    missing = readable - len(np.intersect1d(embeddings.seen, np.array(list(records), np.int64)))
    return Loaded(found, known, missing, other)


def label_next(project: Project, loaded: Loaded, run: RunRecord, control: Control) -> list[Reason]:
    """The unlabelled images that teach most, each with its reason. Raises RunError."""
    other = None
    if loaded.other is not None:
        other = _asked(loaded.other, embedding.needed(loaded.other))
    images = embedding.needed(run)
    chosen = upcoming.label_next(
        project, _asked(run, images), other, count=LISTED, cancelled=control.cancelled
    )
    return _reasons(loaded, [(c.image_id, c.reason, -1) for c in chosen])


def unusual(project: Project, loaded: Loaded, control: Control) -> list[Reason]:
    """The rows that lie farthest from what was trained on. Raises RunError."""
    found = outliers.find(
        project, loaded.known.embeddings, count=LISTED, cancelled=control.cancelled
    )
    return _reasons(loaded, [(o.image_id, o.reason, o.row) for o in found])


def like(loaded: Loaded, row: int, control: Control) -> list[Reason]:
    """A row of the map, then those most like it, each with how alike it is."""
    known = loaded.known
    nearest = alike.find(known.embeddings, row, count=ALIKE, stopped=control.cancelled)
    first = (int(known.embeddings.images[row]), f"What is asked about · {_words(known, row)}", row)
    return _reasons(loaded, [
        first,
        *((a.image_id, f"Alike {a.alike:.2f} · {_words(known, a.row)}", a.row) for a in nearest),
    ])  # fmt: skip


def row_of(loaded: Loaded, image_id: int) -> int:
    """The first row of an image, -1 where it is not on the map."""
    rows = np.flatnonzero(loaded.known.embeddings.images == image_id)
    return int(rows[0]) if len(rows) else -1


def chosen(loaded: Loaded, rows: Sequence[int]) -> list[Reason]:
    """The images of chosen rows, each once, with how many of its objects are chosen."""
    embeddings = loaded.known.embeddings
    first: dict[int, int] = {}
    counts: dict[int, int] = {}
    for row in rows:
        image = int(embeddings.images[row])
        first.setdefault(image, int(row))
        counts[image] = counts.get(image, 0) + 1
    records = loaded.known.records
    return [
        Reason(records[i], _about(loaded, i, counts[i]), row)
        for i, row in first.items() if i in records
    ]  # fmt: skip


def _about(loaded: Loaded, image: int, count: int) -> str:
    if loaded.known.embeddings.of_objects:
        return f"{counted(count, 'object')} chosen"
    return _labels(loaded.known, image)


def _words(known: Known, row: int) -> str:
    """What a row is labelled as, or found as, and its split."""
    embeddings = known.embeddings
    image = int(embeddings.images[row])
    of = known.classes.get(int(embeddings.classes[row]))
    if not embeddings.of_objects or of is None:
        return _labels(known, image)
    found = "found as " if embeddings.predicted[row] else ""
    return f"{found}{of.name} · {known.records[image].split or 'no split'}"


def _labels(known: Known, image: int) -> str:
    named = [known.classes[c].name for c in known.classes_of.get(image, ()) if c in known.classes]
    shown = ", ".join(named[:3]) + (" …" if len(named) > 3 else "")
    return f"{shown or 'No label'} · {known.records[image].split or 'no split'}"


def _reasons(loaded: Loaded, told: Sequence[tuple[int, str, int]]) -> list[Reason]:
    embeddings, records = loaded.known.embeddings, loaded.known.records
    rows: dict[int, int] = {}
    for row, image in enumerate(embeddings.images.tolist()):
        rows.setdefault(image, row)
    return [
        Reason(records[image], text, row if row >= 0 else rows.get(image, -1))
        for image, text, row in told
        if image in records
    ]


def _of_now(embeddings: Embeddings, records: dict[int, ImageRecord]) -> Embeddings:
    """Without the rows of images that have been taken out of the project since."""
    kept = np.isin(embeddings.images, np.array(list(records), np.int64))
    if kept.all():
        return embeddings
    return replace(
        embeddings,
        **{name: getattr(embeddings, name)[kept] for name in (
            "vectors", "images", "annotations", "classes", "scores", "boxes", "flat", "near"
        )},
    )  # fmt: skip


def _other(project: Project, run: RunRecord) -> RunRecord | None:
    """The newest other run that has embedded the images."""
    others = [other for other in runs.all_runs(project) if other.id != run.id]
    return next((o for o in reversed(others) if embedding.latest(o) is not None), None)


def _apart(found: Found, other: RunRecord) -> dict[int, float]:
    mine, theirs = found.answers(), embedding.needed(other).answers()
    return {image: difference(mine[image], theirs[image]) for image in mine.keys() & theirs.keys()}


def _asked(run: RunRecord, found: Found) -> RunOpinion:
    return RunOpinion(found.read(), found.answers(), f"Run {run.id}")

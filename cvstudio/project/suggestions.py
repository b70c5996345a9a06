"""What networks suggest, brought into the project.

A suggestion is an annotation in the state "suggested". It trains nothing, counts nowhere and is not
exported until a person keeps it (decisions.py). What a person has made is never touched and never
doubled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.core.annotation import (
    Annotation,
    LabelClass,
    Shape,
    Source,
    State,
    Task,
)
from cvstudio.core.config import SuggestConfig
from cvstudio.core.forms import ROTATED, plain_form
from cvstudio.core.geometry import Polygon, overlap
from cvstudio.core.jobdir import JobDir
from cvstudio.core.keypoints import Keypoints
from cvstudio.core.masks import Mask, Patch, rasterise
from cvstudio.core.metrics.overlaps import ImageObjects, find_overlaps
from cvstudio.core.predictions import Found, Prediction, read_predictions
from cvstudio.core.skeleton import Skeleton, followed
from cvstudio.core.suggestion import ANSWERS, Unread, read_answer
from cvstudio.core.words import counted, quoted
from cvstudio.project import (
    commands,
    image_classes,
    queries,
    rows,
    runs,
    skeletons,
    suggesting,
)
from cvstudio.project.decisions import CHUNK, DOUBLE
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord
from cvstudio.project.tables import HistoryRow

_TRIES = 4
"""How often answers are matched with the labels; the last time nobody else can write."""

_CLASS = commands.ANNOTATION_COLUMNS.index("class_id")

MAKER = "suggested_by"
"""The attribute that names the exported file behind a suggestion; a run is named by its number."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who suggests: a run of this project, or an exported file by its name."""

    run_id: int | None
    name: str

    def made(self, annotation: Annotation) -> bool:
        """Whether an annotation is a suggestion of this one that nobody has decided on."""
        if annotation.state is not State.SUGGESTED or annotation.source is not Source.NETWORK:
            return False
        if self.run_id is not None:
            return annotation.run_id == self.run_id
        return annotation.run_id is None and annotation.attributes.get(MAKER) == self.name


@dataclass(frozen=True)
class ClassMatch:
    """The project's class for each class of a network, and in words where they differ."""

    ids: dict[int, int]
    """Below 0: a class that is made with the suggestions, see `new`."""
    notes: tuple[str, ...] = ()
    new: dict[int, str] = field(default_factory=dict)
    """The names of classes that are not there yet, by the ids that stand for them."""
    left: frozenset[int] = frozenset()
    """The network's classes that a person wants left out."""


@dataclass(frozen=True)
class Taken:
    """What became of a job's answers."""

    suggestions: int = 0
    images: tuple[int, ...] = ()
    """The images that have new suggestions."""
    known: int = 0
    """Answers left out because a label is there already."""
    refused: int = 0
    """Answers left out because a person has rejected the same before."""
    replaced: int = 0
    """Earlier suggestions of the same network that these stand in for."""
    strange: dict[str, int] = field(default_factory=dict)
    """Answers of classes that the project does not have, by the network's name for them."""
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
    left: int = 0
    """Answers of classes that were to be left out."""

    @property
    def sentences(self) -> list[str]:
        """All that a person should know of it, the result first."""
        told = ["No suggestions."]
        if self.suggestions:
            where = counted(len(self.images), "image")
            told = [f"{counted(self.suggestions, 'suggestion')} on {where}."]
        if self.known:
            told.append(f"{self.known:,} left out where labels are already.")
        if self.refused:
            told.append(f"{self.refused:,} left out that were rejected before.")
        if self.left:
            told.append(f"{self.left:,} of classes that were to be left out.")
        told += self.notes
        for name, number in self.strange.items():
            told.append(f"{number:,} of {quoted(name)} left out: the project has no such class.")
        if self.unread:
            told.append(f"{counted(len(self.unread), 'image')} could not be read.")
        return told


# Taking in


def take_in(project: Project, job: JobDir, *, source: object = None) -> Taken:
    """Bring a job's answers into the project as suggestions, in one undo step.

    Earlier suggestions of the same network on the answered images make place. What comes in is
    found beside other work and only then written; when something else was written meanwhile, it is
    found again, in the end with all writers waiting. Raises RunError when the answers are missing
    or damaged; nothing has changed then.
    """
    config, answer = suggesting.config_of(job), read_answer(job)
    origin = origin_of(project, config)

    def found(s: Session) -> _Intake:
        there = queries.classes(s)
        if config.classes is not None:
            match = chosen_classes(answer.classes, there, config.classes)
        else:
            match = match_classes(answer.classes, there, by_id=origin.run_id is not None)
        several = answer.several and image_classes.several(s)
        intake = _Intake(
            project.task, origin, match, answer.classes, config.overlap, several=several,
            bones=answer.form.skeleton, skeletons=skeletons.skeletons(s),
        )  # fmt: skip
        for some in _chunks(read_predictions(job.predictions(ANSWERS)), CHUNK):
            intake.take(s, some)
        return intake

    for left in reversed(range(_TRIES)):
        intake = None
        if left:
            with project.read() as s:
                seen, intake = _last_change(s), found(s)
        with project.transaction("Suggest labels", source=source) as s:
            if intake is None:
                intake = found(s)
            elif _last_change(s) != seen:
                continue
            rows.remove(s, "annotation", intake.replaced)
            rows.add(s, "annotation", commands.ANNOTATION_COLUMNS, intake.made(s))
            break
    assert intake is not None
    suggesting.mark_taken(job)
    return replace(intake.told(), unread=answer.unread)


def _last_change(s: Session) -> int | None:
    """What tells whether anything was written since."""
    return s.scalar(select(func.max(HistoryRow.id)))


def match_classes(
    network: Sequence[LabelClass], project: Sequence[LabelClass], *, by_id: bool
) -> ClassMatch:
    """Which class of the project each class of a network is.

    `by_id`: the network was trained in this project, so that a class keeps its id when it is
    renamed. Otherwise, and for classes whose id is gone, the name decides.
    """
    known = {c.id: c for c in project}
    names = {c.name: c.id for c in project}
    bare = {c.name.casefold().strip(): c.id for c in project}
    ids: dict[int, int] = {}
    notes = []
    for each in network:
        if by_id and each.id in known:
            ids[each.id] = each.id
            if known[each.id].name != each.name:
                notes.append(f"{quoted(each.name)} is called {quoted(known[each.id].name)} now.")
            continue
        found = names.get(each.name, bare.get(each.name.casefold().strip()))
        if found is not None:
            ids[each.id] = found
            if known[found].name != each.name:
                notes.append(f"{quoted(each.name)} was taken for {quoted(known[found].name)}.")
    return ClassMatch(ids, tuple(notes))


def chosen_classes(
    network: Sequence[LabelClass], project: Sequence[LabelClass], chosen: Mapping[int, int | str]
) -> ClassMatch:
    """Which class each class of a network is by a person's choice, see SuggestConfig.classes.

    A class of the project that is gone by now, and a class of the network that nobody chose for,
    are strange.
    """
    known = {c.id for c in project}
    named = {c.name.casefold().strip(): c.id for c in project}
    ids: dict[int, int] = {}
    new: dict[str, int] = {}
    for each in network:
        wanted = chosen.get(each.id)
        if isinstance(wanted, str):
            name = wanted.strip()
            there = named.get(name.casefold())
            ids[each.id] = there or new.setdefault(name, -len(new) - 1)
        elif wanted in known and wanted is not None:
            ids[each.id] = wanted
    left = frozenset(id for id, wanted in chosen.items() if wanted == 0)
    return ClassMatch(ids, new={id: name for name, id in new.items()}, left=left)


def origin_of(project: Project, config: SuggestConfig) -> Origin:
    """The run or the exported file whose network a job has asked."""
    if config.file is not None:
        return Origin(None, config.file.name)
    assert config.run_directory is not None, "one of both, see SuggestConfig"
    wanted = config.run_directory.resolve()
    for run in runs.all_runs(project):
        if runs.job_of(run).path.resolve() == wanted:
            return Origin(run.id, f"run {run.id}")
    # The run was deleted while its network was asked.
    return Origin(None, config.run_directory.name)


def _chunks(things: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The things in their order, so many at a time."""
    rest = iter(things)
    while some := list(islice(rest, size)):
        yield some


class _Intake:
    """Turns answers into rows, image by image, beside what is there."""

    def __init__(
        self,
        task: Task,
        origin: Origin,
        match: ClassMatch,
        classes: Sequence[LabelClass],
        overlap: float,
        *,
        several: bool,
        bones: Skeleton | None = None,
        skeletons: Mapping[int, Skeleton],
    ) -> None:
        self._several, self._bones, self._skeletons = several, bones, skeletons
        self._task, self._origin, self._match, self._overlap = task, origin, match, overlap
        self._names = {c.id: c.name for c in classes}
        self.new: list[tuple[Any, ...]] = []
        self.replaced: list[int] = []
        self._images: list[int] = []
        self._known = self._refused = 0
        self._left = 0
        self._strange: Counter[str] = Counter()

    def made(self, s: Session) -> list[tuple[Any, ...]]:
        """The new rows, after the classes were made that they need and that are not there yet."""
        used = {row[_CLASS] for row in self.new}
        wanted = {id: name for id, name in self._match.new.items() if id in used}
        if not wanted:
            return self.new
        ids = {id: commands.add_class(s, name=name) for id, name in wanted.items()}
        return [
            (*row[:_CLASS], ids.get(row[_CLASS], row[_CLASS]), *row[_CLASS + 1 :])
            for row in self.new
        ]

    def told(self) -> Taken:
        """What was done so far."""
        return Taken(
            suggestions=len(self.new),
            images=tuple(self._images),
            known=self._known,
            refused=self._refused,
            replaced=len(self.replaced),
            strange=dict(self._strange),
            notes=self._match.notes,
            left=self._left,
        )

    def take(self, s: Session, predictions: Sequence[Prediction]) -> None:
        """Take in the answers for some images; those that are gone are passed over."""
        ids = [prediction.image_id for prediction in predictions]
        images = {image.id: image for image in queries.images(s, ids)}
        there = queries.annotations_of(s, ids)
        for prediction in predictions:
            image = images.get(prediction.image_id)
            if image is not None:
                self._take_one(image, there[image.id], prediction)

    def _take_one(
        self, image: ImageRecord, there: Sequence[Annotation], prediction: Prediction
    ) -> None:
        own = {a.id for a in there if self._origin.made(a)}
        self.replaced += own
        kept = [a for a in there if a.id not in own]
        accepted = [a for a in kept if a.state is State.ACCEPTED]
        rejected = [a for a in kept if a.state is State.REJECTED]
        match self._task:
            case Task.CLASSIFY if self._several:
                found = self._all_of_image(prediction, accepted, rejected)
            case Task.CLASSIFY:
                found = self._of_image(prediction, accepted, rejected)
            case Task.SEGMENT:
                found = self._regions(image, prediction, accepted, rejected)
            case _:
                found = self._objects(prediction, accepted, rejected)
        z = max((a.z for a in kept), default=-1)
        before = len(self.new)
        for class_id, shape, score in found:
            z += 1
            self.new.append(
                commands.annotation_row(
                    image_id=image.id, class_id=class_id, shape=shape, width=image.width,
                    height=image.height, z=z, source=Source.NETWORK, run_id=self._origin.run_id,
                    score=score, state=State.SUGGESTED,
                    attributes=None if self._origin.run_id else {MAKER: self._origin.name},
                )
            )  # fmt: skip
        if len(self.new) > before:
            self._images.append(image.id)

    def _class(self, class_id: int) -> int | None:
        found = self._match.ids.get(class_id)
        if class_id in self._match.left:
            self._left += 1
        elif found is None:
            self._strange[self._names.get(class_id, str(class_id))] += 1
        return found

    def _of_image(
        self, prediction: Prediction, accepted: Sequence[Annotation], rejected: Sequence[Annotation]
    ) -> Iterator[tuple[int, Shape, float | None]]:
        """The likeliest class of the whole image, where nobody has said one."""
        if not prediction.scores:
            return
        best = max(prediction.scores, key=lambda each: prediction.scores[each])  # type: ignore[index]
        class_id = self._class(best)
        if class_id is None:
            return
        if any(a.shape is None for a in accepted):
            self._known += 1
        elif any(a.shape is None and a.class_id == class_id for a in rejected):
            self._refused += 1
        else:
            yield class_id, None, prediction.scores[best]

    def _all_of_image(
        self, prediction: Prediction, accepted: Sequence[Annotation], rejected: Sequence[Annotation]
    ) -> Iterator[tuple[int, Shape, float | None]]:
        """Each class that the network is sure enough of and that nobody has said or rejected."""
        said, refused = (
            {a.class_id for a in some if a.shape is None} for some in (accepted, rejected)
        )
        scores = prediction.scores or {}
        for network_class in sorted(scores, key=lambda each: -scores[each]):
            class_id = self._class(network_class)
            if class_id is None:
                continue
            if class_id in said:
                self._known += 1
            elif class_id in refused:
                self._refused += 1
            else:
                yield class_id, None, scores[network_class]

    def _objects(
        self, prediction: Prediction, accepted: Sequence[Annotation], rejected: Sequence[Annotation]
    ) -> Iterator[tuple[int, Shape, float | None]]:
        """Objects where no label is, whatever its class, and none that was rejected before."""
        mapped = [
            replace(found, class_id=class_id)
            for found in prediction.objects
            if (class_id := self._class(found.class_id)) is not None
        ]
        known = self._covered(prediction.image_id, mapped, accepted)
        for place, found in enumerate(mapped):
            if place in known:
                self._known += 1
                continue
            same = [a for a in rejected if a.class_id == found.class_id]
            if self._covered(prediction.image_id, [found], same):
                self._refused += 1
                continue
            yield found.class_id, self._shape(found), found.score

    def _shape(self, found: Found) -> Shape:
        """What is suggested of an object; points go to those of the class with the same names."""
        shape = found.shape
        if isinstance(shape, Keypoints):
            return followed(shape, self._bones, self._skeletons.get(found.class_id))
        return shape

    def _covered(
        self, image_id: int, found: Sequence[Found], there: Sequence[Annotation]
    ) -> set[int]:
        """Places of those among `found` that lie on something that is there."""
        shaped = [a for a in there if a.shape is not None]
        if not found or not shaped:
            return set()
        form = plain_form(self._task)
        if any(one.rotated is not None for one in found):
            form = ROTATED
        overlaps = find_overlaps([ImageObjects(image_id, shaped, found)], form=form)
        over = overlaps.pair_iou >= self._overlap
        return set(overlaps.found_index[overlaps.pair_found[over]].tolist())

    def _regions(
        self,
        image: ImageRecord,
        prediction: Prediction,
        accepted: Sequence[Annotation],
        rejected: Sequence[Annotation],
    ) -> Iterator[tuple[int, Shape, float | None]]:
        """What of each class's region nobody has labelled yet.

        A region that is labelled already by more than the allowed share is left out whole: what
        is left of it are edges.
        """
        labelled = _painted(image, accepted)
        for network_class, region in (prediction.regions or {}).items():
            class_id = self._class(network_class)
            if class_id is None:
                continue
            patch = region.full(image.height, image.width)
            whole = int(patch.sum())
            patch[labelled > 0] = 0
            left = Mask.from_patch(patch)
            if left is None or int(patch.sum()) < whole * (1 - self._overlap):
                self._known += 1
            elif any(_alike(a.shape, left) for a in rejected if a.class_id == class_id):
                self._refused += 1
            else:
                yield class_id, left, None


def _painted(image: ImageRecord, annotations: Iterable[Annotation]) -> Patch:
    """The pixels (h, w) that annotations cover."""
    canvas = np.zeros((image.height, image.width), np.uint8)
    for annotation in annotations:
        if isinstance(annotation.shape, Mask):
            annotation.shape.paint(canvas, 1)
        elif isinstance(annotation.shape, Polygon):
            drawn = rasterise(annotation.shape, x=0, y=0, width=image.width, height=image.height)
            np.maximum(canvas, drawn, out=canvas)
    return canvas


def _alike(shape: Shape, mask: Mask) -> bool:
    return (
        isinstance(shape, Mask)
        and overlap(shape.box, mask.box) >= DOUBLE
        and (min(shape.area, mask.area) >= DOUBLE * max(shape.area, mask.area))
    )

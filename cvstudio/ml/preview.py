"""What Augment shows: variants of one image, and what a pipeline does to many. No network here.

Images take the way that training images take: read, scaled to the network's size, augmented with
item_seed(seed, epoch, image). Variant n is what the network sees in epoch n of a run with the seed.
"""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.augment import automatic, ladder
from cvstudio.augment.build import Augmenter, LabelMap, Outcome, Variant, build
from cvstudio.augment.editing import Place
from cvstudio.augment.outlines import scale_shape
from cvstudio.augment.presets import load_steps
from cvstudio.augment.unable import runnable
from cvstudio.augment.view import Image, item_seed, scaled, training_shapes, training_view
from cvstudio.core.annotation import (
    BOXES,
    Review,
    Shape,
    Split,
    Task,
    box_of,
    carried,
    kind_of,
)
from cvstudio.core.pipeline import Automatic, Group, GroupKind, Item, Step
from cvstudio.core.recipe import Fit, Sees
from cvstudio.core.snapshot import (
    SnapshotAnnotation,
    SnapshotImage,
    shape_from_json,
    shape_to_json,
)
from cvstudio.core.wire import Message
from cvstudio.ml.labels import IGNORE, target_map
from cvstudio.ml.seeing import seen

_PATIENCE = 0.12
"""Seconds that variants may take before they give way to newer ones. Less would leave a person who
drags a slider without any picture until the hand rests."""

_TIMES_KEPT = 400
_RUNS = 3
_SLOW_MS = 60.0
"""A step that takes longer is measured twice at most."""

_KEPT = 6
"""Decoded images kept: the one at hand and its neighbours."""


class GaveWay(Exception):  # it is an answer, not an error
    """Raised in the middle of work that a newer wish has made needless."""


@dataclass(frozen=True)
class PreviewImage:
    """An image of a request: where it is, and the annotations that are carried along."""

    id: int
    path: Path
    page: int
    window: tuple[float, float] | None
    annotations: tuple[SnapshotAnnotation, ...]

    @property
    def shapes(self) -> list[Shape]:
        """What is carried along and counted; crowds only blot out the label map."""
        return [annotation.shape for annotation in self.annotations if not annotation.crowd]


def image_from_json(data: Mapping[str, Any], task: Task) -> PreviewImage:
    """An image of a request, with its annotations from which some network of the task learns."""
    annotations = []
    for number, item in enumerate(data["annotations"]):
        shape = shape_from_json(item)
        annotation = SnapshotAnnotation(
            id=number, class_id=item["class"], shape=shape, box=box_of(shape),
            crowd=bool(item.get("crowd", False)) or _blots(shape, task),
        )  # fmt: skip
        if shape is not None and (annotation.crowd or carried(annotation, task)):
            annotations.append(annotation)
    window = data.get("window")
    return PreviewImage(
        id=int(data["id"]),
        path=Path(data["path"]),
        page=int(data.get("page", 0)),
        window=(float(window[0]), float(window[1])) if window else None,
        annotations=tuple(annotations),
    )


def _blots(shape: Shape, task: Task) -> bool:
    """Whether a shape only says where nothing is taught: a box among outlines."""
    return task is Task.SEGMENT and kind_of(shape) in BOXES


class Previews:
    """Answers "augment", "ladder", "times" and "trial"; keeps the last images and pipeline."""

    def __init__(self) -> None:
        self._images: OrderedDict[tuple[Any, ...], Image] = OrderedDict()
        self._pipeline: tuple[Any, Augmenter] | None = None
        self._times: OrderedDict[tuple[Any, ...], float] = OrderedDict()

    def augment(
        self, header: Mapping[str, Any], *, give_way: Callable[[], bool] = lambda: False
    ) -> Message:
        """Variants of one image. Raises GaveWay when it takes long and `give_way` says so.

        header: task, fit, size (px), steps, seed, epochs (list of int), thumbnail (px, 0 keeps the
        training size), image (see image_from_json), and where the network sees all values "sees"
        and "channels"; the pictures are what the window shows of them.

        Answers arrays "original" and "variant N",
        for segment "labels N" too (0 background, then classes in the order of header["classes"],
        255 ignored); and "variants": size, caption, shapes and outcomes of each.
        """
        view = self._view(header)
        augmenter = self._augmenter(header)
        limit = int(header["thumbnail"])
        arrays: dict[str, NDArray[Any]] = {}
        told = []
        start = time.perf_counter()
        for number, epoch in enumerate(header["epochs"]):
            if time.perf_counter() - start > _PATIENCE and give_way():
                raise GaveWay
            variant, labels = view.variant(augmenter, epoch)
            arrays[f"variant {number}"] = _small(_shown(variant.rgb), limit)
            if labels is not None:
                arrays[f"labels {number}"] = _small_labels(labels, limit)
            told.append(_told(variant, _factor(variant.rgb, limit)))
        arrays["original"] = _small(_shown(view.rgb), limit)
        factor = _factor(view.rgb, limit)
        original = [shape_to_json(scale_shape(s, factor, factor)) for s in view.image.shapes]
        return Message(
            {"variants": told, "original": original, "counted": len(view.image.shapes)}, arrays
        )

    def ladder(self, header: Mapping[str, Any]) -> Message:
        """One step at rising strengths.

        header: as augment, with the step alone in "steps" and without epochs. Answers "rows":
        title, now (the rung nearest to the step's own setting), and "rungs": parameters, words and
        what augment tells of a variant; arrays "rung R C", for segment "labels R C".
        """
        view = self._view(header)
        (step,) = load_steps(header["steps"])
        assert isinstance(step, Step)
        limit = int(header["thumbnail"])
        arrays: dict[str, NDArray[Any]] = {}
        told = []
        for place, row in enumerate(ladder.rows(step, other_way=header["seed"] % 2 == 1)):
            rungs = []
            for column, rung in enumerate(row.rungs):
                variant, labels = view.variant(build([rung.step]), 1)
                arrays[f"rung {place} {column}"] = _small(_shown(variant.rgb), limit)
                if labels is not None:
                    arrays[f"labels {place} {column}"] = _small_labels(labels, limit)
                shown = _told(variant, _factor(variant.rgb, limit))
                told_rung = {"parameters": dict(rung.parameters), "words": rung.words}
                rungs.append({**told_rung, **shown})
            told.append({"title": row.title, "now": row.now, "rungs": rungs})
        return Message({"rows": told}, arrays)

    def times(self, header: Mapping[str, Any], *, give_way: Callable[[], bool]) -> Message:
        """What each step of a pipeline costs on one image, in milliseconds.

        header: as augment, without epochs. Answers "times": pairs of place and milliseconds when
        it acts (a group's are those of what it draws); "total": milliseconds for a variant on
        average, null when `give_way` asked to stop before all were measured. What was measured is
        kept, so the next request goes on from there.
        """
        view = self._view(header)
        items = load_steps(header["steps"])
        clock = _Clock(view, self._times)
        found: dict[Place, float] = {}
        total: float | None = 0.0
        for index, item in enumerate(items):
            if not item.enabled:
                continue
            told = clock.item((index,), item, give_way)
            if told is None:
                total = None
                break
            found.update(told)
            assert total is not None
            total += item.chance * told[(index,)]
        while len(self._times) > _TIMES_KEPT:
            self._times.popitem(last=False)
        pairs = [[list(place), round(took, 3)] for place, took in found.items()]
        return Message({"times": pairs, "total": None if total is None else round(total, 3)})

    def trial(
        self, header: Mapping[str, Any], *, give_way: Callable[[], bool] = lambda: False
    ) -> Message:
        """What a pipeline does to the annotations of `count` trial images, without any pixels.

        Raises GaveWay when `give_way` says so.

        header: task, fit, size, steps, seed, count, images (as in augment, with width and height).
        Answers "outcomes": how many annotations ended whole, cut, lost, degenerate; "lost_by":
        pairs of a step's place and how many it lost; "images": in how many of "count" any was lost.
        """
        task, fit = Task(header["task"]), Fit(header["fit"])
        augmenter = self._augmenter(header)
        counts: Counter[str] = Counter()
        lost_by: Counter[Place] = Counter()
        images = header["images"]
        poorer = 0
        total = int(header["count"]) if images else 0
        for number in range(total):
            if give_way():
                raise GaveWay
            data = images[number % len(images)]
            image = image_from_json(data, task)
            seed = item_seed(header["seed"], 1 + number // len(images), image.id)
            inside, shapes = training_shapes(
                (data["width"], data["height"]), image.shapes,
                size=header["size"], fit=fit, seed=seed,
            )  # fmt: skip
            kept = [shape for shape in shapes if shape is not None]
            outcomes = augmenter.trial(inside, kept, seed=seed)
            counts.update(str(found) for found in outcomes)
            if Outcome.LOST in outcomes:
                poorer += 1
                lost_by.update(augmenter.losses(inside, kept, seed=seed))
        return Message(
            {
                "outcomes": {outcome.value: counts[outcome.value] for outcome in Outcome},
                "lost_by": [[list(place), count] for place, count in lost_by.items()],
                "images": poorer,
                "count": total,
            }
        )

    def _view(self, header: Mapping[str, Any]) -> _View:
        task = Task(header["task"])
        image = image_from_json(header["image"], task)
        rgb = self._read(image, *_kind_of(header))
        return _View(
            image, rgb, task, Fit(header["fit"]), int(header["size"]),
            int(header["seed"]), tuple(header["classes"]),
        )  # fmt: skip

    def _augmenter(self, header: Mapping[str, Any]) -> Augmenter:
        sees, channels = _kind_of(header)
        key = (header["steps"], sees, channels)
        if self._pipeline is None or self._pipeline[0] != key:
            items, _ = runnable(
                load_steps(header["steps"]), channels=channels, eight_bit=sees is Sees.DISPLAYED
            )
            self._pipeline = (key, build(items))
        return self._pipeline[1]

    def _read(self, image: PreviewImage, sees: Sees, channels: int) -> Image:
        stamp = image.path.stat().st_mtime_ns if image.path.exists() else 0
        key = (image.path, image.page, image.window, stamp, sees, channels)
        if key not in self._images:
            self._images[key] = seen(
                image.path, image.page, image.window, sees=sees, channels=channels
            )
            while len(self._images) > _KEPT:
                self._images.popitem(last=False)
        self._images.move_to_end(key)
        return self._images[key]


@dataclass(frozen=True)
class _View:
    """An image of a request with what a variant of it depends on."""

    image: PreviewImage
    rgb: Image
    task: Task
    fit: Fit
    size: int
    seed: int
    classes: tuple[int, ...]

    def variant(self, augmenter: Augmenter, epoch: int) -> tuple[Variant, LabelMap | None]:
        """What the network sees of the image in an epoch."""
        seed = item_seed(self.seed, epoch, self.image.id)
        return one_variant(
            augmenter, self.rgb, self.image, task=self.task, fit=self.fit, size=self.size,
            seed=seed, classes=self.classes,
        )  # fmt: skip

    def key(self) -> tuple[Any, ...]:
        """What a step's cost depends on."""
        kind = (self.rgb.dtype.kind, self.rgb.shape[2])
        return (self.image.path, self.image.page, self.task, self.fit, self.size, kind)

    def can_run(self, step: Step) -> bool:
        """Whether a step is for images of this kind; others are left out of a run."""
        kept, _ = runnable([step], channels=self.rgb.shape[2], eight_bit=self.rgb.dtype == np.uint8)
        return bool(kept)


class _Clock:
    """Measures steps on one view, each once: the shortest of a few runs, less what is around."""

    def __init__(self, view: _View, known: OrderedDict[tuple[Any, ...], float]) -> None:
        self._view, self._known = view, known
        self._bare = build([])

    def item(
        self, place: Place, item: Item, give_way: Callable[[], bool]
    ) -> dict[Place, float] | None:
        """The milliseconds of an item and of the steps in it; None when it gave way."""
        if isinstance(item, Step):
            took = self._step(item, give_way)
            return None if took is None else {place: took}
        steps = automatic.steps_of(item) if isinstance(item, Automatic) else item.steps
        able = [(n, s) for n, s in enumerate(steps) if s.enabled and s.chance > 0]
        found: dict[Place, float] = {}
        for number, step in able:
            took = self._step(step, give_way)
            if took is None:
                return None
            found[(*place, number)] = took
        own = {place: _of_group(item, [(found[(*place, n)], s.chance) for n, s in able])}
        return own if isinstance(item, Automatic) else {**found, **own}

    def _step(self, step: Step, give_way: Callable[[], bool]) -> float | None:
        if not self._view.can_run(step):
            return 0.0
        key = (*self._view.key(), step.transform, repr(sorted(step.parameters.items())))
        if key not in self._known:
            if give_way():
                return None
            alone = step.model_copy(update={"chance": 1.0, "enabled": True})
            self._known[key] = self._measured(build([alone]))
        self._known.move_to_end(key)
        return self._known[key]

    def _measured(self, augmenter: Augmenter) -> float:
        # The first runs make tables and buffers that later ones find. Each run stands beside a bare
        # one, so that a computer that grows busy between them slows both.
        self._run(self._bare, 1)
        best = self._run(augmenter, 1)
        bare = math.inf
        for epoch in range(1, _RUNS + 1):
            if best > _SLOW_MS and epoch > 2:
                break
            bare = min(bare, self._run(self._bare, epoch))
            took = self._run(augmenter, epoch)
            best = took if epoch == 1 else min(best, took)
        return max(best - bare, 0.0)

    def _run(self, augmenter: Augmenter, epoch: int) -> float:
        start = time.perf_counter()
        self._view.variant(augmenter, epoch)
        return 1000 * (time.perf_counter() - start)


def _of_group(item: Group | Automatic, steps: Sequence[tuple[float, float]]) -> float:
    """What a group costs on average when it acts, from the (milliseconds, chance) of its steps."""
    if not steps:
        return 0.0
    if isinstance(item, Group) and item.group is GroupKind.ONE_OF:
        return sum(took * weight for took, weight in steps) / sum(w for _, w in steps)
    chances = 1.0 if isinstance(item, Automatic) else None
    mean = sum(took * (chances or chance) for took, chance in steps) / len(steps)
    return mean * min(item.count, len(steps))


def one_variant(
    augmenter: Augmenter,
    rgb: Image,
    image: PreviewImage,
    *,
    task: Task,
    fit: Fit,
    size: int,
    seed: int,
    classes: Sequence[int],
) -> tuple[Variant, LabelMap | None]:
    """One variant of an image at the network's size, and its label map for segment."""
    view, shapes = training_view(rgb, image.shapes, size=size, fit=fit, seed=seed)
    if task is not Task.SEGMENT:
        return augmenter.apply(view, shapes, seed=seed), None
    labels = target_map(_snapshot_image(image, rgb), classes)
    labels, _ = training_view(labels, (), size=size, fit=fit, seed=seed, labels=True)
    return augmenter.apply_labels(view, labels, shapes, seed=seed, outside=IGNORE)


def _snapshot_image(image: PreviewImage, rgb: Image) -> SnapshotImage:
    return SnapshotImage(
        id=image.id, path=image.path, page=image.page, width=rgb.shape[1], height=rgb.shape[0],
        split=Split.TRAIN, review=Review.LABELLED, sha256="", annotations=image.annotations,
    )  # fmt: skip


def _told(variant: Variant, factor: float) -> dict[str, Any]:
    return {
        "caption": variant.caption,
        "size": [variant.rgb.shape[1], variant.rgb.shape[0]],
        "shapes": [shape_to_json(scale_shape(s, factor, factor)) for s in variant.shapes],
        "outcomes": [outcome.value for outcome in variant.outcomes],
    }


def _kind_of(header: Mapping[str, Any]) -> tuple[Sees, int]:
    """What of an image the network of a request sees, and how many channels that are."""
    return Sees(header.get("sees", Sees.DISPLAYED)), int(header.get("channels", 3))


def _shown(rgb: Image) -> NDArray[np.uint8]:
    """A variant as a picture: of all values those of the first three channels that the window
    shows, or of the first where there are fewer."""
    if rgb.dtype == np.uint8:
        return rgb
    chosen = rgb[:, :, :3] if rgb.shape[2] >= 3 else np.repeat(rgb[:, :, :1], 3, axis=2)
    return np.asarray(np.rint(chosen.clip(0, 1) * 255), np.uint8)


def _factor(rgb: NDArray[Any], limit: int) -> float:
    longest = max(rgb.shape[:2])
    return min(limit / longest, 1.0) if limit else 1.0


def _small(rgb: Image, limit: int) -> Image:
    factor = _factor(rgb, limit)
    width = max(round(rgb.shape[1] * factor), 1)
    height = max(round(rgb.shape[0] * factor), 1)
    while rgb.shape[1] >= 2 * width and rgb.shape[0] >= 2 * height:
        # Averages of two by two pixels have a path of their own, ten times as fast.
        rgb = scaled(rgb, width=rgb.shape[1] // 2, height=rgb.shape[0] // 2)
    return scaled(rgb, width=width, height=height)


def _small_labels(labels: LabelMap, limit: int) -> LabelMap:
    factor = _factor(labels, limit)
    if factor == 1:
        return labels
    rows = (np.arange(max(round(labels.shape[0] * factor), 1)) / factor).astype(int)
    columns = (np.arange(max(round(labels.shape[1] * factor), 1)) / factor).astype(int)
    rows, columns = rows.clip(0, labels.shape[0] - 1), columns.clip(0, labels.shape[1] - 1)
    return np.ascontiguousarray(labels[rows[:, None], columns])

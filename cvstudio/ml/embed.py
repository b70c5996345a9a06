"""The embed job: values of a layer that stand for each image or object, and a map made of them.

What was computed lies in RUN/embeddings.sqlite, by the network, the layer and the image's content:
a job that was killed goes on where it was, and only new images are looked at the next time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import roi_align

from cvstudio.core import doubt
from cvstudio.core.annotation import Task
from cvstudio.core.config import EmbedConfig
from cvstudio.core.embedding import (
    ANSWERS,
    Embeddings,
    Subject,
    read_subjects,
    write_embeddings,
)
from cvstudio.core.errors import RunError
from cvstudio.core.events import Note, Outcome, Phase, Progress
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.pieces import in_windows, windows
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.similarity import centred, principal
from cvstudio.core.thresholds import thresholds_of
from cvstudio.core.words import counted
from cvstudio.ml.answer import by_windows, goes_in_tiles
from cvstudio.ml.decode import decode
from cvstudio.ml.embedded import Embedded, EmbeddedStore
from cvstudio.ml.evaluate import batches, read_images
from cvstudio.ml.layers import Tap, tap
from cvstudio.ml.load import LoadedNetwork, load_network
from cvstudio.ml.preprocess import Image, Placement, resize

_MOST_TOLD = 20
_LARGE = 1024
"""Pixels of the longer side of an image that is too large to be looked at in one piece: its
embedding is that of the image at this size."""
_TO_UMAP = 50
"""Values that UMAP is given of each row: more of them make it slow and change the map little."""
_LARGEST = 60_000.0
"""What 16 bits can hold."""
_CELLS = 3
"""An object is the mean over so many cells a side of its box."""

Vectors = NDArray[np.float16]


def run_embed(job: JobDir, config: EmbedConfig) -> Outcome:
    """Embed the listed images. What cannot be read is left out with a note. Raises RunError when
    nothing can be embedded, ConfigError when the network has no such layer."""
    subjects = read_subjects(job)
    job.emit(Phase(text=f"Loading the network of {config.run_directory.name}"))
    network = load_network(config.run_directory, device=config.device)
    if config.of == "objects" and network.task is Task.CLASSIFY:
        raise RunError("This network sorts whole images: there are no objects to embed.")
    if not subjects:
        raise RunError("There is no image to embed.")
    job.emit(Phase(text=f"Looking at {counted(len(subjects), 'image')}"))
    looking = _Looking(job, config, network)
    store = EmbeddedStore(config.run_directory / "embeddings.sqlite")
    problems: list[str] = []
    found: dict[int, Embedded] = {}
    with store.opened():
        for some in batches(subjects, config.batch, network.preprocessor):
            if job.asked() is Request.CANCEL:
                return Outcome.CANCELLED
            keys = {s.id: looking.key(s) for s in some}
            known = store.get(keys)
            found |= known
            fresh = looking.embed([s for s in some if s.id not in known], problems)
            store.put(fresh, keys)
            found |= fresh
            job.emit(Progress(done=len(found) + len(problems), total=len(subjects)))
    for problem in problems[:_MOST_TOLD]:
        job.emit(Note(level="warning", text=f"Left out: {problem}"))
    if not found:
        raise RunError(f"None of the images can be read. {problems[0] if problems else ''}")
    write_predictions(job.predictions(ANSWERS), (each.prediction for each in found.values()))
    rows = _rows(subjects, found, config)
    if not len(rows):
        raise RunError("No image has an object, neither labelled nor found by the network.")
    rows = replace(rows, layer=next(iter(found.values())).layer)
    flat = principal(rows.vectors)
    near = flat
    if config.umap and len(rows) > _NEIGHBOURS:
        job.emit(Phase(text=f"Drawing the map of {counted(len(rows), 'point')}"))
        near = _umap(rows.vectors, lambda: job.asked() is Request.CANCEL)
    if job.asked() is Request.CANCEL:
        return Outcome.CANCELLED
    write_embeddings(job, replace(rows, flat=_scaled(flat), near=_scaled(near)))
    return Outcome.FINISHED


class _Looking:
    """A network that is asked about images while one of its layers is read."""

    def __init__(self, job: JobDir, config: EmbedConfig, network: LoadedNetwork) -> None:
        self._config, self._network = config, network
        self._tap: Tap | None = None
        best = JobDir(config.run_directory).best.read_bytes()
        self._counts = thresholds_of(config.run_directory)
        about = [config.of, config.layer, config.score if config.of == "objects" else 0, _FORM]
        if self._counts.correction is not None:
            about.append(repr(self._counts.correction))
        self._base = hashlib.sha256(best + json.dumps(about).encode()).hexdigest()

    def key(self, subject: Subject) -> str:
        """What the values of an image depend on, as a hash; "" where its content is not known."""
        if not subject.sha256:
            return ""
        about: list[object] = [self._base, subject.sha256, subject.page, subject.window]
        if self._config.of == "objects":
            about += [[t.box.x, t.box.y, t.box.w, t.box.h] for t in subject.things]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()

    def embed(self, subjects: Sequence[Subject], problems: list[str]) -> dict[int, Embedded]:
        """What the network makes of images; of those that cannot be read, why is added."""
        how = self._network.preprocessor
        if in_windows(self._network.task, how.fit):
            return self._embed_windows(list(read_images(subjects, problems, how)))
        found: dict[int, Embedded] = {}
        groups: dict[tuple[int, int], list[tuple[Subject, NDArray[np.float32], Placement]]] = {}
        for subject, rgb in read_images(subjects, problems, how):
            if goes_in_tiles(self._network.task, how.fit, subject.width, subject.height):
                found[subject.id] = self._embed_large(subject, rgb)
                continue
            array, at = how.prepare(rgb)
            group = groups.setdefault((at.input_height, at.input_width), [])
            group.append((subject, array, at))
        for members in groups.values():
            outputs, maps = self._pass(np.concatenate([array for _, array, _ in members]))
            for row, (subject, _, at) in enumerate(members):
                own = [output[row] for output in outputs]
                prediction = self._decoded(own, at, subject.id)
                vectors = self._vectors(maps[row], subject, prediction, at, 1.0)
                found[subject.id] = self._embedded(prediction, own, at, vectors)
        return found

    def _embed_windows(self, read: Sequence[tuple[Subject, Image]]) -> dict[int, Embedded]:
        """Images that are classified by windows: of each the mean of what the layer makes of the
        part of the image in each window, as the answer is the mean of the windows' answers."""
        network, size = self._network, self._network.preprocessor.size
        seen: list[torch.Tensor] = []

        def compute(batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
            outputs, maps = self._pass(batch)
            seen.extend(maps)
            return outputs

        predictions = by_windows(
            compute, [rgb for _, rgb in read], [subject.id for subject, _ in read],
            preprocessor=network.preprocessor, class_ids=network.class_ids,
            several=network.several,
        )  # fmt: skip
        found: dict[int, Embedded] = {}
        left = iter(seen)
        for (subject, rgb), prediction in zip(read, predictions, strict=True):
            rows = [
                self._means(next(left), [Box(0, 0, x1 - x0, y1 - y0)], size, size)
                for x0, y0, x1, y1 in windows(rgb.shape[1], rgb.shape[0], size)
            ]
            mean = np.concatenate(rows).mean(axis=0, keepdims=True, dtype=np.float32)
            unsure = self._doubt(prediction)
            assert self._tap is not None  # the network has just been asked
            vectors = mean.astype(np.float16)
            found[subject.id] = Embedded(prediction, unsure, vectors, self._tap.name)
        return found

    def _embed_large(self, subject: Subject, rgb: Image) -> Embedded:
        """An image that is answered in tiles, and embedded at a smaller size."""
        prediction = _lean(self._network.predict([rgb], [subject.id])[0])
        scale = _LARGE / max(subject.width, subject.height)
        small = resize(rgb, round(subject.width * scale), round(subject.height * scale))
        array, at = self._network.preprocessor.prepare(small)
        outputs, maps = self._pass(array)
        vectors = self._vectors(maps[0], subject, prediction, at, scale)
        own = [output[0] for output in outputs]
        return self._embedded(prediction, own, at, vectors)

    @torch.no_grad()
    def _pass(self, batch: NDArray[np.float32]) -> tuple[list[NDArray[np.float32]], torch.Tensor]:
        """The raw outputs for a batch (N, C, H, W), and the layer's values (N, c, h, w)."""
        network = self._network
        tensor = torch.from_numpy(batch).to(network.device)
        if self._tap is None:
            self._tap = tap(network.module, tensor[:1], self._config.layer)
        with self._tap.open():
            outputs = network.raw(tensor)
            maps = self._tap.values((tensor.shape[2], tensor.shape[3]))
        return [output.float().cpu().numpy() for output in outputs], maps

    def _decoded(
        self, outputs: Sequence[NDArray[np.float32]], at: Placement, image_id: int
    ) -> Prediction:
        network = self._network
        return _lean(
            decode(
                network.task, outputs, at, class_ids=network.class_ids, image_id=image_id,
                several=network.several, form=network.form,
            )
        )  # fmt: skip

    def _embedded(
        self, prediction: Prediction, outputs: Sequence[NDArray[np.float32]], at: Placement,
        vectors: Vectors,
    ) -> Embedded:  # fmt: skip
        assert self._tap is not None  # the network has just been asked
        pixels = self._network.task is Task.SEGMENT
        unsure = self._doubt(prediction, _inside(outputs[0], at) if pixels else None)
        return Embedded(prediction, unsure, vectors, self._tap.name)

    def _doubt(self, bare: Prediction, logits: NDArray[np.float32] | None = None) -> float:
        """How unsure the network is as its answers are read, corrected; what is kept is bare.
        `logits` (classes, h, w) are those of the image where pixels have classes."""
        answer = self._counts.corrected(bare)
        match self._network.task:
            case Task.CLASSIFY:
                return doubt.of_classes(answer.scores or {}, several=self._network.several)
            case Task.SEGMENT:
                assert logits is not None  # such a network answers with nothing else
                return doubt.of_pixels(logits / (self._counts.temperature or 1.0))
            case Task.DETECT | Task.INSTANCE:
                return doubt.of_objects([found.score for found in answer.objects])

    def _vectors(
        self, maps: torch.Tensor, subject: Subject, prediction: Prediction, at: Placement,
        scale: float,
    ) -> Vectors:  # fmt: skip
        """The mean of a layer (c, h, w) over the image, or over each object's box, (k, c)."""
        if self._config.of == "images":
            boxes = [Box(0, 0, at.width, at.height)]
        else:
            boxes = [thing.box for thing in subject.things]
            boxes += [found.box for found in _sure(prediction, self._config.score)]
            boxes = [Box(b.x * scale, b.y * scale, b.w * scale, b.h * scale) for b in boxes]
        inside = [at.box_to_input(box) for box in boxes]
        return self._means(maps, inside, at.input_width, at.input_height)

    def _means(self, maps: torch.Tensor, boxes: Sequence[Box], width: int, height: int) -> Vectors:
        """The mean of a layer (c, h, w) over each of the boxes (k, c), in an input of that width
        and height."""
        if not boxes:
            return np.zeros((0, len(maps)), np.float16)
        across, down = maps.shape[2] / width, maps.shape[1] / height
        corners = torch.tensor(
            [[b.x * across, b.y * down, b.right * across, b.bottom * down] for b in boxes],
            dtype=torch.float32, device=maps.device,
        )  # fmt: skip
        cells = _CELLS if self._config.of == "objects" else tuple(maps.shape[1:])
        cut = roi_align(maps[None], [corners], cells, sampling_ratio=2, aligned=True)
        mean = cut.mean(dim=(2, 3)).clamp(-_LARGEST, _LARGEST)
        values: Vectors = mean.cpu().numpy().astype(np.float16)
        return values


_FORM = 2
"""Of what is kept: another number where it comes to mean something else."""


def _inside(logits: NDArray[np.float32], at: Placement) -> NDArray[np.float32]:
    """The part of (classes, h, w) that shows the image and not what is beside it."""
    width, height = at.inner
    return logits[:, at.top : at.top + height, at.left : at.left + width]


def _lean(prediction: Prediction) -> Prediction:
    """An answer without outlines and without the hundreds of objects that are hardly there, so that
    those for a hundred thousand images fit into memory."""
    told = (found for found in prediction.objects if found.score >= doubt.FOUND_AT_ALL)
    return replace(prediction, objects=tuple(replace(found, mask=None) for found in told))


def _sure(prediction: Prediction, score: float) -> list[Found]:
    return [found for found in prediction.objects if found.score >= score]


def _rows(
    subjects: Sequence[Subject], found: dict[int, Embedded], config: EmbedConfig
) -> Embeddings:
    """Everything in rows, in the order of the images."""
    rows: list[tuple[int, int, int, float, Box]] = []
    vectors: list[Vectors] = []
    for subject in subjects:
        if subject.id not in found:
            continue
        each = found[subject.id]
        rows += _told(subject, each, config)
        vectors.append(each.vectors)
    table = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
    images, annotations, classes, scores, boxes = table
    nowhere = np.zeros((len(rows), 2), np.float32)
    return Embeddings(
        vectors=np.concatenate(vectors),
        images=np.array(images, np.int64), annotations=np.array(annotations, np.int64),
        classes=np.array(classes, np.int64), scores=np.array(scores, np.float32),
        boxes=np.array([[b.x, b.y, b.w, b.h] for b in boxes], np.float32).reshape(-1, 4),
        flat=nowhere, near=nowhere,
        seen=np.array(list(found), np.int64),
        doubts=np.array([each.doubt for each in found.values()], np.float32),
        of_objects=config.of == "objects",
        unread=tuple(s.id for s in subjects if s.id not in found),
    )  # fmt: skip


def _told(
    subject: Subject, each: Embedded, config: EmbedConfig
) -> Iterator[tuple[int, int, int, float, Box]]:
    """Image, annotation, class, score and box of each of an image's rows."""
    if config.of == "images":
        yield subject.id, 0, 0, 1.0, Box(0, 0, subject.width, subject.height)
        return
    for thing in subject.things:
        yield subject.id, thing.id, thing.class_id, 1.0, thing.box
    for found in _sure(each.prediction, config.score):
        yield subject.id, 0, found.class_id, found.score, found.box


_NEIGHBOURS = 15


def _umap(vectors: Vectors, stopped: Callable[[], bool]) -> NDArray[np.float32]:
    """UMAP (McInnes et al. 2018) of rows (n, d) in two dimensions, by direction and seeded."""
    from umap import UMAP  # type: ignore[import-untyped]

    rows = centred(vectors, vectors)
    if rows.shape[1] > _TO_UMAP:
        rows = principal(rows, min(_TO_UMAP, len(rows)))
    if stopped():
        return rows[:, :2]
    # Spectral layout of many points takes longer than all the rest; PCA starts as well.
    init = "pca" if len(rows) > 20_000 else "spectral"
    made = UMAP(
        n_neighbors=_NEIGHBOURS, min_dist=0.1, metric="cosine", random_state=0, init=init, n_jobs=1
    )
    return np.asarray(made.fit_transform(rows), np.float32)


def _scaled(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points (n, 2) moved and scaled as a whole into -1 .. 1."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-9)
    return np.asarray((points - (low + high) / 2) / half, np.float32)

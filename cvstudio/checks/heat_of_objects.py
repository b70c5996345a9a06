"""What the heat maps of objects are worth, measured on a run: the table in docs/explaining.md.

    python -m cvstudio.checks.heat_of_objects PROJECT RUN [--objects 16] [--without-occlusion]

One found object of each class is taken from each image of val. For each method: how alike its map
is with all weights shuffled once (ml/explaining/randomising.py); how often its hottest place lies
in the labelled box, and how much of its heat; and what is left of the network's score when the
hottest places are greyed, as many pixels as a quarter of the object. The same of the shuffled
network's map, and of a plain blob in the middle of the box, says what of that needs no learning.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import click
import numpy as np
import torch
from numpy.typing import NDArray

from cvstudio.core.errors import ConfigError
from cvstudio.core.explaining import OBJECTS, OCCLUSION, method_of
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import USUAL_SCORE
from cvstudio.core.opencv import cv2
from cvstudio.core.snapshot import Snapshot, SnapshotAnnotation, SnapshotImage, read_snapshot
from cvstudio.ml.explaining.choosing import SAME_OBJECT, corners_of, overlaps_of
from cvstudio.ml.explaining.explain import Question, ask, evidence, index_of
from cvstudio.ml.explaining.randomising import (
    Stage,
    around,
    layers_from_head,
    likeness,
    shuffle,
)
from cvstudio.ml.explaining.tracing import Traced
from cvstudio.ml.load import LoadedNetwork, load_network
from cvstudio.ml.preprocess import Image, Placement, blank
from cvstudio.ml.seeing import see
from cvstudio.project import runs
from cvstudio.project.project import Project

METHODS = ("layercam", "hirescam", "gradcam", "gradcam++", "eigencam", OCCLUSION)
_BLOB = "a blob in the box"
_SHUFFLED = "the same, shuffled"
_GREYED = 0.25

Heat = NDArray[np.float32]


@dataclass(slots=True)
class Row:
    """What was measured of one method, object by object."""

    likeness: list[float] = field(default_factory=list)
    hits: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    left: list[float] = field(default_factory=list)

    def words(self, name: str) -> str:
        """A line of the table."""
        figures = (self.likeness, self.hits, self.inside, self.left)
        told = (f"{fmean(values):.2f}" if values else "" for values in figures)
        return f"| {name} | {' | '.join(told)} |"


def measure(
    network: LoadedNetwork, snapshot: Snapshot, *, count: int, methods: tuple[str, ...] = METHODS
) -> tuple[int, dict[str, Row]]:
    """How many objects were looked at, and the rows by name. Raises ConfigError without objects."""
    if network.task not in OBJECTS:
        raise ConfigError("Only networks that find objects are measured so.")
    shuffled: LoadedNetwork | None = None
    rows: dict[str, Row] = {}
    done = 0
    for rgb, thing in _objects(network, snapshot):
        if shuffled is None:
            shuffled = _shuffled(network, rgb)
        _measure_one(network, shuffled, rgb, thing, methods, rows)
        done += 1
        if done == count:
            break
    if not done:
        raise ConfigError("The network finds none of the labelled objects of val.")
    return done, rows


def _objects(
    network: LoadedNetwork, snapshot: Snapshot
) -> Iterator[tuple[Image, SnapshotAnnotation]]:
    """One labelled object of each class that the network finds in each image of val."""
    for image in snapshot.of("val"):
        rgb = see(image.path, image.page, image.window, network.preprocessor)
        found = [f for f in network.predict([rgb], [0])[0].objects if f.score >= USUAL_SCORE]
        seen: set[int] = set()
        for thing in _labelled(image, network):
            if thing.class_id in seen:
                continue
            boxes = [f.box for f in found if f.class_id == thing.class_id]
            corners = np.array([[b.x, b.y, b.right, b.bottom] for b in boxes], np.float32)
            if boxes and overlaps_of(corners, thing.box).max() >= SAME_OBJECT:
                seen.add(thing.class_id)
                yield rgb, thing


def _labelled(image: SnapshotImage, network: LoadedNetwork) -> Iterator[SnapshotAnnotation]:
    for one in image.annotations:
        if not one.crowd and one.class_id in network.class_ids and one.box.area > 0:
            yield one


def _shuffled(network: LoadedNetwork, rgb: Image) -> LoadedNetwork:
    tensor, _ = network.prepare(network.seen_at_once(rgb))
    parts, _ = layers_from_head(network, tensor)
    module = copy.deepcopy(network.module)
    named, random = dict(module.named_modules()), torch.Generator().manual_seed(0)
    for name in parts:
        shuffle(named[name], random)
    return replace(network, module=module)


def _measure_one(
    network: LoadedNetwork, shuffled: LoadedNetwork, rgb: Image, thing: SnapshotAnnotation,
    methods: tuple[str, ...], rows: dict[str, Row],
) -> None:  # fmt: skip
    tensor, placement = network.prepare(network.seen_at_once(rgb))
    index = index_of(network, thing.class_id)
    heats: dict[str, Heat] = {_BLOB: _blob(rgb.shape[0], rgb.shape[1], thing.box)}
    traced: Traced | None = None
    for method in methods:
        question, name = Question(thing.class_id, thing.box, method), method_of(method).title
        if method == OCCLUSION:
            heats[name] = ask(network, rgb, question).heat
            continue
        heats[name], traced = evidence(network, tensor, placement, index, question)
        heats[f"{name}: {_SHUFFLED}"] = other = evidence(
            shuffled, tensor, placement, index, question, told=traced.answer
        )[0]
        where = around(traced.box, other.shape)
        alike = Stage(1.0, *likeness(heats[name][where], other[where])).likeness
        rows.setdefault(name, Row()).likeness.append(alike)
    assert traced is not None
    assert traced.box is not None
    found = placement.box_to_input(traced.box)
    scores = _scores(network, tensor, placement, list(heats.values()), traced.class_index, found)
    for (name, heat), left in zip(heats.items(), scores, strict=True):
        row, inside = rows.setdefault(name, Row()), _inside(heat, thing.box)
        row.hits.append(float(bool(heat.any()) and inside.flat[int(heat.argmax())]))
        row.inside.append(float(heat[inside].sum() / heat.sum()) if heat.any() else 0.0)
        row.left.append(left)


def _inside(heat: Heat, box: Box) -> NDArray[np.bool_]:
    inside = np.zeros(heat.shape, bool)
    inside[int(box.y) : int(box.bottom) + 1, int(box.x) : int(box.right) + 1] = True
    return inside


def _blob(height: int, width: int, box: Box) -> Heat:
    """A Gaussian in the middle of a box, half of a side wide."""
    y, x = np.mgrid[:height, :width]
    across = (x - box.x - box.w / 2) / (box.w / 2)
    down = (y - box.y - box.h / 2) / (box.h / 2)
    return np.asarray(np.exp(-(across**2 + down**2) / 2), np.float32)


@torch.no_grad()
def _scores(
    network: LoadedNetwork, tensor: torch.Tensor, placement: Placement, heats: list[Heat],
    index: int, found: Box,
) -> list[float]:  # fmt: skip
    """What is left of the object's score without the hottest places of each map."""
    how = network.preprocessor
    pixel = np.zeros((1, 1, how.channels), np.uint8)
    grey = torch.from_numpy(how.normalise(blank(pixel, 1, 1, how.fill)))[None].to(tensor)
    pixels = max(round(_GREYED * found.area), 1)
    width, height = placement.inner
    batch = [tensor]
    for heat in heats:
        small = np.zeros(tensor.shape[2:], np.float32)
        rows = slice(placement.top, placement.top + height)
        columns = slice(placement.left, placement.left + width)
        small[rows, columns] = cv2.resize(heat, (width, height))
        from_here = np.partition(small.ravel(), -pixels)[-pixels]
        hottest = torch.from_numpy((small >= from_here) & (small > 0))[None, None]
        batch.append(torch.where(hottest.to(tensor.device), grey, tensor))
    scores = []
    for one in batch:
        raw = network.raw(one)[0][0].float().cpu().numpy()
        scores.append(float((raw[4 + index] * overlaps_of(corners_of(raw[:4]), found)).max()))
    return [score / scores[0] for score in scores[1:]]


@click.command()
@click.argument("project", type=click.Path(exists=True, path_type=Path))
@click.argument("run", type=int)
@click.option("--objects", type=int, default=16, show_default=True)
@click.option("--without-occlusion", is_flag=True, help="Leave out what takes longest.")
def main(project: Path, run: int, objects: int, without_occlusion: bool) -> None:
    """Print the table for a run that finds objects."""
    torch.set_num_threads(1)
    opened = Project.open(project, write=False)
    try:
        folder = runs.get(opened, run).directory
    finally:
        opened.close()
    network = load_network(folder, device="cpu")
    methods = tuple(m for m in METHODS if m != OCCLUSION or not without_occlusion)
    done, rows = measure(
        network, read_snapshot(JobDir(folder).snapshot), count=objects, methods=methods
    )
    click.echo(f"{done} objects, {network.config.network} at {network.image_size} px\n")
    click.echo("| Map | Alike when shuffled | Peak in the box | Heat in the box | Score left |")
    click.echo("|---|---|---|---|---|")
    for name in sorted(rows):
        click.echo(rows[name].words(name))


if __name__ == "__main__":
    main()

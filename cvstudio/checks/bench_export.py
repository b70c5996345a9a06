"""Exported files against PyTorch: the same numbers for every family, and 8 bits faster by how much.

Networks are untaught but for the statistics of their norms, which are those of the images: what an
exported file computes must be the same for any weights. The 8-bit file is that of a network that
was taught, so that what it loses can be told.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cvstudio.checks.figures import Figure
from cvstudio.core.annotation import LabelClass
from cvstudio.core.forms import ROTATED, Answers, Form
from cvstudio.core.networks import default_config, network
from cvstudio.core.palette import class_colours
from cvstudio.core.recipe import Fit
from cvstudio.core.skeleton import Skeleton
from cvstudio.core.thresholds import Thresholds
from cvstudio.core.words import counted
from cvstudio.imaging.synthetic import paint_tissue
from cvstudio.ml import environment
from cvstudio.ml.exporting.engines import MadeOnnx, open_exported
from cvstudio.ml.exporting.graph import to_onnx
from cvstudio.ml.exporting.parity import Original, differences
from cvstudio.ml.exporting.precisions import quantise
from cvstudio.ml.exporting.record import record_of
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.networks.build import build
from cvstudio.ml.predict import ExportedNetwork
from cvstudio.ml.preprocess import Preprocessing, without_normalisation

FAMILIES = (
    ("resnet18", 96), ("mobilenet_v3_small", 96), ("convnext_atto", 96), ("vit_tiny", 224),
    ("swin_tiny", 224), ("unet-mobilenet_v2", 96), ("deeplabv3plus-resnet18", 96),
    ("fpn-efficientnet-b0", 96), ("yolo11n", 128), ("yolo26n", 128), ("rtdetr-l", 160),
    ("fasterrcnn-mobilenet", 128), ("yolo11n-obb", 128), ("yolo11n-pose", 128),
    ("yolo11n-seg", 128), ("maskrcnn-resnet50", 128),
)  # fmt: skip
"""At least one network of every family, task and kind of answer, with the side of its input."""
_QUICK = ("resnet18", "unet-mobilenet_v2", "yolo11n")
_BATCHED = 6
"""Images that are compared three at a time; of all of them Mask R-CNN would take minutes."""
_CLASSES = 3
_BONES = Skeleton(("head", "tail"), ((0, 1),))
_FORMS = {
    Answers.ROTATED: ROTATED,
    Answers.KEYPOINTS: Form(Answers.KEYPOINTS, _BONES, frozenset({1, 2, 3})),
}
_PARITY = 1e-3
_FASTER = 2.0


def export(*, quick: bool) -> Iterator[Figure]:
    """The figures of parity, each when it is known, then those of 8 bits."""
    environment.prepare()
    os.environ["YOLO_VERBOSE"] = "false"  # its words would stand among the figures
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with TemporaryDirectory() as folder:
            for name, side in FAMILIES:
                if not quick or name in _QUICK:
                    yield _parity(name, side, Path(folder), images=4 if quick else 16)
            yield from _eight_bits(Path(folder), quick=quick)
    finally:
        torch.set_num_threads(before)


def untaught(name: str, *, size: int, images: list[NDArray[np.uint8]]) -> LoadedNetwork:
    """A network with random weights whose norms know the statistics of images."""
    torch.manual_seed(0)
    info = network(name)
    classes = tuple(
        LabelClass(i + 1, f"class {i + 1}", class_colours()[i], order=i) for i in range(_CLASSES)
    )
    form = _FORMS.get(info.answers)
    module = build(info, classes=_CLASSES, image_size=size, points=form.points if form else 0)
    config = default_config(info.task, network=name, image_size=size, fit=Fit.PAD, device="cpu")
    how = Preprocessing(size, Fit.PAD, info.mean, info.std)
    loaded = LoadedNetwork(
        config, classes, how, module.eval(), torch.device("cpu"), own_form=form
    )  # fmt: skip
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        loaded.raw(torch.cat([loaded.prepare(rgb)[0] for rgb in images]))
    module.eval()
    return loaded


def _pictures(count: int, *, seed: int = 0) -> list[NDArray[np.uint8]]:
    return [paint_tissue(seed + place, place % _CLASSES).rgb for place in range(count)]


def _opened(
    loaded: LoadedNetwork, path: Path, *, batches: list[NDArray[np.float32]] | None = None
) -> ExportedNetwork:
    """The network as an ONNX file, in 8 bits where there are batches to calibrate with."""
    graph = to_onnx(loaded)
    record = record_of(loaded, graph, run="bench", report={}, counts=Thresholds())
    if batches is not None:
        graph, record = quantise(graph, iter(batches)), replace(record, precision="int8")
    MadeOnnx(graph).write(path, record)
    return open_exported(path, thread_count=1)


def _parity(name: str, side: int, folder: Path, *, images: int) -> Figure:
    pictures = _pictures(images)
    loaded = untaught(name, size=side, images=pictures[:8])
    exported = _opened(loaded, folder / f"{name}.onnx")
    placed = [loaded.preprocessor.place(rgb)[0] for rgb in pictures]
    batched = min(images, _BATCHED)
    found = [
        differences(Original(loaded), exported, placed[:count], together)
        for together, count in ((1, images), (3, batched))
    ]
    worst = max(each.relative for each in found)
    ties = sum(each.ties for each in found)
    told = f", {counted(ties, 'object')} chosen otherwise where scores tie" if ties else ""
    info = network(name)
    return Figure(
        f"ONNX, 32-bit: {info.title} ({info.family}, {info.task})", 1e3 * worst, "‰",
        limit=1e3 * _PARITY,
        detail=f"largest relative error {worst:.1e}, {images} images one at a time, {batched} of"
        f" them three at a time{told}",
    )  # fmt: skip


# -- 8 bits


def _eight_bits(folder: Path, *, quick: bool) -> list[Figure]:
    """How much faster an 8-bit classifier is than PyTorch, and what it loses."""
    count = 24 if quick else 96
    shown, other = _pictures(count), _pictures(count, seed=10_000)
    truth = np.arange(count) % _CLASSES
    loaded = untaught("resnet18", size=96, images=shown[:8])
    _teach(loaded, shown, truth, steps=4 if quick else 40)
    plain = without_normalisation(loaded.preprocessor)
    batches = [plain.prepare(rgb)[0] for rgb in shown]
    eight = _opened(loaded, folder / "eight.onnx", batches=batches)
    ids = list(range(count))
    right = [
        np.mean([_best(p.scores) == t + 1 for p, t in zip(found, truth, strict=True)])
        for found in (loaded.predict(other, ids), eight.predict(other, ids))
    ]
    fast = _faster(loaded, eight, turns=5 if quick else 20)
    has = _vnni()
    detail = f"resnet18, 224 px, one thread; this processor has {has or 'no 8-bit instructions'}"
    return [
        Figure("ONNX, 8-bit, classify: times as fast as PyTorch", fast, "x",
               limit=_FASTER if has else None, at_least=True, detail=detail),
        Figure("ONNX, 8-bit, classify: accuracy lost", float(right[0] - right[1]), "",
               detail=f"{right[0]:.3f} in PyTorch, {right[1]:.3f} in 8 bits, {count} new images"),
    ]  # fmt: skip


def _best(scores: dict[int, float] | None) -> int:
    assert scores is not None
    return max(scores, key=lambda key: scores[key])


def _teach(
    loaded: LoadedNetwork, pictures: list[NDArray[np.uint8]], truth: NDArray[Any], *, steps: int
) -> None:
    images = torch.cat([loaded.prepare(rgb)[0] for rgb in pictures])
    labels = torch.from_numpy(truth)
    module = loaded.module.train()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.1
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3)
    order = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen = torch.randperm(len(images), generator=order)[:16]
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(images[chosen]), labels[chosen]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    module.eval()


def _faster(loaded: LoadedNetwork, eight: ExportedNetwork, *, turns: int) -> float:
    """How often the 8-bit file answers while PyTorch answers once, by what the processor works for
    each on one thread, taken in turns."""
    batch = np.random.default_rng(0).random((1, 3, 224, 224), np.float32)
    tensor = torch.from_numpy(batch)

    def theirs() -> None:
        with torch.no_grad():
            loaded.raw(tensor)

    runs: tuple[Callable[[], object], ...] = (theirs, lambda: eight.outputs(batch))
    worked: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for run, own in zip(runs, worked, strict=True):
            for _ in range(3):
                start = time.process_time()
                run()
                own.append(time.process_time() - start)
    return statistics.median(worked[0]) / statistics.median(worked[1])


def _vnni() -> str:
    """The instructions for 8 bits that this processor has, "" for none or where nobody tells."""
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return ""
    return ", ".join(name for name in ("avx512_vnni", "avx_vnni") if name in words)

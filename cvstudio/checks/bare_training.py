"""The bare libraries on the same data and settings: what the training benchmark compares with.

A program of its own (`python -m cvstudio.checks.bare_training SETTINGS.json`), so that it starts
as cold as a job does. Written as the libraries' own documentation shows: no CVStudio code, no
events, no supervision. The settings name the data in the layout of each library.
What comes out is what every training has to give: the weights of the best epoch in a file, its
metric on val, and that on test of what the file holds. Both metrics are written to settings["out"];
settings["told"] gets a line after every epoch.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

SPLITS = ("train", "val", "test")

Answers = list[tuple[torch.Tensor, torch.Tensor]]
"""Logits and truth of each batch of a split."""


class Pictures(Dataset[tuple[torch.Tensor, Any]]):
    """Images decoded once into memory, flipped at random while training."""

    def __init__(self, pairs: list[tuple[Path, Any]], size: int, *, train: bool) -> None:
        self.train, self.size = train, size
        self.items = [(self._read(path), self._target(target)) for path, target in pairs]
        pixels = np.concatenate([image.reshape(-1, 3) for image, _ in self.items]) / 255
        self.mean, self.std = pixels.mean(0), pixels.std(0)

    def _read(self, path: Path) -> Any:
        image: Any = cv2.imread(str(path))
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_AREA)

    def _target(self, target: Any) -> Any:
        if not isinstance(target, Path):
            return target
        mask = np.asarray(Image.open(target))  # OpenCV would turn indices into their colours
        return cv2.resize(mask, (self.size, self.size), interpolation=cv2.INTER_NEAREST)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, Any]:
        image, target = self.items[index]
        if self.train and random.random() < 0.5:
            image = image[:, ::-1]
            target = target[:, ::-1] if isinstance(target, np.ndarray) else target
        tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        tensor = (tensor - mean[:, None, None].float()) / std[:, None, None].float()
        if isinstance(target, np.ndarray):
            target = torch.from_numpy(np.ascontiguousarray(target)).long()
        return tensor, target


def loop(
    network: nn.Module,
    splits: dict[str, Pictures],
    settings: dict[str, Any],
    criterion: Callable[[torch.Tensor, torch.Tensor], Any],
    figure: Callable[[Answers], float],
) -> dict[str, float]:
    """AdamW, warm-up and cosine decay, val after every epoch; the best epoch's figures."""
    generator = torch.Generator().manual_seed(settings["seed"])
    loader = DataLoader(
        splits["train"], settings["batch"], shuffle=True, generator=generator, drop_last=False
    )
    kept = Path(settings["out"]).with_name("best.pt")

    @torch.inference_mode()
    def judged(split: str) -> float:
        network.eval()
        batches = DataLoader(splits[split], settings["batch"])
        return figure([(network(images), targets) for images, targets in batches])

    network = network.to(memory_format=torch.channels_last)
    groups: list[dict[str, Any]] = [
        {"params": [value for value in network.parameters() if value.ndim > 1]},
        {"params": [v for v in network.parameters() if v.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups, settings["learning_rate"], weight_decay=settings["weight_decay"]
    )
    steps = len(loader) * settings["epochs"]
    warm = int(len(loader) * settings["warmup_epochs"])

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        done = (step - warm) / max(steps - warm, 1)
        return float(0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    best = -1.0
    for epoch in range(settings["epochs"]):
        network.train()
        for images, targets in loader:
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(network(images.contiguous(memory_format=torch.channels_last)), targets)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimizer.step()
            schedule.step()
        value = judged("val")
        if value > best:
            best = value
            torch.save(network.state_dict(), kept)
        with Path(settings["told"]).open("a") as stream:
            stream.write(f"{epoch + 1}\n")
    network.load_state_dict(torch.load(kept, weights_only=True))
    return {"metric": best, "test": judged("test")}


def _pictures(pairs: dict[str, list[tuple[Path, Any]]], size: int) -> dict[str, Pictures]:
    """The splits, all normalised by the mean and deviation of train."""
    splits = {name: Pictures(own, size, train=name == "train") for name, own in pairs.items()}
    for name in ("val", "test"):
        splits[name].mean, splits[name].std = splits["train"].mean, splits["train"].std
    return splits


def classify(settings: dict[str, Any]) -> dict[str, float]:
    """ResNet-18 of torchvision on image folders; accuracy."""
    import torchvision

    data = Path(settings["data"])
    names = sorted(p.name for p in (data / "train").iterdir())
    pairs = {
        split: [
            (path, index)
            for index, name in enumerate(names)
            for path in sorted((data / split / name).iterdir())
        ]
        for split in SPLITS
    }
    network = torchvision.models.resnet18(num_classes=len(names))

    def accuracy(answers: Answers) -> float:
        right = sum(int((logits.argmax(1) == truth).sum()) for logits, truth in answers)
        return right / sum(len(truth) for _, truth in answers)

    splits = _pictures(pairs, settings["image_size"])
    return loop(network, splits, settings, nn.CrossEntropyLoss(), accuracy)


def segment(settings: dict[str, Any]) -> dict[str, float]:
    """U-Net with ResNet-18 of segmentation-models-pytorch; pooled mIoU with background."""
    import segmentation_models_pytorch as smp

    data = Path(settings["data"])
    pairs: dict[str, list[tuple[Path, Any]]] = {
        split: [
            (path, next((data / "masks" / split).glob(f"{path.stem}.*")))
            for path in sorted((data / "images" / split).iterdir())
        ]
        for split in SPLITS
    }
    network = smp.Unet("resnet18", encoder_weights=None, classes=settings["classes"] + 1)
    count = settings["classes"] + 1
    cross, dice = nn.CrossEntropyLoss(), smp.losses.DiceLoss("multiclass")

    def criterion(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        both: torch.Tensor = cross(logits, truth) + dice(logits, truth)
        return both

    def mean_iou(answers: Answers) -> float:
        pooled = np.zeros((count, count), np.int64)
        for logits, truth in answers:
            pooled += np.bincount(
                (truth * count + logits.argmax(1)).flatten().numpy(), minlength=count * count
            ).reshape(count, count)
        union = pooled.sum(0) + pooled.sum(1) - np.diag(pooled)
        labelled = pooled.sum(1) > 0  # as core.metrics: a class that val has not does not count
        return float(np.mean((np.diag(pooled) / np.maximum(union, 1))[labelled]))

    return loop(network, _pictures(pairs, settings["image_size"]), settings, criterion, mean_iou)


def main() -> None:
    """Train as the settings say and write the metric."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    random.seed(settings["seed"])
    np.random.seed(settings["seed"])  # noqa: NPY002  the libraries draw from it
    torch.manual_seed(settings["seed"])
    work = {"classify": classify, "segment": segment}[settings["task"]]
    Path(settings["out"]).write_text(json.dumps(work(settings)))


if __name__ == "__main__":
    main()

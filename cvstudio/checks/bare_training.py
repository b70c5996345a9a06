"""The bare libraries on the same data and settings: what the training benchmark compares with.

A program of its own (`python -m cvstudio.checks.bare_training SETTINGS.json`), so that it starts
as cold as a job does. Written as the libraries' own documentation shows: no CVStudio code, no
events, no supervision. The settings name the data in the layout of each library.
The metric on val is written to settings["out"]; settings["told"] gets a line after every epoch.
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

Answers = list[tuple[torch.Tensor, torch.Tensor]]
"""Logits and truth of each val batch of an epoch."""


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
    train: Dataset[Any],
    val: Dataset[Any],
    settings: dict[str, Any],
    criterion: Callable[[torch.Tensor, torch.Tensor], Any],
    figure: Callable[[Answers], float],
) -> float:
    """AdamW, warm-up and cosine decay, val after every epoch; the best epoch's figure."""
    generator = torch.Generator().manual_seed(settings["seed"])
    loader = DataLoader(
        train, settings["batch"], shuffle=True, generator=generator, drop_last=False
    )
    judged = DataLoader(val, settings["batch"])
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
    best = 0.0
    for epoch in range(settings["epochs"]):
        network.train()
        for images, targets in loader:
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(network(images.contiguous(memory_format=torch.channels_last)), targets)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimizer.step()
            schedule.step()
        network.eval()
        with torch.inference_mode():
            answers = [(network(images), targets) for images, targets in judged]
        best = max(best, figure(answers))
        with Path(settings["told"]).open("a") as stream:
            stream.write(f"{epoch + 1}\n")
    return best


def classify(settings: dict[str, Any]) -> float:
    """ResNet-18 of torchvision on image folders; accuracy on val."""
    import torchvision

    data = Path(settings["data"])
    names = sorted(p.name for p in (data / "train").iterdir())
    pairs = {
        split: [
            (path, index)
            for index, name in enumerate(names)
            for path in sorted((data / split / name).iterdir())
        ]
        for split in ("train", "val")
    }
    network = torchvision.models.resnet18(num_classes=len(names))
    train = Pictures(pairs["train"], settings["image_size"], train=True)
    val = Pictures(pairs["val"], settings["image_size"], train=False)
    val.mean, val.std = train.mean, train.std

    def accuracy(answers: Answers) -> float:
        right = sum(int((logits.argmax(1) == truth).sum()) for logits, truth in answers)
        return right / len(val)

    return loop(network, train, val, settings, nn.CrossEntropyLoss(), accuracy)


def segment(settings: dict[str, Any]) -> float:
    """U-Net with ResNet-18 of segmentation-models-pytorch; pooled mIoU with background on val."""
    import segmentation_models_pytorch as smp

    data = Path(settings["data"])
    pairs: dict[str, list[tuple[Path, Any]]] = {
        split: [
            (path, next((data / "masks" / split).glob(f"{path.stem}.*")))
            for path in sorted((data / "images" / split).iterdir())
        ]
        for split in ("train", "val")
    }
    network = smp.Unet("resnet18", encoder_weights=None, classes=settings["classes"] + 1)
    train = Pictures(pairs["train"], settings["image_size"], train=True)
    val = Pictures(pairs["val"], settings["image_size"], train=False)
    val.mean, val.std = train.mean, train.std
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

    return loop(network, train, val, settings, criterion, mean_iou)


def main() -> None:
    """Train as the settings say and write the metric."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    random.seed(settings["seed"])
    np.random.seed(settings["seed"])  # noqa: NPY002  the libraries draw from it
    torch.manual_seed(settings["seed"])
    work = {"classify": classify, "segment": segment}[settings["task"]]
    metric = work(settings)
    Path(settings["out"]).write_text(json.dumps({"metric": metric}))


if __name__ == "__main__":
    main()

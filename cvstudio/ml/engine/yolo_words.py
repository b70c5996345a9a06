"""The config of a run in ultralytics' words, and ultralytics' figures in CVStudio's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from cvstudio.core.annotation import LabelClass
from cvstudio.core.forms import Answers
from cvstudio.core.networks import applies
from cvstudio.core.recipe import Optimizer, TrainConfig
from cvstudio.ml.devices import half_precision, half_refused
from cvstudio.ml.engine.session import Session

_OFF = (
    "mosaic", "mixup", "cutmix", "copy_paste", "hsv_h", "hsv_s", "hsv_v", "degrees", "translate",
    "scale", "shear", "perspective", "flipud", "fliplr", "bgr", "multi_scale",
)  # fmt: skip
"""ultralytics' own augmentations: all off, the pipeline of the run's config stands alone."""

_FIGURES = {
    "metrics/precision": "precision",
    "metrics/recall": "recall",
    "metrics/mAP50": "mAP50",
    "metrics/mAP50-95": "mAP50-95",
}


def losses(items: Any) -> dict[str, float]:
    """ultralytics' running means under short names, and their sum as "loss"."""
    parts = {name.removesuffix("_loss"): float(value) for name, value in (items or {}).items()}
    return {"loss": sum(parts.values()), **parts}


def val_losses(metrics: dict[str, float]) -> dict[str, float]:
    """The losses on the validation images among ultralytics' figures, as `losses` names them."""
    found = {
        name.removeprefix("val/"): value
        for name, value in metrics.items()
        if name.startswith("val/")
    }
    return losses(found)


_MAIN = {Answers.OUTLINES: "(M)", Answers.KEYPOINTS: "(P)"}
_TASKS = {
    Answers.BOXES: "detect", Answers.OUTLINES: "segment", Answers.ROTATED: "obb",
    Answers.KEYPOINTS: "pose",
}  # fmt: skip


def figures(metrics: dict[str, float], answers: Answers) -> dict[str, float]:
    """ultralytics' figures under CVStudio's names: those of masks or keypoints where there are
    such."""
    main = _MAIN.get(answers, "(B)")
    found = {name: float(metrics[key + main]) for key, name in _FIGURES.items()}
    if answers in _MAIN:
        for name in ("mAP50", "mAP50-95"):
            found[f"box {name}"] = float(metrics[f"metrics/{name}(B)"])
    return found


def by_class(metrics: Any, classes: Sequence[LabelClass]) -> dict[int, float]:
    """The mAP50-95 of each class that is on val, by class id: that of masks or keypoints where
    there are such."""
    found = getattr(metrics, "seg", None) or getattr(metrics, "pose", None) or metrics.box
    return {
        classes[int(place)].id: float(value)
        for place, value in zip(found.ap_class_index, found.ap, strict=True)
    }


def settings(
    config: TrainConfig, session: Session, device: torch.device, scratch: Path
) -> dict[str, Any]:
    """The config in ultralytics' words."""
    name = str(device.index or 0) if device.type == "cuda" else device.type
    half = half_precision(config, device)
    if refused := half_refused(config, half):
        session.note(refused)
    amp: bool | str = "bf16" if half is torch.bfloat16 else half is not None
    adam = config.optimizer is Optimizer.ADAMW
    return {
        "task": _TASKS[session.info.answers],
        "mode": "train",
        "model": f"{session.info.architecture}.yaml",
        "data": "snapshot",
        "epochs": config.epochs,
        "patience": 0,  # patience is kept by the session, on CVStudio's own figure
        "batch": config.batch,
        "nbs": config.batch * config.accumulate,  # what one optimiser step learns from
        "imgsz": config.image_size,
        "device": name,
        "workers": config.workers,
        "optimizer": "AdamW" if adam else "SGD",
        "lr0": config.learning_rate,
        "lrf": config.final_rate,
        "momentum": 0.9 if adam else 0.937,
        "weight_decay": config.weight_decay,
        "warmup_epochs": config.warmup_epochs,
        "warmup_bias_lr": 0.0 if adam else 0.1,
        "cls_pw": 0.5 if config.class_weights else 0.0,
        "seed": config.seed,
        "deterministic": config.deterministic,
        "amp": amp,
        # RT-DETR learns from labels that it is shown beside the image: both are one call.
        "compile": config.compile and applies("compile", session.info),
        "pretrained": False,
        "plots": False,
        "val": True,
        "save": True,
        "verbose": False,
        "cache": False,
        "save_dir": os.fspath(scratch),
        **dict.fromkeys(_OFF, 0.0),
        "close_mosaic": 0,
    }

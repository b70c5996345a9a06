"""Networks for objects of ultralytics: its newest YOLO, YOLO11 and RT-DETR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from cvstudio.core.errors import CVStudioError
from cvstudio.core.forms import Answers
from cvstudio.core.networks import NetworkInfo
from cvstudio.ml.checkpoint import damaged, untrusted
from cvstudio.ml.environment import quiet_ultralytics

quiet_ultralytics()

from ultralytics.cfg import get_cfg  # noqa: E402
from ultralytics.nn.tasks import (  # noqa: E402
    DetectionModel,
    OBBModel,
    PoseModel,
    RTDETRDetectionModel,
    SegmentationModel,
    torch_safe_load,
)

Weights = dict[str, torch.Tensor]


_KINDS: dict[Answers, Any] = {
    Answers.BOXES: DetectionModel,
    Answers.OUTLINES: SegmentationModel,
    Answers.ROTATED: OBBModel,
    Answers.KEYPOINTS: PoseModel,
}


def build(
    info: NetworkInfo, *, classes: int, image_size: int, points: int = 0, channels: int = 3
) -> nn.Module:
    """The network with random weights; it works at any size that 32 divides.

    In training mode it answers with what its loss wants, in eval mode with ((N, 4 + classes,
    anchors), …) and for instance (((N, 4 + classes + 32, anchors), (N, 32, H / 4, W / 4)), …).
    Rotated boxes have the angle in radians as one row more, keypoints three rows for each point.
    """
    kind = RtDetr if info.listed else _KINDS[info.answers]
    recipe = f"{info.architecture}.yaml"
    more = {"data_kpt_shape": [points, 3]} if info.answers is Answers.KEYPOINTS else {}
    module: Any = kind(recipe, ch=channels, nc=classes, verbose=False, **more)
    module.args = get_cfg()  # the loss reads its gains from there
    trained: nn.Module = module
    return trained


class RtDetr(RTDETRDetectionModel):
    """RT-DETR that answers as YOLO does: boxes in input pixels, objects in the last axis."""

    def predict(self, x: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        """In eval mode ((N, 4 + classes, objects), what its loss wants); else the latter alone."""
        found: Any = super().predict(x, *arguments, **options)  # type: ignore[no-untyped-call]
        if self.training:
            return found
        raw = found[1]
        across, down = x.shape[3], x.shape[2]
        boxes = raw[0][-1] * raw[0].new_tensor([across, down, across, down])
        return torch.cat([boxes, raw[1][-1].sigmoid()], dim=-1).transpose(1, 2), raw


def adapt(module: nn.Module, weights: Weights) -> Weights:
    """Nothing has to be fitted: these networks do not know their image size."""
    return weights


def head(module: nn.Module) -> frozenset[str]:
    """The names of the last layer's parameters."""
    last = f"model.{len(module.model) - 1}."  # type: ignore[arg-type]
    return frozenset(name for name, _ in module.named_parameters() if name.startswith(last))


def release_weights(path: Path) -> Weights:
    """The weights in a file that ultralytics published or wrote, by its list of known classes.

    Such files hold a whole network as Python objects. Only objects of torch's and ultralytics'
    network classes are made from it; a file with anything else in it is refused as UntrustedFile.
    """
    try:
        content, _ = torch_safe_load(str(path), safe_only=True)  # type: ignore[no-untyped-call]
    except TypeError as error:
        raise _refusal(path, str(error)) from error
    except (ImportError, AttributeError) as error:
        raise untrusted(path, f"It asks for the global {error}.") from error
    module = content.get("ema") or content.get("model") if isinstance(content, dict) else None
    if not isinstance(module, nn.Module):
        raise damaged(path)
    return module.float().state_dict()


def _refusal(path: Path, reason: str) -> CVStudioError:
    if "references types outside" in reason:
        return untrusted(path, "")
    return damaged(path)

"""Files of weights for the smart tool: the real architectures with random numbers in them."""

from __future__ import annotations

from pathlib import Path

import torch

from cvstudio.ml.environment import quiet_ultralytics

_SURE = "iou_prediction_head.layers.2.bias"


def save_mobile_sam(path: Path, *, seed: int = 0) -> Path:
    """A MobileSAM of random weights (40 MB) whose scores are above 0, as a plain state dict."""
    weights = _made("build_mobile_sam", seed)
    weights[f"mask_decoder.{_SURE}"] += 1.0
    torch.save(weights, path)
    return path


def save_sam2_tiny(path: Path, *, seed: int = 0) -> Path:
    """A SAM 2.1 tiny of random weights (160 MB), as its makers publish it: under "model"."""
    weights = _made("build_sam2_t", seed)
    for name, shape in {
        "no_obj_embed_spatial": (1, 64),
        "obj_ptr_tpos_proj.weight": (64, 256),
        "obj_ptr_tpos_proj.bias": (64,),
    }.items():
        weights[name] = torch.zeros(shape)
    torch.save({"model": weights}, path)
    return path


def _made(build: str, seed: int) -> dict[str, torch.Tensor]:
    quiet_ultralytics()
    from ultralytics.models.sam import build as sam

    torch.manual_seed(seed)
    return dict(getattr(sam, build)().state_dict())

"""Write resources/networks/{timm,smp}.json: what must be known of networks to choose among them.

    python packaging/network_catalogue.py [timm] [smp]

Every network is built and asked on torch's "meta" device, where nothing is computed: its weights,
how much it remembers of an image while it learns, and the sizes of images that it takes. Run it
again when a library has another version; tests/core/test_network_catalogue.py says when that is.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch
from timm.models import get_pretrained_cfg, list_pretrained
from torch import nn

TARGET = Path(__file__).parent.parent / "resources" / "networks"
_STEP = 32
_SMALL = (32, 64, 96, 128, 160, 192, 224, 256)
_CLASSES = 3
# What a network may raise that does not take images of that size, or nothing but its own input.
_REFUSALS = (
    AssertionError, RuntimeError, ValueError, TypeError, AttributeError, NotImplementedError,
    IndexError, KeyError, ZeroDivisionError,
)  # fmt: skip


def main(wanted: list[str]) -> None:
    """Write the catalogues; tell how much is in them."""
    warnings.simplefilter("ignore")
    TARGET.mkdir(parents=True, exist_ok=True)
    if "timm" in (wanted or ["timm"]):
        networks, left_out = catalogue(timm.list_models())
        _write("timm", timm.__version__, left_out, {"networks": networks})
    if "smp" in (wanted or ["smp"]):
        decoders, encoders, left_out = smp_catalogue()
        _write("smp", smp.__version__, left_out, {"decoders": decoders, "encoders": encoders})


def _write(name: str, version: str, left_out: dict[str, str], tables: dict[str, Any]) -> None:
    """One line for each row, so that a change of a row is a change of a line."""
    parts = [f'"{name}": {json.dumps(version)}']
    for title, rows in {**tables, "left_out": left_out}.items():
        lines = [f"  {json.dumps(key)}: {json.dumps(row)}" for key, row in sorted(rows.items())]
        parts.append(f'"{title}": {{\n' + ",\n".join(lines) + "\n}")
    path = TARGET / f"{name}.json"
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"{path}: {len(left_out)} left out\n")


def catalogue(names: list[str]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The rows of networks by name, and why others have none."""
    tags: dict[str, list[str]] = {}
    for full in list_pretrained():
        name, _, tag = full.partition(".")
        tags.setdefault(name, []).append(tag)
    networks, left_out = {}, {}
    for name in names:
        try:
            networks[name] = row_of(name, tags.get(name, []))
        except _REFUSALS as error:
            left_out[name] = (str(error).splitlines() or [type(error).__name__])[0][:120]
    return networks, left_out


def row_of(name: str, tags: list[str]) -> dict[str, Any]:
    """What is known of one network. Raises one of _REFUSALS when it cannot be trained here."""
    default = timm.get_pretrained_cfg(name)
    own = default.input_size[1] if default else 224
    module = build(name)
    row: dict[str, Any] = {"parameters": round(millions(build(name, classes=1000)), 2)}
    if default is None or default.input_size[0] != 3:
        raise ValueError("It does not take images of three channels.")
    row |= sizes_of(name, module, own)
    size = row["size"]
    module = build(name, size if row["sizes"] == "given" else None)
    row["activations"] = round(activations(module, size), 1)
    kept = [weights_of(name, tag) for tag in tags]
    # The library's own choice first.
    kept.sort(key=lambda entry: entry is None or entry[0] != default.tag)
    row["weights"] = [entry for entry in kept if entry is not None]
    return row


def build(name: str, size: int | None = None, *, classes: int = _CLASSES) -> nn.Module:
    """A network without memory for its weights."""
    more: dict[str, Any] = {} if size is None else {"img_size": size}
    return on_meta(lambda: timm.create_model(name, num_classes=classes, **more)).eval()


def on_meta(make: Callable[[], nn.Module]) -> nn.Module:
    """What is made, without memory for its weights; a few networks need some to be made at all."""
    try:
        with torch.device("meta"):
            return make()
    except RuntimeError as error:
        if "meta" not in str(error):
            raise
    return make().to("meta")


def millions(module: nn.Module) -> float:
    """Weights in millions."""
    return sum(value.numel() for value in module.parameters()) / 1e6


def sizes_of(name: str, module: nn.Module, own: int) -> dict[str, Any]:
    """Which sides of square images a network takes, in multiples of `step`, and the usual one."""
    usual = max(round(own / _STEP) * _STEP, _STEP)
    step = math.lcm(_STEP, _patch(module))
    usual = max(round(usual / step) * step, step)
    if step == _STEP and all(takes(module, side) for side in (usual, usual + _STEP)):
        least = next(side for side in (*_SMALL, usual) if takes(module, side))
        return {"sizes": "any", "size": usual, "step": step, "least": least}
    if takes(build_or_none(name, usual), usual) and takes(
        build_or_none(name, usual + step), usual + step
    ):
        return {"sizes": "given", "size": usual, "step": step, "least": step}
    if own % _STEP == 0 and takes(module, own):
        return {"sizes": "own", "size": own, "step": own, "least": own}
    raise ValueError(f"It takes images of {own} pixels only, and 32 does not divide that.")


def build_or_none(name: str, size: int) -> nn.Module | None:
    """A network that is told its size; None where it cannot be told."""
    try:
        return build(name, size)
    except _REFUSALS:
        return None


def takes(module: nn.Module | None, side: int) -> bool:
    """Whether a network answers for square images of that side."""
    if module is None:
        return False
    try:
        answer = ask(module, side)
    except _REFUSALS:
        return False
    return isinstance(answer, torch.Tensor) and answer.shape == (1, _CLASSES)


@torch.no_grad()
def ask(module: nn.Module, side: int) -> Any:
    """What a network answers for one square image."""
    return module(torch.zeros(1, 3, side, side, device="meta"))


def activations(module: nn.Module, side: int) -> float:
    """Millions of values that the layers of a network give for one image: what training keeps."""
    total = 0

    def count(_part: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal total
        if isinstance(output, torch.Tensor):
            total += output.numel()

    leaves = [part for part in module.modules() if not any(part.children())]
    handles = [part.register_forward_hook(count) for part in leaves]
    ask(module, side)
    for handle in handles:
        handle.remove()
    return total / 1e6


def _patch(module: nn.Module) -> int:
    """The side of the patches that a transformer cuts images into; 1 for others."""
    patches = getattr(module, "patch_embed", None)
    size = getattr(patches, "patch_size", 1)
    side = size[0] if isinstance(size, tuple) else size
    return side if isinstance(side, int) else 1


def weights_of(name: str, tag: str) -> list[Any] | None:
    """Tag, hub repository, side, mean and deviation of pretrained weights; None where the hub has
    no file that is a network of this kind as it is."""
    found = get_pretrained_cfg(f"{name}.{tag}" if tag else name)
    if (
        found is None
        or not found.hf_hub_id
        or found.hf_hub_filename
        or str(found.custom_load) == "hf"
    ):
        return None
    hub = found.hf_hub_id
    if hub.endswith("/"):
        hub += f"{name}.{tag}" if tag else name
    return [tag, hub, found.input_size[1], list(found.mean), list(found.std)]


_DECODERS = {
    "unet": "U-Net", "unetplusplus": "U-Net++", "manet": "MA-Net", "linknet": "LinkNet",
    "fpn": "FPN", "pspnet": "PSPNet", "deeplabv3": "DeepLabV3", "deeplabv3plus": "DeepLabV3+",
    "pan": "PAN", "upernet": "UPerNet", "segformer": "SegFormer",
}  # fmt: skip
_POOLING = ("pspnet", "upernet")
"""What pools to a few places, for which an exported file must know the size of its images."""
_LEAST = {"pan": 128}
"""The smallest side of images, where that is not 64: PAN halves its deepest features thrice."""

_USUAL = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
_HALVES = ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
_NORMS = {
    "inception": _HALVES, "xception": _HALVES, "timm-tf_efficientnet_lite": _HALVES,
    "dpn": ([0.4863, 0.4588, 0.4078], [0.2348, 0.2348, 0.2348]),
}  # fmt: skip
"""Mean and deviation of encoders that were not trained with ImageNet's; smp has them on its hub."""


def smp_catalogue() -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """The rows of decoders and of encoders, and why decoders have none."""
    encoders = {name: encoder_row(name) for name in smp.encoders.get_encoder_names()}
    decoders = {name: decoder_row(name, list(encoders)) for name in _DECODERS}
    left_out = {
        name: "It is for transformers of timm, which are no encoders here."
        for name in smp.MODEL_ARCHITECTURES_MAPPING
        if name not in _DECODERS
    }
    return decoders, encoders, left_out


def encoder_row(name: str) -> dict[str, Any]:
    """What is known of an encoder alone; weights are those of ImageNet where there are any."""
    settings = smp.encoders.encoders[name]["pretrained_settings"]
    chosen = settings.get("imagenet") or next(iter(settings.values()))
    module = on_meta(lambda: smp.encoders.get_encoder(name, weights=None))
    mean, std = next((v for start, v in _NORMS.items() if name.startswith(start)), _USUAL)
    return {
        "parameters": round(millions(module), 2),
        "weights": [chosen["repo_id"], chosen["revision"]],
        "mean": mean,
        "std": std,
        "least": 64,
    }


def decoder_row(name: str, encoders: list[str]) -> dict[str, Any]:
    """What is known of a decoder: its weights with each encoder, and which it does not go with."""
    parameters, without = {}, {}
    for encoder in encoders:
        try:
            parameters[encoder] = segmenter(name, encoder, least=_LEAST.get(name, 64))
        except (*_REFUSALS, NotImplementedError) as error:
            without[encoder] = str(error).splitlines()[0][:120]
    row = {"title": _DECODERS[name], "fixed_size": name in _POOLING}
    row["least"] = _LEAST.get(name, 64)
    return {**row, "parameters": parameters, "without": without}


def segmenter(name: str, encoder: str, *, least: int) -> float:
    """The weights in millions of a decoder on an encoder, which answers for images of that side."""
    module = on_meta(
        lambda: smp.create_model(name, encoder_name=encoder, encoder_weights=None, classes=2)
    )
    with torch.no_grad():
        for side in (least, least + _STEP):
            answer = module.eval()(torch.zeros(1, 3, side, side, device="meta"))
            if answer.shape != (1, 2, side, side):
                raise ValueError("Its answers are not as large as its images.")
    return round(millions(module), 2)


if __name__ == "__main__":
    main(sys.argv[1:])

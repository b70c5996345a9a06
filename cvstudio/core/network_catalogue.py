"""Networks beyond the table: every one of timm, and every decoder of smp on every encoder.

Their names say where they come from: "timm:convnextv2_nano", with a tag "timm:resnet50.a2_in1k",
"smp:unetplusplus/resnet34". What is known of them lies in resources/networks/, written by
packaging/network_catalogue.py, so that nobody has to import those libraries to choose.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cvstudio.core.annotation import Task
from cvstudio.core.network_info import HUB, IMAGENET_MEAN, IMAGENET_STD, NetworkInfo, WeightsInfo
from cvstudio.core.resources import resources

TIMM, SMP = "timm:", "smp:"


@cache
def _file(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        (resources() / "networks" / f"{name}.json").read_text(encoding="utf-8")
    )
    return content


@cache
def found(name: str) -> NetworkInfo | None:
    """The network of a name as this catalogue writes it; None when there is none of it."""
    if name.startswith(TIMM):
        return _timm(name)
    if name.startswith(SMP):
        return _smp(name)
    return None


@cache
def catalogue(task: Task) -> tuple[NetworkInfo, ...]:
    """All networks of a task that the catalogue has, by name."""
    match task:
        case Task.CLASSIFY:
            names = [TIMM + name for name in _file("timm")["networks"]]
        case Task.SEGMENT:
            content = _file("smp")
            names = [
                f"{SMP}{decoder}/{encoder}"
                for decoder, row in content["decoders"].items()
                for encoder in content["encoders"]
                if encoder not in row["without"]
            ]
        case _:
            names = []
    return tuple(info for info in map(found, names) if info is not None)


def accuracy_of(architecture: str, tag: str) -> float | None:
    """The share of ImageNet's validation images that weights of timm answer right, in percent."""
    known = _file("imagenet")["top1"].get(f"{architecture}.{tag}")
    return None if known is None else float(known)


def _timm(name: str) -> NetworkInfo | None:
    architecture, _, wanted = name.removeprefix(TIMM).partition(".")
    row = _file("timm")["networks"].get(architecture)
    if row is None:
        return None
    choices = {entry[0]: entry for entry in row["weights"]}
    if wanted and wanted not in choices:
        return None
    tag, hub, _, mean, std = choices[wanted] if wanted else (*row["weights"], _NO_WEIGHTS)[0]
    weights = None
    if hub:
        weights = WeightsInfo(
            f"{hub.rpartition('/')[2]}.safetensors", f"{HUB}{hub}/resolve/main/model.safetensors"
        )
    given = row["sizes"] != "any"
    return NetworkInfo(
        name, _title(architecture, wanted), Task.CLASSIFY, "timm", architecture, row["parameters"],
        row["size"], weights, mean=tuple(mean), std=tuple(std), fixed_size=given,
        step=row["step"], least=row["least"], most=row["size"] if row["sizes"] == "own" else 4096,
        activations=row["activations"], accuracy=accuracy_of(architecture, tag),
    )  # fmt: skip


_NO_WEIGHTS = ("", "", 0, IMAGENET_MEAN, IMAGENET_STD)


def _title(architecture: str, tag: str) -> str:
    return f"{architecture} ({tag})" if tag else architecture


def _smp(name: str) -> NetworkInfo | None:
    decoder, slash, encoder = name.removeprefix(SMP).partition("/")
    content = _file("smp")
    row, own = content["decoders"].get(decoder), content["encoders"].get(encoder)
    if not slash or row is None or own is None or encoder in row["without"]:
        return None
    weights = None
    if own["weights"]:
        hub, revision = own["weights"]
        weights = WeightsInfo(
            f"smp-{encoder}.{hub.rpartition('.')[2]}.safetensors",
            f"{HUB}{hub}/resolve/{revision}/model.safetensors",
        )
    return NetworkInfo(
        name, f"{row['title']}, {encoder}", Task.SEGMENT, "smp", decoder,
        row["parameters"][encoder], 512, weights, encoder=encoder,
        encoder_parameters=own["parameters"], mean=tuple(own["mean"]), std=tuple(own["std"]),
        fixed_size=bool(row["fixed_size"]), least=max(row["least"], own["least"]),
    )  # fmt: skip

"""Where pretrained weights lie on this computer: looked for by name, never downloaded from here."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlparse

from cvstudio.core import places
from cvstudio.core.errors import WeightsMissing
from cvstudio.core.networks import NetworkInfo, WeightsInfo


def find(info: NetworkInfo) -> Path | None:
    """The weights file of a network: in CVStudio's own folder, then in the libraries' caches."""
    if info.weights is None:
        return None
    return next((path for path in _candidates(info.weights) if path.is_file()), None)


def require(info: NetworkInfo) -> Path:
    """The weights file of a network. Raises WeightsMissing, which says what to put where."""
    path = find(info)
    if path is None:
        raise missing(info)
    return path


def missing(info: NetworkInfo) -> WeightsMissing:
    """The error that says which file is missing and where to put it."""
    if info.weights is None:
        message = f"There are no pretrained weights for {info.title}."
        return WeightsMissing(
            message, filename="", folder=places.weights(), hint="Start from scratch."
        )
    filename, folder = info.weights.filename, places.weights()
    return WeightsMissing(
        f"The pretrained weights of {info.title} are not on this computer:"
        f" put {filename} into {folder}.",
        filename=filename,
        folder=folder,
        hint=f"They can be had from {info.weights.url}; or start from scratch.",
    )


def _candidates(weights: WeightsInfo) -> list[Path]:
    found = [places.weights() / weights.filename, _torch_hub() / weights.filename]
    parts = urlparse(weights.url)
    if parts.netloc == "huggingface.co":
        owner, name, _, _, file = parts.path.lstrip("/").split("/", 4)
        cached = _hugging_face() / f"models--{owner}--{name}" / "snapshots"
        found += sorted(cached.glob(f"*/{file}"))
    return found


def _torch_hub() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    home = Path(os.environ.get("TORCH_HOME", cache / "torch"))
    return home.expanduser() / "hub" / "checkpoints"


def _hugging_face() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
    home = Path(os.environ.get("HF_HOME", cache / "huggingface"))
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()

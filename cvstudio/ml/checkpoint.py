"""Checkpoints: plain tensors and JSON in a file that cannot run code when it is read.

Everything is loaded with weights_only=True. best.pt holds a Checkpoint; last.pt holds one too, and
beside it what training needs to go on as if it had never stopped.
"""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from pydantic import ValidationError

from cvstudio.core.annotation import LabelClass
from cvstudio.core.errors import DamagedFile, RunError, UntrustedFile
from cvstudio.core.forms import Form
from cvstudio.core.jobdir import replacing
from cvstudio.core.recipe import TrainConfig
from cvstudio.ml.preprocess import Preprocessing

FORMAT = 1
_MARK = "cvstudio checkpoint"
Weights = dict[str, torch.Tensor]

_DAMAGE = (
    OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError,
    AssertionError, struct.error, zipfile.BadZipFile,
)  # fmt: skip
"""What torch.load raises for a file that was cut off or changed: it trusts what it reads."""


@dataclass(frozen=True)
class Checkpoint:
    """A network at the end of an epoch, with all that is needed to use it.

    `training` is empty in best.pt; in last.pt it is the state of optimiser, schedule, scaler and
    random numbers, made of plain values and tensors.
    """

    config: TrainConfig
    classes: tuple[LabelClass, ...]
    preprocessing: Preprocessing
    weights: Weights
    epoch: int
    metric: str = ""
    best: float | None = None
    snapshot: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    form: Form | None = None
    """What it answers with of each object, where it answers with objects."""


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint whole or not at all. Raises OSError when the disk is full."""
    meta = {
        "config": checkpoint.config.model_dump(mode="json"),
        "classes": [
            {"id": c.id, "name": c.name, "colour": c.colour, "hotkey": c.hotkey, "order": c.order}
            for c in checkpoint.classes
        ],
        "preprocessing": checkpoint.preprocessing.to_json(),
        "epoch": checkpoint.epoch,
        "metric": checkpoint.metric,
        "best": checkpoint.best,
        "snapshot": checkpoint.snapshot,
        "form": checkpoint.form.to_json() if checkpoint.form is not None else None,
    }
    content = {
        "mark": _MARK,
        "format": FORMAT,
        "meta": json.dumps(meta, ensure_ascii=False),
        "weights": {name: _plain(value) for name, value in checkpoint.weights.items()},
        "training": checkpoint.training,
    }
    # Straight to the disk: a copy in memory takes twice as long, and as much memory again.
    with replacing(path) as stream:
        writing = _Writing(stream)
        torch.save(content, cast(BinaryIO, writing))  # it needs no more of a stream than that
        if writing.failed is not None:
            raise writing.failed


class _Writing:
    """A stream that keeps its first error to itself: torch, which has an archive to close, would
    tell of positions in it instead of a full disk."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.failed: OSError | None = None

    def write(self, content: Any) -> int:
        if self.failed is None:
            try:
                self._stream.write(content)
            except OSError as error:
                self.failed = error
        return len(content)

    def flush(self) -> None:
        """What is written is made safe by whoever opened the stream."""


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().cpu().contiguous()


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint without running code that it may hold.

    Raises RunError when there is none, when it is damaged or not CVStudio's, UntrustedFile when it
    would have to run code.
    """
    content = load_plain(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # torch reads changed weights without a word
                raise damaged(path)
    if not isinstance(content, dict) or content.get("mark") != _MARK:
        raise RunError(f"{path.name} is not a checkpoint of CVStudio.")
    if content["format"] > FORMAT:
        raise RunError(f"{path.name} was written by a newer CVStudio.")
    meta = json.loads(content["meta"])
    try:
        config = TrainConfig.model_validate(meta["config"])
    except ValidationError as error:
        raise RunError(
            f"{path.name} was trained with settings that this CVStudio does not know.",
            hint="A newer one has written it: update CVStudio, or train the run again.",
        ) from error
    return Checkpoint(
        config=config,
        classes=tuple(LabelClass(**item) for item in meta["classes"]),
        preprocessing=Preprocessing.from_json(meta["preprocessing"]),
        weights=content["weights"],
        epoch=meta["epoch"],
        metric=meta["metric"],
        best=meta["best"],
        snapshot=meta["snapshot"],
        training=content["training"],
        form=Form.from_json(meta["form"]) if meta.get("form") else None,
    )


def is_checkpoint(path: Path) -> bool:
    """Whether a file of weights is one of CVStudio's own, which says more than its weights.

    False for files that only another library's own loader can read.
    """
    try:
        content = load_plain(path)
    except UntrustedFile:
        return False
    return isinstance(content, dict) and content.get("mark") == _MARK


def load_plain(path: Path) -> Any:
    """The content of a .pt, .pth or .safetensors file made of tensors and plain values.

    Raises RunError when the file is missing or damaged, UntrustedFile when reading it would mean
    running code.
    """
    if not path.is_file():
        raise RunError(f"There is no file {path}.")
    if path.suffix == ".safetensors":
        return _load_safetensors(path)
    # ultralytics registers its classes with torch as it loads its own files: here, none is known.
    torch.serialization.clear_safe_globals()
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if _is_pickle(path):
            raise untrusted(path, str(error)) from error
        raise damaged(path) from error
    except _DAMAGE as error:
        raise damaged(path) from error


def untrusted(path: Path, reason: str) -> UntrustedFile:
    """The refusal of a file that holds more than numbers."""
    return UntrustedFile(
        f"{path.name} is refused: it holds Python objects, and loading them could run any program"
        f" on this computer. {_first_sentence(reason)}",
        hint="Use a file that holds plain weights: a state dict (.pt, .pth) or .safetensors.",
    )


def damaged(path: Path) -> DamagedFile:
    """The refusal of a file that cannot be read."""
    return DamagedFile(path, f"{path.name} is damaged or is not a file of weights: {path}")


def _load_safetensors(path: Path) -> Weights:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights: Weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise damaged(path) from error
    return weights


def _is_pickle(path: Path) -> bool:
    """Whether the file is an archive of torch.save or a bare pickle, and not some other file."""
    with path.open("rb") as stream:
        start = stream.read(2)
    return start == b"PK" or start[:1] == b"\x80"


def _first_sentence(reason: str) -> str:
    found = [line.strip() for line in reason.splitlines() if "GLOBAL" in line or "global" in line]
    return found[0].split(". ")[0].rstrip(".") + "." if found else ""

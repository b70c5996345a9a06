"""Which file of weights a run starts from; asked before any large library is imported."""

from __future__ import annotations

from pathlib import Path

from cvstudio.core import pretrained, weight_files
from cvstudio.core.errors import RunError, WeightsMissing
from cvstudio.core.networks import NetworkInfo
from cvstudio.core.recipe import Start, TrainConfig


def weights_path(config: TrainConfig, info: NetworkInfo) -> Path | None:
    """The file of weights to start from, None for scratch.

    Raises WeightsMissing when it is not there or is none.
    """
    if config.start is Start.SCRATCH:
        return None
    path = config.weights_file
    if path is None and config.start is not Start.PRETRAINED:
        raise RunError("The run has no file of weights to start from.")
    path = path or pretrained.require(info)
    if not path.is_file():
        raise WeightsMissing(
            f"The file of weights to start from is missing: {path}.",
            filename=path.name,
            folder=path.parent,
            hint="Put it there, choose another file, or start from scratch.",
        )
    wrong = weight_files.trouble(path)
    if wrong:
        raise WeightsMissing(
            wrong, filename=path.name, folder=path.parent,
            hint=f"Put a whole one in its place ({path}), choose another, or start from scratch.",
        )  # fmt: skip
    return path

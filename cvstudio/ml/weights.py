"""Which file of weights a run starts from; asked before any large library is imported."""

from __future__ import annotations

from pathlib import Path

from cvstudio.core import pretrained
from cvstudio.core.errors import RunError, WeightsMissing
from cvstudio.core.networks import NetworkInfo
from cvstudio.core.recipe import Start, TrainConfig


def weights_path(config: TrainConfig, info: NetworkInfo) -> Path | None:
    """The file of weights to start from, None for scratch.

    Raises WeightsMissing when it is not there.
    """
    if config.start is Start.SCRATCH:
        return None
    path = config.weights_file
    if path is None:
        if config.start is not Start.PRETRAINED:
            raise RunError("The run has no file of weights to start from.")
        return pretrained.require(info)
    if not path.is_file():
        raise WeightsMissing(
            f"The file of weights to start from is missing: {path}.",
            filename=path.name,
            folder=path.parent,
            hint="Put it there, choose another file, or start from scratch.",
        )
    return path

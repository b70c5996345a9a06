"""An exported TorchScript file as a program loads it that knows nothing of CVStudio.

Nothing of CVStudio is imported here, so that a fresh process has torch and the file alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray


def answers_of_script(path: Path, batches: list[NDArray[Any]]) -> list[list[NDArray[Any]]]:
    """The outputs for each batch (N, channels, H, W) of float32."""
    import torch

    load: Any = torch.jit.load
    try:
        module = load(path, map_location="cpu")
    except RuntimeError:  # an operator of torchvision, which takes seconds to import
        import torchvision  # noqa: F401

        module = load(path, map_location="cpu")
    with torch.no_grad():
        return [[out.numpy() for out in module(torch.from_numpy(batch))] for batch in batches]

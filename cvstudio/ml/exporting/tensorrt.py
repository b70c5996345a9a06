"""The TensorRT script: an engine fits one graphics card, so it is built and checked where it runs.

The script stands alone: Python, numpy, TensorRT and PyTorch (for the memory of the card).
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cvstudio.core.jobdir import replace_file
from cvstudio.ml.exporting import tensorrt_template
from cvstudio.ml.onnx_file import INPUT
from cvstudio.ml.predict import OnnxNetwork
from cvstudio.ml.preprocess import Image

_MOST = 8
"""Images at once that the engine takes at most, unless the one who builds it says otherwise."""
_SIDES = (0.5, 2)
"""Where height and width are free: the smallest and the largest side, beside the usual one."""


def write_script(path: Path, onnx_file: Path, rgbs: Sequence[Image]) -> list[Path]:
    """Write the script that builds an engine from a proven ONNX file, and beside it inputs with the
    answers that the ONNX file gave; both files are given."""
    network = OnnxNetwork(onnx_file)
    settings = {
        "onnx": onnx_file.name,
        "sha256": hashlib.sha256(onnx_file.read_bytes()).hexdigest(),
        "samples": path.with_suffix(".npz").name if rgbs else "",
        "input": INPUT,
        "shapes": profile_shapes(network.record.input["shape"], network.preprocessor.size),
    }
    source = Path(tensorrt_template.__file__).read_text(encoding="utf-8")
    start = source.index("SETTINGS")
    end = source.index("\n# end of settings", start)
    text = json.dumps(settings, indent=4)
    script = f"{source[:start]}SETTINGS: dict[str, Any] = json.loads(r'''{text}''')\n{source[end:]}"
    replace_file(path, script.encode())
    if not rgbs:
        return [path]
    samples: dict[str, np.ndarray] = {}
    for number, rgb in enumerate(rgbs):
        batch, _ = network.preprocessor.prepare(rgb)
        samples[f"input_{number}"] = batch
        for place, output in enumerate(network.outputs(batch)):
            samples[f"output_{number}_{place}"] = output
    content = io.BytesIO()
    np.savez_compressed(content, **samples)  # type: ignore[arg-type]
    replace_file(path.with_suffix(".npz"), content.getvalue())
    return [path, path.with_suffix(".npz")]


def profile_shapes(shape: Sequence[int | str], size: int) -> dict[str, list[int]]:
    """The smallest, the usual and the largest input, from the shape that a file tells: a name
    stands for a side that is free."""
    channels = int(shape[1])

    def sides(factor: float) -> list[int]:
        free = max(round(size * factor / 32), 1) * 32
        return [side if isinstance(side, int) else free for side in shape[2:]]

    small, large = _SIDES
    return {
        "min": [1, channels, *sides(small)],
        "opt": [1, channels, *(side if isinstance(side, int) else size for side in shape[2:])],
        "max": [_MOST, channels, *sides(large)],
    }

"""An ONNX file in eight bits: static quantisation, calibrated with training images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from cvstudio.ml.onnx_file import INPUT

_OPERATORS = ["Conv", "Gemm", "MatMul"]
"""What takes the time. The decoding of boxes and scores stays as it is: one scale over both would
leave nothing of the scores."""


class _Images(CalibrationDataReader):  # type: ignore[misc]  # untyped library
    """Feeds one prepared image after the other."""

    def __init__(self, batches: Iterator[NDArray[np.float32]]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def quantise(
    model: onnx.ModelProto,
    batches: Iterator[NDArray[np.float32]],
    *,
    keep_float: Sequence[str] = (),
) -> onnx.ModelProto:
    """The model with 8-bit convolutions and products, between QuantizeLinear and its inverse.

    `batches` are inputs (1, 3, H, W) that show the range of values. Nodes whose name contains one
    of `keep_float` stay in 32 bits.
    """
    kept = [n.name for n in model.graph.node if any(part in n.name for part in keep_float)]
    with TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / name for name in ("plain", "ready", "small"))
        onnx.save(model, plain)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            small,
            _Images(batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_OPERATORS,
            nodes_to_exclude=kept,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return onnx.load(small)

"""An ONNX graph in 16 bits, and in 8: static quantisation, calibrated with training images."""

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
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from cvstudio.ml.onnx_file import INPUT

_OPERATORS = ["Conv", "Gemm", "MatMul"]
"""What takes the time. The decoding of boxes and scores stays as it is: one scale over both would
leave nothing of the scores."""


_WIDE = ("Resize", "Range", "Softmax", "ReduceMean", "ReduceSum", "Pow", "Exp", "Sqrt")
"""Sums over many values and what grows fast stay in 32 bits, beside what has no 16-bit form."""


def halve(model: onnx.ModelProto, *, keep_float: Sequence[str] = ()) -> onnx.ModelProto:
    """The model in 16 bits, with an input and outputs of 32.

    Nodes whose name contains one of `keep_float` stay in 32 bits, and so does what goes from one of
    them to the next: places of boxes in pixels have more digits than 16 bits.
    """
    source = onnx.ModelProto()
    source.CopyFrom(model)
    kept = [n.name for n in source.graph.node if any(part in n.name for part in keep_float)]
    half = convert_float_to_float16(
        source, keep_io_types=True, disable_shape_infer=False,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, *_WIDE], node_block_list=kept,
    )  # fmt: skip
    # The converter writes a cast once for each node that reads it, all at the end; the standard
    # wants each node once, and after what it reads.
    known: set[str] = set()
    nodes = [node for node in half.graph.node if not _seen(node, known)]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    _keep_digits(half.graph)
    ordered = OnnxModel(half)
    ordered.topological_sort()
    result: onnx.ModelProto = ordered.model
    return result


def _keep_digits(graph: onnx.GraphProto) -> None:
    """Hand values in 32 bits from node to node as they are.

    The converter puts each node that stays in 32 bits between two casts of its own: what one gives
    to the next would go through 16 bits, and lose the digits that it was kept for.
    """
    shortened = {
        half: wide
        for half, wide in _casts(graph, onnx.TensorProto.FLOAT16).items()
        if wide.endswith(_SHORTENED)
    }
    whole = {
        again: shortened[half]
        for again, half in _casts(graph, onnx.TensorProto.FLOAT).items()
        if half in shortened
    }
    for node in graph.node:
        if node.op_type == "Cast" and node.output[0] in whole:  # it may be what the graph answers
            node.input[0] = whole[node.output[0]]
        for place, name in enumerate(node.input):
            node.input[place] = whole.get(name, name)
    while idle := _idle_casts(
        graph
    ):  # of a pair the second goes first: nothing reads the other then
        for node in idle:
            graph.node.remove(node)


def _idle_casts(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Casts whose outcome nothing reads."""
    read = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    return [n for n in graph.node if n.op_type == "Cast" and n.output[0] not in read]


_SHORTENED = "_cast_to_fp16"
"""How the converter ends the name of what a node gives that stays in 32 bits."""


def _casts(graph: onnx.GraphProto, to: int) -> dict[str, str]:
    """What casts to a type give, each with what it was before."""
    return {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Cast" and onnx.helper.get_node_attr_value(node, "to") == to
    }


def _seen(node: onnx.NodeProto, known: set[str]) -> bool:
    """Whether a node that gives the same outputs came before."""
    if node.output and node.output[0] in known:
        return True
    known.update(node.output)
    return False


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

"""Of a detector in fewer bits, what places its boxes stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from judge_samples import network_of
from test_torchvision_detectors import FASTER, MASK, few_regions, lively, one_thread

from cvstudio.core.annotation import Task
from cvstudio.core.export_kinds import Precision
from cvstudio.ml.environment import prepare
from cvstudio.ml.exporting.graph import float_nodes, to_onnx
from cvstudio.ml.exporting.precisions import quantise

prepare()
__all__ = ["few_regions", "one_thread"]  # fixtures
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


@pytest.mark.usefixtures("few_regions", "one_thread")
@pytest.mark.parametrize(("task", "name"), [(Task.DETECT, FASTER), (Task.INSTANCE, MASK)])
def test_the_heads_of_faster_r_cnn_are_named_among_what_stays_in_32_bits(
    task: Task, name: str
) -> None:
    loaded = network_of(task, name, size=64)
    kept = float_nodes(loaded, Precision.INT8)
    weighted = [n.name for n in to_onnx(loaded).graph.node if n.op_type in WEIGHTED]
    heads = {node for node in weighted if "/backbone/" not in node}
    assert len(heads) >= 10  # regions of each map, two layers, two answers
    assert {node for node in weighted if any(part in node for part in kept)} == heads


@pytest.mark.usefixtures("few_regions", "one_thread")
def test_8_bits_leave_the_heads_of_faster_r_cnn_as_they_were() -> None:
    loaded = network_of(Task.DETECT, FASTER, size=64)
    image = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    lively(loaded.module, torch.from_numpy(np.concatenate([image, image])))
    small = quantise(
        to_onnx(loaded), iter([image]), keep_float=float_nodes(loaded, Precision.INT8)
    )  # fmt: skip
    shortened = {o for n in small.graph.node if n.op_type == "DequantizeLinear" for o in n.output}
    weighted = [n for n in small.graph.node if n.op_type in WEIGHTED]
    eight = {n.name for n in weighted if n.input[1] in shortened}
    assert eight
    assert all("/backbone/" in name for name in eight)

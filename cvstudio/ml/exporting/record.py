"""What an exported file says of itself, gathered from the run that it is made from."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

import onnx

from cvstudio.core.annotation import Task
from cvstudio.core.metrics import nothing_right
from cvstudio.core.networks import network as network_info
from cvstudio.core.pieces import in_windows, window_rules
from cvstudio.core.recipe import Fit
from cvstudio.core.thresholds import Thresholds
from cvstudio.ml.averages import OWN_FIGURES
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.onnx_file import INPUT, INSIDE, KEY, FileRecord, output_rows
from cvstudio.ml.preprocess import depth_rules, without_normalisation
from cvstudio.ml.tiles import rules as tile_rules

_VERSIONS = ("cvstudio", "torch", "onnx", "onnxruntime", "onnxslim")


def record_of(
    network: LoadedNetwork,
    model: onnx.ModelProto,
    *,
    run: str,
    report: dict[str, Any],
    window: tuple[float, float] | None = None,
    inside: bool = False,
    counts: Thresholds,
) -> FileRecord:
    """What the file is going to say about itself; `report` is the run's report.json, `window` that
    of the deeper images of its snapshot, `inside` that the graph removes doubles itself, `counts`
    from which scores the classes of the run count."""
    info = network_info(network.config.network)
    plain = without_normalisation(network.preprocessor)
    shape = _shape(model.graph.input[0])
    val = report.get("val", {})
    return FileRecord(
        task=network.task,
        classes=network.classes,
        input={
            **plain.to_json(), "name": INPUT, "type": "float32", "shape": shape, "range": [0, 1],
            "inside": {"mean": list(network.mean), "std": list(network.std)},
            "multiple_of": 32, **depth_rules(window, sees=plain.sees), **_tile_rules(network),
        },
        outputs=output_rows(
            network.task, len(network.classes), [_shape(o) for o in model.graph.output],
            listed=info.listed, several=network.several, form=network.form, inside=inside,
        ),
        network={
            "name": info.name, "title": info.title, "family": info.family,
            **({"several_classes": True} if network.several else {}),
            **({"objects": network.form.to_json()} if network.form.answers in OWN_FIGURES else {}),
            **({INSIDE: True} if inside else {}),
        },
        run={
            "name": run, "epoch": network.epoch, "snapshot": network.snapshot,
            "metrics": val.get("metrics", {}), "warning": nothing_right(network.task, val),
        },
        score=counts.score,
        class_scores=dict(counts.per_class),
        own_scores=counts.applied,
        temperature=counts.temperature,
        platt=counts.platt,
        versions={name: metadata.version(name) for name in _VERSIONS},
    )  # fmt: skip


def _tile_rules(network: LoadedNetwork) -> dict[str, Any]:
    """How images that are not seen in one piece are answered, where that can happen."""
    if in_windows(network.task, network.config.fit):
        return {"windows": window_rules(network.image_size)}
    can = network.config.fit is Fit.CROP
    objects = network.task is not Task.SEGMENT
    return {"large_images": tile_rules(objects=objects)} if can else {}


def _shape(value: onnx.ValueInfoProto) -> list[int | str]:
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value or ("any" if "output" in dim.dim_param else dim.dim_param)
            for dim in dims]  # fmt: skip


def with_record(model: onnx.ModelProto, record: FileRecord) -> bytes:
    """The bytes of the file with its record inside."""
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, record_text(record)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def record_text(record: FileRecord) -> str:
    """A record as the text that stands in a file."""
    return json.dumps(record.to_json(), ensure_ascii=False)

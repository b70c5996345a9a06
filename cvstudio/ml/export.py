"""A run's best checkpoint as an ONNX file that is proven against the checkpoint.

The file takes RGB from 0 to 1 (the network's own normalisation is inside), any number of images at
once, and says in its metadata (onnx_file.py) what goes in and comes out. It bears the name that was
asked for only when it passed every check; otherwise its name ends with -UNVERIFIED.
"""

from __future__ import annotations

import copy
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxslim
import torch
from numpy.typing import NDArray
from torch import nn

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.errors import RunError
from cvstudio.core.events import Note, Outcome, Phase, Progress
from cvstudio.core.jobdir import JobDir, Request, replace_file, write_json
from cvstudio.core.metrics import USUAL_SCORE, nothing_right
from cvstudio.core.networks import network as network_info
from cvstudio.core.predictions import Prediction
from cvstudio.core.recipe import Fit
from cvstudio.core.run_state import best_metric
from cvstudio.core.snapshot import SnapshotImage, read_snapshot
from cvstudio.ml import verify
from cvstudio.ml.answer import goes_in_tiles
from cvstudio.ml.devices import name_of
from cvstudio.ml.evaluate import Stopped, predict_images, read_images, read_report
from cvstudio.ml.judge import judge
from cvstudio.ml.load import LoadedNetwork, load_network, outputs_of
from cvstudio.ml.onnx_file import BOXES, INPUT, KEY, MAPS, FileRecord, output_rows
from cvstudio.ml.predict import OnnxNetwork
from cvstudio.ml.preprocess import Preprocessing, depth_rules, place
from cvstudio.ml.quantise import quantise
from cvstudio.ml.tiles import rules as tile_rules
from cvstudio.ml.tiles import tiles_of
from cvstudio.ml.verify import Check, Latency

OPSET = 18
_CALIBRATION_IMAGES = 100
_VERSIONS = ("cvstudio", "torch", "onnx", "onnxruntime", "onnxslim")


class _Exported(nn.Module):
    """The network with its normalisation, answering with nothing but what decode.py reads."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: LoadedNetwork, *, dynamic: bool) -> None:
        super().__init__()
        module: Any = copy.deepcopy(network.module).cpu().float().eval()
        module.requires_grad_(False)
        self.task = network.task
        self.plain = not any(network.mean) and set(network.std) == {1}
        self.register_buffer("mean", torch.tensor(network.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(network.std).view(1, 3, 1, 1))
        info = network_info(network.config.network)
        if info.family == "ultralytics" and not info.listed:
            head = module.model[-1]
            head.export, head.format, head.dynamic, head.shape = True, "onnx", dynamic, None
        self.network = module

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if not self.plain:
            images = (images - self.mean) / self.std
        return outputs_of(self.task, self.network(images))


def takes_any_size(network: LoadedNetwork) -> bool:
    """Whether height and width of the exported input are free (multiples of 32).

    Segmenters and plain convolutional classifiers take any; detectors only when they were trained
    to see whole images at their own scale.
    """
    if network_info(network.config.network).fixed_size:
        return False
    return network.task in (Task.CLASSIFY, Task.SEGMENT) or network.config.fit is Fit.CROP


def to_onnx(network: LoadedNetwork) -> onnx.ModelProto:
    """The network as ONNX: opset 18, one file, batch axis free, height and width where they can."""
    dynamic = takes_any_size(network)
    module = _Exported(network, dynamic=dynamic).eval()
    size = network.image_size
    names = [BOXES, MAPS] if network.task is Task.INSTANCE else [BOXES]
    axes: dict[str, dict[int, str]] = {name: {0: "batch"} for name in (INPUT, *names)}
    if dynamic:
        axes[INPUT] |= {2: "height", 3: "width"}
        if network.task is Task.SEGMENT:
            axes[BOXES] |= {2: "height", 3: "width"}
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        # torch would rather use its newer exporter, which wants a package that we do not ship.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            module, (torch.zeros(2, 3, size, size),), path, dynamo=False, opset_version=OPSET,
            input_names=[INPUT], output_names=names, dynamic_axes=axes,
        )  # fmt: skip
        slim: onnx.ModelProto = onnxslim.slim(onnx.load(path))
    slim.producer_name, slim.producer_version = "CVStudio", metadata.version("cvstudio")
    return slim


def record_of(
    network: LoadedNetwork,
    model: onnx.ModelProto,
    *,
    run: str,
    report: dict[str, Any],
    window: tuple[float, float] | None = None,
) -> FileRecord:
    """What the file is going to say about itself; `report` is the run's report.json, `window` that
    of the deeper images of its snapshot."""
    info = network_info(network.config.network)
    plain = replace(network.preprocessor, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    shape = _shape(model.graph.input[0])
    val = report.get("val", {})
    thresholds = val.get("thresholds", {})
    return FileRecord(
        task=network.task,
        classes=network.classes,
        input={
            **plain.to_json(), "name": INPUT, "type": "float32", "shape": shape, "range": [0, 1],
            "inside": {"mean": list(network.mean), "std": list(network.std)},
            "multiple_of": 32, **depth_rules(window), **_tile_rules(network),
        },
        outputs=output_rows(
            network.task, len(network.classes), [_shape(o) for o in model.graph.output],
            listed=info.listed, several=network.several,
        ),
        network={
            "name": info.name, "title": info.title, "family": info.family,
            **({"several_classes": True} if network.several else {}),
        },
        run={
            "name": run, "epoch": network.epoch, "snapshot": network.snapshot,
            "metrics": val.get("metrics", {}), "warning": nothing_right(network.task, val),
        },
        score=thresholds.get("score"),
        class_scores={int(k): v for k, v in thresholds.get("per_class", {}).items()},
        versions={name: metadata.version(name) for name in _VERSIONS},
    )  # fmt: skip


def _tile_rules(network: LoadedNetwork) -> dict[str, Any]:
    """How images too large for memory are answered, where that can happen."""
    can = network.task is not Task.CLASSIFY and network.config.fit is Fit.CROP
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
    entry.key, entry.value = KEY, json.dumps(record.to_json(), ensure_ascii=False)
    data: bytes = model.SerializeToString()
    return data


# -- proving


@dataclass
class _Told:
    """How an export tells what it does, and hears that it should stop."""

    phase: Callable[[str], None]
    progress: Callable[[int, int], None]
    note: Callable[[str], None]
    stopped: Callable[[], bool]


@dataclass(frozen=True)
class _Reference:
    """The checkpoint's own answers and figure on the split that the files are held to."""

    images: tuple[SnapshotImage, ...]
    rgbs: tuple[NDArray[np.uint8], ...]
    predictions: tuple[Prediction, ...]
    metric: float | None
    score: float


@dataclass(frozen=True)
class _Proof:
    """What was found out about one file."""

    checks: tuple[Check, ...]
    differences: dict[int, float]
    metric: float | None
    latency: Latency

    @property
    def passed(self) -> bool:
        return all(check.passed is not False for check in self.checks)


def _reference(
    network: LoadedNetwork,
    images: Sequence[SnapshotImage],
    report: dict[str, Any],
    *,
    parity_images: int,
    told: _Told,
) -> _Reference:
    told.phase(f"Asking the checkpoint about {len(images)} images")
    predictions = predict_images(
        network, images, progress=told.progress, stopped=told.stopped, note=told.note
    )
    score = report.get("val", {}).get("thresholds", {}).get("score")
    score = USUAL_SCORE if score is None else float(score)
    figures = judge(
        network.task, network.classes, images, predictions, score=score, several=network.several
    )
    rgbs = tuple(_seen_at_once(network, rgb) for _, rgb in read_images(images[:parity_images], []))
    metric = figures["metrics"][best_metric(network.task, several=network.several)]
    return _Reference(tuple(images), rgbs, tuple(predictions), metric, score)


def _seen_at_once(network: LoadedNetwork, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image as it goes through the network; of one that goes in tiles, the first."""
    height, width = rgb.shape[:2]
    if not goes_in_tiles(network.task, network.config.fit, width, height):
        return rgb
    return np.ascontiguousarray(rgb[next(tiles_of(width, height)).seen.slices])


def _prove(
    network: LoadedNetwork, model: onnx.ModelProto, record: FileRecord, reference: _Reference,
    limits: verify.Limits, told: _Told,
) -> _Proof:  # fmt: skip
    words = "8-bit" if record.precision == "int8" else "32-bit"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        path.write_bytes(with_record(model, record))
        checks = verify.check_graph(onnx.load(path), record.precision)
        exported = OnnxNetwork(path)
    told.phase(f"Comparing the {words} file with the checkpoint, number by number")
    checks += verify.check_parity(network, exported, reference.rgbs, limits)
    told.phase(f"Judging the {words} file on {len(reference.images)} images")
    answers = predict_images(
        exported, reference.images, progress=told.progress, stopped=told.stopped
    )
    more, differences = verify.check_answers(
        network, record.precision, reference.images, reference.predictions, answers,
        score=reference.score, limits=limits,
    )  # fmt: skip
    figures = judge(
        network.task, network.classes, reference.images, answers, score=reference.score,
        several=network.several,
    )  # fmt: skip
    metric = figures["metrics"][best_metric(network.task, several=network.several)]
    checks += [
        *more,
        verify.check_metric(network, record.precision, reference.metric, metric, limits),
    ]
    told.phase(f"Timing the {words} file")
    batch = exported.preprocessor.prepare(reference.rgbs[0])[0]
    latency = verify.measure_latency(
        lambda: exported.raw(batch), what=f"ONNX {words}", device="processor"
    )
    return _Proof(tuple(checks), differences, metric, latency)


def _time_checkpoint(network: LoadedNetwork, rgb: NDArray[np.uint8]) -> Latency:
    tensor, _ = network.prepare(rgb)

    def run() -> None:
        with torch.no_grad():
            network.raw(tensor)
        if network.device.type == "cuda":
            torch.cuda.synchronize(network.device)

    return verify.measure_latency(run, what="Checkpoint", device=name_of(network.device))


# -- the job


def run_export(job: JobDir, config: ExportConfig) -> Outcome:
    """The export job. Writes the file(s), FILE.verification.json beside and a copy in the job.

    Raises RunError when the 32-bit file fails a check; it is kept as FILE-UNVERIFIED.onnx.
    """
    told = _Told(
        phase=lambda text: job.emit(Phase(text=text)),
        progress=lambda done, total: job.emit(Progress(done=done, total=total)),
        note=lambda text: job.emit(Note(level="warning", text=text)),
        stopped=lambda: job.asked() is Request.CANCEL,
    )
    told.phase(f"Loading the network of {config.run_directory.name}")
    network = load_network(config.run_directory, device=config.device)
    try:
        verification = export(network, config, told)
    except Stopped:
        return Outcome.CANCELLED
    write_json(job.path / "verification.json", verification)
    if verification["verified"] is False:
        failed = [c["check"] for c in verification["checks"] if c["passed"] is False]
        raise RunError(
            f"The exported file does not answer like the run: {'; '.join(failed)}."
            f" It was kept as {verification['file']}.",
            hint="The report beside it shows every check.",
        )
    return Outcome.FINISHED


def export(network: LoadedNetwork, config: ExportConfig, told: _Told) -> dict[str, Any]:
    """Write the file(s) that a config asks for and give the verification as plain JSON.

    "verified" is true, false, or null when no check was wanted; "checks" and "latency" have one
    row per check and per measurement; "int8" tells about the 8-bit file, FILE-int8.onnx.
    """
    run = JobDir(config.run_directory)
    snapshot = read_snapshot(run.snapshot)
    report = read_report(run)
    told.phase("Writing ONNX")
    model = to_onnx(network)
    record = record_of(network, model, run=run.path.name, report=report, window=snapshot.window)
    if record.warning:
        told.note(record.warning)
    small = None
    if config.int8:
        told.phase("Calibrating 8 bits with training images")
        small = quantise(
            model, _calibration(network, snapshot.of(Split.TRAIN)),
            keep_float=_float_nodes(network),
        )  # fmt: skip
    written = _Written(network, record, config.output)
    if not config.verify:
        written.plain(model, small)
        return written.save()
    split, images = _judged_images(snapshot.images)
    if split != Split.VAL:
        told.note(f"There are no val images: the file is held to {split} images.")
    reference = _reference(network, images, report, parity_images=config.parity_images, told=told)
    proof = _prove(network, model, record, reference, verify.FLOAT, told)
    eight = None
    if small is not None:
        eight = _prove(
            network, small, replace(record, precision="int8"), reference, verify.INT8, told
        )
    told.phase("Timing the checkpoint")
    written.proven(model, proof, small, eight, reference, split)
    written.content["latency"].append(
        verify.as_json([_time_checkpoint(network, reference.rgbs[0])])[0]
    )
    if eight is not None and not eight.passed:
        told.note("The 8-bit file lost too much and is marked as unverified.")
    return written.save()


class _Written:
    """The files that an export leaves, and the verification that goes with them."""

    def __init__(self, network: LoadedNetwork, record: FileRecord, output: Path) -> None:
        self.network, self.record, self.output = network, record, output
        self.final = output
        self.content: dict[str, Any] = {
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "run": record.run["name"],
            "task": network.task.value,
            "network": record.network,
            "warning": record.warning,
            "input": record.input,
            "outputs": list(record.outputs),
            "verified": None,
            "checks": [],
            "latency": [],
            "int8": None,
        }

    def plain(self, model: onnx.ModelProto, small: onnx.ModelProto | None) -> None:
        """Files without proof, because none was wanted."""
        self.content |= self._write(model, self.record, self.output)
        if small is not None:
            record = replace(self.record, precision="int8")
            self.content["int8"] = self._write(small, record, _beside(self.output, "-int8"))

    def proven(
        self, model: onnx.ModelProto, proof: _Proof, small: onnx.ModelProto | None,
        eight: _Proof | None, reference: _Reference, split: str,
    ) -> None:  # fmt: skip
        """Files with their proof inside; what failed gets a name that says so."""
        proofs = [proof] if eight is None else [proof, eight]
        worst = sorted(proof.differences.items(), key=lambda item: -item[1])[:4]
        self.content |= {
            "verified": proof.passed,
            "split": split,
            "images": len(reference.predictions),
            "parity_images": len(reference.rgbs),
            "metric": best_metric(self.network.task, several=self.network.several),
            "reference": reference.metric,
            "score": reference.score,
            "checks": verify.as_json([check for p in proofs for check in p.checks]),
            "latency": verify.as_json([p.latency for p in proofs]),
            "differences": [{"image": image, "value": value} for image, value in worst],
        }
        self.final = self.output if proof.passed else _beside(self.output, "-UNVERIFIED")
        self.content |= self._write(model, self._with_proof(proof), self.final)
        if small is not None and eight is not None:
            path = _beside(self.output, "-int8" if eight.passed else "-int8-UNVERIFIED")
            record = replace(self._with_proof(eight), precision="int8")
            self.content["int8"] = {
                **self._write(small, record, path),
                "verified": eight.passed,
                "metric": eight.metric,
                "drop": _difference(reference.metric, eight.metric),
                "speed_up": proof.latency.median / eight.latency.median,
            }

    def save(self) -> dict[str, Any]:
        """Write FILE.verification.json beside the file and give its content."""
        write_json(self.final.with_suffix(".verification.json"), self.content)
        return self.content

    def _with_proof(self, proof: _Proof) -> FileRecord:
        verification = {
            "verified": proof.passed,
            "made": self.content["made"],
            "split": self.content["split"],
            "images": self.content["images"],
            "checks": verify.as_json(proof.checks),
        }
        return replace(self.record, verification=verification)

    def _write(self, model: onnx.ModelProto, record: FileRecord, path: Path) -> dict[str, Any]:
        data = with_record(model, record)
        replace_file(path, data)
        digest = hashlib.sha256(data).hexdigest()
        return {"file": path.name, "size": len(data), "sha256": digest}


def _judged_images(
    images: Sequence[SnapshotImage],
) -> tuple[Split, tuple[SnapshotImage, ...]]:
    """The images a file is held to: val, or the next split that has any."""
    for split in (Split.VAL, Split.TEST, Split.TRAIN):
        chosen = tuple(i for i in images if i.split == split and i.review is not Review.UNLABELLED)
        if chosen:
            return split, chosen
    raise RunError("The run's snapshot has no labelled image to verify the file with.")


def _calibration(
    network: LoadedNetwork, images: Sequence[SnapshotImage]
) -> Iterator[NDArray[np.float32]]:
    """Up to a hundred training images spread over the split, as the exported file takes them."""
    plain = Preprocessing(network.image_size, network.config.fit, (0, 0, 0), (1, 1, 1))
    step = max(len(images) / _CALIBRATION_IMAGES, 1)
    chosen = [images[int(i * step)] for i in range(min(len(images), _CALIBRATION_IMAGES))]
    for _, rgb in read_images(chosen, []):
        placed, _ = place(_seen_at_once(network, rgb), size=plain.size, fit=plain.fit)
        yield plain.normalise(placed)[None]


def _float_nodes(network: LoadedNetwork) -> list[str]:
    """Parts of the names of nodes that stay in 32 bits: the head of a detector."""
    family = network_info(network.config.network).family
    if family == "torchvision-detection":
        return ["/rpn/", "/roi_heads/", "NonMaxSuppression", "RoiAlign", "Concat", "Gather"]
    if family != "ultralytics":
        return []
    layers: Any = network.module.model
    return [f"/model.{len(layers) - 1}/"]


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.stem}{ending}{path.suffix}")


def _difference(reference: float | None, value: float | None) -> float | None:
    return None if reference is None or value is None else reference - value

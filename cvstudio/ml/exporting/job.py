"""The export job: a run's best checkpoint as files that are proven against it, each by itself.

A file bears the name that was asked for only when it is proven; otherwise, refused or beyond what
can be judged, its name ends with -UNVERIFIED. Its certificate stands inside, and beside as
FILE.verification.json.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx

from cvstudio.core.annotation import Split
from cvstudio.core.config import ExportConfig
from cvstudio.core.errors import CVStudioError, FormatError, RunError
from cvstudio.core.events import Note, Outcome, Phase, Progress
from cvstudio.core.export_kinds import KINDS, Engine, FileKind, KindInfo, Precision
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.proof import why_not
from cvstudio.core.room import require_place
from cvstudio.core.run_state import best_metric
from cvstudio.core.snapshot import Snapshot, read_snapshot
from cvstudio.core.thresholds import thresholds_of
from cvstudio.core.words import counted
from cvstudio.ml.evaluate import Stopped, read_report
from cvstudio.ml.exporting import proof, timing
from cvstudio.ml.exporting.certificate import contents_of, sealed
from cvstudio.ml.exporting.engines import (
    EngineRefusal,
    Made,
    MadeOnnx,
    check_installed,
    make_openvino,
    make_script,
    open_exported,
)
from cvstudio.ml.exporting.graph import float_nodes, to_onnx
from cvstudio.ml.exporting.precisions import halve, quantise
from cvstudio.ml.exporting.proving import (
    Proof,
    Reference,
    Told,
    calibration,
    compared_images,
    counted_from,
    further_images,
    judged_images,
    prove,
    refer,
)
from cvstudio.ml.exporting.record import record_of
from cvstudio.ml.exporting.suppression import check_possible, lists_already, with_suppression
from cvstudio.ml.exporting.tensorrt import write_script
from cvstudio.ml.load import LoadedNetwork, load_network
from cvstudio.ml.onnx_file import FileRecord

UNVERIFIED = "-UNVERIFIED"


def run_export(job: JobDir, config: ExportConfig) -> Outcome:
    """The export job. Writes the files, a certificate beside each, and a copy in the job.

    Raises RunError when the 32-bit ONNX file fails a check; it is kept as FILE-UNVERIFIED.onnx.
    """
    told = Told(
        phase=lambda text: job.emit(Phase(text=text)),
        progress=lambda done, total: job.emit(Progress(done=done, total=total)),
        note=lambda text: job.emit(Note(level="warning", text=text)),
        stopped=lambda: job.asked() is Request.CANCEL,
    )
    require_place(config.output, about=0)
    told.phase(f"Loading the network of {config.run_directory.name}")
    network = load_network(config.run_directory, device=config.device)
    require_place(config.output, about=_bytes_of(network))
    try:
        verification = export(network, config, told)
    except Stopped:
        return Outcome.CANCELLED
    write_json(job.path / "verification.json", verification)
    if verification["verified"] is False:
        failed = [c["check"] for c in verification["files"][0]["checks"] if c["passed"] is False]
        raise RunError(
            f"The exported file does not answer like the run: {'; '.join(failed)}."
            f" It was kept as {verification['file']}.",
            hint="The report beside it shows every check.",
        )
    return Outcome.FINISHED


def _bytes_of(network: LoadedNetwork) -> int:
    """The least that the 32-bit file takes: its weights."""
    return sum(4 * weights.numel() for weights in network.module.parameters())


def export(network: LoadedNetwork, config: ExportConfig, told: Told) -> dict[str, Any]:
    """Write the files that a config asks for and give the verification as plain JSON.

    "verified" is that of the 32-bit ONNX file: true, false, or null when no check was wanted;
    "files" has a row for each file with its checks, "left_out" one for each that cannot be made,
    "timings" one for each measurement, "latency" those for one image, "int8" is the row of the
    8-bit ONNX file.
    """
    check_installed(config.kinds)
    export = _Export(network, config, told)
    with TemporaryDirectory() as folder:
        return export.run(Path(folder))


@dataclass(frozen=True)
class _File:
    """One file with all that is known of it."""

    info: KindInfo
    made: Made
    record: FileRecord
    everywhere: Made | None = None
    """Of a graph that lists its objects: the same before that."""


class _Export:
    """One export: the graph, the files made of it, their proofs, their times."""

    def __init__(self, network: LoadedNetwork, config: ExportConfig, told: Told) -> None:
        self.network, self.config, self.told = network, config, told
        run = JobDir(config.run_directory)
        self.snapshot: Snapshot = read_snapshot(run.snapshot)
        self.report = read_report(run)
        self.counts = thresholds_of(config.run_directory)
        """From which scores answers count: in the files, and where they are held to the run."""
        self.inside = config.suppress_inside and not lists_already(network)
        if self.inside:
            check_possible(network)
        self.plain: FileRecord
        """What is told of a file that leaves doubles in."""
        self.content: dict[str, Any] = {}

    def run(self, folder: Path) -> dict[str, Any]:
        self.told.phase("Writing ONNX")
        graph = to_onnx(self.network, opset=self.config.opset)
        listed = self._listed(graph)
        self.plain = self._record(graph, inside=False)
        record = self._record(listed, inside=True) if self.inside else self.plain
        if record.warning:
            self.told.note(record.warning)
        self.content = _head(record, listed)
        reference = self._reference() if self.config.verify else None
        rows: list[dict[str, Any]] = self.content["files"]
        try:
            self._make_all(rows, graph, record, folder, reference)
            if reference is not None:
                self._time(rows, reference)
        except Stopped:
            if rows:  # what was proven before keeps its certificate
                self._save()
            raise
        if FileKind.TENSORRT in self.config.kinds:
            first = self.config.output.with_name(rows[0]["file"])
            rows.append(self._script(first, reference))
        return self._save()

    def _make_all(
        self, rows: list[dict[str, Any]], graph: onnx.ModelProto, record: FileRecord, folder: Path,
        reference: Reference | None,
    ) -> None:  # fmt: skip
        """Make and prove one file after the other, and tell of each in `rows`."""
        graphs = {Precision.FLOAT32: graph}
        for kind in self.config.kinds:
            if kind is FileKind.TENSORRT:
                continue
            try:
                file = self._make(KINDS[kind], graphs, record)
                rows.append(self._finish(file, folder, reference))
            except (EngineRefusal, FormatError) as error:
                if kind is FileKind.ONNX:
                    raise
                self._leave_out(kind, error)

    def _record(self, graph: onnx.ModelProto, *, inside: bool) -> FileRecord:
        return record_of(
            self.network, graph, run=self.config.run_directory.name, report=self.report,
            window=self.snapshot.window, inside=inside,
            counts=self.counts,
        )  # fmt: skip

    # -- making

    def _listed(self, graph: onnx.ModelProto) -> onnx.ModelProto:
        return with_suppression(graph, len(self.network.classes)) if self.inside else graph

    def _make(
        self, info: KindInfo, graphs: dict[Precision, onnx.ModelProto], record: FileRecord
    ) -> _File:
        """One file from the graph in its precision, which is made when it is first asked for."""
        self.told.phase(f"Making {info.title}")
        own = replace(record, precision=info.precision.value)
        if info.engine is Engine.OPENVINO:
            versions = {**record.versions, "openvino": metadata.version("openvino")}
            own = replace(own, versions=versions)
        if info.engine is Engine.TORCHSCRIPT:
            return _File(info, make_script(self.network), self.plain)
        # OpenVINO takes the 32-bit graph and shortens the weights itself.
        half = info.engine is Engine.OPENVINO and info.precision is Precision.FLOAT16
        precision = Precision.FLOAT32 if half else info.precision
        if precision not in graphs:
            graphs[precision] = self._reduced(graphs[Precision.FLOAT32], precision)
        graph = graphs[precision]

        def wrapped(model: onnx.ModelProto) -> Made:
            is_onnx = info.engine is Engine.ONNX
            return MadeOnnx(model) if is_onnx else make_openvino(model, half=half)

        before = wrapped(graph) if self.inside else None
        return _File(info, wrapped(self._listed(graph)), own, before)

    def _reduced(self, graph: onnx.ModelProto, precision: Precision) -> onnx.ModelProto:
        kept = float_nodes(self.network, precision)
        if precision is Precision.FLOAT16:
            return halve(graph, keep_float=kept)
        self.told.phase("Calibrating 8 bits with training images")
        return quantise(graph, calibration(self.network, self.snapshot), keep_float=kept)

    def _leave_out(self, kind: FileKind, error: CVStudioError) -> None:
        """Tell of a file that cannot be made of this network; the others are made."""
        title, why = KINDS[kind].title, f"{error.message} {error.hint}".strip()
        self.content["left_out"].append({"kind": kind.value, "title": title, "why": why})
        self.told.note(f"{title} is left out. {why}")

    # -- proving

    def _reference(self) -> Reference:
        split, images = judged_images(self.snapshot.images)
        if split != Split.VAL:
            self.told.note(f"There are no val images: the files are held to {split} images.")
        some = compared_images(images, self.snapshot.images, self.config.parity_images)
        if len(some) < self.config.parity_images:
            self.told.note(
                f"The run has only {counted(len(some), 'image')} to compare number by number."
            )
        more = further_images(images, self.snapshot.images)
        reference = refer(
            self.network, images, some, more=more, counts=self.counts, told=self.told
        )  # fmt: skip
        self.content |= {
            "split": split,
            "images": len(reference.predictions),
            "parity_images": len(reference.rgbs),
            "metric": best_metric(self.network.task, several=self.network.several),
            "reference": reference.metric,
            "score": self.counts.common,
            "counted_from": counted_from(self.counts, self.network),
            "allowed_drop": self.config.allowed_drop,
        }
        return reference

    def _finish(self, file: _File, folder: Path, reference: Reference | None) -> dict[str, Any]:
        """Prove a file, write it under the name that it deserves, and tell of it."""
        info, row = file.info, {"kind": file.info.kind.value, "title": file.info.title}
        row |= {"engine": info.engine.value, "precision": info.precision.value}
        path = named(self.config.output, info)
        if reference is None:
            file.made.write(path, file.record)
            return {**row, "verified": None, "checks": [], **_size_of(path)}
        trial = folder / f"trial{info.ending}{info.suffix}"
        file.made.write(trial, file.record)
        _, digest = contents_of(trial)
        found = self._prove(file, trial, reference)
        certificate = self._certificate(file, found, reference)
        path = path if found.passed else path.with_stem(path.stem + UNVERIFIED)
        file.made.write(path, sealed(file.record, certificate, digest))
        if contents_of(path)[1] != digest:
            raise RunError(
                f"Writing the certificate into {path.name} changed what the file computes.",
                hint="Report this: the file is not to be used.",
            )
        if not found.passed:
            why = why_not({**certificate, "title": info.title})
            self.told.note(f"{why} It is marked as unverified.")
        drop = _difference(reference.metric, found.metric)
        return {
            **row, "verified": found.passed, "checks": certificate["checks"], **_size_of(path),
            "measured": found.metric, "drop": drop, "differences": _worst(found), **_by(found),
        }  # fmt: skip

    def _prove(self, file: _File, path: Path, reference: Reference) -> Proof:
        everywhere = None
        if file.everywhere is not None:
            plain = path.with_name(f"everywhere{file.info.ending}{file.info.suffix}")
            record = replace(self.plain, precision=file.info.precision.value)
            file.everywhere.write(plain, record)
            everywhere = open_exported(plain)
        limits = proof.limits_for(file.info.precision, self.config.allowed_drop)
        return prove(
            self.network,
            path,
            file.info,
            file.record,
            reference,
            limits,
            self.told,
            everywhere=everywhere,
        )  # fmt: skip

    def _certificate(self, file: _File, found: Proof, reference: Reference) -> dict[str, Any]:
        return {
            "verified": found.passed,
            "made": self.content["made"],
            "split": self.content["split"],
            "images": self.content["images"],
            "parity_images": self.content["parity_images"],
            "metric": self.content["metric"],
            "reference": reference.metric,
            "measured": found.metric,
            "counted_from": self.content["counted_from"],
            "checks": proof.as_json(found.checks),
            **_by(found),
        }

    # -- times and words

    def _time(self, rows: list[dict[str, Any]], reference: Reference) -> None:
        self.told.phase("Timing the files and the checkpoint")
        contenders = [timing.checkpoint(self.network)]
        for row in rows:
            path = self.config.output.with_name(row["file"])
            contenders += timing.contenders_of(path, FileKind(row["kind"]))
        image = open_exported(self.config.output.with_name(rows[0]["file"])).preprocessor.prepare(
            reference.rgbs[0]
        )[0]
        found = timing.table(
            contenders, image, batches=self.config.time_batches,
            thread_counts=self.config.time_threads, stopped=self.told.stopped,
        )  # fmt: skip
        if self.told.stopped():
            raise Stopped
        self.content["timings"] = found
        self.content["latency"] = [
            row for row in found
            if row["batch"] == self.config.time_batches[0] and row["threads"] in (
                0, max(r["threads"] for r in found))
        ]  # fmt: skip
        faster = timing.speed_ups(
            found, of=KINDS[FileKind.ONNX].title, batch=self.config.time_batches[0]
        )
        for row in rows:
            row["speed_up"] = faster[row["title"]]

    def _script(self, onnx_file: Path, reference: Reference | None) -> dict[str, Any]:
        info = KINDS[FileKind.TENSORRT]
        path = named(self.config.output, info)
        files = write_script(path, onnx_file, reference.rgbs[:2] if reference else ())
        return {
            "kind": info.kind.value, "title": info.title, "engine": info.engine.value,
            "precision": info.precision.value, "verified": None, "checks": [], **_size_of(path),
            "beside": [file.name for file in files if file != path],
        }  # fmt: skip

    def _save(self) -> dict[str, Any]:
        """Write FILE.verification.json beside each file and give the content of the first."""
        rows: list[dict[str, Any]] = self.content["files"]
        self.content |= {key: value for key, value in rows[0].items() if key != "checks"}
        onnx_rows = [row for row in rows if row["engine"] == Engine.ONNX]
        self.content["checks"] = [check for row in onnx_rows for check in row["checks"]]
        eight = next((r for r in rows if r["kind"] == FileKind.ONNX_INT8), None)
        self.content["int8"] = None if eight is None else {**eight, "metric": eight.get("measured")}
        common = {key: value for key, value in self.content.items() if key not in rows[0]}
        for row in rows[1:]:
            own = {**common, "main": rows[0]["file"], **row, "files": [], "int8": None}
            self._write_beside(row["file"], own)
        self._write_beside(rows[0]["file"], self.content)
        return self.content

    def _write_beside(self, name: str, content: dict[str, Any]) -> None:
        path = self.config.output.with_name(name)
        write_json(path.with_suffix(".verification.json"), content)


def named(output: Path, info: KindInfo) -> Path:
    """Where a file of a kind lies, when the 32-bit ONNX file is `output`."""
    return output.with_name(f"{output.stem}{info.ending}{info.suffix}")


def _head(record: FileRecord, model: onnx.ModelProto) -> dict[str, Any]:
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": record.run["name"],
        "task": record.task.value,
        "network": record.network,
        "warning": record.warning,
        "input": record.input,
        "outputs": list(record.outputs),
        "opset": next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")),
        "verified": None,
        "checks": [],
        "files": [],
        "left_out": [],
        "timings": [],
        "latency": [],
        "int8": None,
    }


def _size_of(path: Path) -> dict[str, Any]:
    """Name, size and sha256 of a file, the size with the weights that may lie beside it."""
    data = path.read_bytes()
    beside = path.with_suffix(".bin") if path.suffix == ".xml" else None
    size = len(data) + (beside.stat().st_size if beside else 0)
    return {"file": path.name, "size": size, "sha256": hashlib.sha256(data).hexdigest()}


def _by(found: Proof) -> dict[str, Any]:
    """By what a file of fewer bits was judged, with how far its answers agree; and where it could
    not be judged, why."""
    if found.judged is None or found.agreement is None:
        return {}
    judged = found.judged
    return {
        "judged_by": judged.by.value, "agreement": found.agreement.to_json(),
        "unjudged": judged.unjudged, "because": judged.because,
    }  # fmt: skip


def _worst(found: Proof) -> list[dict[str, Any]]:
    worst = sorted(found.differences.items(), key=lambda item: -item[1])[:4]
    return [{"image": image, "value": value} for image, value in worst]


def _difference(reference: float | None, value: float | None) -> float | None:
    return None if reference is None or value is None else reference - value

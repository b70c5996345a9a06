"""Files of other engines, made from the proven graph or from the network: written and opened.

A `Made` is one file before it has a name: it can be written with a record inside, and opened again.
"""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from cvstudio.core.errors import FormatError, RunError
from cvstudio.core.export_kinds import KINDS, Engine, FileKind
from cvstudio.core.jobdir import replace_file
from cvstudio.core.networks import network as network_info
from cvstudio.ml.environment import threads
from cvstudio.ml.exporting.certificate import SCRIPT_ENTRY, contents_of
from cvstudio.ml.exporting.graph import PlainNetwork, example, quiet_tracing, takes_any_size
from cvstudio.ml.exporting.record import record_text, with_record
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.onnx_file import KEY, FileRecord
from cvstudio.ml.predict import ExportedNetwork, OnnxNetwork


class Made(Protocol):
    """One file before it has a name."""

    def write(self, path: Path, record: FileRecord) -> None:
        """Write it with that record inside."""
        ...


@dataclass(frozen=True)
class MadeOnnx:
    """An ONNX graph."""

    model: onnx.ModelProto

    def write(self, path: Path, record: FileRecord) -> None:
        replace_file(path, with_record(self.model, record))


_BLOCK = 2**16
"""Bytes free on a disk that was filled: what is written last comes in pieces."""


@dataclass(frozen=True)
class MadeOpenVino:
    """OpenVINO's own form of a graph: a description, and beside it a file of weights."""

    model: Any
    half: bool

    def write(self, path: Path, record: FileRecord) -> None:
        openvino = _openvino()
        self.model.set_rt_info(record_text(record), [KEY])
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".openvino-", dir=path.parent) as folder:
            part = Path(folder) / path.name
            try:
                openvino.save_model(self.model, part, compress_to_fp16=self.half)
            except RuntimeError as error:
                if shutil.disk_usage(folder).free < _BLOCK:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path) from error
                raise RunError(
                    f"OpenVINO could not write {path.name}.", hint=_says("OpenVINO", error)
                ) from error
            # Weights first: a description without its weights could not be opened.
            for suffix in (".bin", path.suffix):
                part.with_suffix(suffix).replace(path.with_suffix(suffix))


@dataclass(frozen=True)
class MadeScript:
    """A traced and frozen TorchScript archive."""

    archive: bytes

    def write(self, path: Path, record: FileRecord) -> None:
        content = io.BytesIO(self.archive)
        with zipfile.ZipFile(content, "a", zipfile.ZIP_STORED) as archive:
            root = archive.namelist()[0].partition("/")[0]
            archive.writestr(f"{root}/{SCRIPT_ENTRY}", record_text(record))
        replace_file(path, content.getvalue())


_FAILURES = (
    "GeneralFailure", "NotImplementedFailure", "OpConversionFailure", "OpValidationFailure",
)  # fmt: skip
"""What OpenVINO raises for operators that it does not know; none is a RuntimeError."""


def make_openvino(model: onnx.ModelProto, *, half: bool = False) -> MadeOpenVino:
    """An ONNX graph as OpenVINO keeps it; `half`: with weights in 16 bits.

    Raises EngineMissing when OpenVINO is not installed, EngineRefusal when it cannot take it.
    """
    openvino = _openvino()
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.metadata_props[:]
    failures: tuple[type[Exception], ...] = (
        RuntimeError, *(getattr(openvino.frontend, name) for name in _FAILURES)
    )  # fmt: skip
    try:
        return MadeOpenVino(openvino.convert_model(io.BytesIO(bare.SerializeToString())), half)
    except failures as error:
        raise EngineRefusal(
            "OpenVINO cannot take this network.", hint=_says("OpenVINO", error)
        ) from error


def make_script(network: LoadedNetwork) -> MadeScript:
    """The network as TorchScript, traced with two images and frozen; no path of this computer is
    in it. Raises EngineRefusal where a network cannot be traced."""
    module = PlainNetwork(network, dynamic=takes_any_size(network)).eval()
    content = io.BytesIO()
    try:
        with quiet_tracing(), torch.no_grad():
            # Tracing twice to compare would take the time of a second trace; the proof compares.
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                module, example(network), check_trace=False
            )
            torch.jit.save(torch.jit.freeze(traced), content)
    except RuntimeError as error:
        title = network_info(network.config.network).title
        raise EngineRefusal(
            f"{title} cannot be written as TorchScript.", hint=_says("PyTorch", error)
        ) from error
    return MadeScript(_without_origins(content.getvalue()))


def _without_origins(archive: bytes) -> bytes:
    """A TorchScript archive without the entries that tell which line of which file each step came
    from; they name folders of this computer, and nothing needs them."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as target,
    ):
        for name in source.namelist():
            if not name.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(name), source.read(name))
    return result.getvalue()


# -- opening


def open_exported(
    path: Path, *, thread_count: int | None = None, record: FileRecord | None = None
) -> ExportedNetwork:
    """An exported file of any engine, ready to answer on this computer's processor.

    `record` stands in for that of the file. Raises FormatError when it cannot be used, RunError
    when its engine is not installed.
    """
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise FormatError(f"{path.name} is none of: {', '.join(_OPENERS)}.", path=path)
    return opener(path, thread_count or threads(), record)


def _open_onnx(path: Path, thread_count: int, record: FileRecord | None) -> ExportedNetwork:
    found = OnnxNetwork(path, thread_count=thread_count)
    return found if record is None else ExportedNetwork(record, found.outputs)


def _open_openvino(path: Path, thread_count: int, record: FileRecord | None) -> ExportedNetwork:
    openvino = _openvino()
    # In the numbers that the file says, not in those that this processor would be fastest with.
    how = {"INFERENCE_NUM_THREADS": thread_count, "INFERENCE_PRECISION_HINT": "f32"}
    try:
        compiled = openvino.Core().compile_model(path, "CPU", how)
    except RuntimeError as error:
        raise FormatError(f"{path.name} is not a usable OpenVINO file.", path=path) from error

    def compute(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        with _refusing("OpenVINO", batch):
            answers = compiled([batch])
        return [np.array(answers[output]) for output in compiled.outputs]

    return ExportedNetwork(record or _record_in(path), compute)


def _open_script(path: Path, thread_count: int, record: FileRecord | None) -> ExportedNetwork:
    import torchvision  # noqa: F401  # its operators may be in the file

    try:
        module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise FormatError(f"{path.name} is not a usable TorchScript file.", path=path) from error

    def compute(batch: NDArray[np.float32]) -> list[NDArray[Any]]:
        with torch.no_grad(), _refusing("TorchScript", batch):
            return [output.numpy() for output in module(torch.from_numpy(batch))]

    return ExportedNetwork(record or _record_in(path), compute)


@contextmanager
def _refusing(engine: str, batch: NDArray[np.float32]) -> Iterator[None]:
    """Say in words what an engine cannot compute: some networks become files for one size alone."""
    try:
        yield
    except RuntimeError as error:
        sides = " x ".join(map(str, batch.shape))
        raise EngineRefusal(
            f"{engine} cannot compute an input of {sides}.", hint=_says(engine, error)
        ) from error


def _record_in(path: Path) -> FileRecord:
    return FileRecord.from_text(contents_of(path)[0], name=path.name)


_OPENERS: dict[str, Callable[[Path, int, FileRecord | None], ExportedNetwork]] = {
    ".onnx": _open_onnx,
    ".xml": _open_openvino,
    ".pt": _open_script,
}


def check_installed(kinds: tuple[FileKind, ...]) -> None:
    """Raise RunError, with what to install, when an engine of a wanted file is missing."""
    if any(KINDS[kind].engine is Engine.OPENVINO for kind in kinds):
        _openvino()


def _openvino() -> Any:
    # Its import alone would tell Intel about it, over the network, where this package is found;
    # without it OpenVINO uses a stand-in of its own that tells nobody.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino  # type: ignore[import-untyped]
    except ImportError as error:
        raise EngineMissing from error
    return openvino


class EngineRefusal(RunError):
    """An engine cannot take a network."""


class EngineMissing(RunError):
    """OpenVINO is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "OpenVINO is not installed.", hint='Install it with: pip install "cvstudio[openvino]"'
        )


_NO_REASON = re.compile(r"""
    .*:$                                 # leads to what the next line says
    | .*\.py"?(\(\d+\)|,\ line\ \d+).*   # a place in the engine's own program
    | To\ facilitate\ .* | --\ Conversion\ is\ failed\ .*
""", re.VERBOSE)  # fmt: skip
_BEFORE_REASON = re.compile(r"^(\w+Error: |-- |:)")


def _says(engine: str, error: Exception) -> str:
    """Why an engine refuses, in its own words: of its message the last line that gives a reason."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reasons = [line for line in lines if not _NO_REASON.fullmatch(line)] or lines[:1]
    if not reasons:
        return ""
    reason = _BEFORE_REASON.sub("", reasons[-1]).rstrip(".:")
    return f"{engine} says: {reason}."

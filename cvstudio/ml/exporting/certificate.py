"""What makes an exported file the proven one: its certificate, and whether both still belong
together.

The certificate stands inside the file, in its record (onnx_file.py). It names the sha256 of the
file's computation, which is everything but that record, and is sealed by the sha256 of record,
certificate and computation together. That finds what was changed by accident or by a tool; it is
no signature, since whoever changes a file on purpose can seal it anew. No torch is needed here.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError, tostring

import onnx
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from cvstudio.core.errors import FormatError
from cvstudio.core.export_kinds import Precision
from cvstudio.core.proof import counted_from, figure, in_common, unproven
from cvstudio.core.words import counted
from cvstudio.ml.onnx_file import KEY, FileRecord

GRAPH, SEAL = "computation_sha256", "seal_sha256"
"""The names in a certificate under which the hashes stand."""
SCRIPT_ENTRY = f"extra/{KEY}.json"
"""Where a TorchScript file keeps the record, below the folder that all its entries are in."""


class Standing(StrEnum):
    """How a file stands to its certificate."""

    PROVEN = "proven"
    FAILED = "failed"
    UNPROVEN = "unproven"
    CHANGED = "changed"


@dataclass(frozen=True)
class FileCheck:
    """What was found out about a file: how it stands, in words, and what it says of itself."""

    standing: Standing
    words: str
    record: FileRecord
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "standing": self.standing.value, "words": self.words, "task": self.record.task.value,
            "run": self.record.run, "precision": self.record.precision, GRAPH: self.digest,
            "certificate": self.record.verification,
        }  # fmt: skip


def sealed(record: FileRecord, certificate: dict[str, Any], digest: str) -> FileRecord:
    """The record with its certificate, bound to a computation."""
    whole = replace(record, verification={**certificate, GRAPH: digest})
    return replace(record, verification={**certificate, GRAPH: digest, SEAL: _seal(whole)})


def _seal(record: FileRecord) -> str:
    """The hash of a record with its certificate, without the seal."""
    content = record.to_json()
    content["verification"] = {k: v for k, v in content["verification"].items() if k != SEAL}
    plain = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def check_file(path: Path) -> FileCheck:
    """Whether an exported file is the one that was proven.

    Raises FormatError when it is none that CVStudio exported, or cannot be read.
    """
    text, digest = contents_of(path)
    record = FileRecord.from_text(text, name=path.name)
    found = record.verification
    if found is None:
        return FileCheck(Standing.UNPROVEN, _UNPROVEN, record, digest)
    if found.get(GRAPH) is None:
        return FileCheck(Standing.UNPROVEN, _OLD, record, digest)
    if found[GRAPH] != digest:
        return FileCheck(Standing.CHANGED, _CHANGED_GRAPH, record, digest)
    if found.get(SEAL) != _seal(record):
        return FileCheck(Standing.CHANGED, _CHANGED_RECORD, record, digest)
    if why := unproven(found):
        return FileCheck(Standing.UNPROVEN, f"This file is not proven: {why}", record, digest)
    if found["verified"] is not True:
        return FileCheck(Standing.FAILED, _FAILED, record, digest)
    return FileCheck(Standing.PROVEN, _proven(record, found), record, digest)


def _proven(record: FileRecord, found: dict[str, Any]) -> str:
    """What was proven: the same answers, or with fewer bits what they cost."""
    run = record.run["name"]
    did = f"it answered like {run}"
    before, after = found["reference"], found["measured"]
    if shared := in_common(found):
        images = counted(found["agreement"]["images"], "image")
        said = f"This is the proven file: on {images} it gives {shared} as {run} does."
        return f"{said} {counted_from(found)}".strip()
    if record.precision != Precision.FLOAT32 and before is not None and after is not None:
        did = f"it lost {figure(max(before - after, 0.0))} of {found['metric']} against {run}"
    said = f"This is the proven file: on {found['images']} {found['split']} images {did}."
    return f"{said} {counted_from(found)}".strip()


_UNPROVEN = "Nobody asked whether this file answers like the run that it was made from."
_OLD = (
    "An earlier version wrote the certificate, without the hash that would tell whether the file"
    " was changed since."
)
_CHANGED_GRAPH = (
    "What this file computes was changed after it was proven: the certificate does not hold for it."
)
_CHANGED_RECORD = (
    "What this file says of itself was changed after it was proven: classes, thresholds and"
    " certificate cannot be relied on."
)
_FAILED = "This file does not answer like the run that it was made from. Do not use it."


# -- what a file computes, and what it says


def contents_of(path: Path) -> tuple[str | None, str]:
    """The record of a file, as text (None: it has none), and the sha256 of what it computes.

    Raises FormatError.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise FormatError(f"{path.name} is none of: {', '.join(_READERS)}.", path=path)
    try:
        return read(path)
    except FileNotFoundError as error:
        raise FormatError(f"There is no file {error.filename or path}.", path=path) from error
    except (DecodeError, ParseError, DefusedXmlException, zipfile.BadZipFile, ValueError) as error:
        raise FormatError(f"{path.name} cannot be read: it is damaged.", path=path) from error


def graph_digest(model: onnx.ModelProto) -> str:
    """The sha256 of an ONNX model without its metadata."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.metadata_props[:]
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).hexdigest()


def _read_onnx(path: Path) -> tuple[str | None, str]:
    model = onnx.load(path)
    kept = {entry.key: entry.value for entry in model.metadata_props}
    return kept.get(KEY), graph_digest(model)


def _read_openvino(path: Path) -> tuple[str | None, str]:
    """The network's description without what is told about it, and the weights beside."""
    tree = fromstring(path.read_bytes())
    record = None
    for told in tree.findall("rt_info"):
        for entry in told.findall(KEY):
            record = entry.get("value")
        tree.remove(told)
    digest = hashlib.sha256(tostring(tree))
    with path.with_suffix(".bin").open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return record, digest.hexdigest()


def _read_script(path: Path) -> tuple[str | None, str]:
    """Every entry of the archive with its name, but the record."""
    record = None
    digest = hashlib.sha256()
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            inside = name.partition("/")[2]
            content = archive.read(name)
            if inside == SCRIPT_ENTRY:
                record = content.decode()
                continue
            digest.update(inside.encode() + b"\0" + hashlib.sha256(content).digest())
    return record, digest.hexdigest()


_READERS: dict[str, Callable[[Path], tuple[str | None, str]]] = {
    ".onnx": _read_onnx,
    ".xml": _read_openvino,
    ".pt": _read_script,
}

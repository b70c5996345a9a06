"""The files that a network can leave in: engine and precision of each, in words that are shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Engine(StrEnum):
    """What runs a file."""

    ONNX = "onnx"
    OPENVINO = "openvino"
    TORCHSCRIPT = "torchscript"
    TENSORRT = "tensorrt"


class Precision(StrEnum):
    """What the numbers in a file are kept in; the names are those of the file's own record."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"


class FileKind(StrEnum):
    """One kind of exported file."""

    ONNX = "onnx"
    ONNX_FLOAT16 = "onnx-fp16"
    ONNX_INT8 = "onnx-int8"
    OPENVINO = "openvino"
    OPENVINO_FLOAT16 = "openvino-fp16"
    OPENVINO_INT8 = "openvino-int8"
    TORCHSCRIPT = "torchscript"
    TENSORRT = "tensorrt"


@dataclass(frozen=True)
class KindInfo:
    """What is said of a kind of file; `ending` is put behind the stem of the name that was asked
    for, so that every file, and the certificate beside it, has a name of its own."""

    kind: FileKind
    engine: Engine
    precision: Precision
    title: str
    text: str
    ending: str
    suffix: str = ".onnx"


KINDS: dict[FileKind, KindInfo] = {
    info.kind: info
    for info in (
        KindInfo(FileKind.ONNX, Engine.ONNX, Precision.FLOAT32, "ONNX, 32-bit",
                 "Same answers, runs everywhere", ""),
        KindInfo(FileKind.ONNX_FLOAT16, Engine.ONNX, Precision.FLOAT16, "ONNX, 16-bit",
                 "Half the size; fast on graphics cards", "-fp16"),
        KindInfo(FileKind.ONNX_INT8, Engine.ONNX, Precision.INT8, "ONNX, 8-bit",
                 "A quarter of the size, less exact", "-int8"),
        KindInfo(FileKind.OPENVINO, Engine.OPENVINO, Precision.FLOAT32, "OpenVINO, 32-bit",
                 "For Intel processors", "-openvino", ".xml"),
        KindInfo(FileKind.OPENVINO_FLOAT16, Engine.OPENVINO, Precision.FLOAT16, "OpenVINO, 16-bit",
                 "Half the size; weights in 16 bits", "-openvino-fp16", ".xml"),
        KindInfo(FileKind.OPENVINO_INT8, Engine.OPENVINO, Precision.INT8, "OpenVINO, 8-bit",
                 "A quarter of the size, less exact", "-openvino-int8", ".xml"),
        KindInfo(FileKind.TORCHSCRIPT, Engine.TORCHSCRIPT, Precision.FLOAT32, "TorchScript",
                 "For programs with PyTorch, C++ too", "-torchscript", ".pt"),
        KindInfo(FileKind.TENSORRT, Engine.TENSORRT, Precision.FLOAT32, "TensorRT script",
                 "Builds and checks the engine on the NVIDIA computer it is for", "-tensorrt",
                 ".py"),
    )
}  # fmt: skip
"""Every kind of file, in the order in which they are shown and made."""

FIRST_OPSET, LAST_OPSET, USUAL_OPSET = 13, 20, 18
"""Versions of the ONNX operators that a file can be written with: 13 is the first whose 8-bit
weights have a scale for each channel, 20 the last that the exporter of PyTorch knows."""

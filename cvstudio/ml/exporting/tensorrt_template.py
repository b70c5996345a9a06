#!/usr/bin/env python3
"""Build a TensorRT engine from an ONNX file that CVStudio exported, and check it on this computer.

    python THIS_FILE                    build it in 32 bits, check it, keep it as ONNX_FILE.engine
    python THIS_FILE --half             in 16 bits
    python THIS_FILE --batch 16         for up to 16 images at once
    python THIS_FILE --only-check       that ONNX file and samples are the right ones, no TensorRT

It needs TensorRT 8.6 or later, numpy, and PyTorch with CUDA. An engine fits the card and
the version of TensorRT that it was built with: build it where it is going to be used. CVStudio
did not run TensorRT; the engine is proven by nothing but the check that this script makes here.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SETTINGS: dict[str, Any] = json.loads(
    '{"onnx": "", "sha256": "", "samples": "", "input": "images", "shapes": {}}'
)

# end of settings

ALLOWED = {"float32": 1e-2, "float16": 5e-2}
"""The largest difference, beside the largest value of an output, that an engine may show."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build and check; 1 when the engine answers otherwise than the ONNX file."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--onnx", type=Path, default=here(SETTINGS["onnx"]))
    parser.add_argument("--engine", type=Path)
    parser.add_argument("--half", action="store_true", help="16 bits where the card is faster so")
    parser.add_argument("--batch", type=int, default=SETTINGS["shapes"]["max"][0])
    parser.add_argument("--memory", type=float, default=4, help="GiB that building may take")
    parser.add_argument("--only-check", action="store_true")
    chosen = parser.parse_args(arguments)
    problem = wrong_file(chosen.onnx, SETTINGS["sha256"])
    if problem:
        say(problem)
        return 1
    samples = read_samples(here(SETTINGS["samples"])) if SETTINGS["samples"] else []
    say(f"{chosen.onnx.name} is the file that was exported; {len(samples)} samples to check with.")
    if chosen.only_check:
        return 0
    shapes = {**SETTINGS["shapes"]}
    shapes["max"] = [max(chosen.batch, 1), *shapes["max"][1:]]
    built = build(chosen.onnx, shapes, half=chosen.half, gib=chosen.memory)
    engine = chosen.engine or chosen.onnx.with_suffix(".engine")
    engine.write_bytes(built)
    say(f"Wrote {engine} ({len(built) / 1e6:.1f} MB).")
    return check(built, samples, "float16" if chosen.half else "float32")


def say(text: str) -> None:
    """A line for the one who builds."""
    sys.stdout.write(f"{text}\n")


def here(name: str) -> Path:
    """A file beside this one."""
    return Path(__file__).resolve().parent / name


def wrong_file(path: Path, sha256: str) -> str:
    """What is wrong with the ONNX file, in a sentence; "" when it is the one that was exported."""
    if not path.is_file():
        return f"{path} is not there. Put the exported file beside this script, or name it: --onnx"
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        return f"{path} is not the file that this script was made for: its contents differ."
    return ""


def read_samples(path: Path) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """Inputs (1, channels, H, W), each with the answers of the ONNX file."""
    with np.load(path, allow_pickle=False) as kept:
        names = set(kept.files)
        found: list[tuple[np.ndarray, list[np.ndarray]]] = []
        while f"input_{len(found)}" in names:
            number = len(found)
            outputs: list[np.ndarray] = []
            while f"output_{number}_{len(outputs)}" in names:
                outputs.append(kept[f"output_{number}_{len(outputs)}"])
            found.append((kept[f"input_{number}"], outputs))
    return found


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference beside the largest value; infinite where shapes or numbers fail."""
    if ours.shape != theirs.shape or not np.isfinite(theirs).all():
        return float("inf")
    most = float(np.abs(ours).max(initial=0))
    return float(np.abs(ours - theirs).max(initial=0)) / max(most, 1e-6)


def check(
    engine: bytes, samples: Sequence[tuple[np.ndarray, list[np.ndarray]]], precision: str
) -> int:
    """Compare the engine's answers with those of the ONNX file; 1 when they differ too much."""
    worst = 0.0
    for batch, expected in samples:
        answers = run(engine, batch)
        for ours, theirs in zip(expected, answers, strict=True):
            worst = max(worst, largest_difference(ours, theirs))
    allowed = ALLOWED[precision]
    good = worst <= allowed
    say(f"{'passed' if good else 'FAILED'}: largest difference {worst:.2g}, allowed {allowed:g}")
    return 0 if good else 1


# -- what needs TensorRT


def build(onnx: Path, shapes: Mapping[str, Sequence[int]], *, half: bool, gib: float) -> bytes:
    """The engine's bytes."""
    import tensorrt as trt  # type: ignore[import-not-found]

    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    explicit = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    network = builder.create_network(0 if explicit is None else 1 << int(explicit))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx.read_bytes()):
        raise SystemExit("\n".join(str(parser.get_error(i)) for i in range(parser.num_errors)))
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, int(gib * 2**30))
    if half:
        config.set_flag(trt.BuilderFlag.FP16)
    profile = builder.create_optimization_profile()
    profile.set_shape(SETTINGS["input"], *(tuple(shapes[name]) for name in ("min", "opt", "max")))
    config.add_optimization_profile(profile)
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise SystemExit("TensorRT could not build the engine; its own words stand above.")
    return bytes(built)


def run(engine: bytes, batch: np.ndarray) -> list[np.ndarray]:
    """The engine's answers for (N, channels, H, W), in the order of the ONNX file's outputs."""
    import tensorrt as trt
    import torch

    loaded = trt.Runtime(trt.Logger(trt.Logger.WARNING)).deserialize_cuda_engine(engine)
    context = loaded.create_execution_context()
    names = [loaded.get_tensor_name(i) for i in range(loaded.num_io_tensors)]
    given = torch.from_numpy(np.ascontiguousarray(batch)).cuda()
    context.set_input_shape(SETTINGS["input"], tuple(batch.shape))
    context.set_tensor_address(SETTINGS["input"], given.data_ptr())
    held = {}
    for name in names:
        if name != SETTINGS["input"]:
            kind = torch.from_numpy(np.zeros(1, trt.nptype(loaded.get_tensor_dtype(name)))).dtype
            held[name] = torch.empty(tuple(context.get_tensor_shape(name)), dtype=kind).cuda()
            context.set_tensor_address(name, held[name].data_ptr())
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    if not context.execute_async_v3(stream.cuda_stream):
        raise SystemExit("TensorRT could not run the engine; its own words stand above.")
    stream.synchronize()
    return [tensor.cpu().numpy() for tensor in held.values()]


if __name__ == "__main__":
    sys.exit(main())

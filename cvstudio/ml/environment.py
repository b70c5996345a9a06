"""The switches that job processes set before they import a library: offline, quiet, on one leash.

Libraries read these when they are imported, so prepare() comes before the first of them.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path
from typing import Any

import psutil

from cvstudio.core import computer, places
from cvstudio.core.errors import CVStudioError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import network
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.core.snapshot import read_hash
from cvstudio.ml.freed_memory import keep_freed_memory
from cvstudio.ml.late_compiler import import_compiler_late
from cvstudio.ml.weights import weights_path

_SWITCHES = {
    "YOLO_OFFLINE": "true",  # else asks two name servers at import, and downloads on demand
    "YOLO_AUTOINSTALL": "false",  # else installs packages with pip while it runs
    "YOLO_VERBOSE": "true",  # its words belong into run.log
    "ULTRALYTICS_SAFE_LOAD": "1",  # else a weights file can run code
    "HF_HUB_OFFLINE": "1",  # else timm and smp wait up to a minute without a network
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",  # else asks PyPI for a newer version
    "MPLBACKEND": "Agg",  # no windows
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # what deterministic CUDA needs, before CUDA starts
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",  # operations that Apple's GPU lacks run on the processor
}
_SECRETS = ("ULTRALYTICS_API_KEY", "WANDB_API_KEY", "COMET_API_KEY", "CLEARML_API_SECRET_KEY")

_PACKAGES = (
    "cvstudio", "torch", "torchvision", "timm", "segmentation-models-pytorch", "ultralytics",
    "albumentations", "numpy", "opencv-python-headless", "pycocotools", "faster-coco-eval",
)  # fmt: skip


def prepare() -> None:
    """Set every switch; call before importing torch, ultralytics, timm, smp or albumentations."""
    os.environ.update(_SWITCHES)
    for name in _SECRETS:
        os.environ.pop(name, None)
    folder = places.home() / "libraries"
    for name, part in (("YOLO_CONFIG_DIR", "ultralytics"), ("MPLCONFIGDIR", "matplotlib")):
        (folder / part).mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(folder / part)
    # ultralytics would set one thread for everybody; a person's own choice is respected.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads()))
    # Threads that wait in a loop for their partners slow a step down five times as soon as the
    # window, or anything else, uses a core as well; sleeping costs microseconds.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    import_compiler_late()


def threads() -> int:
    """How many threads arithmetic may use.

    OMP_NUM_THREADS where a person has set it; else the cores this process may run on, at most 16.
    """
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    if chosen.isdigit() and int(chosen) > 0:
        return int(chosen)
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), 16)
    return min(os.cpu_count() or 1, 16)


def quiet_ultralytics() -> None:
    """Import ultralytics and switch off everything that would leave this computer."""
    import PIL.Image

    plain_open = PIL.Image.open
    from ultralytics import settings

    # ultralytics replaces it by one that installs a package when a file is no image, and then
    # raises ModuleNotFoundError in the place of Pillow's own error.
    PIL.Image.open = plain_open

    folder = places.home() / "libraries" / "ultralytics"
    wanted: dict[str, Any] = {
        "sync": False,
        "api_key": "",
        "weights_dir": str(places.weights()),
        "runs_dir": str(folder / "runs"),
        "datasets_dir": str(folder / "datasets"),
    }
    loggers = (
        "clearml", "comet", "dvc", "hub", "mlflow", "neptune", "raytune", "tensorboard", "wandb",
        "vscode_msg", "openvino_msg",
    )  # fmt: skip
    wanted.update(dict.fromkeys(loggers, False))
    # A value is written only when it changes: two jobs that start at once must not fight.
    changed = {key: value for key, value in wanted.items() if settings.get(key, value) != value}
    if changed:
        settings.update(changed)  # type: ignore[no-untyped-call]


def describe(device: str) -> dict[str, Any]:
    """What a run's environment.json says of program and computer; no names of people."""
    import torch

    there = computer.installed()
    content: dict[str, Any] = {
        "cvstudio": {"version": there.get("cvstudio", ""), "revision": computer.revision()},
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "processor": computer.processor_name(),
        "cores": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "threads": torch.get_num_threads(),
        "device": device,
        "packages": {name: there.get(name, "missing") for name in _PACKAGES},
        "installed": there,
        "switches": computer.switches(),
        "frozen": bool(getattr(sys, "frozen", False)),
    }
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(device)
        content["gpu"] = {
            "name": properties.name,
            "memory": properties.total_memory,
            "capability": f"{properties.major}.{properties.minor}",
            "driver": computer.driver_version(),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        }
    return content


def record(job: JobDir, config: TrainConfig, *, device: str, processes: int) -> dict[str, Any]:
    """The whole of environment.json: what a second person needs to repeat a run, beside its
    config.json and snapshot.jsonl.gz, whose hashes it names."""
    return describe(device) | {
        "seed": config.seed,
        "deterministic": config.deterministic,
        "processes": processes,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:-1], job.path.name],
        "config": _sha256(job.config),
        "snapshot": read_hash(job.snapshot),
        "weights": _weights(config),
    }


def _weights(config: TrainConfig) -> dict[str, str] | None:
    """The file of weights that the run starts from; None for scratch, no hash where it is gone, as
    it may be when a run goes on."""
    if config.start is Start.SCRATCH:
        return None
    try:
        path = weights_path(config, network(config.network))
    except CVStudioError:
        path = None
    if path is None:
        return {"file": config.weights_file.name if config.weights_file else "", "sha256": ""}
    return {"file": path.name, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

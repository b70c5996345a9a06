"""What this computer can train on, found without torch: nvidia-smi, else the processor's name."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from cvstudio.core.errors import ConfigError

SMI_SECONDS = 5.0


@dataclass(frozen=True)
class Device:
    """A place where networks are trained. Memory in bytes; `busy` is 0 to 1 where it is known."""

    kind: Literal["cuda", "mps", "cpu"]
    name: str
    """As a person would name it: "RTX 4070", "Apple M2", "processor"."""
    memory: int
    used: int
    busy: float | None = None

    @property
    def title(self) -> str:
        """For the header: "RTX 4070 · 5.1 of 12 GB"."""
        return f"{self.name} · {self.used / 2**30:.1f} of {self.memory / 2**30:.0f} GB"


def detect() -> Device:
    """The device that "auto" will take. Call it off the window's thread: nvidia-smi may be slow."""
    gpus = _nvidia()
    return gpus[0] if gpus else processor()


def processor() -> Device:
    """The processor with the computer's memory."""
    memory = psutil.virtual_memory()
    kind: Literal["mps", "cpu"] = "cpu"
    if sys.platform == "darwin" and platform.machine() == "arm64":
        kind = "mps"
    return Device(kind, _processor_name(), memory.total, memory.total - memory.available)


def for_config(wanted: str, found: Device) -> Device:
    """The device that a config's `device` means on this computer. Raises ConfigError."""
    if wanted == "cpu":
        return processor()
    if wanted.startswith("cuda") and found.kind != "cuda":
        raise ConfigError("There is no NVIDIA GPU that can be used on this computer.")
    return found


def cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _nvidia() -> list[Device]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = "--query-gpu=name,memory.total,memory.used,utilization.gpu"
    try:
        answer = subprocess.run(
            [program, query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=SMI_SECONDS,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError):
        return []  # a driver that does not answer cannot train either
    return [device for line in answer.stdout.splitlines() if (device := parse_smi(line))]


def parse_smi(line: str) -> Device | None:
    """One line of nvidia-smi's answer (MiB, per cent); None when it does not name a usable GPU."""
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 4 or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    name = parts[0].removeprefix("NVIDIA ").removeprefix("GeForce ")
    busy = int(parts[3]) / 100 if parts[3].isdigit() else None
    return Device("cuda", name, int(parts[1]) * 2**20, int(parts[2]) * 2**20, busy)


def _processor_name() -> str:
    if sys.platform == "darwin":
        return "Apple processor" if platform.machine() == "arm64" else "Processor"
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return _short(line.partition(":")[2])
    return _short(platform.processor()) or "Processor"


def _short(name: str) -> str:
    """ "Intel(R) Core(TM) i7-1185G7 CPU @ 3.00GHz" becomes "Core i7-1185G7"."""
    for noise in ("(R)", "(TM)", "CPU", "Processor", "Intel", "AMD"):
        name = name.replace(noise, "")
    return " ".join(name.partition("@")[0].split())

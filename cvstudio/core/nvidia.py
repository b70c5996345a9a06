"""NVIDIA's cards as nvidia-smi lists them, and whether the torch that is installed can use them;
asked without importing torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata

SMI_SECONDS = 5.0

COMMAND = "uv pip install --reinstall --torch-backend=auto torch torchvision"
"""Replaces torch by the build that fits the card and its driver."""


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU: memory in bytes, `busy` 0 to 1 where it is known."""

    name: str
    memory: int
    used: int
    busy: float | None


def cards() -> list[Card]:
    """The GPUs that nvidia-smi lists, in torch's order; may take seconds. Empty without a driver
    that answers."""
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
    return [card for line in answer.stdout.splitlines() if (card := parse(line))]


def parse(line: str) -> Card | None:
    """One line of nvidia-smi's answer (MiB, per cent); None when it does not name a usable GPU."""
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 4 or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    name = parts[0].removeprefix("NVIDIA ").removeprefix("GeForce ")
    busy = int(parts[3]) / 100 if parts[3].isdigit() else None
    return Card(name, int(parts[1]) * 2**20, int(parts[2]) * 2**20, busy)


def torch_has_cuda() -> bool:
    """Whether the installed build of torch was made for NVIDIA's cards, by its version's name.

    "2.9.0+cu128" was, "2.9.0+cpu" was not; without a suffix it is PyPI's, which has CUDA on Linux
    only.
    """
    try:
        build = metadata.version("torch").partition("+")[2]
    except metadata.PackageNotFoundError:
        return False
    return build.startswith("cu") or (not build and sys.platform == "linux")


def unused(name: str, *, has_cuda: bool) -> str:
    """Why a card of that name trains nothing, and the command that changes it."""
    if getattr(sys, "frozen", False):
        return (
            f"{name} is not used: this bundle's torch cannot reach it. Update NVIDIA's driver, or"
            " install CVStudio with uv, where torch can be chosen."
        )
    why = "its driver may be too old" if has_cuda else "the installed torch has no CUDA"
    return (
        f"{name} is not used: {why}. This installs the torch that fits: {COMMAND}"
        " (then start CVStudio with uv run --no-sync cvstudio)."
    )

"""What a run was computed with, as far as it can be told without a library of networks."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from cvstudio.core.nvidia import SMI_SECONDS


def processor_name() -> str:
    """The processor as people call it: "Core i7-1185G7"."""
    if sys.platform == "darwin":
        return "Apple processor" if platform.machine() == "arm64" else "Processor"
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return _short(line.partition(":")[2])
    return _short(platform.processor()) or "Processor"


def installed() -> dict[str, str]:
    """The version of every package that is installed here, by its name in lower case."""
    found: dict[str, str] = {}
    for package in metadata.distributions():
        name = package.metadata["Name"]
        if name:  # the remains of a package that was removed have none
            found.setdefault(name.lower(), package.version)
    return dict(sorted(found.items()))


def revision() -> str:
    """The commit of the checkout that this program runs from; "" when it was installed.

    Read from git's own files: git need not be there.
    """
    git = Path(__file__).resolve().parents[2] / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        loose = git / name
        if loose.is_file():
            return loose.read_text(encoding="utf-8").strip()
        for line in (git / "packed-refs").read_text(encoding="utf-8").splitlines():
            if line.endswith(f" {name}"):
                return line.partition(" ")[0]
    except OSError:
        pass  # no checkout, or one whose .git is a file that points elsewhere
    return ""


def driver_version() -> str:
    """NVIDIA's driver; "" without one that answers."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        answer = subprocess.run(
            [program, "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=SMI_SECONDS, check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.partition("\n")[0].strip()


_SWITCHES = ("OMP_", "MKL_", "CUBLAS_", "CUDA_VISIBLE_DEVICES", "NVIDIA_TF32_", "PYTORCH_")


def switches() -> dict[str, str]:
    """The environment variables that change how libraries compute; none of them names a person."""
    return {k: v for k, v in sorted(os.environ.items()) if k.startswith(_SWITCHES)}


def _short(name: str) -> str:
    """ "Intel(R) Core(TM) i7-1185G7 CPU @ 3.00GHz" becomes "Core i7-1185G7"."""
    for noise in ("(R)", "(TM)", "CPU", "Processor", "Intel", "AMD"):
        name = name.replace(noise, "")
    return " ".join(name.partition("@")[0].split())

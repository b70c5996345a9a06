"""Builds the Linux bundle in dist/cvstudio and runs its self-test on a virtual display.

One command: `make bundle`. It needs Xvfb for the last step (Debian: xvfb).
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
LICENCES = ROOT / "build" / "THIRD_PARTY_LICENSES.txt"


def main() -> int:
    """Build, measure and test; the exit code is the self-test's."""
    start = time.monotonic()
    private = ROOT / ".uv" / "bin" / "uv"
    uv = str(private) if private.exists() else "uv"
    subprocess.run(
        [uv, "sync", "--quiet", "--locked", "--group", "packaging"], cwd=ROOT, check=True
    )
    write_licences()
    subprocess.run(
        [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN",
         "packaging/cvstudio.spec"],
        cwd=ROOT, check=True,
    )  # fmt: skip
    bundle = ROOT / "dist" / "cvstudio"
    size = sum(f.stat().st_size for f in bundle.rglob("*") if f.is_file() and not f.is_symlink())
    built = time.monotonic() - start
    print(f"built {bundle} in {built:.0f} s: {size / 1e9:.2f} GB")
    environment = {
        k: v for k, v in os.environ.items() if k not in ("QT_QPA_PLATFORM", "PYTHONPATH")
    }
    command = [str(bundle / "cvstudio"), "selftest"]
    if not environment.get("DISPLAY"):
        if not shutil.which("xvfb-run"):
            print("The self-test needs a display. Install one: sudo apt-get install xvfb xauth")
            return 1
        command = ["xvfb-run", "-a", "-s", "-screen 0 1440x900x24", *command]
    start = time.monotonic()
    code = subprocess.run(command, env=environment, cwd="/", check=False).returncode
    print(f"self-test: {'failed' if code else 'passed'} in {time.monotonic() - start:.0f} s")
    return code


def write_licences() -> None:
    """One file with the licence of every package in the environment, as the bundle must carry."""
    LICENCES.parent.mkdir(exist_ok=True)
    parts = []
    distributions = sorted(
        importlib.metadata.distributions(), key=lambda d: (d.metadata["Name"] or "").lower()
    )
    for distribution in distributions:
        meta = distribution.metadata
        name = meta["License-Expression"] or meta["License"] or "see the text below"
        parts.append(f"{'=' * 100}\n{meta['Name']} {meta['Version']}: {name.splitlines()[0]}\n")
        for file in distribution.files or ():
            if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE")):
                path = Path(str(file.locate()))
                if path.is_file():
                    parts.append(path.read_text(errors="replace"))
    LICENCES.write_text("\n".join(parts))


if __name__ == "__main__":
    sys.exit(main())

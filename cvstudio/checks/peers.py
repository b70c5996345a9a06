"""Other labelling programs to measure beside, each in a throw-away environment of its own.

`cvstudio bench --peers` installs them from PyPI into the folder of caches and drives them by the
scripts in resources/peers, in their own interpreter and without a screen. A peer that cannot be
installed or started is reported as not measured, with the reason; there is never a figure for it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvstudio.core import places
from cvstudio.core.resources import resources

_INSTALLING = 1800.0  # seconds, on a slow line
_RUNNING = 900.0
_READY = "ready"


@dataclass(frozen=True)
class Peer:
    """A program, the requirement that installs it, the script that drives it and its arguments."""

    name: str
    requirement: str
    script: tuple[str, ...]
    needs_opengl: bool = False


NAPARI = Peer("napari", "napari[pyqt6]", ("napari_window.py",), needs_opengl=True)
LABELME = Peer("labelme", "labelme", ("labelling_window.py", "labelme"))
X_ANYLABELING = Peer(
    "x-anylabeling", "x-anylabeling-cvhub[cpu]", ("labelling_window.py", "x-anylabeling")
)


@dataclass(frozen=True)
class Answer:
    """What a peer's script reported, or why there is no report."""

    name: str
    found: dict[str, Any] | None
    reason: str = ""


class Peers:
    """The peers of one run of the benchmarks; not `wanted`, none is installed or asked.

    Each is its newest release for `python`, an interpreter, by default the one that runs this.
    """

    def __init__(self, *, wanted: bool, python: str = sys.executable) -> None:
        self.wanted = wanted
        self._maker = python
        self._failed: dict[str, str] = {}

    @staticmethod
    def folder() -> Path:
        """Where the environments lie; it may be deleted at any time."""
        return places.cache() / "bench-peers"

    def ask(self, peer: Peer, *arguments: object) -> Answer:
        """Run the peer's script with these arguments and return its report."""
        reason = self._failed.get(peer.name) or self._installed(peer)
        if reason:
            self._failed[peer.name] = reason
            return Answer(peer.name, None, reason)
        with _display(peer) as (environment, missing):
            if missing:
                return Answer(peer.name, None, missing)
            return self._run(peer, [str(argument) for argument in arguments], environment)

    def _run(self, peer: Peer, arguments: list[str], environment: dict[str, str]) -> Answer:
        script, *first = peer.script
        arguments = [str(resources() / "peers" / script), *first, *arguments]
        home = self._environment_of(peer) / "home"  # settings of the person stay untouched
        home.mkdir(exist_ok=True)
        environment = {
            **environment, "HOME": str(home), "USERPROFILE": str(home),
            "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home), "XDG_DATA_HOME": str(home),
            "BENCH_STARTED": str(time.time()),
        }  # fmt: skip
        try:
            done = subprocess.run(
                [str(self._python(peer)), *arguments], capture_output=True,
                text=True, timeout=_RUNNING, env=environment, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Answer(peer.name, None, f"it was not done after {_RUNNING / 60:.0f} minutes")
        if done.returncode or not done.stdout.strip():
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            return Answer(peer.name, None, f"it failed: {said}")
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return Answer(f"{peer.name} {found.get('version', '')}".strip(), found)

    def _installed(self, peer: Peer) -> str:
        """Install the peer unless it is there; returns why it could not be, or nothing."""
        folder = self._environment_of(peer)
        if (folder / _READY).is_file():
            return ""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for command in self._installing(peer):
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=_INSTALLING, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return f"could not be installed: {error}"
            if done.returncode:
                said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                return f"could not be installed: {said}"
        (folder / _READY).touch()
        return ""

    def _environment_of(self, peer: Peer) -> Path:
        made_with = zlib.crc32(str(Path(self._maker).resolve()).encode())
        return self.folder() / f"{peer.name}-{made_with:08x}"

    def _python(self, peer: Peer) -> Path:
        folder = self._environment_of(peer) / "env"
        return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def _installing(self, peer: Peer) -> Iterator[Sequence[str]]:
        """The commands that make the environment, by uv where it is there."""
        uv = shutil.which("uv")
        target, python = str(self._environment_of(peer) / "env"), str(self._python(peer))
        if uv:
            yield (uv, "venv", "--python", self._maker, target)
            yield (uv, "pip", "install", "--python", python, peer.requirement)
        else:
            yield (self._maker, "-m", "venv", target)
            yield (python, "-m", "pip", "install", peer.requirement)


@contextmanager
def _display(peer: Peer) -> Iterator[tuple[dict[str, str], str]]:
    """The environment with a display that the peer can draw on, or why there is none.

    OpenGL is software's on all sides; on Linux it takes an X server, a virtual one where there is.
    """
    environment = {**os.environ, "LIBGL_ALWAYS_SOFTWARE": "1"}
    environment.pop("QT_QPA_PLATFORM", None)
    if not peer.needs_opengl:
        yield {**environment, "QT_QPA_PLATFORM": "offscreen"}, ""
        return
    if sys.platform != "linux":
        yield environment, ""
        return
    if shutil.which("Xvfb") is None:
        needs = "" if environment.get("DISPLAY") else "it needs a display or Xvfb, for OpenGL"
        yield {**environment, "QT_QPA_PLATFORM": "xcb"}, needs
        return
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1680x1050x24"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as stream:
            display = f":{stream.readline().strip()}"
        yield {**environment, "QT_QPA_PLATFORM": "xcb", "DISPLAY": display}, ""
    finally:
        server.terminate()
        server.wait()

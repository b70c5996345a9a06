"""Starting, finding again and ending the process of a job.

A job outlives the window that started it: it leads its own session (on Windows its own process
group), and process.json in its directory holds what is needed to find it again. Windows and command
lines that meet the same directory later are equals of the one that started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from cvstudio.core.errors import RunError, file_trouble
from cvstudio.core.jobdir import JobDir, Request, write_json
from cvstudio.core.places_to_run import cluster_of
from cvstudio.core.program import is_frozen, program

CLOCK_SLACK = 3.0
"""Seconds by which two readings of one process's creation time may differ (the clock was set)."""

ASKED_SECONDS, TERMINATE_SECONDS, KILL_SECONDS = 8.0, 3.0, 2.0
"""How long each step of a cancellation waits: together less than 15 seconds."""

_children: dict[Path, subprocess.Popen[bytes]] = {}
"""Processes started here; they must be waited for, and only their parent learns the exit code."""


@dataclass(frozen=True)
class JobProcess:
    """The process of a job: its pid, its creation time (a pid is used again, the pair is not)."""

    pid: int
    created: float
    launched_at: float

    def process(self) -> psutil.Process | None:
        """The living process, or None."""
        if self.pid <= 0:
            return None
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) > CLOCK_SLACK:
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.NoSuchProcess:
            return None


def worker_command(directory: Path) -> list[str]:
    """The command that does the job in a directory, or stands for the cluster that does it."""
    away = cluster_of(directory) is not None
    return program("follow-cluster" if away else "worker", str(directory))


def live_command() -> list[str]:
    """The command that serves previews to the window."""
    return program("live")


def environment() -> dict[str, str]:
    """The environment of a child: output is not held back, a frozen program unpacks for itself."""
    extra = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    if is_frozen():
        extra["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
    return {**os.environ, **extra}


def launch(job: JobDir, *, command: Callable[[Path], Sequence[str]] = worker_command) -> JobProcess:
    """Start a job's process, detached from this one; what it prints goes to run.log.

    Raises RunError when the job is already at work or the program cannot be started.
    """
    if alive(job):
        raise RunError(f"The job in {job.path} is already running.")
    launched_at = time.time()
    try:
        job.clear_requests()
        mend(job)
        clear_halves(job)
        job.keep_reserve()
        with job.log.open("ab") as log:
            child = subprocess.Popen(
                list(command(job.path)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(),
                start_new_session=os.name == "posix",
                creationflags=_windows_flags(),
            )
    except OSError as error:
        raise RunError(f"The job could not be started. {file_trouble(error)}") from error
    _children[job.path] = child
    process = JobProcess(child.pid, _creation_time(child.pid, launched_at), launched_at)
    write_json(_file(job), asdict(process))
    return process


def find(job: JobDir) -> JobProcess | None:
    """The process that was last started for a job; it may be gone. None if there never was one."""
    try:
        data = json.loads(_file(job).read_bytes())
        return JobProcess(int(data["pid"]), float(data["created"]), float(data["launched_at"]))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        # A project may come from elsewhere, damaged: its process is not at work here.
        return JobProcess(0, 0.0, 0.0)


def alive(job: JobDir) -> bool:
    """Whether the job's process is at work."""
    reap(job)
    process = find(job)
    return process is not None and process.process() is not None


def reap(job: JobDir, *, seconds: float = 0.0) -> int | None:
    """The exit code of a process that this program started and that is over: -9 for signal 9.

    None while it works, and for one that another program started. A process that is known to be
    dead may need a moment (`seconds`) until the system gives its code away: its threads end first.
    """
    child = _children.get(job.path)
    if child is None:
        return None
    with suppress(subprocess.TimeoutExpired):
        return child.wait(seconds)
    return None


def end(
    job: JobDir,
    *,
    asked_seconds: float = ASKED_SECONDS,
    terminate_seconds: float = TERMINATE_SECONDS,
    kill_seconds: float = KILL_SECONDS,
) -> None:
    """Cancel a job and its whole tree: ask, then terminate, then kill. Blocks up to 13 seconds.

    Raises RunError when a process survives even that (it waits inside the system's kernel).
    """
    process = find(job)
    root = process.process() if process is not None else None
    if root is None:
        return
    tree = _tree(root)
    job.ask(Request.CANCEL)
    deadline = time.monotonic() + asked_seconds
    while alive(job) and time.monotonic() < deadline:
        tree |= _tree(root)
        time.sleep(0.1)
    tree |= _tree(root)
    _signal(tree, "terminate")
    _, left = psutil.wait_procs(list(tree), timeout=terminate_seconds)
    _signal(set(left), "kill")
    _, left = psutil.wait_procs(left, timeout=kill_seconds)
    reap(job)
    if any(_runs(process) for process in left):
        raise RunError("The job's process cannot be ended: it waits for a device of the computer.")


def mend(job: JobDir) -> None:
    """End the line that a crash may have cut, or the next event would be lost with it."""
    try:
        with job.events.open("rb+") as stream:
            if stream.seek(0, os.SEEK_END) == 0:
                return
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
    except FileNotFoundError:
        return


def clear_halves(job: JobDir) -> None:
    """Take away files that a killed job left half written: a checkpoint is a lot of room."""
    for folder in (job.path, job.checkpoints, job.path / "predictions"):
        for half in folder.glob("*.part"):
            half.unlink(missing_ok=True)


def _file(job: JobDir) -> Path:
    return job.path / "process.json"


def _windows_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0


def _creation_time(pid: int, otherwise: float) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return otherwise


def _tree(root: psutil.Process) -> set[psutil.Process]:
    """A process, its descendants, and on POSIX everything in its session (orphans keep it)."""
    tree = {root}
    with suppress(psutil.NoSuchProcess):
        tree |= set(root.children(recursive=True))
    if os.name == "posix":
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == root.pid:
                    tree.add(process)
            except (ProcessLookupError, PermissionError):
                continue
    return tree


def _signal(processes: set[psutil.Process], method: str) -> None:
    for process in processes:
        try:
            getattr(process, method)()
        except psutil.NoSuchProcess:
            continue


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

"""Starting, hearing and killing the processes of the program: its window and its command line."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

DRIVER = Path(__file__).with_name("window_process.py")


class Window:
    """A window process; everything that it says is kept in `said`."""

    def __init__(self, what: str, project: Path) -> None:
        self.what = what
        self.said: list[dict[str, Any]] = []
        self._lines: queue.Queue[str] = queue.Queue()
        # Files, not pipes: a jammed pipe must never be what stops a window.
        self._errors = (project.parent / f"window-{what}-{time.monotonic_ns()}.err").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVER), what, str(project)],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"},
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def until(self, wanted: Callable[[dict[str, Any]], Any], seconds: float = 60) -> dict[str, Any]:
        """Wait until the window says something that is wanted, and return it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                raise AssertionError(f"not in {seconds} s; {self._report()}") from None
            assert line, f"the window ended with {self.process.wait()}; {self._report()}"
            told = json.loads(line)
            self.said.append(told)
            if "fault" in told and self.what != "tour":
                raise AssertionError(told["fault"])
            if wanted(told):
                return told

    def ended(self, seconds: float = 60) -> int:
        """Wait for its end by itself; what it said until then is in `said`."""
        code = self.process.wait(seconds)
        self._finish()
        return code

    def kill(self) -> None:
        """kill -9; what it said until then is in `said`."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        self._finish()

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self._finish()

    def _finish(self) -> None:
        if self._errors.closed:
            return
        self._reader.join(30)
        while not self._lines.empty():
            line = self._lines.get()
            # The last line may be half a line when the process was killed.
            if line.endswith("\n"):
                self.said.append(json.loads(line))
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()

    def _report(self) -> str:
        self._errors.flush()
        said = self.said[-3:]
        return f"it said last {said} and on stderr {Path(self._errors.name).read_text()[-3000:]}"


def cvstudio(*arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a subcommand as a person at a terminal does."""
    return subprocess.run(
        [sys.executable, "-m", "cvstudio", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=200,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        **more,
    )


def answer(*arguments: object, **more: Any) -> Any:
    """The JSON that a subcommand prints; it must succeed."""
    done = cvstudio(*arguments, "--json", **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_for(true: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something has happened in another process."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s"
        time.sleep(0.05)


def gone(pid: int) -> bool:
    """Whether a process is over."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True

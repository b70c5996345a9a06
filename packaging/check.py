"""Every check of a checkout in one command: style, types, walls, tests.

`--quick` leaves out the tests that train for more than a few seconds.

Tests run in several pytest processes, two at a time: a folder each, and each file of window tests
by itself, so that what one window leaves behind cannot reach another file.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
TESTS = ROOT / "tests"
# A suite that silently shrinks (a file that is no longer collected, a folder that is skipped) must
# not pass: raise this number with the suite.
FEWEST_TESTS = 6700
FEWEST_QUICK = 5800
AT_ONCE = 2
ONE_BY_ONE = ("gui", "faults", "ml")
SLOWEST_FIRST = ("faults", "gui", "ml", "project")
NOTHING_COLLECTED = 5
# Seconds without a word after which a pytest process is ended: far more than pytest gives a test,
# which it cannot end where that stands still outside Python.
STALLED = 1800.0
SOON = 10.0
MOST_LINES = 40
# What mypy must not find in tests: calls, names and modules that the program does not have any
# more. Tests are not annotated as the program is: what else it says of them is no fault.
FAULTS_OF_TESTS = ("attr-defined", "call-arg", "call-overload", "import-not-found", "name-defined")


def main() -> int:
    """Run all checks, even after one failed, and say at the end which did."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="leave out the slow tests")
    arguments = options.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    checks: dict[str, list[str | Path]] = {
        "style": [BIN / "ruff", "check", "."],
        "format": [BIN / "ruff", "format", "--check", "."],
        "types": [BIN / "mypy"],
        "walls": [BIN / "lint-imports"],
    }
    failed = [name for name, command in checks.items() if not run(name, command)]
    if not types_of_tests():
        failed.append("types of tests")
    passed, bad, skipped = run_tests(quick=arguments.quick)
    if bad:
        failed.append(f"tests ({', '.join(bad)})")
    fewest = FEWEST_QUICK if arguments.quick else FEWEST_TESTS
    if passed < fewest:
        print(f"Only {passed} tests passed; at least {fewest} must.")
        failed.append("number of tests")
    print(f"failed: {'; '.join(failed)}" if failed else "every check passed")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    return bool(failed)


def run(name: str, command: list[str | Path]) -> bool:
    """Run one check; its output is shown when it failed."""
    start = time.monotonic()
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout)
    word = "failed" if done.returncode else "passed"
    print(f"== {name}: {word} in {time.monotonic() - start:.0f} s", flush=True)
    return not done.returncode


def types_of_tests() -> bool:
    """Whether the tests call the program as it is, before they run for long to find that out."""
    start = time.monotonic()
    # pytest puts a test's folder on the path, too; conftest.py is in several of them.
    files = [str(p) for p in sorted(TESTS.rglob("*.py")) if p.name != "conftest.py"]
    folders = [TESTS, *(p for p in sorted(TESTS.iterdir()) if any(p.glob("*.py"))), ROOT / "docs"]
    done = subprocess.run(
        [str(BIN / "mypy"), *files],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={**os.environ, "MYPYPATH": os.pathsep.join(str(p) for p in folders)},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    faults = tuple(f"[{code}]" for code in FAULTS_OF_TESTS)
    found = [line for line in lines if line.startswith("tests") and line.endswith(faults)]
    if not lines or "source file" not in lines[-1]:  # mypy gave up, and tells why
        found = lines or ["mypy said nothing"]
    if found:
        print("\n".join(found))
    word = "failed" if found else "passed"
    print(f"== types of tests: {word} in {time.monotonic() - start:.0f} s", flush=True)
    return not found


@dataclass(frozen=True)
class Outcome:
    """How the pytest process of a group ended: `code` is None where it had to be ended."""

    name: str
    code: int | None
    output: str
    seconds: float

    @property
    def end(self) -> str:
        """In words: a crash and a standstill are neither passed nor failed tests."""
        if self.code is None:
            return f"STOOD STILL, ended after {STALLED:.0f} s without a word,"
        if self.code < 0:
            return f"CRASHED by {signal.Signals(-self.code).name}"
        words = {0: "passed", 1: "FAILED", 2: "INTERRUPTED", NOTHING_COLLECTED: "HAS NO TESTS"}
        return words.get(self.code, f"BROKE with code {self.code}")

    @property
    def why(self) -> str:
        """The lines that tell a person the cause: what was raised in which tests, or, where pytest
        came to no summary, the last that the process said."""
        lines = self.output.strip().splitlines()
        told = [n for n in lines if n.startswith(("E  ", "____", "FAILED ", "ERROR "))]
        if self.code != 1 or not told:
            told = lines
        return "\n".join(told[-MOST_LINES:])


def run_tests(*, quick: bool) -> tuple[int, list[str], int]:
    """Run all groups; how many tests passed, which groups failed, how many tests were skipped."""
    passed, bad, skipped = 0, list[Outcome](), 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in pool.map(lambda group: run_group(group, quick=quick), groups()):
            ok = done.code == 0 or (quick and done.code == NOTHING_COLLECTED)
            passed += _count("passed", done.output)
            skipped += _count("skipped", done.output)
            closing = done.output.strip().splitlines()[-1] if done.output.strip() else "no output"
            end = "passed" if ok else done.end
            print(f"== {done.name}: {end} in {done.seconds:.0f} s: {closing}")
            for line in done.output.splitlines():
                if line.startswith("SKIPPED"):
                    print(f"   {line}")
            if not ok:
                bad.append(done)
                print(done.output, flush=True)
    for done in bad:  # once more where everybody looks: at the end
        print(f"\n== {done.name}: {done.end}\n{done.why}")
    return passed, [done.name for done in bad], skipped


def groups() -> list[Path]:
    """What each pytest process gets: a folder of tests, or one file."""
    found: list[Path] = []
    for folder in sorted(p for p in TESTS.iterdir() if p.is_dir() and any(p.glob("test_*.py"))):
        found += sorted(folder.glob("test_*.py")) if folder.name in ONE_BY_ONE else [folder]
    # Long ones first, so that both processors are busy to the end.
    return sorted(found, key=lambda p: not any(part in SLOWEST_FIRST for part in p.parts))


def run_group(group: Path, *, quick: bool) -> Outcome:
    """Run one group in a pytest process of its own."""
    command = [str(BIN / "pytest"), "-q", "-p", "no:cacheprovider", str(group)]
    if quick:
        command += ["-m", "not slow"]
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, stalled = _listen(process)
    code = None if stalled else process.wait()
    name = group.relative_to(TESTS).as_posix()
    return Outcome(name, code, said, time.monotonic() - start)


def _listen(process: subprocess.Popen[bytes]) -> tuple[str, bool]:
    """What a process says until its end, and whether it was ended because it said nothing more."""
    assert process.stdout is not None
    stream, pieces, said, stalled = process.stdout, queue.Queue[bytes](), bytearray(), False

    def read() -> None:
        while piece := os.read(stream.fileno(), 65536):
            pieces.put(piece)
        pieces.put(b"")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            piece = pieces.get(timeout=SOON if stalled or process.poll() is not None else STALLED)
        except queue.Empty:
            if process.poll() is not None:  # what it left behind holds the pipe open
                break
            if stalled or os.name == "nt":
                process.kill()
            else:  # so that it tells where each of its threads stands (faulthandler)
                process.send_signal(signal.SIGABRT)
            stalled = True
            continue
        if not piece:
            break
        said += piece
    return said.decode(errors="replace"), stalled


def _count(word: str, output: str) -> int:
    lines = output.strip().splitlines()
    return sum(int(n) for n in re.findall(rf"(\d+) {word}", lines[-1])) if lines else 0


if __name__ == "__main__":
    sys.exit(main())

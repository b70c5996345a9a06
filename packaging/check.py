"""Every check of a checkout in one command: style, types, walls, tests.

`--quick` leaves out the tests that train for more than a few seconds.

Tests run in several pytest processes, two at a time: a folder each, and each file of window tests
by itself, so that what one window leaves behind cannot reach another file.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
TESTS = ROOT / "tests"
# A suite that silently shrinks (a file that is no longer collected, a folder that is skipped) must
# not pass: raise this number with the suite.
FEWEST_TESTS = 6300
FEWEST_QUICK = 5800
AT_ONCE = 2
ONE_BY_ONE = ("gui", "faults", "ml")
SLOWEST_FIRST = ("faults", "gui", "ml")
NOTHING_COLLECTED = 5
# What mypy must not find in tests: calls, names and modules that the program does not have any
# more. Tests are not annotated as the program is: what else it says of them is no fault.
FAULTS_OF_TESTS = ("attr-defined", "call-arg", "call-overload", "import-not-found", "name-defined")


def main() -> int:
    """Run all checks, even after one failed, and say at the end which did."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="leave out the slow tests")
    arguments = options.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    checks = {
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


def run_tests(*, quick: bool) -> tuple[int, list[str], int]:
    """Run all groups; how many tests passed, which groups failed, how many tests were skipped."""
    passed, bad, skipped = 0, [], 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, code, output, seconds in pool.map(lambda g: run_group(g, quick=quick), groups()):
            ok = code == 0 or (quick and code == NOTHING_COLLECTED)
            passed += _count("passed", output)
            skipped += _count("skipped", output)
            closing = output.strip().splitlines()[-1] if output.strip() else "no output"
            print(f"== {name}: {'passed' if ok else 'FAILED'} in {seconds:.0f} s: {closing}")
            for line in output.splitlines():
                if line.startswith("SKIPPED"):
                    print(f"   {line}")
            if not ok:
                bad.append(name)
                print(output, flush=True)
    return passed, bad, skipped


def groups() -> list[Path]:
    """What each pytest process gets: a folder of tests, or one file."""
    found: list[Path] = []
    for folder in sorted(p for p in TESTS.iterdir() if p.is_dir() and any(p.glob("test_*.py"))):
        found += sorted(folder.glob("test_*.py")) if folder.name in ONE_BY_ONE else [folder]
    # Long ones first, so that both processors are busy to the end.
    return sorted(found, key=lambda p: not any(part in SLOWEST_FIRST for part in p.parts))


def run_group(group: Path, *, quick: bool) -> tuple[str, int, str, float]:
    """Run one group: its name, pytest's exit code, what it printed, and the seconds it took."""
    command = [str(BIN / "pytest"), "-q", "-p", "no:cacheprovider", str(group)]
    if quick:
        command += ["-m", "not slow"]
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    name = group.relative_to(TESTS).as_posix()
    return name, done.returncode, done.stdout, time.monotonic() - start


def _count(word: str, output: str) -> int:
    lines = output.strip().splitlines()
    return sum(int(n) for n in re.findall(rf"(\d+) {word}", lines[-1])) if lines else 0


if __name__ == "__main__":
    sys.exit(main())

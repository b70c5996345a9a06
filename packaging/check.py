"""Every check of a checkout in one command: style, types, walls, tests.

`--quick` leaves out the tests that train for more than a few seconds.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
# A suite that silently shrinks (a file that is no longer collected, a folder that is skipped) must
# not pass: raise this number with the suite.
FEWEST_TESTS = 50


def main() -> int:
    """Run all checks, even after one failed, and say at the end which did."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="leave out the slow tests")
    arguments = options.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    pytest = [BIN / "pytest", "-q", "-p", "no:cacheprovider", "--durations=15"]
    if arguments.quick:
        pytest += ["-m", "not slow"]
    checks = {
        "style": [BIN / "ruff", "check", "."],
        "format": [BIN / "ruff", "format", "--check", "."],
        "types": [BIN / "mypy"],
        "walls": [BIN / "lint-imports"],
    }
    failed = [name for name, command in checks.items() if run(name, command)[0]]
    code, output = run("tests", pytest, show=True)
    passed = sum(int(n) for n in re.findall(r"(\d+) passed", output))
    if code:
        failed.append("tests")
    elif passed < FEWEST_TESTS and not arguments.quick:
        print(f"Only {passed} tests ran; at least {FEWEST_TESTS} must.")
        failed.append("number of tests")
    print(f"failed: {', '.join(failed)}" if failed else "every check passed")
    print(f"{passed} passed, {len(failed)} failed")
    return bool(failed)


def run(name: str, command: list[str | Path], *, show: bool = False) -> tuple[int, str]:
    """Run one check; its output is shown as it comes, or only when it failed."""
    print(f"== {name}", flush=True)
    start = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if show:
            print(line, end="", flush=True)
    code = process.wait()
    if code and not show:
        print("".join(lines))
    print(f"   {'failed' if code else 'passed'} in {time.monotonic() - start:.0f} s", flush=True)
    return code, "".join(lines)


if __name__ == "__main__":
    sys.exit(main())

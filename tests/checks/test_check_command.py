"""`packaging/check.py`: what it says of tests that fail, and of a pytest that dies or hangs."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

HANGS = """
import faulthandler, time
faulthandler.enable()
print("half a word", flush=True)
def stands_here():
    time.sleep(600)
stands_here()
"""
FILE = Path(__file__).parents[2] / "packaging" / "check.py"


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The command, with the tests in `tmp_path` for its own."""
    spec = importlib.util.spec_from_file_location("check_command", FILE)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "check_command", made)  # where its dataclass looks
    spec.loader.exec_module(made)
    monkeypatch.setattr(made, "TESTS", tmp_path)
    return made


def write_test(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "core").mkdir(exist_ok=True)
    (tmp_path / "core" / name).write_text(f"import os\n\n\ndef test_it():\n    {code}\n")


def test_the_cause_of_a_failure_stands_at_the_end_again(
    check: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_test(tmp_path, "test_good.py", "pass")
    write_test(tmp_path, "test_bad.py", "assert 3 == 4, 'the figure strays'")
    passed, bad, _ = check.run_tests(quick=True)
    assert (passed, bad) == (1, ["core"])
    last = capsys.readouterr().out.rpartition("== core: FAILED")[2]
    assert "AssertionError: the figure strays" in last
    assert "test_bad.py::test_it" in last
    assert "short test summary" not in last


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_pytest_that_crashes_is_told_from_tests_that_fail(
    check: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_test(tmp_path, "test_crash.py", "os.abort()")
    assert check.run_tests(quick=True)[1] == ["core"]
    said = capsys.readouterr().out
    assert "== core: CRASHED by SIGABRT in " in said
    last = said.rpartition("== core: CRASHED by SIGABRT")[2]
    assert 'test_crash.py", line 5 in test_it' in last


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_pytest_that_hangs_is_ended_and_says_where_it_stood(
    check: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(check, "STALLED", 10.0)
    monkeypatch.setattr(check, "BIN", tmp_path)
    hangs = tmp_path / "pytest"  # what begins at once: a real one may be slow, and say nothing yet
    hangs.write_text(f"#!{sys.executable} -IS\n{HANGS}")
    hangs.chmod(0o755)
    write_test(tmp_path, "test_it.py", "pass")
    assert check.run_tests(quick=True)[1] == ["core"]
    last = capsys.readouterr().out.rpartition("== core: STOOD STILL, ended after 10 s")[2]
    assert "half a word" in last
    assert "in stands_here" in last

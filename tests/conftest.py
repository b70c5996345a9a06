"""Fixtures for every test: no screen, private folders, and the real data if it is there."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Before torch: on a busy machine, threads that spin while they wait make tests many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
from hypothesis import HealthCheck, settings

# How fast examples are made and tried says something of the machine and nothing of the program;
# the same checkout is tried with the same examples every time. To seek with others:
# pytest --hypothesis-profile=seek
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("same", BUSY, derandomize=True)
settings.register_profile("seek", BUSY, derandomize=False, max_examples=1000)
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--late", type=float, default=0.0, metavar="SECONDS",
        help="threads of the window begin and answer up to so much later, as on a busy computer: "
        "finds tests and pages that lean on their being fast",
    )  # fmt: skip


SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, caches and weights of a test never touch those of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("CVSTUDIO_HOME", str(home))
    return home


@pytest.fixture
def shared_data() -> Path:
    """The folder of real public data; tests that need it skip, and say so, where it is missing."""
    if not SHARED.is_dir():
        pytest.skip(f"real data is not beside this checkout ({SHARED})")
    return SHARED

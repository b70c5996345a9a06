"""Batches that come and go do not fetch their memory from the system again and again."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from cvstudio.ml.freed_memory import keep_freed_memory

BATCHES = """
import resource
import sys
import numpy as np
from cvstudio.ml.environment import prepare

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "job":
    prepare()
for turn in range(12):
    if turn == 2:
        before = faults()
    batch = [np.ones(1_200_000, np.uint8) for _ in range(8)]
    del batch
print((faults() - before) / 10)
"""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other systems decide")


def fetched(how: str, **environment: str) -> float:
    """Page faults of a batch of eight images of 640 px."""
    done = subprocess.run(
        [sys.executable, "-c", BATCHES, how], env={**os.environ, **environment}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout)


@glibc
def test_in_a_job_a_batch_lies_where_the_last_one_lay() -> None:
    elsewhere = fetched("elsewhere")
    assert elsewhere > 500, "the memory of a batch is given back"
    assert fetched("job") < elsewhere / 10


@glibc
def test_a_persons_own_choice_of_memory_is_respected() -> None:
    assert fetched("job", MALLOC_TRIM_THRESHOLD_="1000000") > 500


@pytest.mark.skipif(platform.libc_ver()[0] == "glibc", reason="glibc takes the setting")
def test_systems_without_glibc_are_left_as_they_are() -> None:
    assert not keep_freed_memory()

"""The page of complaints and capabilities names tests; a name that is no test would be a promise
that nothing keeps."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "features.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/\w+/\w+\.py)::(test_\w+)`", PAGE)))


def test_the_page_names_tests() -> None:
    assert len(NAMED) > 100


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_that_the_page_names_is_there(file: str) -> None:
    there = set(re.findall(r"^def (test_\w+)", (ROOT / file).read_text(), re.MULTILINE))
    missing = [name for named, name in NAMED if named == file and name not in there]
    assert not missing

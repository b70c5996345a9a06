"""docs/images shows every page and view as the scripts of docs take them, and small."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cvstudio.gui.analyze.views import VIEWS
from cvstudio.gui.pages import PAGES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import take_screenshots  # noqa: E402


def test_every_page_and_every_view_has_its_picture_in_both_themes() -> None:
    pages = {page.name for page in PAGES}
    views = {f"analyze-{view.name}" for view in VIEWS if view.name != "errors"}
    assert set(take_screenshots.PAGES) == pages | views
    for name in take_screenshots.PAGES:
        for scheme in take_screenshots.SCHEMES:
            assert (DOCS / "images" / f"{name}-{scheme}.png").exists(), f"{name}, {scheme}"


@pytest.mark.parametrize("page", ["README.md", "docs/loop.md", "docs/film.md"])
def test_every_picture_that_a_page_shows_is_there(page: str) -> None:
    file = ROOT / page
    named = re.findall(r"\]\(([^)]+\.png)\)", file.read_text(encoding="utf-8"))
    assert named
    missing = [name for name in named if not (file.parent / name).exists()]
    assert not missing


def test_fewer_colours_leave_a_small_swatch_its_colour(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal((215, 190, 200), 12, (300, 400, 3))
    noise[140:152, 200:212] = (243, 63, 98)  # a class among many pixels of a smear
    path = tmp_path / "page.png"
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(path)
    before = path.stat().st_size
    take_screenshots.fewer_colours(path)
    with Image.open(path) as kept:
        shown = np.asarray(kept.convert("RGB"), int)[142:150, 202:210].reshape(-1, 3).mean(0)
    assert path.stat().st_size < before / 2
    assert np.abs(shown - (243, 63, 98)).max() < 16

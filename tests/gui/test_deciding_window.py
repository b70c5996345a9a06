"""From "0.100 better than run 1" on the first card to the images that decide it."""

from __future__ import annotations

import pytest
from person import Person
from test_analyze import finished_run, judged_page

from cvstudio.core.predictions import Prediction, read_predictions, write_predictions
from cvstudio.core.snapshot import read_snapshot
from cvstudio.gui.widgets.toast import ToastFrame


@pytest.mark.parametrize("by", ["mouse", "key"])
def test_why_a_run_is_better_lists_the_images_that_decide_it(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    older = finished_run(studio_window.project)
    images = [i.id for i in read_snapshot(older.snapshot).of("val")]
    silent = set(images[:3])
    answers = [
        Prediction(a.image_id) if a.image_id in silent else a
        for a in read_predictions(older.predictions("val"))
    ]
    write_predictions(older.predictions("val"), answers)
    finished_run(studio_window.project)
    studio_window.window.resize(1440, 900)
    page = judged_page(studio_window)
    view = page.errors
    studio_window.until(lambda: view.standing.since is not None)
    studio_window.idle()
    if by == "mouse":
        studio_window.click(studio_window.button("Why", view.cards))
    else:
        studio_window.key("B", view.gallery.crops)
    studio_window.until(lambda: view.gallery.chip.isVisible())
    assert view.gallery.chip.text() == "decide against run 1"
    shown = {case.image_id for case in view.gallery.cases()}
    assert shown
    assert shown <= silent
    assert view.gallery.current is not None
    assert view.gallery.current.figure.startswith("0.00 → ")
    (toast,) = studio_window.window.findChildren(ToastFrame)
    assert "Run 2 is better than run 1 by" in toast.accessibleName() + " ".join(
        part.text() for part in toast.findChildren(type(view.gallery.caption))
    )

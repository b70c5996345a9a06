"""Badges on the gallery's pictures: comments that wait, suggestions, labels that were sent back."""

from __future__ import annotations

from person import Person
from PySide6.QtCore import Qt

from cvstudio.core.annotation import Source, State
from cvstudio.core.geometry import Box
from cvstudio.gui.data.page import DataPage
from cvstudio.project import commands, comments, rejecting


def test_an_image_wears_what_waits_for_someone(studio_window: Person) -> None:
    page = studio_window.page("data")
    assert isinstance(page, DataPage)
    studio_window.idle()
    index = page.model.index(page.model.row_of(2))
    area = page.grid.delegate.picture_rect(page.grid.visualRect(index))
    corner = area.adjusted(area.width() // 2, 0, 0, -area.height() * 3 // 4)
    page.grid.scrollTo(index)
    before = page.grid.viewport().grab(corner).toImage()
    assert page.model.badges(2) == ()
    with studio_window.project.transaction("Work") as s:
        comments.add_comment(s, image_id=2, text="Look")
        for _ in range(3):
            commands.add_annotation(
                s, image_id=2, class_id=1, shape=Box(1, 1, 5, 5), source=Source.NETWORK,
                score=0.4, state=State.SUGGESTED,
            )  # fmt: skip
        rejecting.reject(s, image_ids=[2], reason="loose")
    studio_window.idle()
    after = page.grid.viewport().grab(corner).toImage()
    assert before != after
    words = [badge.words for badge in page.model.badges(2)]
    assert words == ["rejected: loose", "1 open comment", "3 suggestions"]
    told = str(page.model.index(page.model.row_of(2)).data(Qt.ItemDataRole.ToolTipRole))
    assert "1 open comment" in told
    assert "3 suggestions" in told
    studio_window.trigger("edit.undo")
    page.model.record(page.model.row_of(2))
    assert page.model.badges(2) == ()

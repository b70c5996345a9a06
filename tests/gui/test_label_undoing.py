"""Undo on the Label page beside work that other threads commit."""

from __future__ import annotations

import pytest
from person import Person

from cvstudio.core.annotation import Review
from cvstudio.core.geometry import Box
from cvstudio.gui.label.page import LabelPage
from cvstudio.project import commands


def test_undo_takes_back_what_was_asked_about_and_not_what_came_during_the_question(
    studio_window: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = studio_window.page("label")
    assert isinstance(label, LabelPage)
    project, ids = studio_window.project, label.order.ids
    told: list[str] = []
    studio_window.studio.toasted.connect(lambda toast: told.append(toast.text))

    def agree_while_a_job_writes(question: str, *_words: object, **_more: object) -> bool:
        with project.transaction("Take in suggestions") as session:
            commands.add_annotation(session, image_id=ids[5], class_id=1, shape=Box(1, 1, 5, 5))
        return True

    with project.transaction("Mark 3 images as reviewed") as session:
        commands.set_review(session, image_ids=ids[1:4], review=Review.REVIEWED)
    monkeypatch.setattr(studio_window.studio, "ask", agree_while_a_job_writes)
    studio_window.trigger("edit.undo")
    assert project.undo_label == "Take in suggestions", "nobody was asked about that"
    assert any("Other work came after that step" in words for words in told)

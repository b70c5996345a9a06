"""Answers about a pipeline that was changed meanwhile are not told of the one that stands now."""

from __future__ import annotations

from typing import Any

import pytest
from patience import until
from person import Person
from PySide6.QtWidgets import QApplication

from cvstudio.augment.catalogue import make_step
from cvstudio.core.annotation import Review
from cvstudio.core.pipeline import Item
from cvstudio.core.wire import Message
from cvstudio.gui.augment.page import AugmentPage
from cvstudio.project import commands, queries

BLUR, CROP, ELASTIC = make_step("blur"), make_step("crop", chance=1.0), make_step("elastic")


class Late:
    """Stands in for the live process: keeps what is asked, and answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], Any, object]] = []

    def request(
        self, kind: str, header: dict[str, Any], *, done: Any, owner: object = None, **_more: Any
    ) -> int:
        self.asked.append((kind, header, done, owner))
        return len(self.asked)

    def drop(self, owner: object) -> None:
        self.asked = [each for each in self.asked if each[3] is not owner]

    def close(self) -> None:
        """Nothing runs."""

    def about(self, kind: str, *items: Item) -> Any:
        """What waits for an answer of that kind about these steps; None before it was asked."""
        wanted = [item.transform for item in items]  # type: ignore[union-attr]
        for asked, header, done, _owner in reversed(self.asked):
            if asked == kind and [step["transform"] for step in header["steps"]] == wanted:
                return done
        return None


@pytest.fixture
def live(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> Late:
    made = Late()
    monkeypatch.setattr(studio_window.studio, "_live", made)
    return made


@pytest.fixture
def page(studio_window: Person, live: Late) -> AugmentPage:
    found = studio_window.page("augment")
    assert isinstance(found, AugmentPage)
    return found


def times(first: float, second: float) -> Message:
    return Message({"times": [[[0], first], [[1], second]], "total": first + second})


def lost_by(place: int) -> Message:
    outcomes = {"whole": 60, "lost": 40}
    told = {"outcomes": outcomes, "lost_by": [[[place], 40]], "images": 9, "count": 200}
    return Message(told)


def losses(page: AugmentPage) -> list[str]:
    return [advice.text for advice in page.advice.advice if "are lost" in advice.text]


def test_times_that_come_after_a_step_was_exchanged_are_not_shown_beside_the_new_one(
    page: AugmentPage, live: Late
) -> None:
    page.pipeline.replace("Begin", (BLUR, CROP))
    until(lambda: live.about("times", BLUR, CROP))
    page.pipeline.replace("Exchange", (ELASTIC, CROP))
    live.about("times", BLUR, CROP)(times(50, 2))
    assert page.side.steps._steps.time((0,)) == ""
    until(lambda: live.about("times", ELASTIC, CROP))
    live.about("times", ELASTIC, CROP)(times(12, 2))
    assert page.side.steps._steps.time((0,)) == "12\N{NO-BREAK SPACE}ms"


def test_losses_that_are_counted_after_steps_changed_places_blame_no_other_step(
    page: AugmentPage, live: Late
) -> None:
    page.pipeline.replace("Begin", (BLUR, CROP))
    until(lambda: live.about("trial", BLUR, CROP))
    page.pipeline.replace("Move", (CROP, BLUR))
    live.about("trial", BLUR, CROP)(lost_by(1))
    assert losses(page) == []
    until(lambda: live.about("trial", CROP, BLUR))
    live.about("trial", CROP, BLUR)(lost_by(0))
    (said,) = losses(page)
    assert said.endswith("100\N{NO-BREAK SPACE}% of them by crop and enlarge.")


def test_until_losses_are_counted_anew_no_step_is_blamed_for_one_that_stood_in_its_place(
    page: AugmentPage, live: Late
) -> None:
    page.pipeline.replace("Begin", (BLUR, CROP))
    until(lambda: live.about("trial", BLUR, CROP))
    live.about("trial", BLUR, CROP)(lost_by(1))
    assert page.side.steps._steps.warned == {(1,)}
    page.pipeline.replace("Move", (CROP, BLUR))
    QApplication.processEvents()
    (said,) = losses(page)
    assert "blur" not in said
    assert (1,) not in page.side.steps._steps.warned


def test_variants_that_come_after_the_last_label_went_are_not_shown_in_place_of_the_words(
    page: AugmentPage, live: Late, studio_window: Person
) -> None:
    page.pipeline.replace("Begin", (BLUR,))
    until(lambda: live.about("augment", BLUR))
    with studio_window.project.transaction("Clear") as s:
        ids = queries.image_ids(s)
        labels = queries.annotations_of(s, ids)
        commands.delete_annotations(s, ids=[a.id for found in labels.values() for a in found])
        commands.set_review(s, image_ids=ids, review=Review.UNLABELLED)
    assert page.stack.currentWidget() is page.empty
    assert live.about("augment", BLUR) is None, "nobody waits for its answer any more"

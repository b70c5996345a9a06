"""Every filter of the query box against a project whose contents are known, object by object."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from person import Person, make_images
from PySide6.QtTest import QTest

from cvstudio.core.annotation import Review, Source, Split, State, Task
from cvstudio.core.geometry import Box
from cvstudio.core.networks import default_config
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.gui.data.page import DataPage
from cvstudio.project import commands, comments, queries, rejecting, runs, tagging
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

CLASSES = ("RBC", "WBC", "Platelets")
TAGS = ("night", "Patient 7")
COUNT = 48


@dataclass
class Thing:
    """One object, as it was put in."""

    kind: str
    width: int
    height: int
    source: Source = Source.HUMAN
    state: State = State.ACCEPTED
    score: float | None = None
    place: tuple[int, int] = (0, 0)

    @property
    def shape(self) -> Box:
        return Box(*self.place, self.width, self.height)


@dataclass
class Truth:
    """One image, as it was put in."""

    id: int
    name: str
    split: Split | None = None
    review: Review = Review.UNLABELLED
    rejected: bool = False
    tags: set[str] = field(default_factory=set)
    comment: str = ""
    resolved: bool = False
    things: list[Thing] = field(default_factory=list)
    missed: bool = False
    extra: bool = False

    def counting(self, kind: str = "") -> list[Thing]:
        """Objects that count, of a class or of any."""
        counted = (t for t in self.things if t.state is State.ACCEPTED)
        return [t for t in counted if kind in ("", t.kind)]

    def live(self) -> list[Thing]:
        """Objects that were not rejected."""
        return [t for t in self.things if t.state is not State.REJECTED]


def invented(ids: Sequence[int], names: Sequence[str]) -> list[Truth]:
    """Images and objects from a seeded die."""
    dice = random.Random(20)
    made = []
    for id, name in zip(ids, names, strict=True):
        image = Truth(id, name, split=dice.choice([None, *Split]))
        for place in range(dice.choice([0, 0, 1, 2, 3, 5, 8])):
            source = dice.choice(list(Source))
            of_network = source is Source.NETWORK
            image.things.append(
                Thing(
                    dice.choice(CLASSES), dice.randint(3, 20), dice.randint(3, 20), source,
                    dice.choice(list(State)) if of_network else State.ACCEPTED,
                    round(dice.random(), 2) if of_network else None, (place * 5, place * 3),
                )
            )  # fmt: skip
        image.tags = {tag for tag in TAGS if dice.random() < 0.3}
        image.comment = dice.choice(["", "", "one cell or two?", "blurred"])
        image.resolved = bool(image.comment) and dice.random() < 0.5
        has = bool(image.counting())
        image.review = Review.LABELLED if has else Review.UNLABELLED
        if dice.random() < 0.4:
            image.review = Review.REVIEWED if has else Review.EMPTY
        elif has and dice.random() < 0.3:
            image.rejected = True
        made.append(image)
    return made


def stored(project: Project, truth: Sequence[Truth]) -> None:
    """Put what was invented into a project."""
    with project.transaction("Fill", undoable=False) as s:
        ids = {c.name: c.id for c in queries.classes(s)}
        for image in truth:
            for thing in image.things:
                commands.add_annotation(
                    s, image_id=image.id, class_id=ids[thing.kind], shape=thing.shape,
                    source=thing.source, state=thing.state, score=thing.score,
                )  # fmt: skip
            commands.set_split(s, image_ids=[image.id], split=image.split)
            if image.review in (Review.REVIEWED, Review.EMPTY):
                commands.set_review(s, image_ids=[image.id], review=image.review)
            if image.rejected:
                rejecting.reject(s, image_ids=[image.id], reason="cells are missing")
            for tag in image.tags:
                tagging.tag_images(s, image_ids=[image.id], tag=tag)
            if image.comment:
                said = comments.add_comment(s, image_id=image.id, text=image.comment)
                comments.resolve_comments(s, ids=[said], resolved=image.resolved)


def judged(project: Project, truth: Sequence[Truth]) -> None:
    """A run that was judged on val: it overlooks every object of some images, and sees one object
    too many on others; on the rest it is right."""
    config = default_config(Task.DETECT, network="yolo26n", epochs=1, seed=0)
    job = runs.job_of(runs.create_run(project, config))
    with project.read() as s:
        ids = {c.name: c.id for c in queries.classes(s)}
    dice = random.Random(7)
    answers = []
    for image in truth:
        if image.split is not Split.VAL or image.review is Review.UNLABELLED:
            continue
        found = [Found(ids[t.kind], 0.9, t.shape) for t in image.counting()]
        fate = dice.choice(["right", "missed", "extra"])
        if fate == "missed" and found:
            image.missed, found = True, []
        elif fate == "extra":
            image.extra = True
            found.append(Found(ids["RBC"], 0.9, Box(40, 30, 20, 15)))
        answers.append(Prediction(image.id, objects=tuple(found)))
    assert any(image.missed for image in truth)
    assert any(image.extra for image in truth)
    write_predictions(job.predictions("val"), answers)
    job.report.write_text(json.dumps({"val": {"metrics": {}, "per_class": []}}))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project.create(tmp_path / "cells", task=Task.DETECT, name="Cells", classes=CLASSES)
    pictures = make_images(tmp_path / "pictures", COUNT)
    with made.transaction("Add images", undoable=False) as s:
        ids = commands.add_images(
            s, [NewImage(uri=made.uri_of(p), width=64, height=48, size=900) for p in pictures]
        )
    made.truth = invented(list(ids), [p.name for p in pictures])  # type: ignore[attr-defined]
    stored(made, made.truth)  # type: ignore[attr-defined]
    judged(made, made.truth)  # type: ignore[attr-defined]
    yield made
    made.close()


Test = Callable[[Truth], bool]
ASKED: tuple[tuple[str, Test], ...] = (
    # class and count
    ("class:RBC", lambda i: bool(i.counting("RBC"))),
    ("-class:RBC", lambda i: not i.counting("RBC")),
    ("class:RBC,WBC", lambda i: bool(i.counting("RBC") or i.counting("WBC"))),
    ("class:RBC class:WBC", lambda i: bool(i.counting("RBC") and i.counting("WBC"))),
    ("count:0", lambda i: not i.counting()),
    ("count>2", lambda i: len(i.counting()) > 2),
    ("class:WBC count>=2", lambda i: len(i.counting("WBC")) >= 2),
    ("class:WBC count:0", lambda i: not i.counting("WBC")),
    ("class:RBC count > 1 class:WBC count:1",
     lambda i: len(i.counting("RBC")) > 1 and len(i.counting("WBC")) == 1),
    # size
    ("size<6", lambda i: any(min(t.width, t.height) < 6 for t in i.counting())),
    ("class:Platelets size>10",
     lambda i: any(min(t.width, t.height) > 10 for t in i.counting("Platelets"))),
    ("area>=200", lambda i: any(t.width * t.height >= 200 for t in i.counting())),
    # source and score
    ("source:import", lambda i: any(t.source is Source.IMPORT for t in i.live())),
    ("source:human,import", lambda i: any(t.source is not Source.NETWORK for t in i.live())),
    ("score<0.4", lambda i: any(t.score is not None and t.score < 0.4 for t in i.live())),
    ("class:WBC score>=0.5",
     lambda i: any(t.kind == "WBC" and t.score is not None and t.score >= 0.5 for t in i.live())),
    ("object:suggested", lambda i: any(t.state is State.SUGGESTED for t in i.things)),
    ("object:rejected score<0.5",
     lambda i: any(t.state is State.REJECTED and (t.score or 0) < 0.5 for t in i.things)),
    # state, split, tag
    ("state:unlabelled", lambda i: i.review is Review.UNLABELLED),
    ("state:labelled", lambda i: i.review is Review.LABELLED),
    ("state:reviewed,empty", lambda i: i.review in (Review.REVIEWED, Review.EMPTY)),
    ("state:rejected", lambda i: i.rejected),
    ("split:train", lambda i: i.split is Split.TRAIN),
    ("split:val,none", lambda i: i.split in (Split.VAL, None)),
    ("-split:test", lambda i: i.split is not Split.TEST),
    ("tag:night", lambda i: "night" in i.tags),
    ('tag:"patient 7" -tag:night', lambda i: i.tags == {"Patient 7"}),
    # comment
    ("comment:open", lambda i: bool(i.comment) and not i.resolved),
    ("comment:resolved", lambda i: i.resolved),
    ("-comment:any", lambda i: not i.comment),
    ('comment~"one cell"', lambda i: "one cell" in i.comment),
    # errors of the run
    ("error:missed", lambda i: i.missed),
    ("error:extra", lambda i: i.extra),  # as earlier versions wrote it
    ("error:false-alarm", lambda i: i.extra),
    ('error:"False alarm"', lambda i: i.extra),
    ("error:any", lambda i: i.missed or i.extra),
    ("run:1 error:missed,extra", lambda i: i.missed or i.extra),
    # several at once
    ("class:RBC split:train -tag:night state:labelled",
     lambda i: bool(i.counting("RBC")) and i.split is Split.TRAIN and "night" not in i.tags
     and i.review is Review.LABELLED),
    ("slide_1 count>0", lambda i: "slide_1" in i.name and bool(i.counting())),
)  # fmt: skip


def test_every_filter_shows_just_the_images_that_it_says(studio_window: Person) -> None:
    page = studio_window.page("data")
    assert isinstance(page, DataPage)
    box = page.gallery.filter_bar.text
    truth: list[Truth] = studio_window.project.truth  # type: ignore[attr-defined]
    wrong = {}
    for query, holds in ASKED:
        box.setFocus()
        box.selectAll()
        QTest.keyClicks(box, query)
        box.popup.hide()
        studio_window.key("Return", box)
        studio_window.until(lambda: not page.gallery.waiting)  # a run is compared in a thread
        assert page.gallery.refusal.isHidden(), (query, page.gallery.refusal.text())
        wanted = {image.id for image in truth if holds(image)}
        assert 0 < len(wanted) < COUNT, f"{query}: the die has made nothing to tell apart"
        if set(page.model.ids) != wanted:
            wrong[query] = set(page.model.ids) ^ wanted
    assert not wrong


def test_a_saved_view_finds_the_same_images_on_another_day(studio_window: Person) -> None:
    page = studio_window.page("data")
    assert isinstance(page, DataPage)
    truth: list[Truth] = studio_window.project.truth  # type: ignore[attr-defined]
    box = page.gallery.filter_bar.text
    box.setFocus()
    QTest.keyClicks(box, "class:RBC count>1")
    box.popup.hide()
    page.save_view("Many red cells")
    studio_window.settle()
    path = studio_window.project.path
    studio_window.trigger("project.close")
    assert studio_window.window.open_project(path)
    studio_window.settle()
    again = studio_window.page("data")
    assert isinstance(again, DataPage)
    again.views.saved.chosen.emit("saved:Many red cells")
    wanted = {image.id for image in truth if len(image.counting("RBC")) > 1}
    assert set(again.model.ids) == wanted
    assert again.gallery.filter_bar.text.text() == "class:RBC count>1"

"""What queries find in a project, each against the answer worked out by hand."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Review, Source, Split, State, Task
from cvstudio.core.geometry import Box
from cvstudio.project import commands, comments, finding, queries, rows, tagging
from cvstudio.project.commands import ANNOTATION_COLUMNS, annotation_row
from cvstudio.project.project import Project
from cvstudio.project.query_language import QueryError
from cvstudio.project.records import ImageFilter, NewImage


@pytest.fixture
def filled(project: Project) -> Project:
    """Image n has n objects of class 1 for n < 6; image 7 suggestions of class 2; the rest bare."""
    with project.transaction("Fill", undoable=False) as s:
        for image in range(1, 6):
            for step in range(image):
                commands.add_annotation(
                    s, image_id=image, class_id=1, shape=Box(step, step, 4 + step, 20)
                )
        commands.add_annotation(s, image_id=5, class_id=3, shape=Box(9, 9, 30, 30))
        for score, state in ((0.3, State.SUGGESTED), (0.9, State.REJECTED)):
            commands.add_annotation(
                s, image_id=7, class_id=2, shape=Box(5, 5, 50, 50), source=Source.NETWORK,
                score=score, run_id=2, state=state,
            )  # fmt: skip
        commands.set_split(s, image_ids=[1, 2], split=Split.TRAIN)
        commands.set_split(s, image_ids=[3], split=Split.TEST)
        commands.set_review(s, image_ids=[2, 8], review=Review.REVIEWED)
        tagging.tag_images(s, image_ids=[1, 3], tag="Night shift")
        tagging.tag_images(s, image_ids=[12], tag="Ärzte")
        comments.add_comment(s, image_id=4, text="Is this one cell?", place=(3, 4))
        done = comments.add_comment(s, image_id=6, text="blurred")
        comments.resolve_comments(s, ids=[done])
        rows.change(s, "image", [9], reject_reason="cells are missing")
    return project


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ('class:"red cell"', [1, 2, 3, 4, 5]),
        ('class:"RED CELL" count>3', [4, 5]),
        ("count>3", [4, 5]),
        ("count:6", [5]),
        ("count<2", [1, 6, 7, 8, 9, 10, 11, 12]),
        ("-count<2", [2, 3, 4, 5]),
        ('class:"red cell" count<=2', [1, 2, 6, 7, 8, 9, 10, 11, 12]),
        ('class:"red cell" count>0 count<=2', [1, 2]),
        ('class:"red cell" count:0', [6, 7, 8, 9, 10, 11, 12]),
        ('class:"red cell" class:"it\'s 🔬"', [5]),
        ('class:"it\'s 🔬" count:1 class:"red cell" count>4', [5]),
        ('class:"red cell" count>1 class:"it\'s 🔬" count:0', [2, 3, 4]),
        ('class:"red cell" size<5 class:"it\'s 🔬" size>8', [5]),
        ('class:"red cell","it\'s 🔬" count:6', [5]),
        ("size<5", [1, 2, 3, 4, 5]),
        ("size>=8", [5]),
        ('class:"it\'s 🔬" size<8', []),
        ("area>850", [5]),
        ('class:"red cell" -class:"it\'s 🔬"', [1, 2, 3, 4]),
        ("source:network", [7]),
        ("score<0.4", [7]),
        ("score>0.5", []),
        ("object:rejected score>0.5", [7]),
        ("object:suggested", [7]),
        ("run:2", [7]),
        ("-source:human", [6, 7, 8, 9, 10, 11, 12]),
        ("split:train", [1, 2]),
        ("split:none,test", [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ("-split:train", [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ("state:reviewed", [2]),
        ("state:empty", [8]),
        ("state:rejected", [9]),
        ("state:unlabelled -state:rejected -tag:none", [6, 7, 10, 11, 12]),
        ("reason~missing", [9]),
        ("tag:ÄRZTE", [12]),
        ('tag:"night shift"', [1, 3]),
        ("comment:open", [4]),
        ("comment:any", [4, 6]),
        ('comment~"one cell"', [4]),
        ('name~"img 1"', [1, 10, 11, 12]),
        ('name:"img 1.png"', [1]),
        ("IMG 2", [2, 12]),
        ("folder:images width:200", list(range(1, 13))),
        ("folder:other", []),
        ("file:unreadable", []),
        ("error:missed", []),
        ("nonsense:x", []),
    ],
)
def test_a_query_finds_what_it_says(filled: Project, query: str, ids: list[int]) -> None:
    with filled.read() as s:
        assert sorted(queries.image_ids(s, ImageFilter(query=query))) == ids


def test_a_class_finds_its_kinds_too(filled: Project) -> None:
    with filled.transaction("Kinds") as s:
        rows.change(s, "label_class", [3], parent_id=2)
    with filled.read() as s:
        found = queries.image_ids(s, ImageFilter(query='class:"he said \\"x/y\\""'))
    assert found == [5]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("class:redcell", 'There is no class “redcell” (character 1). Did you mean "red cell"?'),
        ("count>1 tag:day", "There is no tag “day” (character 9)."),
        ("run:7", "There is no run “7” (character 1)."),
        ("error:missed", "No run has been judged yet (character 1)."),
    ],
)
def test_a_name_that_the_project_does_not_have_is_said(
    filled: Project, query: str, words: str
) -> None:
    with filled.read() as s, pytest.raises(QueryError) as caught:
        finding.check(s, query)
    assert caught.value.message == words


def test_queries_are_answered_quickly_among_twenty_thousand_images(tmp_path: Path) -> None:
    with Project.create(tmp_path / "many", task=Task.DETECT, classes=["RBC", "WBC"]) as many:
        with many.transaction("Fill", undoable=False) as s:
            ids = commands.add_images(
                s, [NewImage(f"i/{n}.png", width=640, height=480) for n in range(20_000)]
            )
            new = [
                annotation_row(
                    image_id=id, class_id=1 + k % 2, shape=Box(k, k, 5 + k * 9, 7 + k), width=640,
                    height=480, score=k / 8, source=Source.NETWORK if k > 4 else Source.HUMAN,
                )
                for id in ids for k in range(id % 8)
            ]  # fmt: skip
            rows.add(s, "annotation", ANNOTATION_COLUMNS, new)
        slow = {}
        with many.read() as s:
            for query in (
                "class:RBC count>2", "count>3", "-class:WBC", "score<0.4 source:network", "size<8",
                "split:none state:unlabelled", "name~99", "comment:open",
                "class:RBC size<8 count>1",
            ):  # fmt: skip
                best = min(_seconds(s, query) for _ in range(5))
                slow[query] = round(best * 1000)
    # The promise is 100 ms; a slow machine is given room.
    assert max(slow.values()) < 400, slow


def _seconds(s: Session, query: str) -> float:
    """Of this thread's own work: what else the machine does is no fault of the query."""
    start = time.thread_time()
    queries.image_ids(s, ImageFilter(query=query))
    return time.thread_time() - start

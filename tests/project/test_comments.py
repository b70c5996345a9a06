"""Comments on images and locked annotations: they are there, they can be undone, they follow."""

from __future__ import annotations

import pytest
from project_state import dump

from cvstudio.core.errors import ProjectError
from cvstudio.core.geometry import Box
from cvstudio.project import commands, comments, copying, lock, queries, shaping
from cvstudio.project.changes import ChangeSet
from cvstudio.project.project import Project


def add(project: Project, image_id: int, text: str, place: tuple[float, float] | None) -> int:
    with project.transaction("Add comment") as s:
        return comments.add_comment(s, image_id=image_id, text=text, place=place)


def test_a_comment_is_kept_with_its_place_its_words_and_who_said_it(project: Project) -> None:
    first = add(project, 2, " Is this a cell? 🔬\n", (12, 34.5))
    add(project, 2, "Out of focus", None)
    with project.transaction("Add comment") as s:
        comments.add_comment(s, image_id=3, text="mine", author="Ada")
    with project.read() as s:
        pinned, whole = comments.comments(s, 2)
        (other,) = comments.comments(s, 3)
        assert comments.comments(s, 1) == []
        assert comments.open_counts(s) == {2: 2, 3: 1}
    assert (pinned.id, pinned.text, pinned.place) == (first, "Is this a cell? 🔬", (12.0, 34.5))
    assert (pinned.author, pinned.resolved) == (lock.user(), False)
    assert (whole.text, whole.place, other.author) == ("Out of focus", None, "Ada")


def test_a_comment_is_edited_moved_resolved_and_deleted_and_each_is_undone(
    project: Project,
) -> None:
    id = add(project, 1, "first words", (1, 2))
    states = [dump(project)]
    for act in (
        lambda s: comments.edit_comment(s, id=id, text="other words"),
        lambda s: comments.move_comment(s, id=id, place=(7, 8)),
        lambda s: comments.move_comment(s, id=id, place=None),
        lambda s: comments.resolve_comments(s, ids=[id]),
        lambda s: comments.resolve_comments(s, ids=[id], resolved=False),
        lambda s: comments.delete_comments(s, ids=[id]),
    ):
        with project.transaction("Change comment") as s:
            act(s)
        states.append(dump(project))
    assert [len(state["comment"]) for state in states] == [1] * 6 + [0]
    assert len({str(state) for state in states}) == 6  # resolved and open again is as before
    for state in reversed(states[:-1]):
        project.undo()
        assert dump(project) == state


def test_a_resolved_comment_no_longer_waits(project: Project) -> None:
    id = add(project, 1, "look", None)
    with project.transaction("Resolve comment") as s:
        comments.resolve_comments(s, ids=[id])
    with project.read() as s:
        assert comments.open_counts(s) == {}
        assert [c.resolved for c in comments.comments(s, 1)] == [True]


def test_comments_go_with_their_image_and_come_back_with_it(project: Project) -> None:
    add(project, 5, "stays", (3, 3))
    before = dump(project)
    with project.transaction("Remove image") as s:
        commands.remove_images(s, ids=[5])
    assert dump(project)["comment"] == []
    project.undo()
    assert dump(project) == before


def test_a_comment_without_words_or_image_is_refused(project: Project) -> None:
    with pytest.raises(ProjectError, match="needs words"):
        add(project, 1, " \n", None)
    with pytest.raises(ProjectError, match="no image 99"):
        add(project, 99, "lost", None)
    id = add(project, 1, "said", None)
    with pytest.raises(ProjectError, match="needs words"), project.transaction("x") as s:
        comments.edit_comment(s, id=id, text="")


def test_views_are_told_which_image_a_comment_is_about(project: Project) -> None:
    told: list[ChangeSet] = []
    project.changed.connect(told.append)
    add(project, 4, "look", None)
    assert told[0].touches("comment", image=4)
    assert not told[0].touches("comment", image=5)
    assert not told[0].touches("annotation")


def test_locking_is_one_undo_step_and_changes_nothing_else(project: Project) -> None:
    with project.transaction("Add") as s:
        ids = [
            commands.add_annotation(s, image_id=1, class_id=1, shape=Box(n, 0, 5, 5))
            for n in range(3)
        ]
    with project.transaction("Lock 2 annotations") as s:
        shaping.set_locked(s, ids=ids[:2], locked=True)
    with project.read() as s:
        found = queries.annotations(s, 1)
        assert [a.locked for a in found] == [True, True, False]
        assert [a.attributes for a in found] == [{}, {}, {}]
    with project.transaction("Copy") as s:
        copying.copy_annotations(s, ids=ids, image_ids=[2])
    with project.read() as s:
        assert not any(a.locked for a in queries.annotations(s, 2))
    project.undo()
    project.undo()
    with project.read() as s:
        assert not any(a.locked for a in queries.annotations(s, 1))
    assert project.undo_label == "Add"

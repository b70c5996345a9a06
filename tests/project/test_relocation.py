"""Images whose files moved are found again by their content."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cvstudio.core.annotation import Task
from cvstudio.project import commands, queries, relocation
from cvstudio.project.project import Project
from cvstudio.project.records import ImageFilter, NewImage


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[Project]:
    """Images a/1.png, b/1.png, a/2.png and two pages of a/stack.tif, all five on a disk that is
    not there any more: their files are now in tmp_path/new."""
    project = Project.create(tmp_path / "project", task=Task.DETECT)
    old = tmp_path / "old"
    images = []
    for name, pages in (("a/1.png", 1), ("b/1.png", 1), ("a/2.png", 1), ("a/stack.tif", 2)):
        file = old / name
        file.parent.mkdir(parents=True, exist_ok=True)
        content = f"the content of {name}".encode()
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        images += [
            NewImage(
                uri=project.uri_of(file), width=8, height=6, page=page, pages=pages,
                sha256=digest, size=len(content),
            )
            for page in range(pages)
        ]  # fmt: skip
    with project.transaction("Add", undoable=False) as s:
        commands.add_images(s, images)
    shutil.move(old, tmp_path / "new")
    yield project
    project.close()


def places(project: Project) -> list[Path]:
    with project.read() as s:
        found = queries.images(s, queries.image_ids(s, ImageFilter()))
    return [project.image_path(image) for image in sorted(found, key=lambda i: i.id)]


def test_every_moved_image_is_found_where_its_folder_went(moved: Project, tmp_path: Path) -> None:
    plan = relocation.find(moved, tmp_path / "new")
    assert plan.image_count == 5
    assert not plan.lost
    assert not plan.others
    relocation.relocate(moved, plan)
    new = tmp_path / "new"
    expected = ["a/1.png", "b/1.png", "a/2.png", "a/stack.tif", "a/stack.tif"]
    assert places(moved) == [new / name for name in expected]
    assert moved.undo_label == "Find 5 moved images"
    moved.undo()
    assert all(not place.exists() for place in places(moved))


def test_another_picture_of_the_same_name_is_not_taken_for_the_image(
    moved: Project, tmp_path: Path
) -> None:
    (tmp_path / "new/a/2.png").write_bytes(b"another content")
    plan = relocation.find(moved, tmp_path / "new")
    assert plan.image_count == 4
    assert [Path(m.uri).name for m in plan.others] == ["2.png"]


def test_a_renamed_file_is_found_by_its_content(moved: Project, tmp_path: Path) -> None:
    (tmp_path / "new/a/2.png").rename(tmp_path / "new/renamed.png")
    plan = relocation.find(moved, tmp_path / "new")
    assert {m.uri.rpartition("/")[2]: p.name for m, p in plan.found}["2.png"] == "renamed.png"


def test_a_file_that_is_an_image_of_the_project_already_is_not_given_to_another(
    moved: Project, tmp_path: Path
) -> None:
    file = tmp_path / "new/a/2.png"
    with moved.transaction("Add", undoable=False) as s:
        commands.add_images(s, [NewImage(uri=moved.uri_of(file), width=8, height=6)])
    plan = relocation.find(moved, tmp_path / "new")
    assert file not in [path for _, path in plan.found]
    assert [Path(m.uri).name for m in plan.lost] == ["2.png"]


def test_two_copies_of_one_picture_get_a_file_each(moved: Project, tmp_path: Path) -> None:
    content = (tmp_path / "new/a/2.png").read_bytes()
    gone = tmp_path / "old/a/copy.png"
    digest = hashlib.sha256(content).hexdigest()
    with moved.transaction("Add", undoable=False) as s:
        new = NewImage(uri=moved.uri_of(gone), width=8, height=6, sha256=digest, size=len(content))
        commands.add_images(s, [new])
    (tmp_path / "new/z.png").write_bytes(content)
    plan = relocation.find(moved, tmp_path / "new")
    files = [path for _, path in plan.found]
    assert len(files) == len(set(files)) == 5
    relocation.relocate(moved, plan)
    assert all(place.exists() for place in places(moved))


def test_a_cancelled_search_says_that_the_rest_is_still_missing(
    moved: Project, tmp_path: Path
) -> None:
    plan = relocation.find(moved, tmp_path / "new", cancelled=lambda: True)
    assert not plan.found
    assert len(plan.lost) == 4


def test_the_folders_of_missing_images_are_told_with_their_counts(
    moved: Project, tmp_path: Path
) -> None:
    with moved.read() as s:
        missing = relocation.missing_files(s, moved)
    old = tmp_path / "old"
    assert relocation.folders_of(missing) == {(old / "a").as_posix(): 4, (old / "b").as_posix(): 1}

"""Large files are copied before one's eyes, and one that was stopped leaves nothing behind."""

import os

import pytest
from video_clips import write_clip

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ImageError
from cvstudio.formats.base import Cancelled
from cvstudio.imaging import video
from cvstudio.imaging.video import Step
from cvstudio.project import health, import_copying, import_plan, importing, queries
from cvstudio.project.project import Project


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=("thing",)) as made:
        yield made


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A video of 3.5 MB of which each quarter of a megabyte is a piece."""
    monkeypatch.setattr(import_copying, "_PIECE", 1 << 18)
    monkeypatch.setattr(import_copying, "_MANY", 1 << 20)
    clip = write_clip(tmp_path / "clip.avi", frames=40, codec="MJPG")
    with clip.open("ab") as stream:
        stream.write(b"\0" * (7 * (1 << 19) - clip.stat().st_size))
    return clip


def test_copying_a_large_video_says_how_many_megabytes_are_done(project, large):
    told = []
    plan = importing.plan(project, large, step=Step(10))
    importing.run(project, plan, copy=True, progress=lambda *step: told.append(step))
    copying = [(done, total) for text, done, total in told if text == "Megabytes copied"]
    assert {total for _, total in copying} == {3}
    assert [done for done, _ in copying] == sorted(done for done, _ in copying)
    assert len(copying) >= 14
    assert copying[-1] == (3, 3)
    copy = project.images_directory / "clip.avi"
    assert copy.read_bytes() == large.read_bytes()


def test_copying_can_be_stopped_in_the_middle_of_a_file_and_leaves_nothing(project, large):
    plan = importing.plan(project, large, step=Step(10))
    half = []

    def enough():
        there = (
            list(project.images_directory.glob("*")) if project.images_directory.exists() else []
        )
        half.extend(path.stat().st_size for path in there)
        return sum(half) > 1 << 20

    with pytest.raises(Cancelled):
        importing.run(project, plan, copy=True, cancelled=enough)
    assert 0 < half[-1] < large.stat().st_size
    assert list(project.images_directory.iterdir()) == []
    with project.read() as s:
        assert queries.image_ids(s) == []
    assert project.undo_label is None


def test_half_a_file_has_no_name_that_could_be_taken_for_the_whole_one(project, large, monkeypatch):
    names, real = set(), import_copying._write

    def write(stream, piece):
        real(stream, piece)
        names.update(os.listdir(project.images_directory))

    monkeypatch.setattr(import_copying, "_write", write)
    importing.run(project, importing.plan(project, large, step=Step(10)), copy=True)
    assert names == {"clip.avi.partial"}
    assert os.listdir(project.images_directory) == ["clip.avi"]


def test_what_a_killed_import_left_half_copied_is_cleared_away(project, large):
    project.images_directory.mkdir(exist_ok=True)
    (project.images_directory / "other.mp4.partial").write_bytes(b"half")
    importing.run(project, importing.plan(project, large, step=Step(10)), copy=True)
    assert os.listdir(project.images_directory) == ["clip.avi"]


def test_checking_a_large_video_can_be_stopped(project, large, monkeypatch):
    monkeypatch.setattr(import_plan, "_TOLD_EVERY", 1 << 20)
    monkeypatch.setattr(import_plan, "_AT_ONCE", 1 << 19)
    told = []
    importing.plan(project, large, progress=lambda *step: told.append(step))
    checking = [step[1:] for step in told if step[0] == "Checking clip.avi, megabytes"]
    assert checking == [(1, 3), (2, 3), (3, 3)]


def found(project):
    with project.read() as s:
        return [f.text for f in health.check(s, project) if f.kind == "other video"]


def test_a_video_replaced_by_one_of_the_same_size_is_found_by_the_data_health(
    tmp_path, project, large
):
    importing.run(project, importing.plan(project, large, step=Step(10)))
    assert found(project) == []
    content = bytearray(large.read_bytes())
    content[len(content) - 5] ^= 1
    large.write_bytes(content)
    assert found(project) == ["clip.avi is another video than the one of which 4 frames came in."]
    project.undo()
    assert found(project) == []


def test_a_video_that_only_got_another_date_is_no_other_one(project, large):
    importing.run(project, importing.plan(project, large, step=Step(10)))
    os.utime(large, (1, 1))
    assert found(project) == []


def test_a_video_that_cannot_be_opened_is_told_and_the_others_are_looked_at(
    project, large, monkeypatch
):
    importing.run(project, importing.plan(project, large, step=Step(10)))

    def closed(path):
        raise ImageError(f"{path.name} cannot be opened: Permission denied.")

    monkeypatch.setattr(video, "fingerprint", closed)
    with project.read() as s:
        texts = [f.text for f in health.check(s, project)]
    assert "clip.avi cannot be opened: Permission denied." in texts

"""A video comes into a project as the frames that were asked for, and they stay what they are."""

import hashlib
import json
import os

import numpy as np
import pytest
from video_clips import number_on, painted, write_clip

from cvstudio.core.annotation import Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.formats.base import Cancelled
from cvstudio.formats.table import all_formats
from cvstudio.imaging import video
from cvstudio.imaging.decode import read_image, read_rgb
from cvstudio.imaging.video import Step
from cvstudio.project import commands, exporting, health, importing, queries, relocation, snapshots
from cvstudio.project.import_words import what_became
from cvstudio.project.project import Project
from cvstudio.project.sequences import sequence_of


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=("thing",)) as made:
        yield made


def bring_in(project, clip, step, **more):
    return importing.run(project, importing.plan(project, clip, step=step), **more)


def records(project):
    with project.read() as s:
        return queries.images(s, queries.image_ids(s))


def test_every_tenth_frame_comes_in_and_is_that_frame(tmp_path, project):
    clip = write_clip(tmp_path / "clip.mp4", frames=95)
    plan = importing.plan(project, clip, step=Step(10))
    assert plan.videos[0].sentence == (
        "clip.mp4: 95 frames, 25 a second, 0:03.800; every 10th frame is 10 images."
    )
    importing.run(project, plan)
    found = records(project)
    assert [r.page for r in found] == list(range(0, 95, 10))
    assert [number_on(read_rgb(project.image_path(r), r.page)) for r in found] == [
        r.page for r in found
    ]
    digest = hashlib.sha256(clip.read_bytes()).hexdigest()
    assert {(r.sha256, r.pages, r.group) for r in found} == {(digest, 95, found[0].uri)}
    assert found[3].title == "clip.mp4 · frame 31"
    assert not list((tmp_path / "p").rglob("*.png"))


def test_a_frame_every_half_second_follows_the_clock(tmp_path, project):
    clip = write_clip(tmp_path / "clip.avi", frames=60, codec="MJPG", fps=20)
    bring_in(project, clip, Step(seconds=0.5))
    assert [r.page for r in records(project)] == [0, 10, 20, 30, 40, 50]


def test_a_finer_step_adds_only_the_frames_that_are_missing_and_undo_takes_them_back(
    tmp_path, project
):
    clip = write_clip(tmp_path / "clip.mp4", frames=40)
    bring_in(project, clip, Step(20))
    report = bring_in(project, clip, Step(10))
    assert (report.added, report.known) == (2, 2)
    assert [r.page for r in records(project)] == [0, 10, 20, 30]
    project.undo()
    assert [r.page for r in records(project)] == [0, 20]


@pytest.mark.parametrize("again_as_copy", [False, True])
def test_more_frames_of_a_video_that_was_copied_belong_to_the_same_sequence(
    tmp_path, project, again_as_copy
):
    clip = write_clip(tmp_path / "clip.mp4", frames=40)
    bring_in(project, clip, Step(20), copy=True)
    report = bring_in(project, clip, Step(10), copy=again_as_copy)
    assert (report.added, report.known) == (2, 2)
    found = records(project)
    assert len({r.uri for r in found}) == 1
    assert [p.name for p in project.images_directory.iterdir()] == ["clip.mp4"]
    with project.read() as s:
        assert len(sequence_of(s, found[0].id).ids) == 4


def test_frames_of_a_video_that_lies_outside_are_not_copied_beside_their_neighbours(
    tmp_path, project
):
    clip = write_clip(tmp_path / "clip.mp4", frames=40)
    bring_in(project, clip, Step(20))
    bring_in(project, clip, Step(10), copy=True)
    assert len({r.uri for r in records(project)}) == 1
    assert not project.images_directory.exists() or not list(project.images_directory.iterdir())


def test_more_frames_of_a_video_that_was_moved_can_be_read(tmp_path, project):
    clip = write_clip(tmp_path / "clip.mp4", frames=40)
    bring_in(project, clip, Step(20))
    (tmp_path / "new").mkdir()
    moved = clip.rename(tmp_path / "new" / "clip.mp4")
    bring_in(project, moved, Step(10))
    fresh = [r for r in records(project) if r.page in (10, 30)]
    assert [number_on(read_rgb(project.image_path(r), r.page)) for r in fresh] == [10, 30]


def test_all_frames_of_a_video_share_a_split(tmp_path, project):
    for name in ("a", "b", "c", "d", "e"):
        clip = write_clip(tmp_path / f"{name}.mp4", frames=20 + ord(name))
        bring_in(project, clip, Step(10), splits=(0.6, 0.2, 0.2))
    splits = {}
    for record in records(project):
        splits.setdefault(record.uri, set()).add(record.split)
    assert all(len(found) == 1 for found in splits.values())
    assert len(splits) == 5
    assert None not in {s for found in splits.values() for s in found}


def test_a_copied_video_lies_once_in_the_project_and_is_not_decoded_again(
    tmp_path, project, monkeypatch
):
    clip = write_clip(tmp_path / "clip.mp4", frames=30)
    bring_in(project, clip, Step(5), copy=True)
    clip.unlink()
    assert [p.name for p in project.images_directory.iterdir()] == ["clip.mp4"]
    monkeypatch.setattr(video, "_scan", None)  # a scan would fail
    found = records(project)
    assert [number_on(read_rgb(project.image_path(r), r.page)) for r in found] == [
        0, 5, 10, 15, 20, 25,
    ]  # fmt: skip


def test_a_folder_with_pictures_and_a_video_brings_in_both(tmp_path, project):
    folder = tmp_path / "both"
    folder.mkdir()
    write_clip(folder / "clip.mp4", frames=30)
    cv2.imwrite(str(folder / "still.png"), painted(7))
    bring_in(project, folder, Step(10))
    assert [r.title for r in records(project)] == [
        "clip.mp4 · frame 1", "clip.mp4 · frame 11", "clip.mp4 · frame 21", "still.png",
    ]  # fmt: skip


def test_a_broken_video_says_so_and_a_cut_off_one_gives_what_it_has(tmp_path, project):
    folder = tmp_path / "clips"
    folder.mkdir()
    whole = write_clip(folder / "cut.avi", frames=100, codec="MJPG")
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (folder / "broken.mp4").write_bytes(b"\x00\x01" * 4000)
    plan = importing.plan(project, folder, step=Step(1))
    texts = [p.text for p in plan.problems]
    assert any("cut.avi breaks off after" in text for text in texts)
    assert any("broken.mp4" in text for text in texts)
    assert what_became(plan.problems)
    assert 30 < len(plan.images) < 70


def test_looking_through_a_long_video_can_be_cancelled(tmp_path, project):
    clip = write_clip(tmp_path / "clip.mp4", frames=60)
    with pytest.raises(Cancelled):
        importing.plan(project, clip, cancelled=lambda: True)
    assert len(importing.plan(project, clip, step=Step(1)).images) == 60


def labelled(project):
    with project.transaction("Label") as s:
        for image_id in queries.image_ids(s):
            commands.add_annotation(s, image_id=image_id, class_id=1, shape=Box(10, 50, 40, 40))
            commands.set_split(s, image_ids=[image_id], split=Split.TRAIN)


@pytest.mark.parametrize("name", [f.name for f in all_formats() if set(f.tasks) != {Task.CLASSIFY}])
def test_every_format_exports_frames_as_pictures_of_their_own(tmp_path, project, name):
    clip = write_clip(tmp_path / "clip.mp4", frames=30)
    bring_in(project, clip, Step(10))
    labelled(project)
    report = exporting.export(project, tmp_path / "out", format=name)
    # CVAT numbers the frames of a video from 0 and knows them by that alone.
    cvat = name == "cvat-video"
    wanted = [f"frame_{n:06d}" if cvat else f"clip_f{n + 1:06d}" for n in (0, 10, 20)]
    files = (p for p in (tmp_path / "out").rglob("*.png") if "mask" not in str(p.parent))
    pictures = [p for p in files if p.stem in wanted]
    assert {p.stem for p in pictures} == set(wanted)
    frame = next(p for p in pictures if p.stem == wanted[1] and read_image(p).ndim == 3)
    assert np.array_equal(read_image(frame), read_image(clip, 10))
    assert report.images == 3
    assert not list((tmp_path / "out").rglob("*.mp4"))


def test_labels_alone_still_bring_frames_along_since_no_program_reads_a_page_of_a_video(
    tmp_path, project
):
    bring_in(project, write_clip(tmp_path / "clip.mp4", frames=20), Step(10))
    labelled(project)
    exporting.export(project, tmp_path / "out", format="coco", copy_images=False)
    data = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
    names = [i["file_name"] for i in data["images"]]
    assert names == ["clip_f000001.png", "clip_f000011.png"]
    assert all((tmp_path / "out" / "images" / "train" / name).is_file() for name in names)


def test_a_snapshot_names_the_frame_so_that_training_reads_it(tmp_path, project):
    bring_in(project, write_clip(tmp_path / "clip.mp4", frames=30), Step(10))
    labelled(project)
    with project.read() as s:
        snapshot = snapshots.build(s, project)
    assert [i.page for i in snapshot.images] == [0, 10, 20]
    assert [number_on(read_rgb(i.path, i.page)) for i in snapshot.images] == [0, 10, 20]


def test_a_video_that_was_moved_is_found_again_and_another_is_not_taken_for_it(tmp_path, project):
    for folder in ("one", "two", "three"):
        (tmp_path / folder).mkdir()
    clip = write_clip(tmp_path / "one" / "clip.mp4", frames=30)
    bring_in(project, clip, Step(10))
    clip.rename(tmp_path / "two" / "clip.mp4")
    write_clip(tmp_path / "three" / "clip.mp4", frames=31)
    assert relocation.find(project, tmp_path / "three").image_count == 0
    plan = relocation.find(project, tmp_path / "two")
    assert plan.image_count == 3
    relocation.relocate(project, plan)
    found = records(project)
    assert [number_on(read_rgb(project.image_path(r), r.page)) for r in found] == [0, 10, 20]


def test_a_video_that_was_replaced_is_found_by_the_data_health(tmp_path, project):
    clip = write_clip(tmp_path / "clip.mp4", frames=30)
    bring_in(project, clip, Step(10))

    def found():
        with project.read() as s:
            return [f for f in health.check(s, project) if f.kind == "other video"]

    assert found() == []
    write_clip(clip, frames=12)
    (finding,) = found()
    assert finding.text == "clip.mp4 is another video than the one of which 3 frames came in."
    assert len(finding.image_ids) == 3


@pytest.mark.skipif(os.name != "posix", reason="file names are text on this system")
def test_a_file_whose_name_is_no_text_is_left_out_and_the_others_come_in(tmp_path, project):
    folder = tmp_path / "both"
    folder.mkdir()
    write_clip(tmp_path / "clip.mp4", frames=5).rename(folder / os.fsdecode(b"caf\xe9.mp4"))
    for name in (os.fsdecode(b"caf\xe9.png"), "still.png"):
        (folder / name).write_bytes(cv2.imencode(".png", painted(7))[1].tobytes())
    plan = importing.plan(project, folder)
    texts = [p.text for p in plan.problems]
    assert len(texts) == 2
    assert all("is not UTF-8: rename it" in text for text in texts)
    assert importing.run(project, plan).added == 1

"""A run learns from the frames of a video as from pictures, and leaves none of them behind."""

import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_samples import config_for, run_directory
from video_clips import HEIGHT, WIDTH, number_on, write_clip

from cvstudio.core import events
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import write_json
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import Fit
from cvstudio.core.snapshot import SnapshotImage, read_snapshot, write_snapshot
from cvstudio.ml.data import SplitImages
from cvstudio.ml.environment import prepare
from cvstudio.ml.frames import unpack_frames
from cvstudio.ml.worker import run_job

prepare()


def frames(clip, numbers):
    return [
        SnapshotImage(n + 1, clip, n, WIDTH, HEIGHT, Split.TRAIN, Review.LABELLED, "", ())
        for n in numbers
    ]


def test_unpacked_frames_are_the_pixels_that_are_read_from_the_video(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=40)
    numbers = [33, 2, 17, 9]
    split = SplitImages(frames(clip, numbers), size=160, fit=Fit.PAD)
    whole = SplitImages(frames(clip, numbers), size=320, fit=Fit.CROP)
    before = [split.read(i)[0].copy() for i in range(4)]
    told = []
    written = unpack_frames(
        (split, whole), tmp_path / "frames", progress=lambda *done: told.append(done)
    )
    assert written == 8
    assert told[-1] == (8, 8)
    clip.unlink()
    assert [number_on(whole.read(i)[0]) for i in range(4)] == numbers
    assert all(np.array_equal(split.read(i)[0], before[i]) for i in range(4))


def test_pictures_that_are_no_frames_are_left_alone(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 30, 3), np.uint8))
    image = replace(frames(tmp_path / "a.png", [0])[0], width=30, height=20)
    split = SplitImages([image], size=20, fit=Fit.PAD)
    assert unpack_frames((split,), tmp_path / "frames", progress=lambda *_: None) == 0
    assert not (tmp_path / "frames").exists()


@pytest.mark.slow
@pytest.mark.parametrize("task", [Task.SEGMENT, Task.DETECT])
@pytest.mark.parametrize("cached", [True, False])
def test_a_run_on_a_video_finishes_and_leaves_no_frames(tmp_path, task, cached):
    job = run_directory(tmp_path, task)
    snapshot = read_snapshot(job.snapshot)
    clip = tmp_path / "scenes.mkv"
    size = (snapshot.images[0].width, snapshot.images[0].height)
    code = cv2.VideoWriter.fourcc(*"FFV1")
    writer = cv2.VideoWriter(str(clip), cv2.CAP_FFMPEG, code, 25.0, size)
    images = []
    for page, image in enumerate(snapshot.images):
        writer.write(cv2.imread(str(image.path)))
        images.append(replace(image, path=clip, page=page))
    writer.release()
    write_snapshot(job.snapshot, replace(snapshot, images=tuple(images)))
    write_json(job.config, config_for(task, cache_images=cached).model_dump(mode="json"))
    assert run_job(job.path) == 0
    found = list(job.read_events())
    assert isinstance(found[-1], events.Ended)
    assert found[-1].outcome is Outcome.FINISHED
    phases = [e.text for e in found if isinstance(e, events.Phase)]
    assert ("Unpacking the frames of videos" in phases) is not cached
    assert not (job.path / "frames").exists()


def test_a_full_disk_is_left_as_free_as_before(tmp_path, monkeypatch):
    clip = write_clip(tmp_path / "clip.mp4", frames=10)
    split = SplitImages(frames(clip, range(10)), size=320, fit=Fit.CROP)
    write, folder = Path.write_bytes, tmp_path / "frames"

    def until_full(path, data):
        if len(list(folder.iterdir())) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    with pytest.raises(OSError, match="No space left"):
        unpack_frames((split,), folder, progress=lambda *_: None)
    assert not folder.exists()
    assert number_on(split.read(7)[0]) == 7  # from the video

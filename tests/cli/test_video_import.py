"""The terminal brings in a video by frames or by seconds."""

import json

import pytest
from video_clips import write_clip

from cvstudio.__main__ import main


@pytest.mark.parametrize(("step", "count"), [("10", 5), ("0.2s", 10), ("1", 50)])
def test_a_video_comes_in_by_frames_or_seconds(tmp_path, capsys, step, count):
    clip, project = write_clip(tmp_path / "clip.mp4", frames=50), tmp_path / "p"
    assert main(["new", str(project), "--task", "detect"]) == 0
    capsys.readouterr()
    assert main(["import", str(project), str(clip), "--step", step, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["added"] == count
    assert found["videos"] == [{"path": str(clip), "frames": 50, "seconds": 2.0, "images": count}]


def test_a_trial_says_how_many_images_a_video_gives(tmp_path, capsys):
    clip, project = write_clip(tmp_path / "clip.mp4", frames=50), tmp_path / "p"
    assert main(["new", str(project), "--task", "detect"]) == 0
    assert main(["import", str(project), str(clip), "--step", "0.5s", "--dry-run"]) == 0
    assert "50 frames, 25 a second, 0:02.000; a frame every 0.5 s is 4 images" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("step", ["0", "-3", "often", "0s"])
def test_a_step_that_means_nothing_is_refused(tmp_path, capsys, step):
    clip, project = write_clip(tmp_path / "clip.mp4", frames=5), tmp_path / "p"
    assert main(["new", str(project), "--task", "detect"]) == 0
    assert main(["import", str(project), str(clip), f"--step={step}"]) == 2
    assert "step" in capsys.readouterr().err

"""`cvstudio predict` and `cvstudio bundle`, as a person types them."""

from __future__ import annotations

import csv
import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from onnx_hands import finding_file
from pycocotools.coco import COCO
from video_clips import write_clip, write_uneven_clip

from cvstudio.__main__ import main
from cvstudio.core.annotation import Review, State, Task
from cvstudio.formats import answers as writing
from cvstudio.imaging import video
from cvstudio.project import queries
from cvstudio.project.project import Project


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A detector that finds two cells with 0.9 and 0.4 wherever it looks, 64 x 64 pixels."""
    return finding_file(
        tmp_path / "cells.onnx", ("cell",), [(16, 16, 10, 10, 0.9), (44, 40, 12, 8, 0.4)]
    )


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((64, 64, 3), 40 * number, np.uint8))
    (folder / "broken.png").write_bytes(b"nothing")
    return folder


def test_tables_coco_pictures_and_what_was_skipped(
    tmp_path: Path, network: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    options = ["--csv", out / "a.csv", "--coco", out / "a.json", "--overlay", out / "seen"]
    arguments = ["predict", network, images, "-o", out / "all.json", "--score", "0.3", *options]
    assert main([str(a) for a in arguments]) == 0
    said = capsys.readouterr().err
    assert "broken.png" in said
    content = json.loads((out / "all.json").read_text(encoding="utf-8"))
    assert [len(row["objects"]) for row in content["images"]] == [2, 2, 2]
    assert len(content["problems"]) == 1
    with (out / "a.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6
    assert {row["class"] for row in rows} == {"cell"}
    assert float(rows[0]["x"]) == pytest.approx(11, abs=0.1)
    read = COCO(str(out / "a.json"))
    assert len(read.anns) == 6
    assert sorted({round(a["score"], 2) for a in read.anns.values()}) == [0.4, 0.9]
    before, after = (cv2.imread(str(p / "1.png")) for p in (images, out / "seen"))
    assert (before != after).any()


def test_a_higher_score_leaves_out_what_is_less_sure(
    tmp_path: Path, network: Path, images: Path
) -> None:
    out = tmp_path / "all.json"
    command = ["predict", str(network), str(images / "0.png"), "-o", str(out), "--score", "0.5"]
    assert main(command) == 0
    (row,) = json.loads(out.read_text(encoding="utf-8"))["images"]
    assert [round(one["score"], 2) for one in row["objects"]] == [0.9]


def test_each_third_frame_of_a_video_comes_back_as_a_video(tmp_path: Path, network: Path) -> None:
    video = write_clip(tmp_path / "walk.mp4", frames=10)
    out = tmp_path / "seen.mp4"
    command = ["predict", network, video, "--step", "3", "-o", tmp_path / "a.json", "--video", out]
    assert main([str(part) for part in command]) == 0
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [row["frame"] for row in content["images"]] == [1, 4, 7, 10]
    capture = cv2.VideoCapture(str(out))
    frames = 0
    while capture.read()[0]:
        frames += 1
    assert frames == 4
    assert not list(tmp_path.glob(".*part*"))


def test_frames_of_a_video_have_their_number_and_time_and_pages_stay_pages(
    tmp_path: Path, network: Path
) -> None:
    """Of uneven frames the time is that of their stamps."""
    source = write_clip(tmp_path / "even.mp4", frames=4)
    write_uneven_clip(tmp_path / "walk.mkv", [40, 500, 40, 40], source=source)
    stack = tmp_path / "stack.tif"
    cv2.imwritemulti(str(stack), [np.full((64, 64), 60 * n, np.uint8) for n in range(2)])
    out = tmp_path / "out"
    given = ["predict", network, tmp_path / "walk.mkv", stack, "-o", out / "a.json", "--csv",
             out / "a.csv", "--coco", out / "coco.json", "--score", "0.5"]  # fmt: skip
    assert main([str(part) for part in given]) == 0
    frames = [(1, 0.0), (2, 0.04), (3, 0.54), (4, 0.58)]
    images = json.loads((out / "a.json").read_text(encoding="utf-8"))["images"]
    assert [(row["frame"], row["time"]) for row in images if "frame" in row] == frames
    assert [row["page"] for row in images if "page" in row] == [1, 2]
    assert len(images) == 6
    with (out / "a.csv").open(encoding="utf-8", newline="") as stream:
        rows = [(r["page"], r["frame"], r["time"]) for r in csv.DictReader(stream)]
    assert rows == [*(("", str(n), str(at)) for n, at in frames), ("1", "", ""), ("2", "", "")]
    told = COCO(str(out / "coco.json")).imgs.values()
    assert [(i.get("frame"), i.get("time"), i.get("page")) for i in told] == [
        *((n, at, None) for n, at in frames), (None, None, 1), (None, None, 2),
    ]  # fmt: skip


def test_a_camera_that_is_not_there_is_said_in_words(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(network), "--camera", "97"]) == 1
    said = capsys.readouterr().err
    assert "There is no camera with the number 97 on this computer" in said


@pytest.fixture
def film_as_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A camera 0 that shows twelve pictures and then goes away; gives a folder for what is made."""
    film = write_clip(tmp_path / "film.mp4", frames=12, fps=10)
    real = cv2.VideoCapture

    def opened(source: Any, *more: Any) -> Any:
        return real(str(film)) if source == 0 else real(source, *more)

    monkeypatch.setattr(cv2, "VideoCapture", opened)
    return tmp_path


def test_as_many_pictures_of_a_camera_are_answered_as_were_wanted(
    film_as_camera: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = film_as_camera / "seen.mp4"
    command = ["predict", str(network), "--camera", "0", "--frames", "5", "--video", str(out)]
    assert main(command) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["frame"] for line in lines] == [1, 2, 3, 4, 5]
    assert all(line["width"] == 320 and line["objects"] for line in lines)
    assert len(video.index_of(out)) == 5


def test_what_a_camera_showed_is_kept_when_it_goes_away(
    film_as_camera: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = film_as_camera / "seen.mp4"
    assert main(["predict", str(network), "--camera", "0", "--video", str(out)]) == 1
    told = capsys.readouterr()
    assert "Camera 0 gives no picture any more." in told.err
    assert "12 frames" in told.err
    assert len(told.out.splitlines()) == 12
    assert len(video.index_of(out)) == 12


def test_answers_come_into_a_project_as_suggestions_with_their_images(
    tmp_path: Path, network: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "project"
    Project.create(place, task=Task.DETECT, classes=["cell"]).close()
    arguments = ["predict", network, images, "-o", tmp_path / "a.json", "--score", "0.5",
                 "--to-project", place]  # fmt: skip
    assert main([str(a) for a in arguments]) == 0
    assert "3 new images" in capsys.readouterr().err
    with Project.open(place) as project, project.read() as s:
        ids = queries.image_ids(s)
        assert len(ids) == 3
        found = [a for each in queries.annotations_of(s, ids).values() for a in each]
        assert len(found) == 3
        assert {a.state for a in found} == {State.SUGGESTED}
        assert {image.review for image in queries.images(s, ids)} == {Review.UNLABELLED}
    # Once more: nothing is doubled.
    assert main([str(a) for a in arguments]) == 0
    with Project.open(place) as project, project.read() as s:
        ids = queries.image_ids(s)
        assert len(ids) == 3
        assert sum(len(a) for a in queries.annotations_of(s, ids).values()) == 3


def test_a_network_for_another_task_is_refused_before_anything_comes_in(
    tmp_path: Path, network: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "project"
    Project.create(place, task=Task.SEGMENT, classes=["cell"]).close()
    out = ["-o", str(tmp_path / "a.json")]
    assert main(["predict", str(network), str(images), *out, "--to-project", str(place)]) == 1
    assert "is for detect, and this project is for segment" in capsys.readouterr().err
    with Project.open(place) as project, project.read() as s:
        assert queries.image_ids(s) == []


def test_a_network_that_knows_no_class_of_the_project_brings_no_images_in(
    tmp_path: Path, network: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "project"
    Project.create(place, task=Task.DETECT, classes=["nucleus"]).close()
    out = ["-o", str(tmp_path / "a.json")]
    assert main(["predict", str(network), str(images), *out, "--to-project", str(place)]) == 1
    said = capsys.readouterr().err
    assert "The network knows “cell”, and this project has no such class." in said
    assert "Add a class of that name" in said
    assert "broken.png" not in said, "before anything is looked at"
    with Project.open(place) as project, project.read() as s:
        assert queries.image_ids(s) == []


def test_a_bundle_of_a_run_without_a_file_says_how_to_make_one(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "project"
    Project.create(place, task=Task.DETECT, classes=["cell"]).close()
    zipped = ["-o", str(tmp_path / "net.zip")]
    assert main(["bundle", str(place), "7", *zipped]) == 1
    assert "7" in capsys.readouterr().err
    assert main(["bundle", str(place), "nowhere.onnx", *zipped]) == 2
    assert not (tmp_path / "net.zip").exists()


def test_pictures_never_take_the_place_of_the_images_that_were_looked_at(
    network: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (images / "0.png").read_bytes()
    for given in (images, images / "0.png"):
        assert main(["predict", str(network), str(given), "--overlay", str(images)]) == 1
        assert "images holds the images themselves" in capsys.readouterr().err
    assert (images / "0.png").read_bytes() == before
    film = write_clip(images / "walk.mp4", frames=3)
    content = film.read_bytes()
    assert main(["predict", str(network), str(film), "--video", str(film)]) == 1
    assert "is the video that was looked at" in capsys.readouterr().err
    assert film.read_bytes() == content


def test_a_second_look_at_a_folder_does_not_look_at_what_the_first_has_drawn(
    network: Path, images: Path
) -> None:
    out = images / "all.json"
    drawn = ["--overlay", images / "seen"]
    for _ in range(2):
        arguments = ["predict", network, images, "-o", out, *drawn]
        assert main([str(part) for part in arguments]) == 0
        files = [row["file"] for row in json.loads(out.read_text(encoding="utf-8"))["images"]]
        assert [Path(file).name for file in files] == ["0.png", "1.png", "2.png"]
    # Where they were asked for by name they are looked at.
    seen = str(images / "seen" / "0.png")
    assert main(["predict", str(network), seen, "-o", str(out)]) == 0


def test_what_cannot_be_written_is_said_before_anything_is_looked_at(
    tmp_path: Path, network: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.json"
    command = ["predict", str(network), str(images), "-o", str(out)]
    assert main([*command, "--masks", str(tmp_path / "masks")]) == 1
    told = capsys.readouterr().err
    assert "This network gives no masks." in told
    assert "broken.png" not in told
    assert not out.exists()


def test_a_file_that_finds_no_place_takes_nothing_from_the_others(
    tmp_path: Path, network: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    table = tmp_path / "a.csv"
    places = ["-o", str(tmp_path / "file" / "a.json"), "--csv", str(table)]
    assert main(["predict", str(network), str(images), *places]) == 1
    assert "a.json was not written whole: " in capsys.readouterr().err
    with table.open(encoding="utf-8", newline="") as stream:
        assert len(list(csv.DictReader(stream))) > 2


def test_a_camera_ends_with_a_whole_video_while_the_disk_still_has_room_for_its_end(
    film_as_camera: Path, network: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    rooms = iter([10**9, 1000])
    room = namedtuple("room", "free")
    monkeypatch.setattr(writing, "_LOOK_EVERY", 4)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: room(next(rooms)))
    out = film_as_camera / "seen.mp4"
    assert main(["predict", str(network), "--camera", "0", "--video", str(out)]) == 1
    told = capsys.readouterr()
    assert "The disk has no room for more of seen.mp4." in told.err
    assert "4 frames" in told.err
    assert len(video.index_of(out)) == 4
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert lines[0]["time"] == 0
    assert lines[-1]["time"] >= 0

"""The predict job: what it looks at, that it goes on where it was, and how it sees large images."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from bundle_files import file_of, picture
from short_files import files_no_longer_than

from cvstudio.core.answers import Answered, AnswerTail, Skipped, append, read_teller
from cvstudio.core.config import PredictConfig
from cvstudio.core.errors import FormatError, RunError
from cvstudio.core.events import Note, Outcome, Progress
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.keypoints import Keypoints
from cvstudio.formats import answers as writing
from cvstudio.formats.answers import Count
from cvstudio.ml.predicting.asking import answer_of, ask, open_file, targets_of
from cvstudio.ml.predicting.job import run_predict
from cvstudio.ml.tiles import pieces_of


def job_in(folder: Path) -> JobDir:
    job = JobDir(folder / "predict-1")
    job.path.mkdir()
    return job


def images_in(folder: Path, count: int) -> list[Path]:
    return [picture(folder / f"{n}.png", 80, 60, seed=n) for n in range(count)]


def test_a_look_is_written_as_it_goes_and_tells_what_it_left_out(tmp_path: Path) -> None:
    onnx = file_of(tmp_path / "net.onnx", "detect")
    images_in(tmp_path / "new", 3)
    (tmp_path / "new" / "1b.png").write_bytes(b"nothing")
    job = job_in(tmp_path)
    config = PredictConfig(file=onnx, sources=(tmp_path / "new",))
    assert run_predict(job, config) is Outcome.FINISHED
    lines = list(AnswerTail(job.path).new())
    assert [line.path.name for line in lines] == ["0.png", "1.png", "1b.png", "2.png"]
    assert [isinstance(line, Answered) for line in lines] == [True, True, False, True]
    first = lines[0]
    assert isinstance(first, Answered)
    assert (first.width, first.height) == (80, 60)
    assert min(one.score for one in first.prediction.objects) >= config.least
    events = list(job.read_events())
    assert [e.done for e in events if isinstance(e, Progress)][-1] == 4
    assert any(isinstance(e, Note) and "1b.png" in e.text for e in events)
    assert read_teller(job.path).name == "net.onnx"


def test_a_job_that_died_goes_on_where_it_was(tmp_path: Path) -> None:
    onnx = file_of(tmp_path / "net.onnx", "classify")
    images = images_in(tmp_path / "new", 4)
    job = job_in(tmp_path)
    asked = open_file(onnx)
    append(job.path, ask(asked, targets_of(images[:2])))
    with (job.path / "answers.jsonl").open("ab") as stream:
        stream.write(b'{"file": "' + str(images[2]).encode())  # cut off in the middle of a line
    assert run_predict(job, PredictConfig(file=onnx, sources=tuple(images))) is Outcome.FINISHED
    lines = list(AnswerTail(job.path).new())
    assert [line.path for line in lines] == images


def test_a_cancelled_job_keeps_what_it_has(tmp_path: Path) -> None:
    onnx = file_of(tmp_path / "net.onnx", "classify")
    images_in(tmp_path / "new", 3)
    job = job_in(tmp_path)
    seen = 0

    class Watched(JobDir):
        def asked(self) -> Request | None:
            nonlocal seen
            if (self.path / "answers.jsonl").exists():
                seen += 1
                return Request.CANCEL
            return None

    config = PredictConfig(file=onnx, sources=(tmp_path / "new",))
    assert run_predict(Watched(job.path), config) is Outcome.CANCELLED
    assert seen
    assert len(list(AnswerTail(job.path).new())) == 1


def test_nothing_to_look_at_and_nothing_readable_are_said(tmp_path: Path) -> None:
    onnx = file_of(tmp_path / "net.onnx", "classify")
    (tmp_path / "empty").mkdir()
    job = job_in(tmp_path)
    with pytest.raises(RunError, match="no image or video in"):
        run_predict(job, PredictConfig(file=onnx, sources=(tmp_path / "empty",)))
    (tmp_path / "empty" / "broken.jpg").write_bytes(b"nothing")
    for _ in ("the first time", "begun again"):
        with pytest.raises(RunError, match=r"Nothing could be read. broken.jpg"):
            run_predict(job, PredictConfig(file=onnx, sources=(tmp_path / "empty",)))


@pytest.mark.parametrize(("width", "height"), [(300, 64), (130, 200), (65, 65), (64, 10)])
def test_each_place_of_an_image_counts_in_one_piece(width: int, height: int) -> None:
    times = np.zeros((height, width), int)
    for tile in pieces_of(width, height, 64):
        rows, columns = tile.seen.slices
        assert (columns.stop - columns.start, rows.stop - rows.start) == (
            min(64, width), min(64, height),
        )  # fmt: skip
        times[tile.kept.slices] += 1
    assert (times == 1).all()


@pytest.mark.parametrize("kind", ["detect", "segment", "keypoints", "own masks"])
def test_in_pieces_it_answers_as_the_script_of_a_bundle_does(tmp_path: Path, kind: str) -> None:
    from test_bundles import SCRIPT, assert_same, load

    script = load(SCRIPT)
    onnx = file_of(tmp_path / "net.onnx", kind)
    image = picture(tmp_path / "wide.png", 190, 90)
    asked = open_file(onnx)
    rgb = script.read(image)[0]
    ours = answer_of(asked.network, rgb, 1, tiles=True)
    assert_same(script, ours, script.Network(onnx).answer(rgb, tiles=True))
    whole = answer_of(asked.network, rgb, 1)
    assert whole != ours


# -- what is written of answers


def answered(tmp_path: Path, kind: str, count: int = 2) -> tuple[object, list[Answered]]:
    asked = open_file(file_of(tmp_path / f"{kind}.onnx", kind))
    lines = list(ask(asked, targets_of(images_in(tmp_path / "new", count))))
    return asked.teller, [line for line in lines if isinstance(line, Answered)]


def test_coco_has_keypoints_that_are_there_and_corners_of_rotated_boxes(tmp_path: Path) -> None:
    teller, answers = answered(tmp_path, "keypoints")
    writing.write_coco(tmp_path / "k.json", teller, answers, Count(0.3))
    told = json.loads((tmp_path / "k.json").read_text(encoding="utf-8"))
    assert told["categories"][0]["keypoints"] == ["nose", "tail"]
    assert told["categories"][0]["skeleton"] == [[1, 2]]
    best = answers[0].prediction.objects[0]
    shape = best.shape
    assert isinstance(shape, Keypoints)
    row = told["annotations"][0]
    assert row["num_keypoints"] == int((shape.points[:, 2] > 0).sum())
    assert len(row["keypoints"]) == 6
    teller, answers = answered(tmp_path, "rotated")
    writing.write_coco(tmp_path / "r.json", teller, answers, Count(0.3))
    row = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["annotations"][0]
    turned = answers[0].prediction.objects[0].rotated
    assert turned is not None
    assert row["segmentation"][0] == pytest.approx(turned.corners().ravel(), abs=1e-3)
    assert row["area"] == pytest.approx(turned.w * turned.h, abs=1e-2)


def test_masks_number_the_objects_with_the_best_on_top(tmp_path: Path) -> None:
    teller, answers = answered(tmp_path, "own masks", count=1)
    assert writing.write_masks(tmp_path / "masks", teller, answers, Count(0.3)) == 1
    picture_ = cv2.imread(str(tmp_path / "masks" / "0.png"), cv2.IMREAD_UNCHANGED)
    best = answers[0].prediction.objects[0].mask
    assert best is not None
    assert (picture_[best.full(60, 80) > 0] == 1).all()
    kept = [one for one in answers[0].prediction.objects if one.score >= 0.3]
    assert 1 < picture_.max() <= len(kept)


def test_regions_are_numbered_by_the_places_of_classes(tmp_path: Path) -> None:
    teller, answers = answered(tmp_path, "segment", count=1)
    writing.write_masks(tmp_path / "masks", teller, answers, Count(0.3))
    found = cv2.imread(str(tmp_path / "masks" / "0.png"), cv2.IMREAD_UNCHANGED)
    regions = answers[0].prediction.regions
    assert regions
    for place, key in enumerate((3, 7), 1):
        if key in regions:
            assert np.array_equal(found == place, regions[key].full(60, 80) > 0)


def test_classes_of_whole_images_are_no_coco_and_boxes_no_masks(tmp_path: Path) -> None:
    teller, answers = answered(tmp_path, "classify")
    with pytest.raises(FormatError, match="table"):
        writing.write_coco(tmp_path / "a.json", teller, answers, Count(0.3))
    with pytest.raises(FormatError, match="no masks"):
        writing.write_masks(tmp_path / "masks", teller, answers, Count(0.3))
    with pytest.raises(FormatError, match="one video"):
        writing.write_video(tmp_path / "a.mp4", teller, answers, Count(0.3))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["classify.onnx", "new"]


def test_where_images_may_have_several_classes_each_counts_from_its_own_score(
    tmp_path: Path,
) -> None:
    teller, answers = answered(tmp_path, "several", count=1)
    scores = answers[0].prediction.scores
    assert scores is not None
    own = {3: 0.2, 7: 0.6}
    expected = sum(scores[key] >= own[key] for key in own)
    assert writing.write_csv(tmp_path / "a.csv", teller, answers, Count(0.99)) == 0
    assert writing.write_csv(tmp_path / "b.csv", teller, answers, Count(0.99, own=True)) == expected
    assert expected


def test_a_skipped_file_is_told_with_its_reason(tmp_path: Path) -> None:
    append(tmp_path, [Skipped(Path("a.png"), "It is empty.")])
    assert list(AnswerTail(tmp_path).new()) == [Skipped(Path("a.png"), "It is empty.")]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the system")
def test_an_answer_that_finds_no_room_leaves_no_half_line_that_would_swallow_the_next(
    tmp_path: Path,
) -> None:
    first, lost, last = (Skipped(Path(f"{name}.png"), "It is empty.") for name in "abc")
    append(tmp_path, [first])
    room = (tmp_path / "answers.jsonl").stat().st_size + 20
    with files_no_longer_than(room), pytest.raises(OSError, match="too large"):
        append(tmp_path, [lost])
    append(tmp_path, [last])
    assert (tmp_path / "answers.jsonl").read_bytes().count(b"\n") == 2
    assert list(AnswerTail(tmp_path).new()) == [first, last]


def test_pictures_of_images_of_one_name_never_take_each_others_place(tmp_path: Path) -> None:
    teller, (answer, *_) = answered(tmp_path, "segment", count=1)
    paths = [Path("a/x.png"), Path("b/X.png"), Path("a/x-2.png"), Path("c/x.png")]
    answers = [replace(answer, path=path) for path in paths]
    assert writing.write_masks(tmp_path / "masks", teller, answers, Count(0.3)) == 4
    names = {path.name.casefold() for path in (tmp_path / "masks").glob("*.png")}
    assert names == {"x.png", "x-2.png", "x-2-2.png", "x-3.png"}


def test_pictures_of_files_that_differ_in_their_ending_say_whose_they_are(tmp_path: Path) -> None:
    """Else the mask of a.jpg would be called a.png."""
    teller, (answer, *_) = answered(tmp_path, "segment", count=1)
    paths = [Path("new/a.jpg"), Path("new/a.png"), Path("new/b.png"), Path("new/walk.mp4")]
    answers = [replace(answer, path=path) for path in paths]
    answers[-1] = replace(answers[-1], page=2, pages=5, seconds=0.08)
    writing.write_masks(tmp_path / "masks", teller, answers, Count(0.3))
    with (tmp_path / "masks" / "pictures.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows == [
        ["picture", "file", "page", "frame", "time"],
        ["a-jpg.png", str(paths[0]), "1", "", ""],
        ["a-png.png", str(paths[1]), "1", "", ""],
        ["b.png", str(paths[2]), "1", "", ""],
        ["walk-00003.png", str(paths[3]), "", "3", "0.08"],
    ]
    assert {p.name for p in (tmp_path / "masks").glob("*.png")} == {row[0] for row in rows[1:]}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the system")
@pytest.mark.parametrize("ending", ["mp4", "avi", "mkv"])
def test_a_video_that_finds_no_room_does_not_bear_its_name(tmp_path: Path, ending: str) -> None:
    """Of some kinds the first frames can be read although the rest is missing."""
    noise = np.random.default_rng(0)
    writer = writing.VideoWriter(tmp_path / f"out.{ending}", (320, 240), 25)
    with files_no_longer_than(100_000):
        for _ in range(30):
            writer.add(noise.integers(0, 255, (240, 320, 3), np.uint8))
        with pytest.raises(FormatError, match=rf"out.{ending} could not be written whole"):
            writer.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_images_is_told_before_the_network_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    job = job_in(tmp_path)
    config = PredictConfig(run_directory=tmp_path / "no run", sources=(tmp_path / "empty",))
    with pytest.raises(RunError, match="There is no image or video in"):
        run_predict(job, config)

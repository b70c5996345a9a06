"""Deployment bundles: what a stranger unpacks answers as CVStudio did, with three packages."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from bundle_files import CLASSES, KINDS, file_of, picture
from judge_samples import snapshot_of
from PIL import Image
from video_clips import KINDS as CLIPS
from video_clips import write_clip

from cvstudio.core.annotation import Split, Task
from cvstudio.core.config import BundleConfig
from cvstudio.core.errors import FormatError, RunError
from cvstudio.core.events import Note, Outcome
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.masks import from_coco
from cvstudio.core.recipe import Fit, Sees
from cvstudio.core.resources import resources
from cvstudio.core.snapshot import Snapshot, write_snapshot
from cvstudio.core.sureness import Platt
from cvstudio.core.video_names import SUFFIXES
from cvstudio.imaging import video
from cvstudio.imaging.decode import read_rgb
from cvstudio.ml.exporting.bundle import REQUIREMENTS, run_bundle
from cvstudio.ml.exporting.card import Known, model_card
from cvstudio.ml.exporting.certificate import GRAPH
from cvstudio.ml.onnx_file import FileRecord
from cvstudio.ml.predict import OnnxNetwork
from cvstudio.ml.seeing import see

SCRIPT = resources() / "bundle" / "predict.py"
ONLY_THREE = """
import sys

ALLOWED = {"numpy", "onnxruntime", "cv2", "predict", "google", "flatbuffers", "packaging"}


class Blocked:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first not in ALLOWED and first not in sys.stdlib_module_names:
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Blocked())
import runpy

script = sys.argv.pop(1)
sys.argv[0] = script
runpy.run_path(script, run_name="__main__")
"""


def load(path: Path) -> ModuleType:
    """predict.py, as another program would import it."""
    found = importlib.util.spec_from_file_location("predict", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["predict"] = module  # dataclasses look their module up
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script at hand."""
    return load(SCRIPT)


def answers(script: ModuleType, onnx: Path, image: Path, **how: Any) -> tuple[Any, Any]:
    """CVStudio's answer and the script's."""
    ours = OnnxNetwork(onnx)
    (told,) = ours.predict([see(image, 0, ours.record.window, ours.preprocessor)], [0])
    return told, script.Network(onnx).answer(script.read(image)[0], **how)


def assert_same(script: ModuleType, ours: Any, theirs: Any) -> None:
    if ours.scores is not None:
        assert theirs.scores == pytest.approx(ours.scores, abs=1e-6)
        return
    if ours.regions is not None:
        assert theirs.labels is not None
        for place, label in enumerate(CLASSES, 1):
            mask = ours.regions.get(label.id)
            full = np.zeros(theirs.labels.shape, np.uint8)
            if mask is not None:
                mask.paint(full, 1)
            assert np.array_equal(full > 0, theirs.labels == place)
        return
    assert len(ours.objects) == len(theirs.objects) > 5
    for one, other in zip(ours.objects, theirs.objects, strict=True):
        assert one.class_id == other.class_id
        assert other.score == pytest.approx(one.score, abs=1e-6)
        box = (one.box.x, one.box.y, one.box.right, one.box.bottom)
        assert other.box == pytest.approx(box, abs=1e-3)
        if one.mask is not None:
            full = one.mask.full(theirs.height, theirs.width)
            assert np.array_equal(full, script.whole_mask(other, theirs.width, theirs.height))
        if one.rotated is not None:
            x, y, w, h, angle = other.rotated
            turned = one.rotated
            assert (x, y, w, h) == pytest.approx(
                (turned.cx, turned.cy, turned.w, turned.h), abs=1e-3
            )
            assert np.cos(2 * np.radians(angle - turned.angle)) == pytest.approx(1, abs=1e-6)
        if one.points is not None:
            assert other.points[:, :2] == pytest.approx(one.points.points[:, :2], abs=1e-3)
            assert other.points[:, 2] == pytest.approx(one.sure, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fit", list(Fit))
def test_the_script_answers_as_the_program_does(
    script: ModuleType, tmp_path: Path, kind: str, fit: Fit
) -> None:
    onnx = file_of(tmp_path / "net.onnx", kind, fit=fit)
    for place, (width, height) in enumerate([(97, 61), (40, 150), (64, 64)]):
        image = picture(tmp_path / f"{place}.png", width, height, seed=place)
        assert_same(script, *answers(script, onnx, image))


@pytest.mark.parametrize("kind", ["detect", "instance", "rotated", "keypoints", "listed"])
def test_the_script_corrects_scores_as_the_program_does(
    script: ModuleType, tmp_path: Path, kind: str
) -> None:
    plain = file_of(tmp_path / "plain.onnx", kind)
    scaled = file_of(tmp_path / "scaled.onnx", kind, platt=(platt := Platt(0.6, -0.4)))
    image = picture(tmp_path / "one.png", 97, 61)
    assert_same(script, *answers(script, scaled, image))
    before, after = (answers(script, each, image)[0].objects for each in (plain, scaled))
    assert before
    read = [platt.of(one.score) for one in before]
    assert [one.score for one in after] == pytest.approx(read, abs=1e-6)


def _grey(folder: Path) -> Path:
    image = picture(folder / "colour.png", 50, 70)
    cv2.imwrite(str(folder / "grey.png"), cv2.imread(str(image), cv2.IMREAD_GRAYSCALE))
    return folder / "grey.png"


def _clear(folder: Path) -> Path:
    pixels = cv2.imread(str(picture(folder / "colour.png", 50, 70)))
    alpha = np.tile(np.linspace(0, 255, 50).astype(np.uint8), (70, 1))
    cv2.imwrite(str(folder / "clear.png"), np.dstack([pixels, alpha]))
    return folder / "clear.png"


def _turned(folder: Path) -> Path:
    rgb = read_rgb(picture(folder / "colour.png", 50, 70))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rgb).save(folder / "turned.jpg", quality=95, exif=exif)
    return folder / "turned.jpg"


def _turned_png(folder: Path) -> Path:
    rgb = read_rgb(picture(folder / "colour.png", 50, 70))
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(rgb).save(folder / "turned.png", exif=exif)
    return folder / "turned.png"


def _deep(folder: Path) -> Path:
    return picture(folder / "deep.png", 50, 70, deep=True)


def _deep_tiff(folder: Path) -> Path:
    return picture(folder / "deep.tif", 50, 70, deep=True)


@pytest.mark.parametrize("made", [_grey, _clear, _turned, _turned_png, _deep, _deep_tiff])
@pytest.mark.parametrize("window", [None, (5000.0, 30000.0)])
def test_the_script_sees_files_of_every_kind_as_the_program_does(
    script: ModuleType, tmp_path: Path, made: Any, window: tuple[float, float] | None
) -> None:
    onnx = file_of(tmp_path / "net.onnx", "segment", window=window)
    image = made(tmp_path)
    ours, theirs = OnnxNetwork(onnx), script.Network(onnx)
    rgb = see(image, 0, window, ours.preprocessor)
    seen = theirs.see(script.read(image)[0])
    assert np.array_equal(rgb, seen)
    expected, at = ours.preprocessor.prepare(rgb)
    found, place = theirs.prepare(seen)
    assert np.array_equal(expected, found)
    assert (at.left, at.top, at.inner) == (place.left, place.top, place.inner)


def test_a_network_that_sees_all_values_gets_all_of_them(
    script: ModuleType, tmp_path: Path
) -> None:
    onnx = file_of(tmp_path / "net.onnx", "segment", channels=5, window=(0.0, 4000.0))
    network = OnnxNetwork(onnx)
    assert network.preprocessor.sees is Sees.ALL
    values = np.random.default_rng(0).integers(0, 5000, (40, 60, 5)).astype(np.uint16)
    np.save(tmp_path / "deep.npy", values)
    shown = (values / 4000.0).astype(np.float32)
    (ours,) = network.predict([shown], [0])
    theirs = script.Network(onnx).answer(script.read(tmp_path / "deep.npy")[0])
    assert_same(script, ours, theirs)
    with pytest.raises(script.Problem, match="3 channels, and the network takes 5"):
        script.Network(onnx).answer(values[..., :3])


@pytest.mark.parametrize("kind", ["segment", "detect"])
def test_large_images_are_looked_at_in_the_same_tiles(
    script: ModuleType, tmp_path: Path, kind: str
) -> None:
    onnx = file_of(tmp_path / "net.onnx", kind, fit=Fit.CROP)
    image = picture(tmp_path / "large.png", 2300, 1900)
    assert_same(script, *answers(script, onnx, image))


@pytest.mark.parametrize(("width", "height"), [(300, 64), (130, 200), (65, 65), (64, 64)])
def test_pieces_cover_an_image_once_and_are_all_as_large_as_the_input(
    script: ModuleType, width: int, height: int
) -> None:
    counted = np.zeros((height, width), int)
    for (left, top, right, bottom), kept in script.windows_of(width, height, 64):
        assert (right - left, bottom - top) == (min(64, width), min(64, height))
        assert left <= kept[0] < kept[2] <= right
        assert top <= kept[1] < kept[3] <= bottom
        counted[kept[1] : kept[3], kept[0] : kept[2]] += 1
    assert (counted == 1).all()


def test_pieces_see_small_things_at_their_own_scale(script: ModuleType, tmp_path: Path) -> None:
    onnx = file_of(tmp_path / "net.onnx", "segment")
    image = tmp_path / "wide.png"
    rgb = np.full((90, 400, 3), 128, np.uint8)
    rgb[:, ::2] = (250, 5, 90)  # columns that shrinking makes one grey
    cv2.imwrite(str(image), rgb[..., ::-1])
    network = script.Network(onnx)
    shrunk = network.answer(script.read(image)[0])
    pieces = network.answer(script.read(image)[0], tiles=True)
    assert (shrunk.labels[:, ::2] == shrunk.labels[:, 1::2]).mean() > 0.9
    assert (pieces.labels[:, ::2] != pieces.labels[:, 1::2]).all()


def test_masks_written_by_the_script_are_read_by_others(script: ModuleType) -> None:
    mask = (np.random.default_rng(1).random((9, 13)) > 0.5).astype(np.uint8)
    for pixels in (mask, 1 - mask, np.zeros_like(mask), np.ones_like(mask)):
        code = script.run_lengths(pixels)
        read = from_coco(code["counts"], height=9, width=13)
        full = read.full(9, 13) if read is not None else np.zeros((9, 13), np.uint8)
        assert np.array_equal(full, pixels)
        assert np.array_equal(script.from_run_lengths(code), pixels)


# -- the zip


def bundle(
    folder: Path, kind: str, *, snapshot: Snapshot | None = None,
    verification: dict[str, Any] | None = None, **more: Any,
) -> tuple[Path, JobDir]:  # fmt: skip
    """Pack a file of that kind with images of a run; gives the unpacked folder and the job."""
    onnx = file_of(folder / "out" / "tiny.onnx", kind, verification=verification)
    if verification is not None:
        write_json(onnx.with_suffix(".verification.json"), verification)
    run = JobDir(folder / "run")
    run.path.mkdir(parents=True, exist_ok=True)
    if snapshot is None:
        snapshot = snapshot_of(folder / "data", Task.DETECT, count=4)
    write_snapshot(run.snapshot, snapshot)
    job = JobDir(run.path / "jobs" / "bundle-1")
    job.path.mkdir(parents=True)
    output = folder / "tiny.zip"
    config = BundleConfig(file=onnx, output=output, run_directory=run.path, **more)
    assert run_bundle(job, config) is Outcome.FINISHED
    with zipfile.ZipFile(output) as archive:
        archive.extractall(folder / "elsewhere")
    return folder / "elsewhere" / "tiny", job


def run_script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """predict.py in a process that can import nothing but its three packages."""
    command = [sys.executable, "-c", ONLY_THREE, str(folder / "predict.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_unpacked_tests_itself_with_three_packages(tmp_path: Path, kind: str) -> None:
    folder, _ = bundle(tmp_path, kind)
    done = run_script(folder, "--selftest")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The self-test passed." in done.stdout
    assert done.stdout.count("ok:") == 4
    names = {path.name for path in folder.iterdir()}
    assert {"tiny.onnx", "README.md", "MODEL_CARD.md", "requirements.txt"} < names


def test_a_file_that_could_not_be_judged_says_so_wherever_it_is_packed(tmp_path: Path) -> None:
    why = "the network has learned too little for this file to be judged"
    unjudged = {
        "verified": None, "judged_by": "nothing", "unjudged": why, "checks": [],
        "because": "On 40 images the run gives no more than 3 answers.",
    }  # fmt: skip
    folder, _ = bundle(tmp_path, "detect", verification=unjudged)
    done = run_script(folder, "--selftest")
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-3:]
    assert last[0] == "The self-test passed."
    assert last[1] == "It only tells that tiny.onnx answers here as it did where it was packed."
    assert last[2] == f"The file itself is not proven: {why}. {unjudged['because']}"
    for page in ("README.md", "MODEL_CARD.md"):
        text = (folder / page).read_text(encoding="utf-8")
        assert f"This file is not proven: {why}. {unjudged['because']}" in text
        assert "the file answers like the run" not in text


def test_the_self_test_finds_another_file_other_pixels_and_another_answer(tmp_path: Path) -> None:
    folder, _ = bundle(tmp_path, "detect")
    sample = folder / "samples" / "sample-1.png"
    right = sample.read_bytes()
    cv2.imwrite(str(sample), 0 * cv2.imread(str(sample)))
    done = run_script(folder, "--selftest")
    assert done.returncode == 1
    assert "FAILED: sample-1.png" in done.stdout
    assert "ok: sample-2.png" in done.stdout
    sample.write_bytes(right)
    assert run_script(folder, "--selftest").returncode == 0
    file_of(folder / "tiny.onnx", "detect", fit=Fit.STRETCH)
    done = run_script(folder, "--selftest")
    assert done.returncode == 1
    assert "is not the file that this folder was made with" in done.stdout


def test_the_script_writes_tables_pictures_and_masks_and_tells_what_it_skipped(
    tmp_path: Path,
) -> None:
    folder, _ = bundle(tmp_path, "instance")
    (folder / "samples" / "broken.png").write_bytes(b"no picture")
    out = tmp_path / "answers"
    done = run_script(folder, str(folder / "samples"), "-o", str(out), "--overlay", "--masks")
    assert done.returncode == 0, done.stderr
    assert "Skipped: broken.png" in done.stdout
    content = json.loads((out / "predictions.json").read_text(encoding="utf-8"))
    assert len(content["images"]) == 4
    assert [row["file"].endswith("broken.png") for row in content["problems"]] == [True]
    objects = [one for row in content["images"] for one in row["objects"]]
    assert objects
    assert min(one["score"] for one in objects) >= 0.3
    lines = (out / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(objects)
    for name in ("sample-1.png", "sample-4.png"):
        before = cv2.imread(str(folder / "samples" / name))
        after = cv2.imread(str(out / "overlay" / name))
        assert after.shape == before.shape
        assert (after != before).any()
        mask = cv2.imread(str(out / "masks" / name), cv2.IMREAD_UNCHANGED)
        row = next(r for r in content["images"] if r["file"].endswith(name))
        assert 1 <= mask.max() <= len(row["objects"])


def test_the_pages_of_a_file_are_counted_from_one(tmp_path: Path) -> None:
    folder, _ = bundle(tmp_path, "detect")
    stack = tmp_path / "stack.tif"
    pages = [Image.new("RGB", (40, 40), (shade, shade, shade)) for shade in (60, 120, 180)]
    pages[0].save(stack, save_all=True, append_images=pages[1:])
    out = tmp_path / "answers"
    done = run_script(folder, str(stack), "-o", str(out))
    assert done.returncode == 0, done.stderr
    content = json.loads((out / "predictions.json").read_text(encoding="utf-8"))
    assert [row["page"] for row in content["images"]] == [1, 2, 3]


def test_a_video_is_answered_frame_by_frame_with_number_and_time(tmp_path: Path) -> None:
    folder, _ = bundle(tmp_path, "instance")
    clips = tmp_path / "clips"
    clips.mkdir()
    film = write_clip(clips / "film.avi", frames=7, codec="FFV1", fps=10)
    picture(clips / "still.png", 64, 48)
    (clips / "broken.mp4").write_bytes(b"no video at all")
    (clips / "list.avi").write_bytes(b"#EXTM3U\nhttp://somewhere/else.ts\n")
    out = tmp_path / "answers"
    done = run_script(folder, str(clips), "-o", str(out), "--step", "3", "--overlay", "--masks")
    assert done.returncode == 0, done.stderr
    assert "Skipped: broken.mp4 is no video that OpenCV can read." in done.stdout
    assert "Skipped: list.avi is no video that OpenCV can read." in done.stdout
    assert "4 images and frames answered, 2 skipped" in done.stdout
    content = json.loads((out / "predictions.json").read_text(encoding="utf-8"))
    of_film = [row for row in content["images"] if row["file"].endswith("film.avi")]
    assert [(row["frame"], row["time"]) for row in of_film] == [(1, 0.0), (4, 0.3), (7, 0.6)]
    assert not any("page" in row for row in of_film)
    (still,) = [row for row in content["images"] if row["file"].endswith("still.png")]
    assert still["page"] == 1
    with (out / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if line["file"].endswith("film.avi")]
    assert {(line["frame"], line["time"]) for line in lines} == {
        ("1", "0.0"), ("4", "0.3"), ("7", "0.6"),
    }  # fmt: skip
    assert sum(len(row["objects"]) for row in of_film) == len(lines)
    names = {path.name for path in (out / "overlay").iterdir()}
    assert names == {"film-00001.png", "film-00004.png", "film-00007.png", "still.png"}
    assert film.exists()


@pytest.mark.parametrize("codec", sorted(CLIPS))
def test_the_script_sees_the_frames_of_a_video_as_the_program_does(
    script: ModuleType, tmp_path: Path, codec: str
) -> None:
    film = write_clip(tmp_path / f"film.{CLIPS[codec]}", frames=5, codec=codec)
    index = video.index_of(film)
    found = list(script.frames(film, 2))
    assert [number for number, _, _ in found] == [1, 3, 5]
    for number, seconds, frame in found:
        assert seconds == pytest.approx(index.times[number - 1] / 1000)
        assert (frame == video.read_frame(film, number - 1)).all()


def test_every_ending_that_is_a_video_to_the_program_is_one_to_the_script(
    script: ModuleType,
) -> None:
    assert frozenset(script.VIDEOS) == SUFFIXES


@pytest.mark.parametrize("step", ["0", "-1", "two"])
def test_a_step_that_means_nothing_is_told_to_whoever_runs_the_script(
    script: ModuleType, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        script.main(["film.mp4", f"--step={step}"])
    assert "is no whole number from 1 on" in capsys.readouterr().err


def test_two_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    folder, _ = bundle(tmp_path, "detect")
    names = ("one/same.png", "two/same.png", "one/same-2.png", "three/SAME.png")
    images = [picture(tmp_path / name, 40, 40) for name in names]
    out = tmp_path / "answers"
    assert run_script(folder, *map(str, images), "-o", str(out), "--overlay").returncode == 0
    assert len({path.name.casefold() for path in (out / "overlay").iterdir()}) == 4


def test_samples_leave_without_the_places_where_they_were_taken(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    image = tmp_path / "private.jpg"
    Image.fromarray(np.full((30, 40, 3), 90, np.uint8)).save(image, exif=exif)
    assert b"Secret Camera" in image.read_bytes()
    folder, _ = bundle(tmp_path, "classify", images=(image,))
    (sample,) = (p for p in (folder / "samples").iterdir() if p.name != "expected.json")
    assert b"Secret Camera" not in sample.read_bytes()
    with zipfile.ZipFile(tmp_path / "tiny.zip") as archive:
        texts = [archive.read(n) for n in archive.namelist() if n.endswith((".json", ".md"))]
    assert not any(str(tmp_path).encode() in text for text in texts)


def test_samples_show_every_class_where_images_do(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path / "data", Task.CLASSIFY, count=6)
    folder, _ = bundle(tmp_path, "classify", snapshot=snapshot, samples=2)
    expected = json.loads((folder / "samples" / "expected.json").read_text(encoding="utf-8"))
    assert len(expected["samples"]) == 2
    shown = [cv2.imread(str(folder / "samples" / row["file"])) for row in expected["samples"]]
    bright = [float((picture > 200).mean()) for picture in shown]
    assert (max(bright) > 0.01) > (min(bright) > 0.01)  # one with the bright disc, one without


def test_a_file_that_failed_its_proof_is_not_packed(tmp_path: Path) -> None:
    onnx = file_of(tmp_path / "net.onnx", "detect", verification={"verified": False, "checks": []})
    job = JobDir(tmp_path / "job")
    job.path.mkdir()
    with pytest.raises(FormatError, match="is not packed: it does not answer like the run"):
        run_bundle(job, BundleConfig(file=onnx, output=tmp_path / "net.zip"))
    file_of(tmp_path / "net.onnx", "detect")
    write_json(tmp_path / "net.verification.json", {"verified": False, "checks": []})
    with pytest.raises(FormatError, match="is not packed: it does not answer like the run"):
        run_bundle(job, BundleConfig(file=onnx, output=tmp_path / "net.zip"))
    assert not (tmp_path / "net.zip").exists()


def test_a_file_that_was_changed_since_its_proof_is_not_packed(tmp_path: Path) -> None:
    told = {"verified": True, "checks": [], GRAPH: "00"}
    onnx = file_of(tmp_path / "net.onnx", "detect", verification=told)
    job = JobDir(tmp_path / "job")
    job.path.mkdir()
    with pytest.raises(FormatError, match="was changed after it was proven"):
        run_bundle(job, BundleConfig(file=onnx, output=tmp_path / "net.zip"))
    assert not (tmp_path / "net.zip").exists()


def test_without_any_image_it_is_said_what_to_do(tmp_path: Path) -> None:
    onnx = file_of(tmp_path / "net.onnx", "detect")
    job = JobDir(tmp_path / "job")
    job.path.mkdir()
    with pytest.raises(RunError, match="no image for the self-test") as told:
        run_bundle(job, BundleConfig(file=onnx, output=tmp_path / "net.zip"))
    assert "--images" in told.value.hint


def test_a_damaged_image_among_those_named_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    onnx = file_of(tmp_path / "net.onnx", "detect")
    picture(tmp_path / "images" / "whole.png", 40, 40)
    (tmp_path / "images" / "broken.png").write_bytes(b"nothing")
    job = JobDir(tmp_path / "job")
    job.path.mkdir()
    config = BundleConfig(
        file=onnx, output=tmp_path / "net.zip", images=(tmp_path / "images",), samples=2
    )
    assert run_bundle(job, config) is Outcome.FINISHED
    assert json.loads((job.path / "bundle.json").read_text(encoding="utf-8"))["samples"] == 1
    notes = [event.text for event in job.read_events() if isinstance(event, Note)]
    assert len(notes) == 1
    assert "broken.png" in notes[0]


# -- the card


def test_the_card_tells_data_figures_limits_and_licence(tmp_path: Path) -> None:
    onnx = file_of(tmp_path / "net.onnx", "detect")
    record = OnnxNetwork(onnx).record
    train = snapshot_of(tmp_path / "a", Task.DETECT, count=3, split=Split.TRAIN)
    val = snapshot_of(tmp_path / "b", Task.DETECT, count=5)
    snapshot = Snapshot(Task.DETECT, CLASSES, (*train.images, *val.images), "feed" * 16)
    report = {"val": {
        "metrics": {"mAP50": 0.812, "recall": None}, "intervals": {"mAP50": [0.75, 0.87]},
        "counts": {"images": 5},
        "per_class": [{"class": 3, "labelled": 5, "recall": 0.2, "precision": 0.9},
                      {"class": 7, "labelled": 5, "recall": 0.95, "precision": 0.9}],
    }}  # fmt: skip
    known = Known(snapshot, report, {"verified": True, "images": 5, "split": "val", "checks": []})
    card = model_card(record, file="net.onnx", size=2_000_000, sha256="ff00", known=known)
    assert "## How good it is" in card
    assert "| images | 3 | 5 | 0 |" in card
    assert "| labels “round” | 3 | 5 | 0 |" in card
    assert "there are no test images, so its figures are of images that took part" in card
    assert "feed" * 16 in card
    assert "| mAP50 | 0.812 | 0.750 and 0.870 |" in card
    assert "**mAP50**:" in card
    assert "no judgement on test images" in card
    assert "few labels in training of: round (3)" in card
    assert "It misses many of: round (20 % of them found)." in card
    assert "In common: 0.300" in card
    assert "Proven on 5 val images" in card
    assert "## Licence" in card
    assert "Apache 2.0" in card


def test_the_card_of_a_file_alone_says_what_is_not_known(tmp_path: Path) -> None:
    onnx = file_of(
        tmp_path / "net.onnx", "classify",
        run={"name": "0001", "snapshot": "ab12", "warning": "It has learned nothing."},
    )  # fmt: skip
    record: FileRecord = OnnxNetwork(onnx).record
    card = model_card(record, file="net.onnx", size=1, sha256="00", known=Known())
    assert "do not lie with the run any more" in card
    assert "ab12" in card
    assert "Nobody judged it" in card
    assert "Nobody asked whether this file answers like the run" in card
    assert "Warning: It has learned nothing." in card


# -- in an empty environment


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv makes the environment")
def test_an_environment_with_only_three_packages_is_enough(tmp_path: Path) -> None:
    folder, _ = bundle(tmp_path, "instance")
    environment = tmp_path / "env"
    made = subprocess.run(
        ["uv", "venv", "-q", "--python", sys.executable, str(environment)], capture_output=True
    )
    assert made.returncode == 0, made.stderr
    python = environment / "bin" / "python"
    added = subprocess.run(
        ["uv", "pip", "install", "-q", "--python", str(python), "-r",
         str(folder / "requirements.txt")],
        capture_output=True, text=True,
    )  # fmt: skip
    if added.returncode:
        pytest.skip(f"the packages cannot be had here: {added.stderr[-200:]}")
    listed = subprocess.run(
        ["uv", "pip", "list", "--python", str(python), "--format", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = {row["name"] for row in json.loads(listed.stdout)}
    assert "torch" not in names
    assert "cvstudio" not in names
    assert {line.partition(">")[0] for line in REQUIREMENTS} <= names
    done = subprocess.run(
        [str(python), "predict.py", "--selftest"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_script_keeps_its_types() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", "--follow-imports=silent", str(SCRIPT)],
        cwd=resources().parent, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout

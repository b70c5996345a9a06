"""Images that are turned by a tag leave the project so that every program sees them upright."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from cvstudio.core.annotation import Task
from cvstudio.core.geometry import Box
from cvstudio.imaging.decode import probe, read_image
from cvstudio.project import commands, exporting, importing, queries
from cvstudio.project.project import Project

SHAPE = Box(2, 5, 9, 11)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A JPEG and a 16-bit TIFF that are to be turned, and a plain PNG; each with one box."""
    folder = tmp_path / "camera"
    folder.mkdir()
    random = np.random.default_rng(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = Image.fromarray(random.integers(0, 256, (30, 50, 3), np.uint8))
    photo.save(folder / "photo.jpg", exif=exif.tobytes())
    deep = random.integers(0, 60000, (30, 50)).astype(np.uint16)
    tifffile.imwrite(folder / "scan.tif", deep, extratags=[(274, "H", 1, 8, True)])
    Image.fromarray(random.integers(0, 256, (50, 30, 3), np.uint8)).save(folder / "plain.png")
    with Project.create(tmp_path / "p", task=Task.DETECT, classes=["cell"]) as made:
        importing.run(made, importing.plan_images(made, [folder]))
        with made.transaction("Draw") as s:
            for image in queries.image_ids(s):
                commands.add_annotation(s, image_id=image, class_id=1, shape=SHAPE)
        yield made


@pytest.mark.parametrize("name", ["coco", "yolo", "voc"])
def test_turned_images_are_exported_upright_and_the_originals_stay(
    project: Project, tmp_path: Path, name: str
) -> None:
    camera = tmp_path / "camera"
    before = {path.name: path.read_bytes() for path in camera.iterdir()}
    report = exporting.export(project, tmp_path / "out", format=name)
    assert {path.name: path.read_bytes() for path in camera.iterdir()} == before
    assert any(line.startswith("2 images had a rotation tag") for line in report.losses)
    images = {p.stem: p for p in (tmp_path / "out").rglob("*") if p.suffix in (".png", ".tif")}
    assert sorted(images) == ["photo", "plain", "scan"]
    for stem, original in (("photo", "photo.jpg"), ("scan", "scan.tif"), ("plain", "plain.png")):
        (info,) = probe(images[stem])
        assert (info.width, info.height, info.orientation) == (30, 50, 1)
        assert np.array_equal(read_image(images[stem]), read_image(camera / original))
        with Image.open(images[stem]) as seen:
            assert seen.size == (30, 50)
    assert images["plain"].read_bytes() == before["plain.png"]
    with Project.create(tmp_path / "again", task=Task.DETECT) as other:
        importing.run(other, importing.plan(other, tmp_path / "out"))
        with other.read() as s:
            ids = queries.image_ids(s)
            found = [a.box for each in queries.annotations_of(s, ids).values() for a in each]
    assert len(found) == 3
    for box in found:
        assert (box.x, box.y, box.w, box.h) == pytest.approx((2, 5, 9, 11), abs=0.02)


def test_labels_alone_say_that_their_images_are_turned_by_a_tag(
    project: Project, tmp_path: Path
) -> None:
    report = exporting.export(project, tmp_path / "out", format="coco", copy_images=False)
    assert any(line.startswith("2 images have a rotation tag") for line in report.losses)
    files = list((tmp_path / "out").rglob("*.json"))
    (data,) = (json.loads(file.read_text()) for file in files)
    assert {Path(i["file_name"]).parent for i in data["images"]} == {tmp_path / "camera"}

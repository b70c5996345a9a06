"""`cvstudio embed`, `duplicates`, `outliers`, `similar` and `next`: their finds, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvstudio.__main__ import main
from cvstudio.cli import nearness as command
from cvstudio.core.annotation import Split, Task
from cvstudio.core.embedding import ANSWERS, Embeddings, read_subjects, write_embeddings
from cvstudio.core.jobdir import JobDir, replace_file
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Prediction, write_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.imaging.synthetic import paint_cells
from cvstudio.project import commands, launch, queries, runs
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

COUNT = 9


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nine images, six labelled and in train, the last a copy of the first and in val; and a run
    whose job places them without a network."""
    folder = tmp_path / "cells"
    with Project.create(folder, task=Task.CLASSIFY, classes=["few", "many"]) as project:
        new = []
        for number in range(COUNT):
            rgb = paint_cells(0 if number == COUNT - 1 else number, width=240, height=180).rgb
            path = tmp_path / f"{number}.png"
            cv2.imwrite(str(path), rgb[..., ::-1])
            split = Split.VAL if number == COUNT - 1 else Split.TRAIN
            new.append(NewImage(project.uri_of(path), 240, 180, split=split))
        with project.transaction("Fill") as s:
            ids = commands.add_images(s, new)
            commands.set_image_class(s, image_ids=list(ids)[:6], class_id=1)
        run = runs.create_run(project, TrainConfig(task=Task.CLASSIFY, network="resnet18"))
        replace_file(runs.job_of(run).best, b"")

    def work(job: JobDir, title: str) -> None:
        ids = np.array([subject.id for subject in read_subjects(job)])
        count = len(ids)
        vectors = np.random.default_rng(1).normal(0, 0.2, (count, 8))
        vectors[:, 0] += 3
        vectors[7] = [0, 0, 0, 0, 5, 0, 0, 0]
        vectors[-1] = vectors[0]  # a copy is the same to every network
        none = np.zeros(count, np.int64)
        write_predictions(
            job.predictions(ANSWERS),
            (Prediction(int(i), scores={1: 0.55, 2: 0.45} if i == 7 else {1: 1.0, 2: 0.0})
             for i in ids),
        )  # fmt: skip
        write_embeddings(job, Embeddings(
            vectors.astype(np.float16), ids, none, none, np.ones(count, np.float32),
            np.zeros((count, 4), np.float32), np.zeros((count, 2), np.float32),
            np.zeros((count, 2), np.float32), ids,
            np.array([0.9 if i == 7 else 0.0 for i in ids], np.float32), layer="layer4",
        ))  # fmt: skip

    monkeypatch.setattr(launch, "launch", lambda job, **_more: None)
    monkeypatch.setattr(command, "finish", work)
    return folder


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_a_run_places_every_image_and_says_where_the_file_lies(
    cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = told(capsys, "embed", str(cells), "1")
    assert (content["rows"], content["values"], content["layer"]) == (COUNT, 8, "layer4")
    assert Path(content["file"]).is_file()


def test_copies_are_found_without_a_network_and_put_into_one_split(
    cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = told(capsys, "duplicates", str(cells))
    (pair,) = content["listed"]
    assert (Path(pair["first"]).name, Path(pair["second"]).name) == ("0.png", "8.png")
    assert (pair["first_split"], pair["second_split"], content["leaks"]) == ("train", "val", 1)
    moved = told(capsys, "duplicates", str(cells), "--separate")["moved"]
    assert [(Path(uri).name, split) for uri, split in moved.items()] == [("8.png", "train")]
    assert told(capsys, "duplicates", str(cells), "--leaks")["listed"] == []


def test_what_comes_next_says_why_and_can_be_tagged(
    cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["next", str(cells), "1"]) == 1
    assert "has not embedded the images" in capsys.readouterr().err
    told(capsys, "embed", str(cells), "1")
    rows = told(capsys, "next", str(cells), "1", "-n", "1", "--by", "doubt", "--tag", "soon")[
        "next"
    ]
    assert Path(rows[0]["image"]).name == "6.png"
    assert "“few” (55 %) or “many” (45 %)" in rows[0]["reason"]
    with Project.open(cells, write=False) as project, project.read() as s:
        assert queries.tags_of(s, [7]) == {7: ["soon"]}
    assert main(["next", str(cells), "1", "--by", "difference"]) == 2
    assert "--other" in capsys.readouterr().err


def test_the_stranger_leads_the_outliers(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "embed", str(cells), "1")
    first, *_ = told(capsys, "outliers", str(cells), "1", "-n", "3")["outliers"]
    assert Path(first["image"]).name == "7.png"
    assert first["times"] > 2
    assert main(["outliers", str(cells), "1"]) == 0
    assert "times as far from its nearest training images as usual" in capsys.readouterr().out


def test_the_copy_is_the_most_like_its_original(
    cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["similar", str(cells), "1", "0.png"]) == 1
    assert "has not embedded" in capsys.readouterr().err
    told(capsys, "embed", str(cells), "1")
    answer = told(capsys, "similar", str(cells), "1", "0.png", "--tag", "twins", "-n", "1")
    (first,) = answer["similar"]
    assert Path(first["image"]).name == "8.png"
    assert first["alike"] == pytest.approx(1, abs=1e-3)
    with Project.open(cells, write=False) as project, project.read() as s:
        assert [i for i, tags in queries.tags_of(s, range(1, COUNT + 1)).items() if tags] == [9]
    every = told(capsys, "similar", str(cells), "1", "1")["similar"]
    assert [row["alike"] for row in every] == sorted((r["alike"] for r in every), reverse=True)
    assert len(every) == COUNT - 1
    assert main(["similar", str(cells), "1", "nothing.png"]) == 2
    assert "There is no image" in capsys.readouterr().err

"""Drift from a trained network to the sentence: the real job, on images from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cvstudio.__main__ import main
from cvstudio.core.annotation import Split, Task
from cvstudio.core.networks import default_config
from cvstudio.core.opencv import cv2
from cvstudio.core.snapshot import read_snapshot
from cvstudio.ml.worker import run_job
from cvstudio.project import runs
from cvstudio.project.sample import create_sample


@pytest.mark.slow
def test_a_trained_network_knows_its_own_kind_of_image_and_not_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sample"
    with create_sample(folder, Task.CLASSIFY, images=90) as project:
        config = default_config(
            Task.CLASSIFY, network="resnet18", start="scratch", epochs=2, batch=16, image_size=64,
            workers=0, device="cpu",
        )  # fmt: skip
        run = runs.create_run(project, config)
        assert run_job(run.directory) == 0
        held = read_snapshot(runs.job_of(run).snapshot).images
    (tmp_path / "alike").mkdir()
    (tmp_path / "dark").mkdir()
    for number, image in enumerate(i for i in held if i.split is not Split.TRAIN):
        rgb = cv2.imread(str(image.path))
        cv2.imwrite(str(tmp_path / "alike" / f"{number}.png"), rgb[:, ::-1])
        cv2.imwrite(str(tmp_path / "dark" / f"{number}.png"), 255 - rgb)
    told = {}
    for kind in ("alike", "dark"):
        capsys.readouterr()
        asked = ["drift", str(folder), str(run.id), str(tmp_path / kind), "--json"]
        assert main([*asked, "--device", "cpu"]) == 0
        told[kind] = json.loads(capsys.readouterr().out)
    assert told["alike"]["standing"] == "same", told["alike"]["sentences"]
    assert told["dark"]["standing"] != "same", told["dark"]["sentences"]
    assert told["dark"]["measures"]["Brightness"]["noticeable"]
    assert told["dark"]["strange"]["count"] > told["alike"]["strange"]["count"]

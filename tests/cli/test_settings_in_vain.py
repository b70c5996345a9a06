"""Settings on the command line that change nothing, or say two things, are told before a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cvstudio.__main__ import main


@pytest.fixture
def tissues(tmp_path: Path) -> Path:
    """A sample of images to classify; without weights on the computer no run of it can start."""
    folder = tmp_path / "tissues"
    assert main(["sample", str(folder), "--task", "classify", "--images", "12"]) == 0
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "folds"])
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("focus=2", "focus has no effect while loss is standard: it needs focal."),
        ("rare_below=0.2", "“Rare is below” has no effect: “Images of an epoch” is All."),
        ("layers=head frozen_epochs=3", "“New layers alone” has no effect: “Layers that learn” is"),
        ("mixup=0.2 batch=1", "“MixUp” has no effect: a step has one image, and mixing takes two."),
    ],
)
def test_a_setting_that_waits_for_another_one_is_told(
    tissues: Path, capsys: pytest.CaptureFixture[str], command: str, setting: str, words: str
) -> None:
    given = [part for each in setting.split() for part in ("--set", each)]
    code, told = said(capsys, command, tissues, *given)
    assert code == 1
    assert told.count("no effect") == 1
    assert f"advice: {words}" in told


def test_a_setting_that_has_what_it_needs_is_not_told(
    tissues: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = said(capsys, "train", tissues, "--set", "focus=2", "--set", "loss=focal")
    assert "no effect" not in told
    assert "Pretrained weights" in told or "pretrained weights" in told


def test_a_setting_that_is_given_twice_is_wrong_usage(
    tissues: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = said(capsys, "train", tissues, "--epochs", 1, "--set", "epochs=0")
    assert code == 2
    assert "epochs=0: epochs is given by --epochs too." in told
    code, told = said(capsys, "train", tissues, "--set", "batch=4", "--set", "batch=8")
    assert code == 2
    assert "batch=8: batch is given by --set too." in told


def test_images_that_could_not_grow_stop_a_run_before_it_is_made(
    tissues: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--set", "image_size=64", "--set", "first_size=512", "--start", "scratch"]
    code, told = said(capsys, "train", tissues, *sizes)
    assert code == 1
    assert "Images cannot begin at 512 pixels and grow to 64." in told
    assert not list((tissues / "runs").glob("*"))

"""The queue, repetitions, comparisons and mirrors from the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_command_line import SCRATCH, answer, sample  # noqa: F401  # fixture

from cvstudio.__main__ import main

TRAIN = ("--network", "yolo26n", "--epochs", "2", *SCRATCH)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    main([*arguments, "--json"])
    return answer(capsys)


def test_runs_that_wait_for_a_quiet_moment_are_listed_and_put_in_order(
    sample: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    for minutes in ("5", "7"):
        assert main(["train", str(sample), *TRAIN, "--when-idle", minutes, "--detach"]) == 0
    rows = told(capsys, "queue", str(sample))
    assert [(row["run"], row["when idle"]) for row in rows] == [(1, 5), (2, 7)]
    assert "nobody has worked here for 5 min" in rows[0]["waits"]
    assert [row["run"] for row in told(capsys, "queue", str(sample), "2", "--to", "1")] == [2, 1]
    changed = told(capsys, "queue", str(sample), "1", "--when-idle", "0")
    assert [row["when idle"] for row in changed] == [7, None]
    assert main(["watch", str(sample), "1"]) == 0
    assert [row["run"] for row in told(capsys, "queue", str(sample))] == [2]
    assert main(["queue", str(sample), "1"]) == 2
    assert main(["queue", str(sample), "1", "--to", "1"]) == 1
    assert "Run 1 is not in the queue." in capsys.readouterr().err


def test_a_run_is_trained_again_and_the_difference_is_reported(
    sample: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", str(sample), *TRAIN]) == 0
    assert main(["reproduce", str(sample), "1"]) == 0
    said = capsys.readouterr().out
    assert "Run 2 has the figures of run 1; its weights differ." in said
    assert "train loss of epoch 1" in said
    again = told(capsys, "reproduce", str(sample), "1", "--against", "2")
    assert again["sameness"] == "the same figures, other weights"
    assert again["settings"] == []


def test_runs_are_compared_in_words_and_as_json(
    sample: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    for batch in ("4", "8"):
        assert main(["train", str(sample), *TRAIN, "--set", f"batch={batch}"]) == 0
    content = told(capsys, "compare", str(sample), "1", "2")
    assert content["settings"] == [{"title": "Batch", "values": ["4", "8"]}]
    assert content["data"] == {"2": []}
    assert "not been judged" in content["images"]["2"]["why not"]
    assert main(["compare", str(sample), "1", "2"]) == 0
    assert "Run 2 saw, against run 1: the same images and labels." in capsys.readouterr().out
    assert main(["compare", str(sample), "1"]) == 2


def test_a_finished_run_is_shown_in_tensorboard_afterwards(
    sample: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", str(sample), *TRAIN]) == 0
    folder = told(capsys, "runs", str(sample))[0]["directory"]
    assert main(["mirror", folder]) == 2
    assert "Give --tensorboard or --mlflow." in capsys.readouterr().err
    assert main(["mirror", folder, "--tensorboard", str(tmp_path / "board")]) == 0
    assert list((tmp_path / "board").rglob("events.out.tfevents.*"))
    (tmp_path / "file").write_text("")
    assert main(["mirror", folder, "--tensorboard", str(tmp_path / "file")]) == 1

"""The terminal does what the window does, says errors in one line, and needs no display."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import small_job
from onnx_hands import ultralytics_file
from own_time import own_seconds

from cvstudio.__main__ import main
from cvstudio.cli import main as cli
from cvstudio.cli.output import table
from cvstudio.core.annotation import Split, Task
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import TrainConfig
from cvstudio.project import commands, launch, queries, runs
from cvstudio.project.project import Project


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small sample project; jobs are done by small_job through the public seam."""
    folder = tmp_path / "cells"
    assert main(["sample", str(folder), "--task", "detect", "--images", "24"]) == 0
    monkeypatch.setattr(runs.start, "__kwdefaults__", {"command": small_job.command})
    monkeypatch.setattr(
        runs.resume, "__kwdefaults__", {"changes": None, "command": small_job.command}
    )
    monkeypatch.setattr(runs.advance, "__kwdefaults__", {"command": small_job.command})
    yield folder
    with Project.open(folder, write=False) as project:
        for run in runs.all_runs(project):
            launch.end(runs.job_of(run), asked_seconds=0, terminate_seconds=0)


SCRATCH = ("--start", "scratch")
LONG = str(small_job.LONG)


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_help_lists_every_command_without_importing_heavy_libraries() -> None:
    code = (
        "import sys; from cvstudio.__main__ import main; main(['--help'])\n"
        "heavy = {'torch', 'PySide6', 'numpy', 'sqlalchemy', 'cv2'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for entry in cli.ENTRIES:
        assert entry.name in done.stdout


@pytest.mark.parametrize("entry", cli.ENTRIES, ids=lambda e: e.name)
def test_every_command_explains_itself_and_does_nothing_else(
    entry: cli.Entry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([entry.name, "--help"]) == 0
    assert "Usage: cvstudio " + entry.name in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_the_commands_of_the_readme_are_understood_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = Path(__file__).parents[2] / "README.md"
    lines = re.findall(r"^cvstudio (.*?)(?: +#.*)?$", readme.read_text("utf-8"), re.MULTILINE)
    assert len(lines) >= 8
    monkeypatch.chdir(tmp_path)
    for folder in ("cells", "bccd", "new"):
        (tmp_path / folder).mkdir()
    for file in ("cells.onnx", "walk.mp4", "new/1.jpg"):
        (tmp_path / file).touch()
    for line in lines:
        name, *arguments = shlex.split(line.replace("~/data/bccd", "bccd").replace("*", "1"))
        command = cli.root.get_command(click.Context(cli.root), name)
        assert command is not None, line
        command.make_context(name, arguments)


def test_commands_leave_torch_and_qt_alone(sample: Path) -> None:
    code = (
        "import sys; from cvstudio.__main__ import main\n"
        f"assert main(['info', {str(sample)!r}]) == 0\n"
        f"assert main(['runs', {str(sample)!r}]) == 0\n"
        "heavy = {'torch', 'PySide6', 'ultralytics'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "QT_QPA_PLATFORM")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_opens_the_window_and_a_command_never_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path | None] = []
    from cvstudio.gui import app

    monkeypatch.setattr(app, "run", lambda path, argv: opened.append(path) or 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "formats").mkdir()
    assert main([]) == 0
    assert main([str(tmp_path)]) == 0
    assert main(["formats"]) == 0
    assert opened == [None, tmp_path]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense", "x"], 'No such command "nonsense"'),
        (["trian"], 'No such command "trian"'),
        (["train"], "Missing argument"),
        (["new", "p", "--task", "guess"], "'guess' is not one of"),
        (["worker"], "Missing argument"),
        (["worker", "/no/such/folder", "more"], "does not exist"),
        (["import", ".", ".", "--splits", "0.5,0.6,0.1"], "must add up to 1"),
        (["demo", "--fast"], "No such option"),
        (["selftest", "now"], "unexpected extra argument"),
        (["live", "x"], "unexpected extra argument"),
        (["bench", "nope"], "'nope' is not one of"),
        (["watch", ".", "x"], "'x' is not a whole number from 1 on"),
        (["train", ".", "--epochs", "0"], "'0' is not a whole number from 1 on"),
        (["train", ".", "--device", "gpu"], "'gpu' is not auto, cpu, mps or cuda"),
        (["errors", ".", "1", "--score", "2"], "'2' is not a number from 0 to 1"),
        (["sample", "p", "--images", "few"], "'few' is not a whole number from 1 on"),
        (["weights", "get", "nope"], "no network called 'nope'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert words.replace('"', "'") in said.err.replace('"', "'")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_an_error_is_one_line_with_the_traceback_in_the_log_only(
    tmp_path: Path, private_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("Error: There is no CVStudio project in")
    assert said.err.count("\n") == 1
    assert "Traceback" in (private_home / "logs" / "command-line.log").read_text()


def test_a_new_project_has_the_classes_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ["new", str(tmp_path / "p"), "--task", "detect", "--classes", "a, b", "--json"]
    assert main(made) == 0
    assert answer(capsys)["task"] == "detect"
    assert main(["info", str(tmp_path / "p"), "--json"]) == 0
    content = answer(capsys)
    assert [c["name"] for c in content["classes"]] == ["a", "b"]
    assert content["images"] == 0
    assert main(made) == 1


def test_names_that_look_alike_are_asked_about_and_can_be_made_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, folder = tmp_path / "source", tmp_path / "cells"
    for name in ("rbc", "dirt"):
        (source / name).mkdir(parents=True)
        assert cv2.imwrite(str(source / name / "a.png"), np.full((20, 20), len(name), np.uint8))
    assert main(["new", str(folder), "--task", "classify", "--classes", "RBC, Zebra, zebra"]) == 0
    assert "“zebra” and “Zebra” differ only" in capsys.readouterr().err
    bring = ["import", str(folder), str(source), "--format", "folders"]
    assert main([*bring, "--dry-run"]) == 0
    assert '--class "rbc=RBC" makes them one.' in capsys.readouterr().err
    assert main([*bring, "--class", "nope=RBC"]) == 2
    assert main([*bring, "--class", "rbc=RBC", "--class", "dirt="]) == 0
    with Project.open(folder, write=False) as project, project.read() as s:
        names = {c.id: c.name for c in queries.classes(s)}
        counts = {names[id]: count for id, count in queries.class_counts(s).items()}
    assert set(names.values()) == {"RBC", "Zebra", "zebra"}
    assert counts["RBC"] == 1
    assert sum(counts.values()) == 1


def test_what_is_exported_comes_in_again(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    out = tmp_path / "coco"
    assert main(["export", str(sample), str(out), "--format", "coco", "--json"]) == 0
    written = answer(capsys)
    again = tmp_path / "again"
    assert main(["new", str(again), "--task", "detect"]) == 0
    capsys.readouterr()
    assert main(["import", str(again), str(out), "--dry-run", "--json"]) == 0
    planned = answer(capsys)
    assert planned["format"] == "coco"
    assert main(["info", str(again), "--json"]) == 0
    assert answer(capsys)["images"] == 0
    assert main(["import", str(again), str(out), "--json"]) == 0
    came = answer(capsys)
    assert came["added"] == written["images"] == planned["images"]
    assert came["annotations"] == written["annotations"] > 0


def test_check_finds_a_box_without_area_and_says_which_image(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.open(sample) as project, project.transaction("Draw") as s:
        commands.add_annotation(s, image_id=2, class_id=1, shape=Box(5, 5, 0, 9))
    capsys.readouterr()
    main(["check", str(sample), "--json"])
    assert any(2 in finding["images"] for finding in answer(capsys))


def test_training_shows_epochs_and_ends_with_the_best_figure(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["train", str(sample), "--epochs", "3", *SCRATCH]) == 0
    said = capsys.readouterr()
    assert "epoch 3 of 3" in said.err
    assert "Run 1 is finished after 3 epochs." in said.out
    assert main(["runs", str(sample), "--json"]) == 0
    (run,) = answer(capsys)
    assert (run["status"], run["epoch"], run["metric"]) == ("finished", 3, "mAP50-95")
    assert run["best"] == pytest.approx((1 - 0.9**3) / 2)


def test_missing_weights_are_said_at_once_with_file_and_folder(
    sample: Path, private_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    codes: list[int] = []
    line = ["train", str(sample), "--network", "yolo11n"]
    assert own_seconds(lambda: codes.append(main(line)), tries=1) < 1
    assert codes == [1]
    said = capsys.readouterr().err
    assert "yolo11n.pt" in said
    assert str(private_home / "weights") in said
    assert "--start scratch" in said
    with Project.open(sample, write=False) as project:
        assert runs.all_runs(project) == []


def test_an_unknown_setting_names_the_one_that_was_meant(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["train", str(sample), "--set", "bach=4"]) == 2
    assert 'Did you mean "batch"?' in capsys.readouterr().err
    assert main(["train", str(sample), "--set", "batch=-1"]) == 2
    assert "Batch must be 0 or more, not -1." in capsys.readouterr().err.replace('"', "")


def test_help_lists_each_setting_with_its_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "--start [pretrained|scratch|file|run]" in said
    for words in ("batch 0 to 1024", "image_size 32 to 4096 in steps of 32", "fit pad|stretch|crop",
                  "learning_rate above 0 to 1", "class_weights true|false"):  # fmt: skip
        assert words in said
    own = {"start", "weights_file", "epochs", "device"}
    for name, field in TrainConfig.model_fields.items():
        assert not field.title or f" {name} " in said or name in own


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--start", "run"], "run needs --from-run."),
        (["--start", "file"], "file needs --weights-file."),
        (["--start", "scratch", "--from-run", "1"], "--from-run is for --start run."),
        (["--start", "moon"], "'moon' is not one of"),
    ],
)
def test_a_start_that_does_not_fit_its_options_is_wrong_usage(
    sample: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["train", str(sample), *arguments]) == 2
    assert words in capsys.readouterr().err
    with Project.open(sample, write=False) as project:
        assert runs.all_runs(project) == []


def test_the_start_that_was_asked_for_is_the_runs(sample: Path, tmp_path: Path) -> None:
    weights = tmp_path / "mine.pt"
    weights.write_bytes(b"\x80\x02 as torch wrote them once")
    assert main(["train", str(sample), "--start", "scratch", "--detach"]) == 0
    file = ["--start", "file", "--weights-file", str(weights)]
    main(["train", str(sample), *file, "--detach"])
    with Project.open(sample, write=False) as project:
        configs = [runs.config_of(run) for run in runs.all_runs(project)]
    assert [(c.start, c.weights_file) for c in configs] == [("scratch", None), ("file", weights)]


def test_a_table_in_a_file_has_one_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a_name_that_alone_is_wider_than_any_terminal" * 3
    table(("class", "labelled", "image"), [("Platelets", 12, long), ("RBC", 3, long)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["class", "labelled", "image"], ["Platelets", "12", long], ["RBC", "3", long],
    ]  # fmt: skip


def test_a_detached_run_is_paused_resumed_and_finished_from_the_terminal(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    train = ["train", str(sample), "--epochs", LONG, *SCRATCH, "--detach", "--json"]
    assert main(train) == 0
    assert answer(capsys)["status"] == "running"
    assert main(["pause", str(sample), "1", "--json"]) == 0
    assert answer(capsys)["run"] == 1
    assert main(["watch", str(sample), "1", "--json"]) == 0
    assert answer(capsys)["status"] == "paused"
    assert main(["resume", str(sample), "1", "--detach"]) == 0
    capsys.readouterr()
    assert main(["finish", str(sample), "1", "--json"]) == 0
    assert answer(capsys)["run"] == 1
    assert main(["watch", str(sample), "1", "--json"]) == 0
    assert answer(capsys)["status"] == "finished early"
    assert main(["pause", str(sample), "1"]) == 1
    assert "only a running run" in capsys.readouterr().err


def test_cancelling_works_while_a_window_has_the_project_open(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(sample), "--epochs", LONG, *SCRATCH, "--detach"]) == 0
    with Project.open(sample):
        capsys.readouterr()
        assert main(["cancel", str(sample), "1", "--json"]) == 0
        assert answer(capsys)["status"] == "cancelled"
        assert main(["runs", str(sample), "--json"]) == 0
        assert answer(capsys)[0]["status"] == "cancelled"


def test_a_failed_run_gives_exit_code_1_and_the_commands_that_help(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    hungry = ["--set", f"seed={small_job.HUNGRY}", "--set", "batch=16", "--epochs", "5"]
    assert main(["train", str(sample), *hungry, *SCRATCH]) == 1
    said = capsys.readouterr().err
    assert "The GPU ran out of memory." in said
    assert "cvstudio resume PROJECT 1 --set batch=8" in said
    assert main(["resume", str(sample), "1", "--set", "batch=8"]) == 0


# A shell that starts the tests in the background has them ignore Ctrl+C, and so their children.
IN_ANOTHER_PROCESS = (
    "import signal, sys, small_job; from cvstudio.project import runs\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "runs.start.__kwdefaults__['command'] = small_job.command\n"
    "runs.advance.__kwdefaults__['command'] = small_job.command\n"
    "from cvstudio.__main__ import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.mark.skipif(os.name != "posix", reason="a POSIX terminal")
def test_ctrl_c_in_a_terminal_asks_and_cancel_ends_the_run(sample: Path) -> None:
    import pty

    arguments = ["train", str(sample), "--epochs", LONG, *SCRATCH]
    environment = {
        **os.environ, "PYTHONPATH": str(Path(small_job.__file__).parent), "TERM": "xterm",
    }  # fmt: skip
    child, terminal = pty.fork()
    if child == 0:
        command = [sys.executable, "-c", IN_ANOTHER_PROCESS, *arguments]
        os.execve(sys.executable, command, environment)
    said = b""
    pending = [(b"epoch 1", b"\x03"), (b"cancel it?", b"cancel\n")]
    while True:
        try:
            said += os.read(terminal, 4096)
        except OSError:  # the terminal is closed: the command is over
            break
        if pending and pending[0][0] in said:
            os.write(terminal, pending.pop(0)[1])
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 1, said.decode()
    assert b"Run 1 is cancelled after" in said
    with Project.open(sample, write=False) as project:
        assert runs.get(project, 1).status == "cancelled"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_without_a_terminal_leaves_the_run_going(sample: Path) -> None:
    arguments = ["train", str(sample), "--epochs", LONG, *SCRATCH]
    environment = {**os.environ, "PYTHONPATH": str(Path(small_job.__file__).parent)}
    child = subprocess.Popen(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, *arguments],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("epoch 2"):
            break
    child.send_signal(signal.SIGINT)
    rest = child.stderr.read()
    assert child.wait(60) == 1
    assert "cvstudio watch" in rest
    with Project.open(sample, write=False) as project:
        (run,) = runs.all_runs(project)
        assert launch.alive(runs.job_of(run))
        assert run.task is Task.DETECT


def test_weights_say_which_files_are_here(
    private_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (private_home / "weights").mkdir(exist_ok=True)
    (private_home / "weights" / "yolo11n.pt").write_bytes(b"weights")
    assert main(["weights", "list", "--task", "detect", "--json"]) == 0
    rows = {row["network"]: row["path"] for row in answer(capsys)}
    assert rows["yolo11n"] == str(private_home / "weights" / "yolo11n.pt")
    assert rows["yolo26n"] is None


def test_images_are_divided_anew_only_when_asked(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.open(sample, write=False) as project, project.read() as s:
        before = queries.split_counts(s)
    capsys.readouterr()
    assert main(["split", str(sample), "0.5,0.5,0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test"] == before[Split.TEST]
    assert main(["split", str(sample), "0.5,0.5,0", "--anew", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.get("test", 0) == 0
    assert abs(told["train"] - told["val"]) <= 2
    assert main(["split", str(sample), "0.9,0.9,0"]) == 2


def test_a_run_goes_on_from_the_network_of_another_one(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--epochs", "1", "--network", "yolo11n"]
    assert main(["train", str(sample), *small, *SCRATCH]) == 0
    capsys.readouterr()
    assert main(["train", str(sample), "--epochs", "1", "--from-run", "7"]) == 1
    assert "This project has no run 7." in capsys.readouterr().err
    with Project.open(sample, write=False) as project:
        best = runs.job_of(runs.get(project, 1)).best
    best.parent.mkdir(parents=True, exist_ok=True)
    best.write_bytes(b"weights")
    assert main(["train", str(sample), "--epochs", "1", "--from-run", "1"]) == 0
    with Project.open(sample, write=False) as project:
        second = runs.get(project, 2)
        assert second.parent_id == 1
        config = runs.config_of(second)
    assert (config.start, config.weights_file) == ("run", best)
    assert config.network == "yolo11n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "nope"], 'There is no network called "nope". Networks: yolo26n'),
        (["--network", "resnet18"], "is a network for classify"),
        (["--set", "label_smoothing=0.1"], '"Label smoothing" (label_smoothing) has no effect'),
        (["--set", "image_size=100"], "Image size must be a multiple of 32"),
        (["--set", "batch=many"], "Batch must be a whole number"),
        (["--set", "start=moon"], "Start from must be 'pretrained', 'scratch', 'file' or 'run'"),
    ],
)
def test_settings_that_cannot_be_are_wrong_usage_in_words(
    sample: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["train", str(sample), *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_what_stops_a_run_is_said_in_sentences_with_the_way_out(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    away = ["--set", "fit=crop", "--network", "fasterrcnn-mobilenet"]
    assert main(["train", str(sample), *away, *SCRATCH]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("Error: The run cannot start. ")
    assert "--set fit=pad" in said
    assert ";" not in said


def test_a_file_that_is_refused_is_said_as_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied", "/labels/a.json")

    monkeypatch.setattr(cli.root, "main", refuse)
    assert main(["formats"]) == 1
    said = capsys.readouterr().err
    assert said == "Error: /labels/a.json may not be read or written by you.\n"


def test_a_fault_is_said_without_the_name_of_a_class(
    private_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli._say_fault(KeyError, KeyError("x"), None)
    said = capsys.readouterr().err
    assert "KeyError" not in said
    assert str(private_home / "logs") in said


def test_the_ways_out_of_a_failure_keep_the_run_that_was_started_from(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(sample), "--epochs", "1", *SCRATCH]) == 0
    capsys.readouterr()
    hungry = ["--set", f"seed={small_job.HUNGRY}", "--set", "batch=16", "--epochs", "5"]
    assert main(["train", str(sample), *hungry, "--from-run", "1"]) == 1
    said = capsys.readouterr().err
    assert "cvstudio resume PROJECT 2 --set batch=8" in said
    assert "cvstudio train PROJECT --from-run 1 --set image_size=" in said


def test_weights_and_predictions_are_told_to_programs_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cvstudio.project import weights

    file = tmp_path / "yolo11n.pt"
    monkeypatch.setattr(weights, "download", lambda _info, progress: file)
    assert main(["weights", "get", "yolo11n", "--json"]) == 0
    assert answer(capsys) == {"network": "yolo11n", "path": str(file)}
    network = ultralytics_file(tmp_path / "cells.onnx", ("cell",))
    image = tmp_path / "a.png"
    cv2.imwrite(str(image), np.zeros((30, 40, 3), np.uint8))
    out = ["-o", str(tmp_path / "p.json")]
    assert main(["predict", str(network), str(image), *out, "--json"]) == 0
    told = answer(capsys)
    assert told == json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert [row["file"] for row in told["images"]] == [str(image)]
    assert main(["predict", str(network), str(image), *out]) == 0
    assert capsys.readouterr().out == ""


def test_the_demo_as_json_keeps_the_words_of_its_commands_off_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from cvstudio.checks import demo

    def work(folder: Path) -> int:
        (folder / "pictures").mkdir(parents=True)
        (folder / "pictures" / "heat.png").write_bytes(b"")
        return subprocess.call([sys.executable, "-c", "print('a command speaks')"])

    monkeypatch.setattr(demo, "_demo", work)
    assert main(["demo", str(tmp_path / "d"), "--json"]) == 0
    said = capfd.readouterr()
    made = json.loads(said.out)
    assert made["pictures"] == [str(tmp_path / "d" / "pictures" / "heat.png")]
    assert (made["network"], made["exit_code"]) == (None, 0)
    assert "a command speaks" in said.err


def test_the_selftest_as_json_names_each_check_and_what_it_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cvstudio.checks import selftest

    def breaks(_folder: Path) -> str:
        raise selftest.CheckFailed("the window is grey")

    for name in ("_sample", "_live"):
        monkeypatch.setattr(selftest, name, lambda _folder: "fine")
    monkeypatch.setattr(selftest, "_window", breaks)
    monkeypatch.setattr(selftest, "_job", lambda _folder, task: f"{task} is learned")
    assert main(["selftest", "--json"]) == 1
    found = {row["check"]: (row["passed"], row["told"]) for row in answer(capsys)}
    assert found["sample"] == (True, "fine")
    assert found["window"] == (False, "the window is grey")
    assert found["detect job"] == (True, "detect is learned")

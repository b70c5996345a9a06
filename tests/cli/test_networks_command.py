"""Every network can be found in the terminal, and a name that is nearly right leads to it."""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cvstudio.__main__ import main
from cvstudio.core.annotation import Task
from cvstudio.core.network_search import closest, matching
from cvstudio.core.networks import all_networks, networks_for
from cvstudio.project import database
from cvstudio.project.migrations import upgrade
from cvstudio.project.sample import create_sample


@pytest.mark.parametrize("words", ["unet++ resnet18", "U-Net++ ResNet18", "unet_plusplus/resnet18"])
def test_a_network_is_found_however_its_name_is_spelt(words: str) -> None:
    names = [info.name for info in matching(words, all_networks(Task.SEGMENT))]
    assert "smp:unetplusplus/resnet18" in names
    assert "unet-resnet18" not in names


def test_all_words_must_occur_and_none_finds_all() -> None:
    everything = all_networks(Task.CLASSIFY)
    assert matching("  ", everything) == list(everything)
    assert matching("convnext nothinglikeit", everything) == []
    assert matching("/", networks_for(Task.CLASSIFY))[0].name == "vit_b_16"


@pytest.mark.parametrize(
    ("name", "task", "meant"),
    [
        ("unetplusplus-resnet18", Task.SEGMENT, "smp:unetplusplus/resnet18"),
        ("unet-resnet-18", Task.SEGMENT, "unet-resnet18"),
        ("smp:unet/resnt18", Task.SEGMENT, "unet-resnet18"),
        ("yolo26-nano", None, "yolo26n"),
        ("convnextv2_nan", Task.CLASSIFY, "timm:convnextv2_nano"),
    ],
)
def test_the_network_that_was_meant_is_the_first_one_named(
    name: str, task: Task | None, meant: str
) -> None:
    assert meant in closest(name, task)


def test_the_terminal_lists_the_libraries_networks_by_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["networks", "--task", "segment", "--search", "unet++ resnet18", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    found = {row["network"]: row for row in rows}
    assert found["smp:unetplusplus/resnet18"]["millions"] == pytest.approx(16.0, abs=0.1)
    assert {row["task"] for row in rows} == {"segment"}
    assert main(["networks", "--search", "resnet18"]) == 0
    told = capsys.readouterr().out
    assert "resnet18" in told
    assert "smp:unetplusplus/resnet18" in told
    assert "timm:resnet18d" in told
    assert main(["networks", "--search", "nothinglikeit"]) == 0
    assert 'No network has the words "nothinglikeit".' in capsys.readouterr().err


def test_an_unknown_network_names_those_that_may_be_meant_and_how_all_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_sample(tmp_path / "p", Task.SEGMENT, images=12).close()
    assert main(["train", str(tmp_path / "p"), "--network", "unetplusplus-resnet18"]) == 2
    said = capsys.readouterr().err
    assert "The closest: smp:unetplusplus/resnet18," in said
    assert "All: cvstudio networks --task segment." in said
    assert main(["weights", "get", "yolo26-n"]) == 2
    assert "The closest: yolo26n," in capsys.readouterr().err


def test_a_project_of_an_older_version_is_brought_up_by_the_command_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my cells"
    folder.mkdir()
    engine = database.open_engine(folder / database.FILE, write=True)
    upgrade.upgrade(engine, to="0001")
    engine.dispose()
    with closing(sqlite3.connect(folder / database.FILE)) as file, file:
        file.execute("INSERT INTO project VALUES (1, 'old', 'detect', 5.0, '0.1')")
    assert main(["info", str(folder)]) == 1
    said = capsys.readouterr().err
    command = said.partition("or: cvstudio ")[2].partition(" (")[0]
    assert main(shlex.split(command)) == 0
    told = capsys.readouterr().out
    assert told.startswith("old is up to date. As it was before: ")
    assert Path(told.strip().partition("before: ")[2]).is_file()
    assert main(["info", str(folder)]) == 0
    capsys.readouterr()
    assert main(["upgrade", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["backup"] is None, "there was nothing to do"

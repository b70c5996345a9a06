"""docs/run_table.py: its rows are recipes that the program takes, and its table tells the truth."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cvstudio.core.annotation import Task
from cvstudio.core.networks import check_settings, default_config, network
from cvstudio.core.recipe import Preset, without_effect
from cvstudio.core.recipe_rules import check
from cvstudio.project.runs import changed_config

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    sys.path.insert(0, str(DOCS))
    try:
        yield importlib.import_module("run_table")
    finally:
        sys.path.remove(str(DOCS))


def test_every_row_is_a_recipe_that_the_program_takes_and_that_has_an_effect(table: Any) -> None:
    for row in table.ROWS:
        which = table.BY_SET[row.of]
        task = Task(which.task)
        start = "run" if row.start else "scratch"
        plain = default_config(task, Preset.FAST, row.network or which.network or None, start=start)
        own = dict(pair.split("=", 1) for pair in row.settings.split())
        check_settings(network(plain.network), own)
        config = changed_config(plain, {**which.settings, **own})
        check(config)
        assert not [name for name in own if without_effect(name, config)], row.name


def test_names_of_rows_are_their_own_and_each_starts_from_one_that_is_there(table: Any) -> None:
    assert len(table.BY_NAME) == len(table.ROWS)
    for row in table.ROWS:
        parent = row.start.partition(":")[2]
        assert not parent or table.BY_NAME[parent].first, row.name


def result(value: float, **config: Any) -> dict[str, Any]:
    return {
        "network": "resnet18", "metric": "accuracy", "value": value, "others": {},
        "epoch_seconds": 1.0, "notes": [],
        "config": {"kind": "train", "epochs": 8, "batch": 4, "fit": "pad", "weights_file": None}
        | config,
    }  # fmt: skip


def test_a_difference_as_large_as_that_of_seeds_is_said_to_be_noise(table: Any) -> None:
    done = {
        "signs-plain": result(0.80, seed=0),
        "signs-plain-1": result(0.82, seed=1),
        "signs-plain-2": result(0.84, seed=2),
        "signs-stretch": result(0.85, seed=0, fit="stretch"),
        "signs-crop": result(0.70, seed=0, fit="crop"),
    }
    lines = table.table_of(done).splitlines()
    rows = {line.partition("]")[0].removeprefix("| ["): line for line in lines if "](" in line}
    assert "| +0.030 (within noise) |" in rows["signs-stretch"]
    assert "| -0.120 |" in rows["signs-crop"]
    assert rows["signs-crop"].endswith("| fit pad → crop |")
    assert "weights_file" not in rows["signs-crop"]
    assert "from 0.800 to 0.840: a spread of 0.040" in "\n".join(lines)


def test_a_row_that_stands_there_is_not_trained_again(
    table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def trained(_place: Any, row: Any) -> dict[str, Any]:
        asked.append(row.name)
        return result(0.5)

    monkeypatch.setattr(table, "done", trained)
    place = table.Place(tmp_path, tmp_path, 0)
    assert table.work(place, table.chosen("signs-plain")) == 0
    assert table.work(place, table.chosen("signs-plain,signs-crop")) == 0
    assert asked == ["signs-plain", "signs-crop"]
    assert (tmp_path / "configs" / "signs-crop.json").exists()
    assert "signs-crop" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_rows_that_were_trained_elsewhere_stay_on_the_page_with_their_configs(
    table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "done", lambda _place, row: result(0.5, seed=len(row.name)))
    page = tmp_path / "runs.md"
    page.write_text(f"before\n{table.BEGIN}\n{table.END}\nafter", encoding="utf-8")
    for out, rows in (("one", "signs-plain,signs-crop"), ("other", "signs-crop,signs-stretch")):
        place = table.Place(tmp_path, tmp_path / out, 0)
        (tmp_path / out).mkdir()
        assert table.work(place, table.chosen(rows)) == 0
        monkeypatch.setattr(table, "done", lambda _place, _row: result(0.25, seed=7))
        table.write_page(place, page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter")
    rows = {line.partition("]")[0].removeprefix("| ["): line for line in text.splitlines()}
    assert "accuracy 0.500" in rows["signs-plain"]
    assert "accuracy 0.250" in rows["signs-crop"], "trained again, so the new figure counts"
    assert "accuracy 0.250" in rows["signs-stretch"]
    names = {"signs-plain", "signs-crop", "signs-stretch", "results"}
    assert {file.stem for file in (tmp_path / "runs").iterdir()} == names

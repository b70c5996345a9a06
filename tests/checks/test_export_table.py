"""The table of exported files: every family is in it, and it goes on where it was broken off."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cvstudio.core.annotation import Kind, Split
from cvstudio.core.export_kinds import FileKind
from cvstudio.core.networks import NETWORKS, network
from cvstudio.imaging.decode import read_rgb
from cvstudio.project import queries

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DOCS))
    module = importlib.import_module("export_table")
    monkeypatch.setattr(module, "FIGURES", tmp_path / "exports.json")
    monkeypatch.setattr(module, "PAGE", tmp_path / "exports.md")
    return module


def figures(drop: float = 0.002, verified: bool = True) -> dict[str, Any]:
    files = [
        {
            "kind": kind.value, "verified": verified or kind is FileKind.ONNX, "size": 1_000_000,
            "parity": {"one": 1e-6, "three": 2e-6}, "failed": [] if verified else ["Metric"],
            "measured": 0.5, "drop": drop, "processor": 2.0, "median": 3.0, "p95": 4.0,
        }
        for kind in FileKind
    ]  # fmt: skip
    return {
        "title": "A network", "family": "timm", "task": "classify", "metric": "accuracy",
        "reference": 0.5, "images": 9, "parity_images": 16, "shape": ["batch", 3, 96, 96],
        "size": 96, "pytorch": 8.0, "files": files, "left_out": [],
    }  # fmt: skip


def test_a_table_that_was_broken_off_goes_on_where_it_was(
    table: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def measured(folder: Path, row: Any) -> dict[str, Any]:
        asked.append(row.name)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return figures()

    monkeypatch.setattr(table, "measured", measured)
    with pytest.raises(KeyboardInterrupt):
        table.main([str(tmp_path / "work")])
    names = [row.name for row in table.ROWS]
    kept = json.loads(table.FIGURES.read_text(encoding="utf-8"))
    assert [name for name in names if name in kept] == names[:2]
    table.main([str(tmp_path / "work")])
    assert asked == [*names[:3], *names[2:]]
    table.main([str(tmp_path / "work"), names[1]])
    assert asked[-1] == names[1]
    assert len(asked) == len(names) + 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--help"], "keeps what was trained"),
        ([], "FOLDER is needed"),
        (["work", "yolo12n"], "There is no row yolo12n. There are: resnet18;"),
        (["work", "resnet18", "--page"], "--bench and --page make no row"),
    ],
)
def test_a_question_is_answered_and_a_slip_refused_before_anything_is_made(
    table: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], words: list[str], said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        table.main(words)
    told = capsys.readouterr()
    assert said in " ".join((told.out + told.err).split())
    assert not list(tmp_path.iterdir())


def test_what_was_trained_is_found_again_in_a_folder_that_was_moved(
    table: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = table.Row("resnet18", "classify", images=12)
    monkeypatch.setattr(table, "run_job", lambda _path: 0)
    run = table.trained(tmp_path / "here", row)
    (tmp_path / "here").rename(tmp_path / "there")
    again = table.trained(tmp_path / "there", row)
    assert again.is_dir()
    assert again.relative_to(tmp_path / "there") == run.relative_to(tmp_path / "here")


def test_a_refused_file_and_a_row_without_figures_are_told_with_the_reason(
    table: ModuleType,
) -> None:
    first, second = table.ROWS[:2]
    lost = figures(drop=0.3, verified=False)
    lost["left_out"] = [{"title": "TorchScript", "why": "It cannot be traced."}]
    page = table.page({first.name: lost, second.name: {"failed": "There is no memory left."}})
    assert "**refused** | 1.0e-06 · 2.0e-06 | 0.500 | 0.300" in page
    assert "ONNX, 8-bit is refused by: Metric." in page
    assert "TorchScript is left out: It cannot be traced." in page
    assert f"{second.name} came to nothing: There is no memory left." in page
    assert f"Rows without figures yet: {table.ROWS[2].name}, " in page
    assert "PyTorch: 8.0 ms" in page
    assert "2.0 · 3.0 · 4.0 | 4.0 |" in page  # how much faster a file is


def test_files_of_fewer_bits_are_called_proven_only_by_what_proved_them(table: ModuleType) -> None:
    first, second = table.ROWS[:2]
    judged = figures()
    by = {"onnx-fp16": {"judged_by": "answers", "share": 0.984},
          "onnx-int8": {"judged_by": "metric"},
          "openvino-int8": {"verified": None, "judged_by": "nothing",
                            "unjudged": "there are too few images. 30 are needed."}}  # fmt: skip
    judged["files"] = [file | by.get(file["kind"], {}) for file in judged["files"]]
    page = table.page({first.name: judged, second.name: figures()})
    rows = [line for line in page.splitlines() if line.startswith(("| ONNX, ", "| OpenVINO, "))]
    verdicts = [line.split(" | ")[1] for line in rows]
    new, before = verdicts[:6], verdicts[6:]
    assert new[:3] == ["proven", "proven by 98 % of the answers", "proven"]
    assert new[5] == "not proven"
    assert before == ["proven", "metric kept", "metric kept"] * 2
    assert "OpenVINO, 8-bit is neither proven nor refused: there are too few images. 30 are" in page


def test_a_row_that_learned_nothing_is_named_and_so_is_what_it_was_taught_with(
    table: ModuleType,
) -> None:
    first, second = table.ROWS[:2]
    page = table.page(
        {first.name: figures() | {"reference": 0.0, "plain": True}, second.name: figures()}
    )
    assert f"Learned nothing, so that no file has a metric to lose: {first.name}.\n" in page
    assert page.count("Taught with bars.") == 1


@pytest.mark.parametrize("shapes", [Kind.BOX, Kind.KEYPOINTS])
def test_each_bar_is_labelled_where_it_lies(
    table: ModuleType, tmp_path: Path, shapes: Kind
) -> None:
    row = table.Row("any", "detect", images=8, shapes=shapes.value, plain=True)
    with table._project(tmp_path / "bars", row) as project, project.read() as s:
        found = queries.images(s, queries.image_ids(s))
        assert [record.split for record in found].count(Split.VAL) == 2
        for record in found:
            (annotation,) = queries.annotations(s, record.id)
            rgb = read_rgb(project.image_path(record))
            box = annotation.box
            inside = rgb[int(box.y) : int(box.y + box.h), int(box.x) : int(box.x + box.w)]
            assert (rgb.max(axis=2) > 100).sum() == (inside.max(axis=2) > 100).sum() > 0
            if shapes is Kind.KEYPOINTS:
                x, y, _ = annotation.shape.points[0]
                assert tuple(rgb[round(y), round(x)]) == (210, 30, 30)  # the red end


def test_every_library_task_and_kind_of_answer_has_a_row(table: ModuleType) -> None:
    def kinds(names: list[str]) -> set[tuple[str, ...]]:
        infos = [network(name) for name in names]
        return {(info.family, info.task, info.answers) for info in infos}

    rows = [row.network for row in table.ROWS]
    assert kinds([info.name for info in NETWORKS]) <= kinds(rows)
    assert {row.shapes for row in table.ROWS} == {Kind.BOX, Kind.ROTATED_BOX, Kind.KEYPOINTS}
    assert any(row.several for row in table.ROWS)


def test_the_page_is_that_of_the_figures(table: ModuleType) -> None:
    kept = json.loads((DOCS / "exports.json").read_text(encoding="utf-8"))
    assert table.page(kept) == (DOCS / "exports.md").read_text(encoding="utf-8")

"""docs/planted_faults.py plants what it says, takes it back, and counts what the list finds."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

import pytest
from planted import honest_run, labels, objects_project

from cvstudio.core.geometry import Box, overlap
from cvstudio.project import suspecting
from cvstudio.project.project import Project

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import planted_data  # noqa: E402
import planted_faults  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    objects_project(tmp_path / "objects", images=60, train=0).close()
    return tmp_path / "objects"


def told(project: Project) -> dict[int, tuple[int, object]]:
    return {a.id: (a.class_id, a.shape) for a in labels(project)}


def test_each_kind_is_planted_in_a_share_of_all_labels_and_nothing_else_changes(
    folder: Path,
) -> None:
    with Project.open(folder) as project:
        before = told(project)
        planted = planted_data.three_kinds(project, random.Random(0))
        after = told(project)
    assert Counter(one.fault for one in planted) == {"swapped": 27, "removed": 27, "shifted": 27}
    changed = {id for id in before if before[id] != after.get(id)}
    assert len(changed) == len(planted)
    assert after.keys() < before.keys()
    for one in planted:
        if one.annotation_id is not None:
            class_id, shape = after[one.annotation_id]
            assert isinstance(shape, Box)
            assert (class_id != one.class_id) is (one.fault == "swapped")
            assert (overlap(shape, Box(*one.box)) < 0.35) is (one.fault == "shifted")


def test_what_was_planted_can_be_taken_back(folder: Path) -> None:
    with Project.open(folder) as project:
        before = sorted((a.image_id, a.class_id, a.box.x) for a in labels(project))
        planted_data.mend(project, planted_data.three_kinds(project, random.Random(0)))
        after = sorted((a.image_id, a.class_id, a.box.x) for a in labels(project))
    assert after == before


def test_every_fault_is_measured_alone_and_together(folder: Path) -> None:
    case = next(case for case in planted_data.CASES if case.name == "blood")
    with Project.open(folder) as project:
        honest_run(project)
        planted = planted_data.three_kinds(project, random.Random(0))
        found = suspecting.find(project, suspecting.judges(project)[0])
    scores = planted_faults.measure(case, folder, planted)
    assert [(s.fault, s.list) for s in scores] == [
        ("swapped", "wrong class"), ("swapped", "everything"),
        ("removed", "overlooked"), ("removed", "everything"),
        ("shifted", "badly placed"), ("shifted", "everything"),
        ("all three", "everything"),
    ]  # fmt: skip
    assert all(score.recall_twice >= 0.8 for score in scores)
    assert scores[-1].suspects == len(found.rows)
    assert scores[-1].precision_twice <= scores[-1].recall_twice
    rows = planted_faults.table(scores).splitlines()
    assert len(rows) == 2 + len(scores)


def test_the_page_has_a_place_for_the_table(tmp_path: Path) -> None:
    page = tmp_path / "suspects.md"
    page.write_text((DOCS / "suspects.md").read_text(encoding="utf-8"), encoding="utf-8")
    planted_faults.write_page(page, "| a table |")
    planted_faults.write_page(page, "| another |")
    text = page.read_text(encoding="utf-8")
    assert "| another |" in text
    assert "| a table |" not in text
    assert text.count(planted_faults.BEGIN) == text.count(planted_faults.END) == 1


def test_the_page_tells_of_every_case_and_half_of_each_fault_stands_in_the_first_rows() -> None:
    text = (DOCS / "suspects.md").read_text(encoding="utf-8")
    inside = text.partition(planted_faults.BEGIN)[2].partition(planted_faults.END)[0]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in inside.splitlines() if line
    ]
    told = rows[2:]
    measured = {(row[0], row[1]) for row in told}
    for case in planted_data.CASES:
        assert {(case.name, fault) for fault in case.faults} <= measured
    assert all(float(row[7]) >= 0.5 for row in told)

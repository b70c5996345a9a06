"""The report of a run: what it says is what was planted, and the file asks for nothing else."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from judged_run import ANSWERS, judged_run

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import write_json
from cvstudio.core.networks import default_config
from cvstudio.core.opencv import cv2
from cvstudio.core.snapshot import read_snapshot
from cvstudio.core.thresholds import Aim, keep_scores
from cvstudio.project import commands, queries, run_checks, runs
from cvstudio.project.check import Check, Level
from cvstudio.project.report import compose, to_html
from cvstudio.project.report.blocks import Facts, Figures, Heading, Pictures, Report, Table, Text
from cvstudio.project.report.charts import HEIGHT, Series, lines
from cvstudio.project.sample import create_sample


def composed(folder: Path, task: Task, **how: tuple[Split, ...]) -> Report:
    with create_sample(folder / "sample", task, images=20) as project:
        return compose(project, judged_run(project, **how))


def words_of(report: Report) -> str:
    return " ".join(block.text for block in report.blocks if isinstance(block, Text))


def only(report: Report, kind: type[Table] | type[Figures] | type[Pictures]) -> list[object]:
    return [block for block in report.blocks if isinstance(block, kind)]


class _Checker(HTMLParser):
    """Holds that every element that opens is closed, and collects what a page would fetch."""

    EMPTY = frozenset({"meta", "img", "br", "line", "polyline"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        if tag not in self.EMPTY:
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


@pytest.mark.parametrize("task", list(ANSWERS))
def test_a_report_is_one_file_that_fetches_nothing(tmp_path: Path, task: Task) -> None:
    page = to_html(composed(tmp_path, task))
    checker = _Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.fetched, "there are pictures"
    assert all(value.startswith("data:image/jpeg;base64,") for value in checker.fetched)
    assert "url(" not in page
    picture = cv2.imdecode(np.frombuffer(b64decode(checker.fetched[0][23:]), np.uint8), 1)
    assert picture is not None
    assert str(tmp_path) not in page, "no folder of this computer leaves it"


def test_weights_of_a_file_are_told_by_its_name_alone(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.CLASSIFY, images=20) as project:
        run = judged_run(project)
        job = runs.job_of(run)
        told = json.loads(job.config.read_text(encoding="utf-8"))
        write_json(job.config, told | {"start": "file", "weights_file": str(tmp_path / "my.pt")})
        page = to_html(compose(project, run))
    assert "my.pt" in page
    assert str(tmp_path) not in page


def test_a_report_says_what_the_run_was_started_in_spite_of(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.DETECT, images=20) as project:
        run = judged_run(project)
        without = compose(project, run)
        lines = [Check(Level.ADVICE, "2 boxes are <tiny>"), Check(Level.OK, "All is well")]
        run_checks.keep(runs.job_of(run), lines)
        rows = [row for block in compose(project, run).blocks if isinstance(block, Facts)
                for row in block.rows]  # fmt: skip
        assert ("Started in spite of", "2 boxes are <tiny>") in rows
        assert "2 boxes are &lt;tiny&gt;" in to_html(compose(project, run))
    assert "in spite" not in to_html(without)


def test_the_figures_are_those_of_the_errors_that_were_made(tmp_path: Path) -> None:
    report = composed(tmp_path, Task.DETECT)
    figures = next(block for block in report.blocks if isinstance(block, Figures))
    recall = next(one for one in figures.figures if one.title == "Recall")
    right, of = (int(n.replace(",", "")) for n in re.findall(r"[\d,]+", recall.detail))
    assert right == of - 1
    assert recall.value == f"{right / of:.3f}"
    low, high = (float(n) for n in re.findall(r"[\d.]+", recall.interval))
    assert low <= right / of <= high <= 1
    (pictures,) = only(report, Pictures)
    assert isinstance(pictures, Pictures)
    assert len(pictures.pictures) == 1, "one image has an error"
    assert "1 error" in pictures.pictures[0].caption


def test_scores_that_a_person_chose_hold_for_figures_ranges_and_words(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.DETECT, images=20) as project:
        run = judged_run(project)
        usual = compose(project, run)
        job = runs.job_of(run)
        known = read_snapshot(job.snapshot).classes
        keep_scores(job.path, {known[0].id: 0.999}, aim=Aim.PRECISION, wanted=1.0)
        chosen = compose(project, run)
    assert "which was best on val" in words_of(usual)
    assert "the score that was chosen for its class on val" in words_of(chosen)
    before, after = (
        next(one for one in block.figures if one.title == "Recall")
        for report in (usual, chosen)
        for block in report.blocks
        if isinstance(block, Figures)
    )
    assert float(after.value) < float(before.value)
    low, high = (float(n) for n in re.findall(r"[\d.]+", after.interval))
    assert low <= float(after.value) <= high


def test_a_wrong_class_is_said_beside_its_picture(tmp_path: Path) -> None:
    report = composed(tmp_path, Task.CLASSIFY)
    (pictures,) = only(report, Pictures)
    assert isinstance(pictures, Pictures)
    assert len(pictures.pictures) == 1
    assert re.search(r"labelled .+, answered .+ \(0\.80\)", pictures.pictures[0].caption)


def test_without_a_test_split_the_report_says_so(tmp_path: Path) -> None:
    both = composed(tmp_path / "both", Task.DETECT, splits=(Split.VAL, Split.TEST))
    titles = [block.text for block in both.blocks if isinstance(block, Heading)]
    assert titles.index("In detail, on test") < titles.index("In detail, on val")
    assert "had never seen" in words_of(both)
    assert "There is no test split" not in words_of(both)
    alone = composed(tmp_path / "alone", Task.DETECT)
    assert "There is no test split" in words_of(alone)
    assert "had never seen" not in words_of(alone)


def test_few_images_rare_classes_and_later_changes_are_named(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.DETECT, images=20) as project:
        run = judged_run(project)
        before = words_of(compose(project, run))
        assert "With so few" in before
        assert "have changed since" not in before
        image = read_snapshot(runs.job_of(run).snapshot).of("train")[0]
        with project.transaction("Add") as s:
            commands.add_annotation(s, image_id=image.id, class_id=1, shape=Box(1, 1, 5, 5))
        assert "of 1 image have changed since" in words_of(compose(project, run))


def test_an_image_that_is_gone_is_told_and_the_rest_shown(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.CLASSIFY, images=20) as project:
        run = judged_run(project)
        first = read_snapshot(runs.job_of(run).snapshot).of("val")[0]
        first.path.unlink()
        report = compose(project, run)
    assert "1 image could not be shown here" in words_of(report)
    assert "mIoU" not in words_of(report)


def test_a_network_that_learned_nothing_is_called_so_at_the_top(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.DETECT, images=20) as project:
        run = judged_run(project)
        write_json(runs.job_of(run).report, {"val": {"metrics": {"mAP50": 0.001}}})
        report = compose(project, run)
    first = [block.text for block in report.blocks[:4] if isinstance(block, Text)]
    assert any("found next to nothing right" in text for text in first)


def test_a_run_that_was_not_judged_is_refused_in_words(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.DETECT, images=12) as project:
        run = runs.create_run(project, default_config(Task.DETECT))
        with pytest.raises(RunError, match="has not been judged yet"):
            compose(project, run)


def test_every_figure_has_its_range_and_errors_their_price(tmp_path: Path) -> None:
    report = composed(tmp_path, Task.DETECT)
    heads = {block.head[0]: block for block in report.blocks if isinstance(block, Table)}
    told = {name: (value, between) for name, value, between in heads["Figure"].rows}
    value, between = told["Recall"]
    low, high = map(float, between.split(" to "))
    assert low <= float(value) <= high
    assert "mAP75" in told
    price = {name: float(value) for name, value, _ in heads["Errors"].rows}
    assert price["Missed"] > 0, "one object is missed"
    assert price["Duplicate"] == price["Wrong class"] == 0


def test_exported_files_are_named_with_what_was_proven_of_them(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.CLASSIFY, images=20) as project:
        run = judged_run(project)
        assert "Exported files" not in [
            block.text for block in compose(project, run).blocks if isinstance(block, Heading)
        ]
        told = {"run": run.directory.name, "images": 20, "split": "val", "sha256": "ab" * 32}
        checks = [{"precision": "float32", "passed": True} for _ in range(2)]
        checks.append({"precision": "float32", "passed": None})
        checks.append({"precision": "float16", "passed": None})
        for name, verified in (("good", True), ("bad", False)):
            write_json(
                project.exports_directory / f"{name}.verification.json",
                told | {"file": f"{name}.onnx", "verified": verified, "checks": checks},
            )
        why = {"unjudged": "there are too few images for this file to be judged",
               "because": "30 are needed."}  # fmt: skip
        half = told | why | {"file": "half.onnx", "verified": None, "checks": checks}
        write_json(project.exports_directory / "half.verification.json", half)
        other = told | {"run": "0009-classify-other", "file": "other.onnx", "verified": True}
        write_json(project.exports_directory / "other.verification.json", other)
        said = words_of(compose(project, run))
    assert (
        "good.onnx: proven to answer like this run on 20 images of val; 2 of 2 checks passed."
        in (said)
    )
    assert "bad.onnx: does NOT answer like this run" in said
    assert (
        "half.onnx: not proven: there are too few images for this file to be judged. 30 are needed."
        in said
    )
    assert "other.onnx" not in said


def test_names_from_the_project_cannot_become_markup(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.DETECT, images=12) as project:
        with project.transaction("Rename") as s:
            commands.rename_class(s, id=1, name="<b>cell</b>")
        page = to_html(compose(project, judged_run(project)))
    assert "<b>cell</b>" not in page
    assert "&lt;b&gt;cell&lt;/b&gt;" in page


def test_a_matrix_of_a_hundred_classes_is_left_out(tmp_path: Path) -> None:
    with create_sample(tmp_path / "sample", Task.DETECT, images=12) as project:
        with project.transaction("More") as s:
            for number in range(100):
                commands.add_class(s, name=f"kind {number}")
        report = compose(project, judged_run(project))
        with project.read() as s:
            known = {c.name for c in queries.classes(s)}
    assert not any(isinstance(block, Table) and block.shades for block in report.blocks)
    data = next(block for block in report.blocks if isinstance(block, Table))
    assert len(data.rows) < 20 < len(known), "classes that no image has are only counted"
    assert "100 more classes had none" in data.caption


def test_a_line_of_a_chart_lies_at_its_values() -> None:
    drawn = lines([Series("loss", [0, 10], [0, 4])], x_title="Epoch")
    (points,) = re.findall(r'polyline points="([^"]+)"', drawn)
    (x0, y0), (x1, y1) = (tuple(map(float, p.split(","))) for p in points.split())
    assert x0 < x1
    assert y0 > y1, "upwards is more"
    assert all(0 <= y <= HEIGHT for y in (y0, y1))
    broken = lines([Series("loss", [0, 1, 2, 3], [1, 2, float("nan"), 3])], x_title="Epoch")
    assert len(re.findall("<polyline", broken)) == 2, "a value that is missing breaks the line"
    flat = lines([Series("loss", [1, 1], [2, 2])], x_title="Epoch")
    assert "nan" not in flat

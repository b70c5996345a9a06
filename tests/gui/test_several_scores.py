"""Images with several classes, judged and suggested from a score of each class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person, fill_project, make_images
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from cvstudio.core import events
from cvstudio.core.annotation import Task
from cvstudio.core.jobdir import JobDir
from cvstudio.core.predictions import Prediction, write_predictions
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.snapshot import read_snapshot
from cvstudio.gui.analyze.page import AnalyzePage
from cvstudio.gui.suggest_dialog import SuggestDialog
from cvstudio.project import commands, image_classes, run_commands, runs, splits
from cvstudio.project.project import Project
from cvstudio.project.run_status import RunStatus

CAT, DOG = 1, 2


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project.create(
        tmp_path / "sorted", task=Task.CLASSIFY, classes=["cat", "dog"], several=True
    )
    fill_project(made, make_images(tmp_path / "pictures", 12), boxes=0)
    with made.transaction("Label") as s:
        image_classes.toggle(s, image_ids=list(range(1, 13)), class_id=CAT)
        image_classes.toggle(s, image_ids=list(range(1, 7)), class_id=DOG)
    yield made
    made.close()


def judged_run(project: Project) -> JobDir:
    """A run that gives every image 0.3 for cat and 0.6 for dog; best from 0.2 and from 0.7."""
    with project.read() as s:
        proposed = splits.propose(s, fractions=(0.5, 0.5, 0.0))
    with project.transaction("Split") as s:
        commands.set_splits(s, proposed)
    run = runs.create_run(
        project, TrainConfig(task=Task.CLASSIFY, network="resnet18", several_classes=True,
                             loss="binary")
    )  # fmt: skip
    job = runs.job_of(run)
    val = read_snapshot(job.snapshot).of("val")
    write_predictions(
        job.predictions("val"), [Prediction(i.id, scores={CAT: 0.3, DOG: 0.6}) for i in val]
    )
    thresholds = {"score": 0.5, "per_class": {"1": 0.2, "2": 0.7}, "applied": "per class"}
    told = {"several": True, "metrics": {"mAP": 0.8}, "thresholds": thresholds}
    job.report.write_text(json.dumps({"val": told}))
    job.best.parent.mkdir(exist_ok=True)
    job.best.touch()
    job.emit(events.Started(job="train", pid=1, process_created=1, total_epochs=1))
    job.emit(events.Ended(outcome=events.Outcome.FINISHED, metric="mAP", best=0.8))
    with project.transaction("Finish", undoable=False) as s:
        run_commands.update_run(s, id=run.id, status=RunStatus.FINISHED.value, best=0.8)
    return job


@pytest.fixture
def page(studio_window: Person, monkeypatch: pytest.MonkeyPatch) -> AnalyzePage:
    judged_run(studio_window.project)
    monkeypatch.setattr(type(studio_window.studio.live), "request", lambda *a, **k: 1)
    found = studio_window.page("analyze")
    assert isinstance(found, AnalyzePage)
    studio_window.until(lambda: found.errors.verdict is not None)
    studio_window.idle()
    return found


def counted(page: AnalyzePage) -> tuple[int, int]:
    """How many images count as cat, and how many as dog."""
    assert page.errors.verdict is not None
    cat, dog = page.errors.verdict.confusion[:, :2].sum(axis=0)
    return int(cat), int(dog)


def test_errors_are_those_of_each_class_from_its_own_score_until_one_is_chosen_for_all(
    studio_window: Person, page: AnalyzePage
) -> None:
    bar = page._bar
    assert bar.own.isVisible()
    assert bar.own.isChecked()
    assert not bar.score.isEnabled()
    assert counted(page) == (6, 0)
    assert page.errors.table.caption.text() == "Counted from cat 0.20, dog 0.70, as chosen on val."
    QTest.mouseClick(bar.own, Qt.MouseButton.LeftButton, pos=bar.own.rect().center())
    bar.score.setValue(0.5)
    studio_window.until(lambda: counted(page) == (0, 6))
    assert bar.score.isEnabled()
    assert not page.errors.table.caption.isVisible()
    studio_window.key("Space", bar.own)
    studio_window.until(lambda: counted(page) == (6, 0))


def test_test_counts_from_the_scores_of_val_and_never_from_those_best_on_test_itself(
    studio_window: Person,
) -> None:
    from cvstudio.project import analysis

    job = judged_run(studio_window.project)
    report = json.loads(job.report.read_text())
    assert analysis.load(job, "val").own_scores == {CAT: 0.2, DOG: 0.7}
    own = {"per_class": {str(CAT): 0.9, str(DOG): 0.9}, "score": 0.9}
    report["test"] = report["val"] | {"thresholds": own}
    job.report.write_text(json.dumps(report))
    job.predictions("test").write_bytes(job.predictions("val").read_bytes())
    assert analysis.load(job, "test").own_scores == {CAT: 0.2, DOG: 0.7}


def test_suggestions_are_asked_from_each_class_its_own_score_in_words(
    studio_window: Person, page: AnalyzePage
) -> None:
    dialog = SuggestDialog(studio_window.window, studio_window.studio, run_id=1)
    dialog.show()
    assert "As chosen on val: “cat” 0.20, “dog” 0.70." in dialog._score_words.text()
    assert not dialog.score.isEnabled()
    studio_window.key("Space", dialog.own)
    assert dialog.score.isEnabled()
    assert "less sure of is left out" in dialog._score_words.text()
    studio_window.key("Space", dialog.own)
    studio_window.click(dialog.go)
    assert dialog.wish is not None
    assert dialog.wish.config.own_scores
    dialog.deleteLater()

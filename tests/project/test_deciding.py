"""Which images decide that a run is better, and what correcting labels did to its figure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from planted import honest_run, judged_again, labels, objects_project, other_class, some

from cvstudio.core.annotation import Split
from cvstudio.core.jobdir import JobDir
from cvstudio.core.predictions import Prediction, read_predictions, write_predictions
from cvstudio.core.snapshot import write_snapshot
from cvstudio.project import analysis, commands, corrected, deciding, run_commands, runs, snapshots
from cvstudio.project.project import Project
from cvstudio.project.run_status import RunStatus
from cvstudio.project.tables import ExperimentKind

VAL = Split.VAL


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with objects_project(tmp_path / "objects", images=24) as made:
        yield made


def job(project: Project, run_id: int) -> JobDir:
    return runs.job_of(runs.get(project, run_id))


def silent_on(place: JobDir, image_ids: set[int]) -> None:
    """Let a run find nothing on some images."""
    answers = [
        Prediction(a.image_id) if a.image_id in image_ids else a
        for a in read_predictions(place.predictions("val"))
    ]
    write_predictions(place.predictions("val"), answers)


def test_the_images_that_only_the_newer_run_answers_decide_it(project: Project) -> None:
    older, newer = (honest_run(project, seed=1).id for _ in range(2))
    ids = [i.id for i in analysis.load(job(project, newer), VAL).images.values()]
    silent_on(job(project, older), set(ids[:4]))
    both = [analysis.load(job(project, run), VAL) for run in (newer, older)]
    found = deciding.decide(*both)
    assert found is not None
    assert found.change.value > 0.05
    assert {part.image_id for part in found.parts} == set(ids[:4])
    assert all(part.share > 0 for part in found.parts)
    assert [p.share for p in found.parts] == sorted((p.share for p in found.parts), reverse=True)
    assert found.enough == 4, "as long as one of them is left, the newer run is better"
    assert {part.image_id for part in found.deciding} == set(ids[:4])
    said = deciding.words(found, newer=newer, older=older, metric="mAP50-95")
    assert said.startswith(f"Run {newer} is better than run {older} by {found.change.value:.3f}")
    assert "4 images decide it: without them the two would be even." in said
    turned = deciding.decide(*reversed(both))
    assert turned is not None
    assert turned.change.value == pytest.approx(-found.change.value)
    said = deciding.words(turned, newer=older, older=newer, metric="mAP50-95")
    assert said.startswith(f"Run {newer} is better than run {older}")


def test_runs_that_answer_alike_are_said_to_be_the_same(project: Project) -> None:
    first, second = (honest_run(project, seed=1).id for _ in range(2))
    found = deciding.decide(*(analysis.load(job(project, run), VAL) for run in (second, first)))
    assert found is not None
    assert (found.change.value, found.parts) == (0, ())
    said = deciding.words(found, newer=second, older=first, metric="mAP50-95")
    assert said == f"Runs {second} and {first} have the same mAP50-95."


def test_correcting_planted_faults_shows_as_a_better_figure_with_its_range_and_images(
    project: Project,
) -> None:
    truth = {a.id: a.class_id for a in labels(project)}
    faults = some(labels(project), 0.1)
    run = honest_run(project)
    with project.transaction("Plant") as s:
        for a in faults:
            commands.set_class(s, ids=[a.id], class_id=other_class(a.class_id))
        write_snapshot(job(project, run.id).snapshot, snapshots.build(s, project))
    assert corrected.effect(job(project, run.id), VAL) is None, "judged once"
    with project.transaction("Correct") as s:
        for a in faults:
            commands.set_class(s, ids=[a.id], class_id=truth[a.id])
    judged_again(project, run)
    found = corrected.effect(job(project, run.id), VAL)
    assert found is not None
    assert found.after > found.before
    assert found.change is not None
    assert found.change.certain
    assert found.change.low < found.after - found.before < found.change.high
    assert found.better > 0.8 * len(found.images)
    assert {i.image_id for i in found.images} <= {a.image_id for a in faults}


def test_a_run_with_the_same_settings_on_corrected_labels_is_compared_with_the_one_before(
    project: Project,
) -> None:
    older = honest_run(project, seed=1, skill=0.7)
    finish(project, older.id)
    assert corrected.trained_again(project, older, VAL) is None
    first = labels(project, Split.TRAIN)[0]
    with project.transaction("Correct") as s:
        commands.set_class(s, ids=[first.id], class_id=other_class(first.class_id))
    newer = honest_run(project, seed=1, skill=0.98)
    finish(project, newer.id)
    for shown in (older, newer):
        found = corrected.trained_again(project, shown, VAL)
        assert found is not None
        assert (found.older.id, found.newer.id, found.relabelled) == (older.id, newer.id, 1)
        assert found.change is not None
        assert found.change.value > 0


def test_a_run_trained_again_is_held_against_the_one_before_and_not_against_a_fold(
    project: Project,
) -> None:
    older, fold = (honest_run(project, seed=1, skill=0.7) for _ in range(2))
    first = labels(project, Split.TRAIN)[0]
    with project.transaction("Correct") as s:
        commands.set_class(s, ids=[first.id], class_id=other_class(first.class_id))
    newer = honest_run(project, seed=1, skill=0.98)
    for run in (older, fold, newer):
        finish(project, run.id)
    with project.transaction("Folds", undoable=False) as s:
        folds, _ = run_commands.add_experiment(
            s, kind=ExperimentKind.FOLDS, name="2 folds", settings={}
        )
        run_commands.update_run(s, id=fold.id, experiment_id=folds)
    newer = runs.get(project, newer.id)
    found = corrected.trained_again(project, newer, VAL)
    assert found is not None
    assert (found.older.id, found.newer.id) == (older.id, newer.id)
    assert corrected.trained_again(project, runs.get(project, fold.id), VAL) is None


def finish(project: Project, run_id: int) -> None:
    job(project, run_id).checkpoints.mkdir(exist_ok=True)
    with project.transaction("Finish", undoable=False) as s:
        run_commands.update_run(s, id=run_id, status=RunStatus.FINISHED.value, best=0.4)

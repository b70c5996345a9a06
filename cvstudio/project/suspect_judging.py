"""Which answers may judge which labels: those of networks that have not learned from the image.

A run judges its val and test, and all folds of an experiment together judge train and val. An image
is left out where the judging network, or one that it was started from, learned from it or from a
copy of its file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import RunError
from cvstudio.core.forms import Form, plain_form
from cvstudio.core.jobdir import JobDir, read_json
from cvstudio.core.predictions import Prediction, read_predictions
from cvstudio.core.snapshot import SnapshotImage
from cvstudio.core.words import counted
from cvstudio.project import analysis, run_store, snapshots
from cvstudio.project.experiments import book
from cvstudio.project.experiments.plans import plan_of
from cvstudio.project.learned import Learned, learned_from
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.tables import ExperimentKind
from cvstudio.project.verdict import go_on

BOTH = (Split.VAL, Split.TEST)


@dataclass(frozen=True, slots=True)
class Judge:
    """Whose answers judge labels: a run on `splits`, or all folds of an experiment.

    One of `run_id` and `experiment_id` is given. `title` is "Run 3 on val and test" or "5 folds".
    """

    run_id: int | None = None
    experiment_id: int | None = None
    splits: tuple[Split, ...] = BOTH
    title: str = ""


@dataclass(frozen=True, eq=False)
class AnsweredLabels:
    """The labels of now on the images that may be judged, with the answers and who gave each."""

    images: dict[int, SnapshotImage]
    predictions: dict[int, Prediction]
    run_of: dict[int, int]
    form: Form
    several: bool = False
    learned: int = 0
    """Images left out because a judging network learned from them or from a copy."""
    notes: tuple[str, ...] = ()


def judges(project: Project) -> list[Judge]:
    """All that can judge labels now: experiments of folds, then runs, the newest first."""
    found = [
        of_folds(project, e.id)
        for e in reversed(book.every(project))
        if e.kind is ExperimentKind.FOLDS and any(True for _ in _fold_runs(project, e.id))
    ]
    for run in reversed(run_store.all_runs(project)):
        if _splits(run):
            found.append(of_run(project, run.id))
    return found


def of_run(project: Project, run_id: int, splits: tuple[Split, ...] = BOTH) -> Judge:
    """A run as a judge, on those of `splits` that it was judged on. Raises RunError when none."""
    run = run_store.get(project, run_id)
    there = tuple(split for split in splits if split in _splits(run))
    if not there:
        wanted = " or ".join(splits)
        raise RunError(
            f"Run {run_id} has not been judged on {wanted} yet.",
            hint="Evaluate it first; what it learned from cannot be judged by it.",
        )
    return Judge(run_id, None, there, f"Run {run_id} on {' and '.join(there)}")


def of_folds(project: Project, experiment_id: int) -> Judge:
    """All folds of an experiment as one judge. Raises RunError for what is none."""
    experiment = book.get(project, experiment_id)
    if experiment.kind is not ExperimentKind.FOLDS:
        raise RunError(
            f"Experiment {experiment_id} has no folds: its runs all learn from the same images.",
            hint="Make one: cvstudio folds PROJECT.",
        )
    return Judge(None, experiment_id, (Split.TRAIN, Split.VAL), experiment.name)


def answered(
    project: Project, judge: Judge, *, check: Callable[[], None] = go_on
) -> AnsweredLabels:
    """The labels of now beside the answers that may judge them. Raises RunError when there are
    none, or when files are damaged; `check` is called now and then and may raise to stop."""
    predictions: dict[int, Prediction] = {}
    run_of: dict[int, int] = {}
    seen: dict[int, Learned] = {}
    form, several = plain_form(project.task), False
    for run, place, split in _sources(project, judge):
        seen[run.id] = learned_from(project, run)
        told = read_json(place.report).get(split.value, {})
        outlines = project.task is Task.INSTANCE
        form = Form.from_json(told.get("form", {}), outlines=outlines)
        several = bool(told.get("several"))
        for answer in read_predictions(place.predictions(split)):
            check()
            if answer.image_id not in predictions:
                predictions[answer.image_id], run_of[answer.image_id] = answer, run.id
    with project.read() as s:
        now = {i.id: i for i in snapshots.images(s, project, only=predictions.keys())}
    known = {i.id for i in now.values() if seen[run_of[i.id]].holds(i)}
    images = {id: image for id, image in now.items() if id not in known}
    gone = len(predictions) - len(now)
    notes = []
    if known:
        notes.append(
            f"{counted(len(known), 'image')} left out: the network learned from them, or from a"
            " copy."
        )
    if gone:
        notes.append(f"{counted(gone, 'image')} left out: not labelled, or no longer there.")
    if not all(each.whole for each in seen.values()):
        notes.append(
            "The network began with that of a run that is gone: what that one learned from is not"
            " known, and may be among the images that are judged."
        )
    notes += _missing_folds(project, judge)
    return AnsweredLabels(images, predictions, run_of, form, several, len(known), tuple(notes))


def _sources(project: Project, judge: Judge) -> Iterator[tuple[RunRecord, JobDir, Split]]:
    """The runs whose answers are read, where those lie, and their split. Raises RunError when
    there are none."""
    if judge.experiment_id is not None:
        found = list(_fold_runs(project, judge.experiment_id))
        if not found:
            raise RunError(
                f"No fold of experiment {judge.experiment_id} is done yet.",
                hint=f"Go on with it: cvstudio experiments PROJECT {judge.experiment_id} --follow.",
            )
        # Its own answers: what a fold is judged on later may be divided otherwise.
        yield from ((run, run_store.job_of(run), Split.VAL) for run in found)
        return
    if judge.run_id is None:
        raise RunError("Nothing has been named whose answers judge labels.")
    run = run_store.get(project, judge.run_id)
    done = analysis.judged_splits(run_store.job_of(run))
    for split in of_run(project, judge.run_id, judge.splits).splits:
        yield run, done[split], split


def _fold_runs(project: Project, experiment_id: int) -> Iterator[RunRecord]:
    for run in book.runs_of(project, book.get(project, experiment_id)):
        is_fold = run.role is not None and run.role.fold is not None
        if is_fold and run_store.job_of(run).predictions(Split.VAL).exists() and _splits(run):
            yield run


def _missing_folds(project: Project, judge: Judge) -> list[str]:
    if judge.experiment_id is None:
        return []
    plan = plan_of(book.get(project, judge.experiment_id))
    done = sum(1 for _ in _fold_runs(project, judge.experiment_id))
    missing = plan.count - done
    if missing <= 0:
        return []
    many = counted(missing, "fold")
    return [f"The images of {many} of {plan.count} are not judged: no network is done."]


def _splits(run: RunRecord) -> list[Split]:
    """The parts that a run did not learn from and was judged on."""
    done = analysis.judged_splits(run_store.job_of(run))
    return [split for split in BOTH if split in done and done[split].report.exists()]

"""Cross-validation: the images of train and val in k parts, each judged by a run that never saw it.

The division is grouped (images that hang together share a fold), stratified by class and seeded.
Test images stay out of it: every fold is judged on them too, where there are any.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal

from cvstudio.core.annotation import Split
from cvstudio.core.errors import ConfigError, RunError
from cvstudio.core.jobdir import JobDir, replace_file
from cvstudio.core.places_to_run import Cluster, cluster_of
from cvstudio.core.predictions import Prediction, read_predictions, write_predictions
from cvstudio.core.snapshot import Snapshot
from cvstudio.core.words import counted, quoted
from cvstudio.project import runs, snapshots, splits
from cvstudio.project.experiments import book
from cvstudio.project.experiments.plans import FoldsPlan, plan_of
from cvstudio.project.project import Project
from cvstudio.project.records import ExperimentRecord, Role, RunRecord
from cvstudio.project.run_status import RunStatus

_DIVISION = "division.json"

Division = dict[int, int]
"""The fold, from 1 on, of each image of train and val."""


def divide(
    snapshot: Snapshot, groups: Mapping[int, str], *, k: int, seed: int
) -> Division:  # fmt: skip
    """The fold of each image of train and val; it depends on nothing but the arguments.

    `groups`: images of one name share a fold. Raises ConfigError when there are too few images or
    groups for k folds.
    """
    labels = {
        image.id: frozenset(a.class_id for a in image.annotations)
        for image in snapshot.images
        if image.split is not Split.TEST
    }
    units = {groups.get(image, image) for image in labels}
    what = "image" if len(units) == len(labels) else "group of images"
    if len(units) < k:
        many = counted(len(units), what, "groups of images" if " " in what else "")
        raise ConfigError(
            f"{many} in train and val cannot be divided into {k} folds.",
            hint="Ask for fewer folds, or label more images.",
        )
    found = splits.deal_out(labels, dict.fromkeys(range(1, k + 1), 1 / k), seed=seed, groups=groups)
    if len(set(found.values())) < k:
        raise ConfigError(
            f"A few large groups hold most images: {k} folds cannot all get some.",
            hint="Ask for fewer folds.",
        )
    return found


def groups_of(project: Project, snapshot: Snapshot, by: Literal["group", "folder"] | None
) -> dict[int, str]:  # fmt: skip
    """What images of a snapshot must stay together, as splits.hanging_together."""
    with project.read() as session:
        return splits.hanging_together(session, [i.id for i in snapshot.images], group_by=by)


def advice(snapshot: Snapshot, division: Division) -> list[str]:
    """What a division cannot give: classes that some fold has not, in words."""
    within: dict[int, set[int]] = defaultdict(set)
    images: Counter[int] = Counter()
    for image in snapshot.images:
        if image.id in division:
            for class_id in {a.class_id for a in image.annotations}:
                within[class_id].add(division[image.id])
                images[class_id] += 1
    k = len(set(division.values()))
    return [
        f"{quoted(c.name)} is on {counted(images[c.id], 'image')} only: some of the {k} folds are"
        " judged without it."
        for c in snapshot.classes
        if 0 < len(within[c.id]) < k
    ]


def create(
    project: Project, plan: FoldsPlan, *, name: str = "", cluster: Cluster | None = None
) -> ExperimentRecord:
    """A new experiment of k folds, done here or by a cluster.

    Raises ConfigError when the images cannot be divided.
    """
    with project.read() as session:
        snapshot = snapshots.build(session, project)
    groups = groups_of(project, snapshot, plan.group_by)
    division = divide(snapshot, groups, k=plan.k, seed=plan.seed)
    content = json.dumps({str(image): fold for image, fold in sorted(division.items())})
    files = {_DIVISION: content.encode()}
    return book.create(project, plan, name=name, snapshot=snapshot, files=files, cluster=cluster)


def division_of(experiment: ExperimentRecord) -> Division:
    """The fold of each image. Raises RunError when the file is missing or damaged."""
    try:
        told = json.loads((experiment.directory / _DIVISION).read_bytes())
        return {int(image): int(fold) for image, fold in told.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise RunError(f"The division of {experiment.name} cannot be read: {error}") from error


def fold_of(snapshot: Snapshot, division: Division, fold: int) -> Snapshot:
    """What the run of one fold sees: that fold is val, the others train, test stays test."""
    images = tuple(
        replace(image, split=Split.VAL if division[image.id] == fold else Split.TRAIN)
        if image.id in division
        else image
        for image in snapshot.images
    )
    return Snapshot(snapshot.task, snapshot.classes, images)


def make_run(project: Project, experiment: ExperimentRecord) -> RunRecord | None:
    """Make the run of the next fold that has none; None when all were made."""
    plan = plan_of(experiment)
    assert isinstance(plan, FoldsPlan)
    made = {r.role.fold for r in book.runs_of(project, experiment) if r.role is not None}
    # Folds are made in their order: one that is missing was deleted, and is not made again.
    fold = max((f for f in made if f is not None), default=0) + 1
    if fold > plan.k:
        return None
    snapshot = fold_of(book.snapshot_of(experiment), division_of(experiment), fold)
    return runs.create_run(
        project, plan.config, snapshot=snapshot, title=f"Fold {fold} of {plan.k}",
        experiment_id=experiment.id, role=Role(fold=fold),
        cluster=cluster_of(experiment.directory),
    )  # fmt: skip


# What came out of it


@dataclass(frozen=True)
class Spread:
    """A figure over folds: its mean and how far folds differ (sd; None for a single one)."""

    mean: float
    sd: float | None
    values: tuple[tuple[int, float], ...]
    """Each fold with its figure."""

    @classmethod
    def of(cls, values: Mapping[int, float]) -> Spread | None:
        """The spread of the figures of some folds; None without any."""
        known = {fold: value for fold, value in sorted(values.items()) if math.isfinite(value)}
        if not known:
            return None
        figures = list(known.values())
        sd = stdev(figures) if len(figures) > 1 else None
        return cls(fmean(figures), sd, tuple(known.items()))

    def words(self, digits: int = 3) -> str:
        """ "0.612 ± 0.021"."""
        sd = f" ± {self.sd:.{digits}f}" if self.sd is not None else ""
        return f"{self.mean:.{digits}f}{sd}"

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        values = {str(fold): value for fold, value in self.values}
        return {"mean": self.mean, "sd": self.sd, "values": values}


@dataclass(frozen=True)
class ClassSpread:
    """One class over the folds: how many of it are labelled, and its figures."""

    class_id: int
    labelled: int
    figures: Mapping[str, Spread]


@dataclass(frozen=True)
class Summary:
    """What the folds that are over say together."""

    folds: Mapping[int, RunRecord]
    """The runs that count, by fold."""
    k: int
    metrics: Mapping[str, Spread]
    per_class: Sequence[ClassSpread]
    test: Mapping[str, Spread] = field(default_factory=dict)
    confusion: Mapping[str, Any] | None = None
    """The confusion of all folds added up; None where they were judged at other scores."""

    @property
    def whole(self) -> bool:
        """Whether every fold counts."""
        return len(self.folds) == self.k

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return {
            "folds": {str(fold): run.id for fold, run in self.folds.items()},
            "k": self.k,
            "metrics": {name: spread.to_json() for name, spread in self.metrics.items()},
            "per_class": [
                {
                    "class": row.class_id,
                    "labelled": row.labelled,
                    **{name: spread.to_json() for name, spread in row.figures.items()},
                }
                for row in self.per_class
            ],
            "test": {name: spread.to_json() for name, spread in self.test.items()},
            "confusion": self.confusion,
        }


def summary(project: Project, experiment: ExperimentRecord) -> Summary:
    """Mean and spread of the figures of all folds that are over, from their reports."""
    plan = plan_of(experiment)
    assert isinstance(plan, FoldsPlan)
    folds, reports = {}, {}
    for run in book.runs_of(project, experiment):
        report = _report(run)
        if run.role is not None and run.role.fold is not None and report is not None:
            folds[run.role.fold], reports[run.role.fold] = run, report
    val = {fold: report["val"] for fold, report in reports.items()}
    test = {fold: report["test"] for fold, report in reports.items() if "test" in report}
    return Summary(
        folds=dict(sorted(folds.items())),
        k=plan.k,
        metrics=_spreads({fold: part["metrics"] for fold, part in val.items()}),
        per_class=_per_class(val),
        test=_spreads({fold: part["metrics"] for fold, part in test.items()}),
        confusion=_added(list(val.values())),
    )


def predictions_file(experiment: ExperimentRecord) -> Path:
    """Out-of-sample answers for every image of train and val, as core.predictions writes them:
    each was given by the run of the fold in which the image was not trained on."""
    return experiment.directory / "predictions.jsonl.gz"


def out_of_fold(experiment: ExperimentRecord) -> Iterator[Prediction]:
    """The answers of predictions_file. Raises RunError when there are none yet."""
    return read_predictions(predictions_file(experiment))


def write_results(project: Project, experiment: ExperimentRecord) -> Summary:
    """Write summary.json and predictions_file of the folds that are over so far.

    A fold whose answers cannot be read is left out of the file: RunError, after it is written.
    """
    found = summary(project, experiment)
    write_predictions(
        predictions_file(experiment), _pooled(found.folds, division_of(experiment))
    )  # fmt: skip
    content = json.dumps(found.to_json(), ensure_ascii=False, indent=1)
    replace_file(experiment.directory / "summary.json", content.encode())
    return found


def _pooled(folds: Mapping[int, RunRecord], division: Division) -> Iterable[Prediction]:
    for fold, run in folds.items():
        for prediction in read_predictions(runs.job_of(run).predictions(Split.VAL.value)):
            if division.get(prediction.image_id) == fold:
                yield prediction


def _report(run: RunRecord) -> dict[str, Any] | None:
    """The report of a run that is over; None where there is none to be read."""
    if not RunStatus(run.status).has_network:
        return None
    try:
        report = json.loads(JobDir(run.directory).report.read_text(encoding="utf-8"))
        return report if isinstance(report["val"]["metrics"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _spreads(by_fold: Mapping[int, Mapping[str, Any]]) -> dict[str, Spread]:
    names = list(dict.fromkeys(name for figures in by_fold.values() for name in figures))
    found = {}
    for name in names:
        spread = Spread.of(
            {f: float(each[name]) for f, each in by_fold.items() if _number(each.get(name))}
        )
        if spread is not None:
            found[name] = spread
    return found


def _per_class(val: Mapping[int, Mapping[str, Any]]) -> list[ClassSpread]:
    rows: dict[int, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for fold, part in val.items():
        for row in part.get("per_class", ()):
            rows[row["class"]][fold] = row
    found = []
    for class_id, by_fold in rows.items():
        # A fold without the class has nothing to say of it: a figure of nothing is left out.
        told = {
            fold: {n: v for n, v in row.items() if n not in ("class", "labelled")}
            for fold, row in by_fold.items()
            if row.get("labelled")
        }
        labelled = sum(int(row.get("labelled") or 0) for row in by_fold.values())
        found.append(ClassSpread(class_id, labelled, _spreads(told)))
    return found


def _added(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The confusion matrices of folds added up, where they speak of the same classes.

    Objects are counted at a score that each fold chose: it is told as the mean of them.
    """
    tables = [part["confusion"] for part in parts if part.get("confusion")]
    if not tables or any(t["classes"] != tables[0]["classes"] for t in tables):
        return None
    matrices = [t["matrix"] for t in tables]
    rows = range(len(matrices[0]))
    scores = [float(t["score"]) for t in tables if _number(t.get("score"))]
    return {
        **{name: value for name, value in tables[0].items() if name not in ("matrix", "score")},
        "matrix": [[sum(m[i][j] for m in matrices) for j in rows] for i in rows],
        **({"score": fmean(scores)} if scores else {}),
    }


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

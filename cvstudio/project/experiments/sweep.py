"""Values that are tried: a run for each combination that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvstudio.core.places_to_run import cluster_of
from cvstudio.project import runs
from cvstudio.project.experiments import book, varying
from cvstudio.project.experiments.plans import SearchPlan, SweepPlan, plan_of
from cvstudio.project.project import Project
from cvstudio.project.records import ExperimentRecord, Role, RunRecord


def make_run(project: Project, experiment: ExperimentRecord) -> RunRecord | None:
    """Make the run of the next combination that has none; None when all were made."""
    plan = plan_of(experiment)
    assert isinstance(plan, SweepPlan)
    made = [r.role.trial for r in book.runs_of(project, experiment) if r.role is not None]
    number = max((n for n in made if n is not None), default=0) + 1
    if number > len(plan.trials):
        return None
    return make_trial(project, experiment, number, plan.trials[number - 1])


def make_trial(
    project: Project, experiment: ExperimentRecord, number: int, values: Mapping[str, Any]
) -> RunRecord:
    """The run of one trial. Raises ConfigError when its values contradict each other."""
    plan = plan_of(experiment)
    config = varying.varied(plan.config, values)
    many = plan.at_once if isinstance(plan, SweepPlan | SearchPlan) and plan.at_once > 1 else None
    return runs.create_run(
        project, config, snapshot=book.snapshot_of(experiment), title=f"Trial {number}",
        experiment_id=experiment.id, role=Role(trial=number, values=dict(values), at_once=many),
        cluster=cluster_of(experiment.directory),
    )  # fmt: skip

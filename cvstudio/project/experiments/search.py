"""Guided search: Optuna chooses a trial's values from those before it, and ends poor ones early.

Its study lies in the experiment's directory as a SQLite file that every Optuna program can read.
The run of a trial is an ordinary run; whoever looks at the project moves the search on
(steering.py), so it goes on after a crash where it stood. Nothing imports this module before there
is a search.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import RDBStorage
from optuna.trial import Trial, TrialState

from cvstudio.core.errors import ConfigError
from cvstudio.core.networks import applies, network
from cvstudio.core.recipe import TrainConfig, needed, without_effect
from cvstudio.core.recipe_limits import fields, step
from cvstudio.core.run_state import RunState
from cvstudio.project.experiments import varying
from cvstudio.project.experiments.plans import Dimension, SearchPlan, Value

log = logging.getLogger(__name__)

STUDY, _NAME = "study.db", "search"

_BEFORE_GUIDED = 5
"""Trials of chance, and of the recipe as it is, from which the guessing begins."""

_BEFORE_PRUNED = 3
"""Whole trials that must be there before one is compared with them."""


class Study:
    """The study of one search. `close` lets go of its file."""

    def __init__(self, directory: Path, plan: SearchPlan) -> None:
        _hush()
        self._plan = plan
        self._storage = RDBStorage(f"sqlite:///{(directory / STUDY).as_posix()}")
        self._study = optuna.create_study(
            storage=self._storage, study_name=_NAME, direction="maximize",
            load_if_exists=True, pruner=_pruner(plan),
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def count(self) -> int:
        """How many trials there were, with those that failed."""
        return len(self._study.get_trials(deepcopy=False))

    def open_trials(self) -> list[int]:
        """The numbers, from 1 on, of the trials whose end is not known yet."""
        found = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [trial.number + 1 for trial in found]

    def ask(self) -> tuple[int, dict[str, Value]]:
        """The number of a new trial, and the values that it is to have.

        The first one has the values of the recipe as it is, so that the others can be held to it.
        """
        number = self.count()
        # A sampler that is made again begins its chances again: each trial has its own.
        self._study.sampler = optuna.samplers.TPESampler(
            seed=self._plan.seed * 100_003 + number, n_startup_trials=_BEFORE_GUIDED,
            # Of trials that go on beside each other, none tries what another one is just trying.
            constant_liar=self._plan.at_once > 1,
        )  # fmt: skip
        if number == 0:
            self._study.enqueue_trial(self._as_it_is())
        trial = self._study.ask()
        return trial.number + 1, suggest(trial, self._plan)

    def _as_it_is(self) -> dict[str, Value]:
        """The values of the recipe as it is, where they lie in the space."""
        told = self._plan.config.model_dump(mode="json")
        return {d.name: told[d.name] for d in self._plan.space if _within(d, told[d.name])}

    def report(self, number: int, state: RunState, metric: str, known: int) -> bool:
        """Tell what the epochs after `known` reached; whether the trial is not worth going on."""
        trial = self._trial(number)
        if trial is None:
            return False
        fresh = [e for e in state.epochs if e.epoch > known and metric in e.metrics]
        for epoch in fresh:
            trial.report(epoch.metrics[metric], epoch.epoch)
        return bool(fresh) and self._plan.prune and trial.should_prune()

    def tell(self, number: int, value: float | None, *, pruned: bool = False) -> None:
        """How a trial ended: with a figure, pruned with one, or (None) without a result."""
        if number not in self.open_trials():
            return
        if value is None:
            self._study.tell(number - 1, state=TrialState.FAIL)
        elif pruned:
            # Optuna takes the last figure that was reported for the value of a pruned trial.
            self._study.tell(number - 1, state=TrialState.PRUNED)
        else:
            self._study.tell(number - 1, value)

    def _trial(self, number: int) -> Trial | None:
        found = self._study.get_trials(deepcopy=False)
        if number > len(found) or found[number - 1].state is not TrialState.RUNNING:
            return None
        study_id = self._storage.get_study_id_from_name(_NAME)
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number - 1)
        return Trial(self._study, trial_id)


def suggest(trial: Trial, plan: SearchPlan) -> dict[str, Value]:
    """The values that a trial gets; a setting without effect beside the others gets none."""
    values: dict[str, Value] = {}
    for dimension in ordered(plan.space):
        if has_effect(dimension.name, plan.config, values):
            values[dimension.name] = _chosen(trial, dimension)
    return values


def _chosen(trial: Trial, dimension: Dimension) -> Value:
    name = dimension.name
    match distribution(dimension):
        case CategoricalDistribution(choices=choices):
            chosen: Value = trial.suggest_categorical(name, choices)  # type: ignore[assignment]
            return chosen
        case IntDistribution() as whole:
            by = whole.step
            return trial.suggest_int(name, whole.low, whole.high, step=by, log=whole.log)
        case FloatDistribution() as real:
            return trial.suggest_float(name, real.low, real.high, log=real.log)
        case other:
            raise TypeError(f"{name} has a distribution of another kind: {other}")


def ordered(space: tuple[Dimension, ...]) -> list[Dimension]:
    """Settings in the order in which they are chosen: one that needs another comes after it."""

    def depth(name: str) -> int:
        return 1 + max((depth(n) for n in needed_by(name)), default=0)

    return sorted(space, key=lambda d: depth(d.name))


def needed_by(name: str) -> list[str]:
    """What must be chosen before a setting: the network, and the settings that it needs."""
    if name == varying.NETWORK:
        return []
    return [varying.NETWORK, *(other for need in needed(name) for other in need)]


def has_effect(name: str, config: TrainConfig, values: Mapping[str, Any]) -> bool:
    """Whether a setting makes a difference beside the values that are chosen already."""
    if name == varying.NETWORK:
        return True
    try:
        made = varying.varied(config, values)
    except ConfigError:  # what contradicts itself is refused when the run is made
        return True
    return applies(name, network(made.network)) and not without_effect(name, made)


def distribution(dimension: Dimension) -> BaseDistribution:
    """What Optuna calls a dimension."""
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    assert dimension.low is not None
    assert dimension.high is not None
    field = fields()[dimension.name]
    if field.annotation is int:
        by = step(field)
        log_scale = dimension.log and by == 1
        return IntDistribution(int(dimension.low), int(dimension.high), log=log_scale, step=by)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def importances(trials: Sequence[tuple[Mapping[str, Value], float]]) -> dict[str, float]:
    """How much of the difference between trials each setting explains, the largest first.

    By functional ANOVA over a random forest (Hutter, Hoos and Leyton-Brown, ICML 2014). Settings
    that not every trial has, or that never differ, are left out. It takes a second or more: call it
    in a thread.
    """
    names = [n for n in (trials[0][0] if trials else {}) if all(n in v for v, _ in trials)]
    space = {n: made for n in names if (made := _seen([v[n] for v, _ in trials])) is not None}
    if not space or len({value for _, value in trials}) < 2:
        return {}
    _hush()
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={n: values[n] for n in space}, distributions=space, value=value
            )
            for values, value in trials
        ]
    )
    judge = optuna.importance.FanovaImportanceEvaluator(n_trees=32, seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=judge)
    return {name: float(found[name]) for name in sorted(found, key=lambda n: -found[n])}


def _seen(values: list[Value]) -> BaseDistribution | None:
    """The range that some values lie in; None when they are all one."""
    if len(set(map(str, values))) < 2:
        return None
    if any(isinstance(value, bool | str) for value in values):
        return CategoricalDistribution(sorted(set(values), key=str))
    numbers = [float(value) for value in values]
    low, high = min(numbers), max(numbers)
    log_scale = low > 0 and high / low >= 20
    if all(isinstance(value, int) for value in values):
        return IntDistribution(int(low), int(high), log=log_scale)
    return FloatDistribution(low, high, log=log_scale)


def _pruner(plan: SearchPlan) -> optuna.pruners.BasePruner:
    if not plan.prune:
        return optuna.pruners.NopPruner()
    warm = max(plan.config.epochs // 5, 1)
    return optuna.pruners.MedianPruner(n_startup_trials=_BEFORE_PRUNED, n_warmup_steps=warm)


def _within(dimension: Dimension, value: Any) -> bool:
    """Whether a search could choose a value."""
    if dimension.choices:
        return value in dimension.choices
    assert dimension.low is not None
    assert dimension.high is not None
    by = step(fields()[dimension.name])
    on_step = isinstance(value, float) or (value - int(dimension.low)) % by == 0
    return bool(on_step and dimension.low <= value <= dimension.high)


def _hush() -> None:
    """Optuna speaks on stderr for itself; what matters here goes to the log."""
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    optuna.logging.set_verbosity(optuna.logging.WARNING)

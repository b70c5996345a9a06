"""Values that are tried and guided search: the right ranges, a study that survives, poor trials
ended early, and the good values found."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import experiment_hands
import optuna
import pytest
from experiment_hands import BROKEN_SEED, end_all, look_after, make_project, recipe
from own_time import own_seconds

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.networks import default_config
from cvstudio.core.recipe import Start, without_effect
from cvstudio.project import runs, sharing, training_facts
from cvstudio.project.device import Device
from cvstudio.project.experiments import book, lasting, search, trials, varying
from cvstudio.project.experiments.plans import Dimension, SearchPlan, SweepPlan, checked
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord

RATE = Dimension(name="learning_rate", low=1e-5, high=1, log=True)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with make_project(tmp_path / "cells", groups=4) as made:
        yield made
        end_all(made)


# Which settings, in which range


def test_ranges_lie_around_the_recipe_and_inside_what_the_setting_may_be() -> None:
    config = default_config(Task.CLASSIFY, network="resnet18", epochs=30)
    known = {d.name: d for d in varying.can_search(config)}
    rate = known["learning_rate"]
    assert (rate.low, rate.high, rate.log) == (pytest.approx(1e-4), pytest.approx(1e-2), True)
    assert known["image_size"].low is not None
    assert known["image_size"].low % 32 == 0
    assert known["optimizer"].choices == ("adamw", "sgd")
    assert set(known["loss"].choices) == {"standard", "focal", "binary"}
    assert {"device", "workers", "seed", "epochs", "start"}.isdisjoint(known)
    alone = [d for d in known.values() if not without_effect(d.name, config)]
    assert len(alone) > 15
    varying.check_space(config, alone)


def test_settings_without_effect_on_the_network_are_not_offered() -> None:
    detect = {d.name for d in varying.can_search(recipe())}
    assert "mosaic" in detect
    assert detect.isdisjoint({"mixup", "loss", "average", "label_smoothing"})


def test_what_a_search_cannot_choose_is_refused_in_words() -> None:
    config = default_config(Task.CLASSIFY, network="resnet18")
    focus = Dimension(name="focus", low=0.5, high=5)
    with pytest.raises(ConfigError, match="Focus has an effect only with Loss Focal"):
        varying.check_space(config, [focus])
    varying.check_space(config, [focus, Dimension(name="loss", choices=("standard", "focal"))])
    with pytest.raises(ConfigError, match="Mosaic"):
        varying.check_space(config, [Dimension(name="mosaic", low=0, high=1)])
    with pytest.raises(ConfigError, match="Learning rate must be 1 or less"):
        varying.check_space(config, [Dimension(name="learning_rate", low=0.1, high=3)])
    with pytest.raises(ConfigError, match="The lowest value must be below the highest"):
        checked(Dimension, name="learning_rate", low=2, high=1)


def test_a_setting_gets_a_value_only_where_it_has_an_effect() -> None:
    plan = SearchPlan(
        config=default_config(Task.CLASSIFY, network="resnet18"),
        space=(
            Dimension(name="focus", low=0.5, high=5),
            Dimension(name="loss", choices=("standard", "focal")),
        ),
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    chosen = [search.suggest(study.ask(), plan) for _ in range(20)]
    assert {("focus" in values) for values in chosen} == {True, False}
    assert all(("focus" in values) == (values["loss"] == "focal") for values in chosen)


def test_a_grid_has_every_combination_once_and_none_that_makes_no_difference() -> None:
    config = default_config(Task.CLASSIFY, network="resnet18")
    found = varying.grid(config, {"loss": ["standard", "focal"], "focus": ["1", "2", "3"]})
    assert found == [
        {"loss": "standard"},
        *({"loss": "focal", "focus": focus} for focus in (1.0, 2.0, 3.0)),
    ]
    with pytest.raises(ConfigError, match="Epochs"):
        varying.grid(config, {"epochs": ["0"]})
    with pytest.raises(ConfigError, match="There is no setting"):
        varying.grid(config, {"magic": ["1"]})
    from_file = config.model_copy(update={"start": Start.FILE, "weights_file": Path("w.pt")})
    with pytest.raises(ConfigError, match="tied to the weights"):
        varying.grid(from_file, {"network": ["resnet34"]})


def test_another_network_gets_the_size_that_it_knows() -> None:
    config = default_config(Task.CLASSIFY, network="resnet18", image_size=64)
    assert varying.varied(config, {"network": "vit_tiny"}).image_size == 224
    assert varying.varied(config, {"network": "resnet34"}).image_size == 64
    with pytest.raises(ConfigError, match="not for classify"):
        varying.varied(config, {"network": "yolo26n"})


def test_values_are_written_as_people_write_them() -> None:
    assert varying.parsed("learning_rate", "0.1, 0.01,1e-3") == [0.1, 0.01, 0.001]
    assert varying.parsed("seed", "0..3, 7") == [0, 1, 2, 3, 7]
    assert varying.parsed("optimizer", "sgd, adamw") == ["sgd", "adamw"]


# Running


def test_each_value_is_trained_with_and_the_best_is_named(project: Project) -> None:
    grid = varying.grid(recipe(epochs=2), {"learning_rate": ["0.1", "0.01", "0.0001"]})
    made = book.create(project, SweepPlan(config=recipe(epochs=2), trials=tuple(grid)))
    steward = Steward()
    look_after(project, steward, lambda: book.get(project, made.id).ended is not None)
    found = trials.trials(project, made)
    rates = [runs.config_of(trial.run).learning_rate for trial in found]
    assert rates == [0.1, 0.01, 0.0001] == [trial.values["learning_rate"] for trial in found]
    best = trials.best_of(found)
    assert best is not None
    assert best.values == {"learning_rate": 0.01}
    assert book.get(project, made.id).name == "Values of learning_rate"
    steward.close()


def test_a_search_begins_with_the_recipe_and_finds_better_values(project: Project) -> None:
    config = recipe(epochs=1, learning_rate=1e-4)
    plan = SearchPlan(config=config, space=(RATE,), trials=11, prune=False)
    made = book.create(project, plan)
    steward = Steward()
    look_after(project, steward, lambda: book.get(project, made.id).ended is not None, seconds=150)
    found = trials.trials(project, made)
    assert len(found) == 11
    assert found[0].values == {"learning_rate": 1e-4}
    best = trials.best_of(found)
    assert best is not None
    assert best.value is not None
    assert found[0].value is not None
    assert best.value > found[0].value
    guided = [t.values["learning_rate"] for t in found[6:]]
    assert sum(1e-3 < float(rate) < 0.2 for rate in guided) > len(guided) / 2
    steward.close()
    known = optuna.load_study(
        study_name="search", storage=f"sqlite:///{made.directory / search.STUDY}"
    )
    assert [t.value for t in known.trials] == pytest.approx([t.value for t in found])


def test_a_poor_trial_is_ended_early_and_says_so(project: Project) -> None:
    config = recipe(epochs=30, learning_rate=1e-2)
    plan = SearchPlan(config=config, space=(RATE,), trials=5)
    made = book.create(project, plan)
    study = search.Study(made.directory, plan)
    for _ in range(3):  # three whole trials of the past, each very good from the first epoch on
        number, _ = study.ask()
        trial = study._trial(number)
        assert trial is not None
        for epoch in range(1, 31):
            trial.report(0.99, epoch)
        study.tell(number, 0.99)
    study.close()
    steward = Steward()
    look_after(project, steward, lambda: len(trials.trials(project, made)) == 2, seconds=60)
    first = trials.trials(project, made)[0]
    assert first.pruned
    assert trials.state_words(first.run, first.status) == "stopped early (pruned)"
    assert first.run.role is not None
    assert first.run.role.pruned is not None
    assert first.run.role.pruned >= 6  # a fifth of the epochs is never judged
    assert len(runs.job_of(first.run).state().epochs) < 30
    assert first.value is not None  # what it has learned is kept and judged
    steward.close()
    known = search.Study(made.directory, plan)._study.trials
    assert known[3].state.name == "PRUNED"


def test_a_search_ends_when_its_time_is_over_and_can_be_taken_up_again(project: Project) -> None:
    plan = SearchPlan(config=recipe(epochs=4), space=(RATE,), trials=50, minutes=0.003)
    made = book.create(project, plan)
    steward = Steward()
    look_after(project, steward, lambda: book.get(project, made.id).ended is not None)
    done = len(trials.trials(project, made))
    assert 0 < done < 10
    assert f"with {50 - done} to go" in book.get(project, made.id).message
    book.extend(project, made.id, trials=1)
    look_after(project, steward, lambda: book.get(project, made.id).ended is not None)
    assert len(trials.trials(project, made)) == done + 1
    steward.close()


def test_a_trial_that_fails_is_left_behind_once_others_have_worked(project: Project) -> None:
    seeds = Dimension(name="seed", choices=(0, BROKEN_SEED))
    plan = SearchPlan(config=recipe(epochs=1), space=(seeds,), trials=8, prune=False)
    made = book.create(project, plan)
    steward = Steward()

    def settled() -> bool:
        found = [r.status for r in book.runs_of(project, made)]
        twice = found[-2:] == ["failed", "failed"]
        return book.get(project, made.id).ended is not None or twice

    look_after(project, steward, settled)
    states = [run.status for run in book.runs_of(project, made)]
    assert states[0] == "finished"
    assert "failed" in states
    assert states.index("failed") < len(states) - 1
    steward.close()


def test_a_search_whose_only_trial_fails_is_over_and_says_why(project: Project) -> None:
    plan = SearchPlan(config=recipe(seed=BROKEN_SEED), space=(RATE,), trials=1, prune=False)
    made = book.create(project, plan)
    steward = Steward()
    look_after(project, steward, lambda: book.get(project, made.id).ended is not None)
    (run,) = book.runs_of(project, made)
    told = f"No run came to a good end. Run {run.id} failed: It broke."
    assert book.get(project, made.id).message == told
    waiting = runs.create_run(project, recipe())
    assert runs.why_waits(project, waiting).endswith("5 minutes at most.")
    book.extend(project, made.id, trials=1)  # whoever asks for more has decided
    look_after(project, steward, lambda: len(book.runs_of(project, made)) == 2)
    steward.close()


def test_a_search_with_trials_left_says_that_it_waits_for_a_decision(project: Project) -> None:
    plan = SearchPlan(config=recipe(seed=BROKEN_SEED), space=(RATE,), trials=2, prune=False)
    made = book.create(project, plan)
    steward = Steward()
    look_after(project, steward, lambda: runs.held_by(project) is not None)
    for _ in range(3):
        steward.look(project)
    (run,) = book.runs_of(project, made)
    words = f"Run {run.id} failed, and the other runs wait until you decide about it."
    assert book.why_waits(project, book.get(project, made.id)) == words
    runs.decide(project, run.id)
    look_after(project, steward, lambda: book.get(project, made.id).ended is not None)
    assert len(book.runs_of(project, made)) == 2
    assert book.why_waits(project, book.get(project, made.id)) == ""
    steward.close()


STRUCK = """
import sys, os, signal
sys.path[:0] = [sys.argv[1]]
from pathlib import Path
from experiment_hands import command
from cvstudio.project import runs
from cvstudio.project.experiments import book
from cvstudio.project.experiments.steering import Steward
from cvstudio.project.project import Project
project, steward, wanted = Project.open(Path(sys.argv[2])), Steward(), int(sys.argv[3])
if wanted == 0:  # between Optuna's word and the run
    from cvstudio.project.experiments import sweep
    sweep.make_trial = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
while True:
    steward.look(project)
    runs.advance(project, command=command)
    if len(runs.all_runs(project)) == wanted and runs.running(project):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("runs_made", [0, 2])
def test_a_search_goes_on_where_a_killed_program_left_it(tmp_path: Path, runs_made: int) -> None:
    plan = SearchPlan(config=recipe(epochs=2), space=(RATE,), trials=4, prune=False)
    here, folder = str(Path(experiment_hands.__file__).parent), tmp_path / "cells"
    with make_project(folder, groups=4) as project:
        made = book.create(project, plan)
    gone = subprocess.run(
        [sys.executable, "-c", STRUCK, here, str(folder), str(runs_made)], check=False, timeout=100
    )
    assert gone.returncode == -signal.SIGKILL
    with Project.open(folder) as again:
        steward = Steward()
        look_after(again, steward, lambda: book.get(again, made.id).ended is not None)
        found = trials.trials(again, made)
        assert len(found) == 4
        assert {trial.status for trial in found} == {"finished"}
        known = search.Study(made.directory, plan)
        assert known.open_trials() == []
        lost = 1 if runs_made == 0 else 0
        assert known.count() == 4 + lost
        known.close()
        steward.close()


# Several at once


def most_at_work(project: Project, steward: Steward, until: object) -> int:
    """Look after everything until something holds; how many runs were at work at most."""
    most = 0

    def over() -> bool:
        nonlocal most
        most = max(most, len(runs.running(project)))
        return until()  # type: ignore[operator, no-any-return]

    look_after(project, steward, over)
    return most


def test_trials_of_a_search_go_on_beside_each_other_and_none_is_tried_twice(
    project: Project,
) -> None:
    plan = SearchPlan(config=recipe(epochs=8), space=(RATE,), trials=7, prune=False, at_once=3)
    made = book.create(project, plan)
    steward = Steward()
    over = lambda: book.get(project, made.id).ended is not None  # noqa: E731
    assert most_at_work(project, steward, over) == 3
    found = trials.trials(project, made)
    assert len(found) == 7
    assert {trial.status for trial in found} == {"finished"}
    assert len({trial.values["learning_rate"] for trial in found}) == 7
    steward.close()
    known = search.Study(made.directory, plan)
    assert known.open_trials() == []
    assert known.count() == 7
    known.close()


def test_values_to_try_share_a_device_as_far_as_was_asked_and_with_nobody_else(
    project: Project,
) -> None:
    alone = runs.create_run(project, recipe(epochs=10))
    grid = varying.grid(recipe(epochs=10), {"learning_rate": [0.1, 0.01, 0.001, 0.0001]})
    made = book.create(project, SweepPlan(config=recipe(epochs=10), trials=tuple(grid), at_once=2))
    steward, beside = Steward(), []

    def over() -> bool:
        at_work = {run.id for run in runs.running(project)}
        if alone.id in at_work:
            beside.append(len(at_work))
        return book.get(project, made.id).ended is not None

    assert most_at_work(project, steward, over) == 2
    assert set(beside) == {1}, "the run of somebody else has its device for itself"
    steward.close()


def test_a_killed_search_of_several_at_once_goes_on_with_all_that_were_at_work(
    tmp_path: Path,
) -> None:
    plan = SearchPlan(config=recipe(epochs=4), space=(RATE,), trials=5, prune=False, at_once=2)
    here, folder = str(Path(experiment_hands.__file__).parent), tmp_path / "cells"
    with make_project(folder, groups=4) as project:
        made = book.create(project, plan)
    gone = subprocess.run(
        [sys.executable, "-c", STRUCK, here, str(folder), "2"], check=False, timeout=100
    )
    assert gone.returncode == -signal.SIGKILL
    with Project.open(folder) as again:
        steward = Steward()
        look_after(again, steward, lambda: book.get(again, made.id).ended is not None)
        found = trials.trials(again, made)
        assert [trial.number for trial in found] == [1, 2, 3, 4, 5]
        assert {trial.status for trial in found} == {"finished"}
        steward.close()


def gpus(count: int) -> Device:
    cards = [Device("cuda", "card", 8, 0, place=f"cuda:{n}") for n in range(count)]
    return replace(cards[0], others=tuple(cards[1:]))


def test_as_many_trials_as_there_are_gpus_are_usual() -> None:
    config = recipe()
    assert sharing.usual(gpus(1), config) == 1
    assert sharing.usual(gpus(4), config) == 4
    assert sharing.usual(gpus(4), recipe(device="cuda:1")) == 1
    assert sharing.usual(gpus(4), config, cluster=True) == 1
    assert sharing.usual(None, config) == 1


@pytest.mark.parametrize(
    ("at_once", "places"),
    [(2, ["auto", "cuda:1", None]), (4, ["auto", "cuda:1", "auto", "cuda:1", None])],
)
def test_trials_are_spread_over_the_gpus_before_they_share_them(
    project: Project, at_once: int, places: list[str | None]
) -> None:
    grid = varying.grid(recipe(), {"seed": list(range(5))})
    made = book.create(project, SweepPlan(config=recipe(), trials=tuple(grid), at_once=at_once))
    Steward().look(project)
    at_work: list[RunRecord] = []
    for run, place in zip(book.runs_of(project, made), places, strict=False):
        assert sharing.place_of(run, at_work, gpus(2), frozenset()) == place
        if place is not None:
            job = runs.job_of(run)
            told = runs.changed_config(runs.config_of(run), {"device": place})
            job.config.write_text(told.model_dump_json())
            at_work.append(run)


def test_the_time_of_a_search_is_divided_by_its_gpus_alone(project: Project) -> None:
    with project.read() as s:
        facts = training_facts.gather(s, project)
    plan = SearchPlan(config=recipe(), space=(RATE,), trials=8, at_once=4)
    alone = lasting.seconds(plan.model_copy(update={"at_once": 1}), facts, device=gpus(2))
    assert lasting.seconds(plan, facts, device=gpus(2)) == pytest.approx(alone / 2)
    assert lasting.seconds(plan, facts, device=gpus(1)) == pytest.approx(alone)
    assert "up to 8 runs 4 at once: " in lasting.in_words(plan, 60.0)
    assert lasting.on_cluster(plan) == "Up to 8 runs on the cluster, 4 at once."


def test_no_two_trials_are_the_same_although_the_sampler_is_made_again_each_time(
    tmp_path: Path,
) -> None:
    plan = SearchPlan(config=recipe(), space=(RATE,), trials=9)
    values = []
    for _ in range(6):
        study = search.Study(tmp_path, plan)  # as after closing and opening the project
        number, chosen = study.ask()
        study.tell(number, None)
        study.close()
        values.append(chosen["learning_rate"])
    assert len(set(values)) == 6


def test_importance_names_the_setting_that_made_the_difference() -> None:
    chance = random.Random(0)
    found = []
    for _ in range(30):
        rate, decay = 10 ** chance.uniform(-5, 0), chance.random()
        found.append(({"learning_rate": rate, "weight_decay": decay, "seed": 3}, -abs(rate - 0.5)))
    told = search.importances(found)
    assert list(told) == ["learning_rate", "weight_decay"]
    assert told["learning_rate"] > 0.8
    assert search.importances([]) == {}


def test_the_window_and_the_command_line_start_without_optuna() -> None:
    code = (
        "import sys\n"
        "import cvstudio.gui.app, cvstudio.gui.train.page, cvstudio.cli.training\n"
        "import cvstudio.project.experiments.steering\n"
        "print('optuna' in sys.modules)"
    )
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True
    )
    assert told.stdout.strip() == "False"


def test_a_look_at_a_project_without_experiments_takes_no_time(project: Project) -> None:
    steward = Steward()
    assert not steward.look(project)
    assert own_seconds(lambda: steward.look(project), tries=20) < 0.02

"""The words of the Train page: states, figures and times as people say them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from cvstudio.core.annotation import Task
from cvstudio.core.batch_rule import AUTOMATIC
from cvstudio.core.batch_rule import words as batch_words
from cvstudio.core.curves import loss_of
from cvstudio.core.events import EpochEnded, Failed
from cvstudio.core.networks import preset_changes, title_of
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.run_state import SEVERAL_METRIC, RunState
from cvstudio.core.words import percent
from cvstudio.project.estimate import in_words
from cvstudio.project.records import RunRecord
from cvstudio.project.run_status import RunStatus

STATE_ICONS: dict[RunStatus, tuple[str, str]] = {
    RunStatus.QUEUED: ("clock-outline", "muted"),
    RunStatus.RUNNING: ("chart-line", "link"),
    RunStatus.PAUSED: ("pause", "muted"),
    RunStatus.FINISHED: ("check", "muted"),
    RunStatus.FINISHED_EARLY: ("flag-checkered", "muted"),
    RunStatus.CANCELLED: ("close", "muted"),
    RunStatus.FAILED: ("alert-circle-outline", "danger"),
}

_CAUSES = {
    "out of memory": "Out of memory",
    "not a number": "Not a number",
    "no data": "No data",
    "disk full": "Disk full",
    "weights": "No weights",
    "config": "Settings",
    "image": "Image",
    "driver": "GPU driver",
    "killed": "Stopped",
}

CURVES: dict[Task, tuple[str, str]] = {
    Task.DETECT: ("mAP50", "mAP50-95"),
    Task.INSTANCE: ("mAP50", "mAP50-95"),
    Task.SEGMENT: ("Dice", "mIoU"),
    Task.CLASSIFY: ("accuracy", "balanced accuracy"),
}
"""The two figures on val that are drawn; the second one chooses the best network."""


def curves(run: RunRecord) -> tuple[str, str]:
    """The same of a run; where images have several classes other figures say how good it is."""
    return ("macro F1", SEVERAL_METRIC) if run.metric == SEVERAL_METRIC else CURVES[run.task]


SHORT = {"balanced accuracy": "bal. acc."}
"""The head of the column of best figures, where the name of the metric has no room."""


SHORT_STATES = {"Finished early": "Early"}
"""The same for the column of states, which would leave none for the names of networks."""


def state_words(status: RunStatus, failed: Failed | None, *, waits: bool = False) -> str:
    """The state of a run in one or two words; a failure is called by its cause."""
    if status is RunStatus.FAILED and failed is not None:
        return _CAUSES.get(failed.cause, "Failed")
    if status is RunStatus.QUEUED and waits:
        return "Waiting"
    return status.value.capitalize()


ASKED = ("pause", "finish", "cancel", "resume")
"""What can be asked of a run, as the actions are called."""


def why_not(run_id: int, status: RunStatus, *, begun: bool, saved: bool) -> dict[str, str]:
    """Why each of ASKED cannot be asked of a run now; "" where it can.

    `begun`: its process has said that it works. `saved`: it has a checkpoint to go on from.
    """
    it_is = f"Run {run_id} is {status}"
    live = status is RunStatus.RUNNING
    starting = "" if begun else f"Run {run_id} is starting"
    resume = it_is
    if saved:
        resume = ""
    elif status in (RunStatus.PAUSED, RunStatus.FAILED):
        resume = f"Run {run_id} has saved no checkpoint"
    cancel = live or status in (RunStatus.QUEUED, RunStatus.PAUSED)
    return {
        "pause": starting if live else it_is,
        "finish": starting if live else it_is,
        "cancel": "" if cancel else it_is,
        "resume": resume,
    }


def run_line(run: RunRecord) -> str:
    """A run among others to start from: "Run 3, YOLO26 nano, 0.612"."""
    best = f", {run.best:.3f}" if run.best is not None else ""
    return f"Run {run.id}, {title_of(run.network)}{best}"


def headline(failed: Failed) -> str:
    """What a failure card says in one line, after "Run 7 stopped"."""
    return {
        "out of memory": "the memory ran out",
        "not a number": "the loss is no longer a number",
        "no data": "there is nothing to learn from",
        "disk full": "the disk is full",
        "weights": "there are no weights to start from",
        "config": "a setting does not fit",
        "image": "an image cannot be read",
        "driver": "the GPU's driver does not fit",
        "killed": "its process was ended",
    }.get(failed.cause, "something failed")


def account(failed: Failed, config: TrainConfig, state: RunState) -> str:
    """What happened, with its place and numbers where the settings are the cause."""
    if failed.cause not in ("out of memory", "not a number", "killed"):
        return failed.text
    place = f"in epoch {state.epoch}" if state.epoch else "before the first epoch"
    batch = batch_words(config.batch)
    if config.batch == AUTOMATIC and state.batch:
        batch = f"{state.batch} ({batch})"
    numbers = f"at batch {batch} and image size {config.image_size} px"
    return f"{failed.text} It happened {place}, {numbers}."


def on_gpu(state: RunState) -> bool:
    """Whether a run was computed on a GPU; jobs call everything else "processor"."""
    return state.device not in ("", "processor", "cpu")


_TOLD = 2
"""Pieces of advice that a run's card names; its tip has all."""


def settings_line(config: TrainConfig) -> str:
    """The settings that matter most: "YOLO26 nano · Balanced, changed · 640 px · batch 16"."""
    changed = ", changed" if preset_changes(config) else ""
    parts = (
        title_of(config.network),
        f"{config.preset.value.capitalize()}{changed}",
        f"{config.image_size} px",
        f"batch {batch_words(config.batch)}",
    )
    return " · ".join(parts)


def in_spite_of(told: Sequence[str]) -> str:
    """What was advised before a start and not followed: "Started in spite of: a; b; and 3 more"."""
    if not told:
        return ""
    shown = "; ".join(told[:_TOLD])
    more = f"; and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return f"Started in spite of: {shown}{more}"


def times_from(run_ids: Sequence[int]) -> str:
    """What the times on the preset cards rest on."""
    if not run_ids:
        return "Times are a first guess; a finished run makes them better."
    many = "run" if len(run_ids) == 1 else "runs"
    return f"Times from the speed of {many} {', '.join(str(id) for id in sorted(run_ids))}."


def loss_series(epochs: list[EpochEnded], of: str) -> tuple[list[float], list[float]]:
    """Epochs and losses of "train" or "val"."""
    pairs = [(float(e.epoch), loss_of(getattr(e, of))) for e in epochs]
    known = [(x, y) for x, y in pairs if y is not None]
    return [x for x, _ in known], [y for _, y in known]


def loss_parts(state: RunState) -> list[str]:
    """What the loss of a run is the sum of, by name; none where it is one whole."""
    last = state.epochs[-1].train if state.epochs else (
        state.step_history[-1].losses if state.step_history else {}
    )  # fmt: skip
    return [name for name in last if name != "loss"]


def facts(
    state: RunState, metric: str, *, now: float, live: bool, judged: float | None = None
) -> list[tuple[str, str, str]]:
    """The line under the bar, each as words, figure, words: ("", "24 min", "left, until 15:06").

    `judged`: the exact figure of the best epoch, once the run is over.
    """
    found = []
    worked = state.seconds_worked(now if live else state.last_event_at or now)
    if worked >= 1:
        found.append(("", _precise(worked), "so far" if live else "at work"))
    left = state.seconds_left()
    if live and left:
        until = time.strftime("%H:%M", time.localtime(now + left))
        # The first epoch's own steps foretell the rest before any epoch is over.
        found.append(("" if state.epochs else "about", in_words(left), f"left, until {until}"))
    if live and state.images_per_second:
        found.append(("", f"{state.images_per_second:.0f}", "images/s"))
    if live and state.waiting is not None and state.waiting >= 0.05:
        found.append(("", percent(state.waiting), "waiting for images"))
    if state.best_epoch is not None:
        best = next((e for e in state.epochs if e.epoch == state.best_epoch), None)
        value = best.metrics.get(metric) if best is not None else None
        value = value if judged is None else judged
        if value is not None:
            found.append((f"best {metric}", f"{value:.3f}", f"at epoch {state.best_epoch}"))
    return found


def on_val(run: RunRecord, state: RunState, judged: float | None) -> str:
    """The figures at the head of the chart: of the last epoch, and of the best one when the run is
    over. That one was judged once more then, so that one figure is said everywhere."""
    best = next((e for e in state.epochs if e.epoch == state.best_epoch), None)
    if judged is None or best is None:
        figures = [ys[-1] for name in curves(run) if (ys := state.series(name)[1])]
        return ", ".join(f"{value:.3f}" for value in figures)
    exact = best.metrics | {run.metric: judged}
    return "best " + ", ".join(f"{exact[n]:.3f}" for n in curves(run) if n in exact)


def _precise(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else in_words(seconds)

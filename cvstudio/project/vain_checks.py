"""Checks before a run: settings that somebody chose and that change nothing, with the way back."""

from __future__ import annotations

from typing import Any

from cvstudio.core.networks import default_config
from cvstudio.core.recipe import Half, TrainConfig
from cvstudio.core.recipe_effects import in_vain, title
from cvstudio.project.check import Action, Check, Level

_WHY = "The run is the same without. Change what stands in the way, or take the setting back."


def vain_checks(config: TrainConfig) -> list[Check]:
    """Advice on settings without effect: one line for all that one cause keeps from having one."""
    usual = default_config(config.task, config.preset, config.network)
    causes: dict[str, list[str]] = {}
    for vain in in_vain(config):
        causes.setdefault(vain.why, []).append(vain.name)
    lines = []
    for why, names in causes.items():
        changes: dict[str, Any] = {
            name: getattr(usual, name)
            for name in names if getattr(config, name) != getattr(usual, name)
        }  # fmt: skip
        back = (Action("Take back", "set", changes),) if changes else ()
        lines.append(Check(Level.ADVICE, f"{_titles(names)} no effect: {why}", back, _WHY))
    return lines


def half_check(config: TrainConfig) -> list[Check]:
    """Advice where a processor is to compute in a format that it gains nothing from."""
    if not config.mixed_precision or config.half is not Half.FLOAT16:
        return []
    back = Action("Take back", "set", {"half": Half.AUTO})
    text = f"“{title('half')}” has no effect: float16 needs a GPU"
    return [Check(Level.ADVICE, text, (back,), "A processor computes in full.")]


def _titles(names: list[str]) -> str:
    told = [f"“{title(name)}”" for name in names]
    if len(told) == 1:
        return f"{told[0]} has"
    return f"{', '.join(told[:-1])} and {told[-1]} have"

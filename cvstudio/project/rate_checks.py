"""Checks before a run: whether the learning rate is one that its optimiser can learn with."""

from __future__ import annotations

from cvstudio.core.networks import default_config
from cvstudio.core.presets import SGD_TIMES
from cvstudio.core.recipe import Optimizer, TrainConfig
from cvstudio.project.check import Action, Check, Level

_WHY = "AdamW scales each step by how large gradients were; SGD takes them as they are."


def rate_checks(config: TrainConfig) -> list[Check]:
    """Advice where the rate is that of the other optimiser, with a button for one that suits."""
    usual = default_config(config.task, config.preset, config.network).learning_rate
    for_sgd = float(f"{usual * SGD_TIMES:.2g}")
    sgd = config.optimizer is Optimizer.SGD
    if sgd and config.learning_rate < 3 * usual:
        return [_advice("SGD wants about ten times the learning rate of AdamW", for_sgd)]
    if not sgd and config.learning_rate >= for_sgd:
        return [_advice("AdamW wants about a tenth of the learning rate of SGD", usual)]
    return []


def _advice(text: str, rate: float) -> Check:
    use = Action(f"Use {rate:g}", "set", {"learning_rate": rate})
    return Check(Level.ADVICE, text, (use,), _WHY)

"""All that the checks before a run want to know, read in one go: for whoever can wait for it.

The window shows what is known at once and looks for the rest in threads (gui/train/preparing.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cvstudio.core.recipe import TrainConfig
from cvstudio.project import leakage, training_facts
from cvstudio.project.learned import earlier, first_weights
from cvstudio.project.project import Project
from cvstudio.project.training_facts import Facts

SECONDS = 5.0
"""How long a run waits for images to be looked at that nobody has looked at yet."""


def gather(project: Project, config: TrainConfig) -> Facts:
    """The facts of a project for a run that is about to start: near-duplicates as far as they are
    known in SECONDS (Facts.not_compared), and what the run that it begins with learned from."""
    facts = _known(project, config)
    near, left = leakage.near_in_time(project, facts.divided, seconds=SECONDS)
    return replace(facts, near=near, not_compared=left)


def gather_all(
    project: Project, config: TrainConfig, *, progress: Callable[[int, int], None]
) -> Facts:
    """The same with all near-duplicates, however long that takes; `progress` is told how many
    images have been looked at, of those that nobody looked at before."""
    facts = _known(project, config)
    return replace(facts, near=leakage.near_duplicates(project, facts.divided, progress=progress))


def _known(project: Project, config: TrainConfig) -> Facts:
    with project.read() as session:
        facts = training_facts.gather(session, project)
    weights = first_weights(config)
    if weights is None:
        return facts
    return replace(facts, earlier={weights: earlier(project, weights, facts.divided)})

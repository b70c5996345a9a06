"""How long an experiment will take, and what speaks against it, before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cvstudio.core.annotation import Split
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.core.words import counted
from cvstudio.project import estimate, preflight, sharing
from cvstudio.project.device import Device
from cvstudio.project.estimate import Measured
from cvstudio.project.experiments import varying
from cvstudio.project.experiments.plans import FoldsPlan, Plan, SearchPlan, SweepPlan
from cvstudio.project.preflight import Check, Level
from cvstudio.project.training_facts import Facts

PRUNED_SHARE = 0.7
"""How much of its epochs a trial sees on average where poor ones are ended early: a guess."""

_LOOKED_AT = 8
"""Different recipes of an experiment whose checks are made, as every typed letter asks for them."""


def facts_for(plan: Plan, facts: Facts) -> Facts:
    """The facts of a project as the runs of an experiment meet them: folds divide anew, and what
    was compared across today's parts says nothing of theirs."""
    if not isinstance(plan, FoldsPlan):
        return facts
    together = sum(facts.images.get(split, 0) for split in (Split.TRAIN, Split.VAL))
    val = round(together / plan.k)
    objects = Counter(facts.counts.get(Split.TRAIN, {})) + Counter(facts.counts.get(Split.VAL, {}))
    sizes = Counter(facts.sizes.get(Split.TRAIN, {})) + Counter(facts.sizes.get(Split.VAL, {}))
    return replace(
        facts,
        near=None,
        not_compared=0,
        earlier={},
        sizes={Split.TRAIN: sizes, Split.VAL: sizes},
        images={**facts.images, Split.TRAIN: together - val, Split.VAL: val},
        counts={
            **facts.counts,
            Split.TRAIN: {c: round(n * (1 - 1 / plan.k)) for c, n in objects.items()},
            Split.VAL: {c: max(round(n / plan.k), 1) for c, n in objects.items()},
        },
    )


def configs(plan: Plan) -> Iterator[TrainConfig]:
    """The recipe of each run as far as it is known now; those of a search are like its own."""
    match plan:
        case SweepPlan():
            for values in plan.trials:
                yield varying.varied(plan.config, values)
        case FoldsPlan() | SearchPlan():
            for _ in range(plan.count):
                yield plan.config


def seconds(
    plan: Plan, facts: Facts, *, device: Device, history: Sequence[Measured] = ()
) -> float:  # fmt: skip
    """The time of all runs, as many at once as devices allow; with a limit, at most that."""
    found = facts_for(plan, facts)
    each: dict[str, float] = {}
    total = 0.0
    for config in configs(plan):
        key = (
            f"{config.network} {config.image_size} {config.epochs} {config.device} {config.fit}"
            f" {config.sharpness > 0}"
        )
        if key not in each:
            train, val = found.items(config)
            each[key] = estimate.seconds(
                config, train=train, val=val, device=device, history=history
            )
        total += each[key]
    if isinstance(plan, SearchPlan | SweepPlan):
        # Trials that share a device take turns: only devices of their own save time.
        total /= min(plan.at_once, sharing.usual(device, plan.config))
    if isinstance(plan, SearchPlan):
        total *= PRUNED_SHARE if plan.prune else 1.0
        total = min(total, plan.minutes * 60) if plan.minutes is not None else total
    return total


def in_words(plan: Plan, duration: float) -> str:
    """The time in a sentence: "5 runs one after the other: about 1 h."."""
    most = "up to " if isinstance(plan, SearchPlan) else ""
    many = plan.at_once if isinstance(plan, SearchPlan | SweepPlan) else 1
    how = f"{many} at once" if many > 1 else "one after the other"
    return f"{most}{counted(plan.count, 'run')} {how}: {estimate.roughly(duration)}."


def on_cluster(plan: Plan) -> str:
    """What a cluster will be asked for: "Up to 20 runs on the cluster, 4 at once."."""
    if isinstance(plan, SearchPlan):
        how = f"{plan.at_once} at once" if plan.at_once > 1 else "one after the other"
        return f"Up to {counted(plan.count, 'run')} on the cluster, {how}."
    return f"{counted(plan.count, 'run')} on the cluster, as many at once as it has places for."


def obstacles(plan: Plan, facts: Facts, device: Device | None) -> list[Check]:
    """What keeps a run of the experiment from starting; of networks, each is asked about once.

    `device` is what this computer has; None when a cluster does the runs.
    """
    found = facts_for(plan, facts)
    asked: dict[tuple[str, str], TrainConfig] = {}
    for config in (*configs(plan), *_searched_networks(plan)):
        asked.setdefault((config.network, config.start.value), config)
    stopping = (c for config in asked.values() for c in
                preflight.blocking(preflight.checks(found, config, device)))  # fmt: skip
    return list({check.text: check for check in stopping}.values())


def advice(plan: Plan, facts: Facts, device: Device | None) -> list[Check]:
    """What is worth a look before an experiment: a line once, however many runs it is about.

    First come those about all runs; others say that they are about some. Of very many recipes a
    few are looked at, the first and the last among them. `device` as for `obstacles`.
    """
    found = facts_for(plan, facts)
    written = list(dict.fromkeys(config.model_dump_json() for config in configs(plan)))
    step = max(len(written) - 1, 1) / (_LOOKED_AT - 1)
    chosen = {round(place * step) if step > 1 else place for place in range(_LOOKED_AT)}
    recipes = [written[place] for place in sorted(chosen) if place < len(written)]
    told: dict[str, tuple[Check, int]] = {}
    for recipe in recipes:
        for check in preflight.checks(found, TrainConfig.model_validate_json(recipe), device):
            if check.level is Level.ADVICE:
                told[check.text] = check, told.get(check.text, (check, 0))[1] + 1
    shared = [check for check, count in told.values() if count == len(recipes)]
    others = [
        replace(check, text=f"{check.text} (some of the runs)")
        for check, count in told.values() if count < len(recipes)
    ]  # fmt: skip
    return shared + others


def caution(plan: Plan) -> str:
    """What the figures of an experiment will not be worth what they seem to; "" when nothing."""
    if not isinstance(plan, FoldsPlan) or plan.config.start is not Start.RUN:
        return ""
    return (
        "The folds begin from a run that has learned from images on which they are judged: their"
        " figures come out too good. Pretrained weights know none of these images."
    )


def _searched_networks(plan: Plan) -> Iterator[TrainConfig]:
    if isinstance(plan, SearchPlan):
        for dimension in plan.space:
            if dimension.name == varying.NETWORK:
                for name in dimension.choices:
                    yield varying.varied(plan.config, {varying.NETWORK: name})

"""Checks before a run: whether the network answers with what is labelled."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from cvstudio.augment.editing import acts, flat
from cvstudio.core.annotation import COUNTING, Kind, Split, Task
from cvstudio.core.forms import ALWAYS, Answers
from cvstudio.core.held import most_common
from cvstudio.core.networks import answering, fits, network
from cvstudio.core.pipeline import Step
from cvstudio.core.recipe import Fit, TrainConfig
from cvstudio.core.skeleton import mirrored_places
from cvstudio.core.words import counted, quoted
from cvstudio.project.check import Action, Check, Level
from cvstudio.project.training_facts import Facts

_MIRRORING = frozenset(("flip_horizontal", "flip_vertical", "transpose"))
"""Steps of a pipeline that show an image in a mirror."""


def offered(facts: Facts) -> frozenset[Answers]:
    """What networks can answer with that the labels of a project speak for."""
    found = set(ALWAYS)
    kinds = {
        kind for counts in facts.kinds.values() for (_, kind), count in counts.items() if count
    }
    if kinds & {Kind.ROTATED_BOX, Kind.POLYGON, Kind.MASK}:
        found.add(Answers.ROTATED)
    if Kind.KEYPOINTS in kinds and facts.skeletons:
        found.add(Answers.KEYPOINTS)
    return frozenset(found)


def in_form(facts: Facts, config: TrainConfig) -> Facts:
    """The facts with the objects that the config's network learns from as those that count."""
    if network(config.network).answers is not Answers.KEYPOINTS:
        return facts
    known = _posed_classes(facts)
    counts = {
        split: Counter({
            class_id: count for (class_id, kind), count in facts.kinds.get(split, {}).items()
            if kind is Kind.KEYPOINTS and class_id in known
        })
        for split in Split
    }  # fmt: skip
    return replace(facts, counts=counts)


def _posed_classes(facts: Facts) -> frozenset[int]:
    """The classes with the skeleton of most objects in train, which a network would learn."""
    found: Counter[tuple[str, ...]] = Counter()
    for class_id, count in _of_kind(facts, Kind.KEYPOINTS).items():
        if class_id in facts.skeletons:
            found[facts.skeletons[class_id].names] += count
    best = most_common(found)
    return frozenset(id for id, bones in facts.skeletons.items() if bones.names == best)


def _of_kind(facts: Facts, *kinds: Kind) -> Counter[int]:
    """How many objects of some kinds train has, by class."""
    found: Counter[int] = Counter()
    for (class_id, kind), count in facts.kinds.get(Split.TRAIN, {}).items():
        if kind in kinds:
            found[class_id] += count
    return found


def form_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    """Whether the network answers with what is labelled: boxes, rotated boxes or keypoints."""
    if facts.task is not Task.DETECT:
        return []
    answers = network(config.network).answers
    turned = _of_kind(facts, Kind.ROTATED_BOX).total()
    posed = _of_kind(facts, Kind.KEYPOINTS)
    objects = _of_kind(facts, *COUNTING[Task.DETECT]).total()
    if answers is Answers.KEYPOINTS:
        return _keypoint_checks(facts, config, posed)
    if answers is Answers.ROTATED:
        if not objects:
            return []
        if turned or objects > _of_kind(facts, Kind.BOX).total():
            return [
                Check(
                    Level.OK,
                    f"{turned:,} of {objects:,} objects in train are rotated boxes",
                    (),
                    "Upright boxes count as not turned, outlines as the smallest box.",
                )
            ]
        why = "Every box in train stands upright: there is no angle to learn."
        return [Check(Level.ADVICE, "No rotated box in train", (_use(config, Answers.BOXES),), why)]
    lines = []
    if turned > objects / 2:
        many = counted(turned, "rotated box", "rotated boxes")
        why = "This network learns the upright boxes around them, and nothing of their angles."
        use = _use(config, Answers.ROTATED)
        lines.append(Check(Level.ADVICE, f"{many} learned as upright ones", (use,), why))
    if posed and _posed_classes(facts):
        many = counted(posed.total(), "object has", "objects have")
        why = "This network finds boxes. One for keypoints finds both."
        use = _use(config, Answers.KEYPOINTS)
        lines.append(Check(Level.ADVICE, f"{many} keypoints, left out", (use,), why))
    return lines


def _use(config: TrainConfig, answers: Answers) -> Action:
    """Take the network that is most like the config's and answers so."""
    name = answering(config.network, answers)
    changes: dict[str, Any] = {"network": name}
    if config.fit not in fits(network(name)):
        changes["fit"] = Fit.PAD
    return Action(f"Use {answers}", "set", changes)


def _keypoint_checks(facts: Facts, config: TrainConfig, posed: Counter[int]) -> list[Check]:
    known = _posed_classes(facts)
    plain = (_use(config, Answers.BOXES),)
    if not known:
        why = "Give a class a skeleton on the Data page, and set its points on the Label page."
        return [Check(Level.BLOCKING, "No object in train has keypoints of a skeleton", plain, why)]
    bones = facts.skeletons[min(known)]
    many = counted(sum(posed[id] for id in known), "object")
    points = counted(len(bones.names), "point")
    lines = [Check(Level.OK, f"Learns {points} from {many} in train", (), ", ".join(bones.names))]
    others = [quoted(facts.classes[id]) for id in posed if id not in known]
    if others:
        why = "A network knows one skeleton: that of most objects. Others need a run in a project"
        why += " of their own."
        lines.append(
            Check(Level.ADVICE, f"Another skeleton, left out: {', '.join(others)}", (), why)
        )
    mirrors = any(
        isinstance(item, Step) and item.transform in _MIRRORING and acts(config.augmentation, place)
        for place, item in flat(config.augmentation)
    )
    alike = mirrored_places(bones) == tuple(range(len(bones.names)))
    if mirrors and alike and len(bones.names) > 1:
        why = "No point is named left or right (or L and R). Where a mirror exchanges points of"
        why += " your objects, name them so, or take the flips out on Augment."
        lines.append(Check(Level.ADVICE, "Mirrored variants exchange no points", (), why))
    return lines

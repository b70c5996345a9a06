"""The check whether a run would be judged on images that the run it begins with learned from."""

from __future__ import annotations

from cvstudio.core.annotation import Split
from cvstudio.core.networks import network
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.project.check import Action, Check, Level
from cvstudio.project.learned import Earlier, first_weights
from cvstudio.project.training_facts import Facts


def learned_checks(facts: Facts, config: TrainConfig) -> list[Check]:
    """What the run to begin with knows of val and test; nothing where no run is begun with, or
    where that has not been looked up yet (Facts.earlier)."""
    weights = first_weights(config)
    found = facts.earlier.get(weights) if weights is not None else None
    if found is None:
        return []
    lines = [_known_check(facts, config, found)] if any(found.judged.values()) else []
    if not found.whole:
        text = f"Not all that run {found.run_id} learned from is known"
        why = (
            "Its snapshot, or a run that it began with, is gone. If val or test images were among"
            " what was learned from, the figures will be better than they should."
        )
        lines.append(Check(Level.ADVICE, text, (), why))
    elif not lines and facts.images.get(Split.VAL):
        lines.append(Check(Level.OK, f"Run {found.run_id} learned from no val or test image"))
    return lines


def _known_check(facts: Facts, config: TrainConfig, found: Earlier) -> Check:
    known = {split: images for split, images in found.judged.items() if images}
    of = {split: facts.images.get(split, 0) for split in known}
    parts = [f"{len(images):,} of {of[split]:,} {split}" for split, images in known.items()]
    text = f"Run {found.run_id} learned from {' and '.join(parts)} images: figures will flatter"
    where = " and ".join(known)
    why = (
        f"The network knows them already, so figures on {where} come out better than on images that"
        " it has never seen."
    )
    both = tuple(image for images in known.values() for image in images)
    actions = [Action("Show", "images", image_ids=both)]
    ways = []
    if all(len(images) < of[split] for split, images in known.items()):
        actions.append(Action("Move to train", "train", image_ids=both))
        ways.append("moved to train, they are judged on no more")
    if network(config.network).weights is not None:
        actions.append(Action("Use pretrained", "set", {"start": Start.PRETRAINED}))
        ways.append("pretrained weights know none of them")
    if ways:
        words = "; ".join(ways)
        why += f" {words[0].upper()}{words[1:]}."
    return Check(Level.ADVICE, text, tuple(actions), why)

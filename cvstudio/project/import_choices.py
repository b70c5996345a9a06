"""What a person decides about an import before it runs: which classes come in, under which names.

A plan says what a source holds; these functions change the plan, never the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from cvstudio.core.annotation import Split
from cvstudio.formats.base import ParsedClass
from cvstudio.project import queries, splits
from cvstudio.project.importing import ImportPlan
from cvstudio.project.project import Project


def choose_classes(
    project: Project, plan: ImportPlan, names: Mapping[str, str | None]
) -> tuple[int, int]:
    """Let classes of the source come in under other names; None leaves a class out.

    Classes that `names` does not mention stay as they are. An image all of whose annotations are
    left out comes in unlabelled. Returns how many annotations were renamed and left out.
    """
    renamed = left_out = 0
    for image in plan.images:
        kept = []
        for annotation in image.parsed.annotations:
            wanted = names.get(annotation.class_name, annotation.class_name)
            if wanted is None:
                left_out += 1
                continue
            renamed += wanted != annotation.class_name
            annotation.class_name = wanted
            kept.append(annotation)
        image.parsed.annotations = kept
    colours = {c.name: c.colour for c in plan.classes}
    bones = {names.get(c.name, c.name): c.skeleton for c in reversed(plan.classes) if c.skeleton}
    asked = {
        names.get(c.name, c.name): c.attributes for c in reversed(plan.classes) if c.attributes
    }
    order = dict.fromkeys(
        wanted for c in plan.classes if (wanted := names.get(c.name, c.name)) is not None
    )
    plan.classes = [
        ParsedClass(name, colours.get(name), bones.get(name), asked.get(name, ())) for name in order
    ]
    with project.read() as session:
        present = {c.name for c in queries.classes(session)}
    plan.new_classes = [name for name in order if name not in present]
    return renamed, left_out


def forget_splits(plan: ImportPlan) -> None:
    """Do not take the splits that the source gives."""
    for image in plan.images:
        image.parsed.split = None


def given_splits(plan: ImportPlan) -> dict[Split, int]:
    """How many images the source itself puts into each split."""
    found = plan.split_counts()
    return {split: found[split] for split in Split if split in found}


VAL_SHARE = 0.2
"""The share of the train images that becomes val where a source has no val."""


def lacks_val(plan: ImportPlan) -> int:
    """How many images would make up for a source with train and no val; 0 where none are needed."""
    given = plan.split_counts()
    train = given.get(Split.TRAIN, 0)
    return ceil(train * VAL_SHARE) if train > 1 and not given.get(Split.VAL) else 0


def make_val(plan: ImportPlan, *, seed: int = 0) -> int:
    """Take images out of train for val, of each class the same share; returns how many.

    A run is judged on val in every epoch: without it, it cannot start. Pages of one file and
    copies of it stay together.
    """
    places = {c.name: place for place, c in enumerate(plan.classes)}
    train = {
        place: image for place, image in enumerate(plan.images) if image.parsed.split is Split.TRAIN
    }
    found = splits.assign(
        {k: {places[a.class_name] for a in i.parsed.annotations} for k, i in train.items()},
        fractions=(1 - VAL_SHARE, VAL_SHARE, 0),
        seed=seed,
        groups={k: i.sha256 for k, i in train.items()},
    )
    taken = [train[key] for key, split in found.items() if split is Split.VAL]
    for image in taken:
        image.parsed.split = Split.VAL
    return len(taken)

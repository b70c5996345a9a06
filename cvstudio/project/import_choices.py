"""What a person decides about an import before it runs: which classes come in, under which names.

A plan says what a source holds; these functions change the plan, never the source.
"""

from __future__ import annotations

from collections.abc import Mapping

from cvstudio.core.annotation import Split
from cvstudio.formats.base import ParsedClass
from cvstudio.project import queries
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
    order = dict.fromkeys(
        wanted for c in plan.classes if (wanted := names.get(c.name, c.name)) is not None
    )
    plan.classes = [ParsedClass(name, colours.get(name)) for name in order]
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
    return {split: n for split, n in plan.split_counts().items() if split is not None}

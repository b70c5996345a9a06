"""What the view Suspects says: of kinds, of each suspect, of who judges, of what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from cvstudio.core.annotation import Kind, LabelClass, Split, Task, kind_of
from cvstudio.core.suspects.values import Fault
from cvstudio.core.words import counted, quoted
from cvstudio.gui.analyze.suspects.looking import Looked
from cvstudio.project.corrected import Again, Effect
from cvstudio.project.suspect_decisions import Decision
from cvstudio.project.suspecting import Suspect

TITLES = {
    Fault.WRONG_CLASS: "Wrong class",
    Fault.OVERLOOKED: "Overlooked",
    Fault.BADLY_PLACED: "Badly placed",
    Fault.NOT_THERE: "Not there",
    Fault.WRONG_REGION: "Wrong region",
}

_SHAPES = {
    Kind.BOX: "box", Kind.ROTATED_BOX: "rotated box", Kind.POLYGON: "outline", Kind.MASK: "mask",
    Kind.KEYPOINTS: "points",
}  # fmt: skip


def name_of(class_id: int, classes: Mapping[int, LabelClass], task: Task) -> str:
    """A class as it stands in a sentence; 0 is nothing, or background where pixels are labelled."""
    if class_id in classes:
        return quoted(classes[class_id].name)
    return task.no_class


def headline(suspect: Suspect, classes: Mapping[int, LabelClass], task: Task) -> str:
    """A suspect on one line: "Wrong class: “RBC”, rather “WBC”"."""
    labelled, proposed = (
        name_of(i, classes, task) for i in (suspect.labelled, suspect.proposed)
    )  # fmt: skip
    said = {
        Fault.WRONG_CLASS: f"{labelled}, rather {proposed}",
        Fault.WRONG_REGION: f"{labelled}, rather {proposed}",
        Fault.OVERLOOKED: proposed,
        Fault.BADLY_PLACED: labelled,
        Fault.NOT_THERE: labelled,
    }[suspect.fault]
    return f"{TITLES[suspect.fault]}: {said}"


def taking(suspect: Suspect, classes: Mapping[int, LabelClass], task: Task) -> str:
    """What taking the network's answer does, as words on the button."""
    proposed = name_of(suspect.proposed, classes, task)
    match suspect.fault:
        case Fault.WRONG_CLASS:
            return f"Make it {proposed}"
        case Fault.OVERLOOKED:
            return f"Add {proposed}"
        case Fault.NOT_THERE:
            return "Delete the label"
        case Fault.WRONG_REGION:
            return "Take the network’s region"
        case _:
            return f"Take the network’s {_SHAPES.get(kind_of(suspect.shape), 'place')}"


def judged(looked: Looked) -> str:
    """Which images were judged, and by whom, behind "Judged by …"; "" where none were."""
    found, judge = looked.suspects, looked.judge
    if found is None or judge is None:
        return ""
    what = f"{counted(found.labels, 'label')} on {counted(found.images, 'image')}"
    if judge.experiment_id is not None:
        return (
            f"{what} of {_splits(judge.splits)}, each image by the fold that did not learn from it."
        )
    return f"{what} of {_splits(judge.splits)}, from which this network never learned."


def _splits(splits: tuple[Split, ...]) -> str:
    return " and ".join(split.value for split in splits)


DOUBT = "Doubt"
DOUBT_TIP = (
    "How likely the label is wrong, from 0 to 1, by how often answers that are as sure as this one"
    " agree with their labels"
)
TRAINING_IMAGES = "Judge the training images too…"
FOLDS_TIP = (
    "A network cannot judge labels that it learned from. With folds, several runs each leave out"
    " another part of the images, so that every image is judged by a run that never saw its label"
)

_DONE = {
    Decision.FIXED: "fixed", Decision.DELETED: "deleted", Decision.KEPT: "kept",
    Decision.REJECTED: "sent back",
}  # fmt: skip


def progress(decided: Mapping[Decision, int], total: int) -> str:
    """How far a person has come: "37 fixed, 12 kept of 160"; "" before the first."""
    told = [f"{decided[what]:,} {word}" for what, word in _DONE.items() if decided.get(what)]
    return f"{', '.join(told)} of {total:,}" if told else ""


def many(count: int, likely: int) -> str:
    """How many there are, and how many to look at first."""
    if not count:
        return ""
    likelier = "more likely wrong than right"
    return f"{counted(count, 'suspect')}, {likely:,} of them {likelier}" if likely else (
        f"{counted(count, 'suspect')}, none of them {likelier}"
    )  # fmt: skip


def effect(found: Effect, run_id: int, split: Split) -> str:
    """What the corrected labels did to a run's figure."""
    step = found.after - found.before
    change = found.change
    between = f" ({step:+.3f}, 95 %: {change.low:+.3f} to {change.high:+.3f})" if change else ""
    worse = len(found.images) - found.better
    said = (
        f"By the labels of now, {found.metric} of run {run_id} on {split} is {found.after:.3f}, at"
        f" first it was {found.before:.3f}{between}"
    )
    if not found.images:
        return f"{said}: no image is answered better or worse."
    return (
        f"{said}: {counted(found.better, 'image')} better, {worse:,} worse. Labels that were taken"
        " from its own answers raise it by themselves."
    )


def again(found: Again) -> str:
    """What training again on the corrected labels did."""
    old, new = found.older.id, found.newer.id
    said = (
        f"Run {new} was trained like run {old}, on other labels of"
        f" {counted(found.relabelled, 'image')}"
    )
    change = found.change
    if change is None:
        return f"{said}. They were judged on too few images to say which is better."
    if change.value == 0:
        return f"{said}, and its {found.metric} is the same."
    than = "better" if change.value > 0 else "worse"
    sure = "more than chance" if change.certain else "maybe chance"
    return (
        f"{said}, and is {abs(change.value):.3f} {found.metric} {than} (95 %: {change.low:+.3f} to"
        f" {change.high:+.3f}; {sure}) on the {counted(change.images, 'image')} that both were"
        " judged on."
    )

"""What a case means, in sentences: what was seen, and what it probably tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cvstudio.core.annotation import LabelClass
from cvstudio.core.forms import Answers
from cvstudio.core.metrics import ErrorKind
from cvstudio.core.metrics.resampling import Difference
from cvstudio.core.words import counted, quoted
from cvstudio.project.verdict import ALL, CHOSEN, COMPARED, WORST, WRONG, Case, Row, Verdict

NOTHING_TO_LABEL = "Nothing to label here"
"""What "Label is right" is called where nobody labelled anything."""
LABEL_IT = "Label it"
"""What "Fix this label" is called there."""


def hardly_learned(verdict: Verdict) -> str:
    """What to do about a network that answers like an untrained one; "" for any other."""
    main = verdict.cards[0]
    guessed = 0.0
    if main.title == "Balanced accuracy" and len(verdict.class_ids) > 1:
        guessed = 1 / len(verdict.class_ids)
    if not main.value <= guessed + _HARDLY:
        return ""
    return (
        f"This network has hardly learned yet ({main.title} {main.value:.3f}): train it longer"
        " before you look for faults in the labels."
    )


def place(case: Case, verdict: Verdict) -> str:
    """Which case it is, for the line above the pictures: "missed at x 272, y 0"."""
    titles = {one.kind: one.title.lower() for one in verdict.kinds}
    kind = titles.get(case.kind, case.kind)
    if case.box is None:
        return kind
    return f"{kind} at x {case.box.x:.0f}, y {case.box.y:.0f}"


def in_short(case: Case, classes: Mapping[int, LabelClass], *, nothing: str) -> str:
    """A case in a few words, for under its picture: "RBC, nothing there", "RBC missed"; ""
    where it is about a whole image."""
    names = {0: nothing} | {i: c.name for i, c in classes.items()}
    labelled, predicted = names.get(case.labelled, "?"), names.get(case.predicted, "?")
    match case.kind:
        case kind if kind in (WORST, COMPARED, CHOSEN):
            return ""
        case "right":
            return labelled
        case ErrorKind.MISSED:
            return f"{labelled} missed"
        case ErrorKind.FALSE_ALARM:
            return f"{predicted}, nothing there"
        case ErrorKind.DUPLICATE:
            return f"{predicted} twice"
        case ErrorKind.LOOSE_BOX:
            return f"{labelled} loose"
    return f"{labelled}, said {predicted}"


def explain(
    case: Case, verdict: Verdict, classes: Mapping[int, LabelClass], *, nothing: str
) -> tuple[str, str]:
    """A sentence on what stands there, and one on what follows from it."""
    names = {0: nothing} | {i: quoted(c.name) for i, c in classes.items()}
    labelled, predicted = names.get(case.labelled, "?"), names.get(case.predicted, "?")
    if case.kind == WORST:
        return (
            f"The mean IoU of this image is {case.figure}.",
            "Compare the two pictures: where they differ, either the label or the network is off.",
        )
    if case.kind == COMPARED:
        return (
            f"The figure of this image went {case.figure} from the older run to this one.",
            "The two pictures show the labels and what this run finds.",
        )
    if case.kind == CHOSEN:
        return "Chosen in another view.", "The pictures show the labels and what this run finds."
    if case.kind == "right":
        return f"Labelled and predicted {labelled}.", "The network agrees with the label here."
    if case.kind == ErrorKind.MISSED:
        return (
            f"The network does not report {labelled}, which is labelled here.",
            "This network misses almost everything: train it longer first."
            if hardly_learned(verdict)
            else "If the label is right, more examples that look like this one help.",
        )
    if case.kind == ErrorKind.FALSE_ALARM:
        return f"The network found {predicted} here, where nobody labelled it.", _trust(
            case, verdict, predicted
        )
    if case.kind == ErrorKind.LOOSE_BOX:
        return _off(verdict.answers, labelled)
    if case.kind == ErrorKind.BOTH:
        return (
            f"Labelled {labelled}, but the network sees {predicted}, and not quite here.",
            "Look whether the label names and encloses the right thing; else the network has to"
            " learn both.",
        )
    if case.kind == ErrorKind.DUPLICATE:
        return (
            f"The network reports {predicted} more than once here.",
            "The label is most likely right; a second one may be missing if two objects touch.",
        )
    if case.kind in (WRONG, ErrorKind.WRONG_CLASS):
        return f"Labelled {labelled}, but the network sees {predicted}.", _trust(
            case, verdict, predicted
        )
    return f"Labelled {labelled}, predicted {predicted}.", ""


def _off(answers: Answers | None, name: str) -> tuple[str, str]:
    """What is said of an object that was found, and not where it is labelled."""
    match answers:
        case Answers.KEYPOINTS:
            return (
                f"The network's points of {name} are off here.",
                "Compare them one by one: a label whose left and right are exchanged teaches the"
                " network to exchange them.",
            )
        case Answers.ROTATED:
            return (
                f"The network's rotated box around {name} is off here: its place, its sides or its"
                " angle.",
                "Check that the label lies along the object: loose labels teach loose angles.",
            )
        case Answers.OUTLINES:
            return (
                f"The network's outline of {name} is off here.",
                "Check that the label fits closely: loose labels teach loose outlines.",
            )
        case _:
            return (
                f"The network's box around {name} is off here.",
                "Check that the label fits closely: loose labels teach loose boxes.",
            )


def amount(verdict: Verdict, images: int) -> str:
    """How much is wrong in all: "504 errors on 87 images"."""
    wrong = verdict.kinds[0]
    if wrong.kind == ALL:
        return f"{counted(wrong.count, 'error')} on {counted(images, 'image')}"
    return f"{wrong.title}: {wrong.count:,} on {counted(images, 'image')}"


_MOST_SCORES = 6
"""Classes whose own scores are told."""


def own_scores(rows: Sequence[Row], classes: Mapping[int, LabelClass]) -> str:
    """The scores that classes count from: "Counted from disc 0.57, square 0.70."; "" for none."""
    told = [
        f"{classes[row.class_id].name} {row.counts_from:.2f}"
        for row in rows if row.counts_from is not None and row.class_id in classes
    ]  # fmt: skip
    if not told:
        return ""
    more = f" and {len(told) - _MOST_SCORES} more" if len(told) > _MOST_SCORES else ""
    return f"Counted from {', '.join(told[:_MOST_SCORES])}{more}, as chosen on val."


def since(found: Difference, older: int) -> str:
    """How a run compares with an older one, beside its figure."""
    if found.value == 0:
        return f"as run {older}"
    word = "certain" if found.certain else "uncertain"
    return f"{abs(found.value):.3f} {_than(found)} than run {older}, {word}"


def since_in_full(found: Difference, older: int, metric: str) -> str:
    """The same with its range and what it rests on."""
    if found.certain:
        end = "The difference is certain: whichever way the images are drawn, it stays."
    else:
        end = "That may be chance: more images would tell."
    return (
        f"{metric} is {abs(found.value):.3f} {_than(found)} than that of run {older}"
        f" (95 %: {found.low:+.3f} to {found.high:+.3f}) on the"
        f" {counted(found.images, 'image')} that both were judged on. {end}"
    )


def _than(found: Difference) -> str:
    return "better" if found.value >= 0 else "worse"


def _trust(case: Case, verdict: Verdict, name: str) -> str:
    """How far the network can be believed when it says a class: the counts, never a bare share."""
    if "Precision" not in verdict.columns or case.predicted not in verdict.class_ids:
        return "Look at the label first: it is the quicker one to fix."
    place = verdict.class_ids.index(case.predicted)
    right, said = int(verdict.confusion[place, place]), int(verdict.confusion[:, place].sum())
    if verdict.likely_at(case.image_id, case.annotation_id, case.prediction):
        how = "probably" if said >= _MANY else "perhaps"
        ends = f"and by its usual answers this is likelier than not: {how} a label error."
    elif right < said / 2:
        ends = "so its word says little about the label."
    else:
        ends = "which alone is no proof of a label error."
    return f"When it says {name}, it is right {right:,} of {said:,} times, {ends}"


_HARDLY = 0.02
"""A main figure no higher than this above guessing is that of a network that has not learned."""

_MANY = 30
"""Answers of a class from which its share of right ones is more than a first impression."""

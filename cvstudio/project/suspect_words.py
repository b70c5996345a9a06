"""Why a label is suspected, in a sentence or two that need no knowledge of networks."""

from __future__ import annotations

from collections.abc import Mapping

from cvstudio.core.forms import Answers, Form
from cvstudio.core.suspects.values import Doubt, Fault
from cvstudio.core.words import quoted

_MOST = 99
"""Nothing is said to be right a hundred times of a hundred."""

_OFTEN = 3
"""From how many on the same mix-up is worth saying."""


def reason(
    doubt: Doubt, names: Mapping[int, str], *, form: Form | None = None, several: bool = False
) -> str:  # fmt: skip
    """The reason of a doubt. `form` is what networks answer with of objects, None for whole
    images; `several` where images may have several classes."""
    labelled = quoted(names.get(doubt.labelled, "?"))
    proposed = quoted(names.get(doubt.proposed, "?"))
    if doubt.fault is Fault.WRONG_REGION:
        return _region(doubt, names)
    if form is None:
        return _image(doubt, labelled, proposed, several=several)
    match doubt.fault:
        case Fault.WRONG_CLASS:
            return (
                f"Labelled {labelled}, but the network finds {proposed} here{_sure(doubt)}. Of 100"
                f" objects that it finds as surely, {_of_hundred(doubt.as_sure)} have the class"
                " that it says."
            )
        case Fault.OVERLOOKED:
            said = f"The network finds {proposed} here{_sure(doubt)}, and nothing is labelled."
        case Fault.BADLY_PLACED:
            said = (
                f"The network finds this {proposed}{_sure(doubt)}, but {_measure(form)}"
                f" {_percent(doubt.overlap or 0.0)} only."
            )
        case _:
            return (
                f"The network finds nothing at this {labelled}, though it finds"
                f" {_of_hundred(doubt.as_sure)} of 100 others."
            )
    return f"{said} {_agreement(doubt)}"


def _image(doubt: Doubt, labelled: str, proposed: str, *, several: bool) -> str:
    if doubt.fault is Fault.WRONG_CLASS:
        return (
            f"Labelled {labelled}, but the network says {proposed}{_sure(doubt)} and gives"
            f" {labelled} {doubt.label_score or 0.0:.2f}.{_again(doubt, labelled, proposed)}"
        )
    if doubt.fault is Fault.OVERLOOKED:
        return (
            f"The network says that {proposed} is on the image{_sure(doubt)}, and it is not"
            f" labelled. Of 100 images of which it is as sure, {_of_hundred(doubt.as_sure)} are"
            " labelled so."
        )
    return (
        f"Labelled {labelled}, but the network gives that {doubt.score or 0.0:.2f} of 1. Of 100"
        f" images that get as little, {_of_hundred(doubt.as_sure)} are not labelled so."
    )


def _again(doubt: Doubt, labelled: str, proposed: str) -> str:
    """What tells a mix-up of two classes from a slip: how often it is."""
    if doubt.alike < _OFTEN:
        return ""
    return f" It takes {doubt.alike} images labelled {labelled} for {proposed}."


def _region(doubt: Doubt, names: Mapping[int, str]) -> str:
    labelled = quoted(names[doubt.labelled]) if doubt.labelled in names else "background"
    proposed = quoted(names[doubt.proposed]) if doubt.proposed in names else "background"
    if doubt.whole:
        return (
            f"Labelled {labelled}, but the network sees a region of {proposed} here. Of 100 such"
            f" regions that are labelled {labelled} or {proposed}, {_of_hundred(doubt.as_sure)} are"
            f" labelled {proposed}."
        )
    return (
        f"Labelled {labelled}, but the network sees {proposed} here. Of 100 pixels as deep"
        f" inside what it takes for {proposed}, {_of_hundred(doubt.as_sure)} are labelled so."
    )


def _agreement(doubt: Doubt) -> str:
    return f"Of 100 answers as sure as that, {_of_hundred(doubt.as_sure)} agree with a label."


def _measure(form: Form) -> str:
    if form.answers is Answers.KEYPOINTS:
        return "its points are like the label's by"
    return "it and the label overlap by"


def _sure(doubt: Doubt) -> str:
    return f" ({doubt.score:.2f} sure)" if doubt.score is not None else ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _of_hundred(share: float) -> int:
    return min(round(100 * share), _MOST)

"""What the button at the foot of the Data page leads to, and how much is reviewed."""

from __future__ import annotations

from collections.abc import Mapping

from cvstudio.core.annotation import Review
from cvstudio.core.words import counted
from cvstudio.gui.widgets.section import NextStep


def tell_next(step: NextStep, reviews: Mapping[Review, int]) -> None:
    """Say what comes next by the number of images in each review state."""
    total = sum(reviews.values())
    done = reviews[Review.REVIEWED] + reviews[Review.EMPTY]
    waiting = reviews[Review.LABELLED] or reviews[Review.UNLABELLED]
    if reviews[Review.LABELLED]:
        step.button.set_text(f"Review {counted(waiting, 'image')}")
    elif waiting:
        step.button.set_text(f"Label {counted(waiting, 'image')}")
    else:
        step.button.set_text("Go to Train")
    share = done / total if total else None
    figure = f"{done:,} of {total:,}" if total else ""
    step.set_progress("Reviewed" if total else "", figure, share)

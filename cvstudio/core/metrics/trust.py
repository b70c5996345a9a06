"""When a network knows a class well enough to doubt a label because of what it says."""

from __future__ import annotations

LEAST_RIGHT = 5
LEAST_PRECISION = 0.5


def believable(*, right: int, sure: int, sure_and_right: int) -> bool:
    """Whether answers of one class count against labels: there must be five right ones to tell how
    sure the network usually is, and of the answers that are as sure at least half must be right."""
    return right >= LEAST_RIGHT and sure > 0 and sure_and_right / sure >= LEAST_PRECISION


def withheld_sentence(names: list[str]) -> str:
    """Why no likely label errors are named for these classes; "" when there are none."""
    if not names:
        return ""
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return (
        f"No label errors are claimed for {shown}: first {LEAST_RIGHT} answers of a class must be"
        " right, and at least half of the answers that are as sure as those."
    )

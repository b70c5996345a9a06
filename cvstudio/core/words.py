"""Numbers with their nouns, for every sentence that counts something."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: counted(20_000, "image") is "20,000 images".

    `many` is for other plurals, and for a noun with its verb: "image is", "images are".
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"

"""Who suggests an annotation, in words: a run by its number, or an exported file by its name."""

from __future__ import annotations

from collections.abc import Iterable

from cvstudio.core.annotation import Annotation, State
from cvstudio.project.suggestions import MAKER

_LONGEST = 18  # characters of a file's name in a row


def origin_words(annotation: Annotation, *, short: bool = False) -> str:
    """ "run 2", "best.onnx"; "" for what nobody suggests, or where that is not known."""
    if annotation.state != State.SUGGESTED:
        return ""
    if annotation.run_id is not None:
        return f"run {annotation.run_id}"
    name = str(annotation.attributes.get(MAKER, ""))
    cut = short and len(name) > _LONGEST
    return f"{name[: _LONGEST - 6]}…{name[-5:]}" if cut else name


def origins_words(annotations: Iterable[Annotation]) -> str:
    """All of them: "run 2, best.onnx"."""
    return ", ".join(dict.fromkeys(w for a in annotations if (w := origin_words(a))))

"""The colours that label classes are given, as resources/look/tokens.json lists them."""

from __future__ import annotations

import json
from functools import cache

from cvstudio.core.resources import resources


@cache
def class_colours() -> tuple[str, ...]:
    """The colours, "#RRGGBB", in the order in which classes take them."""
    tokens = json.loads((resources() / "look" / "tokens.json").read_text("utf-8"))
    return tuple(entry["hex"] for entry in tokens["label_classes"]["colours"])

"""What other programs' files know beyond labels (COCO's ids, licences), kept for the way back.

It lies in the project's settings under "carried": {"coco": {"files", "categories", "images"}},
images by their id in the project.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from sqlalchemy.orm import Session

from cvstudio.project import commands, queries

KEY = "carried"
_NUMBERS = frozenset((int, float))
_LARGEST = 1e300  # neither NaN nor endless, and an int that a float can hold

_strict = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def dump(attributes: dict[str, Any]) -> str | None:
    """The attributes of an annotation as the database holds them.

    What some files say for a number that is not known (NaN) is no JSON: it becomes null.
    """
    if not attributes:
        return None
    if len(attributes) == 1 and "coco" in attributes:
        # Written by hand: a quarter of a million of these decide how long a COCO import takes.
        parts = []
        for key, value in attributes["coco"].items():
            kind = type(value)
            if kind is float or kind is int:
                sound = -_LARGEST < value < _LARGEST
            else:
                sound = kind is list and _NUMBERS.issuperset(map(type, value))
                sound = sound and all(-_LARGEST < each < _LARGEST for each in value)
            if not sound:
                return _encode(attributes)
            parts.append(f'"{key}":{value!r}')
        return '{"coco":{' + ",".join(parts) + "}}"
    return _encode(attributes)


def _encode(attributes: dict[str, Any]) -> str:
    try:
        return _strict(attributes)
    except ValueError:
        return _strict(_known(attributes))


def _known(value: Any) -> Any:
    """A value with null for every number that is none."""
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_known(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def carry(s: Session, extras: dict[str, Any], images: dict[int, dict[str, Any]]) -> None:
    """Keep what a source says about itself and its images, beside what is kept already."""
    described = {str(i): found for i, found in images.items() if found}
    if not extras and not described:
        return
    kept: dict[str, Any] = queries.setting(s, KEY, {})
    for name, parts in extras.items():
        own = kept.setdefault(name, {})
        for part, values in parts.items():
            own.setdefault(part, {}).update(values)
    if described:
        images_of = kept.setdefault("coco", {}).setdefault("images", {})
        for key, found in described.items():  # a second source of another format adds its own
            images_of[key] = {**images_of.get(key, {}), **found}
    commands.set_setting(s, KEY, kept)


def carried(s: Session) -> dict[str, Any]:
    """All that is kept."""
    found: dict[str, Any] = queries.setting(s, KEY, {})
    return found

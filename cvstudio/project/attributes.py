"""What classes ask about their annotations, as stored; and giving annotations their values.

Queries first, then commands as those of commands.py. How definitions change is in
attribute_changes.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cvstudio.core.attributes import (
    Attribute,
    Value,
    line_of,
    unpack,
    with_inherited,
    with_value,
    words_of,
)
from cvstudio.core.errors import ProjectError
from cvstudio.core.words import quoted
from cvstudio.project import rows
from cvstudio.project.finding import id_list
from cvstudio.project.tables import AnnotationRow, LabelClassRow

# Queries


def own(s: Session) -> dict[int, tuple[Attribute, ...]]:
    """What each class asks by itself; classes that ask nothing are not there."""
    found = select(LabelClassRow.id, LabelClassRow.attributes)
    return {
        id: unpack(text)
        for id, text in s.execute(found.where(LabelClassRow.attributes.isnot(None)))
    }


def asked(s: Session) -> dict[int, tuple[Attribute, ...]]:
    """All that each class asks, with what it has from the classes that it is a kind of."""
    return with_inherited(own(s), _parents(s))


def _parents(s: Session) -> dict[int, int | None]:
    ordered = select(LabelClassRow.id, LabelClassRow.parent_id).order_by(LabelClassRow.order)
    return {row.id: row.parent_id for row in s.execute(ordered)}


def defaults(s: Session, class_id: int) -> dict[str, Any]:
    """What an annotation of a class carries when it is drawn."""
    mine = own(s)
    if not mine:
        return {}
    result: dict[str, Any] = {}
    for each in with_inherited(mine, _line_above(s, class_id)).get(class_id, ()):
        if each.default is not None:
            result = with_value(result, each.name, each.default)
    return result


def _line_above(s: Session, class_id: int) -> dict[int, int | None]:
    tree = _parents(s)
    return {id: tree.get(id) for id in line_of(tree, class_id)}


# Commands


def set_value(s: Session, *, ids: Iterable[int], name: str, value: Value | None) -> None:
    """Give annotations a value of an attribute of their class; None leaves it open.

    Raises ProjectError when the class of one does not ask for it, or not for such a value.
    """
    found = s.execute(
        select(AnnotationRow.id, AnnotationRow.class_id, AnnotationRow.attributes).where(
            id_list(AnnotationRow.id, ids)
        )
    ).all()
    definitions = asked(s)
    changed = []
    for id, class_id, text in found:
        attribute = _asked_by(definitions, class_id, name)
        taken = None if value is None else attribute.taken(value)
        if value is not None and taken is None:
            raise ProjectError(f"{quoted(words_of(value))} is no value of {quoted(name)}.")
        changed.append((id, stored(with_value(json.loads(text or "{}"), name, taken))))
    rows.change_each(s, "annotation", ("attributes",), changed)


def stored(attributes: Mapping[str, Any]) -> str | None:
    """What an annotation carries, as the database holds it."""
    return json.dumps(attributes, ensure_ascii=False) if attributes else None


def _asked_by(
    definitions: Mapping[int, tuple[Attribute, ...]], class_id: int, name: str
) -> Attribute:
    for each in definitions.get(class_id, ()):
        if each.name == name:
            return each
    raise ProjectError(f"The class of this annotation has no attribute {quoted(name)}.")

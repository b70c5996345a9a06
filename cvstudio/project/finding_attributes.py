"""The term `attribute:form=round` of a query: objects by what their attributes say.

    attribute:form=round     has this value (yes and no for a checkbox)
    attribute:length>12      compares numbers: < <= > >=
    attribute:form           has any value

Defined attributes and those that an import carries are found alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import ge, gt, le, lt
from typing import Any

from sqlalchemy import ColumnElement, and_, case, cast, exists, false, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.types import Float

from cvstudio.core.attributes import NOT_ASKED, Attribute, unpack
from cvstudio.core.words import quoted
from cvstudio.project.query_language import QueryError, meant
from cvstudio.project.tables import AnnotationRow, LabelClassRow

Condition = ColumnElement[bool]

READABLE = case((func.json_valid(AnnotationRow.attributes) == 1, AnnotationRow.attributes))
"""What an annotation carries, NULL where that is no JSON: imports of older versions kept NaN."""

_PARTS = re.compile(r"(?P<name>[^<>=]+?)\s*(?:(?P<operator><=|>=|[<>=])\s*(?P<value>.*))?")
_COMPARE = {"<": lt, "<=": le, ">": gt, ">=": ge}


def condition(text: str) -> Condition:
    """Whether an annotation has what the text after `attribute:` asks for."""
    found = _PARTS.fullmatch(text.strip())
    if found is None:
        return false()
    name, operator, value = found["name"], found["operator"], found["value"]
    has = or_(*(_has(path, name, operator, value) for path in ("$", "$.attributes")))
    # The name stands in the text as it is, unless JSON has to escape it: most rows are passed over
    # without being taken apart.
    plain = name.isprintable() and not set(name) & set('"\\')
    return (
        and_(AnnotationRow.attributes.icontains(f'"{name}"', autoescape=True), has)
        if plain
        else has
    )


def _has(path: str, name: str, operator: str | None, value: str) -> Condition:
    each = func.json_each(READABLE, path).table_valued("key", "value", "type")
    asked = [func.lower(each.c.key) == name.lower(), each.c.key.not_in(NOT_ASKED)]
    if operator == "=":
        asked.append(_is(each, value))
    elif operator:
        number = _number(value)
        asked.append(each.c.type.in_(("integer", "real")))
        asked.append(false() if number is None else _COMPARE[operator](_value(each), number))
    return exists(select(each.c.key).where(and_(*asked)).correlate(AnnotationRow))


def _is(each: Any, value: str) -> Condition:
    ways = [and_(each.c.type == "text", func.lower(each.c.value) == value.lower())]
    truth = {"yes": "true", "true": "true", "no": "false", "false": "false"}.get(value.lower())
    if truth:
        ways.append(each.c.type == truth)
    number = _number(value)
    if number is not None:
        ways.append(and_(each.c.type.in_(("integer", "real")), _value(each) == number))
    return or_(*ways)


def _value(each: Any) -> Any:
    return cast(each.c.value, Float)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def vocabulary(s: Session) -> list[str]:
    """What may follow `attribute:` by the definitions of the classes."""
    found: dict[str, None] = {}
    for each in _defined(s):
        found[each.name] = None
        values = ("yes", "no") if each.kind == "checkbox" else each.choices
        found |= dict.fromkeys(f"{each.name}={value}" for value in values)
    return list(found)


def check(s: Session, text: str, position: int) -> None:
    """Raises QueryError when no class asks for such an attribute or value and nothing has it."""
    found = _PARTS.fullmatch(text.strip())
    if found is None:
        raise QueryError("attribute needs a name, as in attribute:form=round.", position)
    name, operator, value = found["name"], found["operator"], found["value"]
    if operator in _COMPARE and _number(value) is None:
        raise QueryError(f"{operator} compares numbers, {quoted(value)} is none.", position)
    if operator and not value:
        raise QueryError(f"After {name}{operator} a value is missing.", position)
    names = {each.name.casefold(): each for each in _defined(s)}
    known = names.get(name.casefold())
    if known is None and not _carried(s, name):
        offered = meant(name, [each.name for each in names.values()])
        raise QueryError(f"There is no attribute {quoted(name)}.{offered}", position)
    if known is not None and operator == "=" and known.kind in ("checkbox", "choice"):
        values = known.choices or ("yes", "no")
        folded = {each.casefold() for each in values}
        if value.casefold() not in folded and not _carried(s, text):
            offered = meant(value, values) or f" It is one of {', '.join(values)}."
            raise QueryError(f"{known.name} has no value {quoted(value)}.{offered}", position)


def _carried(s: Session, text: str) -> bool:
    return s.scalar(select(AnnotationRow.id).where(condition(text)).limit(1)) is not None


def _defined(s: Session) -> Iterator[Attribute]:
    stored = select(LabelClassRow.attributes).where(LabelClassRow.attributes.is_not(None))
    for text in s.scalars(stored.order_by(LabelClassRow.order)):
        yield from unpack(text)

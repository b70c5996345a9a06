"""Changing what a class asks: what that does to values is known before, and is one undo step.

A value follows its attribute under another name, follows a choice that is renamed, and is written
anew where the kind changes. A value that has no place any more is lost, and `plan` says how many.
What annotations carried before anybody asked for it is never lost: it is kept as it is.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cvstudio.core.attributes import (
    Attribute,
    AttributeKind,
    Value,
    line_of,
    pack,
    values_in,
    with_inherited,
    with_value,
    words_of,
)
from cvstudio.core.errors import ProjectError
from cvstudio.core.words import quoted
from cvstudio.project import attributes, class_tree, rows
from cvstudio.project.reach import Tally
from cvstudio.project.tables import AnnotationRow, HistoryRow

Told = Callable[[int, int], None]
_One = tuple[str, int]
"""The state of an annotation, and its image."""

_AT_ONCE = 5000  # objects between two words of how far it is


@dataclass(frozen=True, slots=True)
class Edit:
    """An attribute as it is to be; `was`: its name until now, "" when it is new.

    `fill`: annotations without a value get the default.
    """

    attribute: Attribute
    was: str = ""
    fill: bool = False


@dataclass(slots=True)
class Plan:
    """What a change of a class's definitions does; `lost` says whether values go."""

    class_id: int
    edits: tuple[Edit, ...]
    state: int
    """Of the project when it was made: its newest change."""
    values: list[tuple[int, str | None]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    lost: bool = False

    @property
    def definitions(self) -> tuple[Attribute, ...]:
        return tuple(edit.attribute for edit in self.edits)


def plan(s: Session, *, class_id: int, edits: Sequence[Edit], told: Told | None = None) -> Plan:
    """What the edits would do. Raises ProjectError when they cannot be.

    `told(done, total)` is called on the way, in objects, and may raise to stop.
    """
    definitions = tuple(edit.attribute for edit in edits)
    _refuse(definitions)
    own, tree = attributes.own(s), class_tree.parents(s)
    before = {each.name: each for each in own.get(class_id, ())}
    result = Plan(class_id, tuple(edits), _state(s))
    below = [id for id in tree if class_id in line_of(tree, id)]
    effects = _Effects(told, _objects_of(s, below) if told else 0)
    moves = _moves(before, edits)
    after = with_inherited(own | {class_id: definitions}, tree)
    for id in below:
        nearer = _nearer(own, tree, id, class_id)
        mine = [move for move in moves if move.was not in nearer and move.name not in nearer]
        names = {each.name for each in after[id]}
        result.values += effects.of_class(s, id, mine, names)
    result.lines, result.lost = effects.sentences(), bool(effects.lost)
    return result


def define(s: Session, *, class_id: int, edits: Sequence[Edit], told: Told | None = None) -> Plan:
    """Let a class ask for these attributes; the values of its annotations follow."""
    made = plan(s, class_id=class_id, edits=edits)
    _carry_out(s, made, told)
    return made


def carry_out(s: Session, made: Plan, *, told: Told | None = None) -> None:
    """Do what a plan says. Where the project has changed since, it is planned anew; raises
    ProjectError when something else would become of the values then.

    `told(done, total)` is called on the way, in objects, and may raise to stop.
    """
    if made.state != _state(s):
        again = plan(s, class_id=made.class_id, edits=made.edits)
        if again.lines != made.lines:
            raise ProjectError(
                "Objects have changed meanwhile, and nothing was done: open the attributes again"
                " to see what would become of them now."
            )
        made = again
    _carry_out(s, made, told)


def _carry_out(s: Session, made: Plan, told: Told | None) -> None:
    rows.change(s, "label_class", [made.class_id], attributes=pack(made.definitions))
    for start in range(0, len(made.values), _AT_ONCE):
        if told is not None:
            told(start, len(made.values))
        part = made.values[start : start + _AT_ONCE]
        rows.change_each(s, "annotation", ("attributes",), part)


def _state(s: Session) -> int:
    """The newest change of the project."""
    return s.scalar(select(func.max(HistoryRow.id))) or 0


def _objects_of(s: Session, class_ids: Iterable[int]) -> int:
    of_classes = AnnotationRow.class_id.in_(class_ids)
    return s.scalar(select(func.count()).select_from(AnnotationRow).where(of_classes)) or 0


def _refuse(definitions: Iterable[Attribute]) -> None:
    names: set[str] = set()
    for each in definitions:
        problem = each.problem()
        if not problem and each.name.casefold() in names:
            problem = f"There are two attributes {quoted(each.name)}."
        if problem:
            raise ProjectError(problem)
        names.add(each.name.casefold())


@dataclass(frozen=True, slots=True)
class _Move:
    """What becomes of the values of one attribute."""

    was: str
    name: str
    to: Attribute | None
    """None: it is asked no more."""
    choices: Mapping[str, str]
    """Choices that have another name now."""
    new: bool = False
    fill: bool = False
    same: bool = False
    """Only name or default are others: every value fits as it is."""

    def value(self, value: Value) -> Value | None:
        if self.to is None or self.same:
            return value if self.same else None
        return self.to.taken(self.choices.get(words_of(value), value))


def _moves(before: Mapping[str, Attribute], edits: Sequence[Edit]) -> list[_Move]:
    result = []
    for edit in edits:
        old, to = before.get(edit.was), edit.attribute
        same = old is not None and _takes(old) == _takes(to)
        choices = _renamed_choices(old, to)
        was = edit.was if old else to.name
        result.append(_Move(was, to.name, to, choices, old is None, edit.fill, same))
    kept = {edit.was for edit in edits}
    gone = [name for name in before if name not in kept]
    return [*(_Move(name, name, None, {}) for name in gone), *result]


def _takes(attribute: Attribute) -> tuple[Any, ...]:
    return attribute.kind, frozenset(attribute.choices), attribute.low, attribute.high


def _renamed_choices(old: Attribute | None, to: Attribute) -> dict[str, str]:
    """The choice that has another name: one of the list reads otherwise, all others as before."""
    if old is None or old.kind != to.kind or to.kind is not AttributeKind.CHOICE:
        return {}
    if len(old.choices) != len(to.choices):
        return {}
    changed = [pair for pair in zip(old.choices, to.choices, strict=True) if pair[0] != pair[1]]
    fresh = len(changed) == 1 and changed[0][1] not in old.choices
    return dict(changed) if fresh else {}


def _nearer(
    own: Mapping[int, Sequence[Attribute]], tree: Mapping[int, int | None], id: int, above: int
) -> set[str]:
    """What is asked anew between a class and one above it, and so is none of that one's."""
    names: set[str] = set()
    for each in line_of(tree, id):
        if each == above:
            break
        names |= {attribute.name for attribute in own.get(each, ())}
    return names


class _Effects:
    """Counts what happens to values, by attribute and by what happens."""

    def __init__(self, told: Told | None = None, total: int = 0) -> None:
        self._told, self._total, self._seen = told, total, 0
        self.objects: dict[tuple[str, str], Tally] = defaultdict(Tally)
        """By (verb, what of)."""
        self.lost = 0

    def of_class(
        self, s: Session, class_id: int, moves: Sequence[_Move], names: set[str]
    ) -> list[tuple[int, str | None]]:
        """The annotations of a class whose values change, with what they carry then."""
        row = AnnotationRow
        chosen = select(row.id, row.image_id, row.state, row.attributes)
        chosen = chosen.where(row.class_id == class_id)
        if not any(move.fill for move in moves):
            chosen = chosen.where(row.attributes.is_not(None))
        changed = []
        for id, image_id, state, text in s.execute(chosen):
            if self._told is not None and self._seen % _AT_ONCE == 0:
                self._told(self._seen, self._total)
            self._seen += 1
            carried = json.loads(text or "{}")
            after = self._moved(carried, moves, names, (state, image_id))
            if after != carried:
                changed.append((id, attributes.stored(after)))
        return changed

    def _moved(
        self, carried: dict[str, Any], moves: Sequence[_Move], names: set[str], one: _One
    ) -> dict[str, Any]:
        """What an annotation carries after the moves; `names`: all that its class asks then."""
        values, after = values_in(carried), carried
        moves = [move for move in moves if move.to is not None or move.was not in names]
        left = {move.was for move in moves}
        # All are taken out first: two attributes may have changed their names for each other's.
        for move in moves:
            if move.was in values and move.was != move.name:
                after = with_value(after, move.was, None)
        for move in moves:
            if move.was in values:
                if move.was != move.name and move.name in values and move.name not in left:
                    self._lose(move.name, one)  # carried under the name that is taken now
                value = self._value(move, values[move.was], one)
                if value is not None or move.was == move.name:
                    after = with_value(after, move.name, value)
            elif move.fill and move.to is not None and move.to.default is not None:
                self._note("get", f"the default of {quoted(move.name)}", one)
                after = with_value(after, move.name, move.to.default)
        return after

    def _value(self, move: _Move, value: Value, one: _One) -> Value | None:
        taken = move.value(value)
        if taken is None and move.new:
            self._note("keep", f"what is no value of {quoted(move.name)}", one)
            return value
        if taken is None:
            self._lose(move.was, one)
        elif words_of(value) in move.choices:
            self._note("have", f"{quoted(str(taken))} for {quoted(words_of(value))}", one)
        elif move.was != move.name:
            self._note("keep", f"{quoted(move.was)} as {quoted(move.name)}", one)
        return taken

    def _lose(self, name: str, one: _One) -> None:
        self.lost += 1
        self._note("lose", f"the value of {quoted(name)}", one)

    def _note(self, verb: str, what: str, one: _One) -> None:
        self.objects[verb, what].add(*one)

    def sentences(self) -> list[str]:
        """What happens, a sentence each, losses first."""
        lines = []
        for (verb, what), tally in sorted(self.objects.items(), key=lambda i: i[0][0] != "lose"):
            one = {"have": "has", "lose": "loses", "keep": "keeps", "get": "gets"}[verb]
            lines.append(f"{tally.reach} {tally.reach.do(one, verb)} {what}.")
        return lines

"""What the terms of a query find: as conditions on images, and what the project knows by name.

Terms about objects (class, size, area, score, source, object, run, attribute) up to the second
`class:` speak of one and the same object of the image; every further `class:` begins another
object, which the image has to hold as well. `count` is how many objects fit the terms of its own
object, and stands for "at least one": `class:RBC count:0` finds images without it. Without
`object:`, terms speak of objects that count, and of suggestions too when a source, a score or a run
is asked for. A term with - holds when no object fits it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import eq, ge, gt, le, lt
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cvstudio.core.annotation import Review, Source, State
from cvstudio.project import finding_attributes
from cvstudio.project.query_language import (
    KEYS,
    QueryError,
    Term,
    meant,
    only_words,
    parse,
    quote,
)
from cvstudio.project.tables import (
    AnnotationRow,
    CommentRow,
    ImageRow,
    ImageTagRow,
    LabelClassRow,
    RunRow,
    TagRow,
)

Condition = ColumnElement[bool]
_OBJECT = ("class", "size", "area", "score", "source", "object", "run", "attribute")
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {":": eq, "<": lt, "<=": le, ">": gt, ">=": ge}
_REVIEWS = {
    "unlabelled": Review.UNLABELLED,
    "labelled": Review.LABELLED,
    "reviewed": Review.REVIEWED,
    "empty": Review.EMPTY,
}
_TURNING = frozenset(("no", "not", "without", "except", "never", "none"))
"""With these a sentence may mean the opposite of the names in it."""
_VERY_NEAR = 0.85
"""How alike a word of a sentence and a name have to be: "cell" and "Cells"."""


def id_list(what: InstrumentedAttribute[Any], ids: Iterable[int]) -> Condition:
    """The condition that a column is one of these ids, however many: they are one JSON value."""
    values = func.json_each(json.dumps([int(id) for id in ids])).table_valued("value")
    return what.in_(select(values.c.value))


def conditions(s: Session, text: str) -> Iterator[Condition]:
    """The conditions of a query; one that this version cannot read finds nothing."""
    try:
        terms = parse(text)
    except QueryError:
        yield false()
        return
    errors = [term for term in terms if term.key == "error"]
    of_object = [
        term
        for term in terms
        if term.key in (*_OBJECT, "count") and not (errors and term.key == "run")
    ]
    for one in _objects(of_object):
        yield from _about_one(s, one)
    for term in terms:
        if term.key not in (*_OBJECT, "count", "error"):
            found = _about_image(s, term)
            yield not_(found) if term.negated else found
    for term in errors:
        among = id_list(ImageRow.id, _images_with_errors(s, terms, term.values))
        yield not_(among) if term.negated else among


def check(s: Session, text: str) -> tuple[Term, ...]:
    """The terms of a query. Raises QueryError for what cannot be read or is not in the project."""
    terms = parse(text)
    for term in terms:
        if term.key in ("class", "tag", "run"):
            _check_known(s, term)
        if term.key == "attribute":
            for value in term.values:
                finding_attributes.check(s, value, term.start)
        if term.key == "error":
            _check_judged(s, terms, term)
    if not only_words(terms):
        _check_names(s, text, terms)
    return terms


def _check_known(s: Session, term: Term) -> None:
    known = _VOCABULARY[term.key](s)
    folded = {each.casefold() for each in known}
    for value in term.values:
        if value.casefold() not in folded:
            what = f"There is no {term.key} “{value}”."
            raise QueryError(what + meant(value, known), term.start)


def _check_names(s: Session, text: str, terms: Sequence[Term]) -> None:
    """Refuse a word beside keys that no name holds: it is more likely a slip than a name."""
    for term in terms:
        bare = term.key == "name" and not text.startswith("name", term.start)
        if (
            term.negated
            or not bare
            or s.scalar(select(ImageRow.id).where(_about_image(s, term)).limit(1))
        ):
            continue
        word = term.values[0]
        reading = next(iter(readings(s, word)), "")
        question = f" Did you mean {reading}?" if reading else _as_key(word)
        raise QueryError(f"No file name holds “{word}”.{question}", term.start)


def _as_key(word: str) -> str:
    """What a word lacks that is a key itself; other keys are no guess at a name."""
    folded = word.casefold()
    key = next((key for key, each in KEYS.items() if folded in (key, *each.also)), "")
    return f" With a key it is written as {KEYS[key].example}." if key else ""


def readings(s: Session, text: str) -> list[str]:
    """Queries that words without a key may have meant, the likeliest first.

    The names of classes, tags, splits and so on, written in any case; several of them side by
    side are several terms. Where no name is written so, those that are nearly; else those that
    stand among other words.
    """
    known = _nameable(s)
    words = text.split()
    whole = _named(known, text.strip())
    parts = [_named(known, word) for word in words]
    if whole or not all(parts):
        return whole or _nearly(known, text.strip()) or _among(known, words)
    return [" ".join(part[0] for part in parts)]


def _nameable(s: Session) -> list[tuple[str, str]]:
    """What can be asked for by its name alone: pairs of key and value."""
    of_project = ((key, name) for key in ("class", "tag") for name in _VOCABULARY[key](s))
    fixed = ((key, name) for key in ("split", "state", "source") for name in KEYS[key].values)
    groups = s.scalars(select(ImageRow.group).where(ImageRow.group != "").distinct())
    return [*of_project, *fixed, *(("group", name) for name in groups)]


def _named(known: Iterable[tuple[str, str]], word: str) -> list[str]:
    folded = word.casefold()
    return [f"{key}:{quote(name)}" for key, name in known if name.casefold() == folded]


def _nearly(known: Sequence[tuple[str, str]], word: str, likeness: float = 0.75) -> list[str]:
    by_name = {name.casefold(): name for _key, name in known}
    near = difflib.get_close_matches(word.casefold(), list(by_name), 2, likeness)
    return [each for name in near for each in _named(known, name)]


def _among(known: Sequence[tuple[str, str]], words: Sequence[str]) -> list[str]:
    """The names in a sentence: "more than 2 platelets" speaks of the class Platelets."""
    if len(words) < 2 or not _TURNING.isdisjoint(word.casefold() for word in words):
        return []
    found = (_named(known, word) or _nearly(known, word, _VERY_NEAR) for word in words)
    named = list(dict.fromkeys(each[0] for each in found if each))
    return [" ".join(named)] if named else []


def vocabulary(s: Session) -> dict[str, list[str]]:
    """The names that a query may use: classes in order, tags, runs (newest first), folders."""
    return {key: names(s) for key, names in _VOCABULARY.items()}


def _runs(s: Session) -> list[str]:
    return [str(id) for id in s.scalars(select(RunRow.id).order_by(RunRow.id.desc()))]


_VOCABULARY: dict[str, Callable[[Session], list[str]]] = {
    "class": lambda s: list(s.scalars(select(LabelClassRow.name).order_by(LabelClassRow.order))),
    "tag": lambda s: list(s.scalars(select(TagRow.name).order_by(TagRow.name))),
    "run": _runs,
    "attribute": finding_attributes.vocabulary,
    "folder": lambda s: [f for f in s.scalars(select(ImageRow.folder).distinct()) if f],
}
"""How the names behind each key are read."""


# Objects


def _objects(terms: Sequence[Term]) -> list[list[Term]]:
    """The terms, by the object that they speak of: each `class:` after the first is another."""
    found: list[list[Term]] = [[]]
    named = False
    for term in terms:
        if term.key == "class" and not term.negated:
            if named:
                found.append([])
            named = True
        found[-1].append(term)
    return found


def _about_one(s: Session, terms: Sequence[Term]) -> Iterator[Condition]:
    """The conditions of the terms about one object."""
    counts = [term for term in terms if term.key == "count"]
    wanted = [term for term in terms if term.key != "count" and not term.negated]
    on_image = select(AnnotationRow.image_id)
    one = [_about_object(s, term) for term in wanted]
    one += _that_count(wanted)
    if wanted and not counts:
        yield ImageRow.id.in_(on_image.where(and_(*one)))
    for term in counts:
        counted = on_image.where(and_(*one)).group_by(AnnotationRow.image_id)
        right = any(_COMPARE[term.operator](0, float(value)) for value in term.values)
        number = func.count()
        fits = or_(*(_COMPARE[term.operator](number, float(value)) for value in term.values))
        # Images without any object are in no group: they belong to the side on which 0 is.
        if right:
            found = ImageRow.id.not_in(counted.having(not_(fits)))
        else:
            found = ImageRow.id.in_(counted.having(fits))
        yield not_(found) if term.negated else found
    for term in terms:
        if term.negated and term.key != "count":
            fits = and_(_about_object(s, term), *_that_count([term]))
            yield ImageRow.id.not_in(on_image.where(fits))


def _that_count(terms: Sequence[Term]) -> list[Condition]:
    """Which objects are meant where no state is asked for."""
    keys = {term.key for term in terms}
    if "object" in keys:
        return []
    if keys & {"source", "score", "run"}:
        return [AnnotationRow.state != State.REJECTED.value]
    return [AnnotationRow.state == State.ACCEPTED.value]


def _about_object(s: Session, term: Term) -> Condition:
    row = AnnotationRow
    match term.key:
        case "class":
            return row.class_id.in_(_class_ids(s, term.values))
        case "source":
            return row.source.in_(term.values)
        case "object":
            return row.state.in_(term.values)
        case "run":
            from_network = row.source == Source.NETWORK.value
            return and_(from_network, row.run_id.in_([int(value) for value in term.values]))
        case "attribute":
            return or_(*(finding_attributes.condition(value) for value in term.values))
        case "size":
            return _compared(func.min(row.w, row.h), term)
        case "area":
            return _compared(row.area, term)
        case _:
            return _compared(row.score, term)


def _class_ids(s: Session, names: Iterable[str]) -> set[int]:
    """The classes of these names, written in any case, and all that are kinds of them."""
    found = s.execute(select(LabelClassRow.id, LabelClassRow.name, LabelClassRow.parent_id)).all()
    wanted = {name.casefold() for name in names}
    ids = {id for id, name, _ in found if name.casefold() in wanted}
    while more := {id for id, _, parent in found if parent in ids} - ids:
        ids |= more
    return ids


def _tag_ids(s: Session, names: Iterable[str]) -> set[int]:
    """The tags of these names, written in any case: SQL folds the letters of English only."""
    wanted = {name.casefold() for name in names}
    found = s.execute(select(TagRow.id, TagRow.name))
    return {id for id, name in found if name.casefold() in wanted}


def _compared(what: Any, term: Term) -> Condition:
    return or_(*(_COMPARE[term.operator](what, float(value)) for value in term.values))


# Images


def _about_image(s: Session, term: Term) -> Condition:
    match term.key:
        case "state":
            return or_(*(_state(value) for value in term.values))
        case "split":
            known = ImageRow.split.in_(term.values)
            # Not known, rather than unknown, so that "-" can turn it round.
            inside = and_(ImageRow.split.is_not(None), known)
            return or_(inside, ImageRow.split.is_(None)) if "none" in term.values else inside
        case "tag":
            ids = _tag_ids(s, term.values)
            return ImageRow.id.in_(select(ImageTagRow.image_id).where(ImageTagRow.tag_id.in_(ids)))
        case "comment":
            return or_(*(_comment(value, term.operator) for value in term.values))
        case "name" if term.operator == "~":
            return _contains(ImageRow.uri, term)
        case "name":
            return ImageRow.name.in_(term.values)
        case "folder":
            return or_(*(_folder(value, term.operator) for value in term.values))
        case "group":
            return _words(ImageRow.group, term)
        case "reason":
            return _words(ImageRow.reject_reason, term)
        case "file":
            return or_(*(_file(value) for value in term.values))
        case "width":
            return _compared(ImageRow.width, term)
        case _:
            return _compared(ImageRow.height, term)


def _state(value: str) -> Condition:
    if value == "rejected":
        return ImageRow.reject_reason != ""
    return ImageRow.review == _REVIEWS[value].value


def _comment(value: str, operator: str) -> Condition:
    found = select(CommentRow.image_id)
    if operator == "~":
        found = found.where(CommentRow.text.contains(value, autoescape=True))
    elif value != "any":
        found = found.where(CommentRow.resolved == int(value == "resolved"))
    return ImageRow.id.in_(found)


def _folder(value: str, operator: str) -> Condition:
    if operator == "~":
        return ImageRow.folder.contains(value, autoescape=True)
    return in_folder(value)


def in_folder(folder: str) -> Condition:
    """The condition that an image lies in a folder or below it."""
    folder = folder.rstrip("/")
    below = ImageRow.folder.startswith(folder + "/", autoescape=True)
    return or_(ImageRow.folder == folder, below)


def _file(value: str) -> Condition:
    return ImageRow.problem != "" if value == "unreadable" else ImageRow.problem == ""


def _words(what: InstrumentedAttribute[str], term: Term) -> Condition:
    return _contains(what, term) if term.operator == "~" else what.in_(term.values)


def _contains(what: InstrumentedAttribute[str], term: Term) -> Condition:
    return or_(*(what.contains(value, autoescape=True) for value in term.values))


# Errors of a run


def asks_for_errors(query: str) -> bool:
    """Whether a query asks for the errors of runs, which may have to be compared first."""
    try:
        return any(term.key == "error" for term in parse(query))
    except QueryError:
        return False


def _images_with_errors(s: Session, terms: Sequence[Term], kinds: Sequence[str]) -> set[int]:
    from cvstudio.project import run_errors

    return run_errors.images_with_errors(s, run_errors.runs_named(terms), kinds)


def _check_judged(s: Session, terms: Sequence[Term], term: Term) -> None:
    from cvstudio.project import run_errors

    runs = run_errors.runs_named(terms)
    if not run_errors.judged_runs(s, runs):
        words = f"Run {runs[0]} has not been judged yet." if runs else "No run has been judged yet."
        raise QueryError(words, term.start)

"""The words by which images are found: `class:RBC count>5 -tag:night name~"slide 3"`, as terms.

    query = term term ...           every term must hold
    term  = [-]key OP value,value   any of the values; - turns it round
          | [-]word                 a part of the file's name or folder
    OP    = : (is)   ~ (contains)   < <= > >= (numbers; spaces around them do no harm)

Terms after a class are about that one object: `class:WBC score<0.4` is a WBC of a low score, and
`class:RBC count>5` counts RBC (`count:0`: none). Another class is another object of the same image:
`class:RBC class:WBC` finds images that hold both; `class:RBC,WBC` those that hold either.

Words such as “and” and “or” are none of this language; where keys are used they are told as
faults, since nobody means a file name by them. `"and"` in quotes is a part of a name.

A value with a space, a comma or a sign of its own stands in "quotes"; inside them \" is a quote and
\\ a backslash. What the terms find is in finding.py; which classes, tags and runs there are is
checked there too. The keys are the table KEYS.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cvstudio.core.error_kinds import ErrorKind, kind_named
from cvstudio.core.errors import CVStudioError


class QueryError(CVStudioError):
    """A query that cannot be understood; `position` is where, counted from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(_placed(message, position + 1))
        self.position = position


_FIRST_SENTENCE = re.compile(r"(?:“[^”]*”|(?![.?](?:\s|$)).)*")


def _placed(message: str, character: int) -> str:
    """The message with the place at the end of its first sentence."""
    first = _FIRST_SENTENCE.match(message)
    end = first.end() if first is not None else len(message)
    return f"{message[:end]} (character {character}){message[end:]}"


@dataclass(frozen=True)
class Key:
    """One key: what it asks, and the values it may have (none: any words, or a number)."""

    about: str
    values: tuple[str, ...] = ()
    number: bool = False
    contains: bool = False
    """Whether ~ may follow."""
    of_project: bool = False
    """Whether the values are names that the project holds (classes, tags, runs)."""
    example: str = ""
    also: tuple[str, ...] = ()
    """What other programs and people call it: understood as a hint, not as a key."""


KEYS: Mapping[str, Key] = {
    "class": Key(
        "holds this class, or a kind of it; again: both", of_project=True,
        example="class:RBC", also=("label", "category", "type", "kind", "classes"),
    ),
    "count": Key(
        "how many objects, of the class before (0: none)", number=True, example="class:RBC count>5",
        also=("objects", "object_count", "n", "number", "instances", "annotations", "amount"),
    ),
    "size": Key(
        "shorter side in pixels, of the same object", number=True, example="class:WBC size<20",
        also=("side",),
    ),
    "area": Key("area in pixels, of the same object", number=True, example="area>=4000"),
    "score": Key(
        "score of the same object", number=True, example="class:WBC score<0.4",
        also=("confidence", "conf", "probability", "certainty"),
    ),
    "source": Key(
        "who made the same object", ("human", "import", "network"), example="source:import",
        also=("author", "origin", "by", "from", "creator"),
    ),
    "object": Key(
        "whether the same object counts", ("accepted", "suggested", "rejected"),
        example="object:suggested",
    ),
    "attribute": Key(
        "what the same object is: form=round, torn=yes, length>12", of_project=True,
        example="attribute:form=round", also=("attributes", "property"),
    ),
    "run": Key(
        "objects from this run, or its errors", of_project=True, example="run:2 error:missed",
        also=("model", "network", "training"),
    ),
    "error": Key(
        "what a run gets wrong",
        (*(kind.value for kind in ErrorKind), "likely label error", "any"),
        example='error:missed,"false alarm"', also=("errors", "mistake", "wrong"),
    ),
    "state": Key(
        "review state", ("unlabelled", "labelled", "reviewed", "empty", "rejected"),
        example="state:unlabelled", also=("status", "review", "reviewed", "done"),
    ),
    "split": Key(
        "part in training", ("train", "val", "test", "none"), example="split:train,val",
        also=("subset", "set", "part", "fold"),
    ),
    "tag": Key("tag of the image", of_project=True, example="tag:night", also=("tags", "flag")),
    "comment": Key(
        "comments, or words in them", ("open", "resolved", "any"), contains=True,
        example="comment:open", also=("comments", "note", "remark"),
    ),
    "name": Key(
        "file name", contains=True, example='name~"slide 3"',
        also=("filename", "file_name", "image", "title"),
    ),
    "folder": Key(
        "folder, or a part of it", contains=True, of_project=True, example="folder~2024",
        also=("dir", "directory", "path"),
    ),
    "group": Key(
        "images kept together", contains=True, example="group:patient7", also=("patient", "case"),
    ),
    "reason": Key("why it was rejected", contains=True, example="reason~missing"),
    "width": Key("width of the image in pixels", number=True, example="width>=1024", also=("w",)),
    "height": Key("height of the image in pixels", number=True, example="height<600", also=("h",)),
    "file": Key(
        "whether the file can be read", ("readable", "unreadable"), example="file:unreadable"
    ),
}  # fmt: skip
GRAMMAR: tuple[tuple[str, str], ...] = (
    ("slide 3", "a word alone is a part of the file's name or folder"),
    ("class:RBC split:val", "terms side by side must all hold"),
    ("class:RBC,WBC", "a comma: any of them"),
    ("class:RBC class:WBC", "holds both"),
    ("-tag:night", "a minus turns a term round"),
    ('name~"slide 3"', "quotes around a value with a space"),
)
"""How terms are put together: an example, and what it asks."""

_BY_NAME, _MOST_MEANT = ("class", "tag"), 6
"""The keys whose values are offered without the key, and how many at most."""
_JOINING = {
    "and": "leave it out: terms side by side must all hold.",
    "or": "for either of two write class:RBC,WBC.",
    "not": "write - before the term, as in -tag:night.",
}
MOST_VALUES, LONGEST_VALUE = 100, 4_000
"""Of one query, and in characters: the database takes no condition without end."""


@dataclass(frozen=True)
class Term:
    """One condition. `start` and `end` say where it stands in the text; they are no part of it."""

    key: str
    operator: str
    values: tuple[str, ...]
    negated: bool = False
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


_KEY = re.compile(r"(-?)([A-Za-z_]+)(?:[:~]|\s*(?:>=|<=|>|<|=)\s*)")
_BARE = re.compile(r'[^\s",:~<>=\\-][^\s",:~<>=\\]*')
_VALUE = re.compile(r'[^\s",]+')


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a query. Raises QueryError in plain words with the position."""
    terms: list[Term] = []
    at = values = checked = 0
    plain = True
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            break
        term = _term(text, at)
        values += len(term.values)
        if values > MOST_VALUES:
            raise QueryError(f"A query asks for {MOST_VALUES:,} things at most.", term.start)
        terms.append(term)
        at = term.end
        plain = plain and only_words((term,))
        if not plain:
            for each in terms[checked:]:
                _check_word(text, each)
            checked = len(terms)
    return tuple(terms)


def unparse(terms: Sequence[Term]) -> str:
    """The terms as text; `parse` gives the same terms back."""
    return " ".join(_written(term) for term in terms)


def quote(value: str) -> str:
    """A value as it is written in a query: in quotes where it has to be."""
    if _BARE.fullmatch(value) and _is_word(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def only_words(terms: Sequence[Term]) -> bool:
    """Whether the query is no more than parts of a name, each a single word."""
    return all(
        (term.key, term.operator, term.negated) == ("name", "~", False)
        and len(term.values) == 1
        and not any(sign.isspace() for sign in term.values[0])
        for term in terms
    )


def _written(term: Term) -> str:
    sign = "-" if term.negated else ""
    values = ",".join(quote(value) for value in term.values)
    if (term.key, term.operator, len(term.values)) == ("name", "~", 1):
        return sign + values
    return f"{sign}{term.key}{term.operator}{values}"


def _term(text: str, at: int) -> Term:
    found = _KEY.match(text, at)
    if found is None:
        negated = text[at] == "-"
        start = at + negated
        value, end = _value(text, start)
        if end < len(text) and not text[end].isspace():
            raise QueryError("A space is missing here.", end)
        return Term("name", "~", (_checked("name", "~", value, start),), negated, at, end)
    key = found[2].lower()
    sign = text[found.end(2) : found.end()].strip()
    operator = ":" if sign == "=" else sign
    _check_key(key, operator, found.start(2), text.index(sign, found.end(2)))
    values: list[str] = []
    end = found.end() - 1
    while not values or (end < len(text) and text[end] == ","):
        start = end + 1
        if start == len(text) or text[start].isspace():
            raise QueryError(f"After {key}{operator} a value is missing.", start)
        value, end = _value(text, start)
        values.append(_checked(key, operator, value, start))
    if end < len(text) and not text[end].isspace():
        raise QueryError("A space is missing here.", end)
    return Term(key, operator, tuple(values), bool(found[1]), at, end)


def _value(text: str, at: int) -> tuple[str, int]:
    """The value that begins at a place, and where it ends."""
    if at < len(text) and text[at] == '"':
        signs = []
        place = at + 1
        while place < len(text) and text[place] != '"':
            if text[place] == "\\" and place + 1 < len(text) and text[place + 1] in '"\\':
                place += 1
            signs.append(text[place])
            place += 1
        if place == len(text):
            raise QueryError("The quotation mark is never closed.", at)
        return "".join(signs), place + 1
    found = _VALUE.match(text, at)
    if found is None:
        raise QueryError("A word is missing here.", at)
    return found[0], found.end()


def _check_word(text: str, term: Term) -> None:
    """Refuse words beside keys that are meant as a part of the language, and are none of it."""
    value, start = term.values[0], term.start + term.negated
    if _KEY.match(text, term.start) or not text.startswith(value, start):
        return  # it has a key, or stands in quotes
    if _is_word(value):
        return
    hint = _JOINING.get(value.casefold(), "put it in quotes if it is a part of a name.")
    raise QueryError(f"“{value}” is no word of a query: {hint}", start)


def _is_word(value: str) -> bool:
    """Whether it can stand without quotes as a part of a name."""
    return any(sign.isalnum() for sign in value) and value.casefold() not in _JOINING


def _check_key(key: str, operator: str, at: int, operator_at: int) -> None:
    known = KEYS.get(key)
    if known is None:
        near = next((name for name, each in KEYS.items() if key in each.also), "")
        question = f" Did you mean {near}?" if near else meant(key, KEYS)
        raise QueryError(f"There is no key “{key}”.{question}", at)
    if operator == "~" and not known.contains:
        raise QueryError(f"~ looks into words; {key} takes {_takes(known)}.", operator_at)
    if operator in "<=>=" and not known.number:
        raise QueryError(f"{key} is no number; it takes {_takes(known)}.", operator_at)


def _takes(key: Key) -> str:
    if key.number:
        return "a number after :, <, <=, > or >="
    return ": or ~" if key.contains else ":"


def _checked(key: str, operator: str, value: str, at: int) -> str:
    """A value that the key can have, in the word that the table uses."""
    known = KEYS[key]
    if len(value) > LONGEST_VALUE:
        raise QueryError(f"This is too long: {LONGEST_VALUE:,} characters are the most.", at)
    if known.number:
        try:
            finite = math.isfinite(float(value))
        except ValueError:
            finite = False
        if not finite:
            raise QueryError(f"{key} needs a number, “{value}” is none.", at)
    elif known.values and operator == ":":
        wanted = kind_named(value) if key == "error" else value.casefold()
        if wanted not in known.values:
            near = meant(value, known.values)
            offered = ", ".join(known.values)
            words = f"There is no {key}:{quote(value)}.{near or f' It is one of {offered}.'}"
            raise QueryError(words, at)
        return wanted
    elif not value:
        raise QueryError(f"{key} needs a value between the quotes.", at)
    if key == "run" and not (value.isascii() and value.isdigit() and len(value) < 10):
        raise QueryError(f"run needs the number of a run, “{value}” is none.", at)
    return value


def meant(word: str, known: Sequence[str] | Mapping[str, object]) -> str:
    """A question that may help: " Did you mean class?", or nothing."""
    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(word.casefold(), list(folded), 1)
    return f" Did you mean {quote(folded[near[0]])}?" if near else ""


# Completion


@dataclass(frozen=True)
class Option:
    """What may stand at the cursor: the text to put there, and what it means."""

    text: str
    about: str = ""
    whole: bool = False
    """Whether it is a whole term, found by its value: "wbc" may have meant class:WBC."""


@dataclass(frozen=True)
class Completion:
    """Options for the part of the text from start to end."""

    start: int
    end: int
    options: tuple[Option, ...] = ()


def complete(text: str, cursor: int, names: Mapping[str, Sequence[str]]) -> Completion:
    """What can follow at the cursor; `names`: the project's names by key (class, tag, run ...)."""
    start = start_of_word(text, cursor)
    found = _KEY.match(text, start, cursor)
    if found is None:
        begin = start + (text[start:cursor].startswith("-"))
        typed = text[begin:cursor].casefold()
        keys = [
            Option(f"{key}>" if each.number else f"{key}:", each.about)
            for key, each in KEYS.items()
            if key.startswith(typed)
        ]
        return Completion(begin, cursor, (*keys, *_meant_values(typed, names)))
    key = found[2].lower()
    if key not in KEYS or text[found.end() - 1] not in ":=":
        return Completion(cursor, cursor)
    begin = _start_of_value(text, found.end(), cursor)
    typed = text[begin:cursor].lstrip('"').casefold()
    values = names.get(key, ()) if KEYS[key].of_project else KEYS[key].values
    first = [value for value in values if value.casefold().startswith(typed)]
    inside = [value for value in values if typed in value.casefold() and value not in first]
    options = tuple(Option(quote(value)) for value in (*first, *inside))
    if len(options) == 1 and options[0].text == text[begin:cursor]:
        options = ()
    return Completion(begin, cursor, options)


def _meant_values(typed: str, names: Mapping[str, Sequence[str]]) -> list[Option]:
    """Terms for the names of classes and tags that begin with what is typed without a key."""
    if not typed:
        return []
    found = [
        Option(f"{key}:{quote(name)}", key, whole=True)
        for key in _BY_NAME
        for name in names.get(key, ())
        if name.casefold().startswith(typed)
    ]
    return found[:_MOST_MEANT]


def start_of_word(text: str, cursor: int) -> int:
    """Where the term that holds a place begins."""
    start, inside, skip = 0, False, False
    for place, sign in enumerate(text[:cursor]):
        if skip:
            skip = False
        elif inside and sign == "\\":
            skip = True
        elif sign == '"':
            inside = not inside
        elif sign.isspace() and not inside:
            start = place + 1
    return start


def _start_of_value(text: str, first: int, cursor: int) -> int:
    start, inside = first, False
    for place in range(first, cursor):
        if text[place] == '"':
            inside = not inside
        elif text[place] == "," and not inside:
            start = place + 1
    return start

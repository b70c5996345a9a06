"""The query's grammar: whatever is typed is understood or refused in words, and never crashes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cvstudio.project.query_language import (
    KEYS,
    QueryError,
    Term,
    complete,
    only_words,
    parse,
    quote,
    unparse,
)

NAMES = {"class": ["RBC", "red cell", "WBC"], "tag": ["night"], "run": ["1", "2"]}
SIGNS = st.text(st.sampled_from('abc classcountag:~<>=-", \\"57.é\t'), max_size=40)


patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def terms(draw: st.DrawFn) -> Term:
    key = draw(st.sampled_from(sorted(KEYS)))
    known = KEYS[key]
    words = st.text(min_size=1, max_size=12).filter(lambda word: bool(word.strip()))
    if known.number:
        operator = draw(st.sampled_from([":", "<", "<=", ">", ">="]))
        value = st.floats(allow_nan=False, allow_infinity=False, width=32).map(str)
    elif known.contains and draw(st.booleans()):
        operator, value = "~", words
    elif known.values:
        operator, value = ":", st.sampled_from(known.values)
    elif key == "run":
        operator, value = ":", st.integers(1, 10**6).map(str)
    else:
        operator, value = ":", words
    values = tuple(draw(st.lists(value, min_size=1, max_size=3)))
    return Term(key, operator, values, draw(st.booleans()))


@patient
@given(st.lists(terms(), max_size=5))
@example([Term("area", ":", ("0.0",), False), Term("name", "~", ("\b",), False)])
def test_what_is_written_out_is_read_back_as_the_same_terms(query: list[Term]) -> None:
    assert parse(unparse(query)) == tuple(query)


@patient
@given(st.one_of(st.text(max_size=40), SIGNS))
def test_whatever_is_typed_is_understood_or_refused_with_a_place(text: str) -> None:
    found, place, words = (), 0, ""
    try:
        found = parse(text)
    except QueryError as error:
        place, words = error.position, error.message
    assert 0 <= place <= len(text)
    assert not words or f" (character {place + 1})" in words
    assert parse(unparse(found)) == found


@patient
@given(SIGNS, st.integers(0, 40))
def test_completing_anywhere_replaces_a_part_before_the_cursor(text: str, cursor: int) -> None:
    cursor = min(cursor, len(text))
    found = complete(text, cursor, NAMES)
    assert 0 <= found.start <= found.end == cursor


def test_a_query_of_every_kind_is_read() -> None:
    text = 'class:RBC count>5 split:train,val -class:"red cell" name~"slide 3" score<0.4 night'
    assert parse(text) == (
        Term("class", ":", ("RBC",)),
        Term("count", ">", ("5",)),
        Term("split", ":", ("train", "val")),
        Term("class", ":", ("red cell",), True),
        Term("name", "~", ("slide 3",)),
        Term("score", "<", ("0.4",)),
        Term("name", "~", ("night",)),
    )
    assert only_words(parse("slide 3"))
    assert not only_words(parse("slide -3"))


@pytest.mark.parametrize(
    ("text", "words", "position"),
    [
        ("clas:RBC", "There is no key “clas”. Did you mean class?", 0),
        ("a count>many", "count needs a number, “many” is none.", 8),
        ("split:tain", "There is no split:tain. Did you mean train?", 6),
        ("split:x", "There is no split:x. It is one of train, val, test, none.", 6),
        ("class:", "After class: a value is missing.", 6),
        ('a name~"slide', "The quotation mark is never closed.", 7),
        ("tag>5", "tag is no number; it takes :.", 3),
        ("split~tr", "~ looks into words; split takes :.", 5),
        ("run:last", "run needs the number of a run, “last” is none.", 4),
        ("-", "A word is missing here.", 1),
    ],
)
def test_an_error_is_said_in_plain_words_with_its_place(
    text: str, words: str, position: int
) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    place = f" (character {position + 1})"
    assert caught.value.message.count(place) == 1
    assert caught.value.message.replace(place, "") == words
    assert caught.value.position == position


def test_the_place_of_an_error_stands_in_its_sentence_before_the_full_stop() -> None:
    for text, words in (
        ("a clas:RBC", "There is no key “clas” (character 3). Did you mean class?"),
        ("split:0.5", "There is no split:0.5 (character 7)."),
        ('a name~"slide', "The quotation mark is never closed (character 8)."),
    ):
        with pytest.raises(QueryError) as caught:
            parse(text)
        assert caught.value.message.startswith(words)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("cla", ["class:"]),
        ("a -cou", ["count>"]),
        ("class:r", ["RBC", '"red cell"']),
        ('class:"red', ['"red cell"']),
        ("class:RBC,w", ["WBC"]),
        ("split:te", ["test"]),
        ("tag:", ["night"]),
        ("split:test", []),
        ("count>", []),
    ],
)
def test_the_box_offers_keys_and_the_values_of_the_project(text: str, options: list[str]) -> None:
    assert [option.text for option in complete(text, len(text), NAMES).options] == options


def test_a_name_with_a_space_or_a_sign_is_written_in_quotes() -> None:
    assert [quote(name) for name in ("RBC", "red cell", 'he said "x"', "-x", "")] == [
        "RBC", '"red cell"', '"he said \\"x\\""', '"-x"', '""',
    ]  # fmt: skip

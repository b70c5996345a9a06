"""Queries without end are refused in words, and the longest that are taken reach the database."""

from __future__ import annotations

import pytest

from cvstudio.project import finding, queries
from cvstudio.project.project import Project
from cvstudio.project.query_language import LONGEST_VALUE, MOST_VALUES, QueryError, parse
from cvstudio.project.records import ImageFilter

TERMS = (
    "-a", '-"a%b_c/d"', 'class:"red cell"', '-class:"red cell"', "count:1", "-count>2", "size>3",
    "-size>3", "area<9", "score>0.5", "source:human", "object:suggested", "run:2", "-run:2",
    "-attribute:form=round", "attribute:form>3", 'attribute:"fo rm"', "-tag:x", "comment:open",
    "-comment~x", "name:a", "-name~a", "folder:a", "-folder~a", "group:a", "group~a", "reason~a",
    "width>1", "file:readable", "state:labelled", "-state:rejected", "split:none", "-split:train",
)  # fmt: skip


@pytest.mark.parametrize("term", TERMS)
def test_the_longest_query_of_every_kind_is_answered(project: Project, term: str) -> None:
    with project.read() as s:
        chain = " ".join([term] * MOST_VALUES)
        assert len(parse(chain)) == MOST_VALUES
        every = queries.image_ids(s)
        assert set(queries.image_ids(s, ImageFilter(query=chain))) <= set(every)
        values = ",".join([term.lstrip("-").partition(">")[2] or "1"] * MOST_VALUES)
        for key in ("name~", "folder~", "comment~", "attribute:", "width:", "count:", "size:"):
            queries.image_ids(s, ImageFilter(query=key + values))


def test_the_longest_words_of_every_kind_are_answered(project: Project) -> None:
    word = '"' + "🔬" * LONGEST_VALUE + '"'
    with project.read() as s:
        for key in ("", "-", "name~", "folder~", "comment~", "reason~", "group~", "-attribute:"):
            queries.image_ids(s, ImageFilter(query=key + word))
        assert queries.image_ids(s, ImageFilter(text="%" * LONGEST_VALUE)) == []


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("-a " * 3000, 3 * MOST_VALUES),
        ("a " * 3000, 2 * MOST_VALUES),
        ("split:val name~" + "a," * 3000 + "a", 10),
        ("x" * 60_000, 0),
        ('split:val -name~"' + "x y " * 20_000 + '"', 16),
    ],
)
def test_a_query_without_end_is_refused_in_words_and_finds_nothing(
    project: Project, query: str, place: int
) -> None:
    with project.read() as s:
        with pytest.raises(QueryError, match=r"things at most|characters are the most") as refused:
            finding.check(s, query)
        assert refused.value.position == place
        assert queries.image_ids(s, ImageFilter(query=query)) == []


def test_words_without_end_find_no_image_and_the_same_word_again_asks_nothing_new(
    project: Project,
) -> None:
    with project.read() as s:
        for text in ("x" * 60_000, " ".join(map(str, range(3000)))):
            assert queries.image_ids(s, ImageFilter(text=text)) == []
        (first,) = queries.images(s, queries.image_ids(s)[:1])
        word = first.name[:3]
        found = queries.image_ids(s, ImageFilter(text=f"{word} " * 3000))
        assert found == queries.image_ids(s, ImageFilter(text=word)) != []

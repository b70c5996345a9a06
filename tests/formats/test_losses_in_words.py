"""What an export lost is told in sentences that agree with their numbers."""

from __future__ import annotations

import ast
from pathlib import Path

import cvstudio.formats
from cvstudio.formats.base import Writing

PLACE = Path(cvstudio.formats.__file__).parent
NOTES = ("lose", "leave_out", "leave_out_image")


def test_one_thing_lost_is_told_in_the_singular() -> None:
    writing = Writing()
    writing.lose("box[es] [was|were] rounded to whole pixels")
    writing.lose("crowd[s] [was|were] left out: VOC cannot mark [it|them]", 1_200)
    writing.rename('Class "[a|b]" became "ab".')
    assert writing.losses() == [
        "1 box was rounded to whole pixels.",
        "1,200 crowds were left out: VOC cannot mark them.",
        'Class "[a|b]" became "ab".',
    ]


def test_every_phrase_of_the_writers_has_a_singular() -> None:
    phrases = [
        ast.unparse(call.args[0])
        for file in PLACE.glob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in NOTES
        and isinstance(call.args[0], ast.Constant | ast.JoinedStr)
    ]
    assert len(phrases) > 50
    assert not [phrase for phrase in phrases if "[" not in phrase]

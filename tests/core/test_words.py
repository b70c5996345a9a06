"""Names that stand beside each other in a list."""

from __future__ import annotations

import pytest

from cvstudio.core.words import agreed, first_names, folder_names, percent, size_words


@pytest.mark.parametrize(
    ("folders", "shown"),
    [
        (["/data/coco/train2017", "/data/coco/val2017"], ["train2017", "val2017"]),
        (["/data/coco/train2017", "/data/lvis/train2017"], ["coco/train2017", "lvis/train2017"]),
        (["/a/coco/train", "/b/coco/train", "/b/val"], ["a/…/train", "b/…/train", "val"]),
        (["train", "/data/coco/train"], ["train", "coco/train"]),
        (["/x/a/train", "a/train"], ["x/…/train", "a/train"]),
        (["a/x/t", "b/x/t", "a/y/t", "b/y/t"], ["a/x/t", "b/x/t", "a/y/t", "b/y/t"]),
        (["", "images/"], ["", "images"]),
    ],
)
def test_folders_of_one_name_show_what_tells_them_apart(
    folders: list[str], shown: list[str]
) -> None:
    assert list(folder_names(folders).values()) == shown


def test_a_sentence_agrees_with_its_number() -> None:
    words = "box[es] [was|were] left out: [it has|they have] no area"
    assert agreed(1, words) == "1 box was left out: it has no area"
    assert agreed(2_000, words) == "2,000 boxes were left out: they have no area"
    assert agreed(0, words) == "0 boxes were left out: they have no area"


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (999, "999 bytes"), (1_000, "1.0 kB"), (1_048_576, "1.0 MB"), (2_600_000, "2.6 MB"),
        (500_000_000, "500.0 MB"), (3_000_000_000, "3.0 GB"),
    ],
)  # fmt: skip
def test_a_file_is_told_as_large_as_the_page_says_that_it_is_downloaded_from(
    size: int, told: str
) -> None:
    assert size_words(size) == told


def test_a_share_is_told_in_per_cent_with_a_space() -> None:
    assert (percent(0.126), percent(1), percent(0)) == ("13 %", "100 %", "0 %")


def test_of_many_names_the_first_are_told_and_how_many_more_there_are() -> None:
    assert first_names(["a", "b", "c"]) == "a, b, c"
    assert first_names(["a"] * 1_003) == "a, a, a and 1,000 more"

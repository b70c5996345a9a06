"""What can be no file of weights is told by its bytes, before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from cvstudio.core.weight_files import trouble

HEADER = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
PLAIN = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)


def archive(path: Path) -> bytes:
    with ZipFile(path, "w") as whole:
        whole.writestr("archive/data.pkl", b"numbers" * 100)
    return path.read_bytes()


def test_every_form_of_weights_is_taken(tmp_path: Path) -> None:
    archive(tmp_path / "new.pt")
    (tmp_path / "old.pth").write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF")
    (tmp_path / "plain.safetensors").write_bytes(PLAIN)
    for file in tmp_path.iterdir():
        assert trouble(file) == "", file


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pt", b"", "a.pt is empty."),
        ("a.pt", b"<!DOCTYPE html><html>", "a.pt is not a file of weights."),
        ("a.pt", PLAIN, "a.pt is not a file of weights."),
        ("a.safetensors", PLAIN[:20], "a.safetensors is not a file of weights."),
        ("a.safetensors", b"\xff" * 100, "a.safetensors is not a file of weights."),
        ("a.safetensors", b"PK", "a.safetensors is not a file of weights."),
        (
            "a.safetensors", (9).to_bytes(8, "little") + b"not json!",
            "a.safetensors is not a file of weights.",
        ),
    ],
)  # fmt: skip
def test_what_is_none_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert trouble(tmp_path / name) == words


def test_a_download_that_was_cut_off_is_told_from_a_stranger(tmp_path: Path) -> None:
    whole = archive(tmp_path / "whole.pt")
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    assert trouble(tmp_path / "cut.pt") == "cut.pt is cut off: its end is missing."


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    assert trouble(tmp_path / "gone.pt").endswith("gone.pt is not there.")

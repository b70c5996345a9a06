"""Batches that come from readers through kept memory: the same ones, and nobody else's later."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import torch

from cvstudio.ml.handover import NOWHERE, Places, ReadBatches, Stack, stack
from cvstudio.ml.loading import Batches, Loader

SIDE = 160  # 75 kB an image: large enough for the kept memory


class Pictures:
    """Items whose every pixel tells their epoch and place; some are larger than the first."""

    def __init__(self, count: int, *, growing: bool = False) -> None:
        self.count, self.growing = count, growing

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key: tuple[int, int, int]) -> dict[str, Any]:
        epoch, place, _ = key
        side = SIDE + (SIDE if self.growing and place else 0)
        return {
            "img": torch.full((side, side, 3), 10 * epoch + place, dtype=torch.uint8),
            "far": torch.full((4, 70, 70), float(place)),
            "box": torch.tensor([[place, 1.5]]),
            "name": f"{place}.png",
        }


def collated(items: list[dict[str, Any]], stack: Stack = stack) -> dict[str, Any]:
    images = stack([item["img"] for item in items])
    return {
        "img": images.permute(0, 3, 1, 2),
        "targets": [{"far": item["far"], "box": item["box"]} for item in items],
        "name": [item["name"] for item in items],
    }


def loader_of(dataset: Any, *, workers: int, batch: int = 2) -> Loader:
    batches = Batches([(SIDE, SIDE)] * len(dataset), batch, order=None)
    return Loader(
        dataset, batches, collate=collated, workers=workers, device=torch.device("cpu"),
        batch_size=batch,
    )  # fmt: skip


@pytest.fixture
def readers() -> Iterator[Any]:
    made: list[Loader] = []

    def make(dataset: Any, **how: Any) -> Loader:
        made.append(loader_of(dataset, workers=2, **how))
        return made[-1]

    yield make
    for loader in made:
        loader.close()


def same(left: Any, right: Any) -> None:
    assert left["name"] == right["name"]
    assert torch.equal(left["img"], right["img"])
    assert left["img"].stride() == right["img"].stride(), "channels last stay last"
    for one, other in zip(left["targets"], right["targets"], strict=True):
        assert torch.equal(one["far"], other["far"])
        assert torch.equal(one["box"], other["box"])


@pytest.mark.parametrize("growing", [False, True])
def test_readers_give_what_one_process_gives_over_epochs_and_after_a_broken_off_one(
    readers: Any, growing: bool
) -> None:
    dataset = Pictures(24 if not growing else 6, growing=growing)
    # Grown images stand alone: a batch has one size.
    alone, read = loader_of(dataset, workers=0, batch=1), readers(dataset, batch=1)
    for epoch in (1, 2):
        alone.sampler.epoch = read.sampler.epoch = epoch
        kept = list(read)  # all at once: no later batch may write into an earlier one
        for left, right in zip(kept, alone, strict=True):
            same(left, right)
    assert read._batches._memory is not None
    alone.sampler.epoch = read.sampler.epoch = 3
    for _ in zip(range(2), read, strict=False):
        pass
    alone.sampler.epoch = read.sampler.epoch = 4
    for left, right in zip(read, alone, strict=True):
        same(left, right)


def test_large_tensors_go_through_the_memory_and_what_does_not_fit_does_not() -> None:
    dataset = Pictures(3, growing=True)
    batches = ReadBatches(dataset, collated)
    batches.keep_memory([(1, 0, 0)], batch=1, places=2)
    memory = batches._memory
    assert memory is not None
    memory.zero_()
    batches[(0, [(1, 0, 0)])]
    assert memory[0].any()
    assert not memory[1].any()
    packed = batches[(1, [(1, 2, 0)])]
    places = Places([], 2)
    assert isinstance(packed.content["img"], torch.Tensor), "twice as large a side: the usual way"
    assert packed.content["name"] == ["2.png"]
    same(batches.unpacked(packed, places, pinned=False), collated([dataset[1, 2, 0]]))


def test_without_room_batches_go_the_usual_way(
    monkeypatch: pytest.MonkeyPatch, readers: Any
) -> None:
    little = psutil.virtual_memory()._replace(available=1 << 20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    dataset = Pictures(6)
    read = readers(dataset)
    for left, right in zip(read, loader_of(dataset, workers=0), strict=True):
        same(left, right)
    assert read._batches._memory is None


def test_a_place_is_free_again_only_when_the_last_view_of_its_batch_is_gone() -> None:
    memory = torch.zeros((2, 640), dtype=torch.uint8)
    places = Places([["a"], ["b"], ["c"], ["d"], ["e"]], 2)
    asked = iter(places)
    assert [place for place, _ in (next(asked), next(asked))] == [0, 1]
    assert next(asked) == (NOWHERE, ["c"]), "both are with the readers"
    whole = places.lend(1, memory)
    kept = whole.view(torch.float32).view(10, 16).t()[3:]
    del whole
    assert next(asked) == (NOWHERE, ["d"]), "a part of what was lent is still held"
    kept.fill_(1.0)
    assert memory[1].any()
    assert not memory[0].any()
    del kept
    assert next(asked) == (1, ["e"])


def test_an_epoch_that_is_broken_off_gives_its_places_back() -> None:
    memory = torch.zeros((3, 64), dtype=torch.uint8)
    places = Places([["a"], ["b"], ["c"]], 3)
    assert [place for place, _ in places] == [0, 1, 2]
    held = places.lend(1, memory)
    assert [place for place, _ in places] == [0, 2, NOWHERE]
    del held
    assert [place for place, _ in places] == [0, 1, 2]


def test_images_are_stacked_where_the_run_sees_them(readers: Any) -> None:
    read = readers(Pictures(4))
    batches = list(read)
    places = read._places
    assert sorted(places._lent) == [0, 1], "no copy stands between"
    del batches
    assert not places._lent


def test_a_reader_that_was_killed_is_an_error_and_no_endless_wait(readers: Any) -> None:
    read = readers(Pictures(40))
    batches = iter(read)
    next(batches)
    for reader in read._loader._iterator._workers:
        os.kill(reader.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"exited unexpectedly|is killed by signal"):
        list(batches)


@pytest.mark.slow
def test_readers_that_are_started_afresh_share_the_memory_too(
    monkeypatch: pytest.MonkeyPatch, readers: Any
) -> None:
    spawning = multiprocessing.get_context("spawn")
    monkeypatch.setattr(multiprocessing, "get_context", lambda _kind=None: spawning)
    dataset = Pictures(6)
    read = readers(dataset)
    kept = list(read)
    for left, right in zip(kept, loader_of(dataset, workers=0), strict=True):
        same(left, right)
    assert sorted(read._places._lent) == [0, 1, 2]

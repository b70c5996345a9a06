"""How long exported files take on this computer, beside the checkpoint: latency and throughput."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from cvstudio.core.export_kinds import KINDS, Engine, FileKind, Precision
from cvstudio.ml.devices import name_of
from cvstudio.ml.environment import threads
from cvstudio.ml.exporting.engines import open_exported
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.onnx_file import INPUT

Array = NDArray[np.float32]
Spent = tuple[float, float]
"""Milliseconds by the clock, and those that the processor worked."""
_PROCESSOR = "processor"
_CPU = "CPUExecutionProvider"
_ELSEWHERE = ("AzureExecutionProvider",)
"""Providers of ONNX Runtime that send the work to another computer."""
_TURNS, _LEAST = 3, 2
_SHARES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Timing:
    """The time for one batch, by repeats after a warm-up, in milliseconds.

    `threads` is 0 where the processor does not compute. `processor` is how long it worked for the
    batch, by the median: on one thread that is about the time which a computer at rest takes,
    however much else this one does.
    """

    what: str
    engine: str
    precision: str
    device: str
    batch: int
    threads: int
    processor: float
    fastest: float
    median: float
    p90: float
    p95: float
    p99: float
    images_per_second: float
    repeats: int


@dataclass(frozen=True)
class Contender:
    """Something that answers for a batch; `opened(threads)` gives it ready for so many threads."""

    what: str
    engine: str
    precision: str
    device: str
    opened: Callable[[int], Callable[[Array], object]]
    on_processor: bool = True


def table(
    contenders: Sequence[Contender],
    image: Array,
    *,
    batches: Sequence[int],
    thread_counts: Sequence[int],
    seconds: float = 0.4,
    stopped: Callable[[], bool] = lambda: False,
) -> list[dict[str, Any]]:
    """Each contender by batch size and thread count (0: as many as there are), as plain JSON.

    `image` is one prepared input (1, channels, H, W).
    """
    counts = list(dict.fromkeys(count or threads() for count in thread_counts))
    rows: list[Timing] = []
    for count in counts:
        some = [one for one in contenders if one.on_processor or count == counts[-1]]
        with _torch_threads(count):
            ready = [one.opened(count) for one in some]
            for size in dict.fromkeys(batches):
                batch = np.ascontiguousarray(np.repeat(image, size, axis=0))
                times: list[list[Spent]] = [[] for _ in some]
                for run in ready:  # the first calls plan and allocate
                    run(batch)
                    run(batch)
                # In turns, so that what else the computer does falls on all alike.
                for _ in range(_TURNS):
                    for run, own in zip(ready, times, strict=True):
                        if stopped():
                            return []
                        own += repeat(partial(run, batch), seconds=seconds / _TURNS)
                rows += [_row(one, size, count, own) for one, own in zip(some, times, strict=True)]
    return [asdict(row) for row in rows]


def _row(one: Contender, size: int, count: int, spent: Sequence[Spent]) -> Timing:
    times = [wall for wall, _ in spent]
    median, p90, p95, p99 = (float(value) for value in np.percentile(times, _SHARES))
    processor = float(np.median([worked for _, worked in spent]))
    return Timing(
        one.what, one.engine, one.precision, one.device, size, count if one.on_processor else 0,
        processor, min(times), median, p90, p95, p99, 1000 * size / median, len(times),
    )  # fmt: skip


def repeat(run: Callable[[], object], *, seconds: float, most: int = 100) -> list[Spent]:
    """What up to `most` repeats took within about `seconds`, two at least."""
    spent: list[Spent] = []
    end = time.perf_counter() + seconds
    while len(spent) < most and (len(spent) < _LEAST or time.perf_counter() < end):
        start, worked = time.perf_counter(), time.process_time()
        run()
        now = time.perf_counter()
        spent.append(((now - start) * 1000, (time.process_time() - worked) * 1000))
    return spent


def speed_ups(rows: Sequence[dict[str, Any]], *, of: str, batch: int) -> dict[str, float]:
    """How often each contender answers while another one answers once: by the processor's work on
    the fewest threads, or by the clock where another device computes."""
    some = [row for row in rows if row["batch"] == batch]
    fewest = min(row["threads"] for row in some if row["threads"])
    cost = {
        row["what"]: row["processor"] if row["threads"] else row["fastest"]
        for row in some
        if row["threads"] in (0, fewest)
    }
    usual = {row["what"]: row["processor"] for row in some if row["threads"] == fewest}
    return {what: usual[of] / usual.get(what, cost[what]) for what in cost}


def checkpoint(network: LoadedNetwork) -> Contender:
    """The checkpoint itself, in PyTorch, where it was loaded to."""
    on_processor = network.device.type == "cpu"

    def opened(_threads: int) -> Callable[[Array], object]:
        def run(batch: Array) -> None:
            with torch.no_grad():
                network.raw(torch.from_numpy(batch).to(network.device))
            if network.device.type == "cuda":
                torch.cuda.synchronize(network.device)

        return run

    return Contender(
        "PyTorch", "pytorch", Precision.FLOAT32, name_of(network.device), opened, on_processor
    )


def contenders_of(path: Path, kind: FileKind) -> list[Contender]:
    """A file with each way to run it here: ONNX Runtime has a provider for each device."""
    info = KINDS[kind]

    def on_processor(count: int) -> Callable[[Array], object]:
        return open_exported(path, thread_count=count).outputs

    found = [Contender(info.title, info.engine, info.precision, _PROCESSOR, on_processor)]
    if info.engine is Engine.ONNX:
        found += [
            Contender(info.title, info.engine, info.precision, provider.removesuffix(
                "ExecutionProvider"), _on_provider(path, provider), on_processor=False)
            for provider in ort.get_available_providers()
            if provider not in (_CPU, *_ELSEWHERE)
        ]  # fmt: skip
    return found


def _on_provider(path: Path, provider: str) -> Callable[[int], Callable[[Array], object]]:
    def opened(_threads: int) -> Callable[[Array], object]:
        session = ort.InferenceSession(path, providers=[provider, _CPU])
        return lambda batch: session.run(None, {INPUT: batch})

    return opened


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

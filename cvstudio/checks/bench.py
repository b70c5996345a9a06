"""`cvstudio bench [NAME ...]`: every figure beside a peer or a floor measured in the same run.

Machines are shared and noisy, so a figure is a ratio wherever it can be, measured in turns. A
figure that is not reached is printed as it is; the exit code is 1 then.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from cvstudio.checks.figures import Figure, machine
from cvstudio.checks.peers import Peers

_WIDTH = 66  # of a figure's name


@dataclass(frozen=True)
class Bench:
    """One benchmark: `run(quick, peers)` gives its figures, of which each is told when it is known;
    quick runs are for trying the benchmark itself."""

    name: str
    title: str
    run: Callable[[bool, Peers], Iterable[Figure]]


def _startup(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_startup import startup

    return startup(images=2_000 if quick else 20_000, turns=3 if quick else 7)


def _import(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_import import import_coco

    return import_coco(images=2_000 if quick else 20_000, annotations=25_000 if quick else 250_000)


def _training(quick: bool, peers: Peers) -> Iterator[Figure]:
    from cvstudio.checks.bench_training import OWN, training

    return training(OWN, seeds=1 if quick else 3, short=quick)


def _yolo(quick: bool, peers: Peers) -> Iterator[Figure]:
    from cvstudio.checks.bench_training import YOLO, training

    return training(YOLO, seeds=1 if quick else 3, short=quick)


def _loader(quick: bool, peers: Peers) -> Iterator[Figure]:
    from cvstudio.checks.bench_loader import loader

    return loader(images=24 if quick else 120, turns=1 if quick else 15)


def _responsiveness(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_responsiveness import responsiveness

    return responsiveness(seconds=10 if quick else 30)


def _history(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_history import history

    return history(annotations=25_000 if quick else 250_000, steps=200 if quick else 2_000)


def _canvas(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_canvas import canvas

    figures = canvas(quick=quick)
    if peers.wanted:
        from cvstudio.checks.bench_beside import beside

        figures += beside(quick=quick, peers=peers)
    return figures


def _next_image(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_next_image import next_image

    return next_image(quick=quick, peers=peers)


def _opening(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_opening import opening

    return opening(images=500 if quick else 20_000, turns=1 if quick else 5, peers=peers)


def _pixels(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_pixels import pixels

    return pixels(quick=quick)


def _augment(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_augment import augment

    return augment(quick=quick)


def _coco(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_coco import coco

    return coco(quick=quick)


def _events(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_events import latency

    return latency(quick=quick)


def _analyze(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_analyze import analyze

    return analyze(quick=quick)


def _map(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_map import map_frames

    return map_frames(quick=quick)


def _export(quick: bool, peers: Peers) -> Iterator[Figure]:
    from cvstudio.checks.bench_export import export

    return export(quick=quick)


def _explain(quick: bool, peers: Peers) -> list[Figure]:
    from cvstudio.checks.bench_explain import explain

    return explain(quick=quick)


BENCHES = (
    Bench("startup", "The window up with a large project, against a bare Qt window", _startup),
    Bench("import", "A large COCO file, against json.load and raw SQLite", _import),
    Bench("history", "Undo after reopening a project, against raw SQLite", _history),
    Bench("canvas", "Brush, pan and zoom on large images, against their floors", _canvas),
    Bench("next-image", "From the key to the painted next image, prefetched", _next_image),
    Bench("pixels", "A proposal of the pixel classifier, against scikit-learn bare", _pixels),
    Bench("opening", "From opening a large project to a first image ready to label", _opening),
    Bench(
        "augment", "From the slider to nine new variants, and what each transform costs", _augment
    ),
    Bench("analyze", "A cell to its crops and a step of the score, on a large split", _analyze),
    Bench("map", "Panning 100,000 points of the map, against pyqtgraph's scatter", _map),
    Bench("export", "Exported files for every family, against PyTorch", _export),
    Bench("coco", "COCO's evaluation of a large split, against faster-coco-eval", _coco),
    Bench("events", "From the end of a batch to its place in the chart", _events),
    Bench("responsiveness", "The window's event loop while a training runs", _responsiveness),
    Bench("loader", "Batches from readers, against decoding and augmenting alone", _loader),
    Bench("explain", "A heat map in the live process, against one pass and back", _explain),
    Bench("training", "The own loops, against a plain PyTorch loop", _training),
    Bench("yolo", "ultralytics through CVStudio, against `yolo train`", _yolo),
)


@click.command(name="bench", help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice([b.name for b in BENCHES]))
@click.option("--quick", is_flag=True, help="Small sizes, to try the benchmark itself.")
@click.option(
    "--peers",
    "with_peers",
    is_flag=True,
    help="Install napari, labelme and X-AnyLabeling from PyPI into a cache of their own (2 GB),"
    " and measure them in the same run: canvas, next-image, opening.",
)
@click.option(
    "--peers-python",
    default=sys.executable,
    metavar="FILE",
    help="The Python for the peers' environments: the newest labelme needs 3.12.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable figures.")
def _command(
    names: tuple[str, ...], quick: bool, with_peers: bool, peers_python: str, as_json: bool
) -> int:
    peers = Peers(wanted=with_peers, python=peers_python)
    chosen = [b for b in BENCHES if not names or b.name in names]
    if not as_json:
        click.echo(machine())
    figures: dict[str, list[Figure]] = {}
    for bench in chosen:
        if not as_json:
            click.echo(f"\n{bench.title}")
        figures[bench.name] = []
        for figure in bench.run(quick, peers):
            figures[bench.name].append(figure)
            if not as_json:
                click.echo(_line(figure))
    if with_peers and not as_json:
        click.echo(f"\nThe peers lie in {peers.folder()}, which may be deleted.")
    if as_json:
        plain = {name: [f.as_json() for f in found] for name, found in figures.items()}
        click.echo(json.dumps({"machine": machine(), "figures": plain}, indent=1))
    reached = [f.reached for found in figures.values() for f in found]
    return 1 if False in reached else 0


def _line(figure: Figure) -> str:
    mark = {True: "reached", False: "NOT REACHED", None: ""}[figure.reached]
    limit = ""
    if figure.limit is not None:
        limit = f"{'at least' if figure.at_least else 'at most'} {figure.limit:g}"
    measured = f"{figure.value:>10.3f} {figure.unit:<6}" if figure.value is not None else ""
    if not measured:
        return f"  {figure.name:<{_WIDTH}}  not measured: {figure.detail}"
    return (f"  {figure.name:<{_WIDTH}} {measured} {limit:<16} {mark:<12} {figure.detail}").rstrip()


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that are named, or all; 1 when a figure is not reached."""
    try:
        return int(
            _command.main(list(arguments), prog_name="cvstudio bench", standalone_mode=False)
        )
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        message = " ".join(error.format_message().split())
        click.echo(f"Error: {message} See: cvstudio bench --help", err=True)
        return 2

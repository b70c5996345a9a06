"""Write docs/exports.md: every family of networks, exported as every kind of file.

    python docs/export_table.py FOLDER              all rows that have no figures yet
    python docs/export_table.py FOLDER yolo11n      these again
    python docs/export_table.py --bench             none: the figures of `cvstudio bench export`
    python docs/export_table.py --page              none: the page anew from the figures

Each row makes a project of generated images, trains a small network on it from scratch, and exports
it, by the jobs that the window and the command line start. What a row found is kept in
docs/exports.json as soon as it is known, and FOLDER keeps what was trained: broken off, it goes on
where it was.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plain_pictures import bars

from cvstudio.checks.figures import machine
from cvstudio.core.annotation import Kind, Task
from cvstudio.core.config import ExportConfig
from cvstudio.core.export_kinds import KINDS, FileKind, Precision
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import default_config
from cvstudio.core.opencv import cv2
from cvstudio.core.proof import unproven
from cvstudio.core.recipe import Start
from cvstudio.core.words import percent
from cvstudio.imaging.synthetic import KINDS as CELLS
from cvstudio.imaging.synthetic import paint_cells
from cvstudio.ml.worker import run_job
from cvstudio.project import runs
from cvstudio.project.project import Project
from cvstudio.project.run_store import make_job
from cvstudio.project.sample import create_sample

HERE = Path(__file__).parent
FIGURES, PAGE = HERE / "exports.json", HERE / "exports.md"


@dataclass(frozen=True)
class Row:
    """One network on a project of its task; `rate` is the learning rate where the usual one is too
    careful for so few steps, `plain` says that it learns too little from painted cells and is
    taught with bars (plain_pictures.py)."""

    network: str
    task: str
    size: int = 96
    epochs: int = 4
    images: int = 60
    shapes: str = "box"
    nms: str = "outside"
    several: bool = False
    rate: float | None = None
    plain: bool = False

    @property
    def name(self) -> str:
        """How it is called on the command line of this script and in the figures."""
        more = ["inside"] if self.nms == "inside" else []
        return ", ".join([self.network, *more, *(["several"] if self.several else [])])

    @property
    def project(self) -> str:
        """The folder of its project."""
        plain = self.network.replace(":", "-").replace("/", "-")
        return f"{plain}-several" if self.several else plain


def _yolo(
    network: str, task: str, shapes: str = "box", *, nms: str = "outside", epochs: int = 25,
    plain: bool = False,
) -> Row:  # fmt: skip
    return Row(network, task, 128, epochs, 45, shapes, nms, rate=0.002, plain=plain)


ROWS = (
    Row("resnet18", "classify", images=90),
    Row("resnet18", "classify", several=True, size=64, images=45, epochs=6),
    Row("mobilenet_v3_small", "classify", size=64, images=45, epochs=6),
    Row("efficientnet_v2_s", "classify", size=64, images=36, epochs=3),
    Row("convnext_atto", "classify", size=64, images=36, epochs=6),
    Row("efficientnet_b0", "classify", size=64, images=36, epochs=4),
    Row("mobilenetv4_small", "classify", size=64, images=36, epochs=4),
    Row("vit_tiny", "classify", size=224, images=40, epochs=2),
    Row("swin_tiny", "classify", images=36, epochs=2),
    Row("maxvit_tiny", "classify", size=224, epochs=1, images=20),
    Row("eva02_tiny", "classify", size=224, epochs=2, images=20),
    Row("unet-mobilenet_v2", "segment", images=40),
    Row("fpn-mobilenet_v2", "segment", size=64, images=24, epochs=6),
    Row("deeplabv3plus-mobilenet_v2", "segment", size=64, images=24, epochs=6),
    Row("smp:unetplusplus/mobilenet_v2", "segment", size=64, images=24, epochs=6),
    Row("smp:segformer/mit_b0", "segment", size=64, images=24, epochs=6),
    Row("smp:upernet/mobilenet_v2", "segment", size=64, images=24, epochs=6),
    Row("smp:deeplabv3/mobilenet_v2", "segment", size=64, images=24, epochs=6),
    Row("smp:linknet/mobilenet_v2", "segment", size=64, images=24, epochs=6),
    Row("smp:manet/mobilenet_v2", "segment", size=64, images=24, epochs=6),
    Row("smp:pspnet/mobilenet_v2", "segment", size=64, images=24, epochs=6),
    Row("smp:pan/mobilenet_v2", "segment", size=128, images=24, epochs=4),
    _yolo("yolo11n", "detect"),
    _yolo("yolo11n", "detect", nms="inside"),
    _yolo("yolo26n", "detect"),
    Row("rtdetr-l", "detect", size=160, epochs=2, images=20, plain=True),
    Row("fasterrcnn-mobilenet", "detect", size=128, epochs=20, images=48, rate=0.001, plain=True),
    Row("fasterrcnn-resnet50", "detect", size=128, epochs=5, images=32, rate=0.001, plain=True),
    _yolo("yolo11n-obb", "detect", "rotated box"),
    _yolo("yolo26n-obb", "detect", "rotated box"),
    _yolo("yolo11n-pose", "detect", "keypoints", epochs=40, plain=True),
    _yolo("yolo26n-pose", "detect", "keypoints", plain=True),
    _yolo("yolo11n-seg", "instance", plain=True),
    _yolo("yolo26n-seg", "instance"),
    Row("maskrcnn-resnet50", "instance", size=128, epochs=5, images=32, rate=0.001, plain=True),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Make what is missing, or what is named again, and write the page after each row."""
    asked = _asked(argv)
    kept: dict[str, Any] = {}
    if FIGURES.is_file():
        kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    if asked.bench:
        command = [sys.executable, "-m", "cvstudio", "bench", "export", "--json"]
        told = subprocess.run(command, check=False, stdout=subprocess.PIPE).stdout
        kept["bench"] = json.loads(told)["figures"]["export"]
    if not (asked.bench or asked.page):
        make_rows(asked.folder, asked.names, kept)
    keep(kept)


def _asked(argv: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for; what cannot be done is said before anything is made."""
    rows = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(
        description="Write docs/exports.md: every family of networks, exported as every kind of"
        " file. Without names: the rows that have no figures yet.",
        epilog=f"Rows: {'; '.join(rows)}",
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", metavar="FOLDER",
        help="keeps what was trained, so that work that was broken off goes on",
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="ROW", help="a row to make again")
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--bench", action="store_true", help="no row, but the figures of `cvstudio bench export`"
    )
    other.add_argument(
        "--page", action="store_true", help="no row, but the page anew from the figures"
    )
    asked = parser.parse_args(argv)
    if unknown := [name for name in asked.names if name not in rows]:
        parser.error(f"There is no row {unknown[0]}. There are: {'; '.join(rows)}")
    if asked.names and (asked.bench or asked.page):
        parser.error("--bench and --page make no row")
    if asked.folder is None and not (asked.bench or asked.page):
        parser.error("FOLDER is needed to make rows in")
    return asked


def make_rows(folder: Path, names: Sequence[str], kept: dict[str, Any]) -> None:
    """Rows by name, or all that have no figures; what is `kept` is written after each."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = names or [row.name for row in ROWS if row.name not in kept]
    rows = {row.name: row for row in ROWS}
    for row in (rows[name] for name in wanted):
        say(f"{row.name}: sample, training, export")
        kept[row.name] = measured(folder, row)
        kept["machine"] = machine()
        keep(kept)


def keep(kept: dict[str, Any]) -> None:
    """Write the figures, whole or not at all, and the page."""
    part = FIGURES.with_suffix(".part")
    part.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    part.replace(FIGURES)
    PAGE.write_text(page(kept), encoding="utf-8")


def say(text: str) -> None:
    """A line for the one who waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class NoFigures(Exception):
    """A row came to nothing; the text is the job's own word."""


def measured(folder: Path, row: Row) -> dict[str, Any]:
    """The figures of a row; {"failed"} with the job's own words where it came to nothing."""
    try:
        return {**figures_of(export(folder, row, trained(folder, row))), "plain": row.plain}
    except NoFigures as error:
        say(f"{row.name}: {error}")
        return {"failed": str(error)}


def trained(folder: Path, row: Row) -> Path:
    """The directory of its finished run, which FOLDER may have from an earlier time."""
    place, done = folder / row.project, folder / f"{row.project}.trained"
    if done.exists():
        return place / "runs" / done.read_text(encoding="utf-8").strip()
    shutil.rmtree(place, ignore_errors=True)
    settings: dict[str, Any] = {"learning_rate": row.rate} if row.rate else {}
    with _project(place, row) as project:
        config = default_config(
            project.task, network=row.network, several=row.several, image_size=row.size, batch=4,
            epochs=row.epochs, patience=0, start=Start.SCRATCH, device="cpu", workers=0,
            **settings,
        )  # fmt: skip
        job = runs.job_of(runs.create_run(project, config))
    if run_job(job.path) != 0:
        raise NoFigures(_last_word(job))
    done.write_text(f"{job.path.name}\n", encoding="utf-8")  # FOLDER may be moved
    return job.path


def _project(place: Path, row: Row) -> Project:
    """A sample of its task; for several classes images of up to three cells that are tagged."""
    shapes = Kind(row.shapes)
    if row.plain:
        return bars(place, Task(row.task), shapes, row.images)
    if not row.several:
        return create_sample(place, Task(row.task), images=row.images, shapes=shapes)
    project = Project.create(place, task=Task.CLASSIFY, classes=CELLS, several=True)
    project.close()
    table = tagged(place.with_name(f"{place.name}-images"), row.images)
    command = [sys.executable, "-m", "cvstudio", "import", str(place), str(table)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Project.open(place)


def _last_word(job: JobDir) -> str:
    last = json.loads(job.events.read_text(encoding="utf-8").splitlines()[-1])
    return str(last.get("text", last))


def tagged(folder: Path, count: int) -> Path:
    """Images with none to two cells, and a table of the kinds that each shows."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["file,labels,split"]
    for number in range(count):
        painting = paint_cells(number, count=number % 3)
        cv2.imwrite(str(folder / f"{number}.png"), painting.rgb[..., ::-1])
        labels = ";".join(sorted({CELLS[item.kind] for item in painting.objects}))
        lines.append(f"{number}.png,{labels},{'val' if number % 5 == 0 else 'train'}")
    table = folder / "labels.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def export(folder: Path, row: Row, run: Path) -> dict[str, Any]:
    """What the export of a run tells of its files, all kinds of them."""
    output = folder / "files" / f"{row.project}-{row.nms}.onnx"
    shutil.rmtree(output.parent, ignore_errors=True)
    output.parent.mkdir()
    config = ExportConfig(
        run_directory=run, output=output, suppress_inside=row.nms == "inside",
        files=tuple(kind for kind in FileKind if kind is not FileKind.ONNX),
        time_batches=(1,), time_threads=(1,),
    )  # fmt: skip
    job = make_job(run / "jobs", config)
    run_job(job.path)
    report = job.path / "verification.json"
    if not report.exists():
        raise NoFigures(_last_word(job))
    told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return told


_GROUPS = {"batch 1": "one", "batch 3": "three", "batch 1, larger input": "larger",
           "batch 3, larger input": "larger"}  # fmt: skip


def figures_of(told: dict[str, Any]) -> dict[str, Any]:
    """What the page needs of a report."""
    usual = [row for row in told["timings"] if row["batch"] == 1 and row["threads"] == 1]
    files = []
    for row in told["files"]:
        times: dict[str, Any] = next((t for t in usual if t["what"] == row["title"]), {})
        files.append({
            "kind": row["kind"], "verified": row["verified"], "parity": _parity(row["checks"]),
            "failed": [c["check"] for c in row["checks"] if c["passed"] is False],
            "judged_by": row.get("judged_by", ""), "unjudged": unproven(row),
            "share": (row.get("agreement") or {}).get("share"),
            "measured": row.get("measured"), "drop": row.get("drop"), "size": row["size"],
            "processor": times.get("processor"), "median": times.get("median"),
            "p95": times.get("p95"),
        })  # fmt: skip
    checkpoint = next(t for t in usual if t["engine"] == "pytorch")
    return {
        "title": told["network"]["title"], "family": told["network"]["family"],
        "task": told["task"], "metric": told["metric"], "reference": told["reference"],
        "images": told["images"], "parity_images": told["parity_images"],
        "shape": told["input"]["shape"], "size": told["input"]["size"],
        "pytorch": checkpoint["processor"], "files": files,
        "left_out": told["left_out"],
    }  # fmt: skip


def _parity(checks: list[dict[str, Any]]) -> dict[str, float | None]:
    """The largest relative error of images one at a time, three at a time, and at a larger size;
    None: another shape, or no numbers."""
    found: dict[str, float | None] = {}
    for check in checks:
        group = _GROUPS.get(check["check"].removeprefix("Largest relative error, "))
        if group is None:
            continue
        values = [check["value"], found[group]] if group in found else [check["value"]]
        found[group] = None if None in values else max(values)
    return found


# -- the page


def page(kept: dict[str, Any]) -> str:
    """The page in Markdown."""
    found = [(row, kept[row.name]) for row in ROWS if row.name in kept]
    done = [(row, figures) for row, figures in found if "failed" not in figures]
    lines = [_HEAD.format(machine=kept.get("machine", "")), *_overview(done)]
    if idle := [row.name for row, figures in done if not figures["reference"]]:
        lines.append(f"Learned nothing, so that no file has a metric to lose: {', '.join(idle)}.\n")
    lines += [f"{row.name} came to nothing: {f['failed']}\n" for row, f in found if "failed" in f]
    if waiting := [row.name for row in ROWS if row.name not in kept]:
        lines.append(f"Rows without figures yet: {', '.join(waiting)}.\n")
    lines += [_section(row, figures) for row, figures in done]
    lines += _bench(kept["bench"]) if "bench" in kept else []
    return "\n".join(lines)


def _title(row: Row, found: dict[str, Any]) -> str:
    more = ", doubles removed inside" if row.nms == "inside" else ""
    return f"{found['title']}{more}{', several classes' if row.several else ''}"


def _overview(done: list[tuple[Row, dict[str, Any]]]) -> list[str]:
    """A line for each network."""
    lines = [
        "| Network | Task | Metric of the run | 32-bit: largest relative error | Batch | Size |"
        " 16-bit ONNX: lost | 8-bit ONNX: lost, times as fast | Not proven |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row, found in done:
        kinds = {FileKind(file["kind"]): file for file in found["files"]}
        plain = [
            value
            for kind, file in kinds.items()
            if KINDS[kind].precision is Precision.FLOAT32
            for value in file["parity"].values()
        ]
        worst = "another shape" if None in plain else f"{max(plain):.1e}"
        free = "any" if "height" in found["shape"] else f"{found['size']} px"
        together = "any" if found["shape"][0] == "batch" else str(found["shape"][0])
        half, eight = (kinds.get(k) for k in (FileKind.ONNX_FLOAT16, FileKind.ONNX_INT8))
        fast = "–"
        if eight is not None and eight["processor"]:
            fast = f"{_figure(eight['drop'])}, {found['pytorch'] / eight['processor']:.1f}"
        missing = [
            KINDS[k].title for k, file in kinds.items()
            if file["verified"] is False or file.get("unjudged")
        ]  # fmt: skip
        missing += [out["title"] for out in found["left_out"]]
        lines.append(
            f"| {_title(row, found)} | {found['task']} | {found['metric']}"
            f" {_figure(found['reference'])} | {worst} | {together} | {free} |"
            f" {_figure(half['drop']) if half else '–'} | {fast} | {', '.join(missing) or '–'} |"
        )
    return [*lines, ""]


def _section(row: Row, found: dict[str, Any]) -> str:
    sides = " x ".join(map(str, found["shape"]))
    larger = f", then at {found['size'] + 64} px" if "height" in found["shape"] else ""
    taught = " Taught with bars." if found.get("plain") else ""
    lines = [
        f"## {_title(row, found)} ({found['task']})\n",
        f"Run: {found['metric']} {_figure(found['reference'])} on {found['images']} val images."
        f" Input {sides}, images of {found['size']} px, {found['parity_images']} of them compared"
        f" number by number{larger}. PyTorch: {found['pytorch']:.1f} ms an image.{taught}\n",
        f"| File | Verdict | Largest relative error (one · three · larger) | {found['metric']} |"
        " Lost | ms an image (worked · median · 95 %) | Times as fast as PyTorch | MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for file in found["files"]:
        verdict = _verdict(file)
        times, speed = "–", "–"
        if file["median"] is not None:
            times = f"{file['processor']:.1f} · {file['median']:.1f} · {file['p95']:.1f}"
            speed = f"{found['pytorch'] / file['processor']:.1f}"
        parity = " · ".join(
            "other shape" if value is None else f"{value:.1e}" for value in file["parity"].values()
        )
        lines.append(
            f"| {KINDS[FileKind(file['kind'])].title} | {verdict} | {parity or '–'} |"
            f" {_figure(file['measured'])} | {_figure(file['drop'])} | {times} | {speed} |"
            f" {file['size'] / 1e6:.1f} |"
        )
    for file in found["files"]:
        if file["failed"]:
            title = KINDS[FileKind(file["kind"])].title
            lines.append(f"\n{title} is refused by: {'; '.join(file['failed'])}.")
    for file in found["files"]:
        if file.get("unjudged"):
            title = KINDS[FileKind(file["kind"])].title
            lines.append(f"\n{title} is neither proven nor refused: {file['unjudged']}")
    lines += [f"\n{out['title']} is left out: {out['why']}" for out in found["left_out"]]
    return "\n".join(lines) + "\n"


def _verdict(file: dict[str, Any]) -> str:
    """How a file stands. Of fewer bits, what was measured before answers were compared tells only
    that the metric was kept."""
    if file.get("unjudged"):
        return "not proven"
    if file["verified"] is not True:
        return "**refused**" if file["verified"] is False else "not run here"
    fewer = KINDS[FileKind(file["kind"])].precision is not Precision.FLOAT32
    if fewer and not file.get("judged_by"):
        return "metric kept"
    if file.get("judged_by") == "answers":
        return f"proven by {percent(file['share'])} of the answers"
    return "proven"


def _bench(figures: list[dict[str, Any]]) -> list[str]:
    """What `cvstudio bench export` found: networks without a row above have a figure here."""
    lines = [
        "## What `cvstudio bench export` finds\n",
        "Networks whose norms know the statistics of images and that were taught nothing else.\n",
        "| Figure | Value | Limit | |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for figure in figures:
        least = "at least" if figure["at_least"] else "at most"
        limit = "–" if figure["limit"] is None else f"{least} {figure['limit']:g}"
        lines.append(
            f"| {figure['name']} | {figure['value']:.3f} {figure['unit']} | {limit} |"
            f" {figure['detail']} |"
        )
    return [*lines, ""]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


_HEAD = """# Exported files: parity, metric and time

Written by `python docs/export_table.py FOLDER`; the figures are in exports.json beside it.
Measured on {machine}.

What these networks are: short trainings from scratch on 20 to 90 generated images, made for this
table alone: tissues and cells as in the sample projects, and where a row says so one bright bar on
dark ground (plain_pictures.py), because cells take longer to learn. Their metric says how little
they saw. Where it is 0, a balanced accuracy of 0.333 or an mIoU near 0.22 (one class, whatever is
shown), a file has hardly any of it to lose, and its metric proves nothing. What counts here is
whether the files answer like the run. What the figures mean:

- Largest relative error: over all images that are compared, one at a time, three at a time, and
  where the file takes any size at a larger one too, the largest difference to PyTorch's output
  beside the largest value of that output. Files of 32 bits are held to 0.001; fewer bits to what
  they lose of the metric, or where that cannot tell, to 90 % of the run's own answers (ADR 0021).
  One figure alone is the largest of them all.
- Verdict: files of fewer bits of rows that say "metric kept" were made before their answers were
  compared: they lost no more than was allowed, which for a metric near guessing, or of so few val
  images as here, is no proof. CVStudio would not call them proven by that alone.
- Batch and size: how many images at once, and of which side, a file takes; "any" size is any
  multiple of 32.
- Lost: the metric of the run less that of the file, on all val images; 0.010 may be lost. With so
  few val images one answer more or less is much more than that: a refused file here says that the
  limit is kept, not that the family cannot be made smaller.
- Times: one image at a time, one thread of the processor. Worked is what the processor did for an
  image, about what it takes on a computer at rest, and what "times as fast" compares. Median and
  95 % are by the clock, while other work kept both cores busy, more of it at some rows than at
  others: they say how long one had to wait here, and nothing about which file is faster.
- TensorRT was never run: its script builds and checks the engine on the computer it is for.
- Faster R-CNN chooses between boxes inside the network. Of two that lie over each other and whose
  scores differ by less than 1e-05, the file may keep the other one: it is held to what PyTorch
  answers when its scores differ by that much, and how many objects that explains is told. A box
  that PyTorch does not find, or scores otherwise, counts as the error that it is.
- Rows were exported when what a detector keeps in 32 bits in a file of 16 went through 16 bits from
  node to node. Since then it does not: of a trained YOLO11 nano at 320 px, over 1,070 boxes of 16
  images of blood cells, the largest shift of a box in the 16-bit ONNX file fell from 0.256 to
  0.038 px. RT-DETR's errors are its own: barely taught, it turns noise of 1e-06 on the image into
  other answers at 32 bits too.
- Faster R-CNN, MobileNetV3 was exported when all of it was in 8 bits. Since then its heads stay in
  32: a run of 12 epochs on the same bars loses 0.053 of 0.216 instead of 0.155, in a file of 63 MB
  instead of 20. That is still more than may be lost.
"""


if __name__ == "__main__":
    main()

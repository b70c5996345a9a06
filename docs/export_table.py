"""Write docs/exports.md: every family of networks, exported as every kind of file.

    python docs/export_table.py FOLDER              all rows that FOLDER has no figures for yet
    python docs/export_table.py FOLDER yolo11n      these networks again

Each row makes a sample project of generated images, trains a tiny network on it from scratch, and
exports it, all by the command line that a user has. The figures are kept in docs/exports.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cvstudio.checks.figures import machine
from cvstudio.core.export_kinds import KINDS, FileKind

HERE = Path(__file__).parent
FIGURES, PAGE = HERE / "exports.json", HERE / "exports.md"


@dataclass(frozen=True)
class Row:
    """One network on a sample project of its task."""

    network: str
    task: str
    size: int = 96
    epochs: int = 4
    shapes: str = "box"
    nms: str = "outside"

    @property
    def name(self) -> str:
        """How it is called on the command line and in the files."""
        return self.network if self.nms == "outside" else f"{self.network}, {self.nms}"


ROWS = (
    Row("resnet18", "classify"),
    Row("unet-mobilenet_v2", "segment"),
    Row("yolo11n", "detect", size=160, epochs=8),
    Row("yolo11n", "detect", size=160, epochs=8, nms="inside"),
    Row("yolo11n-seg", "instance", size=160, epochs=8),
    Row("vit_tiny", "classify", size=224, epochs=2),
    Row("fasterrcnn-mobilenet", "detect", size=160, epochs=2),
    Row("yolo26n", "detect", size=160, epochs=8),
    Row("convnext_atto", "classify"),
    Row("yolo11n-obb", "detect", size=160, epochs=4, shapes="rotated box"),
    Row("yolo11n-pose", "detect", size=160, epochs=4, shapes="keypoints"),
    Row("deeplabv3plus-resnet18", "segment"),
    Row("mobilenet_v3_small", "classify"),
    Row("maskrcnn-resnet50", "instance", size=160, epochs=1),
    Row("rtdetr-l", "detect", size=160, epochs=1),
)
IMAGES = 40


def main(folder: Path, names: list[str]) -> None:
    """Make what is missing and write the page."""
    folder.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = {}
    if FIGURES.is_file():
        kept = json.loads(FIGURES.read_text(encoding="utf-8"))
    for row in ROWS:
        if row.name not in (names or {r.name for r in ROWS if r.name not in kept}):
            continue
        say(f"{row.name}: sample, training, export")
        kept[row.name] = figures_of(export(folder, row))
        kept["machine"] = machine()
        FIGURES.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(kept), encoding="utf-8")
    PAGE.write_text(page(kept), encoding="utf-8")


def say(text: str) -> None:
    """A line for the one who waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def export(folder: Path, row: Row) -> dict[str, Any]:
    """What `cvstudio export-network` tells of a network that was trained for it."""
    project = folder / row.network
    if not project.exists():
        more = ["--shapes", row.shapes] if row.task == "detect" else []
        cvstudio("sample", project, "--task", row.task, "--images", IMAGES, *more)
        settings = [f"image_size={row.size}", "batch=4", "workers=0"]
        cvstudio(
            "train", project, "--network", row.network, "--epochs", row.epochs, "--start",
            "scratch", "--device", "cpu", *(part for s in settings for part in ("--set", s)),
        )  # fmt: skip
    also = [part for kind in FileKind if kind is not FileKind.ONNX for part in ("--also", kind)]
    file = folder / f"{row.name.replace(', ', '-')}.onnx"
    try:
        cvstudio("export-network", project, 1, "-o", file, "--nms", row.nms, *also)
    except subprocess.CalledProcessError:  # a refused file belongs into the table as well
        file = file.with_stem(f"{file.stem}-UNVERIFIED")
    told: dict[str, Any] = json.loads(
        file.with_suffix(".verification.json").read_text(encoding="utf-8")
    )
    return told


def cvstudio(*arguments: object) -> str:
    """Run a command and give what it prints."""
    command = [sys.executable, "-m", "cvstudio", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def figures_of(told: dict[str, Any]) -> dict[str, Any]:
    """What the page needs of a report."""
    usual = [row for row in told["timings"] if row["batch"] == 1 and row["threads"] == 1]
    files = []
    for row in told["files"]:
        parity = [c["value"] for c in row["checks"] if "relative error, batch" in c["check"]]
        times = next((t for t in usual if t["what"] == row["title"]), {})
        files.append({
            "kind": row["kind"], "verified": row["verified"],
            "parity": max(parity) if parity and None not in parity else None,
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


def page(kept: dict[str, Any]) -> str:
    """The page in Markdown."""
    lines = [_HEAD.format(machine=kept.get("machine", ""), images=IMAGES)]
    for row in ROWS:
        found = kept.get(row.name)
        if found is None:
            continue
        lines.append(_section(row, found))
    return "\n".join(lines)


def _section(row: Row, found: dict[str, Any]) -> str:
    inside = ", doubles removed inside the file" if row.nms == "inside" else ""
    sides = " x ".join(map(str, found["shape"]))
    lines = [
        f"## {found['title']} ({found['task']}{inside})\n",
        f"Run: {found['metric']} {_figure(found['reference'])} on {found['images']} val images."
        f" Input {sides}, images of {found['size']} px, {found['parity_images']} of them compared"
        f" number by number. PyTorch: {found['pytorch']:.1f} ms an image.\n",
        f"| File | Verdict | Largest relative error | {found['metric']} | Lost | ms an image"
        " (worked · median · 95 %) | Times as fast as PyTorch | MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for file in found["files"]:
        verdict = {True: "proven", False: "**refused**", None: "not run here"}[file["verified"]]
        times, speed = "–", "–"
        if file["median"] is not None:
            times = f"{file['processor']:.1f} · {file['median']:.1f} · {file['p95']:.1f}"
            speed = f"{found['pytorch'] / file['processor']:.1f}"
        parity = "–" if file["parity"] is None else f"{file['parity']:.1e}"
        lines.append(
            f"| {KINDS[FileKind(file['kind'])].title} | {verdict} | {parity} |"
            f" {_figure(file['measured'])} | {_figure(file['drop'])} | {times} | {speed} |"
            f" {file['size'] / 1e6:.1f} |"
        )
    lines += [f"\n{out['title']} is left out: {out['why']}" for out in found["left_out"]]
    return "\n".join(lines) + "\n"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


_HEAD = """# Exported files: parity, metric and time

Written by `python docs/export_table.py FOLDER`; the figures are in exports.json beside it.
Measured on {machine}.

What these networks are: tiny trainings from scratch, a few epochs on a sample project of {images}
generated images, made for this table alone. Their metric says how little they learned, and where it
is 0 a file cannot lose any of it; what counts here is whether the files answer like the run. What
the figures mean:

- Largest relative error: over all images that are compared, one at a time and three at a time, the
  largest difference to PyTorch's output beside the largest value of that output. Files of 32 bits
  are held to 0.001; fewer bits only to what they lose of the metric.
- Lost: the metric of the run less that of the file, on all val images; 0.010 may be lost.
- Times: one image at a time, one thread of the processor. Worked is what the processor did for an
  image, about what it takes on a computer at rest, and what "times as fast" compares; median and
  95 % are by the clock, while much other work ran on this computer.
- TensorRT was never run: its script builds and checks the engine on the computer it is for.
"""


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

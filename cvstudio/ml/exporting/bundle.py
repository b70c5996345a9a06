"""The deployment bundle: a zip with an exported file and all that a person needs to use it.

It holds a folder with the ONNX file, predict.py (which needs numpy, onnxruntime and OpenCV, and
nothing of CVStudio), a README, a model card, the certificate, and sample images with the answers
that CVStudio itself gave: `python predict.py --selftest` compares. The samples are written anew
from their pixels, so that nothing else that stood in the files (places, names of devices) leaves.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.config import BundleConfig
from cvstudio.core.errors import FormatError, ImageError, RunError
from cvstudio.core.events import Note, Outcome, Phase
from cvstudio.core.jobdir import JobDir, Request, replace_file, write_json
from cvstudio.core.masks import decode
from cvstudio.core.opencv import cv2
from cvstudio.core.proof import unproven
from cvstudio.core.recipe import Sees
from cvstudio.core.resources import resources
from cvstudio.core.room import require_place
from cvstudio.core.snapshot import Snapshot, SnapshotImage, read_snapshot
from cvstudio.imaging.decode import is_image_name, probe, read_channels, read_image
from cvstudio.ml.evaluate import read_report
from cvstudio.ml.exporting.card import Known, class_names, does, model_card
from cvstudio.ml.exporting.certificate import Standing, check_file
from cvstudio.ml.onnx_file import FileRecord
from cvstudio.ml.predict import OnnxNetwork, predict_page

SCRIPT = "predict.py"
REQUIREMENTS = ("numpy>=1.24", "onnxruntime>=1.18", "opencv-python-headless>=4.8")
_CANDIDATES = 40
"""Images that are looked at before the samples are chosen."""
_ALLOWED = {
    "float32": {"score": 0.005, "overlap": 0.95, "pixels": 0.002, "points": 0.02},
    "float16": {"score": 0.02, "overlap": 0.9, "pixels": 0.01, "points": 0.03},
    # Processors differ in how they add up 8 bits.
    "int8": {"score": 0.08, "overlap": 0.75, "pixels": 0.05, "points": 0.08},
}
"""How far the answers of another computer may lie from those here, as predict.py compares them."""


@dataclass(frozen=True)
class Sample:
    """An image that travels along: what it was made of, its name in the bundle, its bytes."""

    path: Path
    page: int
    name: str
    data: bytes


def run_bundle(job: JobDir, config: BundleConfig) -> Outcome:
    """Pack a file with samples from the run's val images, or from the given ones.

    Raises RunError where nothing can be shown as a sample, FormatError for a file that cannot be
    used or that failed its proof.
    """
    job.emit(Phase(text="Reading the file"))
    network = OnnxNetwork(config.file)
    require_place(config.output, about=config.file.stat().st_size)
    known = _known(config)
    _refuse(config.file, known.certificate)
    job.emit(Phase(text="Choosing samples"))
    samples = list(_samples(config, network, known.snapshot, job))
    if job.asked() is Request.CANCEL:
        return Outcome.CANCELLED
    if not samples:
        raise RunError(
            "There is no image for the self-test.",
            hint="Name some with --images: the run's own do not lie where they were any more.",
        )
    job.emit(Phase(text="Packing"))
    content = pack(config.file, network, samples, known)
    replace_file(config.output, content)
    told = {"file": config.output.name, "size": len(content), "samples": len(samples)}
    write_json(job.path / "bundle.json", told)
    return Outcome.FINISHED


def pack(file: Path, network: OnnxNetwork, samples: Sequence[Sample], known: Known) -> bytes:
    """The bytes of the zip; its one folder is named after the file."""
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    folder = f"{file.stem}/"
    script = (resources() / "bundle" / SCRIPT).read_bytes()
    card = model_card(network.record, file=file.name, size=len(data), sha256=digest, known=known)
    expected = _expected(file, network, samples, digest)
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(folder + file.name, data)
        archive.writestr(folder + SCRIPT, script)
        archive.writestr(folder + "README.md", _read_me(network.record, file.name))
        archive.writestr(folder + "MODEL_CARD.md", card)
        archive.writestr(folder + "requirements.txt", "\n".join(REQUIREMENTS) + "\n")
        if known.certificate:
            archive.writestr(folder + "certificate.json", _json(known.certificate))
        for sample in samples:
            archive.writestr(f"{folder}samples/{sample.name}", sample.data)
        archive.writestr(folder + "samples/expected.json", _json(expected))
    return content.getvalue()


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _known(config: BundleConfig) -> Known:
    """What lies in the run's directory, and beside the file."""
    snapshot = report = None
    if config.run_directory is not None:
        run = JobDir(config.run_directory)
        snapshot = read_snapshot(run.snapshot) if run.snapshot.is_file() else None
        report = read_report(run)
    return Known(snapshot, report, _certificate(config.file))


def _certificate(file: Path) -> Mapping[str, Any] | None:
    """The certificate beside a file; None when none lies there."""
    beside = file.with_suffix(".verification.json")
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FormatError(f"{beside.name} is damaged.", path=beside) from error
    return found if isinstance(found, dict) else None


def _refuse(file: Path, beside: Mapping[str, Any] | None) -> None:
    """Raise FormatError for a file that nobody should be given."""
    check = check_file(file)
    told = [check.record.verification or {}, beside or {}]
    if check.standing is Standing.CHANGED:
        raise FormatError(f"{file.name} is not packed. {check.words}", path=file)
    if any(certificate.get("verified") is False for certificate in told):
        raise FormatError(
            f"{file.name} is not packed: it does not answer like the run that it was made from.",
            path=file,
        )


# -- samples


def _samples(
    config: BundleConfig, network: OnnxNetwork, snapshot: Snapshot | None, job: JobDir
) -> Iterator[Sample]:
    """Images in which between them as many classes as possible occur."""
    chosen: Iterable[tuple[Path, int]]
    if config.images:
        chosen = _named(config.images)
    else:
        chosen = _of_run(snapshot, config.samples) if snapshot is not None else ()
    found = 0
    for path, page in chosen:
        if found == config.samples or job.asked() is Request.CANCEL:
            return
        try:
            name = f"sample-{found + 1}"
            sample = _written(name, path, page, network)
        except ImageError as error:
            job.emit(Note(level="warning", text=f"Left out: {error.message}"))
            continue
        found += 1
        yield sample


def _named(images: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    for path in images:
        files = (
            sorted(p for p in path.iterdir() if is_image_name(p.name)) if path.is_dir() else [path]
        )
        for file in files:
            try:
                pages = [info.page for info in probe(file)]
            except ImageError:
                pages = [0]  # who reads it is told why it cannot be read
            yield from ((file, page) for page in pages)


def _of_run(snapshot: Snapshot, count: int) -> Iterator[tuple[Path, int]]:
    """Images of val (else test, else train) whose classes are rare first, small ones preferred."""
    images: Sequence[SnapshotImage] = ()
    for split in (Split.VAL, Split.TEST, Split.TRAIN):
        images = [
            i for i in snapshot.of(split) if i.review is not Review.EMPTY and i.path.is_file()
        ]
        if images:
            break
    waiting = sorted(images, key=lambda i: (i.width * i.height, i.id))[:_CANDIDATES]
    seen: set[int] = set()
    while waiting:
        new = [len({a.class_id for a in image.annotations} - seen) for image in waiting]
        image = waiting.pop(new.index(max(new)))
        seen |= {a.class_id for a in image.annotations}
        yield image.path, image.page


def _written(name: str, path: Path, page: int, network: OnnxNetwork) -> Sample:
    """A sample's pixels without anything else that stood in its file: a PNG, or numpy's own format
    for values that a PNG cannot hold. Raises ImageError."""
    whole = network.preprocessor.sees is Sees.ALL
    array = read_channels(path, page) if whole else read_image(path, page)
    if array.dtype in (np.uint8, np.uint16) and _fits_png(array):
        return Sample(path, page, f"{name}.png", _png(array))
    stream = BytesIO()
    np.save(stream, array, allow_pickle=False)
    return Sample(path, page, f"{name}.npy", stream.getvalue())


def _fits_png(array: NDArray[Any]) -> bool:
    return array.ndim == 2 or array.shape[2] in (1, 3, 4)


def _png(array: NDArray[Any]) -> bytes:
    if array.ndim == 3 and array.shape[2] == 4:
        array = cv2.cvtColor(array, cv2.COLOR_RGBA2BGRA)
    elif array.ndim == 3 and array.shape[2] == 3:
        array = cv2.cvtColor(array, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".png", array)[1].tobytes())


# -- what the samples must answer


def _expected(
    file: Path, network: OnnxNetwork, samples: Sequence[Sample], digest: str
) -> dict[str, Any]:
    """The answers of CVStudio itself for the images that the samples were made of."""
    record = network.record
    allowed = _ALLOWED.get(record.precision, _ALLOWED["int8"])
    rows = []
    for sample in samples:
        (row,) = predict_page(network, file, sample.path, sample.page, score=None)["images"]
        answer = {name: value for name, value in row.items() if name not in ("file", "page")}
        rows.append({"file": sample.name, "answer": plain_runs(answer)})
    return {"sha256": digest, "allowed": allowed, "samples": rows}


def plain_runs(row: dict[str, Any]) -> dict[str, Any]:
    """An answer whose masks are COCO's run lengths as plain numbers, which need no library."""
    if "regions" in row:
        row["regions"] = {name: _runs(code) for name, code in row["regions"].items()}
    for found in row.get("objects", ()):
        if "segmentation" in found:
            found["segmentation"] = _runs(found["segmentation"])
    return row


def _runs(code: dict[str, Any]) -> dict[str, Any]:
    height, width = code["size"]
    down = decode(code["counts"].encode("ascii"), height=height, width=width).T.ravel()
    edges = np.concatenate([[0], np.flatnonzero(np.diff(down)) + 1, [down.size]])
    runs = [int(length) for length in np.diff(edges)]
    # The first run is one of zeros, if only of none.
    return {"size": [height, width], "counts": [0, *runs] if down[0] else runs}


# -- the page that is read first


def _read_me(record: FileRecord, file: str) -> str:
    """How to use the folder, for a person who does not know CVStudio."""
    writes = {
        Task.CLASSIFY: "the class and the probability of each class",
        Task.DETECT: "the objects with class, score and box",
        Task.INSTANCE: "the objects with class, score, box and mask",
        Task.SEGMENT: "the pixels of each class",
    }[record.task]
    warnings = [record.warning] if record.warning else []
    if why := unproven(record.verification or {}):
        warnings.append(f"This file is not proven: {why}")
    warning = "".join(f"\n**Warning: {each}**\n" for each in warnings)
    return f"""# {file}

This network {does(record)}.
Classes: {class_names(record)}.
{warning}
## Set up

It needs Python 3.9 or newer and three packages, no graphics card and no internet afterwards:

    python -m venv env
    env/bin/pip install -r requirements.txt        (Windows: env\\Scripts\\pip)

Then ask whether it answers on this computer as it did where it was made:

    env/bin/python {SCRIPT} --selftest

## Use

    env/bin/python {SCRIPT} photo.jpg film.mp4 folder_of_images/ -o answers --overlay --masks

The folder `answers` then holds

- `predictions.json`: for each image {writes}; for each frame of a video the same with its number
  from 1 on and its time in seconds
- `predictions.csv`: the same as a table, one line for each answer
- `overlay/`: the images with the answers drawn in (`--overlay`)
- `masks/`: PNG files whose values are classes or objects (`--masks`), where the network gives any

`--score 0.5` lets answers count from that score on, `--own-scores` each class from the one that was
best for it; `--tiles` looks at large images in pieces; `--step 25` takes one frame in 25 of a
video. `--help` lists everything.

Coordinates are pixels of the upright image from its left top corner. Boxes are x, y, width, height.
Masks in the JSON file are COCO run lengths, which pycocotools reads.

From a program of your own:

    from predict import Network, read
    network = Network("{file}")
    answer = network.answer(read("photo.jpg")[0])

## What lies here

- `{file}`: the network; the preprocessing and the meaning of its outputs stand inside, as JSON
  under the metadata key `cvstudio`
- `{SCRIPT}`: one file to read, change and take along
- `MODEL_CARD.md`: what it learned from, how good it is, and what it cannot do
- `certificate.json`: how the file was proven against the run that it was made from
- `samples/`: images with the answers that are expected
"""

"""The bundle: a run directory that can be carried to a computer that has nothing of this one.

It holds the settings, the snapshot, the images it names, the weights to start from, the last
checkpoint of a run that goes on, and this very program; all paths in it are relative.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cvstudio.core import pretrained
from cvstudio.core.config import read_config
from cvstudio.core.errors import RunError, WeightsMissing
from cvstudio.core.jobdir import JobDir, write_json
from cvstudio.core.networks import network
from cvstudio.core.places_to_run import Cluster
from cvstudio.core.program import is_frozen
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.core.resources import resources
from cvstudio.core.snapshot import copy_snapshot, read_snapshot
from cvstudio.core.words import size_words

MOST_BYTES = 500_000_000
"""What a bundle may weigh: the head of a cluster holds it in memory and takes 512 MiB."""

PROGRAM = ("augment", "core", "formats", "imaging", "ml")
"""The packages that a worker needs."""


def make_bundle(
    job: JobDir, cluster: Cluster, folder: Path, *, told: Callable[[int, int], None]
) -> None:
    """Lay a run out in an empty folder. `told` hears how many files are there, of how many.

    Raises RunError when it is too large to be carried, WeightsMissing when the weights to start
    from are not there, OSError when a file cannot be read.
    """
    if is_frozen():
        raise RunError(
            "This installed program cannot send itself to a cluster.",
            hint="Install cvstudio[cluster] with pip, and start that one.",
        )
    config = read_config(job.config)
    if not isinstance(config, TrainConfig):
        raise RunError("Only trainings are sent to a cluster.")
    paths = [] if cluster.images == "shared" else sorted(_images_of(job))
    files = {path: f"images/{number:06d}{path.suffix}" for number, path in enumerate(paths)}
    settings = _settings(config, files)
    if job.last.is_file():
        files |= {path: path.relative_to(job.path).as_posix()
                  for path in (job.last, job.best) if path.is_file()}  # fmt: skip
    _check_size(files, images=len(paths))
    write_json(folder / job.config.name, settings)
    images = {str(path): name for path, name in files.items()}
    copy_snapshot(job.snapshot, folder / job.snapshot.name, lambda path: images.get(path, path))
    for number, (path, name) in enumerate(files.items()):
        told(number, len(files))
        _lay(path, folder / name)
    _copy_program(folder)
    told(len(files), len(files))


def _images_of(job: JobDir) -> set[Path]:
    return {image.path for image in read_snapshot(job.snapshot).images}


def _settings(config: TrainConfig, files: dict[Path, str]) -> dict[str, Any]:
    """The settings as the workers read them; the weights they start from are added to `files`."""
    settings: dict[str, Any] = json.loads(config.model_dump_json())
    # Which GPUs this computer has says nothing there.
    settings["device"] = "cpu" if config.device == "cpu" else "auto"
    settings["weights_file"] = None
    if config.weights_file is not None and config.start is not Start.SCRATCH:
        if not config.weights_file.is_file():
            raise WeightsMissing(
                f"The file of weights to start from is missing: {config.weights_file}.",
                filename=config.weights_file.name,
                folder=config.weights_file.parent,
            )
        name = f"start/{config.weights_file.name}"
        files[config.weights_file] = settings["weights_file"] = name
    elif config.start is Start.PRETRAINED:
        path = pretrained.require(network(config.network))
        files[path] = f"weights/{path.name}"
    return settings


def _check_size(files: dict[Path, str], *, images: int) -> None:
    size = sum(path.stat().st_size for path in files)
    if size > MOST_BYTES:
        raise RunError(
            f"The run's {images:,} images, weights and checkpoints are {size_words(size)}:"
            f" at most {size_words(MOST_BYTES)} can be carried to a cluster.",
            hint="Put the images where every computer of the cluster finds them under the same"
            " path as this one, and choose shared images.",
        )


def _lay(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)


def _copy_program(folder: Path) -> None:
    here = Path(__file__).parents[2]
    target = folder / here.name
    target.mkdir()
    shutil.copy2(here / "__init__.py", target)
    unused = shutil.ignore_patterns("__pycache__")
    for package in PROGRAM:
        shutil.copytree(here / package, target / package, ignore=unused)
    shutil.copytree(resources(), target / "_resources", ignore=unused)

"""Asking a network about images, folders, videos and a camera, outside of any project."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cvstudio.cli.judging import device_option, views_option
from cvstudio.cli.output import WholeNumber, as_json, note, opened
from cvstudio.core.answers import Answered, Line, Skipped, Teller
from cvstudio.core.config import Views
from cvstudio.core.errors import FormatError, file_trouble
from cvstudio.core.jobdir import write_json
from cvstudio.core.words import counted
from cvstudio.formats import answer_folders
from cvstudio.formats import answers as writing
from cvstudio.formats.answer_folders import Made
from cvstudio.formats.answers import Count
from cvstudio.project import receiving

if TYPE_CHECKING:
    from cvstudio.ml.predicting.asking import ReadyNetwork

_file = click.Path(dir_okay=False, path_type=Path)
_folder = click.Path(file_okay=False, path_type=Path)


@dataclass(frozen=True)
class _Wanted:
    """What is to be written besides the JSON file."""

    csv: Path | None
    coco: Path | None
    masks: Path | None
    overlay: Path | None
    video: Path | None

    @property
    def folders(self) -> list[Path]:
        """The folders for pictures."""
        return [each for each in (self.masks, self.overlay) if each is not None]

    def refuse(self, teller: Teller, sources: Sequence[Path]) -> None:
        """Raise FormatError where such a network's answers cannot be written so, or not there."""
        writing.refuse(teller, coco=self.coco is not None, masks=self.masks is not None)
        for folder in self.folders:
            writing.refuse_folder(folder, [p if p.is_dir() else p.parent for p in sources])

    def made_before(self, sources: Sequence[Path]) -> Callable[[Path], bool]:
        """Whether a file of a folder is one that an earlier look has written to these places."""
        given = [each.resolve() for each in sources]
        made = (place for folder in self.folders for place in answer_folders.made_at(folder))
        folders = [each.resolve() for each in made]
        inside = [f for f in folders if any(f.is_relative_to(source) for source in given)]
        video = self.video.resolve() if self.video is not None else None

        def held(file: Path) -> bool:
            found = file.resolve()
            return found == video or any(found.is_relative_to(folder) for folder in inside)

        return held

    def write(
        self, teller: Teller, answers: Sequence[Answered], count: Count, made: Made
    ) -> bool:  # fmt: skip
        """Write what was asked for, and say so; gives whether all of it could be written. Pictures
        that were `made` otherwise before stay, and the new ones go beside them."""
        tasks: tuple[tuple[Path | None, Callable[..., int], str, str], ...] = (
            (self.csv, writing.write_csv, "line", ""),
            (self.coco, writing.write_coco, "annotation", ""),
            (self.masks, writing.write_masks, "mask picture", "masks"),
            (self.overlay, writing.write_pictures, "picture", "pictures"),
            (self.video, writing.write_video, "frame", ""),
        )
        fine = True
        for path, write, noun, kind in tasks:
            if path is not None:
                of = replace(made, kind=kind) if kind else None
                told = partial(_written, path, write, noun, of)
                fine = _tried(path, partial(told, teller, answers, count)) and fine
        return fine


def _written(
    path: Path, write: Callable[..., int], noun: str, made: Made | None, teller: Teller,
    answers: Sequence[Answered], count: Count,
) -> None:  # fmt: skip
    place = path if made is None else writing.place_for(path, answers, made)
    if place != path:
        note(f"What lies in {path} stays, as it was made otherwise or of other images.")
    note(f"Wrote {place}: {counted(write(place, teller, answers, count), noun)}")


def _tried(path: Path, write: Callable[[], None]) -> bool:
    """Write one of several files: what goes wrong is said, and takes nothing from the others."""
    try:
        write()
    except (OSError, FormatError) as error:
        why = file_trouble(error) if isinstance(error, OSError) else error.message
        note(f"{path} was not written whole: {why}")
        return False
    return True


@click.command("predict")
@click.argument("network", type=click.Path(exists=True, path_type=Path))
@click.argument("images", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=_file, help="The JSON file to write; else it is printed.")
@click.option("--csv", "csv_file", type=_file, help="A table with a line for each answer.")
@click.option("--coco", type=_file, help="COCO JSON with scores, for other programs.")
@click.option("--masks", type=_folder, help="A folder for masks as PNG.")
@click.option("--overlay", type=_folder, help="A folder for pictures with the answers drawn in.")
@click.option("--video", type=_file, help="An MP4 of one video, or the camera, with the answers.")
@click.option(
    "--score",
    type=click.FloatRange(0, 1),
    help="What an answer must be sure of to count; else as the network says.",
)
@click.option(
    "--step",
    type=WholeNumber(min=1),
    default=1,
    show_default=True,
    help="Of videos, one frame in so many.",
)
@click.option("--tiles", is_flag=True, help="Look at large images in pieces of their own scale.")
@click.option("--camera", type=WholeNumber(min=0), help="A camera by its number, 0 for the first.")
@click.option(
    "--frames", type=WholeNumber(min=1), help="So many frames of the camera; else until Ctrl+C."
)
@click.option(
    "--to-project", type=_folder, help="Send images and answers there, as suggestions to check."
)
@click.option("--copy", is_flag=True, help="With --to-project: copy the images into it.")
@device_option
@views_option
@as_json
def predict_command(
    network: Path, images: tuple[Path, ...], output: Path | None, csv_file: Path | None,
    coco: Path | None, masks: Path | None, overlay: Path | None, video: Path | None,
    score: float | None, step: int, tiles: bool, camera: int | None, frames: int | None,
    to_project: Path | None, copy: bool, device: str, views: str, as_json: bool,
) -> int:  # fmt: skip
    """Ask a network about images, folders, videos or a camera; needs no project.

    NETWORK is an ONNX file that CVStudio or ultralytics exported, or the directory of a finished
    run. Only the latter needs torch.
    """
    if bool(images) == (camera is not None):
        raise click.UsageError("Name images, folders or videos, or a camera (--camera).")
    if copy and to_project is None:
        raise click.UsageError("--copy goes with --to-project.")
    wanted = _Wanted(csv_file, coco, masks, overlay, video)
    asked = _opened(network, device, Views(views))
    if asked.teller.warning:
        note(f"warning: {asked.teller.warning}")
    wanted.refuse(asked.teller, images)
    if to_project is not None:
        _refuse_project(to_project, asked.teller, network)
    count = _count(asked.teller, score)
    if camera is not None:
        return _watch(asked, camera, frames, count, video, score, tiles=tiles)
    found = list(_told(_looked_at(asked, images, step, wanted, tiles=tiles)))
    answers = [line for line in found if isinstance(line, Answered)]
    fine = _write_json(asked.teller, found, output, Views(views), score, as_json=as_json)
    if answers:
        made = Made("", network.resolve(), count.score, count.own, tiles, views, step)
        fine = wanted.write(asked.teller, answers, count, made) and fine
    if to_project is not None and answers:
        _send(to_project, network, asked.teller, answers, count, step=step, copy=copy)
    return 0 if answers and fine else 1


def _opened(network: Path, device: str, views: Views) -> ReadyNetwork:
    from cvstudio.ml.predicting.asking import open_file, open_run

    if network.is_dir():
        from cvstudio.ml import environment

        environment.prepare()
        return open_run(network.absolute(), device=device, views=views)
    return open_file(network, views=views)


def _count(teller: Teller, score: float | None) -> Count:
    common = teller.thresholds.common if score is None else score
    return Count(common, own=score is None and teller.own_hold)


def _looked_at(
    asked: ReadyNetwork, images: Sequence[Path], step: int, wanted: _Wanted, *, tiles: bool
) -> Iterator[Line]:
    from cvstudio.ml.predicting.asking import ask, targets_of

    return ask(asked, targets_of(images, step=step, passed=wanted.made_before(images)), tiles=tiles)


def _told(lines: Iterator[Line]) -> Iterator[Line]:
    for line in lines:
        if isinstance(line, Skipped):
            note(f"{line.path}: {line.reason}")
        yield line


def _write_json(
    teller: Teller, found: Sequence[Line], output: Path | None, views: Views, score: float | None,
    *, as_json: bool,
) -> bool:  # fmt: skip
    from cvstudio.ml.predict import plain_answer, plain_content

    images: list[dict[str, Any]] = []
    problems: list[dict[str, str]] = []
    for line in found:
        if isinstance(line, Skipped):
            problems.append({"file": str(line.path), "problem": line.reason})
            continue
        row = plain_answer(line.prediction, (line.width, line.height), teller, score)
        images.append({"file": str(line.path), **line.place, **row})
    content = plain_content(teller, images, problems, views=views, score=score)
    if output is None or as_json:
        click.echo(json.dumps(content, ensure_ascii=False, indent=1))
    if output is None:
        return True

    def write() -> None:
        write_json(output, content)
        note(f"Wrote {output}: {counted(len(images), 'image')}")

    return _tried(output, write)


def _refuse_project(folder: Path, teller: Teller, network: Path) -> None:
    """Before anything is looked at: raise RunError where a project can take nothing of it."""
    with opened(folder) as project:
        receiving.refuse(project, teller, network)


def _send(
    folder: Path, network: Path, teller: Teller, answers: Sequence[Answered], count: Count,
    *, step: int, copy: bool,
) -> None:  # fmt: skip
    with opened(folder, write=True) as project:
        found = receiving.plan(project, answers, step=step)
        received = receiving.send(
            project, found, teller, answers, network=network, score=count.score, own=count.own,
            copy=copy,
        )  # fmt: skip
    note(f"{counted(received.added, 'new image')} in {folder}.")
    for sentence in received.taken.sentences:
        note(sentence)


# -- a camera


def _watch(
    asked: ReadyNetwork, camera: int, frames: int | None, count: Count, video: Path | None,
    score: float | None, *, tiles: bool,
) -> int:  # fmt: skip
    """Answer a camera's pictures, a line of JSON each, until enough were seen or Ctrl+C."""
    from cvstudio.imaging.camera import Camera
    from cvstudio.ml.predict import plain_answer
    from cvstudio.ml.predicting.asking import answer_of

    writer: writing.VideoWriter | None = None
    number, began = 0, 0.0
    try:
        with Camera(camera) as opened_camera:
            while frames is None or number < frames:
                rgb = opened_camera.read()
                now = time.monotonic()
                began = began or now
                number += 1
                prediction = answer_of(asked.network, rgb, number, tiles=tiles)
                height, width = rgb.shape[:2]
                row = plain_answer(prediction, (width, height), asked.teller, score)
                place = {"frame": number, "time": round(now - began, 3)}
                click.echo(json.dumps({**place, **row}, ensure_ascii=False))
                if video is not None:
                    size = (width, height)
                    writer = writer or writing.VideoWriter(video, size, opened_camera.fps)
                    writer.add(writing.drawn(asked.teller, rgb, prediction, count))
    except KeyboardInterrupt:
        note(f"Ended after {counted(number, 'picture')}.")
    finally:  # a camera that goes away takes nothing of what it showed before
        if writer is not None:
            writer.finish()
            note(f"Wrote {video}: {counted(writer.added, 'frame')}")
    return 0 if number else 1

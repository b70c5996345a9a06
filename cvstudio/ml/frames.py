"""Images ready scaled beside a run, for as long as it trains: frames of videos, or all of them.

A frame that is asked for at random costs all frames since the key frame before it: with the 250
that films have between key frames, a hundred times what a picture costs. So where the images of a
run do not fit into memory its frames are decoded once, in order, at the size at which they train.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cvstudio.core.errors import ImageError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.opencv import cv2
from cvstudio.core.recipe import Sees
from cvstudio.core.video_names import is_video_name
from cvstudio.ml.data import SplitImages


def unpack_frames(
    splits: Sequence[SplitImages],
    folder: Path,
    *,
    progress: Callable[[int, int], None],
    all_images: bool = False,
) -> int:
    """Write the frames (or all images) of splits into a folder, without loss, and let the splits
    read them from there, as well as those that lie there already; returns how many.

    Raises OSError when they cannot be written (a full disk), and then none is read from there and
    none is left; a damaged frame is left to who reads it.
    """
    wanted = [
        (image.path, image.page, split, index)
        for split in splits
        for index, image in enumerate(split.images)
        if all_images or is_video_name(image.path)
    ]
    if not wanted:
        return 0
    wanted.sort(key=lambda item: item[:2])
    written: list[tuple[SplitImages, int, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for done, (_, _, split, index) in enumerate(wanted):
            progress(done, len(wanted))
            file = folder / f"{done}.{'npy' if split.sees is Sees.ALL else 'png'}"
            if file.is_file() or _write(split, index, file):
                written.append((split, index, file))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # the run needs the room for its checkpoints
        raise
    for split, index, file in written:
        split.read_from(index, file)
    progress(len(wanted), len(wanted))
    return len(written)


def _write(split: SplitImages, index: int, file: Path) -> bool:
    """Write one frame; whether it could be read."""
    try:
        rgb, _ = split.read(index)
    except ImageError:
        return False
    whole = file.with_suffix(".part")
    if split.sees is Sees.ALL:
        with whole.open("wb") as stream:
            np.save(stream, rgb, allow_pickle=False)
    else:
        fast = [cv2.IMWRITE_PNG_COMPRESSION, 1]
        _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), fast)
        whole.write_bytes(data.tobytes())
    whole.replace(file)  # other processes of the run take what is there
    return True


def remove_frames(job: JobDir) -> None:
    """The run is over: its frames are only copies."""
    shutil.rmtree(job.frames, ignore_errors=True)

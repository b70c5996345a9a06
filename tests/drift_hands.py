"""New images, and what the job that looks at them leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cvstudio.core.embedding import ANSWERS, Embeddings, read_subjects, write_embeddings
from cvstudio.core.geometry import Box
from cvstudio.core.jobdir import JobDir
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Found, Prediction, write_predictions
from cvstudio.core.snapshot import read_snapshot
from cvstudio.project import runs
from cvstudio.project.records import RunRecord

VALUES, KNOWN = 16, 3


def pictures(folder: Path, run: RunRecord, *, count: int = 30, light: float = 1.0) -> Path:
    """Copies of the run's images, as bright as `light` says."""
    folder.mkdir()
    images = read_snapshot(runs.job_of(run).snapshot).images
    for number in range(count):
        rgb = cv2.imread(str(images[number % len(images)].path))
        cv2.imwrite(str(folder / f"{number:03}.png"), (rgb * light).astype(np.uint8))
    return folder


def answered(
    job: JobDir,
    *,
    away: float,
    unsure: float = 0.1,
    objects: int = 3,
    unread: tuple[int, ...] = (),
    usual: int = 3,
) -> None:
    """What the job leaves when the new images lie `away` from all others; `objects` are found on
    each of them, `usual` on each of the run's own."""
    random = np.random.default_rng(0)
    told = [subject for subject in read_subjects(job) if subject.id not in unread]
    ids = np.array([subject.id for subject in told])
    vectors = random.normal(size=(len(ids), VALUES))
    vectors[:, KNOWN:] *= 0.05  # all that is known differs in few respects
    vectors[ids < 0, -1] += away
    doubts = random.uniform(0, 0.1, len(ids)) + np.where(ids < 0, unsure, 0.0)
    boxes = np.array([[0, 0, subject.width, subject.height] for subject in told])
    nowhere = np.zeros((len(ids), 2), np.float32)
    write_embeddings(
        job,
        Embeddings(
            vectors.astype(np.float16), ids, np.zeros(len(ids), np.int64),
            np.zeros(len(ids), np.int64), np.ones(len(ids), np.float32), boxes.astype(np.float32),
            nowhere, nowhere, ids, doubts.astype(np.float32), unread=unread,
        ),
    )  # fmt: skip
    one = Found(1, 0.9, Box(1, 1, 5, 5))
    write_predictions(
        job.predictions(ANSWERS),
        [Prediction(int(i), objects=(one,) * (objects if i < 0 else usual)) for i in ids],
    )

"""What networks have learned from: the images of their runs, and of the runs that those began with.

A figure is honest on images that none of them has learned from. Snapshots are read for it, which
takes a moment where they are large: ask in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cvstudio.core.annotation import Split
from cvstudio.core.errors import RunError
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.core.snapshot import SnapshotImage, read_snapshot
from cvstudio.project import queries, run_store
from cvstudio.project.project import Project
from cvstudio.project.records import ImageRecord, RunRecord


@dataclass(frozen=True, slots=True)
class Learned:
    """The images that a network learned from, and the contents of their files."""

    ids: set[int]
    contents: set[tuple[str, int]]
    whole: bool
    """Whether nothing is missing: a run that it began with may be gone."""

    def holds(self, image: SnapshotImage | ImageRecord) -> bool:
        """Whether it learned from an image, or from a copy of its file."""
        return image.id in self.ids or (image.sha256, image.page) in self.contents


@dataclass(frozen=True)
class Earlier:
    """What a run, whose network another one is to begin with, learned from of today's val and test.

    `whole`: nothing is missing, neither its snapshot nor a run that it began with itself.
    """

    run_id: int
    judged: Mapping[Split, tuple[int, ...]]
    whole: bool = True


def learned_from(project: Project, run: RunRecord) -> Learned:
    """What a run learned from, and the ones that it began with, as far as they are there.

    Raises RunError when a snapshot is missing or damaged that should be there.
    """
    ids, contents = set[int](), set[tuple[str, int]]()
    known = {each.id: each for each in run_store.all_runs(project)}
    here = run
    while True:
        for image in read_snapshot(run_store.job_of(here).snapshot).of(Split.TRAIN):
            ids.add(image.id)
            if image.sha256:
                contents.add((image.sha256, image.page))
        older = known.get(here.parent_id) if here.parent_id is not None else None
        if older is None or not run_store.job_of(older).snapshot.exists():
            begun = run_store.config_of(here).start is Start.RUN
            return Learned(ids, contents, whole=older is None and not begun)
        here = older


def first_weights(config: TrainConfig) -> Path | None:
    """The file that a run begins with; None where it begins with a library's weights or none."""
    return None if config.start is Start.SCRATCH else config.weights_file


def earlier(project: Project, weights: Path, divided: Mapping[int, Split]) -> Earlier | None:
    """What the run whose checkpoint `weights` is learned from, of the images of val and test in
    `divided`; None when the file is of no run of the project."""
    runs = run_store.all_runs(project)
    run = next((r for r in runs if run_store.job_of(r).checkpoints == weights.parent), None)
    if run is None:
        return None
    try:
        known = learned_from(project, run)
    except RunError:
        return Earlier(run.id, {}, whole=False)
    judging = [image for image, split in divided.items() if split is not Split.TRAIN]
    with project.read() as session:
        found = [image.id for image in queries.images(session, judging) if known.holds(image)]
    parts = (Split.VAL, Split.TEST)
    judged = {part: tuple(image for image in found if divided[image] is part) for part in parts}
    return Earlier(run.id, judged, whole=known.whole)

"""Answers that a network gave about images of anywhere, brought into the project as suggestions.

Images that the project does not have come in first. What becomes of the answers is what becomes of
those of a suggest job: they count nowhere until a person keeps them (suggestions.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cvstudio.core.annotation import Task
from cvstudio.core.answers import Answered, Teller, counting
from cvstudio.core.config import SuggestConfig
from cvstudio.core.errors import RunError
from cvstudio.core.predictions import Prediction, write_predictions
from cvstudio.core.suggestion import ANSWERS, Answer, write_answer
from cvstudio.core.thresholds import USUAL_SCORE
from cvstudio.core.words import first_names, quoted
from cvstudio.imaging.video import Step
from cvstudio.project import import_plan, importing, queries, suggestions
from cvstudio.project.import_plan import ImportPlan
from cvstudio.project.project import Project
from cvstudio.project.run_store import make_job
from cvstudio.project.suggestions import Taken

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Received:
    """What came of it: images that are new in the project, and the suggestions."""

    added: int
    taken: Taken
    image_ids: tuple[int, ...]


def refuse(project: Project, teller: Teller, network: Path) -> None:
    """Raise RunError where a network is for another task than the project, or knows no class of
    it: nothing of it could be taken in."""
    if teller.task is not project.task:
        raise RunError(f"The network is for {teller.task}, and this project is for {project.task}.")
    origin = suggestions.origin_of(project, _config(project, network))
    with project.read() as s:
        there = queries.classes(s)
    own = origin.run_id is not None
    if not suggestions.match_classes(teller.classes, there, by_id=own).ids:
        known = first_names([quoted(c.name) for c in teller.classes])
        raise RunError(
            f"The network knows {known}, and this project has no such class.",
            hint="Add a class of that name, or bring in the images and use Suggest labels, where"
            " each class of a network can be taken for one of the project.",
        )


def _config(project: Project, network: Path, score: float = USUAL_SCORE) -> SuggestConfig:
    file = network.is_file()
    return SuggestConfig(
        task=project.task,
        file=network.absolute() if file else None,
        run_directory=None if file else network.absolute(),
        score=score,
    )


def plan(
    project: Project,
    answers: Sequence[Answered],
    *,
    step: int = 1,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportPlan:
    """What has to come into the project for these answers; nothing is changed yet. `step`: of
    videos, one frame in so many was looked at. Raises FormatError, RunError for another task."""
    paths = list(dict.fromkeys(each.path for each in answers))
    found = import_plan.plan_images(
        project, paths, step=Step(frames=step), progress=progress, cancelled=cancelled
    )
    wanted = {(each.path.absolute(), each.page) for each in answers}
    found.images = [i for i in found.images if (i.parsed.path, i.parsed.page) in wanted]
    return found


def send(
    project: Project,
    found: ImportPlan,
    teller: Teller,
    answers: Sequence[Answered],
    *,
    network: Path,
    score: float,
    own: bool = False,
    copy: bool = False,
    source: object = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Received:
    """Bring images and answers in: one undo step for new images, one for the suggestions.

    `network` is the exported file or the run's directory. Raises RunError where the network is for
    another task or knows no class of the project, ProjectError and Cancelled as importing.run does.
    """
    refuse(project, teller, network)
    report = importing.run(
        project, found, copy=copy, known="skip", source=source, progress=progress,
        cancelled=cancelled,
    )  # fmt: skip
    places = {
        (image.parsed.path, image.parsed.page): image_id
        for image, image_id in zip(found.images, report.image_ids, strict=True)
    }
    job = make_job(project.runs_directory / "jobs", _config(project, network, score))
    rows = []
    for each in answers:
        image_id = places.get((each.path.absolute(), each.page))
        if image_id is not None:
            rows.append(replace(_counting(each.prediction, teller, score, own), image_id=image_id))
    write_predictions(job.predictions(ANSWERS), rows)
    told = Answer(teller.task, teller.classes, score, (), teller.several, teller.form)
    write_answer(job, told)
    taken = suggestions.take_in(project, job, source=source)
    return Received(report.added, taken, tuple(row.image_id for row in rows))


def _counting(answer: Prediction, teller: Teller, score: float, own: bool) -> Prediction:
    """An answer without what its network is not sure enough of."""
    if teller.task is not Task.CLASSIFY:
        return counting(answer, teller, score, own=own)
    floors = teller.floors(score, own=own)
    scores = answer.scores or {}
    return replace(answer, scores={k: v for k, v in scores.items() if v >= floors[k]})

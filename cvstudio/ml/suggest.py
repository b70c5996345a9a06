"""The suggest job: a network's opinion of images that nobody has labelled yet, as predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cvstudio.core.annotation import Task
from cvstudio.core.config import SuggestConfig
from cvstudio.core.errors import RunError
from cvstudio.core.events import Note, Outcome, Phase, Progress
from cvstudio.core.jobdir import JobDir, Request
from cvstudio.core.predictions import Prediction, write_predictions
from cvstudio.core.suggestion import (
    ANSWERS,
    Answer,
    AskedImage,
    Unread,
    read_asked,
    write_answer,
)
from cvstudio.core.thresholds import Thresholds, thresholds_of
from cvstudio.core.words import counted
from cvstudio.ml.evaluate import (
    Predictor,
    Stopped,
    batches,
    read_images,
)
from cvstudio.ml.judge import OwnScores

_MOST_TOLD = 20
"""Images that could not be read, each with a note of its own; of the others the number is told."""


def run_suggest(job: JobDir, config: SuggestConfig) -> Outcome:
    """Ask the network about the listed images, a batch at a time.

    What cannot be read is left out with a note. Raises RunError when the network is for another
    task or no image can be read.
    """
    images = read_asked(job)
    job.emit(Phase(text="Loading the network"))
    network = _network(config)
    if network.task is not config.task:
        raise RunError(
            f"The network is for {network.task}, and this project is for {config.task}.",
            hint="Choose a network that was trained for this task.",
        )
    job.emit(Phase(text=f"Looking at {counted(len(images), 'image')}"))
    unread: list[Unread] = []
    path = job.predictions(ANSWERS)
    try:
        write_predictions(path, _answers(job, config, network, images, unread))
    except Stopped:
        path.with_name(path.name + ".part").unlink(missing_ok=True)
        return Outcome.CANCELLED
    _tell(job, images, unread)
    write_answer(
        job,
        Answer(
            network.task,
            network.classes,
            config.score,
            tuple(unread),
            network.several,
            network.form,
        ),
    )
    return Outcome.FINISHED


def _network(config: SuggestConfig) -> Predictor:
    if config.file is not None:
        from cvstudio.ml.predict import OnnxNetwork

        return OnnxNetwork(config.file, views=config.views)
    from cvstudio.ml.load import load_network

    assert config.run_directory is not None  # the config holds one of the two
    network = load_network(config.run_directory, device=config.device, views=config.views)
    return network.corrected(thresholds_of(config.run_directory).correction)


def _answers(
    job: JobDir,
    config: SuggestConfig,
    network: Predictor,
    images: Sequence[AskedImage],
    unread: list[Unread],
) -> Iterator[Prediction]:
    """The answers, while they are made: only one batch is held in memory."""
    done = 0
    own = _own_scores(config, network)
    for some in batches(images, config.batch, network.preprocessor):
        if job.asked() is Request.CANCEL:
            raise Stopped
        problems: list[str] = []
        read = list(read_images(some, problems, network.preprocessor))
        known = {image.id for image, _ in read}
        missing = [image.id for image in some if image.id not in known]
        unread += [Unread(id, why) for id, why in zip(missing, problems, strict=True)]
        if read:
            found = network.predict([rgb for _, rgb in read], [image.id for image, _ in read])
            yield from (_sure(each, network.task, config.score, own) for each in found)
        done += len(some)
        job.emit(Progress(done=done, total=len(images)))


def _own_scores(config: SuggestConfig, network: Predictor) -> OwnScores:
    """By class the score from which it counts, where that was asked for and is known."""
    if not config.own_scores:
        return {}
    if config.run_directory is None:
        from cvstudio.ml.predict import OnnxNetwork

        assert isinstance(network, OnnxNetwork)
        return network.record.thresholds.own
    return thresholds_of(config.run_directory).own


def _sure(prediction: Prediction, task: Task, score: float, own: OwnScores) -> Prediction:
    """An answer without what the network is not sure enough of; regions carry no score."""
    counts = Thresholds(score=score, per_class=own, applied=True)
    if task is Task.CLASSIFY:
        scores = prediction.scores or {}
        floors = counts.floors(scores)
        return replace(prediction, scores={k: v for k, v in scores.items() if v >= floors[k]})
    floors = counts.floors({found.class_id for found in prediction.objects})
    return replace(
        prediction,
        objects=tuple(each for each in prediction.objects if each.score >= floors[each.class_id]),
    )


def _tell(job: JobDir, images: Sequence[AskedImage], unread: Sequence[Unread]) -> None:
    for each in unread[:_MOST_TOLD]:
        job.emit(Note(level="warning", text=f"Left out: {each.reason}"))
    if len(unread) > _MOST_TOLD:
        more = counted(len(unread) - _MOST_TOLD, "other image")
        job.emit(Note(level="warning", text=f"Left out: {more} that cannot be read."))
    if images and len(unread) == len(images):
        raise RunError(f"None of the images can be read. {unread[0].reason}")

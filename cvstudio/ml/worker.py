"""One job in a process of its own: `cvstudio worker DIR` does what DIR/config.json says."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cvstudio.core.config import (
    BundleConfig,
    EmbedConfig,
    EvaluateConfig,
    ExplainConfig,
    ExplainManyConfig,
    ExportConfig,
    FindRateConfig,
    JobConfig,
    PredictConfig,
    SuggestConfig,
    TryBatchConfig,
    read_config,
)
from cvstudio.core.events import Ended, Outcome, Phase, Started
from cvstudio.core.jobdir import FollowersDir, JobDir, Request
from cvstudio.core.networks import network
from cvstudio.core.recipe import TrainConfig
from cvstudio.ml.environment import prepare
from cvstudio.ml.failures import failed_event, lost_the_others
from cvstudio.ml.weights import weights_path

_OfARun = (
    EvaluateConfig
    | ExplainConfig
    | ExplainManyConfig
    | ExportConfig
    | BundleConfig
    | PredictConfig
    | SuggestConfig
    | EmbedConfig
)
"""Jobs that use a network that is trained already."""


def run_job(path: Path) -> int:
    """Do the job in a directory; 0 when it ended by its own decision, 1 when it failed.

    All that libraries print goes to run.log. The last event in events.jsonl says how it ended.
    """
    # torchrun starts several of these for one run; the first one speaks for all.
    follows = os.environ.get("RANK", "0") != "0"
    job = FollowersDir(path.resolve()) if follows else JobDir(path.resolve())
    config: JobConfig | None = None
    with _output_to(job.log):
        try:
            config = read_config(job.config)
            if (
                isinstance(config, TrainConfig)
                and "," in config.device
                and "RANK" not in os.environ
            ):
                return _lead(job, config)
            ended = _do(job, config)
        except KeyboardInterrupt:
            ended = Ended(outcome=Outcome.CANCELLED)
        except Exception as error:  # noqa: BLE001  # the last door: the user must hear of anything
            return _fail(job, error, goes_on=isinstance(config, TrainConfig))
        job.last_word(ended)
    if not follows:
        _forget(job, ended)
    return 0


def _do(job: JobDir, config: JobConfig) -> Ended:
    if isinstance(config, FindRateConfig | TryBatchConfig):
        weights_path(config.train, network(config.train.network))
    if isinstance(config, TrainConfig) and not job.last.is_file():
        # Before anything large is imported: a missing file is said within a second.
        weights_path(config, network(config.network))
    job.emit(Phase(text="Starting"))
    prepare()
    if isinstance(config, _OfARun):
        _started(job, config)
    match config:
        case TrainConfig():
            from cvstudio.ml.engine.train import run_train

            return run_train(job, config)
        case EvaluateConfig():
            from cvstudio.ml.evaluate import run_evaluate

            return Ended(outcome=run_evaluate(job, config))
        case ExplainConfig():
            from cvstudio.ml.explaining.job import run_explain

            return Ended(outcome=run_explain(job, config))
        case ExplainManyConfig():
            from cvstudio.ml.explaining.many import run_explain_many

            return Ended(outcome=run_explain_many(job, config))
        case ExportConfig():
            from cvstudio.ml.exporting.job import run_export

            return Ended(outcome=run_export(job, config))
        case BundleConfig():
            from cvstudio.ml.exporting.bundle import run_bundle

            return Ended(outcome=run_bundle(job, config))
        case PredictConfig():
            from cvstudio.ml.predicting.job import run_predict

            return Ended(outcome=run_predict(job, config))
        case FindRateConfig():
            from cvstudio.ml.engine.rate_finder import run_find_rate

            return Ended(outcome=run_find_rate(job, config))
        case TryBatchConfig():
            from cvstudio.ml.engine.trial import run_try_batch

            return Ended(outcome=run_try_batch(job, config))
        case SuggestConfig():
            from cvstudio.ml.suggest import run_suggest

            return Ended(outcome=run_suggest(job, config))
        case EmbedConfig():
            from cvstudio.ml.embed import run_embed

            return Ended(outcome=run_embed(job, config))


def _lead(job: JobDir, config: TrainConfig) -> int:
    """A run on several devices: a process for each of them, the first of which tells."""
    prepare()
    from cvstudio.ml.engine.together import devices_of, lead

    return lead(job.path, len(devices_of(config.device)))


def _started(job: JobDir, config: _OfARun) -> None:
    import psutil

    me = psutil.Process()
    job.emit(
        Started(
            job=config.kind, pid=me.pid, process_created=me.create_time(), device=_place(config)
        )
    )


def _place(config: _OfARun) -> str:
    if isinstance(config, BundleConfig) or (
        isinstance(config, SuggestConfig | PredictConfig) and config.file is not None
    ):
        return "processor"  # ONNX Runtime computes there; torch stays out
    from cvstudio.ml.devices import device_of, name_of

    return name_of(device_of(config.device))


def _fail(job: JobDir, error: Exception, *, goes_on: bool) -> int:
    """Tell why the job failed; the traceback goes to run.log."""
    detail = "".join(traceback.format_exception(error))
    event = failed_event(error, detail=detail, goes_on=goes_on)
    if isinstance(job, FollowersDir) and not lost_the_others(error):
        job = JobDir(job.path)  # what went wrong here is news; that the first one ended is not
    # On a full disk both fail: whoever watches finds it full, and says so (run_status).
    with suppress(OSError):
        job.last_word(event)
    with suppress(OSError):
        sys.stderr.write(detail)
    return 1


def _forget(job: JobDir, ended: Ended) -> None:
    """Take away the request that was followed, so that a resumed job does not follow it again."""
    followed = {Outcome.PAUSED: Request.PAUSE, Outcome.FINISHED_EARLY: Request.FINISH}
    request = followed.get(ended.outcome)
    if request is not None and job.asked() is request:
        job.clear_requests()


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Send what this process prints, libraries written in C included, to the end of a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    with log.open("ab") as stream:
        for descriptor, _ in kept:
            os.dup2(stream.fileno(), descriptor)
    python = sys.stdout, sys.stderr
    with (
        open(1, "w", closefd=False, encoding="utf-8", errors="replace", buffering=1) as out,
        open(2, "w", closefd=False, encoding="utf-8", errors="replace", buffering=1) as err,
    ):
        sys.stdout, sys.stderr = out, err
        try:
            yield
        finally:
            sys.stdout, sys.stderr = python
    for descriptor, copy in kept:
        os.dup2(copy, descriptor)
        os.close(copy)

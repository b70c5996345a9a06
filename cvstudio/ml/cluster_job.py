"""The first process of a run on a Ray cluster: it lets Ray Train spread the training over nodes.

It runs where Ray Jobs starts it, on the head node, in the bundle that was sent. What the training
leaves goes through cluster_post.Post, which lives beside it and survives the loss of other nodes.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import ray
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cvstudio.core import events
from cvstudio.core.config import read_config
from cvstudio.core.jobdir import JobDir
from cvstudio.core.recipe import TrainConfig
from cvstudio.core.words import counted
from cvstudio.ml.cluster_post import NAMESPACE, Post, sweep
from cvstudio.ml.cluster_worker import PATIENCE, bundle, train_loop

LOST_MOST = 10
"""How often a group of workers may be lost before the run is given up."""
_ROOM_SECONDS = 60.0
"""How long a run waits for all of its workers' places before it begins with those that are free."""
_GROW_SECONDS = 600.0
"""How often a run with too few workers looks for a place for another one."""


def train(name: str, *, workers: int) -> int:
    """Do the run in the bundle around this module; 0 when its last word was said."""
    ray.init(address="auto", namespace=NAMESPACE)
    folder = Path(ray._private.worker._global_node.get_logs_dir_path()) / "cvstudio"  # type: ignore[attr-defined]
    folder.mkdir(exist_ok=True)
    sweep(folder)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    keeper = ray.remote(Post).options(name=name, num_cpus=0, scheduling_strategy=here)
    post: Any = keeper.remote(str(folder / name))
    gpus = _gpus_of(read_config(JobDir(bundle()).config))
    words = f"Waiting for {counted(workers, 'worker')} of the cluster"
    _tell(post, events.Phase(text=words))
    # Ray Jobs ends a job so; Ray Train gives its places back at once only when it is interrupted,
    # and otherwise keeps them for three minutes.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    _wait_for_room(workers, gpu=gpus)
    try:
        _trainer(name, workers, gpu=gpus).fit()
    except Exception:  # noqa: BLE001  # the last door: the sender must hear of anything
        words = traceback.format_exc()
        _tell(post, events.Failed(cause="killed", text=_given_up(words), detail=words), last=True)
    if not ray.get(post.over.remote()):
        text = "The cluster's workers ended without a last word."
        _tell(post, events.Failed(cause="other", text=text), last=True)
    return 0


def _trainer(name: str, workers: int, *, gpu: bool) -> Any:
    """Ray Train's own loop around ours. Fewer workers go on when a node is lost."""
    scaling: dict[str, Any] = {
        "num_workers": (1, workers) if workers > 1 else workers,
        "use_gpu": gpu,
        "elastic_resize_monitor_interval_s": _GROW_SECONDS,
    }
    return TorchTrainer(
        train_loop,
        train_loop_config={"name": name, "gpu": gpu},
        torch_config=TorchConfig(
            backend="cpu:gloo,cuda:nccl" if gpu else "gloo", timeout_s=int(PATIENCE.total_seconds())
        ),
        scaling_config=ScalingConfig(**scaling),
        run_config=RunConfig(
            name=name,
            # Nothing is kept there: checkpoints go to the post, which needs no shared disk.
            storage_path=str(Path(tempfile.gettempdir()) / "cvstudio-ray-train"),
            failure_config=FailureConfig(max_failures=LOST_MOST),
        ),
    )


def _gpus_of(config: Any) -> bool:
    """Whether the workers get a GPU each."""
    wanted = isinstance(config, TrainConfig) and config.device != "cpu"
    there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return wanted and there.get("GPU", 0) >= 1


def _wait_for_room(workers: int, *, gpu: bool) -> None:
    """Wait until all workers have a place, but not for ever: a cluster may be busy or small."""
    kind, until = "GPU" if gpu else "CPU", time.monotonic() + _ROOM_SECONDS
    while time.monotonic() < until:
        free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
        if free.get(kind, 0) >= workers:
            return
        time.sleep(0.5)


def _given_up(words: str) -> str:
    reason = words.strip().splitlines()[-1]
    return f"The cluster could not go on with the training: {reason}"


def _tell(post: Any, event: events.Event, *, last: bool = False) -> None:
    ray.get(post.tell.remote((events.to_line(event) + "\n").encode(), last=last))

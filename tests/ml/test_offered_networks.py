"""Every decoder that segment offers learns from tiny, odd and many-channelled images, and none is
left with a single one that it cannot learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from training_samples import CLASSES, config_for, events_of, run_directory, written

from cvstudio.core import events
from cvstudio.core.annotation import Review, Split, Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.geometry import Polygon
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import all_networks, network
from cvstudio.core.recipe_rules import check
from cvstudio.core.snapshot import SnapshotAnnotation, SnapshotImage
from cvstudio.ml.engine.own import pieces_of
from cvstudio.ml.environment import prepare
from cvstudio.ml.networks.build import build, head, rows_of
from cvstudio.ml.worker import run_job

prepare()
DECODERS = tuple(sorted({info.architecture for info in all_networks(Task.SEGMENT)}))
BY_THE_STEP = ("deeplabv3", "deeplabv3plus", "pan", "upernet")
SIDES = ((97, 61), (33, 150), (64, 64), (20, 20), (101, 99))
"""Width and height of the images: odd, flat, and smaller than the network sees."""


def images(folder: Path, channels: int) -> list[SnapshotImage]:
    """Five images to learn from and one to judge, each with a bright box of its class."""
    folder.mkdir(parents=True)
    found = []
    for n in range(6):
        width, height = SIDES[n % len(SIDES)]
        values = np.random.default_rng(n).integers(0, 9_000, (height, width, channels))
        values[2:12, 3:15] = 40_000
        path = folder / f"odd-{n}.tif"
        tifffile.imwrite(
            path, values.astype(np.uint16).squeeze(), photometric="minisblack",
            planarconfig="contig" if channels > 1 else None,
        )  # fmt: skip
        box = Polygon.simple(np.array([[3, 2], [15, 2], [15, 12], [3, 12]], float))
        found.append(
            SnapshotImage(
                n + 1, path, 0, width, height, Split.VAL if n == 5 else Split.TRAIN,
                Review.LABELLED, "", (SnapshotAnnotation(n + 1, CLASSES[n % 2].id, box, box.box),),
                window=(0.0, 65535.0), channels=channels, bits=16,
            )
        )  # fmt: skip
    return found


def learned(job: JobDir) -> list[Any]:
    assert run_job(job.path) == 0, job.log.read_text()
    return events_of(job, events.EpochEnded)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_learns_from_odd_images_of_any_channels(
    tmp_path: Path, decoder: str, channels: int
) -> None:
    """The last batch of an epoch would have a single image: four and one."""
    info = network(f"smp:{decoder}/mobilenet_v2")
    job = written(
        tmp_path / "run", Task.SEGMENT, images(tmp_path / "images", channels), network=info.name,
        image_size=info.nearest(64), sees="all", epochs=1, batch=4,
    )  # fmt: skip
    (epoch,) = learned(job)
    assert np.isfinite([epoch.train["loss"], epoch.val["loss"]]).all()


@pytest.mark.slow
def test_a_step_in_several_batches_leaves_no_single_image_to_a_network_that_cannot_learn_from_it(
    tmp_path: Path,
) -> None:
    """Seven images, two times two a step: the last one has three."""
    job = run_directory(
        tmp_path, Task.SEGMENT, network="deeplabv3plus-mobilenet_v2", train=7, val=1, batch=2,
        accumulate=2, epochs=1,
    )  # fmt: skip
    assert learned(job)
    assert events_of(job, events.StepEnded)[-1].steps == 2


@pytest.mark.parametrize(
    ("count", "pieces", "sizes"),
    [(8, 4, [2, 2, 2, 2]), (7, 4, [2, 2, 3]), (3, 2, [3]), (7, 3, [3, 2, 2]), (4, 4, [1, 1, 1, 1]),
     (1, 2, [1]), (16, 1, [16]), (9, 2, [5, 4])],
)  # fmt: skip
def test_the_pieces_of_a_step_hold_all_of_its_images(
    count: int, pieces: int, sizes: list[int]
) -> None:
    cut = pieces_of(count, pieces, single=False)
    assert [len(range(count)[piece]) for piece in cut] == sizes
    assert [place for piece in cut for place in range(count)[piece]] == list(range(count))


def test_where_memory_is_scarce_a_single_image_is_a_piece() -> None:
    assert [p.stop - p.start for p in pieces_of(5, 4, single=True)] == [2, 2, 1]


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_batch_of_one_is_refused_before_the_run_where_the_network_cannot_learn_from_it(
    decoder: str,
) -> None:
    config = config_for(Task.SEGMENT, network=f"smp:{decoder}/mobilenet_v2", batch=1,
                        image_size=128)  # fmt: skip
    if decoder in BY_THE_STEP:
        with pytest.raises(ConfigError, match="cannot learn from one at a time") as refused:
            check(config)
        assert "batch to 2" in refused.value.hint
    else:
        check(config)


def test_a_classifier_that_cannot_learn_from_one_image_says_so_in_words(tmp_path: Path) -> None:
    job = run_directory(
        tmp_path, Task.CLASSIFY, network="resnet18", train=2, val=1, batch=1, epochs=1,
        image_size=32,
    )  # fmt: skip
    assert run_job(job.path) != 0
    (failed,) = events_of(job, events.Failed)
    assert failed.cause == "config"
    assert "at least two images per step: raise the batch to 2" in failed.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["mobilenet_v3_small", "efficientnet_v2_s", "convnext_tiny", "convnext_atto", "efficientnet_b0",
     "mobilenetv4_small", "vit_tiny", "swin_tiny", "maxvit_tiny", "eva02_tiny"],
)  # fmt: skip
def test_the_outputs_for_classes_are_known_of_every_kind_of_classifier(name: str) -> None:
    info = network(name)
    module = build(info, classes=2, image_size=info.image_size)
    rows = rows_of(info, module, classes=2, image_size=info.image_size)
    state = module.state_dict()
    assert [state[name].shape[0] for name in rows] == [2, 2]
    assert {name.rpartition(".")[2] for name in rows} == {"weight", "bias"}
    assert set(rows) <= head(info, module)
    assert all(row.before == 0 for row in rows.values())

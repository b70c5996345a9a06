"""Every bit and channel on its way to a network: the same numbers wherever it is shown them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from deep_samples import QUICK, WINDOW, classified, faint, outlined, stain
from timm.models import adapt_input_conv
from training_samples import CLASSES, config_for

from cvstudio.augment.build import build as build_pipeline
from cvstudio.augment.catalogue import TRANSFORMS, make_step
from cvstudio.augment.fields import Transform
from cvstudio.augment.presets import dump_steps
from cvstudio.augment.unable import runnable
from cvstudio.core.annotation import Task
from cvstudio.core.errors import RunError
from cvstudio.core.networks import network
from cvstudio.core.pipeline import Automatic, Group, GroupKind
from cvstudio.core.recipe import Fit, Sees
from cvstudio.core.snapshot import Snapshot, read_snapshot, write_snapshot
from cvstudio.imaging.decode import read_rgb, read_values
from cvstudio.ml.composing import Composer
from cvstudio.ml.data import JudgedItems, SplitImages, TrainingItems
from cvstudio.ml.frames import unpack_frames
from cvstudio.ml.mixing import Mixer
from cvstudio.ml.networks.build import build, start_from
from cvstudio.ml.networks.channels import for_channels
from cvstudio.ml.preprocess import Preprocessing
from cvstudio.ml.preview import Previews
from cvstudio.ml.seeing import see

ALL = Preprocessing(
    96, Fit.PAD, (0.1, 0.2, 0.3, 0.4, 0.5), (1, 2, 3, 4, 5), Sees.ALL, (0.6, 0.7, 0.8, 0.9, 1.0)
)


def split_of(folder: Path, **settings: object) -> SplitImages:
    images = classified(folder, stain, train=3, val=0)
    split = SplitImages(images, size=96, fit=Fit.PAD, sees=Sees.ALL, channels=5, **settings)  # type: ignore[arg-type]
    split.fill = ALL.fill
    return split


def test_training_judging_preview_and_use_get_the_same_values(tmp_path: Path) -> None:
    split = split_of(tmp_path)
    image = split.images[1]
    wanted, _ = ALL.place(see(image.path, 0, WINDOW, ALL))
    trained, _, _ = TrainingItems(split, classes=[0, 1, 0], augmenter=None, seed=0)[1, 1, 0]
    judged, _, _ = JudgedItems(split, classes=[0, 1, 0])[1, 1, 0]
    assert wanted.dtype == np.float32
    assert np.array_equal(trained, wanted)
    assert np.array_equal(judged, wanted)
    header = {
        "task": "classify", "fit": "pad", "size": 96, "seed": 0, "epochs": [1], "thumbnail": 0,
        "classes": [], "sees": "all", "channels": 5,
        "steps": dump_steps([make_step("flip_vertical", chance=1.0), make_step("hue_saturation")]),
        "image": {"id": 2, "path": str(image.path), "window": list(WINDOW), "annotations": []},
    }  # fmt: skip
    shown = Previews().augment(header).arrays
    assert np.array_equal(shown["original"], read_rgb(image.path, 0, WINDOW))
    assert shown["variant 0"].shape == (96, 96, 3)


def test_padding_is_the_mean_of_the_training_images_in_every_channel() -> None:
    placed, at = ALL.place(np.zeros((10, 20, 5), np.float32))
    assert at.top == 24
    assert placed[0, 0].tolist() == pytest.approx(list(ALL.padding))
    normal = ALL.normalise(placed)
    assert normal.shape == (5, 96, 96)
    assert normal[:, 0, 0].tolist() == pytest.approx([0.5, 0.25, 0.5 / 3, 0.125, 0.1])
    assert Preprocessing.from_json(ALL.to_json()) == ALL


def test_images_kept_in_memory_or_beside_the_run_are_what_the_files_are(tmp_path: Path) -> None:
    split = split_of(tmp_path / "images")
    before = [split.read(index)[0] for index in range(3)]
    assert split.bytes_needed() == sum(array.nbytes for array in before)
    assert unpack_frames([split], tmp_path / "frames", progress=lambda *_: None, all_images=True)
    for image in split.images:
        image.path.unlink()
    for index, array in enumerate(before):
        assert np.array_equal(split.read(index)[0], array)


def test_values_far_from_zero_keep_their_deviation(tmp_path: Path) -> None:
    images = classified(tmp_path, faint, train=4, val=0)
    for image in images:
        values = tifffile.imread(image.path).astype(np.float64) * 1e-4 + 1e4
        tifffile.imwrite(image.path, values)
    split = SplitImages(images, size=64, fit=Fit.PAD, sees=Sees.ALL, channels=1)
    rows = np.concatenate([read_values(i.path, 0, WINDOW).ravel() for i in images])
    mean, deviation = split.statistics()
    assert mean == pytest.approx([rows.astype(np.float64).mean()], rel=1e-9)
    assert deviation == pytest.approx([rows.astype(np.float64).std()], rel=1e-6)


def test_mosaic_pasted_objects_and_mixed_images_keep_every_channel(tmp_path: Path) -> None:
    images = outlined(tmp_path, Task.SEGMENT, train=4, val=0)
    ids = [c.id for c in CLASSES]
    split = SplitImages(images, size=64, fit=Fit.PAD, sees=Sees.ALL, channels=5, class_ids=ids)
    config = config_for(Task.SEGMENT, mosaic=1.0, copy_paste=1.0, plain_epochs=0, epochs=9)
    items = TrainingItems(split, classes=None, augmenter=None, seed=0, composer=Composer(config))
    for number in range(4):
        pixels, labels, _ = items[1, number, 0]
        assert (pixels.shape, pixels.dtype) == ((64, 64, 5), np.float32)
        ground = pixels[..., 1][labels == 0].min()
        for place, channel in ((1, 1), (2, 4)):  # discs, which only these channels show
            inside = pixels[..., channel][labels == place]
            if inside.size:
                assert np.median(inside) == pytest.approx(ground + 50 / 65535, abs=1e-6)
    mixer = Mixer(config_for(Task.CLASSIFY, mixup=1.0), 2)
    batch = torch.rand(4, 8, 8, 5) / 1000
    mixed, _, _ = mixer((batch, torch.tensor([0, 1, 0, 1]), [0, 1, 2, 3]), epoch=1)
    assert mixed.dtype == torch.float32
    assert 0 < float(mixed.std()) < float(batch.std())


def test_a_snapshot_says_what_its_images_measure_and_of_8_bit_colour_nothing(
    tmp_path: Path,
) -> None:
    images = classified(tmp_path, stain, train=2, val=1)
    path = tmp_path / "snapshot.jsonl.gz"
    write_snapshot(path, Snapshot(Task.CLASSIFY, CLASSES, tuple(images)))
    again = read_snapshot(path)
    assert again.channels == 5
    assert [(i.channels, i.bits, i.window) for i in again.images] == [(5, 16, WINDOW)] * 3
    mixed = (*images, *classified(tmp_path / "grey", faint, train=1, val=0))
    with pytest.raises(RunError, match="1 of 1 and 3 of 5"):
        _ = Snapshot(Task.CLASSIFY, CLASSES, mixed).channels


NETWORKS = (
    "resnet18", "mobilenet_v3_small", "efficientnet_v2_s", "convnext_tiny", "vit_b_16",
    "mobilenetv4_small", "vit_tiny", "swin_tiny", "maxvit_tiny", "timm:crossvit_tiny_240",
    "unet-resnet18", "deeplabv3plus-mobilenet_v2", "fpn-efficientnet-b0", "smp:unet/mit_b0",
    "smp:segformer/mit_b0", "fasterrcnn-mobilenet",
)  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("channels", [1, 5])
def test_a_network_of_each_kind_is_built_for_other_channels(name: str, channels: int) -> None:
    torch.set_num_threads(1)
    info = network(name)
    size = info.nearest(64)
    # Untaught weights let so little through that single precision may show nothing of an image.
    kind = torch.float32 if info.family == "torchvision-detection" else torch.float64
    module = build(info, classes=2, image_size=size, channels=channels).eval().to(kind)
    for value in module.parameters():
        if not value.any():  # some heads begin with nothing, and would answer alike to all
            torch.nn.init.normal_(value, std=0.02)
    draw = torch.Generator().manual_seed(1)
    image = torch.rand(1, channels, size, size, generator=draw, dtype=kind)
    with torch.no_grad():
        first, again = module(image), module(image.flip(1) * 0.5)
    if isinstance(first, torch.Tensor):
        assert first.isfinite().all()
        assert not torch.equal(first, again)
    with pytest.raises(RuntimeError), torch.no_grad():
        module(torch.rand(1, channels + 1, size, size, dtype=kind))


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 8])
def test_weights_for_colours_are_spread_over_other_channels_as_timm_does(channels: int) -> None:
    own = {"conv.weight": torch.zeros(6, channels, 3, 3), "other": torch.zeros(6, 3, 3, 3)}
    given = {"conv.weight": torch.rand(6, 3, 3, 3), "other": torch.rand(6, 3, 3, 3)}
    fitted = for_channels(own, given)
    assert torch.allclose(fitted["conv.weight"], adapt_input_conv(channels, given["conv.weight"]))
    assert fitted["other"] is given["other"]


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv4_small", "unet-resnet18"])
def test_all_layers_of_published_weights_are_taken_over(name: str, tmp_path: Path) -> None:
    info = network(name)
    published = build(info, classes=2, image_size=64)
    path = tmp_path / "weights.pt"
    torch.save(published.state_dict(), path)
    module = build(info, classes=2, image_size=64, channels=5)
    assert start_from(info, module, path).share == 1.0


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("record", [t for t in TRANSFORMS if t.deep], ids=lambda t: t.name)
def test_a_step_works_on_any_number_of_channels_and_cuts_off_nothing(
    record: Transform, channels: int
) -> None:
    random = np.random.default_rng(3)
    if channels == 1 and not record.grey:
        assert runnable([make_step(record.name)], channels=1, eight_bit=False)[0] == ()
        return
    deep = random.random((48, 64, channels)).astype(np.float32)
    deep[10:20, 10:20], deep[30:40, 30:40] = 4.0, -3.0
    found = build_pipeline([make_step(record.name, chance=1.0)]).apply(deep, seed=2).rgb
    assert found.dtype == np.float32
    assert found.shape[2] == channels
    assert np.isfinite(found).all()
    if not (record.geometric or record.hides):
        assert found.min() < -1.9
        assert record.unbounded or found.max() > 2.9


def test_what_needs_colour_is_left_out_of_groups_and_automatic_changes_too() -> None:
    hue, blur = make_step("hue_saturation"), make_step("blur")
    group = Group(group=GroupKind.SOME_OF, steps=(hue, blur), count=2)
    only = Group(group=GroupKind.ONE_OF, steps=(hue,))
    items = [blur, hue, group, only, Automatic(count=3)]
    assert runnable(items) == (tuple(items), ())
    kept, reasons = runnable(items, channels=5, eight_bit=False)
    assert kept[0] == blur
    assert kept[1] == group.model_copy(update={"steps": (blur,), "count": 1})
    automatic = kept[2]
    assert isinstance(automatic, Group)
    names = {step.transform for step in automatic.steps}
    assert {"affine", "blur"} <= names
    assert not names & {"hue_saturation", "colour_temperature"}
    assert len(kept) == 3
    assert "Hue and saturation works on 8-bit colour only" in reasons[0]
    build_pipeline(kept).apply(np.full((32, 32, 5), 0.5, np.float32), seed=1)


def test_the_second_look_at_a_batch_sees_the_same_values(tmp_path: Path) -> None:
    from cvstudio.core.jobdir import JobDir
    from cvstudio.ml.engine.own import stepping
    from cvstudio.ml.engine.session import Session

    images = classified(tmp_path, stain, train=4, val=2)
    settings = {**QUICK, "batch": 4, "sees": "all"}
    losses = {}
    for radius in (0.0, 1e-9):  # the climb is nothing: both steps follow the same gradient
        config = config_for(Task.CLASSIFY, sharpness=radius, **settings)
        job = JobDir(tmp_path / f"run-{radius}")
        job.path.mkdir()
        snapshot = Snapshot(Task.CLASSIFY, CLASSES, tuple(images))
        with stepping(Session(job, config, snapshot)) as step:
            losses[radius] = [step(1e-3) for _ in range(3)]
    assert losses[0.0] == pytest.approx(losses[1e-9], rel=1e-3)

from __future__ import annotations

import errno
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from torch import nn
from training_samples import config_for

from cvstudio.core import nvidia
from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.networks import (
    NETWORKS,
    applies,
    check_settings,
    default_config,
    fits,
    network,
    networks_for,
)
from cvstudio.core.recipe import Fit, Layers, Loss, Preset, Start
from cvstudio.core.recipe_rules import check, losses
from cvstudio.core.snapshot import Snapshot
from cvstudio.ml.checkpoint import Checkpoint, write_checkpoint
from cvstudio.ml.data import SplitImages
from cvstudio.ml.devices import device_of, half_precision, half_refused, half_type, unused_card
from cvstudio.ml.engine.losses import ClassifyLoss, SegmentLoss, class_weights
from cvstudio.ml.engine.optimising import (
    average_of,
    climbed,
    optimizer_for,
    parameter_groups,
    set_rates,
)
from cvstudio.ml.engine.rates import Rates
from cvstudio.ml.engine.session import Session
from cvstudio.ml.engine.start import normalisation
from cvstudio.ml.engine.thawing import Thawing, train_mode
from cvstudio.ml.failures import failed_event
from cvstudio.ml.labels import IGNORE
from cvstudio.ml.networks.build import build, head
from cvstudio.ml.preprocess import Preprocessing

PLAIN = config_for(Task.CLASSIFY, label_smoothing=0)
SCENES = config_for(Task.SEGMENT)


def test_every_network_has_its_own_name_and_a_task() -> None:
    assert len({info.name for info in NETWORKS}) == len(NETWORKS)
    assert all(networks_for(task) for task in Task)


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny", "fpn-mobilenet_v2", "yolo26n-seg"])
def test_the_table_tells_the_size_of_a_network_truly(name: str) -> None:
    info = network(name)
    classes = {Task.CLASSIFY: 1000, Task.SEGMENT: 2}.get(info.task, 80)
    module = build(info, classes=classes, image_size=info.image_size)
    count = sum(value.numel() for value in module.parameters()) / 1e6
    assert count == pytest.approx(info.parameters, abs=0.006)


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("preset", list(Preset))
def test_presets_give_small_data_more_epochs_and_smaller_batches(
    task: Task, preset: Preset
) -> None:
    few = default_config(task, preset, image_count=20)
    many = default_config(task, preset, image_count=5000)
    assert few.epochs > many.epochs
    assert few.batch < many.batch
    assert network(few.network).task is task


def test_a_network_of_another_task_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="ResNet-18 is a network for classify"):
        default_config(Task.DETECT, network="resnet18")


def test_rare_classes_weigh_more_and_absent_ones_one() -> None:
    weights = class_weights(np.array([100, 10, 0]), power=1.0)
    assert weights[1] / weights[0] == pytest.approx(10)
    assert weights[2] == 1


def test_class_weights_change_what_an_error_costs() -> None:
    logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    targets = torch.tensor([0, 1])
    plain = ClassifyLoss(PLAIN, None)(logits, targets)
    weighted = ClassifyLoss(PLAIN, torch.tensor([1.0, 5.0]))(logits, targets)
    assert weighted > plain


def test_ignored_pixels_teach_nothing() -> None:
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    targets = torch.randint(0, 3, (2, 8, 8))
    targets[:, :4] = IGNORE
    SegmentLoss(SCENES, None)(logits, targets).backward()
    assert logits.grad is not None
    assert torch.all(logits.grad[:, :, :4] == 0)
    assert torch.any(logits.grad[:, :, 4:] != 0)


def test_a_batch_without_any_labelled_pixel_is_no_accident() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = SegmentLoss(SCENES, None)(logits, torch.full((1, 4, 4), IGNORE))
    loss.backward()
    assert loss.item() == 0


def test_a_perfect_answer_costs_almost_nothing() -> None:
    targets = torch.randint(0, 3, (2, 16, 16))
    logits = nn.functional.one_hot(targets, 3).permute(0, 3, 1, 2).float() * 50
    assert SegmentLoss(SCENES, None)(logits, targets).item() < 0.01


def _shares(**settings: object) -> list[float]:
    rates = Rates(config_for(Task.CLASSIFY, epochs=10, final_rate=0.01, **settings))
    return [rates(at) for at in np.linspace(0, 10, 101)]


def test_the_rate_rises_then_falls_to_its_end() -> None:
    shares = _shares(warmup_epochs=2)
    assert shares[0] < 0.01
    assert shares[20] == pytest.approx(1.0)
    assert all(a >= b for a, b in pairwise(shares[20:]))
    assert shares[-1] == pytest.approx(0.01)


def test_one_cycle_rises_for_a_third_of_the_run() -> None:
    shares = _shares(warmup_epochs=1, schedule="one-cycle")
    assert shares.index(max(shares)) == 30
    assert all(a <= b for a, b in pairwise(shares[:31]))
    assert shares[-1] == pytest.approx(0.01)


def test_warm_restarts_jump_to_the_top_after_stretches_that_double() -> None:
    shares = _shares(warmup_epochs=0, schedule="restarts", restart_epochs=3)
    jumps = [place for place, (a, b) in enumerate(pairwise(shares)) if b > a]
    assert jumps == [29, 89]
    assert shares[30] == shares[90] == pytest.approx(1.0)


def test_on_a_plateau_the_rate_falls_and_is_remembered() -> None:
    config = config_for(
        Task.CLASSIFY, epochs=10, warmup_epochs=0, schedule="plateau", plateau_epochs=2
    )
    rates = Rates(config)
    fallen = [rates.judged(figure) for figure in (0.5, 0.6, 0.6, 0.6, 0.7, None)]
    assert fallen == [False, False, False, True, False, False]
    assert rates(5) == pytest.approx(0.3)
    again = Rates(config)
    again.restore(rates.state())
    assert again(5) == rates(5)
    assert not again.judged(0.6)


def test_a_schedule_without_a_plateau_does_not_look_at_figures() -> None:
    rates = Rates(config_for(Task.CLASSIFY, epochs=10))
    assert not any(rates.judged(0.1) for _ in range(30))


@pytest.mark.parametrize("kind", losses(network("unet-resnet18")))
def test_every_loss_of_segment_teaches_the_truth_and_ignores_what_is_not_labelled(
    kind: Loss,
) -> None:
    criterion = SegmentLoss(config_for(Task.SEGMENT, loss=kind), None)
    torch.manual_seed(0)
    targets = torch.randint(0, 3, (2, 8, 8))
    targets[:, :4] = IGNORE
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    first = criterion(logits, targets)
    first.backward()
    assert logits.grad is not None
    assert torch.all(logits.grad[:, :, :4] == 0)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
    assert loss < first / 3
    known = targets != IGNORE
    assert torch.equal(logits.argmax(dim=1)[known], targets[known])


@pytest.mark.parametrize("kind", losses(network("resnet18")))
@pytest.mark.parametrize("mixed", [False, True])
def test_every_loss_of_classify_teaches_the_truth_also_of_mixed_images(
    kind: Loss, mixed: bool
) -> None:
    criterion = ClassifyLoss(config_for(Task.CLASSIFY, loss=kind, label_smoothing=0), None)
    torch.manual_seed(0)
    targets: torch.Tensor = torch.tensor([0, 2, 1, 1])
    if mixed:
        targets = nn.functional.one_hot(targets, 3) * 0.8 + 0.2 / 3
    logits = torch.randn(4, 3, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    first = criterion(logits, targets)
    for _ in range(100):
        optimizer.zero_grad()
        loss = criterion(logits, targets)
        loss.backward()
        optimizer.step()
    assert loss < first
    assert logits.argmax(dim=1).tolist() == [0, 2, 1, 1]


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    logits, targets = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    weights = torch.tensor([1.0, 2.0, 3.0])
    for smoothing, given in ((0.0, None), (0.1, None), (0.0, weights)):
        config = config_for(Task.CLASSIFY, loss="focal", focus=0, label_smoothing=smoothing)
        wanted = nn.functional.cross_entropy(logits, targets, given, label_smoothing=smoothing)
        assert ClassifyLoss(config, given)(logits, targets) == pytest.approx(float(wanted))


def test_tversky_weighs_a_miss_more_than_a_false_alarm() -> None:
    criterion = SegmentLoss(config_for(Task.SEGMENT, loss="tversky", miss_weight=0.9), None)
    targets = torch.zeros(1, 8, 8, dtype=torch.long)
    targets[:, 2:6, 2:6] = 1

    def answer(rows: slice) -> torch.Tensor:
        found = torch.zeros(1, 8, 8, dtype=torch.long)
        found[:, rows, 2:6] = 1
        return nn.functional.one_hot(found, 2).permute(0, 3, 1, 2) * 20.0

    assert criterion(answer(slice(3, 5)), targets) > criterion(answer(slice(1, 7)), targets)


def test_a_sharpness_aware_step_looks_elsewhere_and_comes_back() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    images = torch.randn(8, 3)
    module(images).square().sum().backward()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    gradient = torch.cat([v.grad.flatten() for v in module.parameters()])
    with climbed(module, 0.05) as moved:
        assert moved
        module(images).square().sum().backward()
        there = torch.cat([v.flatten() for v in module.parameters()])
    here = torch.cat([v.flatten() for v in module.parameters()])
    assert float((there - here).detach().norm()) == pytest.approx(0.05, rel=1e-3)
    after = module.state_dict()
    changed = {n for n in before if not torch.allclose(before[n], after[n], atol=1e-6)}
    assert changed <= {"1.num_batches_tracked"}
    assert not torch.equal(gradient, torch.cat([v.grad.flatten() for v in module.parameters()]))


def test_gradients_that_are_not_numbers_move_nothing() -> None:
    module = nn.Linear(2, 1)
    (module(torch.randn(4, 2)).sum() * float("nan")).backward()
    before = module.weight.detach().clone()
    with climbed(module, 0.05) as moved:
        assert not moved
    assert torch.equal(module.weight, before)


def test_the_average_of_the_weights_forgets_the_random_start_and_then_follows_slowly() -> None:
    module = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    average = average_of(module, 0.9)
    for value in (1.0, *[2.0] * 60):
        with torch.no_grad():
            module[0].weight.fill_(value)
            module[1].running_mean.fill_(value)
        module[1].num_batches_tracked += 1
        average.update_parameters(module)
    kept = average.module
    assert 1.9 < kept[0].weight.item() < 2.0
    assert 1.9 < kept[1].running_mean.item() < 2.0
    assert kept[1].num_batches_tracked == module[1].num_batches_tracked


def test_a_pretrained_backbone_learns_slower_towards_the_input_and_biases_do_not_decay() -> None:
    config = config_for(
        Task.CLASSIFY, network="resnet18", start="pretrained", backbone_rate=0.1, weight_decay=0.05
    )
    info = network("resnet18")
    module = build(info, classes=4, image_size=64)
    groups = parameter_groups(module, head=head(info, module), config=config)
    optimizer = optimizer_for(groups, config, torch.device("cpu"))
    set_rates(optimizer, 1e-3, 1.0)
    rate = {id(v): g["lr"] for g in optimizer.param_groups for v in g["params"]}
    decay = {id(v): g["weight_decay"] for g in optimizer.param_groups for v in g["params"]}
    assert rate[id(module.fc.weight)] == pytest.approx(1e-3)
    assert rate[id(module.layer4[1].conv2.weight)] == pytest.approx(1e-4)
    assert rate[id(module.conv1.weight)] < rate[id(module.layer3[0].conv1.weight)]
    assert decay[id(module.fc.bias)] == decay[id(module.bn1.weight)] == 0
    assert decay[id(module.fc.weight)] == 0.05
    assert len(rate) == len(list(module.parameters()))


def _thawing(**settings: object) -> Thawing:
    info = network("resnet18")
    module = build(info, classes=4, image_size=64)
    config = config_for(Task.CLASSIFY, network="resnet18", start="pretrained", **settings)
    return Thawing(module, head=head(info, module), config=config)


def test_a_frozen_backbone_keeps_its_weights_and_its_running_means() -> None:
    thawing = _thawing(frozen_epochs=1)
    module = thawing.module
    assert thawing.begin(1) == "Training the head"
    train_mode(module)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    module(torch.randn(4, 3, 64, 64)).sum().backward()
    optimizer.step()
    changed = {n for n, v in module.state_dict().items() if not torch.equal(v, before[n])}
    assert changed == {"fc.weight", "fc.bias"}
    assert thawing.begin(2) == "Training the whole network"
    assert all(value.requires_grad for value in module.parameters())


def test_layers_thaw_quarter_by_quarter_from_the_top() -> None:
    thawing = _thawing(frozen_epochs=1, thaw_epochs=2, epochs=20)
    assert [thawing.learning_in(epoch) for epoch in range(1, 11)] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]
    thawing.begin(2)
    learning = {name for name, value in thawing.module.named_parameters() if value.requires_grad}
    assert "layer4.1.conv2.weight" in learning
    assert "conv1.weight" not in learning


@pytest.mark.parametrize(("layers", "most"), [("all", 4), ("last", 1), ("head", 0)])
def test_no_more_layers_learn_than_were_chosen(layers: Layers, most: int) -> None:
    thawing = _thawing(layers=layers, thaw_epochs=1, epochs=20)
    assert max(thawing.learning_in(epoch) for epoch in range(1, 21)) == most


def test_from_scratch_every_layer_learns_whatever_else_is_chosen() -> None:
    info = network("resnet18")
    module = build(info, classes=4, image_size=64)
    config = config_for(Task.CLASSIFY, network="resnet18", layers="head", frozen_epochs=3)
    assert Thawing(module, head=head(info, module), config=config).learning_in(1) == 4


def test_mixed_precision_stays_away_from_processors_unless_bfloat16_is_chosen() -> None:
    cpu = torch.device("cpu")
    assert half_precision(config_for(Task.CLASSIFY), cpu) is None
    assert half_precision(config_for(Task.CLASSIFY, half="float16"), cpu) is None
    chosen = config_for(Task.CLASSIFY, half="bfloat16")
    assert half_precision(chosen, cpu) is torch.bfloat16
    assert half_refused(chosen, torch.bfloat16) == ""
    assert half_precision(chosen.model_copy(update={"mixed_precision": False}), cpu) is None
    assert half_precision(config_for(Task.CLASSIFY), torch.device("mps")) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_mixed_precision_is_used_on_cuda_and_can_be_switched_off() -> None:
    device = torch.device("cuda")
    assert half_precision(config_for(Task.CLASSIFY), device) in (torch.bfloat16, torch.float16)
    assert half_precision(config_for(Task.CLASSIFY, mixed_precision=False), device) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA GPU")
def test_a_gpu_that_is_not_there_is_said_in_words() -> None:
    with pytest.raises(ConfigError, match="This computer has no cuda:3"):
        device_of("cuda:3")


@pytest.mark.parametrize(
    ("major", "half"), [(7, torch.float16), (8, torch.bfloat16), (9, torch.bfloat16)]
)
def test_cards_that_only_emulate_bfloat16_compute_in_float16(
    monkeypatch: pytest.MonkeyPatch, major: int, half: torch.dtype
) -> None:
    asked: list[torch.device] = []

    def capability(device: torch.device) -> tuple[int, int]:
        asked.append(device)
        return major, 5

    monkeypatch.setattr(torch.cuda, "get_device_capability", capability)
    device = torch.device("cuda", 1)
    assert half_type(device) is half
    assert asked == [device]  # the card of the run, not the first one


def test_half_precision_never_sends_ultralytics_to_look_for_a_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ultralytics.engine import trainer
    from ultralytics.utils import checks

    import cvstudio.ml.engine.yolo  # noqa: F401  # switches the comparison off

    def never(*_arguments: object, **_options: object) -> None:
        raise AssertionError("looked for a network")

    monkeypatch.setattr(checks, "check_amp", never)
    assert vars(trainer)["check_amp"](torch.nn.Linear(1, 1)) is True


def test_a_card_that_torch_cannot_use_is_named_with_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = nvidia.Card("RTX 4070", 12 * 2**30, 0, None)
    monkeypatch.setattr(nvidia, "cards", lambda: [card])
    words = unused_card(torch.device("cpu"), "auto")
    assert words.startswith("RTX 4070 is not used")
    assert nvidia.COMMAND in words
    assert unused_card(torch.device("cpu"), "cpu") == ""  # the person chose the processor
    assert unused_card(torch.device("cuda", 0), "auto") == ""
    monkeypatch.setattr(nvidia, "cards", list)
    assert unused_card(torch.device("cpu"), "auto") == ""


def test_a_pretrained_detector_s_backbone_learns_at_its_share_of_the_rate() -> None:
    from cvstudio.ml.engine.yolo import slow_down

    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    weights, biases = ([layer.weight for layer in module], [layer.bias for layer in module])
    optimizer = torch.optim.SGD(
        [
            {"params": weights, "lr": 0.1, "weight_decay": 0.5, "param_group": "weight"},
            {"params": biases, "lr": 0.1, "weight_decay": 0.0, "param_group": "bias"},
        ]
    )
    slow_down(optimizer, heads={id(v) for v in module[1].parameters()}, share=0.1)
    rate = {id(v): g["lr"] for g in optimizer.param_groups for v in g["params"]}
    decay = {id(v): g["weight_decay"] for g in optimizer.param_groups for v in g["params"]}
    assert [rate[id(v)] for v in (*weights, *biases)] == pytest.approx([0.01, 0.1, 0.01, 0.1])
    assert [decay[id(v)] for v in (*weights, *biases)] == [0.5, 0.5, 0, 0]


def test_settings_without_effect_and_crops_that_cannot_be_judged_are_refused() -> None:
    yolo, vit, unet = network("yolo11n"), network("vit_tiny"), network("unet-resnet18")
    assert not applies("label_smoothing", yolo)
    assert applies("label_smoothing", unet)
    assert applies("frozen_epochs", yolo)
    assert [Fit.CROP in fits(info) for info in (yolo, vit, unet)] == [True, False, True]
    with pytest.raises(ConfigError, match=r'"Label smoothing" .* has no effect on YOLO11 nano'):
        check_settings(yolo, ["epochs", "label_smoothing"])
    with pytest.raises(ConfigError, match="cannot be trained on crops"):
        check(config_for(Task.CLASSIFY, network="vit_tiny", fit="crop"))
    check(config_for(Task.SEGMENT, fit="crop"))
    with pytest.raises(ConfigError, match="cannot learn by the loss “dice”"):
        check(config_for(Task.CLASSIFY, loss="dice"))


def test_a_checkpoint_chosen_as_a_file_brings_its_normalisation(tmp_path: Path) -> None:
    config = config_for(Task.CLASSIFY, network="resnet18")
    info = network("resnet18")
    module = build(info, classes=2, image_size=64)
    file = tmp_path / "best.pt"
    own = Preprocessing(64, Fit.PAD, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    write_checkpoint(file, Checkpoint(config, (), own, module.state_dict(), epoch=1))
    plain = tmp_path / "plain.pt"
    torch.save(module.state_dict(), plain)
    images = SplitImages([], size=64, fit=Fit.PAD)
    for path, mean in ((file, (0.1, 0.2, 0.3)), (plain, info.mean)):
        chosen = config.model_copy(update={"start": Start.FILE, "weights_file": path})
        session = Session(JobDir(tmp_path), chosen, Snapshot(Task.CLASSIFY, (), ()))
        assert normalisation(session, images).mean == mean


def test_an_unknown_error_is_told_without_names_of_classes_and_a_file_by_its_name() -> None:
    unknown = failed_event(KeyError("x"), detail="KeyError: 'x'")
    assert "KeyError" not in unknown.text
    assert unknown.detail == "KeyError: 'x'"
    refused = failed_event(PermissionError(13, "Permission denied", "a.png"), detail="")
    assert refused.text == "a.png may not be read or written by you."


def test_a_full_disk_tells_to_continue_only_what_can_be_continued() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert failed_event(full, detail="").text.endswith("then continue the run.")
    assert failed_event(full, detail="", goes_on=False).text.endswith("then start again.")


def test_a_smaller_batch_after_memory_ran_out_is_said_with_what_a_step_still_learns_from() -> None:
    from cvstudio.ml.engine.yolo import _epoch_started

    told: list[str] = []
    trainer = mock.Mock(epoch=0, batch_size=4, _oom_retries=1)
    trainer.session.config.batch = 16
    trainer.session.note = lambda text, *, warning: told.append(text)
    _epoch_started(trainer)
    assert told == [
        "The memory did not hold a batch of 16: it goes through the network 4 images at a time, and"
        " every step still learns from all of it."
    ]

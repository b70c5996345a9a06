"""Each method of explaining is that of its paper: by hand on small networks, and by what holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from judge_samples import CLASSES, network_of
from torch import nn

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.explaining import METHODS, methods_for
from cvstudio.core.geometry import Box
from cvstudio.core.recipe import Fit
from cvstudio.ml.explaining import by_class, combining, rollout
from cvstudio.ml.explaining.explain import explain, offered
from cvstudio.ml.explaining.heat import to_image
from cvstudio.ml.explaining.tracing import readable
from cvstudio.ml.load import LoadedNetwork
from cvstudio.ml.preprocess import Preprocessing


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


# A map of two channels on 2 x 2 places, and the gradient of a class by it.
ACTIVATIONS = torch.tensor([[[[1.0, 2.0], [0.0, 4.0]], [[3.0, 0.0], [1.0, 1.0]]]])
GRADIENT = torch.tensor([[[[1.0, -1.0], [2.0, 2.0]], [[-2.0, 0.0], [0.0, -2.0]]]])


def test_grad_cam_weighs_each_channel_by_its_mean_gradient() -> None:
    # Means: 4 / 4 = 1 and -4 / 4 = -1. Sum: [[1 - 3, 2 - 0], [0 - 1, 4 - 1]], cut at 0.
    found = combining.grad_cam(ACTIVATIONS, GRADIENT)
    assert found.tolist() == [[0.0, 2.0], [0.0, 3.0]]


def test_hires_cam_multiplies_place_by_place() -> None:
    # [[1 - 6, -2 + 0], [0 + 0, 8 - 2]], cut at 0.
    assert combining.hires_cam(ACTIVATIONS, GRADIENT).tolist() == [[0.0, 0.0], [0.0, 6.0]]


def test_layer_cam_keeps_positive_gradients_only() -> None:
    # First channel: [[1, 0], [0, 8]]; the second has no positive gradient.
    assert combining.layer_cam(ACTIVATIONS, GRADIENT).tolist() == [[1.0, 0.0], [0.0, 8.0]]


def test_grad_cam_plus_plus_weighs_each_place_as_its_paper_has_it() -> None:
    # First channel, sum of activations 7: shares g² / (2 g² + 7 g³) are 1/9, 1/-5, 4/64, 4/64;
    # with positive gradients 1, 0, 2, 2 the weight is 1/9 + 2/16 + 2/16. The second one's is 0.
    weight = 1 / 9 + 1 / 4
    found = combining.grad_cam_plus_plus(ACTIVATIONS, GRADIENT)
    assert torch.allclose(found, weight * ACTIVATIONS[0, 0])


def test_grad_cam_plus_plus_survives_a_gradient_that_is_0_everywhere() -> None:
    found = combining.grad_cam_plus_plus(ACTIVATIONS, torch.zeros_like(GRADIENT))
    assert not found.any()
    assert found.isfinite().all()


def test_eigen_cam_is_the_first_principal_direction_with_its_sign_settled() -> None:
    # One pattern in both channels, 2 and 1 times as strong: along (2, 1) / sqrt(5) it is sqrt(5) as
    # strong.
    pattern = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
    maps = torch.stack([2 * pattern, pattern])[None]
    assert torch.allclose(combining.eigen_cam(maps, maps), 5**0.5 * pattern, atol=1e-5)


@pytest.mark.parametrize("channels", [3, 40])
def test_eigen_cam_never_hides_what_is_there_for_activations_that_are_not_negative(
    channels: int,
) -> None:
    maps = torch.rand((1, channels, 4, 5), generator=torch.Generator().manual_seed(channels))
    rows = maps[0].reshape(channels, 20).T
    first = torch.linalg.svd(rows, full_matrices=False)
    wanted = (first.U[:, 0] * first.S[0]).abs().reshape(4, 5)
    found = combining.eigen_cam(maps, maps)
    assert torch.allclose(found, wanted, atol=1e-4)
    assert (found > 0).all()


class Pooled(nn.Module):
    """A convolution, the mean over places, and one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(3, 5, 4, stride=4)
        self.head = nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.maps(x).mean(dim=(2, 3)))


def loaded(module: nn.Module, size: int = 32) -> LoadedNetwork:
    known = network_of(Task.CLASSIFY, "resnet18", size=size)
    how = Preprocessing(size, Fit.STRETCH, (0.5,) * 3, (0.25,) * 3)
    return LoadedNetwork(known.config, CLASSES, how, module.eval(), torch.device("cpu"))


@pytest.fixture(scope="module")
def pooled() -> LoadedNetwork:
    torch.manual_seed(3)
    return loaded(Pooled())


RGB = np.random.default_rng(5).integers(0, 256, (32, 32, 3)).astype(np.uint8)


def test_grad_cam_by_name_is_the_closed_form_of_a_pooled_network(pooled: LoadedNetwork) -> None:
    # Behind the mean over 64 places the gradient of a class is its row of weights / 64 everywhere,
    # so the map is the class activation map (Zhou 2016).
    module: Any = pooled.module
    tensor, placement = pooled.prepare(RGB)
    with torch.no_grad():
        maps = module.maps(tensor)
        wanted = (module.head.weight[1][None, :, None, None] * maps).sum(1)[0].clamp(min=0)
    found = explain(pooled, RGB, class_id=CLASSES[1].id, method="gradcam")
    assert wanted.any()
    assert np.allclose(found.heat, to_image([wanted.numpy()], placement), atol=1e-5)
    assert found.layer == "last map, 8 × 8"


def test_hires_cam_equals_grad_cam_behind_a_mean_and_one_linear_layer(
    pooled: LoadedNetwork,
) -> None:
    maps = [
        explain(pooled, RGB, class_id=7, method=method).heat for method in ("gradcam", "hirescam")
    ]
    assert np.allclose(*maps, atol=1e-5)
    others = explain(pooled, RGB, class_id=7, method="layercam").heat
    assert not np.allclose(maps[0], others, atol=0.05)


def test_rollout_multiplies_attention_half_of_which_is_the_token_itself() -> None:
    first = torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])  # two heads
    second = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    # Means with the token itself: [[.75, .25], [.25, .75]] and [[.5, .5], [.5, .5]].
    found = rollout.rolled_out([first, second])
    assert torch.allclose(found, torch.full((2, 2), 0.5))
    alone = rollout.rolled_out([first])
    assert torch.allclose(alone, torch.tensor([[0.75, 0.25], [0.25, 0.75]]))


@pytest.mark.parametrize("name", ["vit_tiny", "torchvision:vit_b_16"])
def test_the_rows_of_a_transformers_rollout_sum_to_1_and_its_attention_is_left_as_it_was(
    name: str,
) -> None:
    if name == "vit_tiny":
        network = network_of(Task.CLASSIFY, name, size=64)
    else:
        from torchvision.models import VisionTransformer

        torch.manual_seed(0)
        network = loaded(
            VisionTransformer(
                image_size=64, patch_size=16, num_layers=3, num_heads=2, hidden_dim=16,
                mlp_dim=32, num_classes=2,
            ),
            64,
        )  # fmt: skip
    module: Any = network.module
    tensor, _ = network.prepare(RGB)
    with torch.no_grad():
        before = network.raw(tensor)[0]
    tokens = by_class.tokens_of(module, tensor)
    assert tokens is not None
    with readable(module), torch.no_grad():
        answer, attentions = rollout.attentions_of(lambda: network.raw(tensor)[0], tokens)
    assert torch.allclose(answer, before, atol=1e-4)
    assert len(attentions) == len(tokens.blocks)
    assert all(torch.allclose(a.sum(-1), torch.ones(17), atol=1e-4) for a in attentions)
    through = rollout.rolled_out(attentions)
    assert torch.allclose(through.sum(-1), torch.ones(17), atol=1e-4)
    found = explain(network, RGB, method="rollout")
    assert found.heat.shape == (32, 32)
    assert found.tokens
    assert "every class" in found.note
    if name == "vit_tiny":
        assert all(block.attn.fused_attn for block in module.blocks)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    with torch.no_grad():
        assert torch.equal(network.raw(tensor)[0], before)


def test_rollout_shows_the_patch_that_all_attention_goes_to() -> None:
    network = network_of(Task.CLASSIFY, "vit_tiny", size=64)
    tensor, _ = network.prepare(RGB)
    tokens = by_class.tokens_of(network.module, tensor)
    assert tokens is not None
    to_one = torch.zeros(1, 17, 17)
    to_one[:, :, 1 + 6] = 1.0  # row 1, column 2 of the 4 x 4 patches
    found = rollout.rollout_map(rollout.rolled_out([to_one, to_one]), tokens)
    assert found.argmax().item() == 6
    assert found.flatten().sort().values[-2] == 0


def test_only_what_a_network_can_be_asked_is_offered() -> None:
    keys = {m.key for m in METHODS}
    assert {m.key for m in methods_for(Task.CLASSIFY, tokens=True)} == keys
    assert {m.key for m in methods_for(Task.CLASSIFY, tokens=False)} == keys - {"rollout"}
    assert {m.key for m in methods_for(Task.DETECT, tokens=True)} == keys - {"rollout"}
    assert [m.key for m in methods_for(Task.SEGMENT, tokens=False, file=True)] == ["occlusion"]
    network = network_of(Task.CLASSIFY, "resnet18", size=64)
    assert not offered(network, RGB)[1]
    with pytest.raises(ConfigError, match="transformer of plain tokens"):
        explain(network, RGB, method="rollout")
    with pytest.raises(ConfigError, match="no method"):
        explain(network, RGB, method="guesswork")


def test_layers_are_offered_in_words_from_the_last_to_the_first() -> None:
    network = network_of(Task.CLASSIFY, "resnet18", size=96)
    layers, _ = offered(network, RGB)
    assert [layer.words for layer in layers] == [
        "last map, 3 × 3", "before it, 6 × 6", "third from the end, 12 × 12",
        "fourth from the end, 24 × 24", "fifth from the end, 48 × 48",
    ]  # fmt: skip
    second = explain(network, RGB, class_id=7, method="gradcam", layer="2")
    assert second.layer == "before it, 6 × 6"
    last = explain(network, RGB, class_id=7, method="gradcam")
    assert last.layer == "last map, 3 × 3"
    assert not np.allclose(second.heat, last.heat, atol=0.1)
    assert explain(network, RGB, class_id=7, layer="all").layer == "5 maps together"
    with pytest.raises(ConfigError, match="no map 9"):
        explain(network, RGB, layer="9")


@pytest.mark.parametrize(
    ("task", "name"),
    [(Task.SEGMENT, "unet-resnet18"), (Task.DETECT, "yolo11n"), (Task.INSTANCE, "yolo11n-seg")],
)
@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "hirescam", "layercam", "eigencam"])
def test_every_method_answers_for_regions_and_objects_and_leaves_the_network_alone(
    task: Task, name: str, method: str
) -> None:
    network = network_of(task, name, size=64)
    before = {key: value.clone() for key, value in network.module.state_dict().items()}
    found = explain(network, RGB, class_id=7, box=Box(4, 4, 16, 16), method=method)
    assert found.heat.shape == (32, 32)
    assert np.isfinite(found.heat).all()
    assert found.heat.max() in (0, 1)
    assert len(found.layers) >= 3
    assert all(torch.equal(v, before[k]) for k, v in network.module.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.module.modules())


def test_a_map_that_does_not_lead_to_the_object_says_so() -> None:
    network = network_of(Task.DETECT, "yolo11n", size=96)
    box = Box(2, 2, 28, 28)
    every = explain(network, RGB, class_id=7, box=box, method="hirescam")
    layers = [
        explain(network, RGB, class_id=7, box=box, method="layercam", layer=layer.key)
        for layer in every.layers
    ]
    empty = [one for one in layers if not one.heat.any()]
    assert len(layers) == 3
    assert all("does not lead to the object" in one.note for one in empty)
    assert all(not one.note for one in layers if one.heat.any())

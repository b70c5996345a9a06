"""The catalogue of networks: it agrees with the installed libraries, and is read without them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ConfigError
from cvstudio.core.networks import all_networks, default_config, fits, network, networks_for
from cvstudio.core.recipe import Fit
from cvstudio.core.recipe_rules import check
from cvstudio.core.resources import resources
from cvstudio.project.estimate import memory_of

TIMM = ("resnet26", "convnextv2_nano", "eva02_tiny_patch14_224", "maxvit_nano_rw_256", "levit_128")


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    path = Path(__file__).parents[2] / "packaging" / "network_catalogue.py"
    spec = importlib.util.spec_from_file_location("network_catalogue_writer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FIRST_OFFERED = {
    Task.CLASSIFY: ("ResNet", "EfficientNetV2", "ConvNeXt", "ViT", "Swin", "MaxViT", "EVA-02"),
    Task.SEGMENT: ("U-Net", "FPN", "DeepLabV3+"),
    Task.DETECT: ("YOLO", "RT-DETR", "Faster R-CNN"),
    Task.INSTANCE: ("YOLO", "Mask R-CNN"),
}


@pytest.mark.parametrize("task", FIRST_OFFERED)
def test_a_network_of_each_proven_family_is_offered_before_one_searches(task: Task) -> None:
    titles = [info.title for info in networks_for(task)]
    for family in FIRST_OFFERED[task]:
        assert any(title.startswith(family) for title in titles), f"{family}: {titles}"


def kept(name: str) -> dict[str, dict[str, object]]:
    content: dict[str, dict[str, object]] = json.loads(
        (resources() / "networks" / f"{name}.json").read_text()
    )
    return content


def test_every_network_of_the_installed_timm_is_in_the_catalogue_or_left_out_with_a_reason() -> (
    None
):
    import timm

    content = kept("timm")
    assert content["timm"] == timm.__version__, "run packaging/network_catalogue.py again"
    assert {*content["networks"], *content["left_out"]} == set(timm.list_models())
    assert all(content["left_out"].values())


@pytest.mark.parametrize("name", TIMM)
def test_what_the_catalogue_says_of_a_network_is_so(writer: ModuleType, name: str) -> None:
    networks, left_out = writer.catalogue([name])
    assert not left_out
    assert networks[name] == kept("timm")["networks"][name]


def test_what_the_catalogue_says_of_segmenters_is_so(writer: ModuleType) -> None:
    import segmentation_models_pytorch as smp

    content = kept("smp")
    assert content["smp"] == smp.__version__
    assert set(content["encoders"]) == set(smp.encoders.get_encoder_names())
    assert {*content["decoders"], *content["left_out"]} == set(smp.MODEL_ARCHITECTURES_MAPPING)
    row = writer.decoder_row("unetplusplus", ["resnet34", "mit_b0"])
    parameters = content["decoders"]["unetplusplus"]["parameters"]  # type: ignore[index]
    assert row["parameters"] == {"resnet34": parameters["resnet34"]}
    assert list(row["without"]) == ["mit_b0"]


def test_choosing_among_all_networks_needs_none_of_the_libraries() -> None:
    code = (
        "import sys; from cvstudio.core.networks import all_networks; "
        "from cvstudio.core.annotation import Task\n"
        "counts = [len(all_networks(task)) for task in Task]\n"
        "assert min(counts) > 5 and max(counts) > 1300, counts\n"
        "sys.exit(7 if {'torch', 'timm', 'segmentation_models_pytorch'} & set(sys.modules) else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_accuracies_are_those_of_the_weights_that_a_run_starts_from() -> None:
    from torchvision.models import get_model_weights

    for info in networks_for(Task.CLASSIFY):
        assert info.accuracy is not None or info.name == "mobilenetv4_small", info.name
        if info.family == "torchvision":
            assert info.weights is not None
            (entry,) = [
                w for w in get_model_weights(info.architecture)
                if w.url.endswith(info.weights.filename)
            ]  # fmt: skip
            measured = entry.meta["_metrics"]["ImageNet-1K"]["acc@1"]
            assert info.accuracy == pytest.approx(measured, abs=0.01), info.name
    listed = kept("imagenet")["top1"]
    networks = kept("timm")["networks"]
    for full in listed:
        name, _, tag = full.partition(".")
        assert tag in [entry[0] for entry in networks[name]["weights"]], full  # type: ignore[index]
    assert network("timm:resnet50.tv_in1k").accuracy == 76.13
    assert network("timm:test_vit").accuracy is None


def test_a_network_is_called_by_its_library_and_tag_and_a_wrong_name_is_refused() -> None:
    info = network("timm:convnextv2_nano")
    assert (info.family, info.architecture, info.task) == ("timm", info.name[5:], Task.CLASSIFY)
    tagged = network("timm:convnextv2_nano.fcmae")
    assert tagged.weights is not None
    assert tagged.weights.filename == "convnextv2_nano.fcmae.safetensors"
    for wrong in ("timm:resnet5000", "timm:resnet50.nobody", "smp:unet", "smp:unetplusplus/mit_b0"):
        with pytest.raises(ConfigError, match="no network called"):
            network(wrong)


def test_sizes_that_a_network_cannot_see_are_refused_with_the_nearest_that_it_can() -> None:
    name = "timm:eva02_small_patch14_336"
    config = default_config(Task.CLASSIFY, network=name)
    assert config.image_size % 224 == 0
    check(config)
    with pytest.raises(ConfigError) as caught:
        check(config.model_copy(update={"image_size": 256}))
    assert caught.value.hint is not None
    assert "224" in caught.value.hint
    small = default_config(Task.SEGMENT, network="smp:pan/resnet34", image_size=64)
    with pytest.raises(ConfigError, match="64 pixels"):
        check(small)


def test_what_pools_to_a_few_places_is_not_trained_on_crops() -> None:
    assert Fit.CROP not in fits(network("smp:upernet/resnet34"))
    assert Fit.CROP in fits(network("smp:unetplusplus/resnet34"))
    assert Fit.CROP not in fits(network("fasterrcnn-mobilenet"))


def test_memory_grows_with_what_a_network_keeps_of_an_image() -> None:
    small, large = network("timm:convnextv2_nano"), network("timm:convnextv2_large")
    one = memory_of(small, image_size=224, batch=32)
    assert memory_of(large, image_size=224, batch=32) > 3 * one
    assert memory_of(small, image_size=448, batch=32) > 3 * one - 2**31
    assert len(all_networks(Task.CLASSIFY)) > 1300


def test_the_nearest_size_that_is_advised_is_one_that_the_network_takes() -> None:
    for info in (*all_networks(Task.CLASSIFY), *all_networks(Task.SEGMENT)):
        for size in (32, 64, 100, 640, 4096):
            assert info.takes(info.nearest(size)), info.name

"""The smart tool's networks: which file is which, right answers, nothing looked at twice."""

from __future__ import annotations

import io
import os
import pickle
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from live_child import Live, live_child
from numpy.typing import NDArray
from smart_weights import save_mobile_sam, save_sam2_tiny

from cvstudio.core.errors import RunError, UntrustedFile
from cvstudio.core.geometry import Box
from cvstudio.core.opencv import cv2
from cvstudio.core.wire import Message, write_message
from cvstudio.imaging.display import Display
from cvstudio.imaging.regions import smart_view
from cvstudio.imaging.regions.view import Place, Sight
from cvstudio.imaging.tiles import Pyramid
from cvstudio.ml import sam
from cvstudio.ml.embeddings import Embeddings
from cvstudio.ml.environment import quiet_ultralytics
from cvstudio.ml.live import _Inbox, _Worker
from cvstudio.ml.sam import FAMILIES, GaveWay, Prompts, SmartNetwork, recognise
from cvstudio.ml.smart import Smart

PROMPTS = (
    Prompts(((200, 400, True),)),
    Prompts((), Box(100, 300, 150, 200)),
    Prompts(((200, 400, True), (50, 100, False)), Box(100, 300, 150, 200)),
    Prompts(((200, 400, True), (50, 100, False), (60.5, 90.25, True))),
)


def picture(height: int = 533, width: int = 300, seed: int = 0) -> NDArray[np.uint8]:
    """Soft spots of all colours."""
    noise = np.random.default_rng(seed).integers(0, 256, (9, 5, 3), np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture(scope="module")
def mobile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_mobile_sam(tmp_path_factory.mktemp("weights") / "mobile_sam.pt")


@pytest.fixture(scope="module")
def mobile(mobile_file: Path) -> SmartNetwork:
    return SmartNetwork(mobile_file)


# -- which file is which


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.build)
def test_every_published_size_is_known_by_its_weights(family: Any) -> None:
    quiet_ultralytics()
    from ultralytics.models.sam import build

    # The largest are made without their numbers; the others read some while they are made.
    with torch.device("meta" if "vit" in family.build else "cpu"):
        weights = dict(getattr(build, family.build)().state_dict())
    assert recognise(weights, "any name.pt") == (family, family.title)
    if family.second:
        newer = {**weights, "no_obj_embed_spatial": torch.zeros(1, 64)}
        assert recognise(newer, "x")[1] == family.title.replace("SAM 2", "SAM 2.1")


def test_a_file_of_another_network_is_refused_in_words(mobile_file: Path, tmp_path: Path) -> None:
    weights = torch.load(mobile_file, weights_only=True)
    other = tmp_path / "resnet.pt"
    torch.save({"conv1.weight": torch.zeros(3)}, other)
    with pytest.raises(RunError, match=r"resnet\.pt cannot be used .* not named as those of SAM"):
        SmartNetwork(other)
    thin = {name: value for name, value in weights.items() if "patch_embed" not in name}
    torch.save(thin, other)
    with pytest.raises(RunError, match="its size is none of those"):
        SmartNetwork(other)
    torch.save({**weights, "mask_decoder.hf_token.weight": torch.zeros(1, 256)}, other)
    with pytest.raises(RunError, match=r"looks like MobileSAM .* besides mask_decoder\.hf_token"):
        SmartNetwork(other)
    del weights["mask_decoder.iou_token.weight"]
    torch.save(weights, other)
    with pytest.raises(RunError, match=r"has not mask_decoder\.iou_token\.weight"):
        SmartNetwork(other)
    torch.save([1, 2], other)
    with pytest.raises(RunError, match="holds no weights by name"):
        SmartNetwork(other)
    other.write_bytes(b"no weights at all")
    with pytest.raises(RunError, match=r"resnet\.pt is damaged"):
        SmartNetwork(other)


class Bomb:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def test_a_file_that_would_run_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    file, trace = tmp_path / "mobile_sam.pt", tmp_path / "it ran"
    torch.save({"image_encoder.pos_embed": Bomb(trace)}, file)
    with pytest.raises(UntrustedFile, match="could run any program"):
        SmartNetwork(file)
    file.write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises((UntrustedFile, RunError)):
        SmartNetwork(file)
    assert not trace.exists()


# -- right answers


def same_as_ultralytics(network: SmartNetwork, kind: str) -> None:
    """The masks of every prompt are those of the library's own predictor on the same file."""
    from ultralytics.models.sam import predict

    rgb = picture()
    found = network.embed(rgb)
    own: Any = getattr(predict, kind)(
        overrides={
            "model": str(network.path), "imgsz": 1024, "save": False, "conf": 0.0, "verbose": False,
        }
    )  # fmt: skip
    own.set_image(np.ascontiguousarray(rgb[:, :, ::-1]))
    for prompts in PROMPTS:
        answer = network.answer(found, (533, 300), prompts)
        box = prompts.box
        (expected,) = own(
            points=[[[x, y] for x, y, _ in prompts.points]] if prompts.points else None,
            labels=[[int(kept) for *_, kept in prompts.points]] if prompts.points else None,
            bboxes=[[box.x, box.y, box.right, box.bottom]] if box else None,
            multimask_output=prompts.ambiguous,
        )
        order = torch.argsort(expected.boxes.conf, descending=True)
        assert len(order) == (3 if prompts.ambiguous else 1)
        assert np.array_equal(answer.masks, expected.masks.data[order].numpy())
        assert 0.02 < answer.masks.mean() < 0.98


def test_masks_are_those_of_the_librarys_own_predictor(mobile: SmartNetwork) -> None:
    same_as_ultralytics(mobile, "Predictor")


@pytest.mark.slow
def test_masks_of_sam_2_are_those_of_the_librarys_own_predictor(tmp_path: Path) -> None:
    network = SmartNetwork(save_sam2_tiny(tmp_path / "sam2.1_t.pt"))
    assert network.title == "SAM 2.1 tiny"
    same_as_ultralytics(network, "SAM2Predictor")


def test_every_part_of_a_prompt_and_the_colours_count(mobile: SmartNetwork) -> None:
    rgb = picture()
    found = mobile.embed(rgb)

    def masks(prompts: Prompts) -> NDArray[np.bool_]:
        return mobile.answer(found, (533, 300), prompts).masks[0]

    seen = [masks(Prompts(((40, 400, inside), (250, 80, True)))) for inside in (True, False)]
    seen += [masks(Prompts(((400 * 300 / 533, 40, True), (250, 80, True))))]
    seen += [masks(Prompts((), Box(10, 300, side, 200))) for side in (60, 250)]
    for place, one in enumerate(seen):
        assert not any(np.array_equal(one, other) for other in seen[place + 1 :])
    turned = mobile.embed(np.ascontiguousarray(rgb[:, :, ::-1]))
    assert not torch.allclose(found["image"], turned["image"], atol=1e-2)


def test_more_prompts_are_answered_by_one_mask_and_the_others_on_demand(
    mobile: SmartNetwork,
) -> None:
    found, size = mobile.embed(picture()), (533, 300)
    for prompts in PROMPTS[1:]:
        one = mobile.answer(found, size, prompts)
        many = mobile.answer(found, size, prompts, others=True)
        assert (len(one.masks), len(many.masks)) == (1, 4)
        assert np.array_equal(one.masks[0], many.masks[0])
    scores = mobile.answer(found, size, PROMPTS[0]).scores
    assert len(scores) == 3
    assert list(scores) == sorted(scores, reverse=True)


def test_looking_tells_how_far_it_is_and_can_be_ended(
    mobile: SmartNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sam, "_TELL_EVERY", 0.0)  # however fast this machine is
    told: list[float] = []
    mobile.embed(picture(), progress=told.append)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] <= 1
    again: list[float] = []
    with pytest.raises(GaveWay):
        mobile.embed(picture(), progress=again.append, give_way=lambda: len(again) > 8)
    assert len(again) == 9
    assert mobile.embed(picture())["image"].shape == (1, 256, 64, 64)


# -- nothing is looked at twice


class Looks:
    """Counts how often the encoder of a Smart has run."""

    def __init__(self, smart: Smart) -> None:
        self.count = 0
        assert smart._network
        encoder = smart._network[1]._predictor.model.image_encoder
        encoder.register_forward_hook(self._add)

    def _add(self, *_values: Any) -> None:
        self.count += 1


def look(smart: Smart, file: Path, rgb: NDArray[Any], cache: Path | None = None) -> Message:
    header = {"network": str(file), "key": smart_view.key_of(rgb), "cache": cache and str(cache)}
    return smart.look(
        Message(header, {"rgb": rgb}), tell=lambda share: None, give_way=lambda: False
    )


def ask(smart: Smart, file: Path, rgb: NDArray[Any], x: float = 20) -> Message:
    return smart.prompt(
        Message({
            "network": str(file), "key": smart_view.key_of(rgb), "size": rgb.shape[:2],
            "points": [[x, 30, True]], "box": None, "others": False,
        })
    )  # fmt: skip


def test_a_second_prompt_does_not_look_at_the_picture_again(mobile_file: Path) -> None:
    smart, rgb = Smart(), picture(90, 123)
    assert smart.network(Message({"network": str(mobile_file)})).header["title"] == "MobileSAM"
    looks = Looks(smart)
    assert ask(smart, mobile_file, rgb).header == {"missing": True}
    assert not look(smart, mobile_file, rgb).header["seen"]
    first, second = ask(smart, mobile_file, rgb), ask(smart, mobile_file, rgb, x=100)
    assert look(smart, mobile_file, rgb).header["seen"]
    assert looks.count == 1
    assert not np.array_equal(first.arrays["masks"], second.arrays["masks"])
    masks = np.unpackbits(first.arrays["masks"], axis=2, count=123).astype(bool)
    network = smart._network[1]  # type: ignore[index]
    expected = network.answer(network.embed(rgb), (90, 123), Prompts(((20, 30, True),)))
    assert np.array_equal(masks, expected.masks)
    with pytest.raises(RunError, match="nothing to look for"):
        smart.prompt(
            Message({
                "network": str(mobile_file), "key": smart_view.key_of(rgb), "size": [90, 123],
                "points": [], "box": None, "others": False,
            })
        )  # fmt: skip


def test_another_day_the_projects_cache_knows_the_picture(
    mobile_file: Path, tmp_path: Path
) -> None:
    cache, rgb = tmp_path / "cache", picture(90, 123)
    first = Smart()
    look(first, mobile_file, rgb, cache)
    (file,) = cache.iterdir()
    assert file.stat().st_size < 2.2e6  # 16 bits a number
    next_day = Smart()
    next_day.network(Message({"network": str(mobile_file)}))
    looks = Looks(next_day)
    assert look(next_day, mobile_file, rgb, cache).header["seen"]
    assert looks.count == 0
    a, b = (ask(smart, mobile_file, rgb).arrays["masks"] for smart in (first, next_day))
    a, b = (np.unpackbits(m, axis=2, count=123) for m in (a, b))
    assert (a == b).mean() > 0.99
    file.write_bytes(file.read_bytes()[:5000])
    damaged = Smart()
    damaged.network(Message({"network": str(mobile_file)}))
    again = Looks(damaged)
    assert not look(damaged, mobile_file, rgb, cache).header["seen"]
    assert again.count == 1
    other = save_mobile_sam(tmp_path / "other.pt", seed=4)
    assert not look(damaged, other, rgb, cache).header["seen"]
    assert len(list(cache.iterdir())) == 2


def test_memory_and_disk_stay_within_their_bounds(tmp_path: Path) -> None:
    kept = Embeddings(in_memory=3 * 4000, on_disk=3 * 3000)
    for number in range(8):
        kept.put(
            (f"{number}" * 64, "n" * 64), {"image": torch.full((1000,), float(number))}, tmp_path
        )
        kept.get(("0" * 64, "n" * 64), tmp_path)  # the first one is used all the time
    assert [kept.in_memory((f"{n}" * 64, "n" * 64)) for n in range(8)] == [
        True, False, False, False, False, False, True, True,
    ]  # fmt: skip
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 3 * 3000
    left = tmp_path / "killed in the middle.npz.part"
    left.write_bytes(bytes(500))
    kept.put(("7" * 64, "n" * 64), {"image": torch.full((1000,), 7.0)}, tmp_path)
    assert not left.exists()
    fresh = Embeddings()
    for number in (6, 7):
        found = fresh.get((f"{number}" * 64, "n" * 64), tmp_path)
        assert found is not None
        assert found["image"].tolist() == [number] * 1000
    assert fresh.get(("3" * 64, "n" * 64), tmp_path) is None
    huge = {"image": torch.full((10,), 1e6)}  # more than 16 bits can say
    kept.put(("a" * 64, "n" * 64), huge, tmp_path)
    assert Embeddings().get(("a" * 64, "n" * 64), tmp_path) is None


# -- the live process


@pytest.fixture
def live() -> Iterator[Live]:
    with live_child() as child:
        yield child


def test_what_was_looked_at_ahead_is_what_the_window_asks_about(
    live: Live, mobile_file: Path, tmp_path: Path
) -> None:
    deep = picture(400, 300).astype(np.uint16)[:, :, 0] * 90
    file = tmp_path / "é deep.png"
    file.write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    shown = Display(window=(1000.0, 20000.0), gamma=1.4)
    here = {"network": str(mobile_file), "device": "cpu", "cache": None}
    ahead = {"path": str(file), "page": 0, "display": asdict(shown)}
    answer = live.ask("smart_ahead", **here, **ahead)
    assert answer.header["ok"], answer.header
    assert answer.header["gave_way"] is False
    sight = Sight(Pyramid(file), shown)
    place = smart_view.whole(sight)
    assert place is not None
    rgb = sight.take(place).rgb
    key = smart_view.key_of(rgb)
    asked = {"key": key, "size": [400, 300], "points": [[10, 10, True]], "box": None}
    found = live.ask("smart_prompt", **here, **asked, others=False)
    assert found.header["missing"] is False
    assert found.arrays["masks"].shape == (3, 400, 38)
    assert live.ask("smart_look", {"rgb": rgb}, **here, key=key).header["seen"]
    gone = live.ask("smart_ahead", **here, **{**ahead, "path": f"{file}.gone"})
    assert gone.header["left"] is True


def test_who_waits_is_served_before_what_is_done_ahead(
    live: Live, mobile_file: Path, tmp_path: Path
) -> None:
    here = {"network": str(mobile_file), "device": "cpu", "cache": None}
    live.ask("smart_network", **here)
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(seed=number))
    display = asdict(Display())
    live.send("smart_ahead", 7, **here, path=str(tmp_path / "1.png"), page=0, display=display)
    rgb = picture(seed=9)
    live.send("smart_look", 8, {"rgb": rgb}, **here, key=smart_view.key_of(rgb))
    numbers, shares = [], []
    while len(numbers) < 2:
        message = live.receive()
        if "progress" in message.header:
            shares.append(message.header["progress"])
        else:
            numbers.append(message.header["id"])
            if message.header["id"] == 7:
                assert message.header["gave_way"] is True
    assert shares
    assert shares == sorted(shares)
    # A newer picture ends the older one in the middle, and rest ends the newest.
    answers: dict[int, dict[str, Any]] = {}
    for number in (20, 21):
        rgb = picture(seed=number)
        live.send("smart_look", number, {"rgb": rgb}, **here, key=smart_view.key_of(rgb))
        while (message := live.receive()).header["id"] != number or number in answers:
            answers[message.header["id"]] = message.header
        assert "progress" in message.header  # it is at work
    live.send("smart_rest", 22)
    while 22 not in answers:
        message = live.receive()
        if "progress" not in message.header:
            answers[message.header["id"]] = message.header
    assert answers[20]["superseded"] is True
    assert answers[21]["superseded"] is True
    assert answers[22]["ok"]
    # What is older than a picture does not end it.
    rgb = picture(seed=30)
    live.send("smart_look", 30, {"rgb": picture(seed=31)}, **here, key="x" * 64)
    live.send("smart_rest", 31)
    live.send("smart_look", 32, {"rgb": rgb}, **here, key=smart_view.key_of(rgb))
    while 32 not in answers:
        message = live.receive()
        if "progress" not in message.header:
            answers[message.header["id"]] = message.header
    assert answers[32]["seen"] is False


def test_a_picture_that_comes_while_it_is_looked_at_ahead_is_not_begun_again(
    mobile_file: Path, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), picture(90, 123))
    rgb = Sight(Pyramid(tmp_path / "1.png"), Display()).take(Place(0, 0, 123, 90, 1)).rgb
    here = {"network": str(mobile_file), "device": "cpu", "cache": None}
    shown = {"path": str(tmp_path / "1.png"), "page": 0, "display": asdict(Display())}
    ahead = Message({"id": 1, "kind": "smart_ahead", **here, **shown})
    told: list[dict[str, Any]] = []
    for key, gave_way in (("another picture", True), (smart_view.key_of(rgb), False)):
        inbox, gate = _Inbox(), threading.Event()
        look = Message({"id": 2, "kind": "smart_look", "key": key, **here}, {"rgb": rgb})
        thread = threading.Thread(target=inbox.fill, args=(_stream_of(look, gate),))
        thread.start()
        while not inbox.waits("smart_look"):
            gate.wait(0.01)
        worker = _Worker(inbox, lambda message: told.append(message.header))
        assert worker.handler(ahead)(ahead).header["gave_way"] is gave_way
        if not gave_way:
            assert worker.handler(look)(look).header["seen"] is True
        gate.set()
        thread.join()
    shares = [head["progress"] for head in told if head["id"] == 2]
    assert len(shares) == len(told) > 2
    assert shares == sorted(shares)


def _stream_of(message: Message, gate: threading.Event) -> io.BytesIO:
    """A stream that holds one message and ends when the gate opens."""

    class Stream(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            if not data:
                gate.wait(60)
            return data

    stream = Stream()
    write_message(stream, message)
    stream.seek(0)
    return stream


def test_the_live_process_refuses_in_words_and_goes_on(live: Live, tmp_path: Path) -> None:
    missing = live.ask("smart_network", network=str(tmp_path / "sam_b.pt"))
    assert not missing.header["ok"]
    assert "is not where it was" in missing.header["error"]
    strange = tmp_path / "strange.pt"
    torch.save({"a": Bomb(tmp_path / "ran")}, strange)
    refused = live.ask("smart_network", network=str(strange))
    assert "could run any program" in refused.header["error"]
    assert not (tmp_path / "ran").exists()
    torch.save({"a": torch.zeros(2)}, strange)
    wrong = live.ask("smart_network", network=str(strange))
    assert "cannot be used by the smart tool" in wrong.header["error"]
    assert wrong.header["hint"]


def test_only_a_part_of_a_huge_image_is_looked_at() -> None:
    class Huge(Pyramid):
        width, height = 30_000, 30_000  # type: ignore[assignment]

        def load(self) -> NDArray[Any]:
            return np.broadcast_to(np.uint8(7), (30_000, 30_000))

    sight = Sight(Huge(np.zeros((1, 1), np.uint8)), Display())
    assert smart_view.whole(sight) is None
    assert smart_view.fits(6000, 4000)
    part = smart_view.part(sight, Box(9_000, 9_000, 6_000, 4_000), scale=0.2)
    assert part is not None
    assert part.width * part.height <= smart_view.MOST_PIXELS
    assert part.box.w <= 6_010
    near = Box(10_000, 10_000, 4_000, 2_500)
    assert smart_view.serves(part, near)
    assert not smart_view.serves(part, Box(10_000, 10_000, 1_000, 800))  # closer by far
    assert not smart_view.serves(part, Box(14_000, 10_000, 4_000, 2_500))
    whole = smart_view.whole(Sight(Pyramid(np.zeros((3000, 4000), np.uint8)), Display()))
    assert whole is not None
    assert (whole.step, whole.width, whole.height) == (4, 1000, 750)

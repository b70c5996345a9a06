"""Networks that answer prompts: SAM, SAM 2 and MobileSAM out of a file of plain weights.

Which network a file holds is read from the names and shapes of its weights, never from its name.
Nothing is downloaded and nothing unpickled. What a network computes goes through the predictor of
ultralytics, so that letterbox, colour order and prompts are those that the weights were made for.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cvstudio.core.errors import RunError
from cvstudio.core.geometry import Box
from cvstudio.ml.checkpoint import Weights, load_plain
from cvstudio.ml.devices import device_of
from cvstudio.ml.environment import quiet_ultralytics
from cvstudio.ml.failures import is_out_of_memory

SIDE = 1024
"""Pixels of the square that every one of these networks looks at."""

Embedding = dict[str, torch.Tensor]
"""What an encoder found in a picture; prompts are answered from it alone."""

_FRAME = ("image_encoder", "prompt_encoder", "mask_decoder")
_FRAME_2 = ("image_encoder", "sam_prompt_encoder", "sam_mask_decoder", "memory_attention")
_VIDEO_ONLY = frozenset(
    {"no_obj_embed_spatial", "obj_ptr_tpos_proj.weight", "obj_ptr_tpos_proj.bias"}
)
"""What SAM 2.1 has beside SAM 2; it is used between the frames of a video alone."""


@dataclass(frozen=True, slots=True)
class Family:
    """A network of the table. `build` is the function of ultralytics that makes it; it is known by
    the shape of the weight `mark`, and SAM 2 by the number of its blocks besides."""

    title: str
    build: str
    mark: str
    width: int
    blocks: int = 0
    second: bool = False
    """Whether it is of the second generation, which gives three maps instead of one."""


_VIT, _TINY = "image_encoder.pos_embed", "image_encoder.patch_embed.seq.0.c.weight"
_HIERA = "image_encoder.trunk.pos_embed"

FAMILIES = (
    Family("MobileSAM", "build_mobile_sam", _TINY, 32),
    Family("SAM base", "build_sam_vit_b", _VIT, 768),
    Family("SAM large", "build_sam_vit_l", _VIT, 1024),
    Family("SAM huge", "build_sam_vit_h", _VIT, 1280),
    Family("SAM 2 tiny", "build_sam2_t", _HIERA, 96, 12, second=True),
    Family("SAM 2 small", "build_sam2_s", _HIERA, 96, 16, second=True),
    Family("SAM 2 base+", "build_sam2_b", _HIERA, 112, 24, second=True),
    Family("SAM 2 large", "build_sam2_l", _HIERA, 144, 48, second=True),
)


class GaveWay(Exception):  # it is an answer, not an error
    """Raised in the middle of an encoder when somebody else has to be served first."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """What the person pointed at, in pixels of the picture: points (x, y, whether they belong to
    the object), and a box around it."""

    points: tuple[tuple[float, float, bool], ...] = ()
    box: Box | None = None

    @property
    def ambiguous(self) -> bool:
        """Whether a single click leaves open how much of what lies there is meant."""
        return self.box is None and len(self.points) == 1


@dataclass(frozen=True, slots=True)
class Answer:
    """Masks (n, h, w) bool in the size of the picture, the best guess first, and how good the
    network thinks that each of them is."""

    masks: NDArray[np.bool_]
    scores: tuple[float, ...]


def recognise(weights: Mapping[str, Any], file: str) -> tuple[Family, str]:
    """The network that a state dict belongs to, and its title.

    Raises RunError, which says what the file seems to be instead.
    """
    roots = {name.partition(".")[0] for name in weights}
    for family in FAMILIES:
        mark = weights.get(family.mark)
        if mark is None or not hasattr(mark, "shape") or not set(_frame(family)) <= roots:
            continue
        shape = tuple(mark.shape)
        width = shape[{_VIT: -1, _TINY: 0, _HIERA: 1}[family.mark]] if len(shape) == 4 else 0
        if width == family.width and family.blocks in (0, _blocks(weights)):
            newer = family.second and "no_obj_embed_spatial" in weights
            return family, family.title.replace("SAM 2", "SAM 2.1") if newer else family.title
    known = "SAM, SAM 2 and MobileSAM"
    if _frame(FAMILIES[0])[0] in roots:
        reason = f"its size is none of those that {known} were published in"
    else:
        reason = f"its weights are not named as those of {known} are"
    raise RunError(
        f"{file} cannot be used by the smart tool: {reason}.",
        hint="Choose a file such as mobile_sam.pt, sam_b.pt or sam2.1_t.pt.",
    )


def _frame(family: Family) -> tuple[str, ...]:
    return _FRAME_2 if family.second else _FRAME


def _blocks(weights: Mapping[str, Any]) -> int:
    start = "image_encoder.trunk.blocks."
    return len({name[len(start) :].partition(".")[0] for name in weights if name.startswith(start)})


class SmartNetwork:
    """A network in memory. `hash` is the sha256 of its file."""

    def __init__(self, path: Path, *, device: str = "cpu") -> None:
        """Raises RunError for a file that is missing, damaged or of another kind, UntrustedFile for
        one that would have to run code."""
        self.path = path
        content = load_plain(path)
        weights = _state_dict(content, path)
        self.family, self.title = recognise(weights, path.name)
        with path.open("rb") as file:
            self.hash = hashlib.file_digest(file, "sha256").hexdigest()
        with _memory_in_words(self.title):
            self._predictor = _predictor(self.family, weights, path, device_of(device))

    def embed(
        self,
        rgb: NDArray[np.uint8],
        *,
        progress: Callable[[float], None] = lambda share: None,
        give_way: Callable[[], bool] = lambda: False,
    ) -> Embedding:
        """What the encoder finds in a picture (h, w, 3) RGB, as float32 on the processor.

        `progress` is told shares of 1. Raises GaveWay as soon as `give_way` says so; it is asked
        between the layers.
        """
        predictor = self._predictor
        watched = _Watched(predictor.model.image_encoder, progress, give_way)
        with torch.inference_mode(), _memory_in_words(self.title), watched:
            # As OpenCV reads a file: blue first.
            batch = predictor.preprocess([np.ascontiguousarray(rgb[:, :, ::-1])])
            found = predictor.get_im_features(batch)
        if not self.family.second:
            return {"image": found.cpu()}
        maps = {f"fine {n}": fine.cpu() for n, fine in enumerate(found["high_res_feats"])}
        return {"image": found["image_embed"].cpu(), **maps}

    def answer(
        self, embedding: Embedding, size: tuple[int, int], prompts: Prompts, *, others: bool = False
    ) -> Answer:
        """What the prompts mean in the picture of that height and width.

        A single click is answered by three masks. More prompts say what is meant, and are answered
        by the one mask that was trained for that; `others` adds the three.
        """
        if prompts.ambiguous:
            return self._decode(embedding, size, prompts, several=True)
        one = self._decode(embedding, size, prompts, several=False)
        if not others:
            return one
        more = self._decode(embedding, size, prompts, several=True)
        return Answer(np.concatenate([one.masks, more.masks]), one.scores + more.scores)

    def _decode(
        self, embedding: Embedding, size: tuple[int, int], prompts: Prompts, *, several: bool
    ) -> Answer:
        predictor = self._predictor
        held = {name: tensor.to(predictor.device) for name, tensor in embedding.items()}
        features: Any = held["image"]
        if self.family.second:
            fine = [held[name] for name in sorted(held) if name != "image"]
            features = {"image_embed": held["image"], "high_res_feats": fine}
        # One more pair of brackets: without it, ultralytics takes each point for an object.
        points = [[(x, y) for x, y, _ in prompts.points]] if prompts.points else None
        labels = [[int(include) for _, _, include in prompts.points]] if points else None
        box = prompts.box
        with torch.inference_mode(), _memory_in_words(self.title):
            masks, boxes = predictor.inference_features(
                features, size, (SIDE, SIDE), points=points, labels=labels,
                bboxes=[[box.x, box.y, box.right, box.bottom]] if box else None,
                multimask_output=several,
            )  # fmt: skip
        scores = boxes[:, 4]
        order = torch.argsort(scores, descending=True, stable=True)
        return Answer(
            masks[order].cpu().numpy(), tuple(float(score) for score in scores[order].cpu())
        )


def _state_dict(content: Any, path: Path) -> Weights:
    """The tensors by name; SAM 2 is published with them under "model"."""
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    named = isinstance(content, dict) and all(isinstance(name, str) for name in content)
    return content if named else _not_weights(path)


def _not_weights(path: Path) -> Weights:
    raise RunError(
        f"{path.name} cannot be used by the smart tool: it holds no weights by name.",
        hint="Choose a file such as mobile_sam.pt, sam_b.pt or sam2.1_t.pt.",
    )


def _predictor(family: Family, weights: Weights, path: Path, device: torch.device) -> Any:
    """The predictor of ultralytics around a network with these weights."""
    quiet_ultralytics()
    from ultralytics.models.sam import build
    from ultralytics.models.sam.predict import Predictor, SAM2Predictor

    module: torch.nn.Module = getattr(build, family.build)()
    try:
        wrong = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # a weight of another shape
        raise _other_parts(path, family, str(error).splitlines()[-1].strip()) from error
    surplus = [name for name in wrong.unexpected_keys if name not in _VIDEO_ONLY]
    if wrong.missing_keys or surplus:
        what = "has not" if wrong.missing_keys else "has besides"
        raise _other_parts(path, family, f"it {what} {(wrong.missing_keys or surplus)[0]}")
    kind = SAM2Predictor if family.second else Predictor
    # "save" would make a folder for results beside the project.
    predictor: Any = kind(overrides={"imgsz": SIDE, "save": False})
    # A device, not its name: a card that is named, ultralytics makes the default of the process.
    predictor.args.device = device
    predictor.setup_model(module, verbose=False)
    predictor.imgsz = [SIDE, SIDE]
    return predictor


def _other_parts(path: Path, family: Family, detail: str) -> RunError:
    return RunError(
        f"{path.name} looks like {family.title} and has other parts: {detail.rstrip('.')}.",
        hint="Choose a file such as mobile_sam.pt, sam_b.pt or sam2.1_t.pt.",
    )


@contextmanager
def _memory_in_words(title: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise RunError(
            f"There is not enough memory for {title}.",
            hint="Choose a smaller network, or another device in the settings.",
        ) from error


class _Watched:
    """While it lasts, every layer of a module says that its turn has come."""

    def __init__(
        self, module: torch.nn.Module, progress: Callable[[float], None],
        give_way: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._layers: Sequence[torch.nn.Module] = [
            layer for layer in module.modules() if next(layer.children(), None) is None
        ]
        self._progress, self._give_way = progress, give_way
        self._seen = 0
        self._told = 0.0
        self._handles: list[Any] = []

    def __enter__(self) -> None:
        self._handles = [layer.register_forward_pre_hook(self._turn) for layer in self._layers]

    def __exit__(self, *_error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _turn(self, _layer: torch.nn.Module, _input: Any) -> None:
        if self._give_way():
            raise GaveWay
        self._seen += 1
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY:
            self._told = now
            self._progress(min(self._seen / len(self._layers), 1.0))


_TELL_EVERY = 0.1  # s

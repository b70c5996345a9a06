"""What an exported file says about itself: one JSON record under the metadata key "cvstudio".

File and record together are all that another program needs: how an image becomes the input, what
the outputs mean, and how they become answers. No path of the computer it was made on is in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.errors import FormatError
from cvstudio.core.forms import Answers, Form
from cvstudio.core.predictions import SURE
from cvstudio.core.recipe import Sees
from cvstudio.core.sureness import Correction, Platt
from cvstudio.core.thresholds import Thresholds
from cvstudio.ml.decode import MOST_OBJECTS, OVERLAP, SCORE_FLOOR
from cvstudio.ml.preprocess import Preprocessing

KEY = "cvstudio"
FORMAT, _TWO, _ONE_CLASS = 3, 2, 1
"""Files whose images may have several classes, those that answer with rotated boxes or keypoints,
those that take all values of an image and those that list their objects are of format 2, those with
Platt scaling of format 3: older versions would misread them."""
_NEW = (Answers.ROTATED, Answers.KEYPOINTS)
INPUT = "images"
BOXES, MAPS = "output0", "output1"
INSIDE = "doubles_removed_inside"
"""The name in FileRecord.network under which a file that lists its objects says so."""


@dataclass(frozen=True)
class FileRecord:
    """The record of an exported file.

    `input` is Preprocessing.to_json() with the input's name, type and shape; its mean is 0 and its
    deviation 1, because the network's own normalisation is part of the file. `score` is the
    threshold for objects that was best on val.
    """

    task: Task
    classes: tuple[LabelClass, ...]
    input: dict[str, Any]
    outputs: tuple[dict[str, Any], ...]
    network: dict[str, Any]
    run: dict[str, Any]
    score: float | None = None
    class_scores: dict[int, float | None] = field(default_factory=dict)
    own_scores: bool = False
    """Whether `class_scores` hold for objects: a person chose them. For images with several classes
    they always do."""
    temperature: float | None = None
    """What the logits of a network that gives each image or pixel one class are divided by."""
    platt: Platt | None = None
    """What corrects the scores of objects; the scores here are corrected ones then."""
    precision: str = "float32"
    versions: dict[str, str] = field(default_factory=dict)
    verification: dict[str, Any] | None = None

    @property
    def several(self) -> bool:
        """Whether an image may have several classes, each with a probability of its own."""
        return bool(self.network.get("several_classes", False))

    @property
    def lists_objects(self) -> bool:
        """Whether the file removes doubles itself and answers with a list of objects."""
        return bool(self.network.get(INSIDE, False))

    @property
    def form(self) -> Form:
        """What it answers with of each object."""
        return Form.from_json(self.network.get("objects", {}), outlines=self.task is Task.INSTANCE)

    @property
    def _format(self) -> int:
        whole = self.preprocessing.sees is Sees.ALL
        new = self.several or whole or self.lists_objects or self.form.answers in _NEW
        if self.platt is not None:
            return FORMAT
        return _TWO if new else _ONE_CLASS

    @property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing.from_json(self.input)

    @property
    def window(self) -> tuple[float, float] | None:
        """The values of deeper images that become black and white; None: each image's own."""
        found = self.input.get("deeper_than_8_bits", {}).get("window")
        return (float(found[0]), float(found[1])) if found else None

    def floors(self, score: float | None = None) -> dict[int, float]:
        """The score from which each class counts: a given one, or its own where classes have such,
        or the one for those that have none."""
        return self.thresholds.floors((c.id for c in self.classes), score)

    @property
    def thresholds(self) -> Thresholds:
        """From which scores its classes count, and the temperature."""
        return Thresholds(
            score=self.score, per_class=self.class_scores, temperature=self.temperature,
            platt=self.platt, applied=self.several or self.own_scores,
        )  # fmt: skip

    @property
    def warning(self) -> str:
        """What a user of the file should know before trusting its answers; usually ""."""
        return str(self.run.get("warning", ""))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the answer section repeats what decode.py does, in words and numbers."""
        return {
            "format": self._format,
            "task": self.task.value,
            "classes": [{"id": c.id, "name": c.name, "colour": c.colour} for c in self.classes],
            "input": self.input,
            "outputs": list(self.outputs),
            "answer": answer_rules(
                self.task,
                own_masks=self.network.get("family") == "torchvision-detection",
                several=self.several,
                form=self.form,
                inside=self.lists_objects,
                correction=self.thresholds.correction,
            ),
            "thresholds": {
                "score": self.score,
                "per_class": {str(key): value for key, value in self.class_scores.items()},
                "per_class_hold": self.several or self.own_scores,
                "temperature": self.temperature,
                **(
                    {}
                    if self.platt is None
                    else {"platt": {"slope": self.platt.slope, "shift": self.platt.shift}}
                ),
            },
            "network": self.network,
            "run": self.run,
            "precision": self.precision,
            "versions": self.versions,
            "verification": self.verification,
        }

    @classmethod
    def from_text(cls, text: str | None, *, name: str) -> FileRecord:
        """The record in a file's metadata. Raises FormatError when it is missing or unreadable."""
        if text is None:
            raise FormatError(
                f"{name} was not exported by CVStudio: it does not say what goes in and comes out."
            )
        try:
            data = json.loads(text)
            if data["format"] > FORMAT:
                raise FormatError(f"{name} was exported by a newer CVStudio.")
            classes = tuple(
                LabelClass(item["id"], item["name"], item["colour"], order=place)
                for place, item in enumerate(data["classes"])
            )
            thresholds = data["thresholds"]
            return cls(
                task=Task(data["task"]),
                classes=classes,
                input=data["input"],
                outputs=tuple(data["outputs"]),
                network=data["network"],
                run=data["run"],
                score=thresholds["score"],
                class_scores={int(key): v for key, v in thresholds["per_class"].items()},
                own_scores=thresholds.get("per_class_hold", False),
                temperature=thresholds.get("temperature"),
                platt=_platt(thresholds.get("platt")),
                precision=data["precision"],
                versions=data["versions"],
                verification=data["verification"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"The description inside {name} is damaged.") from error


def _platt(told: Mapping[str, float] | None) -> Platt | None:
    return None if told is None else Platt(told["slope"], told["shift"])


def output_rows(
    task: Task,
    count: int,
    shapes: list[list[int | str]],
    *,
    listed: bool = False,
    several: bool = False,
    form: Form | None = None,
    inside: bool = False,
) -> tuple[dict[str, Any], ...]:
    """Name, shape and meaning of each output of a network with that many classes; `listed` says
    that its objects come best first, each with a mask of its own where it has any, `several` that
    an image may have several classes, `form` what it answers with of objects, `inside` that the
    file removes doubles itself."""
    boxes = (
        f"per {'object, best first' if listed else 'anchor'}: x and y of the centre, width and"
        f" height in input pixels, then {count} scores from 0 to 1 in the order of classes"
    )
    if inside:
        boxes = (
            "per object, best first: left, top, right and bottom in input pixels, score from 0 to"
            " 1, place of its class in the order of classes, from 0 on; places without an object"
            " are 0 throughout"
        )
    if form is not None and form.answers is Answers.ROTATED:
        boxes += ", then the angle in radians by which the box is turned, clockwise on the screen"
    if form is not None and form.skeleton is not None:
        boxes += (
            f", then for each of {form.points} keypoints ({', '.join(form.skeleton.names)}) x and y"
            " in input pixels and from 0 to 1 how sure it is that the point is there"
        )
    meanings = {
        Task.CLASSIFY: [
            f"one logit per class in the order of classes; {'sigmoid' if several else 'softmax'}"
            " gives probabilities"
        ],
        Task.SEGMENT: ["logits per pixel: background, then the classes in their order"],
        Task.DETECT: [boxes],
        Task.INSTANCE: [
            boxes,
            "per object its chance, from 0 to 1, to be at each place of a grid over its box; it is"
            " where the enlarged grid is above a half",
        ]
        if listed
        else [
            f"{boxes}, then one coefficient for each map of {MAPS}",
            "maps at a quarter of the input; weighed by an object's coefficients and added up,"
            " they are positive inside the object",
        ],
    }[task]
    names = (BOXES, MAPS)
    return tuple(
        {"name": name, "shape": shape, "meaning": meaning}
        for name, shape, meaning in zip(names, shapes, meanings, strict=False)
    )


def answer_rules(
    task: Task,
    *,
    own_masks: bool = False,
    several: bool = False,
    form: Form | None = None,
    inside: bool = False,
    correction: Correction | None = None,
) -> dict[str, Any]:
    """How outputs become answers on the image, as a person would program it."""
    back = "x_image = (x_input - left) / scale, with the scale and padding of the input"
    objects = {
        "score_floor": SCORE_FLOOR,
        "suppression_iou": OVERLAP,
        "suppression": "per class, best score first",
        "most_objects": MOST_OBJECTS,
        "boxes": back,
    }
    temperature = correction.temperature if correction is not None else None
    if correction is not None and correction.platt is not None:
        slope, shift = correction.platt.slope, correction.platt.shift
        objects["scores"] = (
            f"1 / (1 + exp(-({slope} * ln(s / (1 - s)) + {shift}))) of a score s, when all else is"
            " done; thresholds are for these"
        )
    if form is not None and form.answers is Answers.ROTATED:
        objects["suppression"] = "per class, best score first, by the area that two boxes share"
    if inside:
        objects["suppression"] = "done inside the file: its list is the answer"
    if form is not None and form.answers is Answers.KEYPOINTS:
        objects["keypoints"] = f"as boxes; a point counts as there from {SURE} on"
    match task:
        case Task.CLASSIFY if several:
            return {
                "scores": "sigmoid of each logit: the classes do not exclude each other",
                "classes": "every class whose score reaches its own threshold"
                " (thresholds.per_class; thresholds.score where that is null); none when none does",
            }
        case Task.CLASSIFY if temperature is not None:
            return {"scores": f"softmax over the classes, of the logits divided by {temperature}"}
        case Task.CLASSIFY:
            return {"scores": "softmax over the classes"}
        case Task.SEGMENT:
            warm = {} if temperature is None else {
                "probabilities": f"softmax over the classes, of the logits divided by {temperature}"
            }  # fmt: skip
            return {
                **warm,
                "scores": "cut off the padding, enlarge the logits bilinearly to the image",
                "class": "the largest logit of each pixel; 0 is background",
            }
        case Task.DETECT:
            return objects
        case Task.INSTANCE if own_masks:
            return {
                **objects,
                "masks": "enlarge the object's grid over its box bilinearly, keep what"
                " is above a half",
            }
        case Task.INSTANCE:
            return {
                **objects,
                "masks": "weigh the maps, enlarge bilinearly, keep what is positive in the box",
            }

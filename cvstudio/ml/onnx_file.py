"""What an exported file says about itself: one JSON record under the metadata key "cvstudio".

File and record together are all that another program needs: how an image becomes the input, what
the outputs mean, and how they become answers. No path of the computer it was made on is in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from cvstudio.core.annotation import LabelClass, Task
from cvstudio.core.errors import FormatError
from cvstudio.ml.decode import MOST_OBJECTS, OVERLAP, SCORE_FLOOR
from cvstudio.ml.preprocess import Preprocessing

KEY = "cvstudio"
FORMAT, _ONE_CLASS = 2, 1
"""Files whose images may have several classes are of format 2: version 0.1 would misread them."""
INPUT = "images"
BOXES, MAPS = "output0", "output1"


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
    precision: str = "float32"
    versions: dict[str, str] = field(default_factory=dict)
    verification: dict[str, Any] | None = None

    @property
    def several(self) -> bool:
        """Whether an image may have several classes, each with a probability of its own."""
        return bool(self.network.get("several_classes", False))

    @property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing.from_json(self.input)

    @property
    def window(self) -> tuple[float, float] | None:
        """The values of deeper images that become black and white; None: each image's own."""
        found = self.input.get("deeper_than_8_bits", {}).get("window")
        return (float(found[0]), float(found[1])) if found else None

    @property
    def warning(self) -> str:
        """What a user of the file should know before trusting its answers; usually ""."""
        return str(self.run.get("warning", ""))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; the answer section repeats what decode.py does, in words and numbers."""
        return {
            "format": FORMAT if self.several else _ONE_CLASS,
            "task": self.task.value,
            "classes": [{"id": c.id, "name": c.name, "colour": c.colour} for c in self.classes],
            "input": self.input,
            "outputs": list(self.outputs),
            "answer": answer_rules(
                self.task,
                own_masks=self.network.get("family") == "torchvision-detection",
                several=self.several,
            ),
            "thresholds": {
                "score": self.score,
                "per_class": {str(key): value for key, value in self.class_scores.items()},
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
                precision=data["precision"],
                versions=data["versions"],
                verification=data["verification"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"The description inside {name} is damaged.") from error


def output_rows(
    task: Task,
    count: int,
    shapes: list[list[int | str]],
    *,
    listed: bool = False,
    several: bool = False,
) -> tuple[dict[str, Any], ...]:
    """Name, shape and meaning of each output of a network with that many classes; `listed` says
    that its objects come best first, each with a mask of its own where it has any, `several` that
    an image may have several classes."""
    boxes = (
        f"per {'object, best first' if listed else 'anchor'}: x and y of the centre, width and"
        f" height in input pixels, then {count} scores from 0 to 1 in the order of classes"
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


def answer_rules(task: Task, *, own_masks: bool = False, several: bool = False) -> dict[str, Any]:
    """How outputs become answers on the image, as a person would program it."""
    back = "x_image = (x_input - left) / scale, with the scale and padding of the input"
    objects = {
        "score_floor": SCORE_FLOOR,
        "suppression_iou": OVERLAP,
        "suppression": "per class, best score first",
        "most_objects": MOST_OBJECTS,
        "boxes": back,
    }
    match task:
        case Task.CLASSIFY if several:
            return {
                "scores": "sigmoid of each logit: the classes do not exclude each other",
                "classes": "every class whose score reaches the threshold; none when none does",
            }
        case Task.CLASSIFY:
            return {"scores": "softmax over the classes"}
        case Task.SEGMENT:
            return {
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

"""The ways to ask where the evidence for an answer lies: a table of methods, in words.

What they compute is in ml/explaining; a window offers them without it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cvstudio.core.annotation import Task

USUAL = "usual"
ROLLOUT = "rollout"
OCCLUSION = "occlusion"
ALL_LAYERS = "all"
EVERY_TASK = frozenset(Task)
OBJECTS = frozenset({Task.DETECT, Task.INSTANCE})
_PLACE = "{name} tells where the network saw this object, and hardly by what. Occlusion tells more."
_ALIKE = "{name} shows whatever looks alike in the whole image, not this object alone."


@dataclass(frozen=True, slots=True)
class Method:
    """One method, and the paper that it is from. `others` are other titles and papers by task;
    `layers`: whether a feature map is chosen; `of_class`: whether another class has another map;
    `tokens`: only for networks of plain tokens (ViT); `many`: whether it asks the network
    hundreds of times. `caution`: what a map of one object must not be taken for
    (docs/explaining.md has the figures)."""

    key: str
    title: str
    source: str
    says: str
    tasks: Collection[Task] = EVERY_TASK
    others: Mapping[Task, tuple[str, str]] | None = None
    layers: bool = True
    of_class: bool = True
    tokens: bool = False
    many: bool = False
    caution: str = ""

    def title_for(self, task: Task) -> str:
        """What it is called in projects of a task."""
        return (self.others or {}).get(task, (self.title, self.source))[0]

    def source_for(self, task: Task) -> str:
        """The paper that it is from in projects of a task."""
        return (self.others or {}).get(task, (self.title, self.source))[1]

    def heading_for(self, task: Task) -> str:
        """What stands above its map: the name in the papers."""
        if self.key != USUAL:
            return self.title
        return "Grad-CAM" if task is Task.CLASSIFY else "LayerCAM"

    def caution_for(self, task: Task) -> str:
        """What its map must not be taken for in projects of a task; "" for nothing."""
        return self.caution.format(name=self.heading_for(task)) if task in OBJECTS else ""


METHODS = (
    Method(
        USUAL, "Grad-CAM, small maps joined",
        "Selvaraju 2017 on log odds; HiResCAM, Draelos 2020",
        "What speaks for this class rather than for others. The usual choice.",
        others={
            Task.SEGMENT: (
                "LayerCAM of the region", "Jiang 2021; the region's class, Vinogradova 2020",
            ),
            Task.DETECT: ("LayerCAM of the object", "Jiang 2021, over all maps before the head"),
            Task.INSTANCE: ("LayerCAM of the object", "Jiang 2021, over all maps before the head"),
        },
        caution=_PLACE,
    ),
    Method(
        "gradcam", "Grad-CAM", "Selvaraju 2017, arXiv:1610.02391",
        "Channels that speak for the class, each weighed once for the whole image.",
        caution=_ALIKE,
    ),
    Method(
        "gradcam++", "Grad-CAM++", "Chattopadhay 2018, arXiv:1710.11063",
        "As Grad-CAM, and fairer where the class stands in the image several times.",
        caution=_ALIKE,
    ),
    Method(
        "hirescam", "HiResCAM", "Draelos 2020, arXiv:2011.08891",
        "Only places that the network really used, weighed place by place.",
        caution=_PLACE,
    ),
    Method(
        "layercam", "LayerCAM", "Jiang 2021, IEEE TIP 30",
        "Place by place, only what raises the class: fine detail from earlier maps.",
        caution=_PLACE,
    ),
    Method(
        "eigencam", "EigenCAM", "Muhammad 2020, arXiv:2008.00299",
        "What stands out most in the map, whatever the class: no gradient.", of_class=False,
    ),
    Method(
        ROLLOUT, "Attention rollout", "Abnar 2020, arXiv:2005.00928",
        "Which patches reach the answer through all attention, whatever the class.",
        tasks=frozenset({Task.CLASSIFY}), layers=False, of_class=False, tokens=True,
    ),
    Method(
        OCCLUSION, "Occlusion", "Zeiler 2014, arXiv:1311.2901",
        "How much surer the network is with each patch than with grey in its place. Slow, and it"
        " needs nothing but answers.",
        layers=False, many=True,
    ),
)  # fmt: skip
_BY_KEY = {method.key: method for method in METHODS}


def method_of(key: str) -> Method:
    """The method of a key. Raises KeyError."""
    return _BY_KEY[key]


def methods_for(task: Task, *, tokens: bool, file: bool = False) -> tuple[Method, ...]:
    """The methods that can be asked of a network: `tokens` when it is one of plain tokens; of an
    exported `file` only what needs nothing but answers."""
    return tuple(
        method
        for method in METHODS
        if task in method.tasks
        and (tokens or not method.tokens)
        and (not file or method.key == OCCLUSION)
    )

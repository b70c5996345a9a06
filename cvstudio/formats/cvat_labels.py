"""The <labels> of a CVAT file: classes with their colours, attributes and skeletons."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cvstudio.core.attributes import Attribute, AttributeKind, words_of
from cvstudio.core.skeleton import Skeleton
from cvstudio.formats.base import ParsedClass
from cvstudio.formats.cvat_xml import Node, Pen

CLASS_TAG = "cvstudio_class"
"""Our own element of a label that only holds the keypoints of a class: that class."""
CROWD = "iscrowd"
"""The attribute under which a crowd goes out and comes in; no class asks for it."""
SKELETON = "skeleton"
_INPUTS = {
    "select": AttributeKind.CHOICE,
    "radio": AttributeKind.CHOICE,
    "checkbox": AttributeKind.CHECKBOX,
    "number": AttributeKind.NUMBER,
    "text": AttributeKind.TEXT,
}
_WRITTEN = {
    AttributeKind.CHOICE: "select",
    AttributeKind.CHECKBOX: "checkbox",
    AttributeKind.NUMBER: "number",
    AttributeKind.TEXT: "text",
}
_ENDLESS = (-1_000_000, 1_000_000)
"""What stands for a number without an end, since CVAT wants both."""
_ELEMENT = re.compile(r"<(circle|line)\b([^>]*)>")
_ATTRIBUTE = re.compile(r"([\w-]+)\s*=\s*\"([^\"]*)\"")


@dataclass
class Labels:
    """What a file says of its labels."""

    classes: dict[str, ParsedClass] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    """By label: what only CVAT has a word for, {"type", "attributes": {name: {...}}}."""
    aliases: dict[str, str] = field(default_factory=dict)
    """The class of a label that only holds its keypoints."""
    unasked: list[str] = field(default_factory=list)
    """Sentences on attributes that cannot be asked."""

    def class_name(self, label: str) -> str:
        """The class that a label is here."""
        return self.aliases.get(label, label)

    def definition(self, class_name: str, name: str) -> Attribute | None:
        """How a class asks for an attribute."""
        known = self.classes.get(class_name)
        found = known.attributes if known is not None else ()
        return next((each for each in found if each.name == name), None)


def labels_of(meta: Node) -> Labels:
    """The labels in a file's <meta>."""
    result = Labels()
    told = next((node for node in meta.anywhere("labels") if node.children), None)
    listed = [node for node in (told.children if told is not None else ()) if node.tag == "label"]
    parts: dict[str, list[str]] = {}
    for node in listed:
        if node.told("parent"):
            parts.setdefault(node.told("parent"), []).append(node.told("name"))
    for node in listed:
        name = node.told("name")
        if not name or node.told("parent"):
            continue
        of_class = node.told(CLASS_TAG)
        if of_class:
            result.aliases[name] = of_class
        _read_label(node, of_class or name, result, parts.get(name, []))
    return result


def _read_label(node: Node, name: str, result: Labels, parts: Sequence[str]) -> None:
    asked: list[Attribute] = []
    rest: dict[str, Any] = {}
    inside = node.find("attributes")
    for each in inside.children if inside is not None else ():
        found = _attribute(each)
        if found is None or found.name == CROWD:
            continue
        if problem := found.problem():
            result.unasked.append(f"{name}: {problem} Its values are kept.")
        else:
            asked.append(found)
        rest[found.name] = {
            key: each.told(key) for key in ("mutable", "input_type", "values") if each.told(key)
        }
    colour = node.told("color")
    colour = colour if re.fullmatch(r"#[0-9a-fA-F]{6}", colour) else ""
    skeleton = _skeleton(node.told("svg"), parts) if node.told("type") == SKELETON else None
    before = result.classes.get(name)  # the same class may have a label of its own for keypoints
    if before is not None:
        asked = [*before.attributes, *(a for a in asked if a not in before.attributes)]
        colour, skeleton = before.colour or colour, before.skeleton or skeleton
        rest = {**rest, **result.extras[name]["attributes"]}
    result.classes[name] = ParsedClass(name, colour.upper() or None, skeleton, tuple(asked))
    result.extras[name] = {"type": node.told("type"), "attributes": rest}


def _attribute(node: Node) -> Attribute | None:
    """A definition; None without a name."""
    name, kind = node.told("name"), _INPUTS.get(node.told("input_type"), AttributeKind.TEXT)
    if not name:
        return None
    told = node.told("default_value")
    values = [line.strip() for line in node.told("values").split("\n") if line.strip()]
    if len(values) == 1 and told in values[0].split():  # some programs write them into one line
        values = values[0].split()
    low = high = None
    if kind is AttributeKind.NUMBER and len(values) >= 2:
        low, high = (None if v in _ENDLESS else v for v in map(_number, values[:2]))
    choices = tuple(dict.fromkeys(values)) if kind is AttributeKind.CHOICE else ()
    plain = Attribute(name, kind, choices, low, high)
    return Attribute(name, kind, choices, low, high, default=plain.taken(told) if told else None)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value.is_integer() else value


def _skeleton(svg: str, parts: Sequence[str]) -> Skeleton | None:
    """The skeleton that a drawing tells: a circle for each point, a line for each edge. Places in
    the drawing are percents."""
    points: dict[str, tuple[str, float | None, float | None]] = {}
    pairs = []
    for tag, text in _ELEMENT.findall(svg):
        found = {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(text)}
        if tag == "circle" and "data-node-id" in found:
            name = found.get("data-label-name", "")
            points[found["data-node-id"]] = (
                name, _number(found.get("cx", "")), _number(found.get("cy", ""))
            )  # fmt: skip
        elif tag == "line":
            pairs.append((found.get("data-node-from", ""), found.get("data-node-to", "")))
    order = sorted(points, key=lambda key: (len(key), key))  # numbers as words
    names = tuple(points[key][0] for key in order)
    if not all(names) or set(parts) - set(names):
        names, order = tuple(parts), []
    places = {key: place for place, key in enumerate(order)}
    edges = {(places[a], places[b]): None for a, b in pairs if a in places and b in places}
    layout = tuple(
        (x / 100, y / 100)
        for _, x, y in (points[key] for key in order)
        if x is not None and y is not None and 0 <= x <= 100 and 0 <= y <= 100
    )
    found_skeleton = Skeleton(
        names,
        tuple(edge for edge in edges if edge[0] != edge[1]),
        layout if len(layout) == len(names) else (),
    )
    return None if found_skeleton.problem() else found_skeleton


def text_of(value: Any) -> str:
    """A value of an attribute as CVAT writes it."""
    return str(value).lower() if isinstance(value, bool) else words_of(value)


@dataclass(frozen=True, slots=True)
class WrittenLabel:
    """A label on its way out. `skeleton` makes it one that holds skeletons only, `of_class` one for
    the keypoints of a class that has other shapes too."""

    name: str
    colour: str
    asked: tuple[Attribute, ...]
    skeleton: Skeleton | None = None
    of_class: str = ""


def write_labels(pen: Pen, labels: Iterable[WrittenLabel], known: dict[str, Any]) -> None:
    """Write <labels>; `known` is what the source said of them (Labels.extras)."""
    pen.open("labels")
    for label in labels:
        said = known.get(label.of_class or label.name, {})
        pen.open("label")
        pen.leaf("name", label.name)
        pen.leaf("color", label.colour.lower())
        told = said.get("type", "any")
        kind = SKELETON if label.skeleton else ("any" if told == SKELETON else told or "any")
        pen.leaf("type", kind)
        pen.open("attributes")
        for each in label.asked:
            _write_attribute(pen, each, said.get("attributes", {}).get(each.name, {}))
        pen.close()
        if label.of_class:
            pen.leaf(CLASS_TAG, label.of_class)
        if label.skeleton is not None:
            pen.leaf("svg", _svg(label.skeleton))
        pen.close()
        for name in label.skeleton.names if label.skeleton is not None else ():
            pen.open("label")
            pen.leaf("name", name)
            pen.leaf("color", label.colour.lower())
            pen.leaf("type", "points")
            pen.leaf("attributes")
            pen.leaf("parent", label.name)
            pen.close()
    pen.close()


def _write_attribute(pen: Pen, each: Attribute, said: dict[str, str]) -> None:
    kind = _WRITTEN[each.kind]
    if _INPUTS.get(said.get("input_type", "")) is each.kind:
        kind = said["input_type"]
    match each.kind:
        case AttributeKind.CHOICE:
            values = "\n".join(each.choices)
        case AttributeKind.NUMBER:
            values = _range(each, said.get("values", ""))
        case AttributeKind.CHECKBOX:
            values = "false"
        case AttributeKind.TEXT:
            values = said.get("values", "")
    default = each.default
    if default is None:  # CVAT has no value that is open
        first = {AttributeKind.CHECKBOX: "false", AttributeKind.NUMBER: values.split("\n")[0]}
        default = each.choices[0] if each.choices else first.get(each.kind, "")
    pen.open("attribute")
    pen.leaf("name", each.name)
    pen.leaf("mutable", said.get("mutable", "True"))
    pen.leaf("input_type", kind)
    pen.leaf("default_value", text_of(default))
    pen.leaf("values", values)
    pen.close()


def _range(each: Attribute, said: str) -> str:
    """Lowest and highest number and the step between two, a line each; CVAT needs all three."""
    before = said.split("\n")
    low = _ENDLESS[0] if each.low is None else each.low
    high = _ENDLESS[1] if each.high is None else each.high
    step = before[2].strip() if len(before) > 2 else ""
    return "\n".join((words_of(low), words_of(high), step or "1"))


def _svg(skeleton: Skeleton) -> str:
    """The drawing by which CVAT knows a skeleton, places in percents; points without a place lie
    in a row."""
    count = len(skeleton.names)
    layout = skeleton.layout or tuple(((i + 1) / (count + 1), 0.5) for i in range(count))
    at = [(f"{100 * x:.12g}", f"{100 * y:.12g}") for x, y in layout]
    lines = [_line(edge, at) for edge in skeleton.edges]
    circles = [
        f'<circle r="0.75" cx="{x}" cy="{y}" data-type="element node"'
        f' data-element-id="{i}" data-node-id="{i}"'
        f' data-label-name="{html.escape(name)}"></circle>'
        for i, (name, (x, y)) in enumerate(zip(skeleton.names, at, strict=True), 1)
    ]
    return "".join((*lines, *circles))


def _line(edge: tuple[int, int], at: Sequence[tuple[str, str]]) -> str:
    (x1, y1), (x2, y2) = at[edge[0]], at[edge[1]]
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" data-type="edge"'
        f' data-node-from="{edge[0] + 1}" data-node-to="{edge[1] + 1}"></line>'
    )

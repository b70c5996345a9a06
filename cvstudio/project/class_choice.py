"""What the classes of a foreign network become in a project, as a person writes it: theirs=ours."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from cvstudio.core.annotation import LabelClass
from cvstudio.core.errors import ConfigError
from cvstudio.core.words import quoted
from cvstudio.project.suggestions import match_classes

LEFT_OUT = 0


def by_name(network: Sequence[LabelClass], project: Sequence[LabelClass]) -> dict[int, int | str]:
    """For each class of the network by its id the project's class of the same name, or 0."""
    matched = match_classes(network, project, by_id=False).ids
    return {each.id: matched.get(each.id, LEFT_OUT) for each in network}


def as_written(
    network: Sequence[LabelClass],
    project: Sequence[LabelClass],
    pairs: Sequence[str],
    *,
    new: bool = False,
) -> dict[int, int | str]:
    """As SuggestConfig.classes: by name, but where a pair says otherwise. "theirs=" leaves a class
    out. `new`: a class that the project does not have is made; otherwise it is taken for a slip.

    Raises ConfigError when a pair names no class of the network, or none of the project, or when
    in the end every class would be left out.
    """
    choices = by_name(network, project)
    theirs = {c.name: c.id for c in network}
    ours = {c.name: c.id for c in project}
    for pair in pairs:
        their, our = _parted(pair, theirs)
        if our and our not in ours and not new:
            raise ConfigError(
                f"The project has no class {quoted(our)}.{_near(our, ours)}"
                " With --new-classes it is made."
            )
        choices[theirs[their]] = ours.get(our, our) if our else LEFT_OUT
    if all(to == LEFT_OUT for to in choices.values()):
        raise ConfigError(
            "No class of the file is one of the project: it has"
            f" {', '.join(quoted(name) for name in theirs)}. Say which is which with --class."
        )
    return choices


def _parted(pair: str, theirs: dict[str, int]) -> tuple[str, str]:
    """Both names; a name may have "=" in it."""
    places = [place for place, letter in enumerate(pair) if letter == "="]
    for place in places:
        if pair[:place].strip() in theirs:
            return pair[:place].strip(), pair[place + 1 :].strip()
    if not places:
        raise ConfigError(f"{quoted(pair)} is not in the form theirs=ours.")
    their = pair[: places[0]].strip()
    raise ConfigError(f"The file has no class {quoted(their)}.{_near(their, theirs)}")


def _near(name: str, known: dict[str, int]) -> str:
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), list(folded), 1)
    return f" Did you mean {quoted(folded[near[0]])}?" if near else ""

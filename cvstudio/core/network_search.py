"""Networks found by words and by names that are nearly right, among all that there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from cvstudio.core.annotation import Task
from cvstudio.core.network_catalogue import SMP, TIMM
from cvstudio.core.network_info import NetworkInfo
from cvstudio.core.networks import all_networks

_PLAIN = str.maketrans({"+": "plus", "-": "", "_": "", "/": "", " ": "", ",": ""})


def _plain(text: str) -> str:
    """A name as nobody spells it wrong: "U-Net++" and "unet_plusplus" are the same."""
    return text.casefold().translate(_PLAIN)


def fits(text: str, info: NetworkInfo) -> bool:
    """Whether every word of a text occurs in a network's title or name, however it is spelt."""
    told = f"{info.title} {info.name}"
    known, plain = told.casefold(), _plain(told)
    return all(word in known or (_plain(word) or word) in plain for word in text.casefold().split())


def matching(text: str, among: Iterable[NetworkInfo]) -> list[NetworkInfo]:
    """The networks that a text finds, in their order; all of them for an empty one."""
    return [info for info in among if fits(text, info)]


def closest(name: str, task: Task | None = None, *, most: int = 3) -> list[str]:
    """The names of networks that somebody may have meant, the most likely first."""
    tasks = (task,) if task is not None else tuple(Task)
    known: dict[str, str] = {}
    for each in tasks:
        for info in all_networks(each):
            short = info.name.removeprefix(TIMM).removeprefix(SMP)
            known.setdefault(_plain(short), info.name)
    wanted = _plain(name.casefold().removeprefix(TIMM).removeprefix(SMP))
    return [known[found] for found in get_close_matches(wanted, known, n=most, cutoff=0.7)]

"""Names of classes in formats that cannot hold every sign: no two become one."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def names_apart(
    names: Iterable[str], written: Callable[[str], str], *, between: str = "-"
) -> dict[str, str]:
    """How classes are written where a format cannot hold every sign, by name: all different.

    A name that can be written as it is keeps its words; one that would then read the same as
    another gets a number behind `between`.
    """
    listed = list(dict.fromkeys(names))
    result = {name: name for name in listed if written(name) == name}
    taken = set(result)
    for name in listed:
        if name in result:
            continue
        candidate = base = written(name)
        number = 1
        while candidate in taken:
            number += 1
            candidate = f"{base}{between}{number}"
        taken.add(candidate)
        result[name] = candidate
    return result

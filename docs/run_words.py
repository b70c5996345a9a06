"""What docs/run_table.py writes: the runs of each set of images as a table of Markdown."""

from __future__ import annotations

from statistics import mean
from typing import Any

from run_data import SETS, DataSet
from run_rows import ROWS, SEEDS, Row

from cvstudio.core.recipe import TrainConfig

DEFAULTS = {n: f.default for n, f in TrainConfig.model_fields.items() if not f.is_required()}
"""What a setting does that is not told, as in the config of a run that is older than it."""

Results = dict[str, dict[str, Any]]

HEAD = ("run", "network", "--set", "result", "against plain", "s an epoch", "config.json differs")
UNTOLD = frozenset(("kind", "task", "weights_file"))
BESIDE = "mAP50"
"""A second figure that is told where a task has it: the first one asks much of short runs."""


def table_of(results: Results) -> str:
    """Markdown of all that is done."""
    parts = [_undone(results), *(_section(one, results) for one in SETS)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _undone(results: Results) -> str:
    """Which rows are still missing; "" when none is."""
    missing = [f"`{row.name}`" for row in ROWS if row.name not in results]
    if not missing:
        return ""
    done = f"{len(results)} of {len(ROWS)} rows are done."
    return (
        f"**{done}** The others are not trained yet: two cores had no time for more, which is the"
        f" only reason, and nothing is known of them: {', '.join(missing)}."
    )


def _section(which: DataSet, results: Results) -> str:
    rows = [row for row in ROWS if row.of == which.name and row.name in results]
    plain = [results[row.name] for row in rows if row.is_plain]
    if not rows:
        return ""
    lines = [f"### {which.name}: {which.task}", "", which.words, ""]
    if plain:
        lines += [_plain_words(which, plain), ""]
    lines += ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(_cells(row, results[row.name], plain)) + " |" for row in rows]
    said: dict[str, list[str]] = {}
    for row in rows:
        for text in _notes(results[row.name]):
            said.setdefault(text, []).append(f"`{row.name}`")
    told = [f"- {', '.join(names)}: {text}" for text, names in said.items()]
    return "\n".join([*lines, *(["", *told] if told else [])])


def _plain_words(which: DataSet, plain: list[dict[str, Any]]) -> str:
    values = [one["value"] for one in plain]
    metric, network = plain[0]["metric"], plain[0]["network"]
    epochs, batch = plain[0]["config"]["epochs"], plain[0]["config"]["batch"]
    words = f"Plain: {network} from scratch, {epochs} epochs at {which.size} px, batch {batch}: "
    if len(values) == 1:
        return f"{words}{metric} {values[0]:.3f} with one seed."
    return (
        f"{words}{metric} {mean(values):.3f} as the mean of {len(values)} seeds, from"
        f" {min(values):.3f} to {max(values):.3f}: a spread of {max(values) - min(values):.3f}."
    )


def _cells(row: Row, content: dict[str, Any], plain: list[dict[str, Any]]) -> tuple[str, ...]:
    second = content["others"].get(BESIDE) if content["metric"] != BESIDE else None
    result = f"{content['metric']} {content['value']:.3f}"
    if second is not None:
        result += f" ({BESIDE} {second:.3f})"
    seconds = content["epoch_seconds"]
    typed = " ".join(f"`{pair}`" for pair in row.settings.split())
    more = {"augment": row.augment, "views": row.views, "folds": row.folds, "start": row.start}
    if row.find_rate:
        more["find-rate"] = f"{content['config']['learning_rate']:g}"
    typed = " ".join([typed, *(f"{name} {value}" for name, value in more.items() if value)])
    config = "" if not plain else _differences(plain[0]["config"], content["config"])
    return (
        f"[{row.name}](runs/{row.name}.json)", content["network"], typed.strip() or "–", result,
        against(row, content, plain), "–" if seconds is None else f"{seconds:.1f}", config or "–",
    )  # fmt: skip


def against(row: Row, content: dict[str, Any], plain: list[dict[str, Any]]) -> str:
    """The difference to the plain run, and whether seeds alone differ as much."""
    if row.is_plain or row.first or not plain:
        return "–"
    values = [one["value"] for one in plain]
    if "beside" in content:
        return f"{content['value'] - content['beside']:+.3f} on the same network"
    difference = content["value"] - mean(values)
    words = f"{difference:+.3f}"
    if len(values) < SEEDS:
        words += " (noise not measured)"
    elif abs(difference) <= max(values) - min(values):
        words += " (within noise)"
    return words


def _differences(plain: dict[str, Any], config: dict[str, Any]) -> str:
    """What two configs set differently."""
    one, other = (DEFAULTS | told for told in (plain, config))
    names = [n for n in other if n not in UNTOLD and other[n] != one.get(n)]
    return ", ".join(f"{n} {_short(one.get(n))} → {_short(other[n])}" for n in names)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} steps"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _notes(content: dict[str, Any]) -> list[str]:
    """What a run said, without what all say."""
    return [text for text in content["notes"] if "no test images" not in text]

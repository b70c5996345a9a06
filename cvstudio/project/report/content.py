"""What a run has to say: its data, its settings, how it learned, how good it is, where it fails."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cvstudio.augment.summary import step_title
from cvstudio.core.annotation import Split, Task
from cvstudio.core.errors import ImageError, RunError
from cvstudio.core.jobdir import JobDir
from cvstudio.core.metrics import nothing_right
from cvstudio.core.metrics.resampling import Draws, interval
from cvstudio.core.networks import network, preset_changes, title_of
from cvstudio.core.opencv import cv2
from cvstudio.core.predictions import Prediction
from cvstudio.core.recipe import Start, TrainConfig
from cvstudio.core.run_state import RunState
from cvstudio.core.snapshot import Snapshot, SnapshotImage, read_snapshot
from cvstudio.core.words import counted
from cvstudio.imaging.decode import read_rgb
from cvstudio.imaging.drawing import draw, marks_of_answer, marks_of_labels
from cvstudio.project import analysis, certainty, comparing, likely, run_checks, runs
from cvstudio.project.estimate import in_words
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord
from cvstudio.project.report.blocks import (
    Block,
    Chart,
    Facts,
    Figure,
    Figures,
    Heading,
    Picture,
    Pictures,
    Report,
    Table,
    Text,
    Tone,
)
from cvstudio.project.report.charts import HEIGHT, WIDTH, Series, lines
from cvstudio.project.report.deeper import figures, proofs, worse_parts
from cvstudio.project.report.limits import limits
from cvstudio.project.run_checks import Kept
from cvstudio.project.verdict import ALL, WORST, WRONG, Analysis, Verdict, go_on

WORST_SHOWN = 12
"""Images of errors in a report."""

_SIDE = 420
"""Longest side of one picture, in px; the labels stand beside the answer."""
_GAP = 6
_QUALITY = 85
_MOST_CLASSES = 24
"""Classes up to which a matrix is drawn; with more nobody reads it on paper."""
_OVERLAP = 0.5


@dataclass(frozen=True)
class _Judged:
    """A run on one split, at the score that was best on val."""

    split: Split
    analysis: Analysis
    verdict: Verdict
    score: float
    intervals: Mapping[str, tuple[float, float]]
    drawn: Draws


def compose(
    project: Project, run: RunRecord, *, worst: int = WORST_SHOWN, check: Callable[[], None] = go_on
) -> Report:
    """The report of a finished run. `check` stops the work by raising.

    Raises RunError when the run has not been judged yet, or what it left is damaged.
    """
    job = runs.job_of(run)
    snapshot, state = read_snapshot(job.snapshot), job.state()
    config = _without_folders(runs.config_of(run))
    judged = [
        _judge(job, split, check)
        for split in (Split.TEST, Split.VAL)
        if split in analysis.judged_splits(job)
    ]
    if not judged:
        raise RunError("This run has not been judged yet.", hint="Evaluate it on val first.")
    damaged: list[str] = []
    shown = judged[0]
    pictures = _pictures(shown, snapshot, worst, damaged, check)
    blocks = (
        *_result(judged),
        Heading("What it learned from"), *_data(snapshot),
        Heading("How it was trained"),
        *_settings(config, state, comparing.environment(job), run_checks.kept(job)),
        *_curves(run, state),
        *(block for one in judged for block in _details(one)),
        Heading("What it gets wrong"),
        *worse_parts(project, shown.analysis, shown.drawn, shown.score), *pictures,
        Heading("Limits"),
        *(
            Text(sentence) for sentence in limits(
                snapshot, {one.split: one.analysis for one in judged}, state=state,
                changed=len(runs.changed_since(project, run)), damaged=damaged,
            )
        ),
        *proofs(project, run),
        Heading("To repeat it"), _records(run, config, job),
    )  # fmt: skip
    subtitle = f"{title_of(run.network)} · trained {_day(run.created)} in project {project.name}"
    return Report(f"Run {run.id}: {_purpose(snapshot)}", subtitle, blocks)


def _judge(job: JobDir, split: Split, check: Callable[[], None]) -> _Judged:
    loaded = analysis.load(job, split, check=check)
    score = loaded.chosen.common
    verdict = likely.judged(loaded, score=score, iou=_OVERLAP, own=True)
    drawn = certainty.draws_for(loaded)
    known = dict(certainty.intervals(loaded, drawn, score=score, iou=_OVERLAP, own=True))
    main = interval(certainty.main_figure(loaded, drawn))
    if main is not None:
        known[verdict.cards[0].title] = main
    return _Judged(split, loaded, verdict, score, known, drawn)


def _without_folders(config: TrainConfig) -> TrainConfig:
    """The same settings: a file is told by its name, and no folder of this computer."""
    file = config.weights_file
    return config if file is None else config.model_copy(update={"weights_file": Path(file.name)})


def _purpose(snapshot: Snapshot) -> str:
    """What the network does, in words: "finds Platelets, RBC and WBC"."""
    names = [c.name for c in snapshot.classes]
    listed = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return {
        Task.CLASSIFY: f"tells apart {listed}",
        Task.DETECT: f"finds {listed}",
        Task.INSTANCE: f"outlines {listed}",
        Task.SEGMENT: f"colours the pixels of {listed}",
    }[snapshot.task]


# -- sections


def _result(judged: Sequence[_Judged]) -> Iterator[Block]:
    first = judged[0]
    on = {
        Split.TEST: "that it had never seen: they were kept back for this",
        Split.VAL: "that it did not learn from, but on which its best epoch was chosen",
    }[first.split]
    yield Heading("How good it is")
    yield Text(f"Judged on {counted(len(first.analysis.images), 'image')} {on}.")
    useless = nothing_right(first.analysis.snapshot.task, first.analysis.report)
    if useless:
        yield Text(useless, Tone.WARNING)
    yield _figures(first)
    between = "In brackets: the range in which the figure lies in 95 of 100 draws of the images."
    yield Text(f"{_from_score(first)}{between}", Tone.QUIET)


def _from_score(one: _Judged) -> str:
    """From which score answers count, where they have one."""
    if one.analysis.own_scores:
        return (
            "An answer counts from the score that was chosen for its class on val, or else from"
            f" {one.score:.2f}. "
        )
    if one.analysis.has_scores:
        return f"An answer counts from a score of {one.score:.2f}, which was best on val. "
    return ""


def _figures(one: _Judged) -> Figures:
    found = []
    for card in one.verdict.cards:
        value = "–" if math.isnan(card.value) else (
            f"{card.value:,.0f}" if card.whole else f"{card.value:.3f}"
        )  # fmt: skip
        known = one.intervals.get(card.title)
        between = f"({known[0]:.2f} to {known[1]:.2f})" if known is not None else ""
        found.append(Figure(card.title, value, between, card.detail))
    return Figures(tuple(found))


def _data(snapshot: Snapshot) -> Iterator[Block]:
    splits = [split for split in Split if snapshot.of(split)]
    counts: dict[Split, Counter[int]] = {split: Counter() for split in splits}
    for image in snapshot.images:
        counts[image.split].update(one.class_id for one in image.annotations)
    what = "images" if snapshot.task is Task.CLASSIFY else "annotations"
    rows = [("Images", *(f"{len(snapshot.of(split)):,}" for split in splits))]
    there = [c for c in snapshot.classes if any(counts[split][c.id] for split in splits)]
    rows += [(c.name, *(f"{counts[split][c.id]:,}" for split in splits)) for c in there]
    absent = len(snapshot.classes) - len(there)
    also = f" {counted(absent, 'more class', 'more classes')} had none." if absent else ""
    yield Table(
        ("", *(split.value for split in splits)), tuple(rows),
        caption=f"Images, and {what} of each class.{also} It learned from train; val chose the"
        " best epoch; test was kept back.",
        colours=("", *(c.colour for c in there)),
    )  # fmt: skip


def _settings(
    config: TrainConfig, state: RunState, environment: Mapping[str, Any], checks: Kept | None
) -> Iterator[Block]:
    info = network(config.network)
    changed = preset_changes(config)
    rows = [
        ("Network", info.title),
        ("Began with", _BEGINNINGS[config.start]),
        ("Preset", config.preset.value.capitalize() + (", changed" if changed else "")),
        ("Epochs", _epochs(config, state)),
        ("Image size", f"{config.image_size} px"),
        ("Augmentation", _augmentation(config)),
        ("Computed on", str(environment.get("device") or state.device or "not recorded")),
        ("Took", in_words(state.seconds_worked(state.last_event_at or 0.0))),
    ]
    for name in changed:
        if name in ("start", "epochs", "image_size"):
            continue  # said above already
        title = TrainConfig.model_fields[name].title or name
        rows.append((title, comparing.plain(getattr(config, name))))
    if checks is not None and checks.overruled:
        rows.append(("Started in spite of", "; ".join(checks.overruled)))
    yield Facts(tuple(rows))


def _curves(run: RunRecord, state: RunState) -> Iterator[Block]:
    if len(state.epochs) < 2:
        return
    losses = [Series(f"Loss on {of}", *state.series("loss", of=of)) for of in ("train", "val")]
    best = float(state.best_epoch) if state.best_epoch else None
    drawn = [one for one in losses if one.x]
    if drawn:
        yield Chart(
            "How it learned", lines(drawn, x_title="Epoch", mark=best), WIDTH, HEIGHT,
            "The loss says how wrong the network was after each epoch. When it falls on train and"
            " rises on val, the network begins to learn by heart. The dashed line is the best"
            " epoch.",
        )  # fmt: skip
    metric = Series(run.metric, *state.series(run.metric))
    if metric.x:
        svg = lines([metric], x_title="Epoch", mark=best, y_range=(0, max(*metric.y, 0.01) * 1.05))
        yield Chart(f"{run.metric} on val", svg, WIDTH, HEIGHT, "Higher is better.")


def _details(one: _Judged) -> Iterator[Block]:
    names = {c.id: c.name for c in one.analysis.classes}
    colours = {c.id: c.colour for c in one.analysis.classes}
    yield Heading(f"In detail, on {one.split}")
    yield from figures(one.analysis, one.verdict, one.drawn, one.score)
    yield Table(
        ("Class", *one.verdict.columns),
        tuple(
            (names.get(row.class_id, "Background"), *(_cell(value) for value in row.values))
            for row in one.verdict.rows
        ),
        colours=tuple(colours.get(row.class_id, "") for row in one.verdict.rows),
    )
    if len(one.verdict.class_ids) <= _MOST_CLASSES:
        yield _matrix(one, names)
    curves = {i: c for i, c in one.analysis.curves(_OVERLAP).items() if len(c.score) > 1}
    if curves:
        drawn = [
            Series(names[i], c.recall.tolist(), c.precision.tolist())
            for i, c in curves.items() if c.labelled
        ]  # fmt: skip
        yield Chart(
            "Precision against recall",
            lines(drawn, x_title="Recall", x_range=(0, 1), y_range=(0, 1.02)), WIDTH, HEIGHT,
            "Each line is a class, each point of it a score from which answers count: the further"
            " to the right, the more is found; the higher, the more of it is right.",
        )  # fmt: skip


def _matrix(one: _Judged, names: Mapping[int, str]) -> Table:
    """Labelled against predicted; a cell is as dark as its share of the row."""
    verdict = one.verdict
    last = verdict.class_ids[-1] == 0  # objects: nothing; else the first is background
    other = {0: "nothing" if last else "Background"}
    titles = [names.get(i, other.get(i, "")) for i in verdict.class_ids]
    totals = np.maximum(verdict.confusion.sum(axis=1, keepdims=True), 1)
    shares = verdict.confusion / totals
    rows, shades = [], []
    for place, title in enumerate(titles):
        counts = verdict.confusion[place]
        rows.append((f"Labelled {title}", *(f"{count:,}" if count else "" for count in counts)))
        shades.append((None, *(float(v) for v in shares[place])))
    words = (
        f"Rows: what a person labelled; columns: what the network answered, in {verdict.unit}."
        " On the diagonal both agree."
    )
    if last:
        words += ' In the column "nothing": missed; in the row "nothing": false alarms.'
    return Table(("", *titles), tuple(rows), caption=words, shades=tuple(shades))


def _pictures(
    one: _Judged, snapshot: Snapshot, most: int, damaged: list[str], check: Callable[[], None]
) -> Iterator[Block]:
    kind = {WORST: WORST}.get(one.verdict.kinds[0].kind, ALL)
    if one.analysis.snapshot.task is Task.CLASSIFY:
        kind = WRONG
    counts = Counter(case.image_id for case in one.verdict.cases(kind))
    order = list(counts) if kind in (WORST, WRONG) else [i for i, _ in counts.most_common()]
    made = list(islice(_made(one, snapshot, order, counts, damaged, check), most))
    if not made:
        yield Text(f"Nothing on {one.split} is wrong at this score.")
        return
    which = "the surest errors" if kind == WRONG else "the most or the worst errors"
    beside = (
        "" if kind == WRONG
        else ": at the left what a person labelled, at the right what the network answered"
    )  # fmt: skip
    yield Text(f"{counted(len(made), 'image')} of {one.split} with {which}{beside}.")
    yield Pictures(tuple(made))


def _made(
    one: _Judged, snapshot: Snapshot, order: Sequence[int], counts: Mapping[int, int],
    damaged: list[str], check: Callable[[], None],
) -> Iterator[Picture]:  # fmt: skip
    for image_id in order:
        check()
        image = one.analysis.images[image_id]
        answer = one.analysis.predictions.get(image_id, Prediction(image_id))
        try:
            rgb = read_rgb(image.path, image.page, image.window)
        except ImageError as error:
            damaged.append(error.message)
            continue
        caption = f"{image.path.name} · {_said(one, image, answer, counts[image_id])}"
        yield _picture(one, snapshot, image, answer, rgb, caption)


def _picture(
    one: _Judged, snapshot: Snapshot, image: SnapshotImage, answer: Prediction, rgb: Any,
    caption: str,
) -> Picture:  # fmt: skip
    classes = {c.id: c for c in snapshot.classes}
    scale = min(_SIDE / max(rgb.shape[:2]), 1.0)
    pair = [
        draw(rgb, marks, words=False, scale=scale)
        for marks in (
            marks_of_labels(image.annotations, classes, snapshot.skeletons),
            marks_of_answer(_counted(one, answer), classes, snapshot.skeletons, least=0.0),
        )
    ]
    gap = np.full((pair[0].shape[0], _GAP, 3), 255, np.uint8)
    whole = np.hstack([pair[0], gap, pair[1]])
    if one.analysis.snapshot.task is Task.CLASSIFY:
        whole = pair[0]  # there is nothing to draw twice
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(whole, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    return Picture(data.tobytes(), whole.shape[1], whole.shape[0], caption)


def _counted(one: _Judged, answer: Prediction) -> Prediction:
    """An answer without the objects that do not count."""
    floors = one.analysis.chosen.floors(c.id for c in one.analysis.classes)
    found = (f for f in answer.objects if f.score >= floors.get(f.class_id, one.score))
    return replace(answer, objects=tuple(found))


def _said(one: _Judged, image: SnapshotImage, answer: Prediction, errors: int) -> str:
    """What is wrong with an image, in words."""
    names = {c.id: c.name for c in one.analysis.classes}
    match one.analysis.snapshot.task:
        case Task.CLASSIFY:
            labelled = ", ".join(names[a.class_id] for a in image.annotations if a.shape is None)
            scores = answer.scores or {}
            best = max(scores, key=scores.__getitem__) if scores else None
            said = f"{names[best]} ({scores[best]:.2f})" if best is not None else "nothing"
            return f"labelled {labelled or 'nothing'}, answered {said}"
        case Task.SEGMENT:
            worst = {c.image_id: c.figure for c in one.verdict.cases(WORST)}
            return f"mean IoU {worst[image.id]}"
        case Task.DETECT | Task.INSTANCE:
            return counted(errors, "error")


def _records(run: RunRecord, config: TrainConfig, job: JobDir) -> Facts:
    environment = comparing.environment(job)
    packages = environment.get("packages", {})
    rows = [
        ("Run", job.path.name),
        ("Snapshot of the labels", run.snapshot_hash),
        ("Seed", str(config.seed)),
        ("Computer", " · ".join(
            str(environment[name]) for name in ("system", "processor", "python")
            if environment.get(name)
        ) or comparing.NOT_RECORDED),
        ("Packages", ", ".join(f"{name} {version}" for name, version in packages.items())
         or comparing.NOT_RECORDED),
        ("All settings", config.model_dump_json(exclude={"augmentation"})),
    ]  # fmt: skip
    return Facts(tuple(rows))


# -- words


_BEGINNINGS = {
    Start.PRETRAINED: "pretrained weights",
    Start.SCRATCH: "random weights (from scratch)",
    Start.FILE: "the weights of a file",
    Start.RUN: "the weights of an earlier run",
}


def _augmentation(config: TrainConfig) -> str:
    return ", ".join(step_title(item) for item in config.augmentation if item.enabled) or "none"


def _epochs(config: TrainConfig, state: RunState) -> str:
    done = len(state.epochs)
    best = f"; the best was epoch {state.best_epoch}" if state.best_epoch else ""
    return f"{done} of {config.epochs}{best}"


def _cell(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() and value > 1 else f"{value:.3f}"


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%d %B %Y}"

"""Faults planted in the labels of real images, and how many of them the list of suspects finds.

    python docs/planted_faults.py DATA OUT [--cases signs,blood] [--page docs/suspects.md]

DATA holds cls_signdigits and det_bccd; nothing there is changed. OUT gets a project a case with its
faults, whose networks are trained by the product's own commands on the faulty labels, and beside it
CASE.json with what was planted, and CASE.found.json with what came of it. A case that stands there
is not trained again. --page writes the table into a page. The cases are in docs/planted_data.py.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from planted_data import CASES, Case, Planted, make, mend, read
from run_data import cvstudio

from cvstudio.core.geometry import Box, overlap
from cvstudio.project import suspecting
from cvstudio.project.project import Project
from cvstudio.project.suspecting import Fault, Suspect

BEGIN, END = "<!-- begun by planted_faults.py -->", "<!-- ended by planted_faults.py -->"
SAME = 0.5
"""Overlap from which a suspect is about a box that was removed."""
KINDS = {
    "swapped": Fault.WRONG_CLASS,
    "drawn as another": Fault.WRONG_CLASS,
    "removed": Fault.OVERLOOKED,
    "shifted": Fault.BADLY_PLACED,
}


@dataclass(frozen=True)
class Score:
    """How much of what was planted stands in the first suspects of a list; `share` of what was
    planted and of what was looked at, at as many suspects as were planted and at twice as many."""

    case: str
    fault: str
    list: str
    planted: int
    suspects: int
    recall_once: float
    precision_once: float
    recall_twice: float
    precision_twice: float


def train(case: Case, folder: Path) -> None:
    """Train the networks of a case, unless they stand there."""
    with Project.open(folder, write=False) as project:
        done = len(suspecting.judges(project))
    for stage in case.stages[done:]:
        if stage.steps:
            _widen(folder, stage.steps)
        command, *words = stage.words
        cvstudio(command, folder, *words, quiet=False)


def _widen(folder: Path, steps: Sequence[dict[str, Any]]) -> None:
    """Put steps in front of those that change brightness in the project's pipeline."""
    file = folder.with_suffix(".steps.json")
    cvstudio("augment", folder, "--write", file)
    told = json.loads(file.read_text(encoding="utf-8"))
    told["transform"]["transforms"][2:2] = list(steps)
    file.write_text(json.dumps(told), encoding="utf-8")
    cvstudio("augment", folder, "--read", file)


def measure(case: Case, folder: Path, planted: list[Planted]) -> list[Score]:
    """What the first suspects hold of what was planted: of each fault alone, the others mended, in
    the list of its kind and in the whole list; and of all faults together in the whole list."""
    scores = []
    for fault in case.faults:
        some = [one for one in planted if one.fault == fault]
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / case.name
            left_out = shutil.ignore_patterns("checkpoints", "epoch-*", "*.db-shm", "*.lock")
            shutil.copytree(folder, copy, ignore=left_out)
            with Project.open(copy) as project:
                mend(project, [one for one in planted if one.fault != fault])
                found = suspecting.find(project, suspecting.judges(project)[0])
        rows = found.only({KINDS[fault]}).rows
        scores.append(_score(case, fault, KINDS[fault].value, rows, some))
        scores.append(_score(case, fault, "everything", found.rows, some))
    if len(case.faults) > 1:
        with Project.open(folder, write=False) as project:
            found = suspecting.find(project, suspecting.judges(project)[0])
        scores.append(_score(case, "all three", "everything", found.rows, planted))
    return scores


def _score(
    case: Case, fault: str, name: str, rows: Sequence[Suspect], planted: list[Planted]
) -> Score:
    left, hits = list(planted), []
    for row in rows[: 2 * len(planted)]:
        hit = next((one for one in left if _about(row, one)), None)
        if hit is not None:
            left.remove(hit)
        hits.append(hit is not None)
    once, twice = sum(hits[: len(planted)]), sum(hits)
    return Score(
        case.name, fault, name, len(planted), len(rows),
        once / len(planted), once / max(len(hits[: len(planted)]), 1),
        twice / len(planted), twice / max(len(hits), 1),
    )  # fmt: skip


def _about(suspect: Suspect, planted: Planted) -> bool:
    """Whether a suspect is what was planted: the same label, or the place of one that is gone."""
    if suspect.image_id != planted.image_id:
        return False
    if planted.annotation_id is not None:
        return suspect.annotation_id == planted.annotation_id
    if suspect.annotation_id is not None or not isinstance(suspect.shape, Box):
        return False
    return overlap(suspect.shape, Box(*planted.box)) >= SAME


def table(scores: Sequence[Score]) -> str:
    """The scores as a table of Markdown."""
    head = (
        "| project | planted | how many | list | suspects in it | recall at 1 × | precision at 1 ×"
        " | recall at 2 × | precision at 2 × |"
    )
    lines = [head, "|---|---|---:|---|---:|---:|---:|---:|---:|"]
    for s in scores:
        figures = (s.recall_once, s.precision_once, s.recall_twice, s.precision_twice)
        cells = [s.case, s.fault, str(s.planted), s.list, f"{s.suspects:,}"]
        lines.append("| " + " | ".join([*cells, *(f"{value:.2f}" for value in figures)]) + " |")
    return "\n".join(lines)


def write_page(page: Path, content: str, *, marks: tuple[str, str] = (BEGIN, END)) -> None:
    """Put a table where the page has it: between two marks."""
    begin, end = marks
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{begin}\n\n{content}\n\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Make, train and measure every case."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cases", default=",".join(case.name for case in CASES))
    parser.add_argument("--page", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    scores: list[Score] = []
    for case in CASES:
        if case.name in chosen.cases.split(","):
            folder = make(case, chosen.data, chosen.out, seed=chosen.seed)
            train(case, folder)
            found = measure(case, folder, read(case, chosen.out))
            told = json.dumps([asdict(score) for score in found], indent=1)
            (chosen.out / f"{case.name}.found.json").write_text(told, encoding="utf-8")
            scores += found
    content = table(scores)
    print(content)
    if chosen.page is not None:
        write_page(chosen.page, content)


if __name__ == "__main__":
    main()

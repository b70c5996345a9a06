"""The loop in pictures: a run on labels with planted faults, suspects, fixes, and the run after.

    python docs/loop_film.py DATA OUT [--page docs/loop.md] [--work FOLDER] [--theme light]

DATA holds cls_signdigits; nothing there is changed. In a project that is thrown away 5 % of the
labels get another class by lot (docs/planted_data.py); a run and three folds learn from them by the
product's own commands. Then a hand goes through the real window as one who knows the digits: it
fixes what is wrong among the suspects that are more likely wrong than right, keeps what is right,
judges again, trains again. OUT gets a picture of each moment, --page the figures that were seen.
With --work the trained project stays in that folder, and is not trained a second time there. On
Linux without a display a virtual one is started.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from planted_data import CASES, SIGNS, Planted, make, mend, read
from planted_faults import write_page
from run_data import cvstudio
from take_screenshots import SCHEMES, display, fewer_colours
from training_hand import LONG, Trainer
from work_hour import open_window

from cvstudio.project.suspects import LIKELY

FIRST = 1
SPLITS = "0.7,0.3,0"
BEGIN, END = "<!-- begun by loop_film.py -->", "<!-- ended by loop_film.py -->"


class Looper(Trainer):
    """A hand that knows what was planted, and writes down the figures that it sees."""

    def __init__(self, window: Any, out: Path, planted: list[Planted]) -> None:
        super().__init__(window, out, side=0, epochs=0)
        self.truth = {one.annotation_id: one.class_id for one in planted}
        self.seen: list[str] = []

    def shot(self, when: str) -> None:
        """Save what the screen shows, small."""
        self.number += 1
        path = self.out / f"loop-{self.number}-{when}.png"
        self.save(path)
        fewer_colours(path)
        print(path)

    @property
    def suspects(self) -> Any:
        """The view Suspects, which must be in front."""
        view = self.analysis.views.front
        assert view.name == "suspects", view.name
        return view

    def note(self, words: str) -> None:
        """Write down what the window says."""
        assert words, "the window says nothing"
        self.seen.append(words)
        print(words)


def before(hand: Looper) -> None:
    """The figure of the run, by the labels with the faults."""
    hand.act("go.train")
    hand.until(lambda: hand.status(FIRST))
    hand.page.show_run(FIRST)
    hand.settle(1.0)
    hand.click_on(hand.card.buttons["analyze"])
    hand.until(lambda: hand.analysis.subject is not None, LONG)
    hand.until(lambda: hand.errors.current is not None, LONG)
    hand.settle(12.0)
    hand.shot("before")


def suspects(hand: Looper) -> None:
    """All labels of train and val, each judged by the fold that did not learn from it."""
    hand.act("analyze.view_suspects")
    hand.until(lambda: hand.suspects.looked.judges, LONG)
    box = hand.suspects.head.judge
    box.setFocus()
    folds = [j.experiment_id is not None for j in hand.suspects.looked.judges].index(True)
    while box.currentIndex() != folds:
        hand.key("Down" if box.currentIndex() < folds else "Up")
        hand.settle()
    hand.until(lambda: hand.suspects.looked.judge == box.currentData(), LONG)
    hand.suspects.take_focus()
    hand.key("Home")
    hand.settle(2.0)
    hand.note(f"Suspects: {hand.suspects.head.many.text()}.")
    hand.shot("suspects")


def fix(hand: Looper) -> None:
    """Enter takes the answer, K keeps the label; where both are wrong, the label is opened."""
    many = sum(one.doubt >= LIKELY for one in hand.suspects.rows)
    for _ in range(many):
        one = hand.suspects.current
        right = hand.truth.get(one.annotation_id, one.labelled)
        if right == one.proposed:
            hand.act("analyze.take_answer")
        elif right == one.labelled:
            hand.act("analyze.keep")
        else:
            relabel(hand, right)
    hand.settle(1.0)
    hand.note(f"Decided, one key each: {hand.suspects.head.progress.text()}.")


def relabel(hand: Looper, class_id: int) -> None:
    """On the Label page, with the key of the right class, and back."""
    hand.act("analyze.fix")
    label = hand.window.page_named("label")
    hand.until(lambda: label.isVisible() and label.document.image is not None)
    hand.settle(1.0)
    hand.key(hand.hotkey(class_id))
    hand.settle()
    hand.click_on(label.bar.back)
    hand.settle(2.0)


def judge_again(hand: Looper) -> None:
    """The same answers held to the labels of now: what changed, and on which images."""
    hand.act("analyze.evaluate")
    hand.until(lambda: hand.suspects.came.effect.isVisible(), LONG)
    hand.settle(3.0)
    hand.note(hand.suspects.came.effect.text)
    hand.shot("judged-again")
    hand.click_on(hand.link("Show these images", hand.suspects))
    hand.settle(3.0)
    hand.shot("what-changed")


def train_again(hand: Looper) -> int:
    """The same settings on the labels of now; returns the number of the run."""
    hand.act("analyze.view_suspects")
    hand.settle(1.0)
    there = {row.run.id for row in hand.page.table.model.rows}
    hand.click_on(hand.suspects.head.again)
    hand.until(hand.page.isVisible)
    hand.settle(3.0)
    hand.act("train.start")
    hand.until(lambda: {row.run.id for row in hand.page.table.model.rows} - there, LONG)
    number = int(max(row.run.id for row in hand.page.table.model.rows))
    hand.await_end(number)
    hand.page.show_run(number)
    hand.settle(2.0)
    hand.shot("trained-again")
    return number


def after(hand: Looper, number: int) -> None:
    """The figure of the run after, and how much better it is than the one before."""
    hand.click_on(hand.card.buttons["analyze"])
    hand.until(lambda: hand.analysis.run.id == number and hand.analysis.subject is not None, LONG)
    hand.until(lambda: hand.suspects.came.again.isVisible(), LONG)
    hand.settle(3.0)
    hand.note(hand.suspects.came.again.text)
    hand.shot("after")


def film(data: Path, out: Path, work: Path, *, theme: str, size: tuple[int, int]) -> list[str]:
    """Make the pictures; returns the figures that were seen, in sentences."""
    from cvstudio.project.project import Project

    folder, planted = trained(data, work)
    studio, window = open_window(theme, size)
    hand = Looper(window, out, planted)
    hand.test.qWaitForWindowActive(window, 3000)
    if not window.open_project(folder):
        sys.exit("the project could not be opened")
    hand.note(f"Planted: {len(planted)} of 900 labels have another class.")
    before(hand)
    suspects(hand)
    fix(hand)
    judge_again(hand)
    number = train_again(hand)
    after(hand, number)
    window.close()
    studio.shut_down()
    with Project.open(folder) as project:
        mend(project, planted)
    old, new = (by_labels_of_now(folder, run) for run in (FIRST, number))
    hand.note(
        f"By the exact labels, which were never shown, run {FIRST} has {old:.3f} and run {number}"
        f" has {new:.3f}."
    )
    return hand.seen


def trained(data: Path, work: Path) -> tuple[Path, list[Planted]]:
    """A copy of the project with its faults, a run on them and three folds; and the faults."""
    case = replace(CASES[0], name="Signs")
    folder = make(case, data, work, seed=0)
    if not (folder / "runs").exists():
        cvstudio("split", folder, SPLITS, "--anew")
        cvstudio("train", folder, *SIGNS, quiet=False)
        cvstudio("folds", folder, "--k", "3", *SIGNS, quiet=False)
    copy = Path(tempfile.mkdtemp(dir=work)) / folder.name
    shutil.copytree(folder, copy)
    return copy, read(case, work)


def by_labels_of_now(folder: Path, run: int) -> float:
    """The main figure of a run on val by the labels of now."""
    told = json.loads(cvstudio("evaluate", folder, str(run), "--split", "val", "--json"))
    return float(told["metrics"]["balanced accuracy"])


def main() -> None:
    """Read the arguments and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--work", type=Path, help="where the trained project stays")
    parser.add_argument("--theme", default="light", choices=SCHEMES)
    parser.add_argument("--size", default="1440x900", help="of the window, in pixels")
    chosen = parser.parse_args()
    width, _, height = chosen.size.partition("x")
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, display():
        os.environ["CVSTUDIO_HOME"] = str(Path(scratch) / "home")
        work = chosen.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        seen = film(
            chosen.data, chosen.out, work, theme=chosen.theme, size=(int(width), int(height))
        )
    if chosen.page is not None:
        write_page(chosen.page, "\n".join(f"- {words}" for words in seen), marks=(BEGIN, END))


if __name__ == "__main__":
    main()

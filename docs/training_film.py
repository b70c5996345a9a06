"""A film of one training in the real window, by mouse and keys, from the checks to the comparison.

    python docs/training_film.py DATA OUT [--size 1440x900] [--side 96] [--epochs 40]

DATA holds det_bccd (blood smears); nothing there is changed, the project is made in a folder that
is thrown away. OUT gets NNN-SCENE-dark.png and NNN-SCENE-light.png: the same moment in both themes.
On Linux without a display a virtual one is started. The run starts from scratch, so no weights are
needed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from take_screenshots import SCHEMES, display
from training_hand import Trainer
from training_scenes import AFTER, BEFORE
from work_hour import open_window


def film(data: Path, out: Path, *, size: tuple[int, int], side: int, epochs: int) -> int:
    """Make the film; returns how many scenes did not pass, each of which is printed."""
    passed: set[str] = set()
    number = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "blood"
        make_project(folder, data / "det_bccd")
        for scenes in (BEFORE, AFTER):
            _, window = open_window(SCHEMES[0], size)
            hand = Trainer(window, out, side=side, epochs=epochs)
            hand.number = number
            hand.test.qWaitForWindowActive(window, 3000)
            if not window.open_project(folder):
                sys.exit("the project could not be opened")
            for scene in scenes:
                missing = [name for name in scene.needs if name not in passed]
                if missing:
                    print(f"LEFT OUT {scene.name}: it needs {', '.join(missing)}")
                elif hand.play(scene.name, scene.do):
                    passed.add(scene.name)
            number = hand.number
            hand.rest()
            window.close()
        end_runs(folder)
    count = len(BEFORE) + len(AFTER)
    print(f"{len(passed)} of {count} scenes passed, {number} moments in {out}")
    return count - len(passed)


def end_runs(folder: Path) -> None:
    """End what a scene that failed has left at work: its folder is about to go."""
    from cvstudio.project import launch, runs
    from cvstudio.project.project import Project

    with Project.open(folder) as project:
        for run in runs.all_runs(project):
            launch.end(runs.job_of(run))


def make_project(folder: Path, source: Path) -> None:
    """Blood smears with their labels, and no image in a split."""
    from cvstudio.core.annotation import Task
    from cvstudio.project import commands, importing, queries
    from cvstudio.project.project import Project

    with Project.create(folder, task=Task.DETECT, name="Blood") as project:
        importing.run(project, importing.plan(project, source))
        with project.transaction("No split") as session:
            commands.set_split(session, image_ids=queries.image_ids(session), split=None)


def main() -> None:
    """Read the arguments and make the film."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="1440x900", help="of the window, in pixels")
    parser.add_argument("--side", type=int, default=96, help="image size of the runs, in pixels")
    parser.add_argument("--epochs", type=int, default=40)
    arguments = parser.parse_args()
    width, _, height = arguments.size.partition("x")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, display():
        os.environ["CVSTUDIO_HOME"] = home
        failed = film(
            arguments.data, arguments.out, size=(int(width), int(height)),
            side=arguments.side, epochs=arguments.epochs,
        )  # fmt: skip
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

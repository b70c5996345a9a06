"""A table of real trainings: each recipe against the plain run of the same images.

    python docs/run_table.py DATA OUT [--rows blood,small-sam] [--epochs N] [--page docs/runs.md]

DATA holds cls_signdigits, sem_membrane, sem_sandstone and det_bccd; nothing there is changed. OUT
gets projects/, whose runs the window can open, rows/ROW.json with what came of each row,
configs/ROW.json and table.md. A row that stands in OUT is not trained again, so the work can be
stopped at any time. Everything is done by the commands of the product; the recipes stand in
docs/run_rows.py, the images in docs/run_data.py: a new recipe is a row there. --rows takes names of
rows and beginnings of them; --page writes the rows of OUT into a page and the folder beside it that
is called like it, where those of other computers or days stay that were not trained again here.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from run_data import SETS, DataSet, cvstudio, make_project
from run_rows import PLAIN, ROWS, Row
from run_words import table_of

BEGIN, END = "<!-- begun by run_table.py -->", "<!-- ended by run_table.py -->"
RESULTS = "results.json"
BY_SET = {one.name: one for one in SETS}
BY_NAME = {row.name: row for row in ROWS}


@dataclass(frozen=True)
class Place:
    """Where the images come from and where everything goes."""

    data: Path
    out: Path
    epochs: int

    def project(self, of: str) -> Path:
        return self.out / "projects" / of

    def result(self, row: Row) -> Path:
        return self.out / "rows" / f"{row.name}.json"

    def failure(self, row: Row) -> Path:
        return self.out / "failed" / f"{row.name}.json"

    def found(self, row: Row) -> dict[str, Any]:
        """What came of a row that is done."""
        content: dict[str, Any] = json.loads(self.result(row).read_text(encoding="utf-8"))
        return content


def work(place: Place, wanted: list[Row]) -> int:
    """Do the rows that are not done; returns how many failed."""
    failed = 0
    for row in wanted:
        if place.result(row).exists():
            continue
        begun = time.monotonic()
        print(f"{time.strftime('%H:%M:%S')} {row.name}", flush=True)
        try:
            content = done(place, row)
        except subprocess.CalledProcessError as error:
            failed += 1
            last = _said(error)
            _write(place.failure(row), {"row": row.name, "said": last})
            print("  FAILED " + "\n  ".join(last), flush=True)
            continue
        place.failure(row).unlink(missing_ok=True)
        content["wall_seconds"] = round(time.monotonic() - begun, 1)
        _write(place.result(row), content)
        print(f"  {content['metric']} {content['value']:.4f}, {content['wall_seconds']:.0f} s",
              flush=True)  # fmt: skip
        write_table(place)
    write_table(place)
    return failed


def write_page(place: Place, page: Path) -> None:
    """Put the table into a page between its two marks, with what was told there before.

    The configs and the results lie beside the page, so that rows can be added from another OUT.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(f"{BEGIN}\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no part between {BEGIN} and {END}")
    beside = page.with_suffix("")
    results = told_before(beside) | results_of(place)
    results = {row.name: results[row.name] for row in ROWS if row.name in results}
    page.write_text(f"{before}{BEGIN}\n\n{table_of(results)}\n{END}{after}", encoding="utf-8")
    shutil.rmtree(beside, ignore_errors=True)
    for name, content in results.items():
        _write(beside / f"{name}.json", content["config"])
    figures = {n: {k: v for k, v in c.items() if k != "config"} for n, c in results.items()}
    _write(beside / RESULTS, figures)


def told_before(beside: Path) -> dict[str, Any]:
    """What stands in the folder of a page: the results of rows with their configs."""
    if not (beside / RESULTS).exists():
        return {}
    figures = json.loads((beside / RESULTS).read_text(encoding="utf-8"))
    return {
        name: one | {"config": json.loads((beside / f"{name}.json").read_text(encoding="utf-8"))}
        for name, one in figures.items()
    }


def results_of(place: Place) -> dict[str, Any]:
    """What came of the rows that are done in OUT."""
    return {row.name: place.found(row) for row in ROWS if place.result(row).exists()}


def _said(error: subprocess.CalledProcessError) -> list[str]:
    """What a command said that failed: why the run ended, else its last lines."""
    try:
        message = json.loads(error.output or "{}").get("message")
    except ValueError:
        message = ""
    return [message] if message else (error.stderr or error.output or "").splitlines()[-8:]


def write_table(place: Place) -> None:
    """Everything that is done, as Markdown, and the config of each run."""
    results = results_of(place)
    shutil.rmtree(place.out / "configs", ignore_errors=True)
    for name, content in results.items():
        _write(place.out / "configs" / f"{name}.json", content["config"])
    (place.out / "table.md").write_text(table_of(results), encoding="utf-8")


def done(place: Place, row: Row) -> dict[str, Any]:
    """Train or judge what a row asks for. Raises CalledProcessError with what was said."""
    which, project = BY_SET[row.of], place.project(row.of)
    make_project(project, place.data, place.out / "data" / row.of, which)
    _make_way(place, row, which)
    if row.views:
        return _judged_again(place, row)
    if row.augment:
        # Of all runs of a project; other rows must not have it.
        project = _copy_of(project, row)
        cvstudio("augment", project, "--preset", row.augment)
    words = _words(place, row, which)
    if row.find_rate:
        words += ["--set", f"learning_rate={_found_rate(project, words):g}"]
    command = "folds" if row.folds else "train"
    answer = json.loads(cvstudio(command, project, *words, "--json"))
    content = _folds(project, answer) if row.folds else _trained(answer)
    typed = [Path(w).name if Path(w).is_absolute() else w for w in words]
    return content | {"row": row.name, "command": shlex.join(["cvstudio", command, row.of, *typed])}


def _make_way(place: Place, row: Row, which: DataSet) -> None:
    """Change the project once the run that others start from is there."""
    changed = place.out / "projects" / f"{row.of}.changed"
    if which.later is None or row.first or changed.exists():
        return
    which.later(place.project(row.of), place.data)
    changed.touch()


def _copy_of(project: Path, row: Row) -> Path:
    copy = project.with_name(row.name)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("runs", "*lock*"))
    return copy


def _words(place: Place, row: Row, which: DataSet) -> list[str]:
    """What is typed behind the project."""
    words = ["--preset", "fast"]
    network = row.network or which.network
    if network:
        words += ["--network", network]
    words += ["--epochs", str(place.epochs or row.epochs or which.epochs)]
    kind, _, parent = row.start.partition(":")
    settings = dict(which.settings)
    settings |= dict(pair.split("=", 1) for pair in row.settings.split())
    if kind:
        earlier = place.found(BY_NAME[parent])
        file = Path(place.project(row.of), earlier["checkpoint"])
        words += ["--from-run", str(earlier["run"])] if kind == "run" else [
            "--weights-file", str(file)]  # fmt: skip
    elif row.folds:
        settings["start"] = "scratch"
    else:
        words += ["--start", "scratch"]
    if row.folds:
        words += ["--k", str(row.folds)]
    return [*words, *(w for name, value in settings.items() for w in ("--set", f"{name}={value}"))]


def _found_rate(project: Path, words: list[str]) -> float:
    """What the command that tries learning rates suggests for a run that is typed with words."""
    preset, settings = words[: words.index("--epochs")], words[words.index("--set") :]
    typed = (*preset, *settings, "--set", "start=scratch")
    return float(json.loads(cvstudio("find-rate", project, *typed, "--json"))["suggested"])


def _trained(answer: dict[str, Any]) -> dict[str, Any]:
    directory = Path(answer["directory"])
    report = json.loads((directory / "report.json").read_text(encoding="utf-8"))["val"]
    content = _about(directory)
    return content | {
        "run": answer["run"],
        "network": answer["network"],
        "metric": answer["metric"],
        "value": answer["best"],
        "others": {k: v for k, v in report["metrics"].items() if v is not None},
        "best_epoch": answer["best_epoch"],
        "status": answer["status"],
    }


def _about(directory: Path) -> dict[str, Any]:
    """A run's config without paths of this computer, its epochs' time and what it said."""
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    if config["weights_file"]:
        config["weights_file"] = Path(config["weights_file"]).name
    events = [json.loads(line) for line in (directory / "events.jsonl").open(encoding="utf-8")]
    seconds = sorted(e["seconds"] for e in events if e["event"] == "epoch")
    notes = [e["text"] for e in events if e["event"] == "note"]
    return {
        "config": config,
        "epochs": len(seconds),
        "epoch_seconds": round(seconds[len(seconds) // 2], 2) if seconds else None,
        "notes": notes,
        "checkpoint": "/".join((*directory.parts[-2:], "checkpoints", "best.pt")),
    }


def _folds(project: Path, answer: dict[str, Any]) -> dict[str, Any]:
    """The mean of all parts, and the first part's config."""
    runs = json.loads(cvstudio("runs", project, "--json"))
    own = [run for run in runs if run["experiment"] == answer["experiment"]]
    first = min(own, key=lambda run: int(run["run"]))
    spread = answer["summary"]["metrics"][answer["metric"]]
    return _about(Path(first["directory"])) | {
        "run": first["run"],
        "network": first["network"],
        "metric": answer["metric"],
        "value": spread["mean"],
        "others": {},
        "status": "finished",
        "notes": [f"Over {len(own)} folds: {answer['metric']} {answer['spread']}."],
    }


def _judged_again(place: Place, row: Row) -> dict[str, Any]:
    """The plain run's network with other views of each image."""
    plain = place.found(BY_NAME[f"{row.of}-{PLAIN}"])
    words = (str(plain["run"]), "--views", row.views)
    answer = json.loads(cvstudio("evaluate", place.project(row.of), *words, "--json"))
    typed = shlex.join(["cvstudio", "evaluate", row.of, *words])
    return plain | {
        "row": row.name, "command": typed, "epoch_seconds": None, "notes": [],
        "value": answer["metrics"][plain["metric"]], "others": answer["metrics"],
        "beside": plain["value"],
    }  # fmt: skip


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    half.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    half.replace(path)


def chosen(words: str) -> list[Row]:
    """The rows whose names are given or begin so, in the order of the words."""
    found: dict[str, Row] = {}
    for word in words.split(",") if words else [""]:
        own = [BY_NAME[word]] if word in BY_NAME else [r for r in ROWS if r.name.startswith(word)]
        if not own:
            sys.exit(f"There is no row {word}. Rows: {', '.join(BY_NAME)}")
        found |= {row.name: row for row in own}
    return list(found.values())


def main() -> None:
    """Read the arguments and do the work."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", default="", help="names or their beginnings, by commas")
    parser.add_argument("--epochs", type=int, default=0, help="of every row, to try it quickly")
    parser.add_argument("--page", type=Path, help="write the table into that page")
    arguments = parser.parse_args()
    out = arguments.out.absolute()
    (out / "projects").mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["CVSTUDIO_HOME"] = str(out / "home")
    place = Place(arguments.data.absolute(), out, arguments.epochs)
    failed = work(place, chosen(arguments.rows))
    if arguments.page:
        write_page(place, arguments.page)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

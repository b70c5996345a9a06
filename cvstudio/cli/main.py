"""The table of commands and the way in: commands are imported when they are asked for.

Exit codes: 0 it worked, 1 the work failed, 2 wrong usage. An error is one plain line on stderr; its
traceback is in the log.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType

import click

from cvstudio.core.errors import CVStudioError, file_trouble
from cvstudio.core.places import logs

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One command: what --help says of it, and the module that holds it under its own name."""

    name: str
    help: str
    load: Callable[[], ModuleType] | None
    """None: `__main__` runs it before the command line is reached."""


def _projects() -> ModuleType:
    from cvstudio.cli import projects

    return projects


def _data() -> ModuleType:
    from cvstudio.cli import data

    return data


def _images() -> ModuleType:
    from cvstudio.cli import images

    return images


def _augmenting() -> ModuleType:
    from cvstudio.cli import augmenting

    return augmenting


def _training() -> ModuleType:
    from cvstudio.cli import training

    return training


def _watching() -> ModuleType:
    from cvstudio.cli import watching

    return watching


def _rates() -> ModuleType:
    from cvstudio.cli import rates

    return rates


def _queueing() -> ModuleType:
    from cvstudio.cli import queueing

    return queueing


def _comparing() -> ModuleType:
    from cvstudio.cli import comparing

    return comparing


def _mirroring() -> ModuleType:
    from cvstudio.cli import mirroring

    return mirroring


def _experimenting() -> ModuleType:
    from cvstudio.cli import experimenting

    return experimenting


def _explaining() -> ModuleType:
    from cvstudio.cli import explaining

    return explaining


def _judging() -> ModuleType:
    from cvstudio.cli import judging

    return judging


def _choosing() -> ModuleType:
    from cvstudio.cli import choosing

    return choosing


def _suspecting() -> ModuleType:
    from cvstudio.cli import suspecting

    return suspecting


def _exporting() -> ModuleType:
    from cvstudio.cli import exporting

    return exporting


def _reporting() -> ModuleType:
    from cvstudio.cli import reporting

    return reporting


def _predicting() -> ModuleType:
    from cvstudio.cli import predicting

    return predicting


def _bundling() -> ModuleType:
    from cvstudio.cli import bundling

    return bundling


def _suggesting() -> ModuleType:
    from cvstudio.cli import suggesting

    return suggesting


def _nearness() -> ModuleType:
    from cvstudio.cli import nearness

    return nearness


def _networks() -> ModuleType:
    from cvstudio.cli import networks

    return networks


def _weights() -> ModuleType:
    from cvstudio.cli import weights

    return weights


ENTRIES: tuple[Entry, ...] = (
    Entry("new", "Make an empty project.", _projects),
    Entry("sample", "Make a generated sample project with exact ground truth.", _projects),
    Entry("info", "What a project holds.", _projects),
    Entry("upgrade", "Bring a project of an older CVStudio up to date.", _projects),
    Entry("check", "Look for faults in a project's images and labels.", _projects),
    Entry("import", "Bring images and labels into a project.", _data),
    Entry("images", "Find images by class, count, tag, score, errors and more.", _images),
    Entry("split", "Divide the labelled images into train, val and test.", _data),
    Entry("export", "Write a project's labels in another program's format.", _data),
    Entry("formats", "The label formats that can be read and written.", _data),
    Entry("augment", "Show or take the augmentation of the next run.", _augmenting),
    Entry("train", "Train a network.", _training),
    Entry("find-rate", "Find a learning rate at which the loss falls.", _rates),
    Entry("runs", "The runs of a project.", _watching),
    Entry("queue", "The runs that wait, and their order.", _queueing),
    Entry("watch", "Follow a run until it ends.", _watching),
    Entry("pause", "Stop a run so that it can be resumed.", _watching),
    Entry("finish", "End a run early and keep what it has learned.", _watching),
    Entry("cancel", "End a run at once.", _watching),
    Entry("resume", "Continue a paused, stopped or failed run.", _training),
    Entry("compare", "In what runs differ, and which images got better.", _comparing),
    Entry("reproduce", "Train a run again and report the difference.", _comparing),
    Entry("mirror", "Show a run in TensorBoard or MLflow.", _mirroring),
    Entry("folds", "Train and judge on each part of the images in turn.", _experimenting),
    Entry("sweep", "Train with each of several values of some settings.", _experimenting),
    Entry("search", "Look for the best settings, trial after trial.", _experimenting),
    Entry("experiments", "The folds, sweeps and searches of a project.", _experimenting),
    Entry("evaluate", "Judge a run on val or test with the labels of now.", _judging),
    Entry("errors", "What a run gets wrong, worst images first.", _judging),
    Entry("slices", "The parts of a split on which a run does worse.", _choosing),
    Entry("thresholds", "The score from which each class of a run counts.", _choosing),
    Entry("calibrate", "Whether a run is as often right as it is sure.", _choosing),
    Entry("suspects", "Labels that are likely wrong, and why.", _suspecting),
    Entry("explain", "A heat map of what a network looks at in an image.", _explaining),
    Entry("report", "A run in one file, for people who do not have CVStudio.", _reporting),
    Entry("drift", "Whether a run knows what is on new images.", _reporting),
    Entry("export-network", "Write a run's network as files that are proven.", _exporting),
    Entry("check-file", "Whether an exported file is still the proven one.", _exporting),
    Entry("bundle", "Pack an exported network for somebody without CVStudio.", _bundling),
    Entry("predict", "Ask a network about images, videos or a camera.", _predicting),
    Entry("suggest", "Let a network suggest labels for images.", _suggesting),
    Entry("embed", "Place every image or object on a run's map.", _nearness),
    Entry("duplicates", "Images that show the same, within and across splits.", _nearness),
    Entry("outliers", "Images or objects unlike what a run was trained on.", _nearness),
    Entry("similar", "The images that a run takes for most like one of them.", _nearness),
    Entry("next", "Which images to label next, and why.", _nearness),
    Entry("networks", "List the networks that can be trained, or find some by words.", _networks),
    Entry("weights", "List and get pretrained weights.", _weights),
    Entry("worker", "Do one job (the window starts this).", None),
    Entry("follow-cluster", "Stand for a run that a cluster does (the window starts this).", None),
    Entry("live", "Serve previews (the window starts this).", None),
    Entry("demo", "Open the sample project, or work through it where there is no display.", None),
    Entry("selftest", "Prove that this installation works.", None),
    Entry("bench", "Measure CVStudio against bare libraries.", None),
)


class LazyGroup(click.Group):
    """A group whose help comes from the table and whose commands are imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [entry.name for entry in ENTRIES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = next((entry for entry in ENTRIES if entry.name == cmd_name), None)
        if entry is None:
            return None
        if entry.load is None:
            return _done_before(entry)
        command = getattr(entry.load(), entry.name.replace("-", "_") + "_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.help) for entry in ENTRIES])


@click.command(cls=LazyGroup, name="cvstudio", context_settings={"max_content_width": 100})
@click.version_option(package_name="cvstudio", prog_name="cvstudio")
def root() -> None:
    """Label images, train a network, see its errors, fix the labels, take an ONNX file home.

    `cvstudio` or `cvstudio PROJECT` opens the window; the commands below do what the window does.
    """


def _done_before(entry: Entry) -> click.Command:
    """The help and the usage errors of a command that `__main__` runs when its usage is right."""
    parameters: list[click.Parameter] = []
    as_json = click.Option(["--json"], is_flag=True, help="Print the result as JSON.")
    match entry.name:
        case "worker" | "follow-cluster":
            folder = click.Path(exists=True, file_okay=False)
            parameters.append(click.Argument(["run_dir"], type=folder))
        case "demo":
            parameters += [click.Argument(["folder"], required=False), as_json]
        case "selftest":
            parameters.append(as_json)
    return click.Command(entry.name, help=entry.help, params=parameters)


def is_command_line(arguments: Sequence[str]) -> bool:
    """Whether the arguments are for the command line, and not the one folder for the window."""
    first = arguments[0]
    named = any(entry.name == first for entry in ENTRIES)
    return named or len(arguments) > 1 or not Path(first).is_dir()


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    _log_to_file()
    sys.excepthook = _say_fault
    try:
        code = root.main(list(arguments), prog_name="cvstudio", standalone_mode=False)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "cvstudio"
        message = " ".join(error.format_message().split())
        click.echo(f"Error: {message} See: {path} --help", err=True)
        return 2
    except click.Abort:
        click.echo("Stopped.", err=True)
        return 1
    except CVStudioError as error:
        logger.error("%s failed", arguments[0], exc_info=error)
        say_error(error)
        return 1
    except OSError as error:
        logger.error("%s failed", arguments[0], exc_info=error)
        click.echo(f"Error: {file_trouble(error)}", err=True)
        return 1
    return code if isinstance(code, int) else 0


def say_error(error: CVStudioError) -> None:
    """An error as one line on stderr, with its way forward."""
    words = " ".join(part for part in (error.message, error.hint) if part)
    click.echo(f"Error: {' '.join(words.split())}", err=True)


def _log_to_file() -> None:
    handler = logging.FileHandler(logs() / "command-line.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(capture=True)


def _say_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """A fault of CVStudio itself: one line for the user, the traceback for the log."""
    logger.critical("fault", exc_info=(kind, error, trace))
    log = logs() / "command-line.log"
    click.echo(f"Error: CVStudio met an error that it does not know. See {log}", err=True)

"""The one executable: the window, the command line, and the processes that both of them start.

Nothing heavy is imported here: each way in imports what it needs, so that a job never loads Qt,
the window never loads torch, and `cvstudio --help` answers at once.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for and return the exit code."""
    multiprocessing.freeze_support()
    arguments = list(sys.argv[1:] if argv is None else argv)
    match arguments:
        case ["worker", directory] if not directory.startswith("-"):
            from cvstudio.ml.worker import run_job

            return run_job(Path(directory))
        case ["follow-cluster", directory] if not directory.startswith("-"):
            from cvstudio.project.cluster.follow import follow

            return follow(Path(directory))
        case ["live"]:
            from cvstudio.ml.live import main as live

            return live()
        case ["demo", *rest] if _is_usage(rest, most=1):
            from cvstudio.checks.demo import main as demo

            return demo(rest)
        case ["selftest", *rest] if _is_usage(rest, most=0):
            from cvstudio.checks.selftest import main as selftest

            return selftest(rest)
        case ["bench", *rest]:
            from cvstudio.checks.bench import main as bench

            return bench(rest)
    if arguments and not _is_project(arguments):
        from cvstudio.cli.main import is_command_line, run

        if is_command_line(arguments):
            return run(arguments)
    project = Path(arguments[0]) if arguments else None
    code: int = window_program().run(project, sys.argv[:1])
    return code


def window_program() -> ModuleType:
    """The module that opens the window, cvstudio.gui.app.

    All that it imports stays as long as the window: no search for circular garbage looks at it,
    neither now (a quarter of the time that this takes) nor later.
    """
    from cvstudio.core.collector import collector_at_rest

    with collector_at_rest(aside=True):
        from cvstudio.gui import app
    return app


def _is_usage(arguments: Sequence[str], *, most: int) -> bool:
    """Whether these are --json and at most that many names; the command line answers all else."""
    names = [argument for argument in arguments if argument != "--json"]
    return len(names) <= most and not any(name.startswith("-") for name in names)


def _is_project(arguments: Sequence[str]) -> bool:
    """Whether the one argument is a project's folder: the window opens without the command line."""
    return len(arguments) == 1 and Path(arguments[0], "project.db").is_file()


if __name__ == "__main__":
    sys.exit(main())

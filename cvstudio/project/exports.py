"""The network files that were exported from a project's runs, wherever they were written to."""

from __future__ import annotations

import json
from pathlib import Path

from cvstudio.core.jobdir import JobDir
from cvstudio.project import runs
from cvstudio.project.project import Project
from cvstudio.project.records import RunRecord

REPORT_SUFFIX = ".verification.json"
"""What stands in the place of .onnx in the name of the report beside an exported file."""


def exported_file(job: JobDir) -> Path | None:
    """The file that an export job wrote; None while it has not, or when it did not get that far.

    A file that failed its proof has another name than the one that was asked for.
    """
    try:
        asked = json.loads(job.config.read_text(encoding="utf-8"))
        told = json.loads((job.path / "verification.json").read_text(encoding="utf-8"))
        return Path(asked["output"]).with_name(told["file"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def reports(project: Project) -> list[Path]:
    """The verification reports that lie beside exported files of now, in no special order.

    Every export job keeps where it wrote to; what somebody laid into the project's folder of
    exports counts as well.
    """
    found = set(project.exports_directory.glob(f"*{REPORT_SUFFIX}"))
    for folder in project.runs_directory.glob("*/jobs/export-*"):
        file = exported_file(JobDir(folder))
        if file is not None:
            found.add(file.with_suffix(REPORT_SUFFIX))
    return [report for report in found if report.is_file()]


def onnx_files(project: Project) -> list[Path]:
    """The ONNX files of now that a report lies beside, in no special order."""
    named = (
        report.with_name(report.name.removesuffix(REPORT_SUFFIX)) for report in reports(project)
    )
    files = (path.with_name(path.name + ".onnx") for path in named)
    return [file for file in files if file.is_file()]


def run_of(project: Project, file: Path) -> RunRecord | None:
    """The run that a file was made from, by the report beside it; None for a file of elsewhere."""
    report = file.with_name(file.name.removesuffix(file.suffix) + REPORT_SUFFIX)
    try:
        name = json.loads(report.read_text(encoding="utf-8"))["run"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return next((r for r in runs.all_runs(project) if runs.job_of(r).path.name == name), None)

"""The job that asks a network for labels: a checkpoint or an exported file, batch after batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_exporting import Made, make_run
from test_exporting import one_thread as one_thread

from cvstudio.core import events
from cvstudio.core.annotation import Split, Task
from cvstudio.core.config import SuggestConfig
from cvstudio.core.events import Outcome
from cvstudio.core.jobdir import JobDir, Request, replace_file
from cvstudio.core.predictions import Prediction, read_predictions
from cvstudio.core.suggestion import ANSWERS, AskedImage, read_answer, write_asked
from cvstudio.ml.worker import run_job


def asking(made: Made, folder: Path, *, extra: tuple[AskedImage, ...] = (), **more: Any) -> JobDir:
    """A suggest job about the val images of a run, and perhaps other ones."""
    settings = {"task": made.snapshot.task, "score": 0.0, "batch": 2, "device": "cpu", **more}
    if "file" not in settings:
        settings["run_directory"] = made.run.path
    job = JobDir(folder)
    config = SuggestConfig(**settings)
    replace_file(job.config, config.model_dump_json().encode())
    val = made.snapshot.of(Split.VAL)
    images = [AskedImage(i.id, i.path, i.page, i.width, i.height, i.window) for i in val]
    write_asked(job, [*images, *extra])
    return job


def answers(job: JobDir) -> list[Prediction]:
    return list(read_predictions(job.predictions(ANSWERS)))


@pytest.mark.parametrize("task", list(Task))
def test_a_run_is_asked_about_every_image_and_says_how_far_it_is(
    tmp_path: Path, task: Task
) -> None:
    made = make_run(tmp_path, task)
    job = asking(made, tmp_path / "job")
    assert run_job(job.path) == 0
    state = job.state()
    assert state.ended is not None
    assert state.ended.outcome is Outcome.FINISHED
    assert (state.done, state.total) == (5, 5)
    assert [a.image_id for a in answers(job)] == [i.id for i in made.snapshot.of(Split.VAL)]
    told = read_answer(job)
    assert (told.task, [c.id for c in told.classes], told.unread) == (task, [3, 7], ())
    if task is Task.CLASSIFY:
        assert all(
            sum((a.scores or {}).values()) == pytest.approx(1, abs=1e-4) for a in answers(job)
        )
    elif task is Task.SEGMENT:
        assert all(a.regions is not None for a in answers(job))
    else:
        assert any(a.objects for a in answers(job))


@pytest.mark.parametrize("task", [Task.DETECT, Task.CLASSIFY])
def test_an_exported_file_answers_like_its_run(tmp_path: Path, task: Task) -> None:
    made = make_run(tmp_path, task)
    output = tmp_path / "net.onnx"
    made.export(output, verify=False)
    of_run, of_file = asking(made, tmp_path / "a"), asking(made, tmp_path / "b", file=output)
    assert run_job(of_run.path) == 0
    assert run_job(of_file.path) == 0
    for ours, theirs in zip(answers(of_run), answers(of_file), strict=True):
        if task is Task.CLASSIFY:
            assert theirs.scores == pytest.approx(ours.scores, abs=1e-3)
        else:
            pairs = zip(ours.objects[:20], theirs.objects[:20], strict=True)
            assert all(a.score == pytest.approx(b.score, abs=1e-3) for a, b in pairs)


def test_a_file_is_asked_without_torch(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.DETECT)
    output = tmp_path / "net.onnx"
    made.export(output, verify=False)
    job = asking(made, tmp_path / "job", file=output)
    code = (
        "import sys; from pathlib import Path; from cvstudio.ml.worker import run_job;"
        f"code = run_job(Path({str(job.path)!r})); sys.exit(code or 7 * ('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert len(answers(job)) == 5


def test_what_the_network_is_not_sure_of_is_left_out(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.DETECT)
    every, sure = asking(made, tmp_path / "a"), asking(made, tmp_path / "b", score=0.5)
    assert run_job(every.path) == 0
    assert run_job(sure.path) == 0
    scores = [o.score for a in answers(every) for o in a.objects]
    kept = [o.score for a in answers(sure) for o in a.objects]
    assert kept == [score for score in scores if score >= 0.5]
    assert len(kept) < len(scores)


def test_images_that_cannot_be_read_are_left_out_with_the_reason(tmp_path: Path) -> None:
    made = make_run(tmp_path, Task.CLASSIFY)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    extra = (
        AskedImage(900, tmp_path / "gone.png", 0, 64, 64),
        AskedImage(901, broken, 0, 64, 64),
    )
    job = asking(made, tmp_path / "job", extra=extra)
    assert run_job(job.path) == 0
    assert len(answers(job)) == 5
    assert [u.image_id for u in read_answer(job).unread] == [900, 901]
    notes = [e.text for e in job.read_events() if isinstance(e, events.Note)]
    assert len(notes) == 2
    assert "gone.png" in notes[0]


def test_a_cancelled_job_leaves_no_answers(tmp_path: Path) -> None:
    job = asking(make_run(tmp_path, Task.CLASSIFY), tmp_path / "job")
    job.ask(Request.CANCEL)
    assert run_job(job.path) == 0
    ended = job.state().ended
    assert ended is not None
    assert ended.outcome is Outcome.CANCELLED
    assert list((job.path / "predictions").iterdir()) == []
    assert not (job.path / "answer.json").exists()


def test_a_network_for_another_task_is_refused_in_words(tmp_path: Path) -> None:
    job = asking(make_run(tmp_path, Task.CLASSIFY), tmp_path / "job", task=Task.DETECT)
    assert run_job(job.path) == 1
    failed = job.state().failed
    assert failed is not None
    assert "The network is for classify, and this project is for detect." in failed.text


def test_a_job_of_which_no_image_can_be_read_fails_with_the_reason(tmp_path: Path) -> None:
    job = asking(make_run(tmp_path, Task.CLASSIFY), tmp_path / "job")
    write_asked(job, [AskedImage(1, tmp_path / "gone.png", 0, 64, 64)])
    assert run_job(job.path) == 1
    failed = job.state().failed
    assert failed is not None
    assert "gone.png" in failed.text

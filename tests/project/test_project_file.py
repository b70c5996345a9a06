"""The project folder through making, locks, crashes, damage, full disks and moves."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from project_state import dump
from sqlalchemy.orm import Session

from cvstudio.core.annotation import Task
from cvstudio.core.errors import ProjectDamaged, ProjectError, ProjectLocked
from cvstudio.core.geometry import Box
from cvstudio.project import backup, commands, database, lock, queries, steps
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage

HOLD = """
import sys, time
from cvstudio.project.project import Project
with Project.open(sys.argv[1]):
    print("open", flush=True)
    time.sleep(60)
"""

LABEL = """
import sys
from cvstudio.core.geometry import Box
from cvstudio.project import commands
from cvstudio.project.project import Project
project = Project.open(sys.argv[1])
for number in range(100_000):
    with project.transaction("Add box") as s:
        commands.add_annotation(s, image_id=1 + number % 12, class_id=1, shape=Box(number, 0, 5, 5))
    print(number, flush=True)
"""

IMPORT = """
import sys
from cvstudio.project import commands
from cvstudio.project.project import Project
from cvstudio.project.records import NewImage
project = Project.open(sys.argv[1])
with project.transaction("Import") as s:
    commands.add_images(s, [NewImage(f"half/{n}.png", 5, 5) for n in range(50_000)])
    print("written", flush=True)
    sys.stdin.read()
"""


def start(code: str, project: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(project)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


# Making and opening


def test_a_new_project_opens_again_with_its_name_task_and_classes(tmp_path: Path) -> None:
    with Project.create(tmp_path / "a b", task=Task.SEGMENT, name="Zellen", classes=["x", "y"]):
        pass
    with Project.open(tmp_path / "a b") as project:
        assert (project.name, project.task) == ("Zellen", Task.SEGMENT)
        with project.read() as s:
            assert [(c.name, c.hotkey) for c in queries.classes(s)] == [("x", "1"), ("y", "2")]


def test_a_project_is_not_made_over_another_one(project: Project) -> None:
    with pytest.raises(ProjectError, match="already"):
        Project.create(project.path, task=Task.DETECT)


def test_a_failed_making_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="already"):
        Project.create(tmp_path / "p", task=Task.DETECT, classes=["same", "same"])
    assert not (tmp_path / "p" / database.FILE).exists()
    Project.create(tmp_path / "p", task=Task.DETECT, classes=["same"]).close()


def test_a_folder_without_a_project_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no CVStudio project in"):
        Project.open(tmp_path)


def test_opening_needs_neither_alembic_nor_pydantic() -> None:
    """Both are slow to import, and the window opens a project before it is shown."""
    code = (
        "import sys, tempfile, pathlib\n"
        "from cvstudio.core.annotation import Task\n"
        "from cvstudio.project.project import Project\n"
        "folder = pathlib.Path(tempfile.mkdtemp()) / 'p'\n"
        "Project.create(folder, task=Task.DETECT).close()\n"
        "Project.open(folder).close()\n"
        "sys.exit(str({'alembic', 'pydantic'} & set(sys.modules) or ''))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


# The writer's lock


def test_a_second_writer_is_told_who_holds_the_project(project: Project) -> None:
    project.close()
    holder = start(HOLD, project.path)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(ProjectLocked) as refused:
            Project.open(project.path)
        assert lock.user() in refused.value.message
        assert f"process {holder.pid}" in refused.value.message
        assert re.search(r"since \d\d:\d\d", refused.value.message)
    finally:
        kill(holder)


def test_a_killed_writer_leaves_no_lock_behind(project: Project) -> None:
    project.close()
    holder = start(HOLD, project.path)
    assert holder.stdout is not None
    holder.stdout.readline()
    os.kill(holder.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    holder.communicate()
    Project.open(project.path).close()


def test_a_second_opening_in_the_same_process_is_refused_too(project: Project) -> None:
    with pytest.raises(ProjectLocked, match=f"process {os.getpid()}"):
        Project.open(project.path)
    with project.transaction("Still mine") as s:
        commands.add_class(s, name="new")


def test_a_reader_needs_no_lock_and_sees_what_is_committed(project: Project) -> None:
    with Project.open(project.path, write=False) as reader:
        with project.transaction("Add class") as s:
            commands.add_class(s, name="new")
            with reader.read() as r:
                assert len(queries.classes(r)) == 3
        with reader.read() as r:
            assert len(queries.classes(r)) == 4
        with pytest.raises(ProjectError, match="reading only"), reader.transaction("x"):
            pass


def test_closing_lets_the_next_writer_in(project: Project) -> None:
    project.close()
    project.close()
    with Project.open(project.path):
        with pytest.raises(ProjectError, match="is closed"), project.transaction("Late"):
            pass
        with pytest.raises(ProjectError, match="is closed"), project.read():
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="replaces the lock of other systems")
def test_a_disk_that_cannot_lock_is_not_blamed_on_somebody(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.close()

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(ProjectError, match="cannot lock files: No locks available") as refused:
        Project.open(project.path)
    assert not isinstance(refused.value, ProjectLocked)


def test_two_threads_wait_for_each_other(project: Project) -> None:
    def work() -> None:
        for _ in range(20):
            with project.transaction("Add box") as s:
                commands.add_annotation(s, image_id=1, class_id=1, shape=Box(0, 0, 5, 5))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with project.read() as s:
        assert len(queries.annotations(s, 1)) == 60
        assert steps.count(s) == 60


# Crashes, damage, full disks


def test_killed_while_labelling_every_finished_shape_is_there(project: Project) -> None:
    project.close()
    worker = start(LABEL, project.path)
    assert worker.stdout is not None
    finished = [int(worker.stdout.readline()) for _ in range(40)]
    os.kill(worker.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    rest, _ = worker.communicate()
    finished += [int(line) for line in rest.split()]
    with Project.open(project.path) as again, again.read() as s:
        found = queries.annotations_of(s, range(1, 13)).values()
        drawn = {int(a.box.x) for each in found for a in each}
    assert drawn >= set(finished)
    assert len(drawn) <= len(finished) + 1


def test_killed_in_the_middle_of_an_import_nothing_of_it_is_there(project: Project) -> None:
    before = dump(project)
    project.close()
    worker = start(IMPORT, project.path)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "written\n"
    kill(worker)
    with Project.open(project.path) as again:
        assert dump(again) == before


def import_until_full(project: Project) -> None:
    with project.transaction("Import") as s:
        images = [NewImage(f"full/{n}.png", 5, 5, sha256="f" * 64) for n in range(20_000)]
        commands.add_images(s, images)


def test_a_full_disk_in_the_middle_of_an_import_leaves_nothing_half_done(project: Project) -> None:
    before = dump(project)
    with project.read() as s:
        pages = s.connection().exec_driver_sql("PRAGMA page_count").scalar()
        s.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")
    with pytest.raises(ProjectError, match="The disk is full: the last change was not saved"):
        import_until_full(project)
    assert dump(project) == before
    assert project.undo_label is None
    with project.transaction("Add class") as s:
        commands.add_class(s, name="still works")
    assert project.undo() is not None
    assert dump(project) == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the file size")
def test_a_file_that_may_not_grow_leaves_a_usable_project(project: Project) -> None:
    import resource

    before = dump(project)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, old[1]))
    try:
        with pytest.raises(ProjectError, match="the last change was not saved"):
            import_until_full(project)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    assert dump(project) == before
    import_until_full(project)
    project.undo()
    assert dump(project) == before


@pytest.mark.parametrize("where", ["header", "middle", "cut", "text"])
def test_a_damaged_database_is_refused_in_words(project: Project, where: str) -> None:
    import_until_full(project)
    made = backup.make(project.path, reason="by hand")
    project.close()
    file = project.path / database.FILE
    content = bytearray(file.read_bytes())
    match where:
        case "header":
            content[:100] = bytes(100)
        case "middle":
            content[len(content) // 3 : 2 * len(content) // 3] = b"\xa5" * (len(content) // 3)
        case "cut":
            del content[len(content) // 2 :]
        case "text":
            content = bytearray(b"This is a letter to my aunt.\n" * 100)
    file.write_bytes(content)
    with pytest.raises(ProjectDamaged, match="database is damaged") as refused:
        Project.open(project.path)
    assert "\n" not in refused.value.message
    assert str(made) in refused.value.hint
    with pytest.raises(ProjectDamaged):  # and the refusal did not keep the lock
        Project.open(project.path)


def test_an_empty_database_file_is_no_project(project: Project) -> None:
    project.close()
    (project.path / database.FILE).write_bytes(b"")
    with pytest.raises(ProjectError, match="not a CVStudio project"):
        Project.open(project.path)


# Moving


def test_a_moved_project_still_finds_its_copied_images(project: Project, tmp_path: Path) -> None:
    inside = project.images_directory / "deep" / "a.png"
    inside.parent.mkdir(parents=True)
    inside.write_bytes(b"x")
    outside = tmp_path / "elsewhere" / "a.png"
    outside.parent.mkdir()
    outside.write_bytes(b"y")
    uris = [project.uri_of(inside), project.uri_of(outside)]
    assert uris == ["images/deep/a.png", outside.as_posix()]
    with project.transaction("Add two of the same name") as s:
        ids = commands.add_images(s, [NewImage(uri, 5, 5) for uri in uris])
    project.close()
    moved = tmp_path / "new home" / "cells"
    shutil.move(project.path, moved)
    with Project.open(moved) as again, again.read() as s:
        records = queries.images(s, ids)
        assert [r.name for r in records] == ["a.png", "a.png"]
        assert [again.image_path(r) for r in records] == [moved / "images/deep/a.png", outside]


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs a right there")
def test_a_file_reached_by_another_way_is_known_as_the_same(
    project: Project, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(project.path)
    ways = ["images/a.png", "images/../images/a.png", "./images/deep/../a.png"]
    assert {project.uri_of(project.path / way) for way in ways} == {"images/a.png"}
    assert {project.uri_of(link / way) for way in ways} == {"images/a.png"}
    project.close()
    with Project.open(link) as again:
        assert again.uri_of(project.path / ways[1]) == "images/a.png"


def test_a_project_on_a_read_only_medium_opens_for_reading(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs this may write everywhere, so the system is made to say otherwise."""
    project.close()
    monkeypatch.setattr("cvstudio.project.database.os.access", lambda *_: False)
    before = sorted(project.path.iterdir())
    with Project.open(project.path, write=False) as reader, reader.read() as s:
        assert len(queries.classes(s)) == 3
        assert sorted(project.path.iterdir()) == before


def test_a_listener_may_write_in_answer_to_a_change(project: Project) -> None:
    """For example to note a run's state: the door is open again when views are told."""

    def answer(_: object) -> None:
        project.changed.disconnect(answer)
        with project.transaction("Note", undoable=False) as s:
            commands.set_setting(s, "seen", time.time())

    project.changed.connect(answer)
    with project.transaction("Add class") as s:
        commands.add_class(s, name="new")
    with project.read() as s:
        assert queries.setting(s, "seen") is not None
    assert project.undo_label == "Add class"


def test_one_reading_sees_one_state_of_the_project(project: Project) -> None:
    def count(s: Session) -> int:
        return len(queries.classes(s))

    with project.read() as s:
        assert count(s) == 3
        with project.transaction("Add class") as writing:
            commands.add_class(writing, name="new")
        assert count(s) == 3
    with project.read() as s:
        assert count(s) == 4

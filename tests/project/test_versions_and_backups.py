"""Projects of older and newer versions, and copies of the database."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from project_state import dump

from cvstudio.core.errors import ProjectDamaged, ProjectError, ProjectLocked, ProjectTooNew
from cvstudio.core.geometry import Box
from cvstudio.core.rotated import RotatedBox
from cvstudio.project import backup, commands, database, queries
from cvstudio.project.migrations import upgrade
from cvstudio.project.project import Project
from cvstudio.project.tables import VERSION


def shape_of(file: Path) -> dict[str, list[str]]:
    """The definition of each table and index, clause by clause."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        plain = {
            name: re.sub(r"\s+(?=\))|(?<=\()\s+", "", " ".join(sql.split())) for name, sql in rows
        }
    # The order of a table's constraints says nothing, nor do the quotes that renaming leaves.
    plain = {
        name: re.sub(r'^CREATE TABLE "(\w+)"', r"CREATE TABLE \1", plain[name]) for name in plain
    }
    return {name: sorted(re.split(r",? (?=CONSTRAINT)", sql[:-1])) for name, sql in plain.items()}


def test_migrations_lead_to_the_same_tables_as_a_new_project(
    project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "migrated.db"
    engine = database.open_engine(file, write=True)
    upgrade.upgrade(engine)
    assert database.version_of(engine) == VERSION
    engine.dispose()
    project.close()
    assert shape_of(file) == shape_of(project.path / database.FILE)


def old_project(folder: Path) -> Path:
    """A project as the first CVStudio left it: 20 classes of which two are gone, and their work."""
    engine = database.open_engine(folder / database.FILE, write=True)
    upgrade.upgrade(engine, to="0001")
    engine.dispose()
    with closing(sqlite3.connect(folder / database.FILE)) as file, file:
        file.execute("INSERT INTO project VALUES (1, 'old', 'detect', 5.0, '0.1')")
        for n in range(1, 21):
            file.execute(
                "INSERT INTO label_class VALUES (?, ?, '#FFFFFF', '', ?)", (n, f"class {n}", n)
            )
            file.execute(
                "INSERT INTO image (uri, name, sort_key, width, height, imported_at, review)"
                " VALUES (?, ?, ?, 50, 40, 6.0, 'labelled')",
                (f"{n}.png", f"{n}.png", f"{n:04d}"),
            )
            file.execute(
                "INSERT INTO annotation (image_id, class_id, kind, x, y, w, h, area, created,"
                " updated) VALUES (?, ?, 'box', 1, 2, 3, 4, 12, 7, 8)",
                (n, n),
            )
        file.execute("INSERT INTO history VALUES (1, 9.0, 'me', 'do', 'Draw', '{}')")
        file.execute("DELETE FROM annotation WHERE class_id > 18")
        file.execute("DELETE FROM label_class WHERE id > 18")
    return folder


def test_a_project_of_the_first_version_keeps_all_its_work_and_gains_what_is_new(
    tmp_path: Path,
) -> None:
    with Project.open(old_project(tmp_path)) as project:
        with project.read() as s:
            assert [c.name for c in queries.classes(s)] == [f"class {n}" for n in range(1, 19)]
            found = queries.annotations_of(s, range(1, 21))
            assert [len(found[n]) for n in range(1, 21)] == [1] * 18 + [0, 0]
            assert {a.box for each in found.values() for a in each} == {Box(1, 2, 3, 4)}
            asked = (
                "SELECT DISTINCT locked FROM annotation",
                "SELECT DISTINCT reject_reason FROM image",
                "SELECT DISTINCT parent_id, attributes, skeleton FROM label_class",
                "SELECT count(*) FROM comment",
                "SELECT count(*) FROM step",
                "SELECT count(*) FROM experiment",
            )
            told = [s.connection().exec_driver_sql(sql).all() for sql in asked]
            assert told == [[(0,)], [("",)], [(None, None, None)], [(0,)], [(0,)], [(0,)]]
            assert [h.label for h in queries.history(s)] == ["Draw"]
        assert (project.undo_label, project.redo_label) == (None, None)
        before = dump(project)
        with project.transaction("Add class") as s:
            assert commands.add_class(s, name="new") == 21  # an id is never given twice
        with project.transaction("Delete class") as s:
            commands.delete_class(s, id=3)  # what refers to it is still known
        assert project.undo() is not None
        assert project.undo() is not None
        assert dump(project) == before
    (made,) = backup.backups(tmp_path)
    assert made.reason == f"before version {VERSION}"
    with closing(sqlite3.connect(made.path)) as old:
        assert old.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


LATER = '''
"""A column more."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0006", "0005"
def upgrade():
    with op.batch_alter_table("image", recreate="always") as batch:
        batch.add_column(sa.Column("stain", sa.String(), nullable=False, server_default="HE"))
    if {fail}:
        raise RuntimeError("no luck")
'''


@pytest.fixture
def future(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if this CVStudio had one more migration; returns the file of that migration."""
    scripts = tmp_path / "scripts"
    shutil.copytree(upgrade.SCRIPTS, scripts)
    later = scripts / "versions" / "0006_later.py"
    later.write_text(LATER.format(fail=False))
    monkeypatch.setattr("cvstudio.project.project.VERSION", "0006")
    monkeypatch.setattr("cvstudio.project.database.VERSION", "0006")
    monkeypatch.setattr(upgrade.upgrade, "__kwdefaults__", {"scripts": scripts, "to": "head"})
    return later


def labelled(project: Project) -> dict[str, list[tuple[object, ...]]]:
    with project.transaction("Add box") as s:
        commands.add_annotation(s, image_id=1, class_id=1, shape=Box(0, 0, 5, 5))
    content = dump(project)
    project.close()
    return content


def test_a_project_of_before_takes_rotated_boxes_and_still_refuses_kinds_that_nobody_knows(
    tmp_path: Path,
) -> None:
    folder = old_project(tmp_path)
    with Project.open(folder) as project:
        before = dump(project)
        with project.transaction("Add rotated box") as s:
            shape = RotatedBox(30, 30, 20, 10, 30)
            id = commands.add_annotation(s, image_id=1, class_id=1, shape=shape)
        with project.read() as s:
            assert {a.id: a.shape for a in queries.annotations(s, 1)}[id] == shape
        assert project.undo() is not None
        assert dump(project) == before
    with closing(sqlite3.connect(folder / database.FILE)) as file, file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with pytest.raises(sqlite3.IntegrityError, match="ck_annotation_kind"):
            file.execute("UPDATE annotation SET kind = 'ellipse'")


def test_an_older_project_is_brought_up_to_date_with_a_backup(
    project: Project, future: Path
) -> None:
    before = labelled(project)
    with Project.open(project.path) as opened:
        assert dump(opened) == before  # nothing was lost when the table was rebuilt
        with opened.read() as s:
            assert s.connection().exec_driver_sql("SELECT DISTINCT stain FROM image").all() == [
                ("HE",)
            ]
        with opened.transaction("Still linked") as s:
            commands.remove_images(s, ids=[1])
    (made,) = backup.backups(project.path)
    assert made.reason == "before version 0006"
    with closing(sqlite3.connect(made.path)) as old:
        assert old.execute("SELECT version_num FROM alembic_version").fetchone() == ("0005",)
        assert old.execute("SELECT count(*) FROM annotation").fetchone() == (1,)
    with Project.open(project.path):
        assert len(backup.backups(project.path)) == 1


def test_a_migration_that_fails_changes_nothing(project: Project, future: Path) -> None:
    before = labelled(project)
    future.write_text(LATER.format(fail=True))
    with pytest.raises(RuntimeError, match="no luck"):
        Project.open(project.path)
    with closing(sqlite3.connect(project.path / database.FILE)) as file:
        assert file.execute("SELECT version_num FROM alembic_version").fetchone() == ("0005",)
        columns = [row[1] for row in file.execute("PRAGMA table_info(image)")]
    assert "stain" not in columns
    future.write_text(LATER.format(fail=False))
    with Project.open(project.path) as opened:
        assert dump(opened) == before


def test_an_older_project_is_not_migrated_by_a_reader(project: Project, future: Path) -> None:
    project.close()
    with pytest.raises(ProjectError, match="older CVStudio"):
        Project.open(project.path, write=False)


def test_a_newer_project_is_refused_untouched(project: Project) -> None:
    project.close()
    file = project.path / database.FILE
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    content = file.read_bytes()
    with pytest.raises(ProjectTooNew, match="newer CVStudio"):
        Project.open(project.path)
    assert file.read_bytes() == content


def test_a_backup_of_an_open_project_can_be_restored(project: Project) -> None:
    before = dump(project)
    made = backup.make(project.path, reason="by hand")
    with project.transaction("Ruin it") as s:
        commands.remove_images(s, ids=range(1, 13))
    with pytest.raises(ProjectLocked):
        backup.restore(project.path, made)
    project.close()
    kept = backup.restore(project.path, made)
    with Project.open(project.path) as again:
        assert dump(again) == before
    assert kept is not None
    with closing(sqlite3.connect(kept)) as ruined:
        assert ruined.execute("SELECT count(*) FROM image").fetchone() == (0,)


def test_a_damaged_backup_is_not_restored(project: Project) -> None:
    made = backup.make(project.path, reason="by hand")
    made.write_bytes(made.read_bytes()[:5000])
    before = dump(project)
    project.close()
    with pytest.raises(ProjectDamaged):
        backup.restore(project.path, made)
    with Project.open(project.path) as again:
        assert dump(again) == before


def test_only_the_newest_backups_are_kept(project: Project) -> None:
    notes = project.path / backup.FOLDER / "my own notes.db"
    for _ in range(backup.KEPT + 3):
        backup.make(project.path, reason="again")
    notes.write_bytes(b"")
    assert len(backup.backups(project.path)) == backup.KEPT
    backup.make(project.path, reason="again")
    assert notes.exists()

"""Runs the migrations of versions/ on a project's database, by alembic, without its ini file."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

from cvstudio.core.errors import ProjectError
from cvstudio.project import rows

SCRIPTS = Path(__file__).parent


def upgrade(engine: Engine, *, scripts: Path = SCRIPTS, to: str = "head") -> None:
    """Apply what is missing, all of it or nothing. Make a backup first (Project.open does)."""
    writing = engine.execution_options(writing=True)
    with writing.connect() as connection:
        # Changing a table's shape means rebuilding and dropping it, and with foreign keys on, that
        # would remove whatever refers to it. The switch has no effect inside a transaction.
        _switch_foreign_keys(connection, on=False)
        try:
            with connection.begin(), rows.door(connection):
                config = Config()
                config.set_main_option("script_location", str(scripts).replace("%", "%%"))
                config.set_main_option("path_separator", "os")
                config.attributes["connection"] = connection
                command.upgrade(config, to)
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                if broken is not None:
                    raise ProjectError(
                        f"The project could not be brought to today's form: rows of {broken[0]}"
                        f" refer to rows of {broken[2]} that are not there. Nothing was changed."
                    )
        finally:
            _switch_foreign_keys(connection, on=True)


def _switch_foreign_keys(connection: Connection, *, on: bool) -> None:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    cursor = driver.cursor()
    cursor.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")
    cursor.close()

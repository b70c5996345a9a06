"""Rotated boxes and keypoints among the annotations.

The table of annotations may have millions of rows. What changes is only which words its column
`kind` may hold, so its definition is changed in place, as SQLite's manual describes for CHECK
constraints (lang_altertable, "Making Other Kinds Of Table Schema Changes"): no row is written.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

OLD = "kind = 'box' OR kind = 'polygon' OR kind = 'mask' OR kind = 'image'"
NEW = f"{OLD} OR kind = 'rotated box' OR kind = 'keypoints'"


def upgrade() -> None:
    _kinds()


def _kinds() -> None:
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        connection.exec_driver_sql(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) "
            "WHERE type = 'table' AND name = 'annotation'",
            (OLD, NEW),
        )
        connection.exec_driver_sql(f"PRAGMA schema_version = {int(version) + 1}")
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = OFF")

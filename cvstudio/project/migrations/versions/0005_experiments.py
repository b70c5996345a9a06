"""Experiments: runs that belong together, as folds, values that are tried, or a guided search."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table, and to each run what it is a part of."""
    op.create_table(
        "experiment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("settings", sa.String(), nullable=False),
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.Column("message", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind = 'folds' OR kind = 'sweep' OR kind = 'search'", name=op.f("ck_experiment_kind")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_experiment"),
        sqlite_autoincrement=True,
    )
    op.execute("ALTER TABLE run ADD COLUMN experiment_id INTEGER")
    op.execute("ALTER TABLE run ADD COLUMN role VARCHAR")
    op.create_index("ix_run_experiment_id", "run", ["experiment_id"])

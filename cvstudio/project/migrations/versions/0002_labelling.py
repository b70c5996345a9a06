"""Steps that survive closing, comments, locked annotations, class trees and why an image was rejected.

The large tables gain their columns in place; only the few rows of the classes are written anew, for
SQLite gives a foreign key to a table only while it is made.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("image", _text("reject_reason"))
    op.add_column(
        "annotation",
        sa.Column("locked", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    _classes()
    op.create_table(
        "comment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("x", sa.Double(), nullable=True),
        sa.Column("y", sa.Double(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("resolved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name="fk_comment_image_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_comment"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_comment_image_id_resolved", "comment", ["image_id", "resolved"])
    op.create_table(
        "step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=True),
        sa.Column("counts", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("changes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_step"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_step_done_id_size", "step", ["done", "id", "size"])
    op.create_index("ix_step_many", "step", ["id"], sqlite_where=sa.text("images IS NULL"))
    op.create_table(
        "step_image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["step_id"], ["step.id"], name="fk_step_image_step_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_step_image"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_step_image_image_id_step_id", "step_image", ["image_id", "step_id"])
    op.create_index("ix_step_image_step_id", "step_image", ["step_id"])


def _classes() -> None:
    """A class may have a parent, and a description of the attributes of its annotations."""
    counter = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'label_class'")
    last = op.get_bind().scalar(counter)
    old = sa.Table(
        "label_class",
        sa.MetaData(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("colour", sa.String(), nullable=False),
        sa.Column("hotkey", sa.String(), server_default="", nullable=False),
        sa.Column("order", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_label_class"),
        sa.UniqueConstraint("name", name="uq_label_class_name"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("label_class", copy_from=old, recreate="always") as batch:
        batch.add_column(sa.Column("parent_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("attributes", sa.String(), nullable=True))
        batch.create_foreign_key(
            "fk_label_class_parent_id", "label_class", ["parent_id"], ["id"], ondelete="SET NULL"
        )
    op.create_index("ix_label_class_parent_id", "label_class", ["parent_id"])
    # An id is never given twice, not even that of a class that was deleted before.
    op.execute("DELETE FROM sqlite_sequence WHERE name IN ('label_class', '_alembic_tmp_label_class')")
    if last is not None:
        op.execute(f"INSERT INTO sqlite_sequence VALUES ('label_class', {int(last)})")


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.String(), server_default="", nullable=False)

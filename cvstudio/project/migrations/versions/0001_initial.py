"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("counts", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_history_at", "history", ["at"])
    op.create_table(
        "image",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), server_default="", nullable=False),
        sa.Column("sort_key", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), server_default="", nullable=False),
        sa.Column("size", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("pages", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("bit_depth", sa.Integer(), server_default=sa.text("8"), nullable=False),
        sa.Column("channels", sa.Integer(), server_default=sa.text("3"), nullable=False),
        sa.Column("orientation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("window_low", sa.Double(), nullable=True),
        sa.Column("window_high", sa.Double(), nullable=True),
        sa.Column("imported_at", sa.Double(), nullable=False),
        sa.Column("review", sa.String(), server_default="unlabelled", nullable=False),
        sa.Column("split", sa.String(), nullable=True),
        sa.Column("group", sa.String(), server_default="", nullable=False),
        sa.Column("problem", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint(
            "review = 'unlabelled' OR review = 'labelled' OR review = 'reviewed' OR review = 'reviewed and empty'",
            name=op.f("ck_image_review"),
        ),
        sa.CheckConstraint(
            "split = 'train' OR split = 'val' OR split = 'test'", name=op.f("ck_image_split")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_image"),
        sa.UniqueConstraint("uri", "page", name="uq_image_uri_page"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_image_folder", "image", ["folder"])
    op.create_index("ix_image_review_split", "image", ["review", "split"])
    op.create_index("ix_image_sha256", "image", ["sha256"])
    op.create_index("ix_image_sort_key", "image", ["sort_key"])
    op.create_index("ix_image_split_review", "image", ["split", "review"])
    op.create_table(
        "label_class",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("colour", sa.String(), nullable=False),
        sa.Column("hotkey", sa.String(), server_default="", nullable=False),
        sa.Column("order", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_label_class"),
        sa.UniqueConstraint("name", name="uq_label_class_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "setting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_setting"),
        sa.UniqueConstraint("key", name="uq_setting_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("image_count", sa.Integer(), nullable=False),
        sa.Column("annotation_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_snapshot"),
        sa.UniqueConstraint("hash", name="uq_snapshot_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sa.UniqueConstraint("name", name="uq_tag_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "annotation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("w", sa.Double(), nullable=False),
        sa.Column("h", sa.Double(), nullable=False),
        sa.Column("area", sa.Double(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("z", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("source", sa.String(), server_default="human", nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("state", sa.String(), server_default="accepted", nullable=False),
        sa.Column("attributes", sa.String(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "kind = 'box' OR kind = 'polygon' OR kind = 'mask' OR kind = 'image'",
            name=op.f("ck_annotation_kind"),
        ),
        sa.CheckConstraint(
            "source = 'human' OR source = 'import' OR source = 'network'",
            name=op.f("ck_annotation_source"),
        ),
        sa.CheckConstraint(
            "state = 'accepted' OR state = 'suggested' OR state = 'rejected'",
            name=op.f("ck_annotation_state"),
        ),
        sa.ForeignKeyConstraint(
            ["class_id"], ["label_class.id"], name="fk_annotation_class_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name="fk_annotation_image_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_annotation"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_annotation_class_id_state_image_id", "annotation", ["class_id", "state", "image_id"]
    )
    op.create_index(
        "ix_annotation_image_id_state_class_id", "annotation", ["image_id", "state", "class_id"]
    )
    op.create_index(
        "ix_annotation_network",
        "annotation",
        ["run_id", "image_id"],
        sqlite_where=sa.text("source = 'network'"),
    )
    op.create_table(
        "image_tag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name="fk_image_tag_image_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["tag.id"], name="fk_image_tag_tag_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_image_tag"),
        sa.UniqueConstraint("image_id", "tag_id", name="uq_image_tag_image_id_tag_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_image_tag_tag_id", "image_tag", ["tag_id"])
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("title", sa.String(), server_default="", nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.Column("metric", sa.String(), server_default="", nullable=False),
        sa.Column("best", sa.Double(), nullable=True),
        sa.Column("best_epoch", sa.Integer(), nullable=True),
        sa.Column("message", sa.String(), server_default="", nullable=False),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("snapshot_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["run.id"], name="fk_run_parent_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshot.id"], name="fk_run_snapshot_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_parent_id", "run", ["parent_id"])
    op.create_index("ix_run_snapshot_id", "run", ["snapshot_id"])

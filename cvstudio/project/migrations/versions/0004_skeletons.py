"""A skeleton for each class: the names of its keypoints and which of them are joined."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE label_class ADD COLUMN skeleton VARCHAR")

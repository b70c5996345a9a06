"""What alembic runs around the migrations: on the connection, in the transaction, of upgrade.py."""

from alembic import context

from cvstudio.project.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()

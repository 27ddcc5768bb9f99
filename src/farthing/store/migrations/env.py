"""Runs revisions on the connection that `migrate.py` hands over, inside the one transaction that it has begun there."""

from alembic import context

from farthing.store.versions import VERSION_TABLE

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=True)
context.run_migrations()

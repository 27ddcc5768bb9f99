"""A next schema that no release has, for `test_rolling_deploy.py`: columns on the hottest tables, and a table."""

import sqlalchemy as sa
from alembic import op

from farthing.store.versions import SCHEMAS

down_revision = SCHEMAS[-1]
revision = f"{int(SCHEMAS[-1]) + 1:04}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Only what the release before can live with: what it does not name has a default."""
    op.add_column("farthing_entry", sa.Column("region", sa.BigInteger(), nullable=True))
    op.add_column("farthing_wallet", sa.Column("region", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table("farthing_region", sa.Column("account_id", sa.BigInteger(), primary_key=True, autoincrement=False))

"""What time brings: allowances, budgets with their counters, alerts and top-ups, the clocks of test books.

The release before runs on this too: what it does not name has a default.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

P = "farthing_"
PLACE = "shard account_id unit_id "
TEXT: Any = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXTS = ("name", "zone")
BYTES = ("features", "counters")
ALLOWANCE = (
    PLACE + "number name amount every count anchor zone priority promotional features source rollover cap cap_percent "
    "keep on_turn starts_at turns_at lot ended_at"
)
BUDGET = PLACE + "number name most is_hard per member feature model api_key every count anchor zone ended_at"
NUMBERS_ADDED = (("account", "clock"), ("wallet", "recurring"), ("wallet", "budgeted"), ("lot", "allowance"))
BYTES_ADDED = (("wallet", "alerts"), ("wallet", "top_up"), ("hold", "reserves"))


def make_column(name: str) -> sa.Column[Any]:
    kind: Any = NUMBER
    if name == "shard":
        kind = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    elif name in TEXTS:
        kind = TEXT
    elif name in BYTES:
        kind = sa.LargeBinary()
    return sa.Column(name, kind, nullable=False, autoincrement=False)


def make_table(name: str, keys: str, columns: str) -> None:
    made = [make_column(column) for column in columns.split()]
    key = sa.PrimaryKeyConstraint(*keys.split())
    op.create_table(P + name, *made, key, sqlite_strict=True, sqlite_with_rowid=False)


def make_index(name: str, table: str, columns: list[str], where: str, *, if_not_exists: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(
        P + name, P + table, columns, sqlite_where=condition, postgresql_where=condition, if_not_exists=if_not_exists
    )


def upgrade() -> None:
    """Add everything."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    nothing = sa.text("''::bytea" if is_postgres else "x''")
    for table, column in NUMBERS_ADDED:
        op.add_column(P + table, sa.Column(column, NUMBER, server_default=sa.text("0"), nullable=False))
    for table, column in BYTES_ADDED:
        op.add_column(P + table, sa.Column(column, sa.LargeBinary(), server_default=nothing, nullable=False))
    make_table("allowance", "account_id unit_id number", ALLOWANCE)
    make_table("budget", "account_id unit_id number", BUDGET)
    make_table("tally", "account_id unit_id subject", PLACE + "subject counters")
    make_index("allowance_live", "allowance", ["account_id", "unit_id", "number"], "ended_at = 0")
    make_index("budget_live", "budget", ["account_id", "unit_id", "number"], "ended_at = 0")
    # A long ledger has it already: it was built while servers wrote, whom no transaction may keep out for so long.
    alerts = ["account_id", "position"]
    make_index("entry_alert", "entry", alerts, "kind = 50 OR kind = 51", if_not_exists=is_postgres)
    if is_postgres:
        for table in ("allowance", "budget", "tally"):
            op.execute(f"ALTER TABLE {P}{table} SET (fillfactor = 80)")

"""What a catalog brings: subscriptions, published catalogs, claims of campaigns, allowances that end by themselves; and
the rollup, sums of entries for reports, all of which can be made again from entries.

The release before runs on this too: what it does not name has a default, and it does not know the new tables.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

P = "farthing_"
R = "farthing_rollup_"
TEXT: Any = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SMALL: Any = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
TEXTS = ("plan", "zone", "next_plan", "fallback", "document", "campaign", "role", "code", "account", "key")
BYTES = ("digest", "features")
SUBSCRIPTION = (
    "shard account_id number step plan every count anchor zone starts_at trial_ends_at period_starts_at period_ends_at "
    "ends_at is_renewing next_plan next_every fallback catalog_version paid_minor currency acts_at recorded_at ended_at"
)
CLAIM = "book campaign role code account unit_id amount expires_at features key made_at finished_at"
USAGE_KEY = "account_id unit_id part grain start_at plan feature model member success lead currency spill"
USAGE = (
    "uses spent uncovered refunded quantity tokens_in tokens_cache_read tokens_cache_write tokens_out tokens_reasoning "
    "cost_nanos duration_ms timed revenue first last"
)
FLOW_KEY = "account_id unit_id grain start_at currency spill"
FLOW = "issued refunded adjusted spent expired lots covered debt sold revenue broken withdrawn returned first last"


def make_columns(columns: str) -> list[sa.Column[Any]]:
    made = []
    for name in columns.split():
        kind = TEXT if name in TEXTS else NUMBER
        if name in BYTES:
            kind = sa.LargeBinary()
        elif name in ("shard", "book"):
            kind = SMALL
        made.append(sa.Column(name, kind, nullable=False, autoincrement=False))
    return made


def make_index(name: str, table: str, columns: list[str], where: str = "", *, unique: bool = False) -> None:
    condition = sa.text(where) if where else None
    op.create_index(P + name, P + table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def make_sums(name: str, keys: str, columns: str = "") -> None:
    op.create_table(
        R + name, *make_columns(f"{keys} {columns}"), sa.PrimaryKeyConstraint(*keys.split()),
        sqlite_strict=True, sqlite_with_rowid=False,
    )  # fmt: skip


def upgrade() -> None:
    """Add everything."""
    add_catalog()
    make_sums("mark", "id", "position")
    make_sums("usage", USAGE_KEY, USAGE)
    make_sums("flow", FLOW_KEY, FLOW)
    make_sums("basis", "account_id unit_id number", "amount cost currency inside")
    make_sums("followed", "account_id unit_id", "upto")


def add_catalog() -> None:
    for table, column in (("book", "catalog"), ("allowance", "until")):
        op.add_column(P + table, sa.Column(column, NUMBER, server_default=sa.text("0"), nullable=False))
    op.create_table(
        P + "subscription", *make_columns(SUBSCRIPTION), sa.PrimaryKeyConstraint("account_id", "number"),
        sqlite_strict=True, sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        P + "catalog", *make_columns("book version digest document published_at"),
        sa.PrimaryKeyConstraint("book", "version"), sa.UniqueConstraint("book", "digest"),
        sqlite_strict=True, sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        P + "claim", sa.Column("claim_id", NUMBER, sa.Identity(always=False), nullable=False), *make_columns(CLAIM),
        sa.PrimaryKeyConstraint("claim_id"), sa.UniqueConstraint("book", "key"), sqlite_strict=True,
    )  # fmt: skip
    make_index("subscription_current", "subscription", ["account_id"], "ended_at = 0", unique=True)
    make_index("subscription_acts", "subscription", ["acts_at"], "ended_at = 0")
    make_index("claim_code", "claim", ["book", "campaign", "code"])
    make_index("claim_account", "claim", ["book", "account", "campaign"])
    make_index("claim_open", "claim", ["claim_id"], "finished_at = 0")

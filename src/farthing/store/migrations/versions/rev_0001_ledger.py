"""The first schema: books, units, accounts, wallets with lots, holds and debts, and the entries that explain them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

P = "farthing_"
PLACE = "shard account_id unit_id "
SMALL = ("shard", "book")
TEXTS = ("key", "zone", "name", "mode", "text")
# By its bytes: what equals what, and where it stands in an index, must not change with the server's locales.
TEXT: Any = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BYTES = (
    "head", "features", "draws", "payers", "key_digest", "request_digest", "note_digest", "effects", "hash", "salt",
    "body", "chain_check",
)  # fmt: skip
WALLET = (
    PLACE
    + "seq head clock next_due granted refunded adjusted spent expired free scoped covered bare debt live pending "
    "stopped overdraft settle_above_hold rest_of_ended_lot hold_ttl refund_grace"
)
LOT = (
    PLACE + "number amount priority effective_at expires_at promotional features source cost_minor currency of_number "
    "started remaining ended_at"
)
HOLD = PLACE + "number lead_unit lead_number amount feature name deadline state settled bare draws ended_at"
DEBT = PLACE + "number feature amount remaining payers ended_at"
MOVED = (
    "unit_id number kind lead_unit lead_number amount uncovered granted refunded adjusted spent expired lots covered "
    "bare debt balance_after held_after debt_after available_after of_number feature catalog_version effective_at "
    "recorded_at"
)
UNSAID = (
    "model member actor api_key quantity tokens_in tokens_cache_read tokens_cache_write tokens_out tokens_reasoning "
    "provider_cost_nanos duration_ms success key_digest request_digest note_digest"
)
ENTRY = f"shard account_id {MOVED} {UNSAID} effects hash"

REFUSALS = {
    "entry_unchanged": ("entry", "UPDATE", "", "entries are never changed"),
    "entry_kept": ("entry", "DELETE", "", "entries are never deleted"),
    # INSERT OR REPLACE deletes what is in its way, and asks no trigger about it unless recursive_triggers is on.
    # FAIL and not ABORT, for which SQLite would copy every page that an insert touches, so as to put it back.
    "entry_not_replaced": (
        "entry",
        "INSERT",
        f"""WHEN EXISTS (SELECT 1 FROM {P}entry AS e WHERE e.position = NEW.position)
  OR EXISTS (SELECT 1 FROM {P}entry AS e
    WHERE e.account_id = NEW.account_id AND e.unit_id = NEW.unit_id AND e.number = NEW.number)
  OR EXISTS (SELECT 1 FROM {P}entry AS e WHERE e.account_id = NEW.account_id AND e.key_digest = NEW.key_digest)""",
        "entries are never replaced",
    ),
    "name_unchanged": ("name", "UPDATE", "", "names are never changed"),
    "name_kept": ("name", "DELETE", "", "names are never deleted"),
    "name_not_replaced": (
        "name",
        "INSERT",
        f"WHEN EXISTS (SELECT 1 FROM {P}name AS n WHERE n.number = NEW.number)",
        "names are never replaced",
    ),
}
"""Trigger → table, what it refuses, when, and the reason that it gives."""


def make_column(name: str, *, null: bool = False) -> sa.Column[Any]:
    kind: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    if name in SMALL:
        kind = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    elif name in BYTES:
        kind = sa.LargeBinary()
    return sa.Column(name, kind, nullable=null, autoincrement=False)


def make_table(
    name: str, keys: str, columns: str, *more: Any, null: str = "", texts: tuple[str, ...] = TEXTS, **options: Any
) -> None:
    made = []
    for column in columns.split():
        if column in texts:
            made.append(sa.Column(column, TEXT, nullable=False, autoincrement=False))
        else:
            made.append(make_column(column, null=column in null.split()))
    settings = {"sqlite_strict": True, "sqlite_with_rowid": False} | options
    op.create_table(P + name, *made, sa.PrimaryKeyConstraint(*keys.split()), *more, **settings)


def make_index(table: str, purpose: str, columns: list[Any], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    named = f"{P}{table}_{purpose}"
    op.create_index(named, P + table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    """Make everything."""
    big: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    make_table("meta", "id", "id encoding_version chain_check")
    make_table("book", "book", "book name mode", sa.UniqueConstraint("name"))
    make_table("unit", "unit_id", "unit_id book name scale digits", sa.UniqueConstraint("book", "name"))
    op.create_table(
        P + "account",
        sa.Column("account_id", big, sa.Identity(always=False), nullable=False),
        make_column("shard"),
        make_column("book"),
        sa.Column("key", TEXT, nullable=False),
        make_column("state"),
        sa.Column("zone", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
        sa.UniqueConstraint("book", "key"),
        sqlite_strict=True,
    )
    make_table("account_alias", "book key", "book key account_id")
    make_table("wallet", "account_id unit_id", WALLET)
    make_table("lot", "account_id unit_id number", LOT)
    make_table("hold", "account_id unit_id number", HOLD, texts=())
    make_table("debt", "account_id unit_id number", DEBT)
    op.create_table(
        P + "entry",
        sa.Column("position", big, sa.Identity(always=False), nullable=False),
        *[make_column(column, null=column in UNSAID.split()) for column in ENTRY.split()],
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("account_id", "unit_id", "number"),
        sqlite_strict=True,
    )
    make_table("note", "account_id unit_id number", PLACE + "number salt body", null="salt body")
    make_table("name", "number", "number text")
    make_indexes()
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        for table in ("wallet", "lot", "hold", "debt"):
            op.execute(f"ALTER TABLE {P}{table} SET (fillfactor = 80)")
        many = "ALTER account_id SET (n_distinct = -0.001), ALTER unit_id SET (n_distinct = 2)"
        op.execute(f"ALTER TABLE {P}entry {many}")
        refuse_changes()
    if dialect == "sqlite":
        for trigger, (table, what, when, reason) in REFUSALS.items():
            condition = f"\n{when}" if when else ""
            op.execute(
                f"CREATE TRIGGER {P}{trigger} BEFORE {what} ON {P}{table}{condition}\n"
                f"BEGIN SELECT RAISE({'FAIL' if what == 'INSERT' else 'ABORT'}, '{reason}'); END"
            )


def refuse_changes() -> None:
    """Entries and names stay as they are written, whoever asks, also where triggers are off for a restore."""
    op.execute(
        f"CREATE FUNCTION {P}refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'restrict_violation'; END $$"
    )
    for table, what in (("entry", "entries"), ("name", "names")):
        op.execute(
            f"CREATE TRIGGER {P}{table}_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON {P}{table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {P}refuse('{what} are never changed, nor deleted')"
        )
        op.execute(f"ALTER TABLE {P}{table} ENABLE ALWAYS TRIGGER {P}{table}_unchanged")


def make_indexes() -> None:
    """The few indexes, all partial."""
    make_index("entry", "key", ["account_id", "key_digest"], "key_digest IS NOT NULL", unique=True)
    make_index("entry", "about", ["account_id", "unit_id", "of_number"], "of_number <> 0")
    make_index("entry", "lead", ["account_id", "lead_unit", "lead_number"], "unit_id <> lead_unit")
    order: list[Any] = ["account_id", "unit_id", "priority", "expires_at", sa.text("(length(features) = 0)")]
    order += [sa.text("promotional DESC"), "effective_at", "number"]
    make_index("lot", "burndown", order, "ended_at = 0")
    make_index("hold", "open", ["account_id", "unit_id", "number"], "ended_at = 0")
    make_index("hold", "named", ["account_id", "name"], "ended_at = 0 AND name <> 0")
    make_index("hold", "part", ["account_id", "lead_unit", "lead_number"], "unit_id <> lead_unit")
    make_index("debt", "owed", ["account_id", "unit_id", "number"], "ended_at = 0")

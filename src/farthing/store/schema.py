"""The tables, once for SQLite and PostgreSQL. Fixed columns, 8-byte integers, times in microseconds UTC.

Every name begins with `farthing_`, since the database may be the host's own, with an `account` of its own in it. Hot
tables carry `shard` and no foreign keys: nobody writes a row without its wallet's lock. There are few indexes, and what
changes often stands in none. Once released, a table changes by a revision in `migrations/` only: a test compares both.
"""

from typing import Any, Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.event import listen
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.types import TypeEngine

from farthing.store.rollup_rows import FLOW, FLOW_KEY, SPAN, USAGE, USAGE_KEY, Basis
from farthing.store.versions import PREFIX
from farthing.store.wallet_rows import (
    ALLOWANCE_COLUMNS,
    BUDGET_COLUMNS,
    CLAIM_COLUMNS,
    DEBT_COLUMNS,
    HOLD_COLUMNS,
    LOT_COLUMNS,
    SUBSCRIPTION_COLUMNS,
    TALLY_COLUMNS,
    WALLET_COLUMNS,
)
from farthing.values.entries import Entry
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Allowance, Budget, Debt, Hold, Lot

BIG: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
SMALL: TypeEngine[int] = SmallInteger().with_variant(Integer(), "sqlite")
# By its bytes: what equals what, and where it stands in an index, must not change with the server's locales.
TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
TYPES: Final[dict[str, Any]] = {
    "shard": SMALL, "book": SMALL,
    "key": TEXT, "zone": TEXT, "name": TEXT, "mode": TEXT, "text": TEXT,
    "head": LargeBinary(), "features": LargeBinary(), "draws": LargeBinary(), "payers": LargeBinary(),
    "key_digest": LargeBinary(), "request_digest": LargeBinary(), "note_digest": LargeBinary(),
    "effects": LargeBinary(), "hash": LargeBinary(), "salt": LargeBinary(), "body": LargeBinary(),
    "chain_check": LargeBinary(),
    "plan": TEXT, "next_plan": TEXT, "fallback": TEXT, "document": TEXT,
    "campaign": TEXT, "role": TEXT, "code": TEXT, "account": TEXT, "digest": LargeBinary(),
    "alerts": LargeBinary(), "top_up": LargeBinary(), "reserves": LargeBinary(), "counters": LargeBinary(),
}  # fmt: skip
"""The type of each column by its name; all others are 8-byte integers."""

CALLER_SAYS = ("model", "success")
"""The first and last column of what a caller may leave unsaid: these, and the digests, may be null."""

metadata = MetaData()


class Nothing(ColumnElement[bytes]):
    """The empty bytes, as a default."""

    inherit_cache = True


compiles(Nothing, "sqlite")(lambda element, compiler, **_: "x''")
compiles(Nothing, "postgresql")(lambda element, compiler, **_: "''::bytea")

ADDED: Final[dict[str, dict[str, Any]]] = {
    "book": {"catalog": text("0")},
    "allowance": {"until": text("0")},
    "account": {"clock": text("0")},
    "wallet": {"recurring": text("0"), "budgeted": text("0"), "alerts": Nothing(), "top_up": Nothing()},
    "lot": {"allowance": text("0")},
    "hold": {"reserves": Nothing()},
}
"""Columns that came with a later revision, and what rows have there of which a release before it knows all columns."""


def make_column(
    name: str, *, key: bool = False, null: bool = False, kind: Any = None, default: Any = None
) -> Column[Any]:
    """A column of the type that its name has everywhere; its value is always given, if not by this release."""
    made = kind or TYPES.get(name, BIG)
    return Column(name, made, primary_key=key, nullable=null, autoincrement=False, server_default=default)


def make_table(
    name: str,
    keys: str,
    columns: tuple[str, ...],
    *more: Any,
    null: tuple[str, ...] = (),
    numbers: tuple[str, ...] = (),
    **options: Any,
) -> Table:
    """A table kept in the order of its primary key `keys` on SQLite. `numbers` are columns with a text's name."""
    added = ADDED.get(name, {})
    made = [
        make_column(
            column, key=column in keys.split(), null=column in null, kind=BIG if column in numbers else None,
            default=added.get(column),
        )
        for column in columns
    ]  # fmt: skip
    settings: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": False} | options
    return Table(PREFIX + name, metadata, *made, *more, **settings)


def list_optional(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of an entry that may be null."""
    first, last = (columns.index(name) for name in CALLER_SAYS)
    return (*columns[first : last + 1], "key_digest", "request_digest", "note_digest")


PLACE = ("shard", "account_id", "unit_id")
BASIS = Basis._fields

meta = make_table("meta", "id", ("id", "encoding_version", "chain_check"))
book = make_table("book", "book", ("book", "name", "mode", "catalog"), UniqueConstraint("name"))
unit = make_table("unit", "unit_id", ("unit_id", "book", "name", "scale", "digits"), UniqueConstraint("book", "name"))
account = Table(
    PREFIX + "account",
    metadata,
    Column("account_id", BIG, Identity(always=False), primary_key=True),
    *[make_column(name) for name in ("shard", "book", "key", "state", "zone")],
    make_column("clock", default=ADDED["account"]["clock"]),
    UniqueConstraint("book", "key"),
    sqlite_strict=True,
)
account_alias = make_table("account_alias", "book key", ("book", "key", "account_id"))
wallet = make_table("wallet", "account_id unit_id", (*PLACE, *WALLET_COLUMNS))
lot = make_table("lot", "account_id unit_id number", (*PLACE, *LOT_COLUMNS))
hold = make_table("hold", "account_id unit_id number", (*PLACE, *HOLD_COLUMNS), numbers=("name",))
debt = make_table("debt", "account_id unit_id number", (*PLACE, *DEBT_COLUMNS))
allowance = make_table("allowance", "account_id unit_id number", (*PLACE, *ALLOWANCE_COLUMNS))
budget = make_table("budget", "account_id unit_id number", (*PLACE, *BUDGET_COLUMNS))
tally = make_table("tally", "account_id unit_id subject", (*PLACE, *TALLY_COLUMNS))
subscription = make_table("subscription", "account_id number", ("shard", "account_id", *SUBSCRIPTION_COLUMNS))
catalog = make_table(
    "catalog", "book version", ("book", "version", "digest", "document", "published_at"),
    UniqueConstraint("book", "digest"),
)  # fmt: skip
claim = Table(
    PREFIX + "claim",
    metadata,
    Column("claim_id", BIG, Identity(always=False), primary_key=True),
    *[make_column(name) for name in ("book", *CLAIM_COLUMNS[1:])],
    UniqueConstraint("book", "key"),
    sqlite_strict=True,
)
rollup_mark = make_table("rollup_mark", "id", ("id", "position"))
rollup_usage = make_table("rollup_usage", " ".join(USAGE_KEY), (*USAGE_KEY, *USAGE, *SPAN))
rollup_flow = make_table("rollup_flow", " ".join(FLOW_KEY), (*FLOW_KEY, *FLOW, *SPAN))
rollup_basis = make_table("rollup_basis", "account_id unit_id number", ("account_id", "unit_id", "number", *BASIS))
rollup_followed = make_table("rollup_followed", "account_id unit_id", ("account_id", "unit_id", "upto"))
entry = Table(
    PREFIX + "entry",
    metadata,
    Column("position", BIG, Identity(always=False), primary_key=True),
    make_column("shard"),
    make_column("account_id"),
    *[make_column(name, null=name in list_optional(Entry._fields)) for name in Entry._fields],
    UniqueConstraint("account_id", "unit_id", "number"),
    sqlite_strict=True,
)
note = make_table("note", "account_id unit_id number", (*PLACE, "number", "salt", "body"), null=("salt", "body"))
name = make_table("name", "number", ("number", "text"))


for updated in (wallet, lot, hold, debt, allowance, budget, tally):
    # Room on each page for the next version of a row, so that an update stays on it.
    leave_room: Any = DDL("ALTER TABLE %(table)s SET (fillfactor = 80)")  # type: ignore[no-untyped-call]
    listen(updated, "after_create", leave_room.execute_if(dialect="postgresql"))

# However few entries there were when the server last looked: an account gets many, so that no plan reads all of them.
MANY: Final = "ALTER account_id SET (n_distinct = -0.001), ALTER unit_id SET (n_distinct = 2)"
expect_many: Any = DDL(f"ALTER TABLE %(table)s {MANY}")  # type: ignore[no-untyped-call]
listen(entry, "after_create", expect_many.execute_if(dialect="postgresql"))

REFUSALS: Final = {"entry": "entries are never changed, nor deleted", "name": "names are never changed, nor deleted"}
"""The tables of which PostgreSQL refuses every UPDATE, DELETE and TRUNCATE, and the reason that it gives. SQLite has
triggers for each row instead."""

REFUSING: Final = "BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'restrict_violation'; END"


def write_refusal(table: str) -> list[str]:
    """What makes PostgreSQL refuse changes of a table, whoever asks, also where triggers are off for a restore."""
    refuse, trigger = f"{PREFIX}refuse", f"{PREFIX}{table}_unchanged"
    return [
        f"CREATE OR REPLACE FUNCTION {refuse}() RETURNS trigger LANGUAGE plpgsql AS $$ {REFUSING} $$",
        f"CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE OR TRUNCATE ON {PREFIX}{table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {refuse}('{REFUSALS[table]}')",
        f"ALTER TABLE {PREFIX}{table} ENABLE ALWAYS TRIGGER {trigger}",
    ]


for refused in (entry, name):
    for statement in write_refusal(refused.name.removeprefix(PREFIX)):
        make_refusal: Any = DDL(statement)  # type: ignore[no-untyped-call]
        listen(refused, "after_create", make_refusal.execute_if(dialect="postgresql"))


def make_index(table: Table, purpose: str, *columns: Any, where: str = "", unique: bool = False) -> Index:
    """An index; of a part of the rows where there is a condition, the same in both dialects."""
    condition = text(where) if where else None
    named = f"{table.name}_{purpose}"
    expressions = [table.c[column] if isinstance(column, str) else column for column in columns]
    return Index(named, *expressions, unique=unique, sqlite_where=condition, postgresql_where=condition)


make_index(entry, "key", "account_id", "key_digest", where="key_digest IS NOT NULL", unique=True)
make_index(entry, "about", "account_id", "unit_id", "of_number", where="of_number <> 0")
# Those of the lead's own unit are found by their numbers, which follow the lead's.
make_index(entry, "lead", "account_id", "lead_unit", "lead_number", where="unit_id <> lead_unit")
make_index(
    lot, "burndown",
    "account_id", "unit_id", "priority", "expires_at", text("(length(features) = 0)"), lot.c.promotional.desc(),
    "effective_at", "number",
    where="ended_at = 0",
)  # fmt: skip
make_index(hold, "open", "account_id", "unit_id", "number", where="ended_at = 0")
make_index(hold, "named", "account_id", "name", where="ended_at = 0 AND name <> 0")
make_index(hold, "part", "account_id", "lead_unit", "lead_number", where="unit_id <> lead_unit")
make_index(debt, "owed", "account_id", "unit_id", "number", where="ended_at = 0")
make_index(allowance, "live", "account_id", "unit_id", "number", where="ended_at = 0")
make_index(budget, "live", "account_id", "unit_id", "number", where="ended_at = 0")
make_index(subscription, "current", "account_id", where="ended_at = 0", unique=True)
make_index(subscription, "acts", "acts_at", where="ended_at = 0")
make_index(claim, "code", "book", "campaign", "code")
make_index(claim, "account", "book", "account", "campaign")
make_index(claim, "open", "claim_id", where="finished_at = 0")
# Alerts and wanted top-ups; any other entry costs nothing there.
make_index(entry, "alert", "account_id", "position", where="kind = 50 OR kind = 51")

ROWS: Final = {
    "lot": Lot, "hold": Hold, "debt": Debt, "allowance": Allowance, "budget": Budget, "entry": Entry,
    "subscription": Subscription,
}  # fmt: skip
"""The tables whose rows are values of core, field for field."""

"""What `verify` looks for beside the wallets, in every SQL dialect: rows that belong to nobody, names and notes that
are not what they say. Each check is a function that yields (where, what is wrong).

Statements are written as SQLite has them; what else a dialect needs, its `Asking` changes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

from farthing.store.needs import hash_shard
from farthing.store.rollup import UNUSABLE
from farthing.store.saving import find_named
from farthing.store.versions import PREFIX as P
from farthing.store.versions import VERSION_TABLE
from farthing.store.wallet_rows import Row
from farthing.values.names import name_number
from farthing.values.requests import digest_note

Oddity = tuple[str, str]
PLACED: Final = {
    "wallet": "", "lot": "number", "hold": "number", "debt": "number", "allowance": "number", "budget": "number",
    "tally": "subject", "entry": "number", "note": "number",
}  # fmt: skip
"""The tables of which every row belongs to a wallet, and what tells rows of one wallet apart."""

NAMES_AT_ONCE: Final = 50_000


class Asking(Protocol):
    """A transaction that reads, of some dialect."""

    def ask(self, text: str, values: Sequence[Any] = ()) -> Iterable[Row]:
        """The answer to a question, however long, while others are asked."""
        ...

    def find_named(self, numbers: Sequence[int]) -> set[int]:
        """Those of these numbers that have a text."""
        ...

    def find_last_position(self) -> int:
        """The last position in the ledger that an entry was given, whether that is there or was undone."""
        ...


def find_oddities(asking: Asking, book: int) -> Iterator[Oddity]:
    """Everything, the cheapest first."""
    for check in CHECKS:
        yield from check(asking, book)


def describe_row(table: str, account_id: int, unit_id: int, *number: int) -> str:
    """How a row is named to people."""
    said = f"{table} of account {account_id}, unit {unit_id}"
    return f"{said}, {PLACED[table]} {number[0]}" if number else said


def count_rows(asking: Asking, table: str) -> int:
    """How many rows a table has."""
    return next(int(row[0]) for row in asking.ask(f"SELECT count(*) FROM {table}"))


def compare_schema(expected: dict[str, str], found: dict[str, str]) -> Iterator[Oddity]:
    """What is not as it was made, by what makes each thing."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"schema, {name}", "is missing"
        elif name not in expected:
            yield f"schema, {name}", "is none of Farthing's"
        elif expected[name] != found[name]:
            yield f"schema, {name}", "is not as Farthing made it"


def check_books(asking: Asking, book: int) -> Iterator[Oddity]:
    """One row says how the ledger is written; accounts, units and aliases are in books that there are."""
    metas, versions = (count_rows(asking, table) for table in (f"{P}meta", VERSION_TABLE))
    if (metas, versions) != (1, 1):
        yield "meta", f"has {metas} rows, and the schema's version {versions}, where each has one"
    for name, mode in asking.ask(f"SELECT name, mode FROM {P}book WHERE mode NOT IN ('live', 'test')"):
        yield f"book {name}", f"is neither live nor test but {mode!r}"
    for table, key in (("account", "key"), ("unit", "name"), ("account_alias", "key")):
        listing = f"SELECT {key}, book FROM {P}{table} WHERE book NOT IN (SELECT book FROM {P}book)"
        for named, number in asking.ask(listing):
            yield f"{table} {named}", f"is in book {number}, which is not there"
    listing = (
        f"SELECT key, account_id FROM {P}account_alias WHERE account_id NOT IN (SELECT account_id FROM {P}account)"
    )
    for key, account_id in asking.ask(listing):
        yield f"account_alias {key}", f"is for account {account_id}, which is not there"


def check_accounts(asking: Asking, book: int) -> Iterator[Oddity]:
    """Every account has the entry that opened it, and the shard that its key gives it."""
    listing = (
        f"SELECT a.key, a.shard, (SELECT count(*) FROM {P}wallet AS w"
        " WHERE w.account_id = a.account_id AND w.unit_id = 0)"
        f" FROM {P}account AS a WHERE a.book = ? ORDER BY a.account_id"
    )
    for key, shard, is_opened in asking.ask(listing, (book,)):
        if not is_opened:
            yield f"account {key}", "has no entry that opened it"
        if shard != hash_shard(key):
            yield f"account {key}", f"is in shard {shard}, and belongs in {hash_shard(key)}"


def check_places(asking: Asking, book: int) -> Iterator[Oddity]:
    """Every row belongs to a wallet of an account that is there, and has its shard."""
    for table, number in PLACED.items():
        columns = ", ".join(f"r.{column}" for column in ("account_id", "unit_id", number) if column)
        orphans = (
            f"SELECT {columns} FROM {P}{table} AS r"
            f" WHERE NOT EXISTS (SELECT 1 FROM {P}account AS a WHERE a.account_id = r.account_id)"
        )
        for place in asking.ask(orphans):
            yield describe_row(table, *place), "belongs to an account that is not there"
        if table != "wallet":
            strays = (
                f"SELECT {columns} FROM {P}{table} AS r WHERE NOT EXISTS"
                f" (SELECT 1 FROM {P}wallet AS w WHERE w.account_id = r.account_id AND w.unit_id = r.unit_id)"
            )
            for place in asking.ask(strays):
                yield describe_row(table, *place), "belongs to a wallet that is not there"
        misplaced = (
            f"SELECT {columns} FROM {P}{table} AS r CROSS JOIN {P}account AS a ON a.account_id = r.account_id"
            " WHERE r.shard <> a.shard AND a.book = ?"
        )
        for place in asking.ask(misplaced, (book,)):
            yield describe_row(table, *place), "has another shard than its account"
    unknown = (
        f"SELECT r.account_id, r.unit_id FROM {P}wallet AS r CROSS JOIN {P}account AS a ON a.account_id = r.account_id"
        f" WHERE a.book = ? AND r.unit_id <> 0"
        f" AND NOT EXISTS (SELECT 1 FROM {P}unit AS u WHERE u.unit_id = r.unit_id AND u.book = a.book)"
    )
    for place in asking.ask(unknown, (book,)):
        yield describe_row("wallet", *place), "is of a unit that this book does not have"


def check_tallies(asking: Asking, book: int) -> Iterator[Oddity]:
    """A tally is there because it counts something."""
    listing = f"SELECT account_id, unit_id, subject FROM {P}tally WHERE length(counters) = 0"
    for place in asking.ask(listing):
        yield describe_row("tally", *place), "counts nothing"


def check_order(asking: Asking, book: int) -> Iterator[Oddity]:
    """Within a wallet, entries stand in the ledger in the order of their numbers, from position 1."""
    listing = (
        "SELECT account_id, unit_id, number FROM (SELECT account_id, unit_id, number, position, lag(position, 1, 0)"
        f" OVER (PARTITION BY account_id, unit_id ORDER BY number) AS previous FROM {P}entry)"
        " AS placed WHERE position <= previous"
    )
    for place in asking.ask(listing):
        yield describe_row("entry", *place), "has a position before that of the entry before it"


def check_notes(asking: Asking, book: int) -> Iterator[Oddity]:
    """Every note is the one that its entry has sealed, or was erased; no sealed note is missing."""
    listing = (
        "SELECT n.account_id, n.unit_id, n.number, n.salt, n.body, r.note_digest"
        f" FROM {P}note AS n LEFT JOIN {P}entry AS r USING (account_id, unit_id, number)"
    )
    for account_id, unit_id, number, salt, body, digest in asking.ask(listing):
        is_erased = salt is None and body is None
        is_whole = salt is not None and body is not None and len(salt) <= 64 and digest_note(salt, body) == digest
        if digest is None or not (is_erased or is_whole):
            yield describe_row("note", account_id, unit_id, number), "is not the one that was sealed"
    listing = (
        f"SELECT r.account_id, r.unit_id, r.number FROM {P}entry AS r WHERE r.note_digest IS NOT NULL AND NOT EXISTS"
        f" (SELECT 1 FROM {P}note AS n WHERE n.account_id = r.account_id AND n.unit_id = r.unit_id"
        " AND n.number = r.number)"
    )
    for place in asking.ask(listing):
        yield describe_row("note", *place), "is missing: an erased one leaves its row"


def check_names(asking: Asking, book: int) -> Iterator[Oddity]:
    """Every name's number is that of its text, and every number that entries use has a text."""
    for number, text in asking.ask(f"SELECT number, text FROM {P}name"):
        if number != name_number(text):
            yield f"name {number}", f"is not the number of {text!r}"
    checked: set[int] = set()
    waiting: set[int] = set()
    listing = f"SELECT feature, model, member, actor, api_key, effects FROM {P}entry"
    for *used, effects in asking.ask(listing):
        fresh = find_named(used, effects) - checked
        if fresh:
            checked |= fresh
            waiting |= fresh
            if len(waiting) >= NAMES_AT_ONCE:
                yield from list_nameless(asking, waiting)
                waiting.clear()
    yield from list_nameless(asking, waiting)


def list_nameless(asking: Asking, numbers: set[int]) -> Iterator[Oddity]:
    """Those of these numbers that have no text."""
    for number in sorted(numbers - asking.find_named(sorted(numbers))):
        yield f"name {number}", "is used in entries, and has no text"


def check_subscriptions(asking: Asking, book: int) -> Iterator[Oddity]:
    """Every step of a subscription was written by an entry of an account that is there, and has its shard."""
    listing = (
        f"SELECT r.account_id, r.number FROM {P}subscription AS r WHERE NOT EXISTS (SELECT 1 FROM {P}entry AS e"
        " WHERE e.account_id = r.account_id AND e.unit_id = 0 AND e.number = r.number)"
    )
    for account_id, number in asking.ask(listing):
        yield f"subscription of account {account_id}, number {number}", "has no entry that wrote it"
    listing = (
        f"SELECT r.account_id, r.number FROM {P}subscription AS r CROSS JOIN {P}account AS a"
        " ON a.account_id = r.account_id WHERE r.shard <> a.shard AND a.book = ?"
    )
    for account_id, number in asking.ask(listing, (book,)):
        yield f"subscription of account {account_id}, number {number}", "has another shard than its account"


def check_catalogs(asking: Asking, book: int) -> Iterator[Oddity]:
    """Catalogs are numbered without gaps, and those that books and entries name are there."""
    listing = f"SELECT version, book FROM {P}catalog WHERE book NOT IN (SELECT book FROM {P}book)"
    for version, number in asking.ask(listing):
        yield f"catalog {version}", f"is in book {number}, which is not there"
    listing = f"SELECT count(*), coalesce(max(version), 0), coalesce(min(version), 1) FROM {P}catalog WHERE book = ?"
    for count, last, first in asking.ask(listing, (book,)):
        if (count, 1) != (last, first):
            yield f"table {P}catalog", f"has {count} catalogs of book {book}, and the last is {last}"
    missing = f"NOT EXISTS (SELECT 1 FROM {P}catalog AS c WHERE c.book = {{}}.book AND c.version = {{}})"
    listing = f"SELECT b.name, b.catalog FROM {P}book AS b WHERE b.catalog <> 0 AND " + missing.format("b", "b.catalog")
    for name, version in asking.ask(listing):
        yield f"book {name}", f"has catalog {version}, which is not there"
    listing = (
        f"SELECT DISTINCT r.catalog_version FROM {P}entry AS r CROSS JOIN {P}account AS a"
        " ON a.account_id = r.account_id WHERE r.catalog_version <> 0 AND a.book = ? AND "
    )
    for (version,) in asking.ask(listing + missing.format("a", "r.catalog_version"), (book,)):
        yield f"catalog {version}", "is named by entries, and is not there"


def check_claims(asking: Asking, book: int) -> Iterator[Oddity]:
    """Every claim is of a book and a unit that are there; where it was granted, its account is there too. One that is
    open may be of an account that the grant is to open."""
    listing = f"SELECT claim_id, book FROM {P}claim WHERE book NOT IN (SELECT book FROM {P}book)"
    for claim_id, number in asking.ask(listing):
        yield f"claim {claim_id}", f"is in book {number}, which is not there"
    listing = f"SELECT claim_id, role FROM {P}claim WHERE role NOT IN ('own', 'referrer')"
    for claim_id, role in asking.ask(listing):
        yield f"claim {claim_id}", f"is in the unknown role {role}"
    listing = (
        f"SELECT r.claim_id, r.unit_id FROM {P}claim AS r WHERE r.book = ? AND NOT EXISTS"
        f" (SELECT 1 FROM {P}unit AS u WHERE u.unit_id = r.unit_id AND u.book = r.book)"
    )
    for claim_id, unit_id in asking.ask(listing, (book,)):
        yield f"claim {claim_id}", f"is of unit {unit_id}, which this book does not have"
    listing = (
        f"SELECT r.claim_id, r.account FROM {P}claim AS r WHERE r.book = ? AND r.finished_at <> 0 AND NOT EXISTS"
        f" (SELECT 1 FROM {P}account AS a WHERE a.book = r.book AND a.key = r.account)"
    )
    for claim_id, account in asking.ask(listing, (book,)):
        yield f"claim {claim_id}", f"is finished, and account {account} is not there"


def check_rollup_mark(asking: Asking, book: int) -> Iterator[Oddity]:
    """The rollup says in one row how far it goes: not past the last entry, and not at nothing while there are sums.
    What the sums are, `audit` proves."""
    marks: dict[int, int] = dict(asking.ask(f"SELECT id, position FROM {P}rollup_mark"))
    where, anew = f"table {P}rollup_mark", "run `farthing rollup rebuild`"
    if marks.keys() - {1}:
        yield where, f"has {len(marks)} rows, and needs the first alone"
    mark, last = marks.get(1, 0), asking.find_last_position()
    if not UNUSABLE <= mark <= last:
        yield where, f"goes up to position {mark}, and the last is {last}: {anew}"
    if not mark:
        for table in ("usage", "flow", "basis", "followed"):
            if list(asking.ask(f"SELECT 1 FROM {P}rollup_{table} LIMIT 1")):
                yield where, f"goes up to nothing, and {P}rollup_{table} has rows: {anew}"


CHECKS: Final[tuple[Callable[[Asking, int], Iterator[Oddity]], ...]] = (
    check_books,
    check_accounts,
    check_places,
    check_tallies,
    check_subscriptions,
    check_catalogs,
    check_claims,
    check_rollup_mark,
    check_order,
    check_notes,
    check_names,
)

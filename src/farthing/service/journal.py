"""The journal: entries as double-entry postings between the books of the ledger, for whoever keeps accounts elsewhere.

Amounts are credits (or whatever a unit counts), signed as in plain-text accounting: what the house owes is negative. Of
each entry the postings add up to zero:

    Assets:Debt            what accounts owe, because work cost more than they had
    Liabilities:Customers  credits that can be spent
    Liabilities:Held       credits that holds have set aside
    Equity:Issued          given, and what operators corrected, took away or clawed back
    Income:Consumed        spent, less what was refunded
    Income:Breakage        ended unused
    Expenses:WrittenOff    debt that was forgiven
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from farthing.store.contract import Progress, Store
from farthing.store.rollup import PAGE
from farthing.store.rollup_fold import FAR
from farthing.store.rollup_rows import ASKED, EFFECTIVE_AT, RECORDED_AT, EntryRow
from farthing.values.amounts import Unit, to_decimal, to_text
from farthing.values.calendars import to_instant
from farthing.values.entries import Kind
from farthing.values.errors import TermInvalid
from farthing.values.wallets import Account

FORGIVING: Final = frozenset({int(Kind.FORGIVEN), int(Kind.REFUNDED)})
"""The kinds whose adjustments are debt written off, or such debt owed by nobody again."""

COLUMNS: Final = (
    "moment", "position", "account", "unit", "number", "kind", "book", "feature", "amount",
)  # fmt: skip


class Posting(NamedTuple):
    """One line of an entry: so much of a unit into a book, negative out of it."""

    book: str
    feature: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """An entry with its postings, which add up to zero."""

    moment: int
    position: int
    account_id: int
    account: str
    unit: Unit
    number: int
    kind: str
    postings: tuple[Posting, ...]


class Posts(NamedTuple):
    """What to export: of one account or of all, in these units, of entries whose moment is in between."""

    account: Account | None
    units: dict[int, Unit]
    since: int
    until: int
    name_text: Callable[[int], str]
    """From a feature's number to its name."""


def iter_posted(store: Store, posts: Posts, progress: Progress | None = None) -> Iterator[Posted]:
    """Every entry that moved something, in the order of the ledger, as of one moment."""
    with store.rollup.reading() as reader:
        keys: dict[int, str] = {}
        for page, done, total in iter_pages(reader, posts):
            rows = [row for row in page if row[2] in posts.units and posts.since <= find_moment(row) < posts.until]
            keys |= reader.find_keys({row[1] for row in rows} - keys.keys())
            for row in rows:
                postings = list_postings(row, posts.name_text)
                if postings and row[1] in keys:
                    yield Posted(
                        moment=find_moment(row), position=row[0], account_id=row[1], account=keys[row[1]],
                        unit=posts.units[row[2]], number=row[3], kind=Kind(row[4]).name.lower(), postings=postings,
                    )  # fmt: skip
            if progress:
                progress(done, total)


def iter_pages(reader: Any, posts: Posts) -> Iterator[tuple[list[EntryRow], int, int]]:
    """Entries page by page, and how far that is: of one account's wallets, or of the whole book."""
    if posts.account is None:
        last = reader.find_last_position()
        for low in range(0, last, PAGE):
            yield reader.list_positions(low, min(low + PAGE, last)), min(low + PAGE, last), last
        return
    account_id = posts.account.account_id
    rows = [row for unit_id in posts.units for row in reader.list_numbers(account_id, unit_id, 0, FAR)]
    yield sorted(rows), len(rows), len(rows)


def find_moment(row: EntryRow) -> int:
    """When an entry counts; see `past.find_moment`."""
    moment: int = row[RECORDED_AT if row[ASKED] else EFFECTIVE_AT]
    return moment


def list_postings(row: EntryRow, name_text: Callable[[int], str]) -> tuple[Posting, ...]:
    """The postings of an entry, in a fixed order, without those of nothing."""
    granted, refunded, adjusted, spent, expired, lots, covered, debt = row[9:17]
    written_off = adjusted if row[4] in FORGIVING else 0
    moves = (
        ("Assets:Debt", debt),
        ("Liabilities:Customers", -lots),
        ("Liabilities:Held", -covered),
        ("Equity:Issued", granted + adjusted - written_off),
        ("Income:Consumed", refunded - spent),
        ("Income:Breakage", -expired),
        ("Expenses:WrittenOff", written_off),
    )
    feature = name_text(row[18]) if row[18] else ""
    return tuple(
        [Posting(book, feature if book == "Income:Consumed" else "", amount) for book, amount in moves if amount]
    )


def write_csv(posted: Iterable[Posted], out: TextIO) -> int:
    """A line for each posting, after a line with `COLUMNS`; how many entries there were."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for each in posted:
        count += 1
        at = to_instant(each.moment).isoformat()
        for line in each.postings:
            writer.writerow(
                (at, each.position, each.account, each.unit.name, each.number, each.kind, line.book, line.feature,
                 to_text(line.amount, each.unit))
            )  # fmt: skip
    return count


def write_parquet(posted: Iterable[Posted], path: Path) -> int:
    """The same columns as a Parquet file, amounts as exact decimals. Raises `TermInvalid` without pyarrow."""
    try:
        pyarrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        advice = "install it: pip install 'farthing[parquet]'"
        raise TermInvalid(what="format", given="parquet", problem="needs the package pyarrow", advice=advice) from None
    types = {
        "moment": pyarrow.timestamp("us", tz="UTC"), "position": pyarrow.int64(), "number": pyarrow.int64(),
        "amount": pyarrow.decimal128(38, 18),
    }  # fmt: skip
    schema = pyarrow.schema([(column, types.get(column, pyarrow.string())) for column in COLUMNS])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        rows: list[tuple[Any, ...]] = []

        def write_rows() -> None:
            columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in COLUMNS]
            arrays = [pyarrow.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            rows.clear()

        for each in posted:
            count += 1
            at = to_instant(each.moment)
            rows.extend(
                (at, each.position, each.account, each.unit.name, each.number, each.kind, line.book, line.feature,
                 to_decimal(line.amount, each.unit))
                for line in each.postings
            )  # fmt: skip
            if len(rows) >= PAGE:
                write_rows()
        write_rows()
    return count


def write_hledger(posted: Iterable[Posted], out: TextIO, zone: tzinfo) -> int:
    """A journal that hledger and ledger read: a transaction for each entry, dated in the zone."""
    count = 0
    for each in posted:
        count += 1
        at = to_instant(each.moment).astimezone(zone)
        said = f"{at:%Y-%m-%d} ({each.position}) {one_line(each.account)} {each.kind.replace('_', ' ')}"
        out.write(f"{said}  ; at:{to_instant(each.moment).isoformat()}\n")
        for line in each.postings:
            name = ":".join([line.book, *name_rest(each, line, one_line)])
            out.write(f"    {name}  {to_text(line.amount, each.unit)} {quote_unit(each.unit)}\n")
        out.write("\n")
    return count


def write_beancount(posted: Iterable[Posted], out: TextIO, zone: tzinfo) -> int:
    """A journal that beancount reads: each book of each account opened at its first use."""
    opened: set[tuple[str, str]] = set()
    count = 0
    for each in posted:
        count += 1
        at = to_instant(each.moment).astimezone(zone)
        unit = name_commodity(each.unit.name)
        lines = []
        for line in each.postings:
            name = ":".join([line.book, *name_rest(each, line, name_component)])
            if (name, unit) not in opened and not any(known == name for known, _ in opened):
                out.write(f"1970-01-01 open {name}\n")
            opened.add((name, unit))
            lines.append(f"  {name}  {to_text(line.amount, each.unit)} {unit}\n")
        narration = f"{each.kind.replace('_', ' ')} {each.account}".replace("\\", "\\\\").replace('"', '\\"')
        out.write(f'{at:%Y-%m-%d} * "{one_line(narration)}"\n')
        out.write(f'  at: "{to_instant(each.moment).isoformat()}"\n  entry: {each.position}\n')
        out.writelines(lines)
        out.write("\n")
    return count


def name_rest(posted: Posted, line: Posting, spell: Callable[[str], str]) -> list[str]:
    """What stands after a book's name: whose it is, or what for."""
    if line.book.startswith(("Assets", "Liabilities")):
        return [spell(posted.account)]
    return [spell(line.feature)] if line.feature else []


def one_line(text: str) -> str:
    """A name as hledger takes it: no colons, which part accounts, no two spaces, which end them, no comments."""
    return re.sub(r"\s+", " ", text.replace(":", "∶").replace(";", "⁏")).strip() or "-"


def quote_unit(unit: Unit) -> str:
    """A unit as hledger's commodity: in quotes unless it is a plain word."""
    if re.fullmatch(r"[A-Za-z]+", unit.name):
        return unit.name
    return '"' + re.sub(r'["\n\r;]', " ", unit.name) + '"'


def name_component(text: str) -> str:
    """A name as part of a beancount account: letters, digits and dashes, from a capital or a digit on. Two names stay
    two: where something had to be changed, some of the name's digest stands behind it."""
    spelt = re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-")
    spelt = spelt[:1].upper() + spelt[1:]
    if spelt and spelt == text:
        return spelt
    return f"{spelt or 'X'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def name_commodity(text: str) -> str:
    """A unit as beancount's commodity: capitals, digits and dashes, two to twenty-four of them."""
    spelt = re.sub(r"[^A-Z0-9]+", "-", text.upper()).strip("-")
    if re.fullmatch(r"[A-Z][A-Z0-9-]{0,22}[A-Z0-9]", spelt) and spelt.lower() == text.lower():
        return spelt
    return f"U-{re.sub(r'[^A-Z0-9]', '', spelt)[:12]}{hashlib.sha256(text.encode()).hexdigest()[:8].upper()}"

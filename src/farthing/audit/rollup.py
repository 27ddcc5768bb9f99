"""The proof of the rollup: what its rows add up to is what the entries up to its mark add up to.

Rows are sums, so both sides are compared by fingerprints that are sums too: each number times one that stands for its
row's key. They differ if a number differs anywhere, or stands under another key, and need no room for the rows. What
else reports go by is compared as it is: what is left of lots that were paid for, and which entries a row reaches to.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from farthing.store.contract import Store
from farthing.store.rollup import PAGE, Reader, find_known
from farthing.store.rollup_fold import Fold, lay_flow, lay_usage
from farthing.store.rollup_rows import FLOW_KEY, SPAN, USAGE_KEY, Basis, EntryKey

MONTH: Final = 30 * 86_400 * 1_000_000
"""Rows are compared in groups of about a month of one account, so that a finding says where."""

PLAIN: Final = {"usage": len(USAGE_KEY) - 1, "flow": len(FLOW_KEY) - 1}
"""How many columns of a key say what a row is: all but the last, `spill`."""

START: Final = {"usage": USAGE_KEY.index("start_at"), "flow": FLOW_KEY.index("start_at")}

ANEW: Final = "run `farthing rollup rebuild`"

Prints = dict[tuple[str, int, int, int], list[int]]
"""(table, account, unit, month) → a fingerprint for each measure."""


def check_rollup(store: Store) -> Iterator[tuple[str, str]]:
    """(where, what is wrong) of the rollup; nothing where nothing was rolled up."""
    with store.rollup.reading() as reader:
        if not reader.mark:
            return
        found: Prints = {}
        for table in ("usage", "flow"):
            add_prints(found, table, reader.iter_rows(table))
        expected: Prints = {}
        followed = reader.list_followed()
        refolded = Refolded(reader, frozenset(followed))
        upto = min(reader.mark, reader.find_last_position())
        for after in range(0, upto, PAGE):
            try:
                refolded.add_page(expected, after, min(after + PAGE, upto))
            except struct.error:
                yield "the rollup", f"is of an entry after position {after} that cannot be read: verify every book"
                return
        for place in sorted(expected.keys() | found.keys()):
            nothing = [0] * len(expected.get(place) or found[place])
            if expected.get(place, nothing) != found.get(place, nothing):
                yield name_group(*place), f"does not add up to its entries: {ANEW}"
        for (account_id, unit_id), upto in followed.items():
            last = refolded.numbers.get((account_id, unit_id), 0)
            if last != upto:
                yield (
                    f"rollup of account {account_id}, unit {unit_id}",
                    f"says that it goes up to entry {upto}, and goes up to {last}",
                )
        yield from refolded.short
        yield from compare_bases(refolded.known.bases, reader.iter_rows("basis"))


def name_group(table: str, account_id: int, unit_id: int, month: int) -> str:
    """How a group of rows is named to people."""
    whose = f"account {account_id}" if account_id else "all accounts"
    return f"rollup of {table}, {whose}, unit {unit_id}, month {month} since 1970"


def compare_bases(expected: Mapping[EntryKey, Basis], found: Iterable[tuple[int, ...]]) -> Iterator[tuple[str, str]]:
    """Lots that were paid for, of which reports say what was earned by how much is left of each."""
    missing = set(expected)
    for account_id, unit_id, number, *basis in found:
        key = (account_id, unit_id, number)
        missing.discard(key)
        if expected.get(key) != tuple(basis):
            yield name_basis(key), f"is not what its entries come to: {ANEW}"
    for key in sorted(missing):
        yield name_basis(key), f"is missing: {ANEW}"


def name_basis(key: EntryKey) -> str:
    """How what is left of a lot is named to people."""
    return "rollup of lot {2}, account {0}, unit {1}".format(*key)


class Refolded:
    """The entries folded again from the first, with everything that was learnt of them on the way."""

    def __init__(self, reader: Reader, followed: frozenset[tuple[int, int]]) -> None:
        self.reader = reader
        self.followed = followed
        self.known = find_known(reader, [], fresh=True)
        self.numbers: dict[tuple[int, int], int] = {}
        self.short: dict[tuple[str, str], None] = {}
        """What is said of rows that do not reach to all of their entries, each once."""

    def add_page(self, prints: Prints, after: int, upto: int) -> None:
        """Fold some entries more into the fingerprints."""
        rows = self.reader.list_positions(after, upto)
        needed = find_known(self.reader, rows, fresh=True)
        self.known.charges, self.known.steps = needed.charges, needed.steps
        fold = Fold(self.known, apart=self.followed)
        for row in rows:
            fold.add(row)
            self.numbers[row[1], row[2]] = row[3]
        add_prints(prints, "usage", lay_usage(fold, upto))
        add_prints(prints, "flow", lay_flow(fold, upto))
        self.check_spans("usage", join_spans(fold.usage_spans))
        self.check_spans("flow", join_spans(fold.flow_spans))

    def check_spans(self, table: str, spans: Mapping[EntryKey, tuple[int, int]]) -> None:
        """Reports find the entries of a quarter of an hour by what its rows say of the first and the last."""
        found = self.reader.list_spans(table, spans)
        for key, (first, last) in spans.items():
            reach = found.get(key)
            if reach is not None and not reach[0] <= first <= last <= reach[1]:
                where = name_group(table, key[0], key[1], key[2] // MONTH)
                self.short[where, f"has rows that do not reach to all of their entries: {ANEW}"] = None


def join_spans(spans: Mapping[Any, tuple[int, int]]) -> dict[EntryKey, tuple[int, int]]:
    """(account, unit, start) → the first and the last entry, whatever else keys tell apart."""
    joined: dict[EntryKey, tuple[int, int]] = {}
    for key, (first, last) in spans.items():
        place = key[:3]
        known = joined.get(place)
        joined[place] = (first, last) if known is None else (min(first, known[0]), max(last, known[1]))
    return joined


def add_prints(prints: Prints, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Add rows to the fingerprints of their groups."""
    plain, start = PLAIN[table], START[table]
    for row in rows:
        weight = hash((table, *row[:plain])) | 1
        sums = row[plain + 1 : -len(SPAN)]
        place = (table, row[0], row[1], row[start] // MONTH)
        known = prints.get(place)
        if known is None:
            known = prints[place] = [0] * len(sums)
        for at, each in enumerate(sums):
            if each:
                known[at] += weight * each

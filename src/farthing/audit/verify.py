"""The proof of the books: every law over every wallet of a store, with findings that name law, table, row, column.

What a chain beside the data can show: any change, gap, swap or insertion, a dropped tail (the wallet's row has the
number and hash of the last entry), a dropped wallet row (its entries have no owner), a dropped account (its entries
too), and a wallet of unit 0 that is gone with the entry that opened the account. A key is part of its entry's hash.
What it cannot show: a wallet other than unit 0 that vanished with its row and all its entries, a database put back to
an earlier day, or one whose owner reckoned every hash, row and sum anew. Against the last, seal with a key that is
kept elsewhere; against the others, keep heads (`sequence`, `hash`) outside the database.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from farthing.audit.fold import Fold
from farthing.audit.laws import Books, Finding, check_entries, check_state, name_wallet
from farthing.audit.rollup import check_rollup
from farthing.store.contract import Progress, Store, WalletRecord
from farthing.store.faults import DatabaseUnreadable, DiskFailed
from farthing.values.entries import Entry, Kind
from farthing.values.errors import Misconfigured

MOST_FINDINGS = 100
"""Findings that a report lists; further ones are only counted."""

BROKEN_ENTRIES = {"kinds_are_known", "numbers_without_gaps", "chain_unbroken", "effects_make_sense"}
"""Laws without which entries are not those that were summed up: making the sums anew would only hide what happened."""

PROGRESS_EVERY = 1000
"""Entries between two words to whoever follows the work."""


@dataclass(slots=True)
class Report:
    """What `verify` found. `findings` has the first hundred of `count`."""

    wallets: int = 0
    entries: int = 0
    count: int = 0
    findings: list[Finding] = field(default_factory=list)
    laws: dict[str, int] = field(default_factory=dict)
    """How many findings each broken law has."""

    @property
    def ok(self) -> bool:
        """Whether every law holds."""
        return not self.count

    @property
    def summary(self) -> str:
        """`ok`, or the broken laws, the first found first."""
        return "ok" if self.ok else ", ".join(self.laws)

    def add(self, finding: Finding) -> None:
        """Count a finding, and list it while there is room."""
        self.count += 1
        self.laws[finding.law] = self.laws.get(finding.law, 0) + 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)

    def json(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "verify": self.summary,
            "wallets": self.wallets,
            "entries": self.entries,
            "count": self.count,
            "findings": [finding._asdict() for finding in self.findings],
        }

    def __str__(self) -> str:
        lines = [f"verify: {self.summary} ({self.wallets} wallets, {self.entries} entries)"]
        for finding in self.findings:
            lines.append(f"  {finding.law}: {finding.where}: expected {finding.expected}, found {finding.found}")
        if self.count > len(self.findings):
            lines.append(f"  and {self.count - len(self.findings)} more")
        return "\n".join(lines)


def verify(store: Store, progress: Progress | None = None) -> Report:
    """Check every law over every wallet of the store's book, and what no wallet vouches for.

    Raises `DatabaseUnreadable` where the database does not let us read it: that is no finding.
    """
    report = Report()
    total = store.count_entries() if progress else 0
    opened: set[int] = set()
    seen: dict[int, str] = {}
    try:
        for record in store.iter_records():
            report.wallets += 1
            account = record.wallet.account
            if record.wallet.unit.unit_id == 0:
                opened.add(account.account_id)
            else:
                seen[account.account_id] = account.key
            entries = count_entries(record.entries, report, progress, total)
            for finding in check_record(store, record, entries):
                report.add(finding)
        for account_id in seen.keys() - opened:
            where = f"account {seen[account_id]}"
            report.add(Finding("accounts_are_opened", where, "a wallet of unit 0", "none"))
        for where, problem in store.find_oddities():
            report.add(Finding("tables_in_order", where, "in order", problem))
        if not BROKEN_ENTRIES & report.laws.keys():
            for where, problem in check_rollup(store):
                report.add(Finding("sums_equal_the_entries", where, "sums of its entries", problem))
    except (Misconfigured, DiskFailed) as error:
        if report.ok and isinstance(error, DatabaseUnreadable) and error.is_refusal:
            raise
        report.add(Finding("tables_in_order", store.url, "books that can be read to the end", str(error)))
    if progress:
        progress(report.entries, max(total, report.entries))
    return report


def check_record(store: Store, record: WalletRecord, entries: Iterator[Entry]) -> Iterator[Finding]:
    """Every law over one wallet."""
    wallet = record.wallet
    fold = Fold(wallet.account, wallet.unit, store.seal)
    first = next(entries, None)
    if wallet.unit.unit_id == 0 and (first is None or first.kind != Kind.OPENED):
        found = "no entry" if first is None else f"kind {first.kind}"
        yield Finding("accounts_are_opened", f"entry 1 of {name_wallet(wallet)}", "that it was opened", found)
    yield from check_entries(wallet, chain(() if first is None else (first,), entries), fold)
    rules = record.allowances, record.budgets, record.counters
    yield from check_state(Books(wallet, record.lots, record.holds, record.debts, *rules, fold, record.subscriptions))


def count_entries(entries: Iterator[Entry], report: Report, progress: Progress | None, total: int) -> Iterator[Entry]:
    """The same entries, counted as they pass."""
    for entry in entries:
        report.entries += 1
        if progress and report.entries % PROGRESS_EVERY == 0:
            progress(report.entries, max(total, report.entries))
        yield entry

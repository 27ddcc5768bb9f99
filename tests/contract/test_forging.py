"""Order, tails, chains, the schema and the report: what `verify` says when more than a column was spoilt.

What an owner who knows the code can do, sealing every entry anew, is here too: other laws find it, or a chain key does.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from farthing.audit.verify import verify
from farthing.core.entries import Entry, Seal
from farthing.store.admission import CHAIN_CHECK
from farthing.store.sqlite import open_sqlite
from farthing.store.versions import PREFIX as P
from tests.contract.desk import open_desk
from tests.contract.spoiling import ACME, WALLET, change, check, count_entries, find_fault, read_row

KEY = Seal(b"the operator's own key, kept elsewhere")


@pytest.mark.parametrize("number", [6, 15])
def test_a_foreign_entry_is_named_wherever_it_is_put(copy: Path, number: int):
    row = read_row(copy, "entry") | {"position": 999, "key_digest": b"f" * 16}
    last = count_entries(copy)
    assert last == 14
    if number <= last:
        for old in range(last, number - 1, -1):
            change(copy, f"UPDATE {P}entry SET number = {old + 1} WHERE {WALLET} AND number = {old}")

    row["number"] = number
    change(copy, f"INSERT INTO {P}entry VALUES ({', '.join('?' * len(row))})", values=tuple(row.values()))

    assert f"chain_unbroken: entry {number} of wallet acme credits, hash" in find_fault(copy)
    assert "numbers_without_gaps: wallet acme credits, seq: expected 15, found 14" in find_fault(copy)


def test_two_entries_that_changed_places_are_named(copy: Path):
    for old, new in ((3, 1000), (4, 3), (1000, 4)):
        change(copy, f"UPDATE {P}entry SET number = {new} WHERE {WALLET} AND number = {old}")

    said = find_fault(copy)

    assert "chain_unbroken: entry 3 of wallet acme credits, hash" in said
    assert "chain_unbroken: entry 4 of wallet acme credits, hash" in said
    assert "entry of account 1, unit 1, number 4: expected in order, found has a position before" in said


@pytest.mark.parametrize("dropped", [1, 2, 14])
def test_a_dropped_tail_is_named_by_the_wallets_row(copy: Path, dropped: int):
    change(copy, f"DELETE FROM {P}entry WHERE {WALLET} AND number > {14 - dropped}", rows=dropped)

    assert f"numbers_without_gaps: wallet acme credits, seq: expected {14 - dropped}, found 14" in find_fault(copy)
    assert "chain_unbroken: wallet acme credits, head" in find_fault(copy)


def test_an_account_whose_opening_was_dropped_with_its_wallet_is_named(copy: Path):
    for table in ("entry", "wallet"):
        change(copy, f"DELETE FROM {P}{table} WHERE {ACME} AND unit_id = 0")

    said = find_fault(copy)

    assert "accounts_are_opened: account acme: expected a wallet of unit 0, found none" in said
    assert "account acme: expected in order, found has no entry that opened it" in said


def test_an_account_that_was_dropped_with_its_wallets_leaves_entries_that_are_named(copy: Path):
    change(copy, f"DELETE FROM {P}wallet WHERE {ACME}", rows=3)
    change(copy, f"DELETE FROM {P}account WHERE key = 'acme'")

    assert "entry of account 1, unit 0, number 1: expected in order, found belongs to an account" in find_fault(copy)


def reseal(path: Path, seal: Seal, number: int, **columns: int) -> None:
    """Change an entry and seal all of its wallet anew, as an owner who knows the code could."""
    store = open_sqlite(f"sqlite:///{path}", seal=KEY if seal.key is None and is_keyed(path) else seal)
    records = [record for record in store.iter_records() if record.wallet.unit.unit_id == 1]
    wallet, entries = next((r.wallet, list(r.entries)) for r in records if r.wallet.account.key == "acme")
    store.close()
    before, forged = seal.begin(wallet.account, wallet.unit), []
    for entry in entries:
        fields = entry._asdict() | (columns if entry.number == number else {})
        before = fields["hash"] = seal.bind(before, tuple(fields.values())[:-1])
        forged.append(Entry(**fields))
    names = ", ".join(f"{name} = ?" for name in Entry._fields)
    for entry in forged:
        change(path, f"UPDATE {P}entry SET {names} WHERE {WALLET} AND number = {entry.number}", values=tuple(entry))
    change(path, f"UPDATE {P}wallet SET head = ? WHERE {WALLET}", values=(before,))


def is_keyed(path: Path) -> bool:
    """Whether a database is sealed with the key of these tests."""
    with closing(sqlite3.connect(path)) as owner:
        (found,) = owner.execute(f"SELECT chain_check FROM {P}meta").fetchone()
        return bool(found == KEY.digest(CHAIN_CHECK))


@pytest.mark.parametrize(
    ("column", "law"),
    [
        ("granted", "equation_adds_up"), ("refunded", "equation_adds_up"), ("adjusted", "equation_adds_up"),
        ("spent", "equation_adds_up"), ("expired", "equation_adds_up"), ("lots", "every_change_has_its_entry"),
        ("covered", "every_change_has_its_entry"), ("bare", "every_change_has_its_entry"),
        ("debt", "every_change_has_its_entry"), ("balance_after", "entries_say_what_is_there"),
        ("held_after", "entries_say_what_is_there"), ("debt_after", "entries_say_what_is_there"),
        ("available_after", "entries_say_what_is_there"), ("recorded_at", "rows_equal_the_fold"),
    ],
)  # fmt: skip
def test_a_column_that_fits_no_other_is_named_though_every_hash_was_reckoned_anew(copy: Path, column: str, law: str):
    row = read_row(copy, "entry")

    reseal(copy, Seal(), row["number"], **{column: row[column] + 1})

    said = find_fault(copy)
    assert law in said
    assert "chain_unbroken" not in said


def test_what_is_consistent_and_sealed_anew_is_found_only_where_a_key_is_set(copy: Path, tmp_path: Path):
    reseal(copy, Seal(), read_row(copy, "entry")["number"], provider_cost_nanos=1)
    assert check(copy).summary == "ok"

    (tmp_path / "keyed").mkdir()
    with open_desk("sqlite", tmp_path / "keyed", KEY) as desk:
        desk.grant(10)
        desk.charge(3)
    keyed = tmp_path / "keyed" / "credits.db"
    assert check(keyed, KEY).summary == "ok"
    reseal(keyed, Seal(), 2, provider_cost_nanos=1)

    assert check(keyed, KEY).summary == "chain_unbroken"
    assert "ChainKeyWrong" in find_fault(keyed)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (f"DROP TRIGGER {P}entry_kept", f"schema, {P}entry_kept: expected in order, found is missing"),
        (f"DROP INDEX {P}entry_key", f"schema, {P}entry_key: expected in order, found is missing"),
        (f"DROP TABLE {P}note", "schema"),
        (f"ALTER TABLE {P}lot ADD COLUMN more INTEGER", f"schema, {P}lot: expected in order, found is not as"),
    ],
)
def test_a_changed_schema_is_named(copy: Path, statement: str, fault: str):
    with closing(sqlite3.connect(copy)) as owner, owner:
        owner.execute(statement)

    assert fault in find_fault(copy)


def test_a_report_counts_every_finding_and_lists_the_first(copy: Path):
    change(copy, f"UPDATE {P}entry SET catalog_version = 9 WHERE TRUE", rows=20)
    change(copy, f"UPDATE {P}wallet SET stopped = 1 WHERE TRUE", rows=5)

    report = check(copy)

    assert (report.ok, report.summary) == (False, "chain_unbroken, wallet_in_order")
    assert (report.wallets, report.entries, report.count, len(report.findings)) == (5, 20, 25, 25)
    assert report.laws == {"chain_unbroken": 20, "wallet_in_order": 5}
    assert report.json()["verify"] == "chain_unbroken, wallet_in_order"
    assert report.json()["findings"][0] == report.findings[0]._asdict()


def test_a_report_of_much_damage_stays_short(copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("farthing.audit.verify.MOST_FINDINGS", 3)
    change(copy, f"UPDATE {P}entry SET catalog_version = 9 WHERE TRUE", rows=20)

    report = check(copy)

    assert (report.count, len(report.findings)) == (20, 3)
    assert str(report).splitlines()[-1] == "  and 17 more"


def test_progress_is_told_to_the_end(copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("farthing.audit.verify.PROGRESS_EVERY", 8)
    told: list[tuple[int, int]] = []
    store = open_sqlite(f"sqlite:///{copy}")

    verify(store, lambda done, total: told.append((done, total)))
    store.close()

    assert told == [(8, 20), (16, 20), (20, 20)]

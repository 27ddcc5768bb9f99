"""Order, tails, chains, the schema and the report: what `verify` says when more than a column was spoilt.

What an owner who knows the code can do, sealing every entry anew, is here too: other laws find it, or a chain key does.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.service.rollups import rebuild_rollup
from farthing.store.admission import CHAIN_CHECK
from farthing.store.sqlite import open_sqlite
from farthing.store.versions import PREFIX as P
from farthing.values.entries import (
    AllowanceField,
    BudgetField,
    Effect,
    Entry,
    Kind,
    LotField,
    Seal,
    SubscriptionField,
    pack_effects,
    unpack_effects,
)
from farthing.values.names import name_number
from tests.contract.desk import open_desk
from tests.contract.spoiling import ACME, WALLET, change, check, count_entries, find_fault, read_row

LAST, ALL = 19, 29
"""Entries of the wallet that is tampered with, and of all wallets."""

KEY = Seal(b"the operator's own key, kept elsewhere")


@pytest.mark.parametrize("number", [6, 20])
def test_a_foreign_entry_is_named_wherever_it_is_put(copy: Path, number: int):
    row = read_row(copy, "entry") | {"position": 999, "key_digest": b"f" * 16}
    last = count_entries(copy)
    assert last == LAST
    if number <= last:
        for old in range(last, number - 1, -1):
            change(copy, f"UPDATE {P}entry SET number = {old + 1} WHERE {WALLET} AND number = {old}")

    row["number"] = number
    change(copy, f"INSERT INTO {P}entry VALUES ({', '.join('?' * len(row))})", values=tuple(row.values()))

    assert f"chain_unbroken: entry {number} of wallet acme credits, hash" in find_fault(copy)
    assert f"numbers_without_gaps: wallet acme credits, seq: expected {LAST + 1}, found {LAST}" in find_fault(copy)


def test_two_entries_that_changed_places_are_named(copy: Path):
    for old, new in ((3, 1000), (4, 3), (1000, 4)):
        change(copy, f"UPDATE {P}entry SET number = {new} WHERE {WALLET} AND number = {old}")

    said = find_fault(copy)

    assert "chain_unbroken: entry 3 of wallet acme credits, hash" in said
    assert "chain_unbroken: entry 4 of wallet acme credits, hash" in said
    assert "entry of account 1, unit 1, number 4: expected in order, found has a position before" in said


@pytest.mark.parametrize("dropped", [1, 2, LAST])
def test_a_dropped_tail_is_named_by_the_wallets_row(copy: Path, dropped: int):
    change(copy, f"DELETE FROM {P}entry WHERE {WALLET} AND number > {LAST - dropped}", rows=dropped)

    assert f"numbers_without_gaps: wallet acme credits, seq: expected {LAST - dropped}, found {LAST}" in find_fault(
        copy
    )
    assert "chain_unbroken: wallet acme credits, head" in find_fault(copy)


def test_an_account_whose_opening_was_dropped_with_its_wallet_is_named(copy: Path):
    for table, rows in (("entry", 3), ("wallet", 1)):
        change(copy, f"DELETE FROM {P}{table} WHERE {ACME} AND unit_id = 0", rows=rows)

    said = find_fault(copy)

    assert "accounts_are_opened: account acme: expected a wallet of unit 0, found none" in said
    assert "account acme: expected in order, found has no entry that opened it" in said


def test_an_account_that_was_dropped_with_its_wallets_leaves_entries_that_are_named(copy: Path):
    change(copy, f"DELETE FROM {P}wallet WHERE {ACME}", rows=3)
    change(copy, f"DELETE FROM {P}account WHERE key = 'acme'")

    assert "entry of account 1, unit 0, number 1: expected in order, found belongs to an account" in find_fault(copy)


def reseal(path: Path, seal: Seal, number: int, unit: int = 1, **columns: Any) -> None:
    """Change an entry and seal all of its wallet anew, as an owner who knows the code could."""
    where = f"{ACME} AND unit_id = {unit}"
    store = open_sqlite(f"sqlite:///{path}", seal=KEY if seal.key is None and is_keyed(path) else seal)
    records = [record for record in store.iter_records() if record.wallet.unit.unit_id == unit]
    wallet, entries = next((r.wallet, list(r.entries)) for r in records if r.wallet.account.key == "acme")
    store.close()
    before, forged = seal.begin(wallet.account, wallet.unit), []
    for entry in entries:
        fields = entry._asdict() | (columns if entry.number == number else {})
        before = fields["hash"] = seal.bind(before, tuple(fields.values())[:-1])
        forged.append(Entry(**fields))
    names = ", ".join(f"{name} = ?" for name in Entry._fields)
    for entry in forged:
        change(path, f"UPDATE {P}entry SET {names} WHERE {where} AND number = {entry.number}", values=tuple(entry))
    change(path, f"UPDATE {P}wallet SET head = ? WHERE {where}", values=(before,))


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


Effects = list[tuple[int, int, int, int]]


def set_value(effect: Effect, key: int | None, value: int) -> Callable[[Effects], Effects]:
    """What gives effects of a kind, with a key or any, another value."""

    def forge(effects: Effects) -> Effects:
        return [
            (*each[:3], value) if each[0] == effect and (key is None or each[2] == key) else each for each in effects
        ]

    return forge


FORGED: dict[str, tuple[Kind, Callable[[Effects], Effects], str]] = {
    "an allowance's amount": (
        Kind.ALLOWED,
        set_value(Effect.ALLOWANCE_SET, AllowanceField.AMOUNT, 41),
        "rows_equal_the_fold: allowance 16 of wallet acme credits, amount: expected 41, found 40",
    ),
    "an allowance's name": (
        Kind.ALLOWED,
        set_value(Effect.ALLOWANCE_SET, AllowanceField.NAME, name_number("chat")),
        f"allowance 16 of wallet acme credits, name: expected the text of {name_number('chat')}, found plan",
    ),
    "whose lot it is": (
        Kind.ALLOWED,
        set_value(Effect.LOT_SET, LotField.ALLOWANCE, 3),
        "rows_equal_the_fold: lot 16 of wallet acme credits, allowance: expected 3, found 16",
    ),
    "a budget's cap": (
        Kind.BUDGETED,
        set_value(Effect.BUDGET_SET, BudgetField.MOST, 1000),
        "rows_equal_the_fold: budget 17 of wallet acme credits, most: expected 1000, found 60",
    ),
    "what a charge counts": (
        Kind.CHARGED,
        set_value(Effect.COUNTER_SPENT, None, 1),
        "budgets_count_what_moved: entry 18 of wallet acme credits, counter",
    ),
    "when a counter's period ends": (
        Kind.CHARGED,
        set_value(Effect.COUNTER_ENDS, None, 5),
        "ends_at: expected 5, found",
    ),
    "what a hold reserves": (
        Kind.HELD,
        lambda effects: [each for each in effects if each[0] != Effect.HOLD_RESERVED],
        "rows_equal_the_fold: hold 19 of wallet acme credits, reserves: expected (), found ((17,",
    ),
    "an alert's threshold": (
        Kind.CONFIGURED,
        set_value(Effect.ALERT_SET, None, 6),
        "rows_equal_the_fold: wallet acme credits, alerts: expected (6, 6), found (20, 5)",
    ),
    "the rule for top-ups": (
        Kind.CONFIGURED,
        set_value(Effect.TOP_UP_SET, 3, 51),
        "rows_equal_the_fold: wallet acme credits, top_up: expected TopUp",
    ),
    "money that never was paid": (
        Kind.CONFIGURED,
        lambda effects: [*effects, (int(Effect.MONEY_RETURNED), 3, 0, 4901)],
        "clawbacks_at_most_the_grant: lot 3 of wallet acme credits, money: expected 4900 or less, found 4901",
    ),
}
"""What an owner makes of the effects of the last entry of a kind, sealing all anew, and what is said of it."""


@pytest.mark.parametrize("name", FORGED)
def test_forged_effects_are_named_though_every_hash_was_reckoned_anew(copy: Path, name: str):
    kind, forge, fault = FORGED[name]
    with closing(sqlite3.connect(copy)) as owner:
        listing = f"SELECT number, effects FROM {P}entry WHERE {WALLET} AND kind = {int(kind)} ORDER BY number DESC"
        number, effects = owner.execute(listing).fetchone()

    reseal(copy, Seal(), number, effects=pack_effects(forge(unpack_effects(effects))))

    said = find_fault(copy)
    assert fault in said
    assert "chain_unbroken" not in said


STEPS: dict[str, tuple[Kind, int, Callable[[Effects], Effects], str]] = {
    "a step's plan": (
        Kind.SUBSCRIBED, 0,
        set_value(Effect.SUBSCRIPTION_SET, SubscriptionField.PLAN, name_number("chat")),
        f"subscription 3 of wallet acme account, plan: expected the text of {name_number('chat')}, found basic",
    ),
    "when a step acts": (
        Kind.SUBSCRIBED, 0,
        set_value(Effect.SUBSCRIPTION_SET, SubscriptionField.ACTS_AT, 5),
        "rows_equal_the_fold: subscription 3 of wallet acme account, acts_at: expected 5, found",
    ),
    "another step": (
        Kind.SUBSCRIBED, 0,
        lambda effects: [*effects, (int(Effect.SUBSCRIPTION_SET), 2, int(SubscriptionField.EVERY), 1)],
        "effects_make_sense: entry 3 of wallet acme account, effects",
    ),
    "an allowance's end": (
        Kind.ALLOWED, 2,
        set_value(Effect.ALLOWANCE_SET, AllowanceField.UNTIL, 5),
        "until: expected 5, found",
    ),
    "what a price has counted": (
        Kind.CHARGED, 2,
        set_value(Effect.COUNTER_SPENT, None, 18),
        f"counter 0, {name_number('chat')} of wallet acme generations, spent: expected 18, found 17",
    ),
    "what a price reserves": (
        Kind.CHARGED, 2,
        lambda effects: [*effects, (int(Effect.COUNTER_RESERVED), 0, name_number("chat"), 1)],
        "budgets_count_what_moved: entry",
    ),
}  # fmt: skip
"""The same beside the wallet of credits: kind, unit, effects, what is said."""


@pytest.mark.parametrize("name", STEPS)
def test_forged_steps_and_counters_are_named(copy: Path, name: str):
    kind, unit, forge, fault = STEPS[name]
    with closing(sqlite3.connect(copy)) as owner:
        where = f"{ACME} AND unit_id = {unit} AND kind = {int(kind)}"
        listing = f"SELECT number, effects FROM {P}entry WHERE {where} ORDER BY number DESC"
        number, effects = owner.execute(listing).fetchone()

    reseal(copy, Seal(), number, unit, effects=pack_effects(forge(unpack_effects(effects))))

    said = find_fault(copy)
    assert fault in said
    assert "chain_unbroken" not in said


def test_an_allowance_that_outlives_its_end_is_named(copy: Path):
    where = f"{ACME} AND unit_id = 2 AND name = 'pro.generations'"
    change(copy, f"UPDATE {P}allowance SET turns_at = until + 1 WHERE {where}")

    assert "allowances_end_when_they_should: allowance" in find_fault(copy)


def test_a_step_of_a_subscription_without_an_entry_is_named(copy: Path):
    change(copy, f"UPDATE {P}subscription SET account_id = 2 WHERE {ACME} AND ended_at = 0")

    said = find_fault(copy)

    assert "subscription of account 2, number 3: expected in order, found has no entry that wrote it" in said
    assert "subscription of account 2, number 3: expected in order, found has another shard than its account" in said


def test_what_is_consistent_and_sealed_anew_is_found_only_where_a_key_is_set(copy: Path, tmp_path: Path):
    reseal(copy, Seal(), read_row(copy, "entry")["number"], provider_cost_nanos=1)
    assert check(copy).summary == "sums_equal_the_entries"
    with closing(open_sqlite(f"sqlite:///{copy}")) as store:
        assert sum(rebuild_rollup(store, None, lambda: False)) == ALL
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
    change(copy, f"UPDATE {P}entry SET effective_at = 9 WHERE TRUE", rows=ALL)
    change(copy, f"UPDATE {P}wallet SET stopped = 1 WHERE TRUE", rows=5)

    report = check(copy)

    assert (report.ok, report.summary) == (False, "chain_unbroken, wallet_in_order")
    assert (report.wallets, report.entries, report.count, len(report.findings)) == (5, ALL, ALL + 5, ALL + 5)
    assert report.laws == {"chain_unbroken": ALL, "wallet_in_order": 5}
    assert report.json()["verify"] == "chain_unbroken, wallet_in_order"
    assert report.json()["findings"][0] == report.findings[0]._asdict()


def test_a_report_of_much_damage_stays_short(copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("farthing.audit.verify.MOST_FINDINGS", 3)
    change(copy, f"UPDATE {P}entry SET effective_at = 9 WHERE TRUE", rows=ALL)

    report = check(copy)

    assert (report.count, len(report.findings)) == (ALL, 3)
    assert str(report).splitlines()[-1] == f"  and {ALL - 3} more"


def test_progress_is_told_to_the_end(copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("farthing.audit.verify.PROGRESS_EVERY", 8)
    told: list[tuple[int, int]] = []
    store = open_sqlite(f"sqlite:///{copy}")

    verify(store, lambda done, total: told.append((done, total)))
    store.close()

    assert told == [*((done, ALL) for done in range(8, ALL, 8)), (ALL, ALL)]

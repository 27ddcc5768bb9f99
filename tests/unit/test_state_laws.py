"""Every state law finds what it forbids: sound books are bent in one place, and the finding names law and place."""

import pytest

from farthing.audit.fold import Fold, Unfoldable
from farthing.audit.laws import Books, check_entries, check_state
from farthing.values.entries import CHARGES, Effect, HoldField, Kind, LotField, pack_effects, unpack_effects
from farthing.values.wallets import ACCOUNT_UNIT, AccountState, HoldState
from tests.unit.desk import TABLES, Desk


def make_desk():
    """A bit of everything: scoped, pending and ended lots, open and ended holds, debt paid, owed and forgiven."""
    desk = Desk(overdraft=50)
    desk.record(6, feature="video")
    desk.grant(20, features=["chat"], promotional=True)
    desk.grant(30, expires_at=desk.at(60))
    desk.grant(9, starts_at=desk.at(500))
    desk.grant(3, features=["image"], expires_at=desk.at(60))
    settled = desk.hold(10)
    desk.hold(60, name="open")
    desk.settle(settled, 4)
    charge = desk.record(14, feature="audio")
    desk.refund(charge.number, 1)
    desk.forgive(2)
    desk.wait(60)
    desk.tidy()
    return desk


def fold_of(desk, entries=None):
    wallet = desk.wallet
    fold = Fold(desk.account, wallet.unit, desk.seal)
    found = list(check_entries(wallet, desk.entries[1] if entries is None else entries, fold))
    return fold, found


def find_state(desk, *, wallet=None, fold=None, **bent):
    """Findings about rows; `bent` replaces whole tables."""
    rows = {table: list(desk.rows[table].get(1, {}).values()) for table in TABLES} | bent
    if fold is None:
        fold, found = fold_of(desk)
        assert found == []
    return list(check_state(Books(wallet=wallet or desk.wallet, fold=fold, **rows)))


def laws_of(findings):
    return {finding.law for finding in findings}


def test_sound_books_have_no_findings():
    assert find_state(make_desk()) == []


BENT_COLUMNS = {
    "number": {"numbers_without_gaps", "chain_unbroken"},
    "kind": {"chain_unbroken"},
    "amount": {"chain_unbroken"},
    "granted": {"chain_unbroken", "equation_adds_up"},
    "lots": {"chain_unbroken", "equation_adds_up", "every_change_has_its_entry", "entries_say_what_is_there"},
    "bare": {"chain_unbroken", "every_change_has_its_entry", "entries_say_what_is_there"},
    "balance_after": {"chain_unbroken", "entries_say_what_is_there"},
    "held_after": {"chain_unbroken", "entries_say_what_is_there"},
    "debt_after": {"chain_unbroken", "entries_say_what_is_there"},
    "available_after": {"chain_unbroken", "entries_say_what_is_there"},
    "recorded_at": {"chain_unbroken", "time_never_runs_backwards"},
    "lead_number": {"chain_unbroken"},
    "tokens_in": {"chain_unbroken"},
}


@pytest.mark.parametrize("column", BENT_COLUMNS)
def test_every_column_of_an_entry_is_vouched_for(column):
    desk = make_desk()
    entries = list(desk.entries[1])
    place = next(index for index, entry in enumerate(entries) if entry.kind in CHARGES)
    value = getattr(entries[place], column) or 0
    entries[place] = entries[place]._replace(**{column: value - 1 if column == "recorded_at" else value + 1})

    _, found = fold_of(desk, entries)

    assert BENT_COLUMNS[column] <= laws_of(found)
    assert f"entry {entries[place].number} of wallet acme credits" in found[0].where


def test_an_entry_that_is_missing_leaves_a_gap_and_breaks_the_chain():
    desk = make_desk()

    _, found = fold_of(desk, desk.entries[1][:3] + desk.entries[1][4:])

    assert {"numbers_without_gaps", "chain_unbroken"} <= laws_of(found)


def test_a_tail_that_is_missing_is_missed():
    desk = make_desk()
    fold, found = fold_of(desk, desk.entries[1][:-1])
    assert found == []

    state = find_state(desk, fold=fold)

    assert {"numbers_without_gaps", "chain_unbroken"} <= laws_of(state)


def test_an_entry_that_cannot_be_sealed_is_found():
    desk = make_desk()
    entries = [desk.entries[1][0]._replace(amount="ten")]

    _, found = fold_of(desk, entries)

    assert ("chain_unbroken", "an entry that can be sealed") in {(finding.law, finding.expected) for finding in found}


def test_a_kind_that_nobody_knows_is_found():
    desk = make_desk()

    _, found = fold_of(desk, [desk.entries[1][0]._replace(kind=99)])

    assert "kinds_are_known" in laws_of(found)


@pytest.mark.parametrize(
    "effects",
    [
        [(99, 1, 0, 1)],
        [(int(Effect.LOT_MOVED), 77, 0, 1)],
        [(int(Effect.LOT_SET), 1, 99, 1)],
        [(int(Effect.LOT_SET), 1, int(LotField.STARTED), 1)] * 2,
        [(int(Effect.HOLD_SET), 1, 99, 1)],
        [(int(Effect.HOLD_SPENT), 77, 0, 1)],
        [(int(Effect.DEBT_UNDONE), 77, 0, 1)],
        [(int(Effect.ACCOUNT_SET), 0, 99, 1)],
        [(int(Effect.DEBT_MADE), 1, 0, 5), (int(Effect.DEBT_PAID), 1, 0, 3), (int(Effect.DEBT_PAID), 1, 0, -4)],
        [(int(Effect.DEBT_MADE), 1, 0, 5), (int(Effect.DEBT_PAID), 1, 0, 3), (int(Effect.DEBT_PAID), 1, 9, -3)],
        [(int(Effect.DEBT_MADE), 1, 0, 5), (int(Effect.DEBT_PAID), 1, 0, -3)],
        [(int(Effect.TERM_SET), 0, 6, 1)],
        [(int(Effect.ALLOWANCE_SET), 1, 99, 1)],
        [(int(Effect.TURNS_MERGED), 77, 0, 2)],
        [(int(Effect.BUDGET_SET), 1, 99, 1)],
        [(int(Effect.COUNTER_STARTED), 77, 0, 1)],
        [(int(Effect.COUNTER_ENDS), 77, 0, 1)],
        [(int(Effect.COUNTER_SPENT), 77, 0, 1)],
        [(int(Effect.COUNTER_RESERVED), 77, 0, 1)],
        [(int(Effect.HOLD_SET), 1, 3, 1), (int(Effect.HOLD_RESERVED), 1, 77, 0)],
        [(int(Effect.BUDGET_SET), 1, 2, 1), (int(Effect.HOLD_RESERVED), 1, 1, 0)],
        [(int(Effect.ALERT_SET), 1, 2, 5)],
        [(int(Effect.ALERT_SET), 0, 1, 5), (int(Effect.ALERT_SET), 1, 1, 4)],
        [(int(Effect.ALERT_FIRED), 99, 0, 1)],
        [(int(Effect.TOP_UP_SET), 0, 0, 1)],
        [(int(Effect.TOP_UP_SET), 0, 18, 1)],
        [(int(Effect.MONEY_RETURNED), 77, 0, 1)],
    ],
    ids=str,
)
def test_effects_that_make_no_sense_are_found(effects):
    desk = make_desk()

    _, found = fold_of(desk, [desk.entries[1][0]._replace(effects=pack_effects(effects))])

    assert "effects_make_sense" in laws_of(found)
    assert all("entry 1 of wallet acme credits" in finding.where for finding in found)


def test_effects_that_are_cut_short_cannot_be_folded():
    desk = make_desk()
    entry = desk.entries[1][1]
    assert len(unpack_effects(entry.effects)) > 0

    with pytest.raises(Unfoldable, match="not a multiple of 25"):
        fold_of(desk)[0].add(entry._replace(effects=entry.effects[:-1]))


@pytest.mark.parametrize(
    ("field", "law"),
    [
        ("seq", "numbers_without_gaps"),
        ("clock", "rows_equal_the_fold"),
        ("granted", "equation_adds_up"),
        ("spent", "equation_adds_up"),
        ("free", "balance_is_lots_plus_covered_minus_debt"),
        ("debt", "balance_is_lots_plus_covered_minus_debt"),
        ("covered", "held_is_open_holds"),
        ("bare", "held_is_open_holds"),
        ("scoped", "counts_agree"),
        ("live", "counts_agree"),
        ("pending", "counts_agree"),
        ("stopped", "wallet_in_order"),
        ("next_due", "nothing_due_is_missed"),
    ],
)
def test_every_number_of_a_wallet_is_vouched_for(field, law):
    desk = make_desk()
    bent = desk.wallet.copy()
    setattr(bent, field, getattr(bent, field) + 1)

    found = find_state(desk, wallet=bent)

    assert law in laws_of(found)
    assert any(field in finding.where for finding in found)


def test_the_hash_and_the_terms_of_a_wallet_are_vouched_for():
    desk = make_desk()
    bent = desk.wallet.copy()
    bent.head = bytes(32)
    bent.terms = bent.terms._replace(hold_ttl=1)

    found = find_state(desk, wallet=bent)

    assert laws_of(found) == {"chain_unbroken", "rows_equal_the_fold"}
    assert any(finding.found == "00" * 32 for finding in found)


@pytest.mark.parametrize("table", ["lots", "holds", "debts"])
def test_every_column_of_every_row_is_vouched_for(table):
    desk = make_desk()
    rows = desk.rows[table][1]
    number = min(rows)
    row = rows[number]

    for field in row._fields[1:]:
        value = getattr(row, field)
        bent = (*value, value) if isinstance(value, tuple) else value + 1
        if field in ("draws", "reserves"):
            bent = (*value, (1, 1, 1)[: 2 + (field == "reserves")])
        found = find_state(
            desk, **{table: [row._replace(**{field: bent})] + [r for n, r in rows.items() if n != number]}
        )

        where = f"{table[:-1]} {number} of wallet acme credits, {field}"
        assert ("rows_equal_the_fold", where) in {(finding.law, finding.where) for finding in found}, field


@pytest.mark.parametrize("table", ["lots", "holds", "debts"])
def test_a_row_too_few_or_too_many_is_found(table):
    desk = make_desk()
    rows = list(desk.rows[table][1].values())

    few = find_state(desk, **{table: rows[1:]})
    many = find_state(desk, **{table: [*rows, rows[0]._replace(number=999)]})

    assert ("a row", "no row") in {(finding.expected, finding.found) for finding in few}
    assert ("no row", "a row") in {(finding.expected, finding.found) for finding in many}


def test_a_hold_that_has_ended_holds_nothing():
    desk = make_desk()
    holds = list(desk.rows["holds"][1].values())
    ended = next(hold for hold in holds if hold.state == HoldState.SETTLED)

    found = find_state(desk, holds=[ended._replace(bare=5), *[hold for hold in holds if hold is not ended]])

    assert any(finding.law == "held_is_open_holds" and f"hold {ended.number} " in finding.where for finding in found)


def test_owing_and_holding_credit_that_could_pay_is_found():
    desk = make_desk()
    lots = list(desk.rows["lots"][1].values())
    unscoped = next(lot for lot in lots if not lot.features and lot.started)

    found = find_state(desk, lots=[unscoped._replace(remaining=3), *[lot for lot in lots if lot is not unscoped]])

    assert "never_owe_and_hold_credit_that_could_pay" in laws_of(found)


def test_something_due_that_was_not_done_is_found():
    desk = make_desk()
    lots = list(desk.rows["lots"][1].values())
    scoped = next(lot for lot in lots if lot.features and lot.remaining)
    late = scoped._replace(expires_at=desk.at(1), remaining=1)

    found = find_state(desk, lots=[late, *[lot for lot in lots if lot is not scoped]])

    assert {finding.law for finding in found if "clock" in finding.where} == {"nothing_due_is_missed"}


def test_refunds_beyond_the_charge_are_found():
    desk = make_desk()
    fold, _ = fold_of(desk)
    number = next(iter(fold.given_back))
    fold.given_back[number] = fold.charged[number] + 1

    found = find_state(desk, fold=fold)

    assert laws_of(found) == {"refunds_at_most_the_charge"}


def test_the_account_is_as_its_entries_say():
    desk = Desk()
    account = desk.account._replace(state=AccountState.FROZEN, zone="Africa/Accra", clock=desk.now)
    wallet = desk.wallets[ACCOUNT_UNIT.unit_id].copy()
    wallet.account = account
    fold = Fold(account, ACCOUNT_UNIT, desk.seal)
    wallet.head = fold.head

    found = list(check_state(Books(wallet, [], [], [], [], [], [], fold)))

    assert {finding.where for finding in found} == {f"account acme, {name}" for name in ("state", "zone", "clock")}


def test_folding_knows_a_hold_by_its_fields_and_a_debt_by_its_payers():
    desk = make_desk()
    fold, _ = fold_of(desk)

    for number, hold in desk.rows["holds"][1].items():
        assert fold.holds[number].to_row(number, 1) == hold
        assert fold.holds[number].terms[HoldField.DEADLINE] == hold.deadline
    for number, debt in desk.rows["debts"][1].items():
        assert fold.debts[number].to_row(number) == debt
    assert Kind.REFUNDED in {entry.kind for entry in desk.entries[1]}


def test_a_next_due_that_nobody_promised_is_found():
    desk = make_desk()
    bent = desk.wallet.copy()
    bent.next_due -= 1

    found = find_state(desk, wallet=bent)

    assert [(finding.law, finding.expected) for finding in found] == [
        ("nothing_due_is_missed", "when something falls due")
    ]


def test_rows_are_not_held_against_entries_that_could_not_be_folded():
    desk = make_desk()
    entries = list(desk.entries[1])
    entries[2] = entries[2]._replace(effects=pack_effects([(99, 1, 0, 1)]))
    fold, found = fold_of(desk, entries)

    state = find_state(desk, fold=fold)

    assert "effects_make_sense" in laws_of(found)
    assert not any("lot " in finding.where or "hold " in finding.where for finding in state)

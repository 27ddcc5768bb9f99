"""Accounts open, freeze, thaw and close; settings keep to their bounds; several units move in one step or not."""

import pickle
from typing import Any

import pytest

from farthing.core.decide import apply_due_only, decide, refuse_unknown
from farthing.engine.zones import find_zone
from farthing.store.faults import TraceInvalid
from farthing.values.bounds import LARGEST_AMOUNT, MICROSECONDS, MOST_LIVE_LOTS
from farthing.values.entries import Kind
from farthing.values.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    ChargeNotFound,
    HoldNotFound,
    InsufficientCredits,
    LawBroken,
    TermInvalid,
    TooManyLots,
    TotalTooLarge,
)
from farthing.values.requests import Charge, Close, Freeze, Mode, Open, Refund, Release, Unfreeze
from farthing.values.wallets import AccountState
from tests.unit.desk import CREDITS, GENERATIONS, Desk, kinds_of

WORDS: dict[str, Any] = {"account": "acme"}


def make_new_desk():
    desk = Desk(CREDITS, GENERATIONS)
    desk.account = desk.account._replace(state=AccountState.NEW)
    for wallet in desk.wallets.values():
        wallet.account = desk.account
    return desk


def test_opening_writes_one_entry_and_opening_again_another_that_changes_nothing():
    desk = make_new_desk()

    first = desk.ask(Open(key="a", **WORDS, zone="Africa/Accra"))
    again = desk.ask(Open(key="b", **WORDS, zone="Europe/Paris"))

    assert (first.kind, first.unit_id, again.kind, again.effects) == (Kind.OPENED, 0, Kind.OPENED, b"")
    assert (desk.account.state, desk.account.zone) == (AccountState.ACTIVE, "Africa/Accra")


def test_a_grant_opens_the_account_on_its_way():
    desk = make_new_desk()

    desk.grant(10)

    assert [(entry.unit_id, entry.kind) for entry in desk.written] == [(0, Kind.OPENED), (1, Kind.GRANTED)]
    assert (desk.account.state, desk.account.zone) == (AccountState.ACTIVE, "UTC")


def test_settings_open_the_account_on_their_way():
    desk = make_new_desk()

    desk.configure(overdraft=5)

    assert kinds_of(desk.written) == [Kind.OPENED, Kind.CONFIGURED]


def test_a_frozen_account_takes_no_new_work_and_may_end_what_runs():
    desk = Desk()
    desk.grant(20)
    held, kept = desk.hold(5), desk.hold(5)
    desk.ask(Freeze(key=desk.key(), **WORDS))

    for ask in (lambda: desk.charge(1), lambda: desk.hold(1), lambda: desk.extend(kept, 60)):
        with pytest.raises(AccountFrozen):
            ask()
    desk.settle(held)
    desk.release(kept)
    desk.record(1)
    desk.charge(1, mode=Mode.RECORD)
    desk.grant(1)
    desk.ask(Unfreeze(key=desk.key(), **WORDS))

    assert desk.charge(1).amount == 1
    assert desk.wallet.spent == 8


def test_a_closed_account_takes_nothing_new_and_may_end_what_runs():
    desk = Desk()
    desk.grant(20)
    held, kept = desk.hold(5), desk.hold(5)
    charge = desk.charge(1)
    desk.ask(Close(key=desk.key(), **WORDS))

    for ask in (
        lambda: desk.charge(1),
        lambda: desk.record(1),
        lambda: desk.hold(1),
        lambda: desk.grant(1),
        lambda: desk.extend(kept, 60),
        lambda: desk.refund(charge.number),
        lambda: desk.adjust(1),
        lambda: desk.configure(overdraft=1),
        lambda: desk.ask(Unfreeze(key="u", **WORDS)),
    ):
        with pytest.raises(AccountClosed):
            ask()
    desk.settle(held, 7)
    desk.release(kept)
    desk.void(1)
    desk.forgive()

    assert desk.wallet.balance == 20 - 1 - 7 - 1
    assert desk.tidy() == []


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Charge(key="k", account="nobody", amounts=((1, 1),)), AccountNotFound),
        (Release(key="k", hold=Desk().place(1), hold_id="hld_x"), HoldNotFound),
        (Refund(key="k", charge=Desk().place(1), charge_id="rct_x"), ChargeNotFound),
    ],
)
def test_a_request_for_nobody_is_refused_by_what_it_named(request_, error):
    assert type(refuse_unknown(request_)) is error


@pytest.mark.parametrize(
    "terms",
    [
        {"overdraft": -1},
        {"settle_above_hold": 4},
        {"rest_of_ended_lot": 2},
        {"hold_ttl": 0},
        {"hold_ttl": 401 * 86_400 * MICROSECONDS},
        {"refund_grace": -1},
    ],
    ids=str,
)
def test_a_setting_out_of_its_bounds_is_refused_and_changes_nothing(terms):
    desk = Desk()

    with pytest.raises(TermInvalid) as refused:
        desk.configure(**terms)

    assert refused.value.what == next(iter(terms))
    assert (desk.entries[1], desk.wallet.terms.overdraft) == ([], 0)


def test_settings_that_are_not_named_stay():
    desk = Desk(overdraft=5, hold_ttl=60)

    desk.configure(overdraft=7)

    assert (desk.wallet.terms.overdraft, desk.wallet.terms.hold_ttl) == (7, 60)


def test_a_lower_overdraft_binds_the_next_request_and_takes_nothing_back():
    desk = Desk(overdraft=10)
    desk.charge(8)
    desk.configure(overdraft=5)

    with pytest.raises(InsufficientCredits) as refused:
        desk.charge(1)

    assert refused.value.available == -3
    assert desk.wallet.debt == 8


def test_several_units_move_in_one_step_under_one_receipt():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 3)])

    receipt = desk.charge([(2, 1), (1, 5)])

    assert [(entry.unit_id, entry.amount) for entry in desk.written] == [(2, 1), (1, 5)]
    assert (receipt.unit_id, {(entry.lead_unit, entry.lead_number) for entry in desk.written}) == (
        2,
        {(2, receipt.number)},
    )
    assert [wallet.free for unit, wallet in desk.wallets.items() if unit] == [5, 2]


def test_several_units_move_all_or_nothing():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 3)])

    with pytest.raises(InsufficientCredits) as refused:
        desk.charge([(1, 5), (2, 4)])

    assert refused.value.unit == "generations"
    assert [wallet.free for unit, wallet in desk.wallets.items() if unit] == [10, 3]


def test_a_hold_over_several_units_settles_each_of_its_parts():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 3)])
    hold = desk.hold([(1, 5), (2, 2)])

    desk.settle(hold, [(1, 4)])

    assert [wallet.free for unit, wallet in desk.wallets.items() if unit] == [6, 1]
    assert [entry.amount for entry in desk.written] == [4, 2]


def test_a_hold_over_several_units_is_released_and_extended_in_all_of_them():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 3)])
    hold = desk.hold([(1, 5), (2, 2)])
    desk.extend(hold, 600)
    assert {row.deadline for unit in (1, 2) for row in desk.wallets[unit].holds.values()} == {desk.at(600)}

    desk.release(hold)

    assert [wallet.free for unit, wallet in desk.wallets.items() if unit] == [10, 3]


def test_a_settle_in_a_unit_that_the_hold_has_not_is_refused():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 3)])
    hold = desk.hold(5)

    with pytest.raises(HoldNotFound, match="in that unit"):
        desk.settle(hold, [(2, 1)])


def test_a_hold_is_not_found_in_a_wallet_that_has_no_part_of_it():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 3)])
    hold = desk.hold(5)
    wallets = {1: desk.wallets[1], 2: desk.wallets[2]}
    request = Release(key="k", hold=desk.place(hold), hold_id="h")

    with pytest.raises(HoldNotFound):
        decide(desk.account, wallets, request, desk.now, desk.seal, find_zone)


def test_a_wallet_has_no_more_live_lots_than_its_bound():
    desk = Desk()
    desk.grant(1)
    desk.wallet.live = MOST_LIVE_LOTS

    for ask in (lambda: desk.grant(1), lambda: desk.adjust(1)):
        with pytest.raises(TooManyLots) as refused:
            ask()
        assert refused.value.most == MOST_LIVE_LOTS


def test_a_running_total_beyond_the_largest_amount_is_refused_before_anything_is_written():
    desk = Desk()
    desk.grant(LARGEST_AMOUNT)
    desk.charge(LARGEST_AMOUNT)

    with pytest.raises(TotalTooLarge) as refused:
        desk.grant(1)

    assert refused.value.total == "came in"
    assert (desk.wallet.granted, len(desk.entries[1])) == (LARGEST_AMOUNT, 2)


def test_large_totals_inside_the_bound_pass():
    desk = Desk()
    desk.grant(LARGEST_AMOUNT)
    desk.charge(LARGEST_AMOUNT - 1)

    assert desk.wallet.balance == 1


def test_a_stopped_wallet_moves_nothing():
    desk = Desk()
    desk.grant(10)
    desk.wallet.stopped = 1

    with pytest.raises(LawBroken, match="wallet_in_order"):
        desk.charge(1)


def test_reading_applies_what_fell_due_in_memory_and_writes_nothing():
    desk = Desk()
    desk.grant(10, expires_at=desk.at(60))
    desk.grant(5, starts_at=desk.at(70))
    before = desk.wallet.seq

    seen = apply_due_only(desk.wallet, desk.at(70), desk.seal, find_zone)

    assert (seen.free, seen.expired, seen.clock) == (5, 10, desk.at(70))
    assert (desk.wallet.free, desk.wallet.seq) == (10, before)


def test_a_decision_leaves_what_it_was_given_as_it_was():
    desk = Desk()
    desk.grant(10)
    before = desk.wallet.copy()
    held = desk.wallet

    desk.charge(4)

    for name in before.__slots__:
        assert getattr(held, name) == getattr(before, name), name


def test_of_two_holds_over_several_units_each_finds_its_own_parts():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 10)])
    desk.hold([(1, 1), (2, 2)])
    second = desk.hold([(1, 3), (2, 4)])

    desk.settle(second)

    assert [entry.amount for entry in desk.written] == [3, 4]
    assert [wallet.held for unit, wallet in desk.wallets.items() if unit] == [1, 2]


def test_a_charge_may_draw_on_very_many_lots():
    desk = Desk()
    for _ in range(70):
        desk.grant(1)

    receipt = desk.charge(70)

    assert (receipt.lots, len(receipt.effects), desk.wallet.live) == (-70, 70 * 25, 0)


def test_an_error_survives_the_way_between_processes():
    desk = Desk()
    with pytest.raises(InsufficientCredits) as refused:
        desk.charge(5)

    copy = pickle.loads(pickle.dumps(refused.value))

    assert (type(copy), copy.facts, str(copy)) == (InsufficientCredits, refused.value.facts, str(refused.value))


@pytest.mark.parametrize(
    ("row", "line", "said"),
    [
        (7, 9, "trace.csv, row 7 (line 9), column ContextTokens: -3 is negative"),
        (None, 1, "trace.csv, header (line 1), column ContextTokens: -3 is negative"),
        (None, 0, "-3 is negative"),
    ],
)
def test_a_trace_that_cannot_be_read_says_where(row, line, said):
    error = TraceInvalid(
        what="ContextTokens", given="-3", problem="is negative", advice="", file="trace.csv", row=row, line=line,
        column="ContextTokens",
    )  # fmt: skip

    assert str(error) == said

"""Refunds that only more than one unit of work can bring about: in steps, by several ids, in one unit of two."""

import pytest

from farthing.audit.fold import Fold
from farthing.audit.laws import Books, Finding, refunds_give_back_what_was_drawn
from farthing.audit.verify import verify
from farthing.values.entries import Effect, Kind, pack_effects
from farthing.values.requests import Charge, Mode
from tests.contract.desk import Desk, ask_refund


def test_a_refund_in_one_unit_of_two_is_found_again_under_its_key(desk: Desk):
    desk.grant(100)
    desk.grant(100, unit=2)
    charged = desk.do(Charge(key="c", account="acme", amounts=((1, 20), (2, 30))))
    request = ask_refund("again", charged, (2, 5))

    first, second = desk.do(request), desk.do(request)

    assert (first.replayed, second.replayed) == (False, True)
    assert second.entries == first.entries
    assert [wallet.refunded for wallet in desk.store.read_wallets(desk.account())] == [0, 5]
    assert not desk.charge(1).replayed
    assert verify(desk.store).summary == "ok"


def test_refunds_by_different_ids_of_one_hold_give_back_each_draw_once(desk: Desk):
    desk.grant(10, priority=1)
    desk.grant(20, priority=2)
    held = desk.hold(30)
    desk.settle(held, (1, 10), final=False)
    last = desk.settle(held, (1, 20))

    for charged in (held, last, last):
        desk.refund(charged, (1, 10))

    assert [(lot.amount, lot.remaining) for lot in desk.wallet().lots.values()] == [(10, 10), (20, 20)]
    assert verify(desk.store).summary == "ok"


def test_a_refund_between_two_settles_gives_back_each_draw_once(desk: Desk):
    desk.grant(10, priority=1)
    desk.grant(20, priority=2)
    held = desk.hold(30)
    desk.settle(held, (1, 10), final=False)
    desk.refund(held, (1, 5))
    desk.settle(held, (1, 20))

    desk.refund(held)

    assert [(lot.amount, lot.remaining) for lot in desk.wallet().lots.values()] == [(10, 10), (20, 20)]
    assert desk.wallet().refunded == 30
    assert verify(desk.store).summary == "ok"


@pytest.mark.parametrize("steps", [(1,) * 30, (7, 11, 12), (29, 1), (30,)])
def test_refunds_in_any_steps_end_where_one_refund_would(desk: Desk, steps: tuple[int, ...]):
    desk.grant(10, priority=1)
    desk.grant(12, priority=2)
    charged = desk.charge(30, mode=Mode.RECORD)
    desk.grant(3)

    for step in steps:
        desk.refund(charged, (1, step))

    wallet = desk.wallet()
    assert [(lot.amount, lot.remaining) for lot in wallet.lots.values()] == [(10, 10), (12, 12), (3, 3)]
    assert (wallet.debt, wallet.refunded, wallet.balance) == (0, 30, 25)
    assert verify(desk.store).summary == "ok"


def test_a_refund_to_a_lot_that_paid_nothing_is_found(desk: Desk):
    desk.grant(10, priority=1)
    desk.grant(20, priority=2)
    desk.refund(desk.charge(8), (1, 3))
    records = [(record, list(record.entries)) for record in desk.store.iter_records()]
    ((record, entries),) = [pair for pair in records if pair[0].wallet.unit.unit_id == 1]

    laws: dict[int, list[Finding]] = {}
    for lot in (1, 2):
        fold = Fold(record.wallet.account, record.wallet.unit, desk.store.seal)
        for entry in entries:
            is_refund = entry.kind == Kind.REFUNDED
            fold.add(entry._replace(effects=pack_effects([(Effect.LOT_MOVED, lot, 0, 3)])) if is_refund else entry)
        rules = record.allowances, record.budgets, record.counters
        books = Books(record.wallet, record.lots, record.holds, record.debts, *rules, fold)
        laws[lot] = list(refunds_give_back_what_was_drawn(books))

    assert laws[1] == []
    assert [(finding.where, finding.found) for finding in laws[2]] == [("lot 2 of wallet acme credits, refunds", "3")]

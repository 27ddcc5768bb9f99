"""Refunds that only more than one unit of work can bring about: in steps, by several ids, in one unit of two."""

import pytest

from farthing.core.requests import Charge, Mode
from farthing.engine.verify import verify
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

"""Every step law says no to what it forbids: the books of a wallet are bent, and the next decision stops at the law."""

import pytest

from farthing.core import laws
from farthing.core.draft import Draft
from farthing.engine.zones import find_zone
from farthing.values.entries import Kind
from farthing.values.errors import LawBroken, TotalTooLarge
from farthing.values.wallets import HoldState
from tests.unit.desk import Desk, tell


def make_desk():
    desk = Desk()
    desk.grant(10)
    return desk


def test_nothing_below_zero():
    draft = Draft(make_desk().wallet, Desk().now, Desk().seal, find_zone)
    lot = next(iter(draft.wallet.lots.values()))

    with pytest.raises(LawBroken, match="nothing_below_zero") as broken:
        draft.move_lot(lot, -11)

    assert (broken.value.account, broken.value.unit) == ("acme", "credits")
    assert "lot 1 would have -1" in str(broken.value)


def test_nothing_owed_below_zero():
    desk = Desk()
    desk.record(5)
    draft = Draft(desk.wallet, desk.now, desk.seal, find_zone)

    with pytest.raises(LawBroken, match="debt 1 would have -1"):
        draft.change_debt(desk.wallet.debts[1], -6, ())


@pytest.mark.parametrize("column", ["spent", "reserved"])
def test_nothing_counted_below_zero(column):
    desk = make_desk()
    budget = desk.set_budget(9)
    desk.charge(2)
    draft = Draft(desk.wallet, desk.now, desk.seal, find_zone)

    with pytest.raises(LawBroken, match=f"nothing_below_zero .* {column} of budget {budget} would have -1"):
        draft.put_counter(desk.counter(budget)._replace(**{column: -1}))


@pytest.mark.parametrize("claim", [{"spent": 4}, {"granted": 1}, {"expired": 4}, {"spent": 5, "refunded": 1}])
def test_every_change_has_its_entry(claim):
    desk = make_desk()
    draft = Draft(desk.wallet, desk.now, desk.seal, find_zone)
    draft.draw(5, 0)

    with pytest.raises(LawBroken, match="every_change_has_its_entry"):
        draft.write(Kind.CHARGED, 5, **claim)


@pytest.mark.parametrize("total", ["free", "covered", "bare", "debt", "scoped", "live"])
def test_no_part_of_the_whole_is_below_zero(total):
    wallet = make_desk().wallet
    setattr(wallet, total, -1)

    with pytest.raises(LawBroken, match="parts_make_the_whole"):
        laws.parts_make_the_whole(wallet)


@pytest.mark.parametrize("total", ["granted", "refunded", "adjusted", "spent", "expired", "free", "covered", "debt"])
def test_parts_make_the_whole(total):
    desk = make_desk()
    setattr(desk.wallet, total, getattr(desk.wallet, total) + 1)

    with pytest.raises(LawBroken, match="the equation gives another balance"):
        desk.charge(0)


def test_refunds_are_at_most_the_charge():
    wallet = make_desk().wallet
    laws.refunds_at_most_the_charge(wallet, 5, 5)

    with pytest.raises(LawBroken, match="6 refunded of 5"):
        laws.refunds_at_most_the_charge(wallet, 5, 6)


def test_a_hold_ends_once():
    desk = make_desk()
    number = desk.hold(4)
    draft = Draft(desk.wallet, desk.now, desk.seal, find_zone)
    ended = desk.wallet.holds[number]._replace(ended_at=desk.now)

    with pytest.raises(LawBroken, match=f"hold {number} has ended already"):
        draft.end_hold(ended, HoldState.RELEASED, 0)


def test_time_never_runs_backwards():
    desk = make_desk()

    with pytest.raises(LawBroken, match="time_never_runs_backwards"):
        Draft(desk.wallet, desk.now - 1, desk.seal, find_zone)


@pytest.mark.parametrize(
    ("total", "told"),
    [
        ("granted", "came in"),
        ("refunded", "came in"),
        ("adjusted", "came in"),
        ("spent", "spent"),
        ("debt", "debt"),
        ("bare", "bare"),
    ],
)
def test_totals_stay_within_bounds(total, told):
    wallet = Desk().wallet
    setattr(wallet, total, 2**63)

    with pytest.raises(TotalTooLarge) as refused:
        laws.totals_within_bounds(wallet)

    assert tell(refused, "total", "largest") == (told, 2**63 - 1)


def test_a_receipt_begins_with_its_lead():
    desk = Desk()
    desk.grant(5)
    (entry,) = desk.written

    laws.receipt_begins_with_its_lead(desk.wallet, entry.number, [entry])
    with pytest.raises(LawBroken, match="receipt_begins_with_its_lead"):
        laws.receipt_begins_with_its_lead(desk.wallet, entry.number, [entry._replace(number=9)])


def test_a_total_below_the_negative_bound_is_refused_too():
    wallet = Desk().wallet
    wallet.adjusted = -(2**63)

    with pytest.raises(TotalTooLarge, match="adjusted"):
        laws.totals_within_bounds(wallet)

"""Corners that a hostile reader found: each of these once broke the books, or left a wallet that nobody could use."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

import farthing
from farthing.testing import FrozenClock

MORNING = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize("named", [{"c": 1, "b": 1}, {"b": 1, "c": 1}, {"c": 2}, {"c": 1, "a": 1}])
def test_a_refund_of_some_units_in_any_order_has_its_key_and_its_note(named):
    ledger = farthing.open("memory:", create=True, units={"a": 6, "b": 6, "c": 6})
    ledger.grant("x", {"a": 10, "b": 10, "c": 10})
    charge = ledger.charge("x", {"a": 5, "b": 5, "c": 5})

    first = ledger.refund(charge.id, named, metadata={"why": 1}, key="r1")
    again = ledger.refund(charge.id, named, metadata={"why": 1}, key="r1")

    assert again.replayed
    assert again.parts == first.parts
    assert ledger.verify().ok


def test_grants_that_wait_cannot_block_a_wallet_later():
    clock = FrozenClock(MORNING)
    ledger = farthing.open("memory:", create=True, book="test", test=True, clock=clock)
    much = "5000000000000"
    ledger.grant("p", much)

    with pytest.raises(farthing.TotalTooLarge):
        ledger.grant("p", much, starts_at=MORNING + timedelta(hours=1))
    ledger.grant("p", "4000000000000", starts_at=MORNING + timedelta(hours=1))
    with pytest.raises(farthing.TotalTooLarge):
        ledger.grant("p", "1000000000000")
    clock.advance(timedelta(hours=2))

    assert ledger.charge("p", 1).charged == 1
    assert ledger.balance("p").spendable == 8_999_999_999_999
    assert ledger.verify().ok


@pytest.mark.parametrize(
    "terms",
    [
        {"expires_in": timedelta(days=2_932_896)},
        {"starts_at": datetime(9999, 12, 31, tzinfo=UTC), "expires_in": timedelta(days=2)},
        {"effective_at": datetime.max.replace(tzinfo=timezone(-timedelta(hours=23, minutes=59)))},
        {"effective_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=23, minutes=59)))},
        {"expires_at": datetime.max.replace(tzinfo=timezone(-timedelta(hours=23)))},
    ],
)
def test_instants_that_cannot_be_shown_are_refused_and_nothing_is_written(terms):
    ledger = farthing.open("memory:", create=True)
    ledger.grant("y", 1)

    with pytest.raises(farthing.TimeInvalid):
        ledger.grant("y", 1, **terms)

    assert ledger.balance("y").granted == 1
    assert len(list(ledger.history("y"))) == 2


def test_an_import_that_ended_at_the_beginning_of_time_is_refused_or_shown():
    ledger = farthing.open("memory:", create=True)

    with pytest.raises(farthing.TimeInvalid):
        ledger.import_grant("y", 5, expires_at=datetime.min.replace(tzinfo=UTC))
    ledger.import_grant("y", 5, expires_at=datetime(1, 1, 2, tzinfo=UTC))

    assert [line.kind for line in ledger.history("y")] == ["expired", "imported", "opened"]


@pytest.mark.parametrize("huge", [10**5000, -(10**5000)], ids=["above", "below"])
def test_numbers_of_thousands_of_digits_are_refused_by_name(huge):
    ledger = farthing.open("memory:", create=True)
    ledger.grant("z", 1)

    with pytest.raises(farthing.AmountInvalid):
        ledger.charge("z", huge)
    with pytest.raises(farthing.AmountTooLarge):
        ledger.adjust("z", huge)
    with pytest.raises(farthing.NameInvalid):
        ledger.charge(huge, 1)


@pytest.mark.parametrize("text", ["hld_\x1b[31mX", "hld_\ud800", "rct_\x07"])
def test_an_id_with_control_characters_is_shown_harmlessly(text):
    ledger = farthing.open("memory:", create=True)

    with pytest.raises(farthing.IdInvalid) as refused:
        ledger.settle(text, 1)

    assert str(refused.value).isprintable()

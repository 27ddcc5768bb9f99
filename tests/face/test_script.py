"""What a newcomer types first does what face.md says it does."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

import farthing
from farthing.face.grants import find_end_of_day
from farthing.values.calendars import to_instant
from tests.face.conftest import AT


def test_five_lines_grant_and_charge(ledger):
    ledger.grant("acme", 100, source="purchase", expires_in=timedelta(days=180), key="pay_31")
    receipt = ledger.charge("acme", "2.50", feature="describe", key="req_9f2")

    assert (receipt.charged, receipt.available) == (Decimal("2.50"), Decimal("97.50"))
    assert str(receipt.charged) == "2.50"
    grant = ledger.balance("acme").lots[0].grant
    assert [(lot.grant, lot.amount) for lot in receipt.lots] == [(grant, Decimal("2.50"))]
    assert (receipt.feature, receipt.key, receipt.kind, receipt.at) == ("describe", "req_9f2", "charged", AT)


def test_the_equation_is_the_one_of_the_manual(ledger):
    ledger.grant("acme", 100)
    ledger.charge("acme", "2.50")

    balance = ledger.balance("acme")

    assert balance.equation == (
        "granted 100.00 + refunded 0.00 ± adjusted 0.00 − spent 2.50 − expired 0.00 − held 0.00 = 97.50"
    )
    assert (balance.spendable, balance.held, balance.debt, balance.available) == (
        Decimal("97.50"),
        Decimal("0.00"),
        Decimal("0.00"),
        Decimal("97.50"),
    )
    assert balance.as_of == AT


def test_a_refusal_explains_itself_and_writes_nothing(ledger):
    ledger.grant("acme", 100)
    ledger.grant("acme", 100, starts_at=datetime(2026, 12, 1, tzinfo=UTC))
    ledger.charge("acme", "2.50")
    before = ledger.balance("acme")

    with pytest.raises(farthing.InsufficientCredits) as caught:
        ledger.charge("acme", 500, feature="video", key="k")

    no: Any = caught.value
    assert (no.needed, no.available, no.held, no.short) == (500, Decimal("97.5"), 0, Decimal("402.5"))
    assert (no.top_up, no.resets_at, no.arriving) == (Decimal("402.5"), datetime(2026, 12, 1, tzinfo=UTC), 100)
    assert str(no).startswith("acme needs 500")
    assert str(no).endswith("402.50 short. 100 more arrive on 1 December 2026.")
    assert isinstance(no, farthing.Refused)
    assert ledger.balance("acme") == before
    assert ledger.charge("acme", 1, feature="video", key="k").replayed is False


def test_two_units_are_charged_both_or_neither(ledger):
    ledger.grant("acme", {"generations": 2, "credits": 5})

    receipt = ledger.charge("acme", {"generations": 1, "credits": 5})

    assert [(part.unit, part.charged, part.available) for part in receipt.parts] == [
        ("generations", Decimal("1"), Decimal("1")),
        ("credits", Decimal("5.00"), Decimal("0.00")),
    ]
    assert receipt.unit == "generations"
    with pytest.raises(farthing.InsufficientCredits) as caught:
        ledger.charge("acme", {"generations": 1, "credits": 1})
    assert caught.value.unit == "credits"
    assert ledger.available("acme", unit="generations") == 1


def test_the_default_unit_is_the_books_first_and_others_are_named(ledger):
    ledger.grant("acme", 3, unit="generations")

    assert list(ledger.units()) == ["credits", "generations"]
    assert ledger.balance("acme").spendable == 0
    assert str(ledger.balance("acme", "generations").spendable) == "3"
    with pytest.raises(farthing.UnitNotFound, match="there is no unit tokens; there is credits, generations"):
        ledger.charge("acme", 1, unit="tokens")


def test_accounts_are_named_by_text_number_or_uuid(ledger):
    some = UUID("12345678-1234-5678-1234-567812345678")

    for name in ("acme", 42, some):
        ledger.grant(name, 1)

    assert ledger.charge(42, 1).account == "42"
    assert ledger.charge("12345678-1234-5678-1234-567812345678", 1).account == str(some)


def test_everything_but_opening_refuses_an_unknown_account(ledger):
    for call in (
        lambda: ledger.charge("nobody", 1),
        lambda: ledger.hold("nobody", 1),
        lambda: ledger.record("nobody", 1),
        lambda: ledger.freeze("nobody"),
        lambda: ledger.adjust("nobody", 1),
        lambda: ledger.void("nobody", 1),
        lambda: ledger.balance("nobody"),
        lambda: ledger.available("nobody"),
        lambda: ledger.history("nobody"),
    ):
        with pytest.raises(farthing.AccountNotFound) as caught:
            call()
        assert caught.value.account == "nobody"


def test_opening_an_account_twice_changes_nothing(ledger):
    first = ledger.open_account("acme", zone="Africa/Accra")
    again = ledger.open_account("acme", zone="Africa/Accra")

    assert (first.kind, first.unit, first.replayed) == ("opened", "account", False)
    assert (again.id, again.at, again.kind, again.replayed) == (first.id, first.at, "opened", True)
    assert [line.receipt for line in ledger.history("acme")] == [first.id]
    assert repr(first) == f"<receipt {first.id}: opened, acme>"
    assert ledger.balance("acme").spendable == 0
    with pytest.raises(farthing.TimeInvalid, match="is not a time zone"):
        ledger.open_account("umbrella", zone="Mars/Olympus")


def test_an_account_that_a_grant_opened_is_found_open(ledger):
    ledger.grant("acme", 5)
    lines = [(line.kind, line.receipt) for line in ledger.history("acme")]
    ledger.freeze("acme")

    found = ledger.open_account("acme")

    assert (found.kind, found.id) in lines
    assert len(list(ledger.history("acme"))) == len(lines) + 1
    assert ledger.open_account("acme", key="k").id != found.id
    assert asyncio.run(ledger.aopen_account("acme")).id == found.id


def test_an_account_that_was_closed_is_not_found_open(ledger):
    ledger.open_account("acme")
    ledger.close_account("acme")

    with pytest.raises(farthing.AccountClosed):
        ledger.open_account("acme")


def test_expiries_are_durations_instants_or_the_end_of_a_day(ledger, clock):
    ledger.open_account("acme", zone="America/New_York")
    ledger.grant("acme", 1, expires_in=timedelta(days=1))
    ledger.grant("acme", 2, expires_at=datetime(2026, 11, 23, tzinfo=UTC))
    ledger.grant("acme", 4, through=date(2026, 11, 24))

    ends = [lot.expires_at for lot in ledger.balance("acme").lots]

    assert ends == [
        AT + timedelta(days=1),
        datetime(2026, 11, 23, tzinfo=UTC),
        datetime(2026, 11, 25, 5, 0, tzinfo=UTC),
    ]
    clock.move_to(datetime(2026, 11, 25, 4, 59, 59, tzinfo=UTC))
    assert ledger.balance("acme").spendable == 4
    clock.move_to(datetime(2026, 11, 25, 5, 0, tzinfo=UTC))
    assert ledger.balance("acme").expired == 7


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"expires_at": date(2026, 11, 23)}, "is not an instant"),
        ({"expires_at": AT.replace(tzinfo=None)}, "names no zone"),
        ({"through": datetime(2026, 11, 23, tzinfo=UTC)}, "is not a date"),
        ({"expires_in": timedelta(0)}, "is not a duration"),
        ({"expires_in": 180}, "is not a duration"),
        ({"expires_at": datetime(2026, 11, 21, 10, 4, tzinfo=UTC)}, "has passed"),
        ({"starts_at": date(2026, 11, 23)}, "is not an instant"),
    ],
)
def test_an_end_that_says_too_little_is_refused(ledger, terms, says):
    ledger.open_account("acme")

    with pytest.raises(farthing.TimeInvalid, match=says):
        ledger.grant("acme", 1, **terms)

    assert ledger.balance("acme").granted == 0


def test_the_last_day_of_the_calendar_ends_a_grant_too(ledger):
    ledger.grant("acme", 1, through=date(9999, 12, 31))

    assert ledger.balance("acme").lots[0].expires_at == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_hold_is_settled_elsewhere_by_its_id_alone(ledger):
    ledger.grant("acme", 100)
    hold = ledger.hold("acme", 40)

    receipt = ledger.settle(hold.id, "12.40")

    assert (receipt.charged, receipt.available, receipt.hold) == (Decimal("12.40"), Decimal("87.60"), hold.id)


def test_operators_words_move_what_they_say(ledger):
    grant = ledger.grant("acme", 10, source="plan")
    charge = ledger.charge("acme", 4)

    assert ledger.refund(charge.id, 1).refunded == 1
    assert ledger.adjust("acme", "-2").balance == 5
    assert ledger.adjust("acme", 3).balance == 8
    assert ledger.void("acme", 1, grant=grant.grant).balance == 7
    assert ledger.record("acme", 9).owed == 2
    assert ledger.forgive("acme").debt == 0
    assert ledger.reset_used("acme").kind == "used_reset"
    assert ledger.freeze("acme").kind == "frozen"
    with pytest.raises(farthing.AccountFrozen):
        ledger.charge("acme", 1)
    assert ledger.unfreeze("acme").kind == "unfrozen"
    assert ledger.close_account("acme").kind == "closed"
    with pytest.raises(farthing.AccountClosed):
        ledger.grant("acme", 1)


def test_configure_sets_terms_by_their_words(ledger):
    ledger.open_account("acme")
    ledger.configure("acme", overdraft=50, settle_above_hold="cap_hold", refund_grace=7, hold_ttl=timedelta(minutes=1))

    terms = ledger.balance("acme").terms
    assert (terms.overdraft, terms.settle_above_hold) == (50, "cap_hold")
    assert (terms.refund_grace_seconds, terms.hold_ttl_seconds) == (7 * 86_400, 60)
    assert ledger.charge("acme", 50).owed == 50
    hold = ledger.hold("acme", 0)
    assert hold.deadline == AT + timedelta(minutes=1)


def test_stats_count_what_this_process_did(ledger):
    ledger.grant("acme", 1)
    with pytest.raises(farthing.InsufficientCredits):
        ledger.charge("acme", 2, feature="video")

    stats = ledger.stats()

    assert (stats.requests, stats.commits) == (2, 1)
    assert stats.refusals == {("insufficient_credits", "video"): 1}


@pytest.mark.parametrize(
    ("zone", "day", "end"),
    [
        ("UTC", date(2026, 11, 24), datetime(2026, 11, 25, tzinfo=UTC)),
        ("Asia/Kathmandu", date(2026, 11, 24), datetime(2026, 11, 24, 18, 15, tzinfo=UTC)),
        # No midnight: at 00:00 the clock went to 01:00.
        ("America/Sao_Paulo", date(2018, 11, 3), datetime(2018, 11, 4, 3, 0, tzinfo=UTC)),
        # No midnight either: at 23:30 the clock went to 00:30.
        ("America/Toronto", date(1919, 3, 30), datetime(1919, 3, 31, 4, 30, tzinfo=UTC)),
        # Two midnights: at 01:00 the clock went back to 00:00.
        ("America/Havana", date(2026, 10, 31), datetime(2026, 11, 1, 4, 0, tzinfo=UTC)),
        # A day that never was.
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_the_first_instant_after_it_in_its_zone(zone, day, end):
    assert to_instant(find_end_of_day(day, ZoneInfo(zone))) == end


def test_an_imported_grant_may_have_ended_and_is_breakage_at_once(ledger, clock):
    receipt = ledger.import_grant(
        "acme", 10, expires_at=clock.at - timedelta(days=1), starts_at=clock.at - timedelta(9)
    )

    assert (receipt.kind, receipt.granted, receipt.broken, receipt.balance) == ("imported", 10, 10, 0)
    with pytest.raises(farthing.TimeInvalid, match="has passed"):
        ledger.grant("acme", 10, expires_at=clock.at - timedelta(days=1))


def test_a_grant_keeps_what_it_cost(ledger):
    ledger.grant("acme", 30, source="purchase", paid=(3000, "GHS"), key="pay")

    with pytest.raises(farthing.KeyReused):
        ledger.grant("acme", 30, source="purchase", paid=(3000, "EUR"), key="pay")

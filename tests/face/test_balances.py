"""A balance explains its number: what burns next, what is held, what waits, what is for one feature only."""

from datetime import timedelta
from decimal import Decimal

import pytest

import farthing


def test_lots_stand_in_the_order_in_which_they_will_burn(ledger, clock):
    late = ledger.grant("acme", 1).grant
    soon = ledger.grant("acme", 2, expires_in=timedelta(days=3)).grant
    first = ledger.grant("acme", 3, priority=10, source="plan", promotional=True).grant
    scoped = ledger.grant("acme", 4, expires_in=timedelta(days=3), features=["video", "audio"]).grant
    waiting = ledger.grant("acme", 5, starts_at=clock.at + timedelta(days=1)).grant

    balance = ledger.balance("acme")

    assert [lot.grant for lot in balance.lots] == [first, scoped, soon, late]
    assert [lot.grant for lot in balance.pending] == [waiting]
    lot = balance.lots[0]
    assert (lot.amount, lot.remaining, lot.source, lot.priority, lot.promotional) == (3, 3, "plan", 10, True)
    assert balance.lots[1].features == ("audio", "video")


def test_available_is_a_question_about_a_feature(ledger):
    ledger.grant("acme", 10)
    ledger.grant("acme", 5, features=["video"])
    ledger.configure("acme", overdraft=100)

    assert ledger.available("acme") == 110
    assert ledger.available("acme", "video") == 115
    assert ledger.available("acme", "chat") == 110
    balance = ledger.balance("acme", feature="video")
    assert (balance.spendable, balance.available, balance.scoped, balance.overdraft) == (15, 115, 5, 100)
    assert [(scope.features, scope.amount) for scope in balance.scopes] == [(("video",), 5)]


def test_open_holds_are_listed_with_what_they_have(ledger, clock):
    ledger.grant("acme", 10)
    ledger.configure("acme", overdraft=5)
    hold = ledger.hold("acme", 12, feature="chat", name="job-7", ttl=timedelta(minutes=5))
    hold.settle(1, final=False)
    ledger.hold("acme", 1).release()

    balance = ledger.balance("acme")

    (held,) = balance.holds
    assert balance.lots == (), "a grant that a hold has taken up is no lot to burn"
    assert (held.id, held.amount, held.settled, held.feature, held.name) == (hold.id, 11, 1, "chat", "job-7")
    assert held.deadline == clock.at + timedelta(minutes=5)
    assert (balance.held, balance.covered, balance.bare, balance.spendable) == (11, 9, 2, -2)


def test_reading_applies_what_fell_due_and_writes_nothing(ledger, clock):
    ledger.grant("acme", 10, expires_in=timedelta(days=1))
    ledger.grant("acme", 5, starts_at=clock.at + timedelta(days=2))
    ledger.hold("acme", 3)
    lines = len(list(ledger.history("acme")))
    clock.advance(timedelta(days=2))

    balance = ledger.balance("acme")

    assert (balance.expired, balance.spendable, balance.held, balance.as_of) == (10, 5, 0, clock.at)
    assert balance.equation == (
        "granted 15.00 + refunded 0.00 ± adjusted 0.00 − spent 0.00 − expired 10.00 − held 0.00 = 5.00"
    )
    assert len(list(ledger.history("acme"))) == lines


def test_a_negative_in_the_equation_has_its_own_sign(ledger):
    ledger.grant("acme", 1)
    ledger.adjust("acme", "-0.5")
    ledger.record("acme", 1)

    assert ledger.balance("acme").equation == (
        "granted 1.00 + refunded 0.00 ± adjusted −0.50 − spent 1.00 − expired 0.00 − held 0.00 = −0.50"
    )


def test_every_unit_has_its_own_balance(ledger):
    ledger.grant("acme", {"generations": 3, "credits": 5})

    assert [(b.unit, b.spendable) for b in ledger.balances("acme")] == [("credits", 5), ("generations", 3)]


def test_a_balance_is_json_with_amounts_as_strings(ledger):
    ledger.grant("acme", 10, features=["video"])
    ledger.hold("acme", 1, feature="video")

    said = ledger.balance("acme").json()

    assert (said["spendable"], said["held"], said["scoped"]) == ("9.00", "1.00", "9.00")
    assert said["lots"][0]["features"] == ["video"]
    assert said["lots"][0]["expires_at"] is None
    assert said["holds"][0]["deadline"] == "2026-11-21T10:19:00+00:00"
    assert said["terms"]["settle_above_hold"] == "bill_full"


def test_history_is_newest_first_and_says_everything(ledger, clock):
    ledger.grant("acme", 10, description="October's bill")
    clock.advance(timedelta(minutes=1))
    receipt = ledger.charge(
        "acme",
        "2.50",
        feature="chat",
        model="m-large",
        member=7,
        actor="worker",
        api_key="ci",
        usage=farthing.Usage(input=1200, output=420, cache_read=1000, cache_write=10, reasoning=300),
        quantity="1.5",
        duration=timedelta(milliseconds=1500),
        provider_cost="0.000000075",
        success=True,
        effective_at=clock.at - timedelta(hours=1),
        description="a chat",
        metadata={"chat": "c_77", "tags": ["a", 1, None, 1.5]},
    )

    lines = list(ledger.history("acme"))

    assert [line.kind for line in lines] == ["charged", "granted", "opened"]
    line = lines[0]
    assert (line.receipt, line.account, line.unit, line.feature) == (receipt.id, "acme", "credits", "chat")
    assert (line.amount, line.change, line.balance) == (Decimal("2.50"), Decimal("-2.50"), Decimal("7.50"))
    assert (line.model, line.member, line.actor, line.api_key) == ("m-large", "7", "worker", "ci")
    assert line.usage == farthing.Usage(
        model="m-large", input=1200, output=420, cache_read=1000, cache_write=10, reasoning=300
    )
    assert (line.quantity, line.duration) == (Decimal("1.5"), timedelta(seconds=1.5))
    assert f"{line.provider_cost:f}" == "0.000000075"
    assert (line.success, line.description) == (True, "a chat")
    assert line.metadata == {"chat": "c_77", "tags": ["a", 1, None, 1.5]}
    assert (line.at, line.effective_at) == (clock.at, clock.at - timedelta(hours=1))
    assert (lines[1].change, lines[1].description, lines[1].metadata) == (10, "October's bill", {})
    assert line.json()["provider_cost"] == "0.000000075"
    assert line.json()["duration"] == 1.5


def test_history_is_filtered_and_read_a_page_at_a_time(ledger):
    ledger.grant("acme", 1000)
    ledger.grant("umbrella", 5, unit="generations")
    answers = ledger.batch([farthing.Charge("acme", 1, feature="chat" if n % 3 else "video") for n in range(450)])
    assert all(isinstance(answer, farthing.Receipt) for answer in answers)

    assert sum(1 for _ in ledger.history("acme", feature="chat")) == 300
    balances = [line.balance for line in ledger.history("acme", unit="credits")]
    assert balances == [Decimal(n) for n in range(550, 1001)]
    assert {line.account for line in ledger.history()} == {"acme", "umbrella"}
    assert [line.kind for line in ledger.history("umbrella", unit="generations")] == ["granted"]
    assert list(ledger.history("acme", feature="never heard of")) == []


def test_failed_work_is_logged_with_an_amount_of_zero(ledger):
    ledger.open_account("acme")

    ledger.record("acme", 0, feature="chat", success=False, metadata={"error": "timeout"})

    line = next(ledger.history("acme"))
    assert (line.kind, line.amount, line.success, line.metadata) == ("recorded", 0, False, {"error": "timeout"})


def test_verify_reports_progress_and_a_summary(ledger):
    ledger.grant("acme", 10)
    seen = []

    report = ledger.verify(lambda done, total: seen.append((done, total)))

    assert (report.ok, report.summary, report.entries) == (True, "ok", 2)
    assert seen[-1] == (2, 2)
    with pytest.raises(farthing.UnitNotFound):
        ledger.history(unit="tokens")


def test_used_counts_what_is_gone_of_plan_and_bonus_even_where_nothing_is_left(ledger, clock):
    ledger.grant("acme", 3, source="plan", priority=10, expires_in=timedelta(days=9), unit="generations")
    ledger.grant("acme", 2, source="bonus", unit="generations")
    ledger.grant("acme", 50, source="purchase", unit="generations")
    assert ledger.used("acme", "generations") == 0

    ledger.charge("acme", 4, unit="generations")
    ledger.hold("acme", 1, unit="generations")

    assert ledger.used("acme", "generations") == 4
    ledger.set_used("acme", 1, unit="generations")
    assert ledger.used("acme", "generations") == 1
    ledger.reset_used("acme", unit="generations")
    assert ledger.used("acme", "generations") == 0
    ledger.record("acme", 56, unit="generations")
    assert (ledger.used("acme", "generations"), ledger.balance("acme", "generations").debt) == (6, 2)
    clock.advance(timedelta(days=10))
    assert ledger.used("acme", "generations") == 3, (
        "the bonus's 2, and 1 owed: what was held came back and paid the other"
    )

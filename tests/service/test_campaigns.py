"""What a dead caller left behind is granted by the job, once, whatever has become of the account meanwhile.

And what the store knows of plans and months reaches the rules.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.face.ledger import Ledger
from farthing.service import campaigns, jobs
from farthing.service.catalogs import publish_catalog
from farthing.service.jobs import Summary, run_job
from farthing.store.contract import Claim
from farthing.store.faults import DatabaseAway, OutcomeUnknown
from farthing.tariff.errors import CampaignRefused
from farthing.testing.clocks import FrozenClock
from farthing.values.bounds import NEVER
from farthing.values.errors import AccountClosed
from tests.races.books import make_store

START = datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
DAY = timedelta(days=1)
DOCUMENT = """
name = "given"
default_plan = "free"
[units.credits]
digits = 2
[plans.free]
[plans.basic]
[campaigns.spring]
rule = "code"
amount = 10
lasts = "30 days"
codes = ["SPRING"]
[campaigns.basic_gift]
rule = "plan"
amount = 5
plans = ["basic"]
[campaigns.loyal]
rule = "loyalty"
amount = 20
months = 3
[campaigns.friends]
rule = "referral"
amount = 2
referrer_amount = 3
"""


class Given:
    """A ledger with campaigns, in time as the test tells it."""

    def __init__(self, engine: Engine, clock: FrozenClock) -> None:
        self.engine = engine
        self.clock = clock
        self.verdict = "ok"
        self.ledger = Ledger(engine)
        publish_catalog(engine, self.ledger.desk.catalogs, DOCUMENT)
        self.ledger.desk.refresh_units()

    def leave(self, monkeypatch: pytest.MonkeyPatch, *accounts: str) -> None:
        """Accounts that redeem a code, and whose callers die before it is granted."""
        with monkeypatch.context() as patch:
            patch.setattr(campaigns, "keep_promise", die)
            for account in accounts:
                with pytest.raises(KeyboardInterrupt):
                    self.ledger.redeem(account, "SPRING", key="k")

    def stop(self, account: str) -> None:
        """Give an account something, and stop its wallet."""
        self.verdict = "wallet_in_order"
        self.ledger.grant(account, 1)
        known = self.engine.store.find_account(account)
        assert known is not None
        with self.engine.store.work() as work:
            work.stop_wallet((known.account_id, 1))
            work.commit()

    def finish(self) -> Summary:
        return run_job(self.engine, "finish_campaigns")

    def find_plan(self, account: str) -> str:
        known = self.engine.store.find_account(account)
        step = known and self.engine.store.read_subscription(known)
        return step.plan if step else ""

    def list_open(self) -> list[Claim]:
        return self.engine.store.list_open_claims(NEVER, 100)

    def spendable(self, account: str) -> Any:
        return self.ledger.balance(account).spendable


def die(*args: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Given]:
    with make_store(request.param, tmp_path) as store:
        clock = FrozenClock(START)
        engine = Engine(store, clock)
        opened = Given(engine, clock)
        yield opened
        assert verify(store).summary == opened.verdict
        engine.close()


def test_what_was_left_is_granted_once_and_the_callers_key_replays_it(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.leave(monkeypatch, "acme", "bolt")

    first, second = given.finish(), given.finish()

    assert (first.seen, first.done, first.passed_over) == (2, 2, {})
    assert second.seen == 0
    assert given.ledger.redeem("acme", "SPRING", key="k").replayed
    assert (given.spendable("acme"), given.spendable("bolt")) == (10, 10)
    assert (given.find_plan("acme"), given.find_plan("bolt")) == ("free", "free")


def test_the_callers_own_second_try_finishes_it_too(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    given.leave(monkeypatch, "acme")

    receipt = given.ledger.redeem("acme", "SPRING", key="k", actor="support")

    assert (receipt.key, receipt.replayed) == ("k", False)
    assert given.ledger.redeem("acme", "SPRING", key="k").replayed
    assert given.finish().seen == 0


def test_it_runs_from_where_it_was_promised_and_what_has_ended_since_is_breakage(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.leave(monkeypatch, "soon", "late")
    given.clock.advance(10 * DAY)
    receipt = given.ledger.redeem("soon", "SPRING", key="k")
    given.clock.advance(21 * DAY)

    assert given.finish().done == 1
    again = given.ledger.redeem("late", "SPRING", key="k")
    assert (receipt.kind, again.kind, again.replayed) == ("granted", "imported", True)
    balance = given.ledger.balance("late")
    assert [str(value) for value in (balance.granted, balance.expired, balance.spendable)] == ["10.00", "10.00", "0.00"]
    assert given.ledger.redeem("soon", "SPRING", key="k").id == receipt.id


def test_who_was_closed_meanwhile_gets_nothing_and_is_not_asked_for_again(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.ledger.open_account("acme")
    given.leave(monkeypatch, "acme", "bolt")
    given.ledger.close_account("acme")

    first, second = given.finish(), given.finish()

    assert (first.done, first.passed_over, second.seen) == (1, {"account_closed": 1}, 0)
    with pytest.raises(AccountClosed):
        given.ledger.redeem("acme", "SPRING", key="k")


def test_a_stopped_wallet_is_passed_over_and_keeps_nobody_else_waiting(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PAGE", 2)
    stopped = ["s1", "s2", "s3"]
    for account in stopped:
        given.stop(account)
    given.leave(monkeypatch, *stopped, "a", "b", "c", "d", "e")

    first, second = given.finish(), given.finish()

    assert (first.seen, first.done, first.passed_over) == (8, 5, {"law_broken": 3})
    assert (second.seen, second.done) == (3, 0)
    assert [given.spendable(account) for account in "abcde"] == [10] * 5


def test_it_stops_when_it_is_told_to_and_ends_when_the_database_is_away(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.leave(monkeypatch, "a", "b", "c")
    answers = iter([False, True])

    first = run_job(given.engine, "finish_campaigns", must_stop=lambda: next(answers))
    with monkeypatch.context() as patch:
        patch.setattr(given.engine, "run", fail)
        with pytest.raises(DatabaseAway):
            given.finish()

    assert (first.done, first.is_whole) == (1, False)
    assert given.finish().done == 2


def fail(*args: object) -> None:
    raise DatabaseAway(place="the database", problem="gone")


def test_an_unknown_outcome_names_the_key_with_which_to_ask_again(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(request: Any) -> None:
        raise OutcomeUnknown(request.key)

    monkeypatch.setattr(given.engine, "run", lose)
    with pytest.raises(OutcomeUnknown) as unknown:
        given.ledger.redeem("acme", "SPRING")
    monkeypatch.undo()

    assert unknown.value.key.startswith("auto_")
    assert given.ledger.redeem("acme", "SPRING", key=unknown.value.key).amount == 10


def test_a_newcomer_has_its_own_when_the_referrer_can_have_nothing_now(given: Given) -> None:
    given.stop("acme")

    had = given.ledger.refer("bolt", by="acme")

    assert had.newcomer.amount == 2
    assert had.referrer is None
    (left,) = given.list_open()
    assert (left.account, left.role) == ("acme", "referrer")


def test_whom_a_campaign_opens_has_the_default_plan(given: Given) -> None:
    given.ledger.redeem("acme", "SPRING")
    given.ledger.refer("bolt", by="acme")

    assert (given.find_plan("acme"), given.find_plan("bolt")) == ("free", "free")


def test_plans_and_months_are_those_of_the_subscription(given: Given) -> None:
    given.ledger.subscribe("acme", "basic")
    given.ledger.subscribe("bolt", "basic", days=40)
    given.ledger.subscribe("crux", "free")

    with pytest.raises(CampaignRefused, match="have been subscribed for 3 months"):
        given.ledger.reward("acme", "loyal")
    given.clock.advance(100 * DAY)

    assert given.ledger.reward("acme", "basic_gift").amount == 5
    assert given.ledger.reward("acme", "loyal").amount == 20
    for account in ("bolt", "crux", "nobody yet"):
        for name in ("basic_gift", "loyal"):
            with pytest.raises(CampaignRefused):
                given.ledger.reward(account, name)

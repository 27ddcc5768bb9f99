"""A hold sets aside what most calls came to, from a history read in bounded steps, or what the most would cost."""

import time
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from farthing.service import estimates
from farthing.service.estimates import Estimates, pick_quantile
from farthing.tariff.catalog import Estimate, Feature, Length
from farthing.values.errors import TermInvalid
from farthing.values.periods import Cadence
from tests.races.books import CREDITS, GENERATIONS
from tests.service.forty_days import DAY, Played, open_played

WHOLE = CREDITS.per_whole
HISTORY = Estimate(source="history", quantile=Fraction(9, 10), usually=Fraction(5), most=Fraction(50))
CHAT = Feature(name="chat", estimate=HISTORY)
CAPPED = Feature(name="chat", estimate=Estimate(most=Fraction(50)))


class Watched:
    """A ledger with its estimates, whose reads of history are counted, and whose minutes pass when the test says so."""

    def __init__(self, played: Played) -> None:
        watched: Any = self
        self.ledger, self.clock, self.store = played.ledger, played.clock, played.engine.store
        self.seconds, self.read, self.asked = 0.0, 0, 0
        self.estimates = Estimates(watched, lambda: self.seconds)

    def list_history(self, *asked):
        found = self.store.list_history(*asked)
        self.read, self.asked = self.read + len(found), self.asked + 1
        return found

    def charge(self, account: str, *amounts: int, **said) -> None:
        if self.store.find_account(account) is None:
            self.ledger.grant(account, 1)
        for amount in amounts:
            self.ledger.record(account, amount, feature="chat", **said)

    def ask(
        self, account: str | None = None, feature: Feature = CHAT, most_used: int | None = None, unit=CREDITS
    ) -> int:
        known = None if account is None else self.store.find_account(account)
        return self.estimates.find_estimate(feature, unit, known, self.clock.now(), most_used)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def watched(request, tmp_path):
    with open_played(request.param, tmp_path) as opened:
        yield Watched(opened)


@pytest.fixture
def small(tmp_path):
    """The same on the memory store alone, where the store is not what is asked about."""
    with open_played("memory", tmp_path) as opened:
        yield Watched(opened)


@pytest.mark.parametrize(
    ("quantile", "expected"), [("0", 1), ("0.1", 1), ("0.11", 2), ("1/2", 5), ("0.9", 9), ("0.91", 10), ("1", 10)]
)
def test_a_quantile_is_one_of_the_costs(quantile, expected):
    assert pick_quantile(list(range(1, 11)), Fraction(quantile)) == expected


def test_with_no_history_it_is_what_is_usual(small):
    assert small.ask() == 5 * WHOLE
    assert small.ask("nobody") == 5 * WHOLE


def test_the_books_history_counts_until_an_account_has_enough_of_its_own(watched):
    watched.charge("others", *[9] * 10)
    watched.charge("acme", *[2] * 19)
    assert watched.ask("acme") == 9 * WHOLE  # of 29 the 27th
    assert watched.ask("others") == 9 * WHOLE

    watched.charge("others", *range(11, 21))
    watched.charge("acme", 2)
    watched.seconds += 60
    assert watched.ask("acme") == 2 * WHOLE
    assert watched.ask("others") == 18 * WHOLE  # of its own 20 the 18th


def test_it_is_never_more_than_the_most_nor_than_what_the_call_can_cost(small):
    small.charge("acme", *[80] * 20)

    assert small.ask("acme") == 50 * WHOLE
    assert small.ask("acme", most_used=7 * WHOLE) == 7 * WHOLE


def test_from_the_most_tokens_it_is_what_they_would_cost(small):
    small.charge("acme", *[3] * 20)

    assert small.ask("acme", CAPPED, most_used=30 * WHOLE) == 30 * WHOLE
    assert small.ask("acme", CAPPED, most_used=90 * WHOLE) == 50 * WHOLE
    assert small.ask("acme", CAPPED) == 50 * WHOLE


def test_amounts_of_the_catalog_are_rounded_so_that_both_hold(small):
    thirds = Estimate(usually=Fraction(7, 3), most=Fraction(8, 3))

    assert small.ask(feature=Feature(name="chat", estimate=thirds), unit=GENERATIONS) == 2  # up to 3, at most 2


@pytest.mark.parametrize("source", ["max_tokens", "history"])
def test_with_nothing_to_go_by_it_says_what_to_say(small, source):
    with pytest.raises(TermInvalid, match="says nothing from which to estimate credits: say the most tokens"):
        small.ask(feature=Feature(name="chat", estimate=Estimate(source=source)))


def test_holds_count_by_what_they_were_settled_for_in_all(watched):
    for _ in range(20):
        watched.ledger.grant("acme", 40)
        hold = watched.ledger.hold("acme", 40, feature="chat")
        hold.settle(3, final=False)
        hold.settle(4)

    assert watched.ask("acme") == 7 * WHOLE


def test_what_could_not_be_covered_counts_and_failed_work_does_not(small):
    small.ledger.grant("acme", 30)
    for _ in range(60):
        small.ledger.charge("acme", 9, feature="chat", mode="all_available")
    assert small.ask("acme") == 9 * WHOLE

    small.charge("acme", *[44] * 50, success=False)
    small.seconds += 60
    assert small.ask("acme") == 9 * WHOLE


def test_other_features_and_units_do_not_count(watched):
    watched.charge("acme", *[30] * 20, unit="generations")
    for _ in range(20):
        watched.ledger.record("acme", 40, feature="image")
    watched.ledger.record("acme", 40)

    assert watched.ask("acme") == 5 * WHOLE
    assert watched.ask("acme", unit=GENERATIONS) == 30


def test_what_is_too_long_ago_does_not_count(watched):
    watched.charge("acme", *[30] * 20)
    watched.clock.advance(20 * DAY)
    fortnight = Feature(
        name="chat", estimate=Estimate(source="history", usually=Fraction(1), over=Length(Cadence.WEEK, 2))
    )

    assert watched.ask("acme", fortnight) == 1 * WHOLE
    assert watched.ask("acme") == 30 * WHOLE
    watched.clock.advance(11 * DAY)
    assert watched.ask("acme") == 5 * WHOLE


def test_within_a_minute_nothing_is_read_again(watched):
    watched.charge("acme", *[3] * 25)
    watched.ask("acme")
    first = watched.read

    watched.charge("acme", *[9] * 25)
    assert [watched.ask("acme") for _ in range(5)] == [3 * WHOLE] * 5
    assert watched.read == first > 0

    watched.seconds += 60
    assert watched.ask("acme") == 9 * WHOLE


def test_a_refresh_looks_at_no_more_than_it_may(small, monkeypatch):
    monkeypatch.setattr(estimates, "MOST_READ", 100)
    monkeypatch.setattr(estimates, "PAGE", 30)
    small.charge("acme", *[3] * 150)
    small.ask("acme")
    assert small.read == 100

    small.charge("acme", *[8] * 250)
    small.seconds, small.read = 60, 0
    assert small.ask("acme") == 8 * WHOLE
    assert small.read == 100

    small.charge("acme", *[9] * 10)
    small.seconds, small.read = 120, 0
    small.ask("acme")
    assert small.read == 30


def test_a_rare_feature_is_found_further_back_each_time(watched, monkeypatch):
    monkeypatch.setattr(estimates, "MOST_READ", 50)
    watched.charge("others", *[17] * 30)
    watched.ledger.grant("busy", 1)
    for _ in range(90):
        watched.ledger.record("busy", 1, feature="image")

    found = []
    for minute in range(5):
        watched.seconds = 60.0 * minute
        found.append(watched.ask() // WHOLE)

    # Opening accounts takes entries too: nothing, nothing or some, and then all thirty, and no more to be read.
    assert found[0] == 5
    assert found[2:] == [17, 17, 17]
    before = watched.read
    watched.seconds += 60
    watched.ask()
    assert watched.read - before <= estimates.PAGE


def test_where_all_is_known_it_is_asked_once_for_what_is_new(watched):
    watched.charge("acme", 3)
    assert watched.ask() == 3 * WHOLE

    watched.seconds, watched.asked = 60, 0
    assert watched.ask() == 3 * WHOLE
    assert watched.asked == 1


def test_only_the_last_charges_are_remembered(small, monkeypatch):
    monkeypatch.setattr(estimates, "MOST_CHARGES", 30)
    small.charge("acme", *[20] * 40)
    small.ask("acme")
    small.charge("acme", *[2] * 30)
    small.seconds = 60

    assert small.ask("acme") == 2 * WHOLE


def test_accounts_beyond_the_most_are_forgotten_and_read_again(small, monkeypatch):
    monkeypatch.setattr(estimates, "MOST_WALLETS", 3)
    names = [f"acc-{place}" for place in range(8)]
    for place, name in enumerate(names):
        small.charge(name, *[place + 1] * 20)

    assert [small.ask(name) for name in names] == [(place + 1) * WHOLE for place in range(8)]
    assert len(small.estimates.wallets) <= 3


def test_whoever_comes_while_somebody_reads_goes_by_what_is_known(small):
    small.charge("acme", *[3] * 20)
    small.ask("acme")
    small.charge("acme", *[9] * 40)
    small.seconds = 60
    inside = []

    def ask_within(*asked):
        small.estimates.store = small
        inside.append(small.ask("acme"))
        return small.list_history(*asked)

    small.estimates.store = type("Slow", (), {"list_history": staticmethod(ask_within)})
    assert small.ask("acme") == 9 * WHOLE
    assert inside == [3 * WHOLE]


def test_a_child_process_does_not_wait_for_what_its_parent_was_reading(small):
    small.charge("acme", *[3] * 25)
    known = small.store.find_account("acme")
    for past in (small.estimates.book, small.estimates.get_past(known, CREDITS)):
        past.reading.acquire()
    assert small.ask("acme") == 5 * WHOLE

    small.estimates.pid = -1
    assert small.ask("acme") == 3 * WHOLE


def test_a_read_that_fails_is_tried_again_next_time(small):
    small.charge("acme", *[3] * 20)

    def fail(*_):
        raise OSError("away")

    small.estimates.store = type("Gone", (), {"list_history": staticmethod(fail)})
    with pytest.raises(OSError, match="away"):
        small.ask("acme")
    small.estimates.store = small
    assert small.ask("acme") == 3 * WHOLE


def test_what_is_remembered_takes_no_time_to_speak_of(small):
    small.charge("acme", *range(1, 501))
    small.ask("acme")

    began = time.perf_counter()
    for _ in range(200):
        small.ask("acme")

    assert (time.perf_counter() - began) / 200 < timedelta(milliseconds=5).total_seconds()

"""Counters of prices that depend on what came before, in every store: beside those of budgets, and without any."""

import pytest

from farthing.engine.tickets import Outcome
from farthing.values.periods import DAY, Cadence
from farthing.values.requests import Charge, Priced, Tidy
from farthing.values.standing_requests import EndBudget, SetBudget
from farthing.values.wallets import Counter, Subject
from tests.contract.desk import Desk
from tests.contract.standing import ACME, CHAT, PLAN, budget, insist, load_wallet, price, read_record


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """One at which these names are known and there is enough."""
    for name in ("chat", "plan"):
        desk.store.intern_name(name)
    desk.grant(1000)
    return desk


def ask(key: str, priced: Priced, **terms) -> Charge:
    return Charge(key=key, account="acme", amounts=((1, 0),), priced=priced, **terms)


def count(desk: Desk) -> dict[tuple[int, int], int]:
    return {(each.budget, each.subject): each.spent for each in read_record(desk).counters}


def test_a_price_goes_on_where_it_was_in_any_batch(desk: Desk):
    first, second = desk.ask(ask("a", price(7)), ask("b", price(7)))
    third = desk.do(ask("c", price(7)))

    amounts = [outcome.entries[0].amount for outcome in (first, second, third) if isinstance(outcome, Outcome)]
    assert amounts == [0, 1, 1]
    assert count(desk) == {(0, CHAT): 21}
    assert (desk.wallet().budgeted, dict(desk.wallet().budgets)) == (1, {})
    insist(desk)


def test_each_price_has_a_counter_of_its_own(desk: Desk):
    desk.ask(ask("a", price(7)), ask("b", price(5, subject=PLAN)))
    desk.do(ask("c", price(5, subject=PLAN)))

    assert count(desk) == {(0, CHAT): 7, (0, PLAN): 10}
    assert desk.wallet().budgeted == 2
    assert sorted(load_wallet(desk, ask("d", price(5, subject=PLAN))).counters) == [(0, PLAN)]
    assert load_wallet(desk, ask("e", Priced(("fixed",)))).counters == {}
    insist(desk)


def test_a_counter_stands_in_the_row_of_a_budget_that_ended(desk: Desk):
    budget(desk, "each", 500, per=Subject.FEATURE)
    desk.charge(5, feature=CHAT)
    desk.do(EndBudget(key="end", **ACME, name="each"))
    assert desk.wallet().budgeted == 0

    desk.do(ask("a", price(30)))

    assert count(desk) == {(2, CHAT): 5, (0, CHAT): 30}
    assert desk.wallet().budgeted == 1
    insist(desk)


def test_a_budget_that_is_set_later_counts_in_the_row_of_a_price(desk: Desk):
    desk.do(ask("a", price(30)))

    made, charged = desk.ask(
        SetBudget(key="b", **ACME, name="each", most=50, per=Subject.FEATURE),
        ask("c", price(30), feature=CHAT),
    )

    assert isinstance(made, Outcome)
    assert isinstance(charged, Outcome)
    number = made.entries[0].number
    assert count(desk) == {(0, CHAT): 60, (number, CHAT): 3}
    assert desk.wallet().budgeted == 2
    insist(desk)


def test_a_period_begins_anew(desk: Desk):
    desk.do(ask("a", price(17, every=Cadence.DAY)))
    desk.now += DAY

    desk.do(ask("b", price(12, every=Cadence.DAY)))

    (counter,) = read_record(desk).counters
    assert counter == Counter(0, CHAT, counter.starts_at, counter.starts_at + DAY, 12, 0)
    assert counter.starts_at <= desk.now < counter.ends_at
    insist(desk)


def test_a_hold_asks_and_its_settle_counts(desk: Desk):
    held = desk.hold(0, priced=price(25))
    assert (held.entries[0].amount, count(desk)) == (2, {})

    settled = desk.settle(held, (1, 0), priced=price(28))

    assert settled.entries[0].amount == 2
    assert count(desk) == {(0, CHAT): 28}
    insist(desk)


def test_a_refund_does_not_give_a_price_back_what_it_has_seen(desk: Desk):
    budget(desk, "each", 500, per=Subject.FEATURE)
    charged = desk.do(ask("a", price(40), feature=CHAT))

    desk.refund(charged)

    assert count(desk) == {(0, CHAT): 40, (2, CHAT): 0}
    insist(desk)


def test_the_version_of_the_catalog_is_an_entrys_own(desk: Desk):
    version = desk.store.publish_catalog(b"d" * 16, "document", desk.now)
    charged = desk.do(ask("a", price(17), catalog_version=version))

    assert charged.entries[0].catalog_version == version == 1
    assert desk.do(Tidy(key="t", account="acme", unit=1)).entries == []
    insist(desk)
    desk.do(ask("b", price(17), catalog_version=7))
    assert list(desk.store.find_oddities()) == [("catalog 7", "is named by entries, and is not there")]


def test_a_replay_compares_what_was_said_and_not_what_it_costs(desk: Desk):
    first = desk.do(ask("a", price(30)))

    again = desk.do(ask("a", price(30)._replace(meters=())))

    assert again.replayed
    assert again.entries == first.entries

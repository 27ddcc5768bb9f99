"""Allowances, budgets, alerts, ends of credits and clocks in every store: what is loaded, and what comes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from farthing.engine.tickets import Outcome
from farthing.face.ids import write_id
from farthing.values.bounds import LOTS_AT_FIRST, NEVER
from farthing.values.entries import Kind
from farthing.values.errors import GrantNotFound
from farthing.values.periods import DAY, HOUR, Cadence
from farthing.values.requests import Configure, Forgive, Grant, Open, Place
from farthing.values.standing_requests import (
    Advance,
    Allow,
    ChangeAllowance,
    Clawback,
    EndAllowance,
    EndPeriod,
    Reschedule,
    SetPeriodEnd,
)
from farthing.values.wallets import USUAL_TERMS, Rollover, TopUp, TurnPolicy
from tests.contract.desk import CREDITS, GENERATIONS, START, STORES, Desk, find_place, open_desk
from tests.contract.standing import (
    ACME,
    CHAT,
    PLAN,
    allow,
    charge,
    insist,
    list_stored_names,
    load_wallet,
    read_record,
)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """One at which all these names are known."""
    for name in ("chat", "plan", "ana", "ben", "cleo", "sonnet", "key 1"):
        desk.store.intern_name(name)
    return desk


def test_every_field_of_an_allowance_comes_back(desk: Desk):
    allow(desk, "carried", 70, every=Cadence.WEEK, count=2, zone="Europe/Rome", priority=7, promotional=True,
          features=(CHAT, PLAN), source=PLAN, rollover=Rollover.CAPPED, cap_percent=250_000, keep=3,
          on_turn=TurnPolicy.FORGIVE, calendar=True)  # fmt: skip
    allow(desk, "later", 5, starts_at=desk.now + 50)
    desk.do(EndAllowance(key="end", **ACME, name="later"))

    kept, ended = read_record(desk).allowances

    assert (kept.name, kept.amount, kept.every, kept.count, kept.zone) == ("carried", 70, 3, 2, "Europe/Rome")
    assert (kept.priority, kept.promotional, kept.features, kept.source) == (7, 1, (CHAT, PLAN), PLAN)
    assert (kept.rollover, kept.cap, kept.cap_percent, kept.keep, kept.on_turn) == (1, 0, 250_000, 3, 1)
    assert kept.starts_at <= desk.now < kept.turns_at
    assert (kept.lot, kept.ended_at, ended.name, ended.ended_at, ended.lot) == (1, 0, "later", desk.now, 0)
    assert desk.wallet().allowances == {1: kept}
    assert [lot.allowance for lot in desk.wallet().lots.values()] == [1]
    assert desk.wallet().recurring == 1
    assert list_stored_names(desk) >= {CHAT, PLAN}
    insist(desk)


def test_alerts_and_top_ups_are_terms_and_usual_ones_are_the_shared_ones(desk: Desk):
    desk.grant(100)
    assert desk.wallet().terms is USUAL_TERMS
    configure: Any = {"key": "on", "account": "acme", "unit": 1, "terms": ()}
    desk.do(Configure(**configure, alerts=(-5, 50, 0), top_up=((1, 1), (2, 20), (3, 500))))
    assert load_wallet(desk, charge("any")).terms.alerts == (50, 0, -5)
    alerted = desk.charge(90)

    terms = desk.wallet().terms
    assert terms.alerts == (50, 0, -5)
    assert terms.top_up._replace(day_starts_at=0, month_starts_at=0) == TopUp(
        is_on=1, threshold=20, quantity=500, in_flight=5, wanted=500, bought_in_day=500, bought_in_month=500
    )
    assert [entry.kind for entry in alerted.entries] == [Kind.CHARGED, Kind.ALERTED, Kind.TOP_UP_WANTED]
    off = tuple((place, 0) for place in range(1, 10))
    desk.grant(1, top_up=5)
    desk.do(Configure(**configure | {"key": "off"}, alerts=(), top_up=off))
    assert desk.wallet().terms.alerts == ()
    assert desk.wallet().terms.top_up.bought_in_day == 500
    insist(desk)


def test_terms_that_are_the_usual_again_are_the_shared_ones_again(desk: Desk):
    desk.grant(100)
    for alerts in ((5,), ()):
        desk.do(Configure(key=f"to {alerts}", account="acme", unit=1, terms=((1, len(alerts)),), alerts=alerts))

    assert desk.wallet().terms is USUAL_TERMS
    assert load_wallet(desk, charge("any")).terms is USUAL_TERMS


def test_a_charge_knows_nothing_of_allowances_until_it_must(desk: Desk):
    allow(desk)
    desk.grant(10)

    plain = load_wallet(desk, charge("any"))

    assert (plain.whole, plain.unloaded, plain.horizon) == (False, 0, ())
    assert (plain.recurring, dict(plain.allowances), len(plain.lots)) == (1, {}, 2)
    with desk.store.work() as work:
        wallet = work.load([charge("any")], desk.now).wallets[desk.account().account_id, 1]
        whole = work.load_whole(wallet)
    assert (whole.whole, list(whole.allowances)) == (True, [1])
    assert whole.terms is wallet.terms is USUAL_TERMS
    assert "0.0001 more arrive on" in str(desk.ask(charge("much", 500))[0])
    desk.now += DAY
    assert list(load_wallet(desk, charge("any")).allowances) == [1]


def test_whatever_is_about_an_allowance_brings_all_of_the_wallet(desk: Desk):
    allow(desk, rollover=Rollover.ALL)
    desk.charge(100)
    desk.grant(10, expires_in=HOUR)
    desk.charge(10)
    desk.now += HOUR
    named: Any = {"key": "any", **ACME, "name": "monthly"}
    for request in (
        Allow(**named | {"name": "other"}, amount=5, every=Cadence.DAY),
        ChangeAllowance(**named, amount=5),
        EndAllowance(**named),
        EndPeriod(**named),
        SetPeriodEnd(**named, ends_at=desk.now + 5),
    ):
        wallet = load_wallet(desk, request)
        assert (wallet.whole, list(wallet.allowances)) == (True, [1]), request.asked
        assert [(lot.number, lot.remaining) for lot in wallet.lots.values()] == [(1, 0)], request.asked


def test_an_allowance_turns_in_the_midst_of_a_batch_of_others(desk: Desk):
    allow(desk, amount=100, every=Cadence.MONTH, rollover=Rollover.CAPPED, cap=30)
    desk.charge(20)
    turns_at = desk.wallet().allowances[1].turns_at
    desk.now = turns_at

    first, second = desk.ask(charge("a", 100), charge("b", 25))

    assert isinstance(first, Outcome)
    assert isinstance(second, Outcome)
    wallet = desk.wallet()
    assert [(lot.allowance, lot.remaining) for lot in wallet.lots.values()] == [(1, 5)]
    (allowance,) = wallet.allowances.values()
    assert (allowance.starts_at, allowance.lot) == (turns_at, 4)
    assert wallet.granted == 200
    assert wallet.expired == 50
    insist(desk)


def test_a_moved_end_is_stored_however_the_lot_was_loaded(desk: Desk):
    for rank in range(LOTS_AT_FIRST + 3):
        desk.grant(10, priority=100 - rank, expires_in=DAY)
    desk.charge(10)
    account, later = desk.account(), desk.now + 2 * DAY
    first, last = (Place(account.shard, account.account_id, 1, number) for number in (1, LOTS_AT_FIRST + 2))
    assert 1 not in load_wallet(desk, charge("any")).lots
    for key, place in (("far", first), ("near", last)):
        grant_id = write_id("gra", place)
        desk.do(Reschedule(key=key, **ACME, grant=place, grant_id=grant_id, expires_at=later))
    assert {lot.expires_at for lot in read_record(desk).lots} == {START + DAY, later}

    desk.do(Reschedule(key="all", **ACME, expires_at=NEVER))

    ends = [lot.expires_at for lot in read_record(desk).lots]
    assert ends == [NEVER] * (LOTS_AT_FIRST + 2) + [START + DAY]
    desk.now += DAY
    assert desk.do(charge("c", 10)).entries
    assert next(iter(desk.wallet().lots)) == LOTS_AT_FIRST + 1
    insist(desk)


def test_an_end_that_is_moved_as_the_lot_is_emptied_is_stored(desk: Desk):
    allow(desk, amount=10)
    desk.charge(10)

    replaced = desk.do(ChangeAllowance(key="c", **ACME, name="monthly", amount=7))
    desk.do(SetPeriodEnd(key="e", **ACME, name="monthly", ends_at=desk.now + HOUR))

    old, fresh = read_record(desk).lots
    assert (old.remaining, old.expires_at) == (0, desk.now)
    assert (fresh.number, fresh.remaining, fresh.expires_at) == (replaced.entries[0].number, 7, desk.now + HOUR)
    insist(desk)


def claw(desk: Desk, granted: Outcome, key: str = "claw", **terms) -> Clawback:
    place = find_place(granted)
    return Clawback(key=key, grant=place, grant_id=write_id("gra", place), **terms)


def test_the_past_of_a_clawback_is_all_that_was_written_of_its_grant(desk: Desk):
    desk.grant(1)
    desk.grant(1, unit=2)
    granted = desk.do(Grant(key="paid", account="acme", amounts=((2, 300), (1, 100)), cost_minor=1000, expires_in=DAY))
    desk.charge(30)
    desk.do(claw(desk, granted, "once", money=100))
    place = find_place(granted)
    lead = (place.account_id, 2, place.number)

    loaded = desk.load(claw(desk, granted, money=1))

    assert [(entry.unit_id, entry.number) for entry in loaded.past[lead]] == [(2, 2), (1, 2), (2, 3)]
    assert list(loaded.wallets) == [(place.account_id, 2)]
    assert place.number in loaded.wallets[place.account_id, 2].lots
    of_other = place._replace(unit_id=1, number=2)
    asked = Clawback(key="other", grant=of_other, grant_id=write_id("gra", of_other), amount=10)
    assert [(e.unit_id, e.number) for e in desk.load(asked).past[place.account_id, 1, 2]] == [(1, 2)]
    answers = desk.ask(asked, claw(desk, granted, "twice", money=400), claw(desk, granted, "thrice", money=501))
    assert [type(answer).__name__ for answer in answers] == ["Outcome", "Outcome", "MoreThanPaid"]
    assert desk.wallet(unit=GENERATIONS).granted == 301
    assert desk.wallet(unit=GENERATIONS).free == 1 + 300 - 150
    assert desk.wallet().free == 1 + 100 - 30 - 10
    insist(desk)


def test_a_clawback_of_a_lot_that_is_gone_and_of_one_that_never_was(desk: Desk):
    granted = desk.grant(10, expires_in=HOUR)
    place = find_place(granted)
    desk.now += HOUR
    desk.charge(0)
    for _ in range(LOTS_AT_FIRST + 1):
        desk.grant(1)

    assert desk.do(claw(desk, granted)).entries[0].uncovered == 10
    for wrong in (
        place._replace(number=77), place._replace(unit_id=9), place._replace(unit_id=2), place._replace(account_id=77),
        place._replace(shard=(place.shard + 1) % 64),
    ):  # fmt: skip
        asked = Clawback(key=desk.next_key(), grant=wrong, grant_id="gra")
        assert isinstance(desk.ask(asked)[0], GrantNotFound), wrong
    insist(desk)


def test_alerts_are_listed_by_account_and_by_book(desk: Desk):
    for name in ("acme", "other"):
        desk.grant(100, account=name)
        rule = ((1, 1), (2, 10), (3, 5))
        desk.do(Configure(key="c", account=name, unit=1, terms=(), alerts=(50, 20), top_up=rule))
        for amount in (60, 25, 10):
            desk.charge(amount, account=name)
    store, kinds = desk.store, (int(Kind.TOP_UP_WANTED), int(Kind.ALERTED))

    everything = store.list_history(None, None, None, None, 100, kinds)
    own = store.list_history(desk.account(), None, None, None, 100, kinds)

    said = [(line.account.key, Kind(line.entry.kind).name) for _, line in everything]
    assert said == [(name, kind) for name in ("other", "acme") for kind in ("TOP_UP_WANTED", "ALERTED", "ALERTED")]
    assert own == everything[3:]
    positions = [position for position, _ in everything]
    assert positions == sorted(positions, reverse=True)
    assert store.list_history(None, None, None, positions[1], 2, kinds) == everything[2:4]
    assert store.list_history(desk.account(), 1, None, None, 9, (int(Kind.ALERTED),)) == own[1:]
    assert store.list_history(desk.account(), 2, None, None, 9, kinds) == []
    assert store.list_history(None, None, CHAT, None, 9, kinds) == []
    granted = store.list_history(None, 1, None, None, 9, (int(Kind.GRANTED), int(Kind.CHARGED)))
    assert [line.entry.kind for _, line in granted] == [20, 20, 20, 10, 20, 20, 20, 10]
    assert [line.entry.kind for _, line in store.list_history(desk.account(), None, None, None, 2, (10,))] == [10]


def test_wallets_in_which_something_is_due_are_listed_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("farthing.store.reads.DUE_SPAN", 2)
    monkeypatch.setattr("farthing.store.sqlite.DUE_SPAN", 2)
    monkeypatch.setattr("farthing.store.postgres.DUE_SPAN", 2)
    for number in range(7):
        desk.grant(10, account=f"acc{number}", expires_in=HOUR if number % 3 else None)
        desk.grant(10, account=f"acc{number}", unit=2, expires_in=None if number % 2 else DAY)
    now, store = desk.now, desk.store

    assert store.count_wallets() == 21
    assert store.list_due(now, None, 100) == []
    at_hour = store.list_due(now + HOUR, None, 100)
    assert [(due.account, due.unit) for due in at_hour] == [(f"acc{number}", CREDITS) for number in (1, 2, 4, 5)]
    everything = store.list_due(now + DAY, None, 100)
    assert [(due.account, due.unit.name) for due in everything[:3]] == [
        ("acc0", "generations"), ("acc1", "credits"), ("acc2", "credits"),
    ]  # fmt: skip
    paged, page = [], store.list_due(now + DAY, None, 3)
    while page:
        paged += page
        page = store.list_due(now + DAY, page[-1].place, 3)
    assert paged == everything
    assert len(everything) == 8


@pytest.fixture(params=list(STORES))
def trial(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A desk at a test book."""
    (tmp_path / "trial").mkdir()
    with open_desk(request.param, tmp_path / "trial", test=True) as opened:
        yield opened


def test_the_clocks_of_a_test_book_stand_still_each_by_itself(trial: Desk):
    desk = trial
    desk.do(Open(key="open", account="acme", zone="Europe/Rome"))
    assert desk.account().clock == START
    allow(desk, amount=10, every=Cadence.MONTH)
    desk.now += 50 * DAY
    desk.grant(5, account="other", expires_in=DAY)
    assert (desk.account().clock, desk.account("other").clock) == (START, START + 50 * DAY)
    assert load_wallet(desk, charge("any")).allowances == {}
    assert desk.store.list_due(desk.now, None, 9) == []

    advanced = desk.do(Advance(key="go", account="acme", by=40 * DAY, unit_ids=(1, 2)))

    assert advanced.account.clock == desk.account().clock == START + 40 * DAY
    wallet = desk.wallet()
    assert (wallet.account.clock, wallet.granted, wallet.clock) == (START + 40 * DAY, 20, START + 40 * DAY)
    assert [entry.kind for entry in advanced.entries] == [Kind.ADVANCED]
    desk.do(Advance(key="on", account="acme", to=START + 300 * DAY, unit_ids=()))
    assert [due.account for due in desk.store.list_due(desk.now, None, 9)] == ["acme"]
    assert len(load_wallet(desk, charge("any")).allowances) == 1
    desk.do(charge("one"))
    assert desk.store.list_due(desk.now, None, 9) == []
    insist(desk)


def test_debts_forgiven_at_a_turn_are_there_when_a_wallet_is_due(desk: Desk):
    allow(desk, amount=10, on_turn=TurnPolicy.FORGIVE)
    desk.do(Configure(key="c", account="acme", unit=1, terms=((1, 50),)))
    desk.charge(30)
    assert desk.wallet().debt == 20
    desk.now += DAY

    desk.do(charge("c2", 4))

    assert (desk.wallet().debt, desk.wallet().free) == (0, 6)
    assert isinstance(desk.ask(Forgive(key="f", account="acme", owed=((1, 1),)))[0], Exception)
    insist(desk)

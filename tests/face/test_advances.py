"""Test books: each account has a clock of its own that stands still until it is moved."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

import farthing

DUE = ("expired", "turned")


@pytest.fixture
def book(url):
    """A test book without a clock of this process's: accounts stand still at their opening."""
    with farthing.open(url, create=True, book="sandbox", test=True, units={"credits": 6, "generations": 0}) as opened:
        yield opened
        assert opened.verify().ok, str(opened.verify())


def test_time_stands_still_until_it_is_moved_for_this_account_alone(book):
    book.allow("acme", 100, every="month")
    book.allow("umbrella", 100, every="month")
    before, there = book.balance("acme"), book.balance("umbrella")
    time.sleep(0.01)
    assert book.balance("acme").as_of == before.as_of == before.allowances[0].starts_at

    receipt = book.advance("acme", timedelta(days=62))

    assert (receipt.kind, receipt.account, receipt.at) == ("advanced", "acme", before.as_of + timedelta(days=62))
    after = book.balance("acme")
    assert (after.as_of, after.granted, after.expired) == (receipt.at, 300, 200)
    assert book.balance("umbrella") == there


def test_everything_falls_due_in_its_order_and_at_its_own_instant(book):
    book.allow("acme", 10, every="day", unit="generations")
    book.grant("acme", 5, expires_in=timedelta(hours=30))
    start = book.balance("acme").as_of

    book.advance("acme", to=start + timedelta(hours=50))

    lines = [(line.kind, line.unit, line.effective_at - start) for line in book.history("acme")]
    happened = sorted((at.total_seconds() / 3600, unit, kind) for kind, unit, at in lines if kind in DUE)
    assert happened == [
        (24, "generations", "expired"), (24, "generations", "turned"), (30, "credits", "expired"),
        (48, "generations", "expired"), (48, "generations", "turned"),
    ]  # fmt: skip
    assert book.balance("acme", "generations").granted == 30
    assert book.charge("acme", 10, unit="generations").at == start + timedelta(hours=50)


def test_a_clock_is_never_moved_back(book):
    book.grant("acme", 5)
    now = book.balance("acme").as_of
    lines = list(book.history())

    for error, call in (
        (farthing.TimeInvalid, lambda: book.advance("acme", timedelta(days=-1))),
        (farthing.TimeInvalid, lambda: book.advance("acme", to=now - timedelta(seconds=1))),
        (farthing.TimeInvalid, lambda: book.advance("acme", timedelta.max)),
        (farthing.TimeInvalid, lambda: book.advance("acme", to=datetime(2099, 1, 1, tzinfo=UTC).replace(tzinfo=None))),
        (farthing.TimeInvalid, lambda: book.advance("acme", 86_400)),
        (farthing.TermInvalid, lambda: book.advance("acme")),
        (farthing.TermInvalid, lambda: book.advance("acme", timedelta(1), to=now + timedelta(1))),
        (farthing.AccountNotFound, lambda: book.advance("nobody", timedelta(1))),
    ):
        with pytest.raises(error):
            call()
    assert list(book.history()) == lines
    with pytest.raises(farthing.TimeInvalid, match="the account's clock says"):
        book.advance("acme", to=now - timedelta(seconds=1))


def test_in_a_live_book_clocks_run(tmp_path):
    with farthing.open(f"sqlite:///{tmp_path}/live.db", create=True) as live:
        live.grant("acme", 5)

        with pytest.raises(farthing.ClockRuns, match="the clock of acme runs"):
            live.advance("acme", timedelta(days=1))
        assert len(list(live.history())) == 2


def test_an_account_stays_in_its_time_when_the_book_is_opened_again(tmp_path):
    url = f"sqlite:///{tmp_path}/credits.db"
    with farthing.open(url, create=True, book="sandbox", test=True) as first:
        first.allow("acme", 5, every="year")
        at = first.advance("acme", timedelta(days=800)).at

    with farthing.open(url, book="sandbox", test=True) as again:
        assert again.balance("acme").as_of == at
        assert again.charge("acme", 5).at == at


def test_a_key_moves_a_clock_once(book):
    book.grant("acme", 5)
    first = book.advance("acme", timedelta(days=1), key="on")

    again = book.advance("acme", timedelta(days=1), key="on")

    assert (again.replayed, again.at, book.balance("acme").as_of) == (True, first.at, first.at)


def test_awaited_and_in_a_batch_it_is_the_same(book):
    book.grant("acme", 5, expires_in=timedelta(days=2))
    before = book.balance("acme").as_of
    asyncio.run(book.aadvance("acme", timedelta(days=1)))

    answers = book.batch([farthing.Advance("acme", timedelta(days=1)), farthing.Charge("acme", 1)])

    assert [getattr(answer, "kind", getattr(answer, "code", "")) for answer in answers] == [
        "advanced", "insufficient_credits"
    ]  # fmt: skip
    assert book.balance("acme").as_of == before + timedelta(days=2)


def test_a_frozen_clock_moves_all_accounts_of_its_ledger(ledger, clock):
    ledger.grant("acme", 5)
    clock.advance(timedelta(days=1))

    assert ledger.charge("acme", 1).at == clock.at == datetime(2026, 11, 22, 10, 4, tzinfo=UTC)

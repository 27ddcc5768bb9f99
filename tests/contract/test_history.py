"""History and records: every entry once, in order, without gaps or repeats, whatever the page, whoever writes."""

import pytest

from farthing.store.contract import History
from farthing.values.entries import Kind
from farthing.values.requests import Charge, Grant, Note
from farthing.values.wallets import HoldState
from tests.contract.desk import CREDITS, Desk
from tests.contract.scenario import FEATURES, Scenario


def list_all(desk: Desk, most: int, account=None, unit=None, feature=None) -> list[tuple[int, History]]:
    """All pages one after another."""
    found: list[tuple[int, History]] = []
    before = None
    while page := desk.store.list_history(account, unit, feature, before, most):
        assert len(page) <= most
        found += page
        before = page[-1][0]
    return found


@pytest.fixture
def busy_desk(desk: Desk) -> Desk:
    Scenario(7, desk).play(30)
    return desk


def test_pages_of_any_size_list_every_entry_once_newest_first(busy_desk: Desk):
    whole = busy_desk.store.list_history(None, None, None, None, 10_000)
    positions = [position for position, _ in whole]

    assert len(whole) == busy_desk.store.count_entries() > 50
    assert positions == sorted(set(positions), reverse=True)
    for most in (1, 7, len(whole), len(whole) + 1):
        assert list_all(busy_desk, most) == whole


def test_filters_select_what_they_say_alone_and_together(busy_desk: Desk):
    store = busy_desk.store
    whole = store.list_history(None, None, None, None, 10_000)
    features = [None, 0, *(store.intern_name(name) for name in FEATURES), store.intern_name("never")]
    selected = 0
    for account in (None, store.find_account("acme"), store.find_account("zoë & co")):
        for unit in (None, 0, 1, 2, 9):
            for feature in features:
                expected = [
                    (position, item)
                    for position, item in whole
                    if (account is None or item.account.account_id == account.account_id)
                    and unit in (None, item.entry.unit_id)
                    and feature in (None, item.entry.feature)
                ]
                assert list_all(busy_desk, 5, account, unit, feature) == expected
                selected += len(expected)
    assert selected > 4 * len(whole)


def test_entries_written_between_pages_disturb_nothing(busy_desk: Desk):
    whole = busy_desk.store.list_history(None, None, None, None, 10_000)
    first = busy_desk.store.list_history(None, None, None, None, 10)

    busy_desk.grant(5, account="new")
    rest = busy_desk.store.list_history(None, None, None, first[-1][0], 10_000)

    assert first + rest == whole


def test_an_entry_reads_back_as_it_was_decided(desk: Desk):
    note = Note(b"0123456789abcdef", b'{"chat":"c_77"}')
    desk.store.intern_name("chat")
    granted = desk.do(Grant(key="g", account="acme", amounts=((1, 2**62),), note=note))

    newest = desk.store.list_history(None, None, None, None, 1)[0][1]

    assert newest == History(desk.account(), granted.entries[0], note.body)
    assert type(newest.entry) is type(granted.entries[0])


def test_records_hold_every_wallet_with_its_entries_in_order_and_its_ended_rows(desk: Desk):
    desk.grant(10)
    desk.settle(desk.hold(10))
    desk.charge(0, unit=1)
    desk.grant(3, unit=2, account="other")

    records = [(record, list(record.entries)) for record in desk.store.iter_records()]

    places = [(record.wallet.account.key, record.wallet.unit.unit_id) for record, _ in records]
    assert sorted(places) == [("acme", 0), ("acme", 1), ("other", 0), ("other", 2)]
    record, entries = records[places.index(("acme", 1))]
    kinds = [Kind.GRANTED, Kind.HELD, Kind.SETTLED, Kind.CHARGED]
    assert [(entry.number, entry.kind) for entry in entries] == list(enumerate(kinds, 1))
    assert entries[-1].hash == record.wallet.head
    assert [(lot.number, lot.remaining) for lot in record.lots] == [(1, 0)]
    assert [(hold.number, hold.state) for hold in record.holds] == [(2, HoldState.SETTLED)]


def test_records_are_of_one_moment(desk: Desk):
    for account in ("a", "b", "c"):
        desk.grant(10, account=account)

    seen: list[tuple[str, int, int]] = []
    for record in desk.store.iter_records():
        desk.ask(*[Charge(key=desk.next_key(), account=account, amounts=((1, 1),)) for account in ("a", "b", "c")])
        desk.grant(1, account=f"later {len(seen)}")
        seen.append((record.wallet.account.key, record.wallet.seq, len(list(record.entries))))

    assert sorted(seen) == [(key, 1, 1) for key in "abc" for _ in (0, 1)]
    assert desk.store.read_wallet(desk.account("c"), CREDITS).balance == 4


def test_counting_counts_the_entries_of_this_book(desk: Desk):
    assert desk.store.count_entries() == 0

    desk.grant(10)

    assert desk.store.count_entries() == 2

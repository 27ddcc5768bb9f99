"""A unit of work: nothing before `commit`, everything after, nothing at all when it is left without."""

import threading

import pytest

from farthing.audit.verify import verify
from farthing.engine.batch import Batch
from farthing.store.contract import Changes, DecideAgain
from farthing.store.faults import Busy, LedgerClosed
from farthing.values.errors import LawBroken, Misconfigured
from farthing.values.requests import Charge, Freeze, Grant, Note, Open, digest_note
from farthing.values.wallets import AccountState
from tests.contract.desk import CREDITS, START, Desk


def name_law(error: Exception) -> str:
    """The law that was broken; what another server may have done first is decided again before anybody hears of it."""
    told = error.instead if isinstance(error, DecideAgain) else error
    assert isinstance(told, LawBroken)
    return told.law


def take_stock(desk: Desk) -> tuple[object, ...]:
    """All that readers see."""
    store = desk.store
    records = [
        (record.wallet.seq, record.wallet.head, record.lots, record.holds, record.debts, list(record.entries))
        for record in store.iter_records()
    ]
    history = store.list_history(None, None, None, None, 100)
    return records, history, store.count_entries(), store.find_account("acme"), store.find_account("new")


def test_nothing_is_seen_before_the_commit_and_all_of_it_after(desk: Desk):
    desk.grant(100)
    before = take_stock(desk)
    requests = [
        Charge(key="a", account="acme", amounts=((1, 30),)),
        Grant(key="b", account="new", amounts=((1, 5), (2, 7)), note=Note(b"s" * 16, b'{"n":1}')),
    ]

    with desk.store.work() as work:
        batch = Batch(work, requests, desk.now, desk.store.seal, provisional=False)
        batch.answer_all()
        work.save(batch.changes)
        assert take_stock(desk) == before
        work.commit()

    assert desk.wallet().balance == 70
    assert desk.wallet("new").balance == 5
    assert desk.store.count_entries() == 6
    assert verify(desk.store).summary == "ok"


def test_a_work_left_without_commit_leaves_no_trace(desk: Desk):
    desk.grant(100)
    before = take_stock(desk)
    request = Grant(key="b", account="new", amounts=((1, 5),), note=Note(b"s" * 16, b'{"n":1}'))

    with desk.store.work() as work:
        batch = Batch(work, [request], desk.now, desk.store.seal, provisional=False)
        batch.answer_all()
        work.save(batch.changes)
    assert take_stock(desk) == before

    again = desk.do(request)
    assert [entry.number for entry in again.entries] == [1]
    assert not again.replayed
    assert verify(desk.store).summary == "ok"


def test_an_exception_inside_a_work_undoes_it_and_passes_through(desk: Desk):
    desk.grant(100)
    before = take_stock(desk)

    def save_and_fail() -> None:
        with desk.store.work() as work:
            batch = Batch(work, [Freeze(key="f", account="acme")], desk.now, desk.store.seal, provisional=False)
            batch.answer_all()
            work.save(batch.changes)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_and_fail()

    assert take_stock(desk) == before
    assert desk.charge(1).entries


def test_saving_nothing_changes_nothing(desk: Desk):
    desk.grant(100)
    before = take_stock(desk)

    with desk.store.work() as work:
        work.save(Changes())
        work.commit()

    assert take_stock(desk) == before


def test_two_batches_in_one_work_build_on_each_other(desk: Desk):
    with desk.store.work() as work:
        for key, request in enumerate([Grant, Charge, Charge]):
            asked = request(key=f"k{key}", account="acme", amounts=((1, 10 - key),))
            batch = Batch(work, [asked], desk.now, desk.store.seal, provisional=False)
            batch.answer_all()
            work.save(batch.changes)
        work.commit()

    assert desk.wallet().balance == 1
    assert desk.wallet().seq == 2
    assert verify(desk.store).summary == "ok"


def test_a_refused_opening_leaves_no_account(desk: Desk):
    late = Grant(key="g", account="new", amounts=((1, 5),), expires_at=START - 1)

    refusal, opened = desk.ask(late, Open(key="o", account="other"))

    assert isinstance(refusal, Exception)
    assert not isinstance(opened, Exception)
    assert desk.store.find_account("new") is None
    other = desk.store.find_account("other")
    assert other is not None
    assert other.state == AccountState.ACTIVE


def test_stopping_a_wallet_is_durable_and_stops_that_one_only(desk: Desk):
    desk.grant(10)
    desk.grant(10, unit=2)
    key = (desk.account().account_id, 1)

    with desk.store.work() as work:
        work.stop_wallet(key)
    assert not desk.wallet().stopped
    with desk.store.work() as work:
        work.stop_wallet(key)
        work.commit()

    assert desk.wallet().stopped
    assert verify(desk.store).summary == "wallet_in_order"
    answer = desk.ask(Charge(key="c", account="acme", amounts=((1, 1),)))[0]
    assert "wallet_in_order" in str(answer)
    assert desk.charge(1, unit=2).entries


def test_two_works_exclude_each_other(desk: Desk):
    desk.grant(10)
    inside, leave = threading.Event(), threading.Event()

    def linger() -> None:
        with desk.store.work() as work:
            work.load([Charge(key="x", account="acme", amounts=((1, 1),))], desk.now)
            inside.set()
            leave.wait(20)

    other = threading.Thread(target=linger)
    other.start()
    assert inside.wait(10)
    try:
        with pytest.raises(Busy), desk.store.work() as work:
            work.load([Charge(key="y", account="acme", amounts=((1, 1),))], desk.now)
        assert desk.store.read_wallet(desk.account(), CREDITS).balance == 10
    finally:
        leave.set()
        other.join()
    assert desk.charge(1).entries


def test_a_closed_store_says_so(desk: Desk):
    desk.grant(10)
    account = desk.account()

    desk.store.close()

    with pytest.raises(LedgerClosed), desk.store.work():
        pass
    with pytest.raises(LedgerClosed):
        desk.store.read_wallet(account, CREDITS)


def test_something_that_is_no_connection_cannot_be_joined(desk: Desk):
    with pytest.raises(Misconfigured), desk.store.work_within(object()):
        pass


def test_a_note_is_kept_beside_its_entry_which_has_only_its_digest(desk: Desk):
    note = Note(b"s" * 16, '{"why":"zoë"}'.encode())

    receipt = desk.do(Grant(key="g", account="acme", amounts=((1, 5), (2, 7)), note=note))

    assert [entry.note_digest for entry in receipt.entries] == [digest_note(*note), None]
    history = desk.store.list_history(None, None, None, None, 10)
    assert [(item.entry.unit_id, item.note) for _, item in history] == [(2, None), (1, note.body), (0, None)]


def test_entries_that_are_there_already_are_refused_whole(desk: Desk):
    desk.grant(100)
    before = take_stock(desk)
    request = Charge(key="c", account="acme", amounts=((1, 30),))

    with desk.store.work() as work:
        batch = Batch(work, [request], desk.now, desk.store.seal, provisional=False)
        batch.answer_all()
        work.save(batch.changes)
        with pytest.raises((LawBroken, DecideAgain)) as broken:
            work.save(batch.changes)

    assert name_law(broken.value) == "numbers_without_gaps"
    assert take_stock(desk) == before
    assert not desk.do(request).replayed


def test_a_key_that_is_taken_cannot_be_saved_again(desk: Desk):
    taken = desk.grant(100).entries[0].key_digest
    before = take_stock(desk)

    with desk.store.work() as work:
        batch = Batch(
            work, [Charge(key="c", account="acme", amounts=((1, 30),))], desk.now, desk.store.seal, provisional=False
        )
        batch.answer_all()
        account, entry = batch.changes.entries[0]
        batch.changes.entries[0] = account, entry._replace(key_digest=taken)
        with pytest.raises((LawBroken, DecideAgain)) as broken:
            work.save(batch.changes)

    assert name_law(broken.value) == "a_key_is_taken_once"
    assert take_stock(desk) == before

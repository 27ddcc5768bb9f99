"""What a load brings, and what it leaves in the store: `Loaded`, line by line."""

import pytest

from farthing.audit.verify import verify
from farthing.core.burndown import rank_lot
from farthing.core.decide import decide
from farthing.engine.zones import find_zone
from farthing.face.ids import write_id
from farthing.values.bounds import LOTS_AT_FIRST, NEVER
from farthing.values.names import name_number
from farthing.values.requests import (
    Charge,
    Extend,
    Hold,
    Mode,
    Place,
    Refund,
    Release,
    Request,
    ResetUsed,
    Settle,
    SetUsed,
    Tidy,
    Void,
)
from farthing.values.wallets import NeedsMore, Wallet
from tests.contract.desk import Desk, ask_refund, find_place, list_numbers

MANY = 40
CHAT = name_number("chat")


def load_wallet(desk: Desk, request: Request, unit: int = 1) -> Wallet:
    return desk.load(request).wallets[desk.account().account_id, unit]


def charge(amount: int = 1, **terms) -> Charge:
    return Charge(key="any", account="acme", amounts=((1, amount),), **terms)


def grant_many(desk: Desk, count: int = MANY) -> list[int]:
    """Many lots of 10, the later the sooner to burn; their numbers in burn-down order."""
    for place in range(count):
        desk.grant(10, priority=100 - place)
    return list(range(count, 0, -1))


def test_a_wallet_with_few_lots_is_loaded_whole(desk: Desk):
    grant_many(desk, LOTS_AT_FIRST)

    wallet = load_wallet(desk, charge())

    assert wallet.whole
    assert len(wallet.lots) == LOTS_AT_FIRST


def test_a_wallet_with_many_lots_brings_the_first_in_burn_down_order(desk: Desk):
    numbers = grant_many(desk)

    wallet = load_wallet(desk, charge())

    assert not wallet.whole
    assert list(wallet.lots) == numbers[:LOTS_AT_FIRST]
    assert wallet.unloaded == MANY - LOTS_AT_FIRST
    assert wallet.horizon == rank_lot(wallet.lots[numbers[LOTS_AT_FIRST - 1]])
    assert wallet.free == 10 * MANY


def test_burn_down_order_is_the_same_in_every_store(desk: Desk):
    later = desk.now + 1000
    terms: list[dict] = [
        {}, {"priority": 10}, {"promotional": True}, {"features": (CHAT,)}, {"expires_at": later},
        {"expires_at": later, "promotional": True}, {"expires_at": later, "features": (CHAT,)},
        {"expires_at": later - 1}, {"priority": 10, "expires_at": later},
    ]  # fmt: skip
    desk.store.intern_name("chat")
    for again in range(3):
        desk.now += again
        for term in terms:
            desk.grant(10, **term)

    partly, whole = load_wallet(desk, charge()), desk.wallet()

    assert not partly.whole
    ranked = sorted(whole.lots.values(), key=rank_lot)
    assert list(whole.lots.values()) == ranked
    assert list(partly.lots.values()) == ranked[:LOTS_AT_FIRST]


def test_empty_and_pending_lots_are_not_among_the_first(desk: Desk):
    desk.grant(10, priority=1, starts_at=desk.now + 50)
    numbers = grant_many(desk)
    desk.charge(15)

    wallet = load_wallet(desk, charge())

    assert [number - 1 for number in wallet.lots] == numbers[1 : LOTS_AT_FIRST + 1]
    assert wallet.pending == 1
    assert wallet.unloaded == MANY - 1 - LOTS_AT_FIRST


def test_a_decision_that_runs_out_asks_for_more_and_then_has_all(desk: Desk):
    numbers = grant_many(desk)
    desk.grant(10, priority=1, starts_at=desk.now + 50)
    request, account = charge(10 * MANY - 5), desk.account()

    with desk.store.work() as work:
        wallet = work.load([request], desk.now).wallets[account.account_id, 1]
        with pytest.raises(NeedsMore) as needs:
            decide(account, {1: wallet}, request, desk.now, desk.store.seal, find_zone)
        whole = work.load_whole(wallet)

    assert needs.value.unit_id == 1
    assert (whole.whole, whole.unloaded, whole.horizon) == (True, 0, ())
    assert list(whole.lots) == [MANY + 1, *numbers]
    decision = decide(account, {1: whole}, request, desk.now, desk.store.seal, find_zone)
    assert decision.wallets[1].free == 5


def test_loading_the_rest_keeps_what_earlier_requests_of_the_batch_changed(desk: Desk):
    grant_many(desk)

    small, large = desk.ask(charge(15), Charge(key="other", account="acme", amounts=((1, 10 * MANY - 20),)))

    assert not isinstance(small, Exception)
    assert not isinstance(large, Exception)
    assert desk.wallet().free == 5
    assert desk.wallet().live == 1
    assert verify(desk.store).summary == "ok"


def test_a_wallet_in_which_something_is_due_is_loaded_whole(desk: Desk):
    grant_many(desk)
    desk.grant(10, expires_in=100)

    desk.now += 99
    assert not load_wallet(desk, charge()).whole
    desk.now += 1
    wallet = load_wallet(desk, charge())

    assert wallet.whole
    assert len(wallet.lots) == MANY + 1
    desk.do(Tidy(key="tidy", account="acme", unit=1))
    assert desk.wallet().expired == 10


def test_a_named_grant_comes_with_its_wallet_wherever_it_ranks(desk: Desk):
    numbers = grant_many(desk)
    account = desk.account()
    last = Place(account.shard, account.account_id, 1, numbers[-1])

    wallet = load_wallet(desk, Void(key="v", account="acme", grant=last, grant_id=write_id("gra", last)))

    assert list(wallet.lots) == [*numbers[:LOTS_AT_FIRST], numbers[-1]]
    assert wallet.unloaded == MANY - LOTS_AT_FIRST - 1
    assert wallet.horizon == rank_lot(wallet.lots[numbers[LOTS_AT_FIRST - 1]])


def test_a_grant_that_is_over_comes_too(desk: Desk):
    numbers = grant_many(desk)
    desk.charge(10)
    account = desk.account()
    gone = Place(account.shard, account.account_id, 1, numbers[0])

    wallet = load_wallet(desk, Void(key="v", account="acme", grant=gone, grant_id=write_id("gra", gone)))

    assert wallet.lots[numbers[0]].remaining == 0
    assert wallet.unloaded == MANY - 1 - LOTS_AT_FIRST


def test_a_hold_brings_all_its_parts_and_the_lots_that_they_drew(desk: Desk):
    numbers = grant_many(desk)
    desk.grant(100, unit=2)
    held = desk.do(Hold(key="h", account="acme", amounts=((2, 5), (1, 25))))
    place, account_id = find_place(held), desk.account().account_id
    for request in (
        Settle(key="s", hold=place, hold_id=write_id("hld", place)),
        Release(key="r", hold=place, hold_id=write_id("hld", place)),
        Extend(key="e", hold=place, hold_id=write_id("hld", place), ttl=5),
    ):
        loaded = desk.load(request)

        assert loaded.hold_units == {(account_id, 2, place.number): (2, 1)}
        assert set(loaded.wallets) == {(account_id, 1), (account_id, 2)}
        part = loaded.wallets[account_id, 1]
        assert [(hold.lead_unit, hold.lead_number) for hold in part.holds.values()] == [(2, place.number)]
        assert set(numbers[:3]) <= set(part.lots)
        assert [part.lots[number].remaining for number in numbers[:3]] == [0, 0, 5]


def test_a_hold_that_ended_comes_with_its_state(desk: Desk):
    grant_many(desk)
    held = desk.hold(25)
    desk.settle(held)
    place = find_place(held)

    wallet = load_wallet(desk, Settle(key="s", hold=place, hold_id=write_id("hld", place)))

    assert [(hold.settled, hold.covered) for hold in wallet.holds.values()] == [(25, 0)]


def test_a_place_that_names_nothing_brings_nothing(desk: Desk):
    desk.grant(100)
    granted = find_place(desk.grant(1))
    account = desk.account()
    for place in (
        granted,
        granted._replace(number=77),
        granted._replace(unit_id=9),
        granted._replace(account_id=77),
        find_place(desk.hold(1))._replace(shard=(account.shard + 1) % 64),
    ):
        loaded = desk.load(Settle(key="s", hold=place, hold_id="hld"), Refund(key="r", charge=place, charge_id="rct"))

        assert loaded.hold_units == {}
        assert [entry.kind for past in loaded.past.values() for entry in past] in ([], [10])
        refusals = desk.ask(Settle(key="s", hold=place, hold_id="hld"), Refund(key="r", charge=place, charge_id="rct"))
        assert [type(refusal).__name__ for refusal in refusals] == ["HoldNotFound", "ChargeNotFound"]


def test_open_holds_come_by_the_name_that_a_hold_asks_for(desk: Desk):
    grant_many(desk)
    names = {text: desk.store.intern_name(text) for text in ("draft", "final", "spare")}
    desk.settle(desk.hold(1, name=names["draft"], name_text="draft"))
    for text in ("draft", "final"):
        desk.hold(1, name=names[text], name_text=text)

    for text, expected in (("draft", [names["draft"]]), ("spare", [])):
        wallet = load_wallet(desk, Hold(key="h", account="acme", amounts=((1, 1),), name=names[text], name_text=text))
        assert [hold.name for hold in wallet.holds.values() if hold.name == names[text]] == expected
    assert load_wallet(desk, Hold(key="h", account="acme", amounts=((1, 1),))).holds == {}


def test_setting_the_used_count_brings_every_lot_that_has_not_expired(desk: Desk):
    desk.store.intern_name("plan")
    desk.grant(10, priority=1, expires_in=5)
    desk.now += 5
    numbers = grant_many(desk)
    desk.charge(30)
    for request in (SetUsed(key="s", account="acme", amounts=((1, 3),)), ResetUsed(key="r", account="acme", unit=1)):
        wallet = load_wallet(desk, request)

        assert wallet.whole
        assert [number for number in wallet.lots if number > 2] == [number + 2 for number in numbers]
        assert sum(1 for lot in wallet.lots.values() if not lot.remaining) == 3


def test_unpaid_debts_and_open_holds_come_when_the_rest_is_loaded(desk: Desk):
    desk.grant(10)
    for _ in range(3):
        desk.charge(10, mode=Mode.RECORD)
    desk.hold(0)

    with desk.store.work() as work:
        wallet = work.load([charge()], desk.now).wallets[desk.account().account_id, 1]
        whole = work.load_whole(wallet)

    assert [debt.remaining for debt in whole.debts.values()] == [10, 10]
    assert len(whole.holds) == 1
    assert wallet.unloaded == 0


def test_a_replay_brings_the_first_receipt_as_it_was_written(desk: Desk):
    desk.grant(100, expires_in=50)
    desk.grant(100, unit=2)
    desk.now += 60
    request = Charge(key="mine", account="acme", amounts=((2, 3), (1, 0)))
    first = desk.do(request)
    desk.charge(5, unit=2)

    (replays,) = desk.load(request).replays.values()
    again = desk.do(request)

    assert [entry.lead_unit for entry in first.entries] == [2, 2]
    assert replays == first.entries == again.entries
    assert (first.replayed, again.replayed) == (False, True)
    assert desk.wallet().expired == 100


def test_a_key_belongs_to_one_account(desk: Desk):
    for account in ("acme", "other"):
        desk.grant(10, account=account)
        assert not desk.do(Charge(key="same", account=account, amounts=((1, 1),))).replayed


def test_the_same_key_for_another_request_is_refused(desk: Desk):
    desk.grant(10)
    desk.do(charge(1))

    answer = desk.ask(charge(2))[0]

    assert type(answer).__name__ == "KeyReused"
    assert desk.wallet().balance == 9


def test_a_refused_request_takes_no_key(desk: Desk):
    desk.grant(10)
    assert isinstance(desk.ask(charge(20))[0], Exception)
    desk.grant(10)

    assert not desk.do(charge(20)).replayed


def past_of(desk: Desk, request: Refund) -> list[tuple[int, int]]:
    """(unit, number) of what is loaded as the past of one refund."""
    (past,) = desk.load(request).past.values()
    return list_numbers(past)


def test_the_past_of_a_charge_is_its_receipt_and_what_was_given_back(desk: Desk):
    desk.grant(100)
    desk.grant(100, unit=2)
    charged = desk.do(Charge(key="c", account="acme", amounts=((2, 30), (1, 20))))
    desk.charge(1)

    assert past_of(desk, ask_refund("r", charged)) == [(2, 2), (1, 2)]
    desk.refund(charged, (1, 5))
    desk.charge(1)
    desk.refund(charged, (2, 6), (1, 7))

    assert past_of(desk, ask_refund("r", charged)) == [(2, 2), (1, 2), (1, 4), (1, 6), (2, 3)]


def test_the_past_of_a_hold_and_of_its_settles_is_all_that_was_settled(desk: Desk):
    desk.grant(100)
    held = desk.hold(50)
    first = desk.settle(held, (1, 10), final=False)
    last = desk.settle(held, (1, 20))
    desk.refund(held, (1, 1))

    by_hold = past_of(desk, ask_refund("r", held))
    by_first, by_last = past_of(desk, ask_refund("r", first)), past_of(desk, ask_refund("r", last))

    assert by_hold == [(1, 2), (1, 3), (1, 4), (1, 5)]
    assert by_first == [(1, 3), (1, 4), (1, 5)]
    assert by_last == [(1, 4), (1, 3), (1, 5)]


def test_a_refund_brings_lots_and_debts_that_are_over_and_whoever_paid_them(desk: Desk):
    desk.grant(10)
    charged = desk.charge(30, mode=Mode.RECORD)
    payers = [desk.grant(10).entries[0].number, desk.grant(10).entries[0].number]
    numbers = grant_many(desk)
    assert desk.wallet().debt == 0

    wallet = load_wallet(desk, ask_refund("r", charged))

    assert not wallet.whole
    assert [debt.payers for debt in wallet.debts.values()] == [((payers[0], 10), (payers[1], 10))]
    assert {1, *payers} <= set(wallet.lots)
    assert len(wallet.lots) == LOTS_AT_FIRST + 3
    assert len(numbers) == MANY
    desk.refund(charged)
    assert [desk.wallet().lots[number].remaining for number in (1, *payers)] == [10, 10, 10]
    assert verify(desk.store).summary == "ok"


def test_a_lot_that_never_ends_and_one_that_does_are_loaded_alike(desk: Desk):
    desk.grant(10)
    desk.grant(10, expires_in=5)

    assert [lot.expires_at for lot in desk.wallet().lots.values()] == [desk.now + 5, NEVER]

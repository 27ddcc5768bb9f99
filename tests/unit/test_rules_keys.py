"""Rule 28: what a key does, as far as core says. That it is looked up under the lock, the engine's tests show."""

import pytest

from farthing.core.decide import find_replay
from farthing.values.errors import InsufficientCredits, KeyReused
from farthing.values.requests import UNSAID, Charge, Grant, Hold, Mode, Note, Record, Refund, Release, Settle
from tests.unit.desk import CREDITS, GENERATIONS, Desk, tell


def charge(amount=5, **fields):
    return Charge(key="k", account="acme", amounts=((1, amount),), **fields)


def funded_desk():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 10)])
    return desk


def test_rule_28_the_same_again_answers_the_first_receipt_word_for_word():
    desk = funded_desk()
    first = desk.ask(charge())
    desk.charge(3)

    again = desk.ask(charge())

    assert again is first
    assert (again.balance_after, desk.wallet.balance) == (5, 2)


def test_rule_28_a_replay_is_known_before_the_balance_is_looked_at():
    desk = funded_desk()
    first = desk.ask(charge(10))

    assert desk.ask(charge(10)) is first


def test_rule_28_a_replay_is_known_before_the_state_of_the_hold_is_looked_at():
    desk = funded_desk()
    hold = desk.hold(5)
    first = desk.settle(hold, 3, key="s")

    assert desk.settle(hold, 3, key="s") is first


def test_rule_28_a_refused_request_does_not_take_the_key():
    desk = funded_desk()
    with pytest.raises(InsufficientCredits):
        desk.ask(charge(15))
    desk.grant(5)

    assert desk.ask(charge(15)).amount == 15


@pytest.mark.parametrize(
    "later",
    [
        charge(effective_at=1),
        charge(note=Note(b"salt", b'{"chat":1}')),
        charge(about=UNSAID._replace(provider_cost_nanos=7, duration_ms=9, success=0, actor=4, api_key=5)),
    ],
    ids=["time", "metadata", "what became of the work"],
)
def test_rule_28_requests_are_compared_without_time_and_metadata(later):
    desk = funded_desk()
    first = desk.ask(charge())

    assert desk.ask(later) is first


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (charge(6), "amount"),
        (charge(feature=3), "feature"),
        (charge(mode=Mode.ALL_AVAILABLE), "other terms"),
        (charge(about=UNSAID._replace(model=3)), "other terms"),
        (charge(about=UNSAID._replace(tokens_in=3)), "other terms"),
        (Charge(key="k", account="acme", amounts=((1, 5), (2, 1))), "other terms"),
        (Charge(key="k", account="acme", amounts=((2, 5),)), "amount"),
        (Grant(key="k", account="acme", amounts=((1, 5),)), "kind: it was charged"),
        (Hold(key="k", account="acme", amounts=((1, 5),)), "kind: it was charged"),
    ],
    ids=["amount", "feature", "mode", "model", "tokens", "a unit more", "another unit", "a grant", "a hold"],
)
def test_rule_28_another_request_under_the_key_is_refused_and_told_where_it_differs(other, difference):
    desk = funded_desk()
    desk.ask(charge())

    with pytest.raises(KeyReused) as refused:
        desk.ask(other)

    assert tell(refused, "differs_in", "key") == (difference, "k")
    assert refused.value.first_seen_at.timestamp() * 1_000_000 == desk.now


def test_rule_28_a_settle_at_another_amount_or_of_another_hold_is_another_request():
    desk = funded_desk()
    one, other = desk.hold(3), desk.hold(3)
    desk.settle(one, 2, key="s")

    for again in ((one, 1), (other, 2)):
        with pytest.raises(KeyReused):
            desk.settle(*again, key="s")


@pytest.mark.parametrize("mode", [Mode.STRICT, Mode.RECORD])
def test_rule_28_a_charge_in_another_mode_than_a_recorded_one_is_another_request(mode):
    desk = funded_desk()
    desk.ask(charge(mode=Mode.RECORD))

    if mode == Mode.RECORD:
        assert desk.ask(charge(mode=mode)).amount == 5
    else:
        with pytest.raises(KeyReused, match="other terms"):
            desk.ask(charge(mode=mode))


def test_rule_28_one_key_for_a_record_and_a_charge_is_reused():
    desk = funded_desk()
    desk.ask(Record(key="k", account="acme", amounts=((1, 5),)))

    with pytest.raises(KeyReused):
        desk.ask(charge())


def test_rule_28_without_an_earlier_receipt_nothing_is_a_replay():
    assert find_replay(charge(), []) is False


def test_rule_28_every_kind_of_request_says_what_is_compared():
    desk = funded_desk()
    hold = desk.place(1)
    requests = [
        Settle(key="k", hold=hold, hold_id="h", amounts=((1, 1),)),
        Settle(key="k", hold=hold, hold_id="h", amounts=((1, 1),), final=False),
        Settle(key="k", hold=hold, hold_id="h", amounts=((1, 1),), policy=2),
        Release(key="k", hold=hold, hold_id="h"),
        Refund(key="k", charge=hold, charge_id="h"),
        Refund(key="k", charge=hold, charge_id="h", up_to=True),
        Hold(key="k", account="acme", amounts=((1, 1),)),
        Hold(key="k", account="acme", amounts=((1, 1),), ttl=1),
        Hold(key="k", account="acme", amounts=((1, 1),), name=1),
        Grant(key="k", account="acme", amounts=((1, 1),)),
        Grant(key="k", account="acme", amounts=((1, 1),), priority=1),
        Grant(key="k", account="acme", amounts=((1, 1),), expires_in=1),
        Grant(key="k", account="beta", amounts=((1, 1),)),
        charge(),
    ]

    assert len({request.digests()[1] for request in requests}) == len(requests)
    assert len({request.digests()[0] for request in requests}) == 1

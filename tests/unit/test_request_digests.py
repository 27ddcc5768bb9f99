"""What is remembered of a request under its key, for 400 days and over every release: these digests never change.

A field that joins a request later must leave the digest of requests that do not use it as it is.
"""

from dataclasses import fields, replace
from typing import Any

import pytest

from farthing.values.names import name_number
from farthing.values.requests import (
    About,
    Adjust,
    Charge,
    Close,
    Configure,
    Extend,
    Forgive,
    Freeze,
    Grant,
    Hold,
    Import,
    Mode,
    Note,
    Open,
    Place,
    Priced,
    Record,
    Refund,
    Release,
    Request,
    ResetUsed,
    Settle,
    SetUsed,
    Tidy,
    Unfreeze,
    Void,
)
from farthing.values.standing_requests import (
    Advance,
    Allow,
    ChangeAllowance,
    ChangeBudget,
    Clawback,
    DeclineTopUp,
    EndAllowance,
    EndBudget,
    EndPeriod,
    Reschedule,
    SetBudget,
    SetPeriodEnd,
    Subscribe,
    Together,
)
from farthing.values.subscriptions import Subscription

ACME = "acme"
TWO = ((1, 2_500_000), (2, 1))
CHAT, PROMO = name_number("chat"), name_number("promo")
PLACE = Place(50, 7, 1, 3)
STEP = Subscription(0, 1, "basic", 4, 1, 5, "UTC", 5, 0, 5, 9, 9, 1, "", 0, "free", 2, 1500, PROMO, 9, 0, 0)

REQUESTS: dict[str, Request] = {
    "open": Open(key="k", account=ACME, zone="Europe/Rome"),
    "grant": Grant(key="k", account=ACME, amounts=TWO),
    "grant with terms": Grant(
        key="k", account=ACME, amounts=TWO, source=PROMO, priority=10, features=(CHAT,), promotional=True,
        expires_in=86_400_000_000, cost_minor=4900, currency=name_number("EUR"),
    ),
    "import": Import(key="k", account=ACME, amounts=TWO, expires_at=1_750_000_000_000_000),
    "charge": Charge(key="k", account=ACME, amounts=TWO, feature=CHAT),
    "charge all available": Charge(key="k", account=ACME, amounts=TWO, mode=Mode.ALL_AVAILABLE),
    "record": Record(key="k", account=ACME, amounts=TWO, feature=CHAT),
    "hold": Hold(key="k", account=ACME, amounts=TWO, feature=CHAT, ttl=60_000_000, name=PROMO, name_text="promo"),
    "extend": Extend(key="k", hold=PLACE, hold_id="hld_248k41r10ctg", ttl=60_000_000),
    "settle": Settle(key="k", hold=PLACE, hold_id="hld_248k41r10ctg", amounts=TWO, final=False, policy=1),
    "release": Release(key="k", hold=PLACE, hold_id="hld_248k41r10ctg"),
    "refund": Refund(key="k", charge=PLACE, charge_id="rct_248k41r10cXX", amounts=TWO, up_to=True),
    "void": Void(key="k", account=ACME, amounts=TWO),
    "void a grant": Void(key="k", account=ACME, grant=PLACE, grant_id="gra_248k41r10cXX", up_to=True),
    "forgive": Forgive(key="k", account=ACME, owed=((1, None),)),
    "adjust": Adjust(key="k", account=ACME, amounts=((1, -5),)),
    "set used": SetUsed(key="k", account=ACME, amounts=TWO),
    "reset used": ResetUsed(key="k", account=ACME, unit=1),
    "configure": Configure(key="k", account=ACME, unit=1, terms=((1, 50),)),
    "freeze": Freeze(key="k", account=ACME),
    "unfreeze": Unfreeze(key="k", account=ACME),
    "close": Close(key="k", account=ACME),
    "tidy": Tidy(key="k", account=ACME, unit=1),
    "grant until the turn": Grant(key="k", account=ACME, amounts=TWO, until_turn="plan"),
    "grant that extends": Grant(key="k", account=ACME, amounts=TWO, extends=True, top_up=7),
    "configure alerts": Configure(key="k", account=ACME, unit=1, terms=(), alerts=(10, 0), top_up=((1, 1),)),
    "allow": Allow(key="k", account=ACME, unit=1, name="plan", amount=100, every=4),
    "allow until": Allow(key="k", account=ACME, unit=1, name="plan", amount=100, every=4, until=9),
    "allow instead": Allow(
        key="k", account=ACME, unit=1, name="plan", amount=100, every=4, instead_of="free", change_mode=2
    ),
    "change allowance until": ChangeAllowance(key="k", account=ACME, unit=1, name="plan", until=0),
    "subscribe": Subscribe(key="k", account=ACME, expected=3, subscription=STEP),
    "together": Together(key="k", account=ACME, said=("subscribe", "basic"), requests=(Freeze(key="k"),)),
    "change allowance": ChangeAllowance(key="k", account=ACME, unit=1, name="plan", amount=200, mode=2),
    "end allowance": EndAllowance(key="k", account=ACME, unit=1, name="plan"),
    "end period": EndPeriod(key="k", account=ACME, unit=1, name="plan"),
    "set period end": SetPeriodEnd(key="k", account=ACME, unit=1, name="plan", ends_at=5),
    "set budget": SetBudget(key="k", account=ACME, unit=1, name="chat", most=50, every=2),
    "change budget": ChangeBudget(key="k", account=ACME, unit=1, name="chat", most=60),
    "end budget": EndBudget(key="k", account=ACME, unit=1, name="chat"),
    "clawback": Clawback(key="k", grant=PLACE, grant_id="gra_248k41r10cXX", money=123),
    "reschedule": Reschedule(key="k", account=ACME, unit=1, expires_at=99),
    "decline top-up": DeclineTopUp(key="k", account=ACME, unit=1, top_up=7),
    "advance": Advance(key="k", account=ACME, by=5, unit_ids=(1,)),
}  # fmt: skip

DIGESTS = {
    "open": "b523a321c3be8821789a97906c50bcea",
    "grant": "42343a629f42eadab9cd9aff7bea6cb9",
    "grant with terms": "03cf0760173d50e03e758ce63cdd3f94",
    "import": "cc8fa0d8188972c430770bcb29224921",
    "charge": "bc74219b0490b5d0feb22acc9508cab9",
    "charge all available": "111f01a0b55eace7b3bad065bd8b411d",
    "record": "3e2f79502093344acc05d98f04826f7f",
    "hold": "9a45e6c3578fecceceda9d45cc20c8a0",
    "extend": "46db015ad0f70967bc4daa2b6c21c67b",
    "settle": "ea331d930cd3335f18a04accd1b56bed",
    "release": "0af9217f0b8049aa46a451398790e182",
    "refund": "49394d961d7b0b2bb83a1b04d1bf316f",
    "void": "11ec21ab05f6cc9706af715f16249ae9",
    "void a grant": "0bdd9667e9f0da7b3e44658c76f03219",
    "forgive": "22e1171b266c5721ab35b5a6906863ec",
    "adjust": "63a0ab24c52c3e5c8a0165a30a856147",
    "set used": "3c7f077a144cce7059b7503292b1ea73",
    "reset used": "fa8a49cd3c925c6ca55921e1f726dc1c",
    "configure": "08173b38ee4dc4a05c0f2a87209784e1",
    "freeze": "999222ebd9ff7feaa5a3c4f11472b7b2",
    "unfreeze": "9b328ba12c32f8954a332964cdb05db2",
    "close": "48925f4b869b894c05ce002b88726fcf",
    "tidy": "a5626c8e55b3a421a8ab7a1ecd728f45",
    "grant until the turn": "61de751c49fd4f9cb5d82179bc9af789",
    "grant that extends": "1bd515785010afeca9fc9e3c386a382b",
    "configure alerts": "9ca502585df64f069cbf2e91bf8c35cc",
    "allow": "63a6cc6158986f90b3e6fdce768baf6a",
    "allow until": "35469734060ecddbd179248b7936447a",
    "allow instead": "1bf7af5826abadce97c46a13d97e73ac",
    "change allowance until": "ae30f23be22fea8aa77af6cc98fc1a86",
    "subscribe": "e2777bcc8edb6086c025ac496ce63358",
    "together": "f3465468685c61e9a3364450b72663a7",
    "change allowance": "2d1aa44f0d2bab27ae307a742b894c93",
    "end allowance": "903ce6dc3842bb1f46e24e78245e81fb",
    "end period": "49627779482de65c1284bee7fbf3dd2f",
    "set period end": "c45f40fa73581609fdac116d3c53760e",
    "set budget": "8a3245e3fb3af7dfdea592225bfe2ed4",
    "change budget": "94fb147b52f400e67af2792ab5569e13",
    "end budget": "e831cfbabe9716b7b88573942f541cc8",
    "clawback": "9e0a7eaa3ef344c1aa96e753ad9a95e1",
    "reschedule": "5f4a90d34ecbb93a468bab4d35702569",
    "decline top-up": "c137b5a8bfdefaa6d239c03ee8d4d39b",
    "advance": "bd92ec446474cdad02aab738a6434be2",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_has_the_same_digest_for_ever(name: str):
    assert REQUESTS[name].digests()[1].hex() == DIGESTS[name]


def test_fields_that_came_later_are_not_in_the_digest_of_who_does_not_use_them():
    for name, later in (
        ("allow", {"until": 0, "instead_of": "", "change_mode": 0}),
        ("change allowance", {"until": None}),
    ):
        assert replace(REQUESTS[name], **later).digests()[1].hex() == DIGESTS[name]


@pytest.mark.parametrize("name", ["grant", "charge", "record", "hold", "settle"])
def test_what_a_catalog_priced_is_compared_by_what_the_caller_said(name):
    request: Any = REQUESTS[name]
    first, other = (replace(request, priced=Priced(("image", n))).digests()[1] for n in (10, 11))

    later = replace(request, priced=Priced(("image", 10)), amounts=((1, 7),), catalog_version=9)

    assert later.digests()[1] == first
    assert len({first, other, request.digests()[1]}) == 3


def test_several_as_one_are_compared_by_what_the_caller_said():
    together: Any = REQUESTS["together"]

    assert replace(together, requests=()).digests()[1] == together.digests()[1]
    assert replace(together, said=("subscribe", "pro")).digests()[1] != together.digests()[1]


def list_kinds(kind: type[Request]) -> set[str]:
    """The kinds of request, which have a verb, and not those that only have something in common."""
    found = {kind.__name__} if hasattr(kind, "asked") else set()
    return found.union(*map(list_kinds, kind.__subclasses__()))


def test_every_kind_of_request_is_here():
    assert {type(request).__name__ for request in REQUESTS.values()} == list_kinds(Request)
    assert len(set(DIGESTS.values())) == len(REQUESTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_times_costs_and_notes_are_not_compared(name: str):
    request = REQUESTS[name]
    about = About(actor=CHAT, api_key=PROMO, provider_cost_nanos=5, duration_ms=9, success=1)

    other = replace(request, effective_at=5, note=Note(b"s" * 16, b"{}"), about=about)

    assert other.digests()[1] == request.digests()[1]


@pytest.mark.parametrize("name", REQUESTS)
def test_who_and_how_much_is_compared(name: str):
    request = REQUESTS[name]
    others = [replace(request, account="other")]
    others += [replace(request, about=about) for about in (About(model=CHAT), About(member=PROMO), About(tokens_in=9))]
    names: set[str] = {field.name for field in fields(request)}
    amounts: Any = ((1, 9),)
    others += [replace(request, **{name: amounts}) for name in ("amounts", "owed", "terms") if name in names]

    digests = {other.digests()[1] for other in [request, *others]}

    assert len(digests) == len(others) + 1

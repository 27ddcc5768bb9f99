"""What is remembered of a request under its key, for 400 days and over every release: these digests never change.

A field that joins a request later must leave the digest of requests that do not use it as it is.
"""

from dataclasses import fields, replace
from typing import Any

import pytest

from farthing.core.ids import Place
from farthing.core.names import name_number
from farthing.core.requests import (
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

ACME = "acme"
TWO = ((1, 2_500_000), (2, 1))
CHAT, PROMO = name_number("chat"), name_number("promo")
PLACE = Place(50, 7, 1, 3)

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
}  # fmt: skip

DIGESTS = {
    "open": "81cbc5e75fe3372e4c0bc597ab9e736d",
    "grant": "555efe6f0fc69a906037f736e9009010",
    "grant with terms": "20fbfbf4d3527123ac18a3985ab45499",
    "import": "9501e771c7b766df0f3589cccdb1484e",
    "charge": "92415c431c5c2fd947a8ed248bc33f6b",
    "charge all available": "cf4691b0bfb2aa0ea704c70583bee00a",
    "record": "9cf04d39f57af60c68e76e8b686c0186",
    "hold": "7ac6cfd173fce70fb72ccd4d21c15b28",
    "extend": "1d51a5505d19df70eb6b234449230840",
    "settle": "9969e4aa22a97f735cf51b8c9f554e48",
    "release": "cdbf9335fb829a63e42963dbe2cc2ab1",
    "refund": "2ef65529f06ad2f56c3fe748f2974618",
    "void": "e7c2a07c962643cd002066f6c855af8b",
    "void a grant": "d9a38e37194f2a7e159c0f27263685f9",
    "forgive": "48241e8ab243e308e0ad59f1775803cc",
    "adjust": "d60dc42764eb9e875627ff0faeff42ba",
    "set used": "c6ae47ee28bd7c4dc89e16ab3d81aa0f",
    "reset used": "0e86687ee5f624629fbf75ebdcd720d7",
    "configure": "7935dfbe06bf8d73bd728d55bda3b6b7",
    "freeze": "c722e848e20186d22a5c702b8ac4d3db",
    "unfreeze": "841fad9e41bbf11b5991577c4ecd1c6c",
    "close": "1944363e6ea6fc2a53eb59e792fae2a5",
    "tidy": "7d5ebc43c06887174d8f76864b7bad55",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_has_the_same_digest_for_ever(name: str):
    assert REQUESTS[name].digests()[1].hex() == DIGESTS[name]


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

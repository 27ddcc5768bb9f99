"""Automatic top-ups: when to ask for a purchase, how much of it, and what follows when it comes to nothing."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Unpack

from farthing.face.desk import Desk
from farthing.face.ids import read_id
from farthing.face.options import Amount, Name, Said, read_claim, read_said
from farthing.values.amounts import Unit, read_amount, to_decimal
from farthing.values.bounds import LONGEST_BACK_OFF
from farthing.values.calendars import ONE
from farthing.values.errors import TermInvalid, TimeInvalid, show_given
from farthing.values.names import read_account
from farthing.values.requests import Place
from farthing.values.standing_requests import DeclineTopUp
from farthing.values.wallets import TopUp as Rule

HOUR: Final = timedelta(hours=1)
FIELDS: Final = {name: place for place, name in enumerate(Rule._fields, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """When to buy more by itself. A purchase is asked for by an alert (`kind` top_up); whoever takes payments makes it,
    grants the credits with `top_up=alert.id`, or says `decline_top_up`. One is under way at a time."""

    threshold: Amount
    """At or below this, overdraft not counted, more is bought; it may be negative."""
    quantity: Amount = 0
    """What one purchase buys."""
    target: Amount | None = None
    """Buy as much as leads up to this instead."""
    whole_gap: bool = True
    """Buy as many times the quantity at once as lead above the threshold."""
    min_purchase: Amount = 0
    """The least that is bought."""
    per_day: Amount | None = None
    """The most that is bought in a day of the account's calendar; None for no cap."""
    per_month: Amount | None = None
    back_off: timedelta = HOUR
    """How long to wait after a decline; twice as long each time, and 30 days at most."""
    on: bool = True
    """Whether it is on; False keeps the rule for later."""


def read_top_up(rule: object, unit: Unit) -> tuple[tuple[int, int], ...]:
    """A rule as a request keeps it: (field number, value). False turns it off, and leaves the rest as it was.

    Raises `TermInvalid`, `AmountInvalid`, `TimeInvalid`.
    """
    if rule is False:
        return ((FIELDS["is_on"], 0),)
    if not isinstance(rule, TopUp):
        advice = "write farthing.TopUp(threshold=10, quantity=50), or False"
        raise TermInvalid(what="top_up", given=show_given(rule), problem="is no rule", advice=advice)
    values = {
        "is_on": int(bool(read_claim(rule.on, "top_up on"))),
        "threshold": read_amount(rule.threshold, unit, what="top_up threshold", signed=True),
        "quantity": read_amount(rule.quantity, unit, what="top_up quantity"),
        "target": read_limit(rule.target, unit, "top_up target", "leave it out to buy by the quantity"),
        "whole_gap": int(bool(read_claim(rule.whole_gap, "top_up whole_gap"))),
        "least": read_amount(rule.min_purchase, unit, what="top_up min_purchase"),
        "most_per_day": read_limit(rule.per_day, unit, "top_up per_day", "write None for no cap, or on=False"),
        "most_per_month": read_limit(rule.per_month, unit, "top_up per_month", "write None for no cap, or on=False"),
        "back_off": read_back_off(rule.back_off),
    }
    return tuple((FIELDS[name], value) for name, value in values.items())


def read_limit(value: object, unit: Unit, what: str, advice: str) -> int:
    """An amount above zero; zero inside stands for none. Raises `TermInvalid`, `AmountInvalid`."""
    if value is None:
        return 0
    parts = read_amount(value, unit, what=what)
    if not parts:
        raise TermInvalid(what=what, given=show_given(value), problem="is zero", advice=advice)
    return parts


def read_back_off(length: object) -> int:
    """Microseconds of a timedelta from zero. Raises `TimeInvalid`."""
    if not isinstance(length, timedelta) or not 0 <= length // ONE <= LONGEST_BACK_OFF:
        advice = f"write a timedelta from zero to {LONGEST_BACK_OFF * ONE // timedelta(days=1)} days"
        raise TimeInvalid(what="top_up back_off", given=show_given(length), problem="is out of bounds", advice=advice)
    return length // ONE


def show_top_up(rule: Rule, unit: Unit) -> TopUp | None:
    """The rule of a wallet in words; None where there never was one."""
    if not (rule.quantity or rule.target):
        return None
    return TopUp(
        threshold=to_decimal(rule.threshold, unit),
        quantity=to_decimal(rule.quantity, unit),
        target=to_decimal(rule.target, unit) if rule.target else None,
        whole_gap=bool(rule.whole_gap),
        min_purchase=to_decimal(rule.least, unit),
        per_day=to_decimal(rule.most_per_day, unit) if rule.most_per_day else None,
        per_month=to_decimal(rule.most_per_month, unit) if rule.most_per_month else None,
        back_off=rule.back_off * ONE,
        on=bool(rule.is_on),
    )


def find_purchase(desk: Desk, account: str, top_up: str) -> Place:
    """Where the alert stands that asked for a purchase. Raises `IdInvalid`, and `TermInvalid` for another account's."""
    place = read_id(top_up, "ent")
    known = desk.store.find_account(account)
    if not desk.has_unit(place.unit_id) or (known is not None and known.account_id != place.account_id):
        problem, advice = f"is no purchase that {account} asked for", "pass the id of its alert (alert.id)"
        raise TermInvalid(what="top_up", given=show_given(top_up), problem=problem, advice=advice)
    return place


def build_decline_top_up(desk: Desk, account: Name, top_up: str, **said: Unpack[Said]) -> DeclineTopUp:
    """Say that an automatic purchase came to nothing, by the id of the alert that asked for it (`alert.id`).

    The next waits for the rule's back-off, twice as long each time, and what it would have bought counts for no cap.
    Said of one that is not under way (it came, or was declined), it changes nothing.
    Raises `TermInvalid`, `IdInvalid`, `AccountNotFound`, `KeyReused`.
    """
    name = read_account(account)
    place = find_purchase(desk, name, top_up)
    told = read_said(desk, "decline_top_up", said)
    return DeclineTopUp(account=name, unit=place.unit_id, top_up=place.number, **told)

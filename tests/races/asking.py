"""Requests in few words for the tests of the engine: unit 1, whole smallest parts, the account acme."""

from farthing.engine.tickets import Outcome
from farthing.face.ids import write_id
from farthing.values.requests import Charge, Grant, Hold, Mode, Place, Record, Refund, Release, Settle

UNIT = 1


def grant(key: str, amount: int, account: str = "acme", **more: object) -> Grant:
    return Grant(key=key, account=account, amounts=((UNIT, amount),), **more)  # type: ignore[arg-type]


def charge(key: str, amount: int, account: str = "acme", mode: Mode = Mode.STRICT) -> Charge:
    return Charge(key=key, account=account, amounts=((UNIT, amount),), mode=mode)


def record(key: str, amount: int, account: str = "acme") -> Record:
    return Record(key=key, account=account, amounts=((UNIT, amount),))


def hold(key: str, amount: int, account: str = "acme", ttl: int | None = None) -> Hold:
    return Hold(key=key, account=account, amounts=((UNIT, amount),), ttl=ttl)


def place_of(outcome: Outcome) -> Place:
    first = outcome.entries[0]
    return Place(outcome.account.shard, outcome.account.account_id, first.lead_unit, first.lead_number)


def settle(key: str, held: Outcome, amount: int) -> Settle:
    place = place_of(held)
    return Settle(key=key, hold=place, hold_id=write_id("hld", place), amounts=((UNIT, amount),))


def release(key: str, held: Outcome) -> Release:
    place = place_of(held)
    return Release(key=key, hold=place, hold_id=write_id("hld", place))


def refund(key: str, charged: Outcome, amount: int | None = None) -> Refund:
    place = place_of(charged)
    amounts = () if amount is None else ((UNIT, amount),)
    return Refund(key=key, charge=place, charge_id=write_id("rct", place), amounts=amounts)

"""What a batch needs from a store, worked out once for every dialect: pure, no I/O, no SQL.

A store resolves `keys` and `ids` to accounts first; all the rest is by account id (`Needs.locate`). The rules of
partial loading stand here too, so that every store loads the same.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from farthing.core.burndown import rank_lot
from farthing.store.contract import LeadKey, WalletKey
from farthing.values.bounds import LOTS_AT_FIRST
from farthing.values.entries import (
    CHARGES,
    AllowanceField,
    BudgetField,
    Effect,
    Entry,
    HoldField,
    Kind,
    LotField,
    SubscriptionField,
    unpack_effects,
)
from farthing.values.requests import (
    UNSAID,
    Charge,
    Grant,
    Hold,
    NamesHold,
    Place,
    Record,
    Refund,
    Request,
    ResetUsed,
    SetUsed,
    Tidy,
    Void,
)
from farthing.values.standing_requests import (
    Advance,
    Allow,
    Clawback,
    NamesAllowance,
    NamesGrant,
    Reschedule,
    SetBudget,
    Together,
)
from farthing.values.wallets import Account, Lot, Wallet
from farthing.values.wallets import Hold as HoldRow

SHARDS: Final = 64
"""Into how many shards accounts are hashed, for ever."""

T = TypeVar("T")

Owner = str | int
"""Whose a need is: an account's key as the request writes it, or the account id in the place that it names."""


@dataclass(slots=True)
class Needs:
    """What the requests of a batch ask a store for, in the order in which it was first asked.

    `keys`: account key → whether a request may open it. `ids`: accounts named by a place only.
    The rest is by owner: `units` named outright (NEW accounts need unit 0 as well), `digests` of keys to look up,
    `names` of open holds to look for, `grants` (unit, number) of lots to load, `unexpired` units of which every lot
    that has not expired is wanted, empty ones too (for whatever is in `ALL_WANTED`: those wallets are loaded whole),
    `budgeting` units that are to get a budget, or may get a counter of a price. `subscribed` are those of whom the last
    step of the subscription is wanted. `holds`, `charges` and `clawed` are the places that NamesHold, Refund and
    Clawback requests name.
    """

    keys: dict[str, bool] = field(default_factory=dict)
    ids: dict[int, None] = field(default_factory=dict)
    units: dict[Owner, set[int]] = field(default_factory=dict)
    digests: dict[Owner, set[bytes]] = field(default_factory=dict)
    names: dict[Owner, set[int]] = field(default_factory=dict)
    grants: dict[Owner, set[tuple[int, int]]] = field(default_factory=dict)
    unexpired: dict[Owner, set[int]] = field(default_factory=dict)
    budgeting: dict[Owner, set[int]] = field(default_factory=dict)
    subscribed: dict[Owner, None] = field(default_factory=dict)
    holds: dict[Place, None] = field(default_factory=dict)
    charges: dict[Place, None] = field(default_factory=dict)
    clawed: dict[Place, None] = field(default_factory=dict)

    def locate(self, accounts: Mapping[str | int, Account]) -> "Located":
        """The same by account id, once `accounts` (by key and by id) is known; needs of unknown ones are dropped."""
        found = Located()
        join_sets(self.units, found.units, accounts)
        join_sets(self.digests, found.digests, accounts)
        join_sets(self.names, found.names, accounts)
        join_sets(self.grants, found.grants, accounts)
        join_sets(self.unexpired, found.unexpired, accounts)
        join_sets(self.budgeting, found.budgeting, accounts)
        known = [accounts[owner].account_id for owner in self.subscribed if owner in accounts]
        found.subscribed = dict.fromkeys(known)
        for places, kept in ((self.holds, found.holds), (self.charges, found.charges), (self.clawed, found.clawed)):
            for place in places:
                account = accounts.get(place.account_id)
                if account is not None and account.shard == place.shard:
                    kept[place] = None
        return found


@dataclass(slots=True)
class Located:
    """Needs by account id; see `Needs`. A store adds to units, grants, debts what holds and charges lead to."""

    units: dict[int, set[int]] = field(default_factory=dict)
    digests: dict[int, set[bytes]] = field(default_factory=dict)
    names: dict[int, set[int]] = field(default_factory=dict)
    grants: dict[int, set[tuple[int, int]]] = field(default_factory=dict)
    debts: dict[int, set[tuple[int, int]]] = field(default_factory=dict)
    unexpired: dict[int, set[int]] = field(default_factory=dict)
    budgeting: dict[int, set[int]] = field(default_factory=dict)
    subscribed: dict[int, None] = field(default_factory=dict)
    holds: dict[Place, None] = field(default_factory=dict)
    charges: dict[Place, None] = field(default_factory=dict)
    clawed: dict[Place, None] = field(default_factory=dict)

    def list_unexpired(self, wallets: Mapping[WalletKey, Wallet], now: int) -> list[tuple[WalletKey, int]]:
        """Of which of these wallets every lot is wanted that ends after which instant."""
        wanted = {(account_id, unit) for account_id, units in self.unexpired.items() for unit in units}
        return [(key, wallets[key].account.clock or now) for key in sorted(wanted & wallets.keys())]

    def list_budgeted(self, wallets: Mapping[WalletKey, Wallet]) -> list[WalletKey]:
        """Those of these wallets that have budgets or counters, or may get one."""
        asked = {(account_id, unit) for account_id, units in self.budgeting.items() for unit in units}
        return [key for key, wallet in wallets.items() if wallet.budgeted or key in asked]


ALL_WANTED: Final = (SetUsed, ResetUsed, Allow, NamesAllowance, Advance)
"""What may ask anything of its wallets."""

NAMES_NOTHING: Final = frozenset({Charge, Record, Grant, Tidy})
"""What asks for nothing beyond its units and its key; the most of all requests."""

BY_PLACE: Final = (NamesHold, Refund, NamesGrant)
"""Requests whose units are those of a place: who makes an id up may name any."""


def join_sets(wanted: Mapping[Owner, set[T]], found: dict[int, set[T]], accounts: Mapping[str | int, Account]) -> None:
    """Put what is wanted of one account under its key and under its id together. Takes over the sets of `wanted`."""
    for owner, things in wanted.items():
        account = accounts.get(owner)
        if account is not None:
            known = found.get(account.account_id)
            if known is None:
                found[account.account_id] = things
            else:
                known |= things


def plan_needs(requests: Sequence[Request]) -> Needs:
    """What these requests need. New accounts get ids in the order of `keys`: the highest saved plus one, and so on."""
    needs = Needs()
    for request in requests:
        owner = name_owner(request)
        if isinstance(owner, str):
            needs.keys[owner] = needs.keys.get(owner, False) or request.opens
        else:
            needs.ids[owner] = None
        digests = needs.digests.get(owner)
        if digests is None:
            needs.digests[owner] = {request.digests()[0]}
            needs.units[owner] = set(request.units)
        else:
            digests.add(request.digests()[0])
            needs.units[owner].update(request.units)
        if request.priced is not None and request.priced.meters:
            needs.budgeting.setdefault(owner, set()).update(unit for unit, _ in request.priced.meters)
        if type(request) not in NAMES_NOTHING:
            plan_one(needs, owner, request)
    return needs


def plan_one(needs: Needs, owner: Owner, request: Request) -> None:
    """What a request needs beside its units."""
    if isinstance(request, Hold):
        if request.name:
            needs.names.setdefault(owner, set()).add(request.name)
    elif isinstance(request, NamesHold):
        needs.holds[request.hold] = None
    elif isinstance(request, Refund):
        needs.charges[request.charge] = None
    elif isinstance(request, Void) and request.grant is not None:
        needs.grants.setdefault(owner, set()).add((request.grant.unit_id, request.grant.number))
    elif isinstance(request, Together):
        needs.unexpired.setdefault(owner, set()).update(request.units)
        if 0 in request.units:
            needs.subscribed[owner] = None
        for part in request.requests:
            plan_one(needs, owner, part)
    else:
        plan_standing(needs, owner, request)


def plan_standing(needs: Needs, owner: Owner, request: Request) -> None:
    """What a request needs that asks for all of a wallet, or is about a grant or a budget."""
    if isinstance(request, ALL_WANTED):
        needs.unexpired.setdefault(owner, set()).update(request.units)
    elif isinstance(request, Clawback):
        needs.clawed[request.grant] = None
        needs.grants.setdefault(owner, set()).add((request.grant.unit_id, request.grant.number))
    elif isinstance(request, Reschedule) and request.grant is not None:
        needs.grants.setdefault(owner, set()).add((request.unit, request.grant.number))
    elif isinstance(request, SetBudget):
        needs.budgeting.setdefault(owner, set()).add(request.unit)


def name_owner(request: Request) -> Owner:
    """Whose request it is: the account's key, or the account id in the place that it names."""
    if request.account:
        return request.account
    place = request.grant if isinstance(request, Void | Reschedule) else request.place
    return place.account_id if place is not None else ""


def is_loaded_whole(wallet: Wallet, now: int) -> bool:
    """Whether a wallet's row alone says to load all of it: something is due, or there is little of it.

    Little is at most `LOTS_AT_FIRST` lots, and neither open holds nor debts, of which a row does not say how many, nor
    allowances, which hardly any charge needs to know.
    """
    if wallet.next_due <= now:
        return True
    if wallet.live + wallet.pending > LOTS_AT_FIRST:
        return False
    return not (wallet.covered or wallet.bare or wallet.debt or wallet.recurring)


def find_instant(wallet: Wallet, now: int) -> int:
    """The instant by which things are due in a wallet: its account's own, and never before its last entry."""
    at = wallet.account.clock or now
    return at if at > wallet.clock else wallet.clock


def mark_partial(wallet: Wallet, first: Sequence[Lot]) -> None:
    """Say of a wallet that only `first`, its first live lots in burn-down order, and lots named beside them are loaded.

    Call it once all that was asked for is in `wallet.lots`.
    """
    wallet.whole = False
    loaded = len([1 for lot in wallet.lots.values() if lot.started and lot.remaining])
    wallet.unloaded = wallet.live - loaded
    wallet.horizon = rank_lot(first[-1]) if wallet.unloaded and first else ()


def find_roots(receipt: Iterable[Entry]) -> dict[tuple[int, int], None]:
    """(unit, number) of the charges in a receipt, as later entries name them in `of_number`; a settle's is its hold."""
    roots: dict[tuple[int, int], None] = {}
    for entry in receipt:
        if entry.kind == Kind.SETTLED:
            roots[entry.unit_id, entry.of_number] = None
        elif entry.kind in CHARGES or entry.kind == Kind.HELD:
            roots[entry.unit_id, entry.number] = None
    return roots


def find_touched(entries: Iterable[Entry]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """(unit, number) of the lots and of the debts that the effects of these entries name."""
    lots: set[tuple[int, int]] = set()
    debts: set[tuple[int, int]] = set()
    for entry in entries:
        for effect, number, key, _ in unpack_effects(entry.effects):
            if effect in (Effect.LOT_MOVED, Effect.LOT_SET):
                lots.add((entry.unit_id, number))
            elif effect in (Effect.HOLD_DREW, Effect.HOLD_SPENT, Effect.HOLD_RETURNED):
                lots.add((entry.unit_id, key))
            elif effect in (Effect.DEBT_MADE, Effect.DEBT_UNDONE):
                debts.add((entry.unit_id, number))
            elif effect == Effect.DEBT_PAID:
                debts.add((entry.unit_id, number))
                lots.add((entry.unit_id, key))
    return {place for place in lots if place[1]}, debts


def find_subjects(
    wanted: Iterable[WalletKey],
    requests: Iterable[Request],
    accounts: Mapping[str | int, Account],
    holds: Mapping[WalletKey, Iterable[HoldRow]],
    past: Mapping[LeadKey, Iterable[Entry]],
) -> dict[WalletKey, frozenset[int]]:
    """The subjects of which counters can be read in each of these wallets; see `contract.Loaded`."""
    named: dict[int, set[int]] = {}
    for request in requests:
        about, feature, priced = request.about, getattr(request, "feature", 0), request.priced
        if feature or priced or about is not UNSAID:
            account = accounts.get(name_owner(request))
            if account is not None:
                metered = (meter.subject for _, meter in priced.meters) if priced else ()
                said = (about.member, about.model, about.api_key, feature, *metered)
                named.setdefault(account.account_id, set()).update([name for name in said if name])
    spent: dict[WalletKey, set[int]] = {}
    for (account_id, _, _), entries in past.items():
        for entry in entries:
            moved = unpack_effects(entry.effects)
            counted = [subject for effect, _, subject, _ in moved if effect == COUNTER_SPENT]
            spent.setdefault((account_id, entry.unit_id), set()).update(counted)
    found = dict.fromkeys(wanted, ALONE)
    for key in wanted if named or spent or holds else ():
        reserved = [subject for hold in holds.get(key, ()) for _, subject, _ in hold.reserves]
        found[key] = ALONE.union(named.get(key[0], ()), spent.get(key, ()), reserved)
    return found


ALONE: Final = frozenset({0})
"""The subject of counters that count everything."""


COUNTER_SPENT: Final = int(Effect.COUNTER_SPENT)

NAMED_IN_EFFECTS: Final = frozenset(
    {
        (Effect.LOT_SET, LotField.FEATURE),
        (Effect.LOT_SET, LotField.SOURCE),
        (Effect.LOT_SET, LotField.CURRENCY),
        (Effect.HOLD_SET, HoldField.FEATURE),
        (Effect.HOLD_SET, HoldField.NAME),
        (Effect.ALLOWANCE_SET, AllowanceField.FEATURE),
        (Effect.ALLOWANCE_SET, AllowanceField.SOURCE),
        (Effect.BUDGET_SET, BudgetField.MEMBER),
        (Effect.BUDGET_SET, BudgetField.FEATURE),
        (Effect.BUDGET_SET, BudgetField.MODEL),
        (Effect.BUDGET_SET, BudgetField.API_KEY),
        (Effect.SUBSCRIPTION_SET, SubscriptionField.CURRENCY),
    }
)
"""(effect, key) of which the value is a name's number. So are the zone of an account, the name and zone of an allowance
or a budget, and what a subscription says in words: their texts are in their own rows."""

OWN_NAMES: Final = ("adjustment", "refund")
"""Sources that rules name by themselves: every store interns them when it opens."""


def names_in(entries: Iterable[Entry]) -> set[int]:
    """The numbers of all names that entries use, in their columns and in their effects."""
    found: set[int] = set()
    for entry in entries:
        found.add(entry.feature)
        found.update(name for name in (entry.model, entry.member, entry.actor, entry.api_key) if name)
        for effect, _, key, value in unpack_effects(entry.effects):
            if effect == Effect.DEBT_MADE:
                found.add(key)
            elif (effect, key) in NAMED_IN_EFFECTS:
                found.add(value)
    found.discard(0)
    return found


def hash_shard(key: str) -> int:
    """The shard of an account: a stable hash of its key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8, person=b"farthing-shard").digest()) % SHARDS

"""One request, the wallets that it concerns and an instant go in; entries and new wallets come out, or a refusal.

This is the heart, and all of it: nothing else in Farthing moves a credit. A new kind of request gets its rule in the
file of its noun and a line in `RULES`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from farthing.core import (
    accounts,
    alerts,
    allowances,
    budgets,
    charges,
    clawbacks,
    corrections,
    due,
    expiries,
    grants,
    holds,
    laws,
    refunds,
    settings,
    subscriptions,
)
from farthing.core.draft import Draft
from farthing.values import requests as ask
from farthing.values import standing_requests as stand
from farthing.values.calendars import to_instant
from farthing.values.entries import Entry, Kind, Seal
from farthing.values.errors import (
    AccountNotFound,
    ChargeNotFound,
    GrantNotFound,
    HoldNotFound,
    KeyReused,
    LawBroken,
    Refused,
)
from farthing.values.periods import Zones
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import USUAL_TERMS, Account, AccountState, CounterKey, Wallet


class Decision(NamedTuple):
    """What one request changes. Its lots, holds … are (unit, number) of rows in the new `wallets`; counters have their
    key for a number."""

    account: Account
    wallets: dict[int, Wallet]
    lots: list[tuple[int, int]]
    holds: list[tuple[int, int]]
    debts: list[tuple[int, int]]
    allowances: list[tuple[int, int]]
    budgets: list[tuple[int, int]]
    counters: list[tuple[int, CounterKey]]
    subscription: Subscription | None
    """The step that was written, if one was."""
    entries: list[Entry]
    lead: tuple[int, int]
    """(unit, number) of the entry under which everything that the request itself wrote stands: its receipt."""


Drafts = dict[int, Draft]
Entries = Sequence[Entry]
Rule = Callable[[Drafts, Any, Entries], None]


def decide(
    account: Account,
    wallets: Mapping[int, Wallet],
    request: ask.Request,
    now: int,
    seal: Seal,
    zones: Zones,
    past: Entries = (),
) -> Decision:
    """Decide one request at `now` (microseconds). Pure: what it is given stays as it is.

    `wallets` has every unit that the request concerns, unit 0 too if it or a NEW account is to be written of; `past`
    has the entries of the charge, or the grant, that a refund or a clawback names. Raises `Refused` (nothing changes),
    `LawBroken`, or `NeedsMore`: load that wallet whole and decide again.
    """
    t = now
    if account.clock or type(request) is stand.Advance:
        t = accounts.find_time(account, request, now)
    for wallet in wallets.values():
        if wallet.clock > t:
            t = wallet.clock
        if wallet.stopped:
            problem = "it was stopped before"
            raise LawBroken(law="wallet_in_order", account=account.key, unit=wallet.unit.name, problem=problem)
    accounts.refuse_by_state(account, request)
    drafts = {unit: Draft(wallet, t, seal, zones) for unit, wallet in wallets.items()}
    entries: list[Entry] = []
    if account.state == AccountState.NEW and not isinstance(request, ask.Open):
        account = accounts.open_account(drafts[0], account, "UTC")
    for draft in drafts.values():
        # The wallet may have been loaded before an earlier request of its batch changed the account.
        draft.wallet.account = account
        due.apply_due(draft)
    lead_unit = find_lead_unit(request, drafts)
    lead_number = drafts[lead_unit].next_number
    for draft in drafts.values():
        draft.request, draft.lead_unit, draft.lead_number = request, lead_unit, lead_number
    kind = type(request)
    if kind is ask.Open:
        account = write_open(drafts[0], account, request)
    elif kind in accounts.NEW_STATES:
        account = accounts.change_state(drafts[0], account, request)
    elif kind is stand.Advance:
        account = accounts.advance(drafts[0], account)
    else:
        RULES[kind](drafts, request, past)
    for draft in drafts.values():
        if draft.fired or draft.wallet.terms is not USUAL_TERMS:
            alerts.judge(draft)
    for unit in sorted(drafts, key=lambda unit: (unit != 0, unit != lead_unit)):
        entries += drafts[unit].entries
    laws.receipt_begins_with_its_lead(drafts[lead_unit].wallet, lead_number, entries)
    return collect(account, drafts, entries, (lead_unit, lead_number))


def collect(account: Account, drafts: Drafts, entries: list[Entry], lead: tuple[int, int]) -> Decision:
    """The drafts that wrote something, as one decision."""
    wallets, lots, holds_, debts = {}, [], [], []
    allowances_: list[tuple[int, int]] = []
    budgets_: list[tuple[int, int]] = []
    counters: list[tuple[int, CounterKey]] = []
    for unit, draft in drafts.items():
        if draft.entries or draft.wallet.next_due != draft.origin.next_due:
            wallets[unit] = draft.wallet
            lots += [(unit, number) for number in draft.touched_lots]
            holds_ += [(unit, number) for number in draft.touched_holds]
            debts += [(unit, number) for number in draft.touched_debts]
            allowances_ += [(unit, number) for number in draft.touched_allowances]
            budgets_ += [(unit, number) for number in draft.touched_budgets]
            counters += [(unit, key) for key in draft.touched_counters]
    step = drafts[0].stepped if 0 in drafts else None
    return Decision(account, wallets, lots, holds_, debts, allowances_, budgets_, counters, step, entries, lead)


def find_lead_unit(request: ask.Request, drafts: Drafts) -> int:
    """The unit that the receipt speaks of: the hold's or the charge's own, else the first that was named.

    It must be one that the request writes in: a refund that names amounts writes in their units only.
    """
    place = request.place
    if place is None:
        return request.units[0]
    named = {unit for unit, _ in request.amounts} if isinstance(request, ask.Refund) else set()
    # Of several that are named the first draft leads, so that the order in which the caller named them says nothing.
    first = next((unit for unit in drafts if unit in named), None)
    return first or (place.unit_id if place.unit_id in drafts else next(iter(drafts)))


def write_open(draft: Draft, account: Account, request: ask.Request) -> Account:
    """Open, or write down that it was open."""
    if account.state == AccountState.NEW and isinstance(request, ask.Open):
        return accounts.open_account(draft, account, request.zone)
    draft.write(Kind.OPENED, 0)
    return account


def each_amount(rule: Callable[[Draft, Any, int], None]) -> Rule:
    """A rule for one unit, applied to each amount of a request, all or nothing."""

    def apply(drafts: Drafts, request: Any, past: Entries) -> None:
        for unit, amount in request.amounts:
            rule(drafts[unit], request, amount)

    return apply


def for_unit(rule: Callable[[Draft, Any], None]) -> Rule:
    """A rule about one wallet."""
    return lambda drafts, request, past: rule(drafts[request.unit], request)


def each_part(rule: Callable[[Draft, Any], None]) -> Rule:
    """A rule about a hold, applied to each of its parts, the lead first."""

    def apply(drafts: Drafts, request: Any, past: Entries) -> None:
        for draft in lead_first(drafts, request.hold.unit_id):
            rule(draft, request)

    return apply


def lead_first(drafts: Drafts, unit_id: int) -> list[Draft]:
    """Every wallet with units of its own in it, the lead's first."""
    return sorted(
        (draft for unit, draft in drafts.items() if unit), key=lambda draft: draft.wallet.unit.unit_id != unit_id
    )


def hold(drafts: Drafts, request: ask.Hold, past: Entries) -> None:
    """Hold each amount under one deadline."""
    ttl = holds.find_ttl([drafts[unit] for unit in request.units], request)
    for unit, amount in request.amounts:
        holds.place_hold(drafts[unit], request, amount, ttl)


def settle(drafts: Drafts, request: ask.Settle, past: Entries) -> None:
    """Settle each part of a hold; a part without an amount at all that it holds."""
    asked = dict(request.amounts)
    parts = lead_first(drafts, request.hold.unit_id)
    if asked.keys() - {draft.wallet.unit.unit_id for draft in parts}:
        raise HoldNotFound(hold=f"{request.hold_id} in that unit")
    for draft in parts:
        holds.settle(draft, request, asked.get(draft.wallet.unit.unit_id))


def refund(drafts: Drafts, request: ask.Refund, past: Entries) -> None:
    """Refund the units that are named, or every unit that the charge moved."""
    asked = dict(request.amounts)
    units = [draft.wallet.unit.unit_id for draft in lead_first(drafts, request.charge.unit_id)]
    undone = {unit: refunds.read_charge(request, unit, past) for unit in units}
    known = [unit for unit in units if undone[unit] is not None]
    if not known or asked.keys() - set(known):
        raise ChargeNotFound(charge=request.charge_id)
    for unit in known:
        charge = undone[unit]
        if charge is not None and (not asked or unit in asked):
            refunds.refund(drafts[unit], request, asked.get(unit), charge, past)


def void(drafts: Drafts, request: ask.Void, past: Entries) -> None:
    """Void of the named grant, or each amount."""
    asked = dict(request.amounts)
    for unit in request.units:
        corrections.void(drafts[unit], request, asked.get(unit))


def forgive(drafts: Drafts, request: ask.Forgive, past: Entries) -> None:
    """Write off each amount, or all that is owed."""
    for unit, amount in request.owed:
        corrections.forgive(drafts[unit], amount)


def configure(drafts: Drafts, request: ask.Configure, past: Entries) -> None:
    """Change settings of one wallet."""
    settings.configure(drafts[request.unit], request)


def together(drafts: Drafts, request: stand.Together, past: Entries) -> None:
    """Each in turn, all or nothing."""
    for each in request.requests:
        RULES[type(each)](drafts, each, past)


RULES: dict[type[ask.Request], Rule] = {
    ask.Grant: each_amount(grants.grant),
    ask.Import: each_amount(grants.grant),
    ask.Charge: each_amount(charges.charge),
    ask.Record: each_amount(charges.record),
    ask.Hold: hold,
    ask.Extend: each_part(holds.extend),
    ask.Settle: settle,
    ask.Release: each_part(holds.release),
    ask.Refund: refund,
    ask.Void: void,
    ask.Forgive: forgive,
    ask.Adjust: each_amount(lambda draft, request, amount: corrections.adjust(draft, amount)),
    ask.SetUsed: each_amount(lambda draft, request, amount: corrections.set_used(draft, amount)),
    ask.ResetUsed: lambda drafts, request, past: corrections.reset_used(drafts[request.unit]),
    ask.Configure: configure,
    ask.Tidy: lambda drafts, request, past: None,
    stand.Allow: for_unit(allowances.allow),
    stand.ChangeAllowance: for_unit(allowances.change_allowance),
    stand.EndAllowance: for_unit(allowances.end_allowance),
    stand.EndPeriod: for_unit(allowances.end_period),
    stand.SetPeriodEnd: for_unit(allowances.set_period_end),
    stand.SetBudget: for_unit(budgets.set_budget),
    stand.ChangeBudget: for_unit(budgets.change_budget),
    stand.EndBudget: for_unit(budgets.end_budget),
    stand.Reschedule: for_unit(expiries.reschedule),
    stand.DeclineTopUp: for_unit(alerts.decline_top_up),
    stand.Subscribe: lambda drafts, request, past: subscriptions.subscribe(drafts[0], request),
    stand.Together: together,
    stand.Clawback: lambda drafts, request, past: clawbacks.clawback(drafts[request.units[0]], request, past),
}


def find_replay(request: ask.Request, entries: Entries) -> bool:
    """Whether the receipt that took this request's key is its own (rule 28). Raises `KeyReused` if it is another's."""
    if not entries:
        return False
    first = entries[0]
    if first.request_digest == request.digests()[1]:
        return True
    raise KeyReused(
        key=request.key, first_seen_at=to_instant(first.recorded_at), differs_in=name_difference(request, first)
    )


def name_difference(request: ask.Request, first: Entry) -> str:
    """In words, where a request parts from the one whose entry is `first`, as far as the entry tells."""
    amounts = getattr(request, "amounts", ())
    feature = getattr(request, "feature", first.feature)
    if KINDS.get(type(request)) not in (None, first.kind) and (type(request), first.kind) != (
        ask.Charge,
        Kind.RECORDED,
    ):
        return f"kind: it was {Kind(first.kind).name.lower().replace('_', ' ')}"
    if amounts and dict(amounts).get(first.unit_id) != first.amount + first.uncovered:
        return "amount"
    if feature != first.feature:
        return "feature"
    return "other terms"


KINDS: dict[type[ask.Request], Kind] = {
    ask.Open: Kind.OPENED,
    ask.Grant: Kind.GRANTED,
    ask.Import: Kind.IMPORTED,
    ask.Charge: Kind.CHARGED,
    ask.Record: Kind.RECORDED,
    ask.Hold: Kind.HELD,
    ask.Extend: Kind.EXTENDED,
    ask.Settle: Kind.SETTLED,
    ask.Release: Kind.RELEASED,
    ask.Refund: Kind.REFUNDED,
    ask.Void: Kind.VOIDED,
    ask.Forgive: Kind.FORGIVEN,
    ask.Adjust: Kind.ADJUSTED,
    ask.SetUsed: Kind.USED_SET,
    ask.ResetUsed: Kind.USED_RESET,
    ask.Configure: Kind.CONFIGURED,
    ask.Freeze: Kind.FROZEN,
    ask.Unfreeze: Kind.UNFROZEN,
    ask.Close: Kind.CLOSED,
    stand.Allow: Kind.ALLOWED,
    stand.ChangeAllowance: Kind.ALLOWANCE_CHANGED,
    stand.EndAllowance: Kind.ALLOWANCE_ENDED,
    stand.EndPeriod: Kind.PERIOD_SET,
    stand.SetPeriodEnd: Kind.PERIOD_SET,
    stand.SetBudget: Kind.BUDGETED,
    stand.ChangeBudget: Kind.BUDGET_CHANGED,
    stand.EndBudget: Kind.BUDGET_ENDED,
    stand.Clawback: Kind.CLAWED_BACK,
    stand.Reschedule: Kind.RESCHEDULED,
    stand.DeclineTopUp: Kind.TOP_UP_DECLINED,
    stand.Advance: Kind.ADVANCED,
    stand.Subscribe: Kind.SUBSCRIBED,
}
"""The kind of entry that a request writes first."""


def refuse_unknown(request: ask.Request) -> Refused:
    """The refusal for a request whose account is not there."""
    if isinstance(request, ask.NamesHold):
        return HoldNotFound(hold=request.hold_id)
    if isinstance(request, ask.Refund):
        return ChargeNotFound(charge=request.charge_id)
    if isinstance(request, stand.NamesGrant):
        return GrantNotFound(account=request.account or "the account", grant=request.grant_id)
    return AccountNotFound(account=request.account)


def apply_due_only(wallet: Wallet, now: int, seal: Seal, zones: Zones) -> Wallet:
    """A whole wallet as it stands at `now`, for reading: what fell due is applied in memory and written nowhere."""
    draft = Draft(wallet, max(wallet.account.clock or now, wallet.clock), seal, zones)
    due.apply_due(draft)
    draft.wallet.clock = draft.t
    return draft.wallet

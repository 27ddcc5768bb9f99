"""What happens to the account itself. Its entries stand in the wallet of unit 0, which holds nothing."""

from farthing.core.draft import Draft
from farthing.values import requests as ask
from farthing.values import standing_requests as stand
from farthing.values.bounds import EARLIEST_INSTANT, LATEST_INSTANT
from farthing.values.calendars import to_instant
from farthing.values.entries import AccountField, Effect, Kind
from farthing.values.errors import AccountClosed, AccountFrozen, ClockRuns, TimeInvalid
from farthing.values.names import name_number
from farthing.values.wallets import Account, AccountState

ENDS_WORK = (
    ask.Settle, ask.Release, ask.Void, ask.Forgive, ask.Tidy,
    stand.Clawback, stand.EndAllowance, stand.EndBudget, stand.DeclineTopUp, stand.Advance,
)  # fmt: skip
"""What may still be asked of a closed account: that what runs comes to its end."""

NEW_STATES: dict[type[ask.Request], tuple[AccountState, Kind]] = {
    ask.Freeze: (AccountState.FROZEN, Kind.FROZEN),
    ask.Unfreeze: (AccountState.ACTIVE, Kind.UNFROZEN),
    ask.Close: (AccountState.CLOSED, Kind.CLOSED),
}


def refuse_by_state(account: Account, request: ask.Request) -> None:
    """A frozen account takes no new charges and holds; a closed one takes nothing new at all."""
    if account.state == AccountState.CLOSED and not isinstance(request, ENDS_WORK):
        raise AccountClosed(account=account.key, asked=request.asked)
    if account.state == AccountState.FROZEN:
        is_new_charge = isinstance(request, ask.Charge) and request.mode != ask.Mode.RECORD
        if is_new_charge or isinstance(request, ask.Hold | ask.Extend):
            raise AccountFrozen(account=account.key, asked=request.asked)


def open_account(draft: Draft, account: Account, zone: str) -> Account:
    """Write that an account exists now."""
    set_field(draft, AccountField.STATE, AccountState.ACTIVE)
    if zone != "UTC":
        set_field(draft, AccountField.ZONE, name_number(zone))
    if account.clock:
        set_field(draft, AccountField.CLOCK, account.clock)
    draft.write(Kind.OPENED, 0)
    return account._replace(state=AccountState.ACTIVE, zone=zone)


def change_state(draft: Draft, account: Account, request: ask.Request) -> Account:
    """Freeze, unfreeze or close."""
    state, kind = NEW_STATES[type(request)]
    set_field(draft, AccountField.STATE, state)
    draft.write(kind, 0)
    return account._replace(state=state)


def find_time(account: Account, request: ask.Request, now: int) -> int:
    """The instant of a decision: now, or in a test book what the account's own clock says, which a request may move."""
    if isinstance(request, stand.Advance):
        if not account.clock:
            raise ClockRuns(account=account.key)
        to = account.clock + request.by if request.to is None else request.to
        if not account.clock <= to <= LATEST_INSTANT:
            given, clock = show_instant(to), to_instant(account.clock).isoformat()
            problem = f"is out of bounds (the account's clock says {clock})"
            advice = "clocks only go forward, up to the year 9999"
            raise TimeInvalid(what="to", given=given, problem=problem, advice=advice)
        return to
    return account.clock or now


def show_instant(micros: int) -> str:
    """An instant for people, if it is one."""
    return to_instant(micros).isoformat() if EARLIEST_INSTANT <= micros <= LATEST_INSTANT else str(micros)


def advance(draft: Draft, account: Account) -> Account:
    """Write that the account's clock says the time of this decision by now."""
    set_field(draft, AccountField.CLOCK, draft.t)
    draft.write(Kind.ADVANCED, 0)
    return account._replace(clock=draft.t)


def set_field(draft: Draft, field: AccountField, value: int) -> None:
    """Say that a field of the account has a new value."""
    draft.effects.append((int(Effect.ACCOUNT_SET), 0, int(field), value))

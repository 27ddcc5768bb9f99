"""What happens to the account itself. Its entries stand in the wallet of unit 0, which holds nothing."""

from farthing.core import requests as ask
from farthing.core.draft import Draft
from farthing.core.entries import AccountField, Effect, Kind
from farthing.core.errors import AccountClosed, AccountFrozen
from farthing.core.names import name_number
from farthing.core.wallets import Account, AccountState

ENDS_WORK = (ask.Settle, ask.Release, ask.Void, ask.Forgive, ask.Tidy)
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
    draft.write(Kind.OPENED, 0)
    return account._replace(state=AccountState.ACTIVE, zone=zone)


def change_state(draft: Draft, account: Account, request: ask.Request) -> Account:
    """Freeze, unfreeze or close."""
    state, kind = NEW_STATES[type(request)]
    set_field(draft, AccountField.STATE, state)
    draft.write(kind, 0)
    return account._replace(state=state)


def set_field(draft: Draft, field: AccountField, value: int) -> None:
    """Say that a field of the account has a new value."""
    draft.effects.append((int(Effect.ACCOUNT_SET), 0, int(field), value))

"""Charges: credits taken for work, now or for work that already happened."""

from typing import Final, Unpack

from farthing.face.desk import Desk
from farthing.face.options import Amounts, Name, Said, read_amounts, read_choice, read_said
from farthing.values.names import NOTHING, read_account
from farthing.values.requests import Charge, Mode, Record

CHARGE_MODES: Final = {"strict": Mode.STRICT, "record": Mode.RECORD, "all_available": Mode.ALL_AVAILABLE}


def build_charge(
    desk: Desk,
    account: Name,
    amount: Amounts,
    *,
    feature: str | None = None,
    unit: str | None = None,
    mode: str = "strict",
    **said: Unpack[Said],
) -> Charge:
    """Take credits for work, in one step, at once.

    `amount` is an `int`, `str` or `Decimal` in `unit` (the book's default one), or {"generations": 1, "credits": 5}:
    both or neither. `mode`: `strict` refuses when short; `record` never refuses (what is not there becomes debt);
    `all_available` takes what fits (`receipt.uncovered` says what did not). A grant scoped to features pays only for
    those. The same `key` with the same request gives the first receipt, `replayed`.
    Raises `InsufficientCredits`, `AccountNotFound`, `AccountFrozen`, `AccountClosed`, `KeyReused`, `AmountInvalid` …
    """
    feature_number = NOTHING if feature is None else desk.intern_name(feature, "feature")
    return Charge(
        account=read_account(account),
        amounts=read_amounts(desk, amount, unit),
        feature=feature_number,
        feature_text=feature or "",
        mode=read_choice(mode, CHARGE_MODES, "mode"),
        **read_said(desk, "charge", said),
    )


def build_record(
    desk: Desk,
    account: Name,
    amount: Amounts,
    *,
    feature: str | None = None,
    unit: str | None = None,
    **said: Unpack[Said],
) -> Record:
    """Write down work that already happened: never refused for its cost; what is not there becomes debt.

    An amount of 0 logs failed or free work (`success=False`). Amounts as for `charge`.
    Raises `AccountNotFound`, `AccountClosed`, `KeyReused`, `AmountInvalid` …
    """
    return Record(
        account=read_account(account),
        amounts=read_amounts(desk, amount, unit),
        feature=NOTHING if feature is None else desk.intern_name(feature, "feature"),
        **read_said(desk, "record", said),
    )

"""Charges: credits taken for work, now or for work that already happened."""

from typing import Final, Unpack

from farthing.face.desk import Desk
from farthing.face.options import Amounts, Name, Said, read_choice, read_said
from farthing.face.prices import read_cost
from farthing.values.names import NOTHING, read_account
from farthing.values.requests import Charge, Mode, Record

CHARGE_MODES: Final = {"strict": Mode.STRICT, "record": Mode.RECORD, "all_available": Mode.ALL_AVAILABLE}


def build_charge(
    desk: Desk,
    account: Name,
    amount: Amounts | None = None,
    *,
    feature: str | None = None,
    unit: str | None = None,
    mode: str = "strict",
    **said: Unpack[Said],
) -> Charge:
    """Take credits for work, in one step, at once.

    `amount` is an `int`, `str` or `Decimal` in `unit` (the book's default one), or {"generations": 1, "credits": 5}:
    both or neither. Without one the catalog prices the `feature` by its `quantity` ("8s", 300) or `usage`. `mode`:
    `strict` refuses when short; `record` never refuses (what is not there becomes debt); `all_available` takes what
    fits (`receipt.uncovered` says what did not). A grant scoped to features pays only for those. The same `key` with
    the same request gives the first receipt, `replayed`.
    Raises `InsufficientCredits`, `AccountNotFound`, `AccountFrozen`, `AccountClosed`, `KeyReused`, `AmountInvalid`,
    `UnknownPrice`, `FeatureNotInPlan` …
    """
    feature_number = NOTHING if feature is None else desk.intern_name(feature, "feature")
    cost, said = read_cost(desk, account, amount, feature, unit, said, is_new=mode != "record")
    return Charge(
        account=read_account(account),
        feature=feature_number,
        feature_text=feature or "",
        mode=read_choice(mode, CHARGE_MODES, "mode"),
        **cost,
        **read_said(desk, "charge", said),
    )


def build_record(
    desk: Desk,
    account: Name,
    amount: Amounts | None = None,
    *,
    feature: str | None = None,
    unit: str | None = None,
    **said: Unpack[Said],
) -> Record:
    """Write down work that already happened: never refused for its cost; what is not there becomes debt.

    An amount of 0 logs failed or free work (`success=False`). Amounts as for `charge`.
    Raises `AccountNotFound`, `AccountClosed`, `KeyReused`, `AmountInvalid` …
    """
    cost, said = read_cost(desk, account, amount, feature, unit, said, is_new=False)
    return Record(
        account=read_account(account),
        **cost,
        feature=NOTHING if feature is None else desk.intern_name(feature, "feature"),
        **read_said(desk, "record", said),
    )

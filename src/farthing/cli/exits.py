"""The one table of exit codes: every class of error has its line here, and there is no default.

To add an error: a class in values/errors.py, then a line in EXITS. A test walks the tree and fails for a class without
one. What each number means to a script stands in MEANINGS, from which `farthing --help` is made.
"""

from enum import IntEnum
from typing import Final

from farthing.store import faults
from farthing.tariff import errors as tariff
from farthing.values import errors


class Exit(IntEnum):
    """What a script may decide on. Numbers are stable."""

    DONE = 0
    BUG = 1
    WRONG = 2
    INSUFFICIENT = 3
    REFUSED = 4
    UNAVAILABLE = 5
    MISCONFIGURED = 6
    BROKEN = 7
    STOPPED = 130
    UNREAD = 141


MEANINGS: Final[dict[Exit, str]] = {
    Exit.DONE: "done",
    Exit.BUG: "a fault in Farthing itself: please report it",
    Exit.WRONG: "the command line, an amount, a name, an id, a time or a trace is wrong",
    Exit.INSUFFICIENT: "not enough credits",
    Exit.REFUSED: "refused for another reason: unknown account, ended hold, spent budget, reused key, frozen account …",
    Exit.UNAVAILABLE: "not now: the same command with the same --key is safe",
    Exit.MISCONFIGURED: "an operator must act: no database, an unreadable one, another schema, a wrong address …",
    Exit.BROKEN: "the books do not add up: a law is broken, or verify found faults",
    Exit.STOPPED: "stopped from the keyboard",
    Exit.UNREAD: "whoever read the output stopped reading (a closed pipe)",
}

EXITS: Final[dict[type[errors.FarthingError], Exit]] = {
    errors.FarthingError: Exit.BUG,
    errors.Refused: Exit.REFUSED,
    errors.InsufficientCredits: Exit.INSUFFICIENT,
    errors.HoldEnded: Exit.REFUSED,
    errors.HoldNotFound: Exit.REFUSED,
    errors.HoldNameTaken: Exit.REFUSED,
    errors.SettleAboveHold: Exit.REFUSED,
    errors.MoreThanLeft: Exit.REFUSED,
    errors.ChargeNotFound: Exit.REFUSED,
    errors.GrantNotFound: Exit.REFUSED,
    errors.KeyReused: Exit.REFUSED,
    errors.AccountNotFound: Exit.REFUSED,
    errors.AccountFrozen: Exit.REFUSED,
    errors.AccountClosed: Exit.REFUSED,
    errors.UnitNotFound: Exit.REFUSED,
    errors.TooManyLots: Exit.REFUSED,
    errors.TooManyRules: Exit.REFUSED,
    errors.AllowanceExists: Exit.REFUSED,
    errors.AllowanceNotFound: Exit.REFUSED,
    errors.BudgetExceeded: Exit.REFUSED,
    errors.BudgetExists: Exit.REFUSED,
    errors.BudgetNotFound: Exit.REFUSED,
    errors.GrantEnded: Exit.REFUSED,
    errors.SubscriptionChanged: Exit.REFUSED,
    errors.CodeSpent: Exit.REFUSED,
    errors.AlreadyRedeemed: Exit.REFUSED,
    tariff.UnknownPrice: Exit.REFUSED,
    tariff.PriceLater: Exit.REFUSED,
    tariff.FeatureUnknown: Exit.REFUSED,
    tariff.FeatureNotInPlan: Exit.REFUSED,
    tariff.PlanNotFound: Exit.REFUSED,
    tariff.SubscriptionRefused: Exit.REFUSED,
    tariff.PackageNotFound: Exit.REFUSED,
    tariff.CampaignRefused: Exit.REFUSED,
    tariff.CampaignNotFound: Exit.REFUSED,
    tariff.CodeNotFound: Exit.REFUSED,
    tariff.QuantityInvalid: Exit.WRONG,
    errors.MoreThanPaid: Exit.REFUSED,
    errors.ClockRuns: Exit.REFUSED,
    errors.Invalid: Exit.WRONG,
    errors.AmountInvalid: Exit.WRONG,
    errors.AmountIsFloat: Exit.WRONG,
    errors.AmountTooLarge: Exit.WRONG,
    errors.TotalTooLarge: Exit.WRONG,
    errors.NameInvalid: Exit.WRONG,
    errors.IdInvalid: Exit.WRONG,
    errors.TimeInvalid: Exit.WRONG,
    errors.TermInvalid: Exit.WRONG,
    faults.NoteInvalid: Exit.WRONG,
    faults.TraceInvalid: Exit.WRONG,
    errors.Unavailable: Exit.UNAVAILABLE,
    faults.Overloaded: Exit.UNAVAILABLE,
    faults.Busy: Exit.UNAVAILABLE,
    faults.DiskFailed: Exit.UNAVAILABLE,
    faults.DatabaseAway: Exit.UNAVAILABLE,
    faults.OutcomeUnknown: Exit.UNAVAILABLE,
    errors.Misconfigured: Exit.MISCONFIGURED,
    faults.UrlInvalid: Exit.MISCONFIGURED,
    faults.DatabaseMissing: Exit.MISCONFIGURED,
    faults.DatabaseUnreadable: Exit.MISCONFIGURED,
    faults.DatabaseForeign: Exit.MISCONFIGURED,
    faults.BookMissing: Exit.MISCONFIGURED,
    faults.ConnectionForeign: Exit.MISCONFIGURED,
    faults.SchemaOld: Exit.MISCONFIGURED,
    faults.UpgradeFirst: Exit.MISCONFIGURED,
    faults.UseTheOpenTransaction: Exit.MISCONFIGURED,
    faults.UnitChanged: Exit.MISCONFIGURED,
    faults.ClockDisagrees: Exit.MISCONFIGURED,
    faults.ClockIsFrozen: Exit.MISCONFIGURED,
    faults.ChainKeyWrong: Exit.MISCONFIGURED,
    faults.LedgerClosed: Exit.MISCONFIGURED,
    tariff.CatalogInvalid: Exit.MISCONFIGURED,
    tariff.CatalogMissing: Exit.MISCONFIGURED,
    tariff.CatalogUnknown: Exit.MISCONFIGURED,
    tariff.PricesMissing: Exit.MISCONFIGURED,
    errors.LawBroken: Exit.BROKEN,
}


def describe_exits() -> str:
    """The table as `farthing --help` shows it."""
    return "\n".join(f"{int(code):>5}  {meaning}" for code, meaning in MEANINGS.items())

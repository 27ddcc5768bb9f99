"""What is stored or told to programs never changes its number, code or order: these tables only grow, at their ends."""

from enum import IntEnum

import pytest

from farthing.values.entries import (
    AccountField,
    AlertKind,
    AllowanceField,
    BudgetField,
    Effect,
    Entry,
    HoldField,
    Kind,
    LotField,
    SubscriptionField,
)
from farthing.values.errors import FarthingError
from farthing.values.periods import Cadence
from farthing.values.requests import About, Mode
from farthing.values.standing_requests import ChangeMode, SpentPolicy
from farthing.values.subscriptions import Step
from farthing.values.wallets import (
    AccountState,
    HoldState,
    RestPolicy,
    Rollover,
    SettlePolicy,
    Subject,
    Terms,
    TopUp,
    TurnPolicy,
)

NUMBERS: dict[type[IntEnum], dict[str, int]] = {
    Kind: {
        "OPENED": 1,
        "FROZEN": 2,
        "UNFROZEN": 3,
        "CLOSED": 4,
        "CONFIGURED": 5,
        "ADVANCED": 6,
        "GRANTED": 10,
        "IMPORTED": 11,
        "STARTED": 12,
        "EXPIRED": 13,
        "GRACED": 14,
        "ALLOWED": 15,
        "TURNED": 16,
        "ALLOWANCE_CHANGED": 17,
        "ALLOWANCE_ENDED": 18,
        "PERIOD_SET": 19,
        "CHARGED": 20,
        "RECORDED": 21,
        "HELD": 22,
        "EXTENDED": 23,
        "SETTLED": 24,
        "RELEASED": 25,
        "TIMED_OUT": 26,
        "REFUNDED": 30,
        "VOIDED": 31,
        "FORGIVEN": 32,
        "ADJUSTED": 33,
        "USED_SET": 34,
        "USED_RESET": 35,
        "CLAWED_BACK": 36,
        "RESCHEDULED": 37,
        "BUDGETED": 40,
        "BUDGET_CHANGED": 41,
        "BUDGET_ENDED": 42,
        "ALERTED": 50,
        "TOP_UP_WANTED": 51,
        "TOP_UP_DECLINED": 52,
        "SUBSCRIBED": 60,
    },
    Effect: {
        "LOT_MOVED": 1,
        "LOT_SET": 2,
        "HOLD_DREW": 3,
        "HOLD_SPENT": 4,
        "HOLD_RETURNED": 5,
        "HOLD_SET": 6,
        "DEBT_MADE": 7,
        "DEBT_PAID": 8,
        "DEBT_UNDONE": 9,
        "TERM_SET": 10,
        "ACCOUNT_SET": 11,
        "ALLOWANCE_SET": 12,
        "TURNS_MERGED": 13,
        "BUDGET_SET": 14,
        "COUNTER_STARTED": 15,
        "COUNTER_ENDS": 16,
        "COUNTER_SPENT": 17,
        "COUNTER_RESERVED": 18,
        "HOLD_RESERVED": 19,
        "ALERT_SET": 20,
        "ALERT_FIRED": 21,
        "TOP_UP_SET": 22,
        "MONEY_RETURNED": 23,
        "SUBSCRIPTION_SET": 24,
    },
    LotField: {
        "AMOUNT": 1,
        "PRIORITY": 2,
        "EFFECTIVE_AT": 3,
        "EXPIRES_AT": 4,
        "PROMOTIONAL": 5,
        "FEATURE": 6,
        "SOURCE": 7,
        "COST_MINOR": 8,
        "CURRENCY": 9,
        "OF_NUMBER": 10,
        "STARTED": 11,
        "ALLOWANCE": 12,
    },
    HoldField: {
        "LEAD_UNIT": 1,
        "LEAD_NUMBER": 2,
        "AMOUNT": 3,
        "FEATURE": 4,
        "NAME": 5,
        "DEADLINE": 6,
        "STATE": 7,
        "SETTLED": 8,
    },
    AccountField: {"STATE": 1, "ZONE": 2, "CLOCK": 3},
    AllowanceField: {
        "NAME": 1,
        "AMOUNT": 2,
        "EVERY": 3,
        "COUNT": 4,
        "ANCHOR": 5,
        "ZONE": 6,
        "PRIORITY": 7,
        "PROMOTIONAL": 8,
        "FEATURE": 9,
        "SOURCE": 10,
        "ROLLOVER": 11,
        "CAP": 12,
        "CAP_PERCENT": 13,
        "KEEP": 14,
        "ON_TURN": 15,
        "STARTS_AT": 16,
        "TURNS_AT": 17,
        "LOT": 18,
        "ENDED_AT": 19,
        "UNTIL": 20,
    },
    SubscriptionField: {
        "STEP": 1,
        "PLAN": 2,
        "EVERY": 3,
        "COUNT": 4,
        "ANCHOR": 5,
        "ZONE": 6,
        "STARTS_AT": 7,
        "TRIAL_ENDS_AT": 8,
        "PERIOD_STARTS_AT": 9,
        "PERIOD_ENDS_AT": 10,
        "ENDS_AT": 11,
        "IS_RENEWING": 12,
        "NEXT_PLAN": 13,
        "NEXT_EVERY": 14,
        "FALLBACK": 15,
        "CATALOG_VERSION": 16,
        "PAID_MINOR": 17,
        "CURRENCY": 18,
        "ACTS_AT": 19,
    },
    Step: {
        "SUBSCRIBED": 1,
        "RENEWED": 2,
        "UPGRADED": 3,
        "DOWNGRADED": 4,
        "PLANNED": 5,
        "CANCELLED": 6,
        "RESUMED": 7,
        "PAST_DUE": 8,
        "EXPIRED": 9,
        "ENDED": 10,
        "CONVERTED": 11,
    },
    BudgetField: {
        "NAME": 1,
        "MOST": 2,
        "IS_HARD": 3,
        "PER": 4,
        "MEMBER": 5,
        "FEATURE": 6,
        "MODEL": 7,
        "API_KEY": 8,
        "EVERY": 9,
        "COUNT": 10,
        "ANCHOR": 11,
        "ZONE": 12,
        "ENDED_AT": 13,
    },
    AlertKind: {"LOW": 1, "DEPLETED": 2, "EXPIRED": 3, "BUDGET": 4},
    AccountState: {"NEW": 0, "ACTIVE": 1, "FROZEN": 2, "CLOSED": 3},
    HoldState: {"OPEN": 1, "SETTLED": 2, "RELEASED": 3, "TIMED_OUT": 4},
    SettlePolicy: {"BILL_FULL": 0, "CAP_HOLD": 1, "CAP_AVAILABLE": 2, "REJECT": 3},
    RestPolicy: {"BREAKAGE": 0, "GRACE": 1},
    Mode: {"STRICT": 0, "RECORD": 1, "ALL_AVAILABLE": 2},
    ChangeMode: {"REPLACE": 0, "ADD": 1, "KEEP_USED": 2, "AT_TURN": 3},
    SpentPolicy: {"DEBT": 0, "WRITE_OFF": 1},
    Rollover: {"NONE": 0, "CAPPED": 1, "ALL": 2},
    TurnPolicy: {"KEEP": 0, "FORGIVE": 1},
    Subject: {"ALL": 0, "MEMBER": 1, "FEATURE": 2, "MODEL": 3, "API_KEY": 4},
    Cadence: {"HOUR": 1, "DAY": 2, "WEEK": 3, "MONTH": 4, "QUARTER": 5, "HALF_YEAR": 6, "YEAR": 7},
}

COLUMNS = (
    "unit_id number kind lead_unit lead_number amount uncovered granted refunded adjusted spent expired lots covered "
    "bare debt balance_after held_after debt_after available_after of_number feature catalog_version effective_at "
    "recorded_at model member actor api_key quantity tokens_in tokens_cache_read tokens_cache_write tokens_out "
    "tokens_reasoning provider_cost_nanos duration_ms success key_digest request_digest note_digest effects hash"
)

TERMS = "overdraft settle_above_hold rest_of_ended_lot hold_ttl refund_grace alerts top_up"
TOP_UP = (
    "is_on threshold quantity target whole_gap least most_per_day most_per_month back_off in_flight wanted declined "
    "waits_until day_starts_at bought_in_day month_starts_at bought_in_month"
)

CODES = {
    "FarthingError": "farthing_error",
    "Refused": "refused",
    "InsufficientCredits": "insufficient_credits",
    "HoldEnded": "hold_ended",
    "HoldNotFound": "hold_not_found",
    "HoldNameTaken": "hold_name_taken",
    "SettleAboveHold": "settle_above_hold",
    "MoreThanLeft": "more_than_left",
    "ChargeNotFound": "charge_not_found",
    "GrantNotFound": "grant_not_found",
    "KeyReused": "key_reused",
    "AccountNotFound": "account_not_found",
    "AccountFrozen": "account_frozen",
    "AccountClosed": "account_closed",
    "UnitNotFound": "unit_not_found",
    "BudgetExceeded": "budget_exceeded",
    "BudgetExists": "budget_exists",
    "BudgetNotFound": "budget_not_found",
    "AllowanceExists": "allowance_exists",
    "AllowanceNotFound": "allowance_not_found",
    "SubscriptionChanged": "subscription_changed",
    "CodeSpent": "code_spent",
    "AlreadyRedeemed": "already_redeemed",
    "TooManyRules": "too_many_rules",
    "MoreThanPaid": "more_than_paid",
    "GrantEnded": "grant_ended",
    "ClockRuns": "clock_runs",
    "TooManyLots": "too_many_lots",
    "Invalid": "invalid",
    "AmountInvalid": "amount_invalid",
    "AmountIsFloat": "amount_is_float",
    "AmountTooLarge": "amount_too_large",
    "TotalTooLarge": "total_too_large",
    "NameInvalid": "name_invalid",
    "IdInvalid": "id_invalid",
    "TimeInvalid": "time_invalid",
    "TermInvalid": "term_invalid",
    "NoteInvalid": "note_invalid",
    "TraceInvalid": "trace_invalid",
    "Unavailable": "unavailable",
    "Overloaded": "overloaded",
    "Busy": "busy",
    "DiskFailed": "disk_failed",
    "DatabaseAway": "database_away",
    "OutcomeUnknown": "outcome_unknown",
    "Misconfigured": "misconfigured",
    "UrlInvalid": "url_invalid",
    "DatabaseMissing": "database_missing",
    "DatabaseUnreadable": "database_unreadable",
    "DatabaseForeign": "database_foreign",
    "BookMissing": "book_missing",
    "ConnectionForeign": "connection_foreign",
    "SchemaOld": "schema_old",
    "UpgradeFirst": "upgrade_first",
    "UseTheOpenTransaction": "use_the_open_transaction",
    "UnitChanged": "unit_changed",
    "ClockDisagrees": "clock_disagrees",
    "ClockIsFrozen": "clock_is_frozen",
    "ChainKeyWrong": "chain_key_wrong",
    "LedgerClosed": "ledger_closed",
    "UnknownPrice": "unknown_price",
    "PriceLater": "price_later",
    "FeatureUnknown": "feature_unknown",
    "FeatureNotInPlan": "feature_not_in_plan",
    "PlanNotFound": "plan_not_found",
    "SubscriptionRefused": "subscription_refused",
    "PackageNotFound": "package_not_found",
    "CampaignRefused": "campaign_refused",
    "CampaignNotFound": "campaign_not_found",
    "CodeNotFound": "code_not_found",
    "QuantityInvalid": "quantity_invalid",
    "CatalogInvalid": "catalog_invalid",
    "CatalogMissing": "catalog_missing",
    "CatalogUnknown": "catalog_unknown",
    "PricesMissing": "prices_missing",
    "LawBroken": "law_broken",
}


@pytest.mark.parametrize("table", NUMBERS, ids=lambda table: table.__name__)
def test_numbers_that_are_stored_never_change(table: type[IntEnum]):
    assert {member.name: member.value for member in table} == NUMBERS[table]


def test_every_number_that_entries_and_rows_keep_is_frozen_here():
    kept = {
        Kind, Effect, LotField, HoldField, AccountField, AllowanceField, BudgetField, AlertKind, AccountState,
        HoldState, SettlePolicy, RestPolicy, Mode, ChangeMode, SpentPolicy, Rollover, TurnPolicy, Subject, Cadence,
        SubscriptionField, Step,
    }  # fmt: skip

    assert set(NUMBERS) == kept


def test_the_columns_of_an_entry_keep_their_order():
    assert " ".join(Entry._fields) == COLUMNS
    assert Entry._fields[25:38] == About._fields


def test_terms_keep_their_numbers():
    assert " ".join(Terms._fields) == TERMS
    assert " ".join(TopUp._fields) == TOP_UP


def list_errors(kind: type[FarthingError] = FarthingError) -> list[type[FarthingError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in list_errors(child))]


def test_every_error_has_its_code_for_ever():
    assert {kind.__name__: kind.code for kind in list_errors()} == CODES


def test_no_two_errors_share_a_code():
    kinds = list_errors()

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert [kind.__name__ for kind in kinds if "code" not in vars(kind) or not kind.__doc__] == []

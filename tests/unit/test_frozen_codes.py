"""What is stored or told to programs never changes its number, code or order: these tables only grow, at their ends."""

from enum import IntEnum

import pytest

from farthing.core.entries import AccountField, Effect, Entry, HoldField, Kind, LotField
from farthing.core.errors import FarthingError
from farthing.core.requests import About, Mode
from farthing.core.wallets import AccountState, HoldState, RestPolicy, SettlePolicy, Terms

NUMBERS: dict[type[IntEnum], dict[str, int]] = {
    Kind: {
        "OPENED": 1,
        "FROZEN": 2,
        "UNFROZEN": 3,
        "CLOSED": 4,
        "CONFIGURED": 5,
        "GRANTED": 10,
        "IMPORTED": 11,
        "STARTED": 12,
        "EXPIRED": 13,
        "GRACED": 14,
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
    AccountField: {"STATE": 1, "ZONE": 2},
    AccountState: {"NEW": 0, "ACTIVE": 1, "FROZEN": 2, "CLOSED": 3},
    HoldState: {"OPEN": 1, "SETTLED": 2, "RELEASED": 3, "TIMED_OUT": 4},
    SettlePolicy: {"BILL_FULL": 0, "CAP_HOLD": 1, "CAP_AVAILABLE": 2, "REJECT": 3},
    RestPolicy: {"BREAKAGE": 0, "GRACE": 1},
    Mode: {"STRICT": 0, "RECORD": 1, "ALL_AVAILABLE": 2},
}

COLUMNS = (
    "unit_id number kind lead_unit lead_number amount uncovered granted refunded adjusted spent expired lots covered "
    "bare debt balance_after held_after debt_after available_after of_number feature catalog_version effective_at "
    "recorded_at model member actor api_key quantity tokens_in tokens_cache_read tokens_cache_write tokens_out "
    "tokens_reasoning provider_cost_nanos duration_ms success key_digest request_digest note_digest effects hash"
)

TERMS = "overdraft settle_above_hold rest_of_ended_lot hold_ttl refund_grace"

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
    "LawBroken": "law_broken",
}


@pytest.mark.parametrize("table", NUMBERS, ids=lambda table: table.__name__)
def test_numbers_that_are_stored_never_change(table: type[IntEnum]):
    assert {member.name: member.value for member in table} == NUMBERS[table]


def test_every_number_that_entries_and_rows_keep_is_frozen_here():
    kept = {Kind, Effect, LotField, HoldField, AccountField, AccountState, HoldState, SettlePolicy, RestPolicy, Mode}

    assert set(NUMBERS) == kept


def test_the_columns_of_an_entry_keep_their_order():
    assert " ".join(Entry._fields) == COLUMNS
    assert Entry._fields[25:38] == About._fields


def test_terms_keep_their_numbers():
    assert " ".join(Terms._fields) == TERMS


def list_errors(kind: type[FarthingError] = FarthingError) -> list[type[FarthingError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in list_errors(child))]


def test_every_error_has_its_code_for_ever():
    assert {kind.__name__: kind.code for kind in list_errors()} == CODES


def test_no_two_errors_share_a_code():
    kinds = list_errors()

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert [kind.__name__ for kind in kinds if "code" not in vars(kind) or not kind.__doc__] == []

"""Bad input is refused by name, says what to write instead, and writes nothing."""

import pickle
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

import farthing
from farthing.face.ids import read_id, write_id
from farthing.values import errors


@pytest.fixture(autouse=True)
def writes_nothing(ledger):
    ledger.grant("acme", {"credits": 100, "generations": 10})
    before = list(ledger.history())
    yield
    assert list(ledger.history()) == before


@pytest.mark.parametrize(
    ("amount", "error", "says"),
    [
        (2.5, farthing.AmountIsFloat, r'write it as a string \("2.5"\)'),
        (True, farthing.AmountInvalid, "is not an amount"),
        (None, farthing.AmountInvalid, "is not an amount"),
        ("", farthing.AmountInvalid, "is not an amount"),
        ("2,50", farthing.AmountInvalid, "is not an amount"),
        ("1e3", farthing.AmountInvalid, "is not an amount"),
        ("٣", farthing.AmountInvalid, "is not an amount"),
        ("nan", farthing.AmountInvalid, "is not an amount"),
        (Decimal("NaN"), farthing.AmountInvalid, "is not a number"),
        (Decimal("Infinity"), farthing.AmountInvalid, "is not a number"),
        (-1, farthing.AmountInvalid, "is negative"),
        ("-0.01", farthing.AmountInvalid, "is negative"),
        ("2.1234567", farthing.AmountInvalid, "the nearest is 2.123457"),
        (2**63, farthing.AmountTooLarge, "the largest is 9223372036854.775807"),
        (Decimal("1E+30"), farthing.AmountTooLarge, "is too large"),
        ({}, farthing.AmountInvalid, "name 0 units"),
        ({"credits": 1, "generations": 1.5}, farthing.AmountIsFloat, "amount of generations 1.5"),
        ({"credits": 1, "generations": "1.5"}, farthing.AmountInvalid, "the nearest is 2"),
        ({"credits": 1, "tokens": 1}, farthing.UnitNotFound, "no unit tokens"),
        ({"credits": 1, 7: 1}, farthing.NameInvalid, "unit 7 is not a string but int"),
        ([1], farthing.AmountInvalid, "is not an amount"),
    ],
)
def test_a_wrong_amount_is_refused_by_every_verb_that_takes_one(ledger, amount, error, says):
    for verb in (ledger.charge, ledger.record, ledger.hold, ledger.grant, ledger.import_grant, ledger.set_used):
        with pytest.raises(error, match=says) as caught:
            verb("acme", amount, key="k")
        assert isinstance(caught.value, farthing.Refused)


@pytest.mark.parametrize("amount", [2.5, "2.1234567", "x", 2**63])
def test_an_adjustment_may_be_negative_and_nothing_else(ledger, amount):
    with pytest.raises(farthing.AmountInvalid):
        ledger.adjust("acme", amount)


def test_a_float_is_a_type_error_too(ledger):
    with pytest.raises(TypeError):
        ledger.charge("acme", 2.5)


@pytest.mark.parametrize("name", ["", "a" * 201, "a\nb", "a\x00b", "a\ud800", 1.5, None, True, b"acme"])
def test_an_account_that_cannot_be_stored_is_refused(ledger, name):
    for call in (
        lambda: ledger.charge(name, 1),
        lambda: ledger.open_account(name),
        lambda: ledger.balance(name),
        lambda: ledger.configure(name, overdraft=1),
    ):
        with pytest.raises(farthing.NameInvalid) as caught:
            call()
        assert caught.value.what == "account"


@pytest.mark.parametrize("option", ["feature", "model", "member", "actor", "api_key", "key"])
@pytest.mark.parametrize("value", ["", "a" * 256, "a\x07", "\udfff"])
def test_a_name_that_cannot_be_stored_is_refused(ledger, option, value):
    with pytest.raises(farthing.NameInvalid) as caught:
        ledger.charge("acme", 1, **{option: value})
    assert caught.value.what == option


BAD_OPTIONS: list[tuple[str, dict[str, Any], type[farthing.Refused], str]] = [
    ("charge", {"mode": "lenient"}, farthing.TermInvalid, "choose strict, record, all_available"),
    ("charge", {"mode": 1}, farthing.TermInvalid, "choose strict"),
    ("hold", {"mode": "lenient"}, farthing.TermInvalid, "choose strict, record, all_available, shrink"),
    ("hold", {"ttl": 60}, farthing.TimeInvalid, "is not a duration"),
    ("hold", {"ttl": timedelta(days=401)}, farthing.TimeInvalid, "the longest is 400 days"),
    ("grant", {"priority": 1001}, farthing.TermInvalid, "from 0 to 1000"),
    ("grant", {"priority": True}, farthing.TermInvalid, "from 0 to 1000"),
    ("grant", {"features": "video"}, farthing.TermInvalid, "is not a list"),
    ("grant", {"features": []}, farthing.TermInvalid, "name 1 to 32"),
    ("grant", {"features": [f"f{n}" for n in range(33)]}, farthing.TermInvalid, "name 1 to 32"),
    ("grant", {"features": [1]}, farthing.NameInvalid, "feature 1 is not a string but int"),
    ("grant", {"promotional": 1}, farthing.TermInvalid, "write True or False"),
    ("grant", {"source": ""}, farthing.NameInvalid, "source"),
    ("grant", {"paid": "12 GHS"}, farthing.AmountInvalid, r"\(1200, \"GHS\"\)"),
    ("grant", {"paid": (12.0, "GHS")}, farthing.AmountInvalid, "is not money"),
    ("grant", {"paid": (-1, "GHS")}, farthing.AmountInvalid, "is out of bounds"),
    ("grant", {"paid": (12, "cedi")}, farthing.TermInvalid, "ISO 4217"),
    (
        "grant",
        {"expires_in": timedelta(1), "through": date(2026, 12, 1)},
        farthing.TermInvalid,
        "expires_in and through together name more than one end",
    ),
    ("charge", {"unit": 1}, farthing.NameInvalid, "unit 1 is not a string but int"),
    ("charge", {"success": "yes"}, farthing.TermInvalid, "write True or False"),
    ("charge", {"duration": 3}, farthing.TimeInvalid, "is not a duration"),
    ("charge", {"duration": timedelta(-1)}, farthing.TimeInvalid, "is not a duration"),
    ("charge", {"quantity": 1.5}, farthing.AmountIsFloat, "quantity 1.5 is a float"),
    ("charge", {"provider_cost": "0.0000000001"}, farthing.AmountInvalid, "more than 9 decimal places"),
    ("charge", {"effective_at": "2026-01-01"}, farthing.TimeInvalid, "is not an instant"),
    ("charge", {"usage": {"input": 1}}, farthing.TermInvalid, "farthing.Usage"),
    ("charge", {"usage": farthing.Usage(input=-1)}, farthing.AmountInvalid, "usage.input -1 is negative"),
    ("charge", {"usage": farthing.Usage(output=2**63)}, farthing.AmountTooLarge, "usage.output"),
    ("charge", {"usage": farthing.Usage(input=1, cache_read=2)}, farthing.AmountInvalid, "is more than the input"),
    ("charge", {"usage": farthing.Usage(output=1, reasoning=2)}, farthing.AmountInvalid, "is more than the output"),
    ("charge", {"usage": farthing.Usage(model="a"), "model": "b"}, farthing.TermInvalid, "name the model once"),
    ("charge", {"metadata": {"x": float("nan")}}, farthing.NoteInvalid, "is not JSON"),
    ("charge", {"metadata": {"x": Decimal(1)}}, farthing.NoteInvalid, "a Decimal or a date as text"),
    ("charge", {"metadata": {1: "x"}}, farthing.NoteInvalid, "the key 1 is no text"),
    ("charge", {"metadata": {"x": {2: 1}}}, farthing.NoteInvalid, "the key 2 is no text"),
    ("charge", {"metadata": {"x": "\ud800"}}, farthing.NoteInvalid, "half a character"),
    ("charge", {"metadata": "x"}, farthing.NoteInvalid, "is not a mapping"),
    ("charge", {"metadata": {"x": "y" * 4096}}, farthing.NoteInvalid, "4096 at most"),
    ("charge", {"description": 1}, farthing.NoteInvalid, "is not text"),
    ("charge", {"description": "é" * 2048}, farthing.NoteInvalid, "4096 at most"),
    ("refund", {}, farthing.IdInvalid, "expected rct_… or hld_…"),
    ("settle", {}, farthing.IdInvalid, "expected hld_…"),
    ("void", {"grant": "gra_x"}, farthing.IdInvalid, "is mistyped"),
]


@pytest.mark.parametrize(("verb", "options", "error", "says"), BAD_OPTIONS)
def test_a_wrong_option_is_refused_by_name(ledger, verb, options, error, says):
    with pytest.raises(error, match=says):
        getattr(ledger, verb)("acme", 1, **options)


LONG: Any = 10**5000
"""A number that Python refuses to write out: that refusal must not be what the caller sees."""


@pytest.mark.parametrize(
    ("verb", "options", "error", "what"),
    [
        ("grant", {"priority": LONG}, farthing.TermInvalid, "priority"),
        ("grant", {"paid": (LONG, "GHS")}, farthing.AmountInvalid, "paid"),
        ("grant", {"paid": LONG}, farthing.AmountInvalid, "paid"),
        ("grant", {"features": LONG}, farthing.TermInvalid, "features"),
        ("grant", {"through": LONG}, farthing.TimeInvalid, "through"),
        ("charge", {"member": LONG}, farthing.NameInvalid, "member"),
        ("charge", {"quantity": LONG}, farthing.AmountTooLarge, "quantity"),
        ("charge", {"provider_cost": -LONG}, farthing.AmountTooLarge, "provider cost"),
        ("charge", {"usage": farthing.Usage(input=LONG)}, farthing.AmountTooLarge, "usage.input"),
        ("charge", {"usage": farthing.Usage(output=-LONG)}, farthing.AmountInvalid, "usage.output"),
        ("charge", {"usage": farthing.Usage(model=LONG), "model": "a"}, farthing.TermInvalid, "model"),
        ("charge", {"model": LONG, "usage": farthing.Usage(model="a")}, farthing.TermInvalid, "model"),
        ("charge", {"duration": LONG}, farthing.TimeInvalid, "duration"),
        ("charge", {"success": LONG}, farthing.TermInvalid, "success"),
        ("charge", {"mode": LONG}, farthing.TermInvalid, "mode"),
        ("charge", {"description": LONG}, farthing.NoteInvalid, "description"),
        ("charge", {"metadata": {"x": [LONG]}}, farthing.NoteInvalid, "metadata"),
        ("charge", {"metadata": {LONG: 1}}, farthing.NoteInvalid, "metadata"),
    ],
)
def test_a_number_too_long_to_be_written_out_is_refused_by_name(ledger, verb, options, error, what):
    with pytest.raises(error) as caught:
        getattr(ledger, verb)("acme", 1, **options)
    assert caught.value.what == what
    assert len(str(caught.value)) < 200


def test_a_line_with_a_number_too_long_to_be_written_out_can_be_shown():
    assert repr(farthing.Charge("acme", LONG)) == "Charge('acme', a number of 16610 bits)"


def test_a_refused_note_is_shown_as_the_caller_wrote_it(ledger):
    with pytest.raises(farthing.NoteInvalid, match=r"^metadata \{'x': nan\} is not JSON"):
        ledger.charge("acme", 1, metadata={"x": float("nan")})
    with pytest.raises(farthing.NoteInvalid, match=r"^description 'a.* has half a character"):
        ledger.charge("acme", 1, description="a\ud800")


def test_metadata_that_contains_itself_is_refused(ledger):
    knot: dict[str, Any] = {}
    knot["knot"] = knot

    with pytest.raises(farthing.NoteInvalid, match="contains itself"):
        ledger.charge("acme", 1, metadata=knot)


@pytest.mark.parametrize(
    ("terms", "error", "says"),
    [
        ({}, farthing.TermInvalid, "name one or more of overdraft, settle_above_hold"),
        ({"overdraft": 1.5}, farthing.AmountIsFloat, "overdraft 1.5"),
        ({"overdraft": -1}, farthing.AmountInvalid, "overdraft -1 is negative"),
        ({"settle_above_hold": "maybe"}, farthing.TermInvalid, "choose bill_full, cap_hold, cap_available, reject"),
        ({"rest_of_ended_lot": "maybe"}, farthing.TermInvalid, "choose breakage, grace"),
        ({"hold_ttl": timedelta(0)}, farthing.TimeInvalid, "hold_ttl"),
        ({"refund_grace": -1}, farthing.TimeInvalid, "refund_grace"),
        ({"refund_grace": True}, farthing.TimeInvalid, "refund_grace"),
        ({"refund_grace": 10**9}, farthing.TimeInvalid, "refund_grace"),
    ],
)
def test_wrong_terms_are_refused(ledger, terms, error, says):
    with pytest.raises(error, match=says):
        ledger.configure("acme", **terms)


def test_a_term_that_does_not_exist_is_a_type_error_as_with_other_verbs(ledger):
    for call in (lambda: ledger.configure("acme", foo=1), lambda: ledger.freeze("acme", foo=1)):
        with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
            call()


def test_a_catalog_that_cannot_be_read_is_refused_by_its_full_path(tmp_path):
    with pytest.raises(farthing.TermInvalid, match=r"studio\.toml' no such file|studio\.toml no such file"):
        farthing.open("memory:", catalog=tmp_path / "studio.toml")
    with pytest.raises(farthing.TermInvalid, match="is no file"):
        farthing.open("memory:", catalog=7)  # type: ignore[arg-type]


def test_a_unit_beside_amounts_that_name_theirs_is_refused(ledger):
    with pytest.raises(farthing.TermInvalid, match="leave it out"):
        ledger.charge("acme", {"credits": 1}, unit="credits")


def test_ids_of_another_kind_are_refused(ledger):
    grant = ledger.balance("acme").lots[0].grant

    for call in (
        lambda: ledger.settle(grant),
        lambda: ledger.refund(grant),
        lambda: ledger.release(7),
        lambda: ledger.extend("hld_", timedelta(1)),
        lambda: ledger.settle("hld_0000000"),
        lambda: ledger.void("acme", grant="hld_0"),
    ):
        with pytest.raises(farthing.IdInvalid):
            call()


def test_a_grant_of_another_account_cannot_be_voided_through_this_one(ledger):
    with farthing.open("memory:") as other:
        other.grant("first", 1)
        elsewhere = other.grant("second", 5).grant

    with pytest.raises(farthing.GrantNotFound):
        ledger.void("acme", grant=elsewhere)


@pytest.mark.parametrize("unit", [0, 77])
def test_ids_of_a_unit_that_this_book_does_not_have_name_nothing_here(ledger, unit):
    place = read_id(ledger.balance("acme").lots[0].grant, "gra")._replace(unit_id=unit)
    grant, hold, charge = [write_id(prefix, place) for prefix in ("gra", "hld", "rct")]

    for error, call in (
        (farthing.GrantNotFound, lambda: ledger.void("acme", grant=grant)),
        (farthing.GrantNotFound, lambda: ledger.void("acme", 1, grant=grant)),
        (farthing.HoldNotFound, lambda: ledger.settle(hold)),
        (farthing.HoldNotFound, lambda: ledger.settle(hold, 1)),
        (farthing.HoldNotFound, lambda: ledger.release(hold)),
        (farthing.HoldNotFound, lambda: ledger.extend(hold, timedelta(1))),
        (farthing.ChargeNotFound, lambda: ledger.refund(charge)),
        (farthing.ChargeNotFound, lambda: ledger.refund(charge, 1)),
    ):
        with pytest.raises(error):
            call()
    (answer,) = ledger.batch([farthing.Void("acme", grant=grant)])
    assert isinstance(answer, farthing.GrantNotFound)


def test_a_void_without_amount_or_grant_is_refused(ledger):
    with pytest.raises(farthing.AmountInvalid, match="amount of void is missing"):
        ledger.void("acme")
    grant = ledger.balance("acme").lots[0].grant
    with pytest.raises(farthing.AmountInvalid, match="other units"):
        ledger.void("acme", 1, grant=grant, unit="generations")


def collect(branch: type[errors.FarthingError]) -> list[type[errors.FarthingError]]:
    return [branch, *[leaf for below in branch.__subclasses__() for leaf in collect(below)]]


def test_every_error_is_exported():
    named = {kind.__name__ for kind in collect(errors.FarthingError) if kind.__module__ == errors.__name__}

    assert named - set(farthing.__all__) == set()


def test_refusals_carry_facts_and_travel_between_processes(ledger):
    for call in (
        lambda: ledger.charge("acme", 5000, feature="video"),
        lambda: ledger.charge("acme", 1.5),
        lambda: ledger.charge("nobody", 1),
        lambda: ledger.settle("hld_0"),
    ):
        with pytest.raises(farthing.Refused) as caught:
            call()
        again = pickle.loads(pickle.dumps(caught.value))
        assert (type(again), str(again), again.facts) == (type(caught.value), str(caught.value), caught.value.facts)
        assert caught.value.code

"""The adapter's own words, beyond what the cases in the project happen to say: small cases, their figures by hand."""

import ast

import pytest

from tests.peers.casefiles import HERE, Case
from tests.peers.lacking import READING, TIME_OF_DAY, find_reason
from tests.peers.plays import play_case

GRANT = {"at": "2024-01-01T00:00:00Z", "do": "grant", "id": "g", "amount": "10"}


def play(*steps, setup=()):
    """A case from steps that carry their own expectation under `expect`."""
    expect = [{"after": place, **step["expect"]} for place, step in enumerate(steps) if "expect" in step]
    said = [{name: value for name, value in step.items() if name != "expect"} for step in steps]
    return play_case(Case("own", "", list(setup), said, expect, False), "memory")


def test_extend_moves_the_deadline_and_is_refused_after_it():
    hold = {"do": "hold", "id": "h", "amount": "4", "ttl": 60}
    extend = {"at": "2024-01-01T00:00:50Z", "do": "extend", "id": "h", "ttl": 60, "expect": {"outcome": "ok"}}
    later = {"at": "2024-01-01T00:01:49Z", "do": "advance", "expect": {"held": "4"}}
    after = {"at": "2024-01-01T00:01:50Z", "do": "extend", "id": "h", "ttl": 60}

    assert play(GRANT, hold, extend, later, after | {"expect": {"outcome": "refused", "reason": "hold_closed"}}) is None


def test_shrink_holds_what_fits():
    hold = {"do": "hold", "id": "h", "amount": "40", "shrink": True}

    assert play(GRANT, hold | {"expect": {"amount": "10", "held": "10", "drew": [["g", "10"]]}}) is None


@pytest.mark.parametrize(
    ("policy", "amount", "debt"), [("bill_full", "25", "15"), ("cap_hold", "4", "0"), ("cap_available", "10", "0")]
)
def test_the_policy_for_cost_above_the_hold_is_a_setting_and_a_word_of_the_step(policy, amount, debt):
    hold, settle = {"do": "hold", "id": "h", "amount": "4"}, {"do": "settle", "id": "h", "amount": "25"}
    expect = {"expect": {"amount": amount, "debt": debt, "held": "0"}}
    setting = {"set": "settle_above_hold", "policy": policy}

    assert play(GRANT, hold, settle | expect, setup=[setting]) is None
    assert play(GRANT, hold, settle | expect | {"policy": policy}) is None


def test_a_settled_hold_is_refunded_by_its_own_name_or_by_that_of_its_settle():
    hold = {"do": "hold", "id": "h", "amount": "8"}
    settle = {"do": "settle", "id": "h", "amount": "6", "as": "s"}
    first = {"do": "refund", "of": "h", "amount": "2", "expect": {"amount": "2", "to": [["g", "2"]], "balance": "6"}}
    second = {"do": "refund", "of": "s", "amount": None, "expect": {"amount": "4", "balance": "10"}}
    third = {"do": "refund", "of": "h", "amount": "1", "expect": {"outcome": "refused"}}

    assert play(GRANT, hold, settle, first, second, third) is None


def test_a_refund_of_what_is_no_charge_is_refused():
    hold = {"do": "hold", "id": "h", "amount": "8"}

    for name in ("h", "g", "nobody"):
        assert play(GRANT, hold, {"do": "refund", "of": name, "amount": "1", "expect": {"outcome": "refused"}}) is None


@pytest.mark.parametrize(
    ("setup", "amount", "breakage"), [([], "0", "4"), ([{"set": "refund_grace_days", "days": 30}], "4", "0")]
)
def test_a_refund_to_an_ended_lot_is_breakage_unless_the_case_gives_days(setup, amount, breakage):
    grant = GRANT | {"expires": "2024-01-02T00:00:00Z", "amount": "4"}
    charge = {"do": "charge", "amount": "4", "as": "c"}
    refund = {"at": "2024-01-03T00:00:00Z", "do": "refund", "of": "c", "amount": None}
    expect = {"expect": {"amount": "4", "balance": amount, "breakage": breakage}}

    assert play(grant, charge, refund | expect, setup=setup) is None


def test_void_takes_part_of_a_grant_or_follows_the_burn_down_order():
    other = GRANT | {"id": "first", "priority": 1}
    part = {"do": "void", "grant": "g", "amount": "3", "expect": {"amount": "3", "lots": {"g": "7", "first": "10"}}}
    order = {"do": "void", "amount": "12", "expect": {"drew": [["first", "10"], ["g", "2"]], "lots": {"g": "5"}}}
    unknown = {"do": "void", "grant": "nobody", "expect": {"outcome": "refused"}}

    assert play(GRANT, other, part, order, unknown) is None


def test_forgiven_debt_is_written_off_and_counted():
    charge = {"do": "charge", "amount": "14", "mode": "record", "expect": {"debt": "4", "available": "-4"}}
    forgive = {"do": "forgive", "expect": {"amount": "4", "debt": "0", "written_off": "4", "balance": "0"}}

    assert play(GRANT, charge, forgive) is None


def test_a_bare_hold_counts_against_what_is_available():
    setting = {"set": "overdraft", "limit": "20"}
    hold = {"do": "hold", "id": "h", "amount": "25", "expect": {"available": "5", "held": "25", "balance": "10"}}
    release = {"do": "release", "id": "h", "expect": {"available": "30", "debt": "0", "balance": "10"}}

    assert play(GRANT, hold, release, setup=[setting]) is None


def test_a_step_from_before_is_reported_late_and_paid_by_the_lots_of_now():
    late = {"at": "2023-12-01T00:00:00Z", "do": "charge", "amount": "4", "mode": "record"}
    expect = {"expect": {"outcome": "ok", "amount": "4", "balance": "6"}}

    assert play({"at": "2024-01-01T00:00:00Z", "do": "advance"}, GRANT, late | expect) is None


def test_keys_of_every_kind_are_replayed_and_refused():
    steps = [GRANT | {"key": "g"}, GRANT | {"key": "g", "expect": {"outcome": "replayed", "balance": "10"}}]
    for name, word in (
        ("hold", {"id": "h", "amount": "4"}),
        ("extend", {"id": "h", "ttl": 600}),
        ("settle", {"id": "h", "amount": "3"}),
        ("charge", {"amount": "1", "as": "c"}),
        ("refund", {"of": "c", "amount": "1"}),
        ("void", {"amount": "1"}),
        ("forgive", {}),
    ):
        step = {"do": name, "key": name, **word}
        steps += [step | {"expect": {"outcome": "ok"}}, step | {"expect": {"outcome": "replayed"}}]
    steps.append({"do": "charge", "amount": "2", "key": "hold", "expect": {"outcome": "key_reused", "balance": "6"}})

    assert play(*steps) is None


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"do": "chrage", "amount": "1"}], "no such operation: chrage"),
        ([{"do": "balance", "expect": {"balanse": "1"}}], "no such assertion: balanse"),
        ([{"do": "balance", "expect": {"lots": {"x": "1"}}}], "no such lot: x"),
        ([{"do": "hold", "id": "h"}], "not given"),
        ([{"do": "grant", "id": "g", "amount": "1", "expires": "tomorrow"}], "Invalid isoformat string"),
    ],
)
def test_a_case_with_a_word_that_nobody_knows_fails_and_names_it(steps, said):
    found = play(GRANT, *steps)

    assert found is not None
    assert said in str(found.got)


def test_a_setting_that_nobody_knows_fails_and_is_named():
    found = play(GRANT, setup=[{"set": "overdarft", "limit": "1"}])

    assert found is not None
    assert "no such setting: overdarft" in str(found.got)


def test_a_float_among_the_amounts_is_refused_by_farthing_itself():
    assert play(GRANT, {"do": "charge", "amount": 1.5, "expect": {"outcome": "refused", "balance": "10"}}) is None


def test_what_is_skipped_says_why():
    by_hour = Case("own", "", [], [{"do": "quote", "price": {"model": "tokens", "off_peak": {}}}], [], False)

    assert find_reason(by_hour) == TIME_OF_DAY
    assert find_reason(by_hour._replace(is_for_reading=True)) == READING
    assert find_reason(by_hour._replace(steps=[{"do": "quote", "price": {"model": "tokens"}}])) is None


WITHOUT_A_WALLET = {
    "calendar": {"farthing.values.periods", "farthing.engine.zones"},
    "recurring": {"farthing.values.periods", "farthing.engine.zones"},
    "reckoning": {"farthing.values.amounts"},
    "prorating": {"farthing.tariff.proration", "farthing.engine.zones", "farthing.values.amounts"},
    "pricing": {"farthing.tariff.prices", "farthing.tariff.pricing", "farthing.values.amounts"},
}
"""What is asked directly, since it is reckoning that needs no ledger and is not sold on the face."""


@pytest.mark.parametrize("path", sorted(HERE.glob("*.py")), ids=lambda path: path.stem)
def test_nothing_here_reaches_behind_the_face(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]

    ours = {module for module in modules if module.split(".")[0] == "farthing"}
    assert ours <= {"farthing", "farthing.testing"} | WITHOUT_A_WALLET.get(path.stem, set())


def test_a_period_of_the_calendar_begins_no_earlier_than_the_case_says_and_days_may_be_counted_by_the_dozen():
    month = {"do": "period_at", "anchor": None, "every": "month", "moment": "2024-02-20T00:00:00Z"}
    first = month | {"not_before": "2024-02-10T00:00:00Z", "expect": {"period_start": "2024-02-10T00:00:00Z"}}
    later = month | {"not_before": "2024-01-10T00:00:00Z", "expect": {"period_start": "2024-02-01T00:00:00Z"}}
    dozen = {"do": "schedule", "anchor": "2024-01-01T00:00:00Z", "every": "12_days", "count": 2, "from": -1, "to": 0}
    times = ["2023-12-08T00:00:00Z", "2024-01-01T00:00:00Z"]

    assert play(first, later, dozen | {"expect": {"times": times}}) is None


def test_a_cadence_that_nobody_knows_fails_and_is_named():
    found = play({"do": "schedule", "anchor": "2024-01-01T00:00:00Z", "every": "moon", "from": 0, "to": 1})

    assert found is not None
    assert "no such cadence: moon" in str(found.got)


@pytest.mark.parametrize(
    ("price", "asked", "figure"),
    [
        ({"model": "per_unit", "unit": "0.000000075"}, {"quantity": "1"}, "0.000000075"),
        ({"model": "per_unit", "unit": "0.125", "round_to": 2, "round": "half_even"}, {"quantity": "1"}, "0.12"),
        ({"model": "package", "size": "10", "price": "3", "round": "down"}, {"quantity": "29"}, "6"),
        ({"model": "percentage", "rate": "2.5"}, {"quantity": "200"}, "5"),
        (
            {"model": "percentage_events", "rate": "10", "fixed": "1", "free_events": 1},
            {"usage": {"events": ["50", "20"]}},
            "3",
        ),
        (
            {"model": "percentage_events", "rate": "10", "fixed": "1", "free_units": "60"},
            {"usage": {"events": ["50", "20"]}},
            "2",
        ),
        ({"model": "tokens_per_credit", "tokens": "2000"}, {"usage": {"input": "2500", "output": "500"}}, "1.5"),
        ({"model": "tokens_per_credit", "tokens": "2000", "round": "up"}, {"quantity": "2001"}, "2"),
        ({"model": "tokens", "per_item": "0.04", "default_items": 1}, {"usage": {}}, "0.04"),
        ({"model": "tokens", "per_item": "0.04", "default_items": 1}, {"usage": {"items": "3"}}, "0.12"),
        ({"model": "package", "size": "10", "price": "15"}, {"quantity": "5", "already_billed": "15"}, "0"),
    ],
)
def test_prices_are_read_from_every_word_that_a_case_may_use(price, asked, figure):
    assert play({"do": "quote", "price": price, **asked, "expect": {"outcome": "ok", "price": figure}}) is None


def test_a_case_that_names_a_unit_is_charged_in_its_smallest_parts():
    quote = {"do": "quote", "price": {"model": "per_unit", "unit": "0.000000075"}, "quantity": "1"}

    assert play(quote | {"expect": {"price": "0.000001"}}, setup=[{"set": "unit", "scale": 6}]) is None


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ({"model": "gradual"}, "no such price model: gradual"),
        ({"model": "per_unit", "unit": "1", "round": "sideways"}, "no such rounding: sideways"),
        ({"model": "package", "size": "10"}, "not given"),
    ],
)
def test_a_price_with_a_word_that_nobody_knows_fails_and_names_it(price, said):
    found = play({"do": "quote", "price": price, "quantity": "1"})

    assert found is not None
    assert said in str(found.got)


@pytest.mark.parametrize(
    ("terms", "amount"),
    [
        ({"basis": "fixed_30"}, "1.6667"),
        ({"basis": "fixed_n", "days_in_month": "31"}, "1.9355"),
        ({"basis": "day", "until": "2024-02-28T00:00:00Z", "times": "2"}, "1.3793"),
        ({"at": "2024-02-24T12:00:00Z"}, "1.8966"),
    ],
)
def test_proration_is_read_from_every_word_that_a_case_may_use(terms, amount):
    said = {"amount": "10", "start": "2024-02-01T00:00:00Z", "end": "2024-03-01T00:00:00Z", "digits": "4"}
    said |= {"at": "2024-02-26T00:00:00Z"} | terms

    assert play({"do": "prorate", "terms": said, "expect": {"amount": amount}}) is None


def test_a_basis_that_nobody_knows_is_refused():
    instant = "2024-02-01T00:00:00Z"
    terms = {"amount": "10", "start": instant, "end": "2024-03-01T00:00:00Z", "at": instant, "basis": "moon"}

    assert play({"do": "prorate", "terms": terms, "expect": {"outcome": "refused"}}) is None

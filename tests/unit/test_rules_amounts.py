"""Rule 26: entered amounts are kept exactly or refused, computed ones rounded once, wholes split without a rest."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from farthing.values.amounts import (
    Rounding,
    Unit,
    allocate,
    convert_quantity,
    divide_half_up,
    read_amount,
    round_amount,
    to_decimal,
    to_text,
)
from farthing.values.bounds import LARGEST_AMOUNT
from farthing.values.errors import AmountInvalid, AmountIsFloat, AmountTooLarge

UNIT = Unit(1, "credits")
WHOLE = Unit(1, "generations", 0, 0)


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (0, 0),
        (12, 12_000_000),
        ("12.5", 12_500_000),
        ("12.500000", 12_500_000),
        ("0.000001", 1),
        ("+3", 3_000_000),
        ("12.5000000000", 12_500_000),
        (Decimal("2.50"), 2_500_000),
        (Decimal("1E+3"), 1_000_000_000),
        (Decimal("1E-6"), 1),
        ("-0", 0),
        ("9223372036854.775807", LARGEST_AMOUNT),
    ],
)
def test_rule_26_entered_amounts_are_kept_exactly(given, parts):
    assert read_amount(given, UNIT) == parts


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("0.0000001", "0.00"),
        ("0.0000005", "0.000001"),
        ("1.0000014999", "1.000001"),
        ("1.0000015", "1.000002"),
        (Decimal("0.00000049999999999999999999"), "0.00"),
        (Decimal("1E-30"), "0.00"),
        (Decimal("1E-200"), "0.00"),
    ],
)
def test_rule_26_too_many_digits_are_refused_and_the_nearest_amount_is_named(given, nearest):
    with pytest.raises(AmountInvalid) as refused:
        read_amount(given, UNIT)

    assert refused.value.advice == f"the nearest is {nearest}"
    assert refused.value.problem == "has more than 6 decimal places"


def test_rule_26_the_nearest_amount_below_zero_is_half_up_too():
    with pytest.raises(AmountInvalid, match=r"the nearest is -0\.000001"):
        read_amount("-0.0000005", UNIT, signed=True)


def test_rule_26_a_unit_of_whole_things_takes_no_part_of_one():
    with pytest.raises(AmountInvalid, match="the nearest is 3"):
        read_amount("2.5", WHOLE)

    assert read_amount("2.0", WHOLE) == 2


@pytest.mark.parametrize("given", ["-1", -1, Decimal("-0.000001")])
def test_rule_26_negative_is_allowed_nowhere(given):
    with pytest.raises(AmountInvalid, match="is negative"):
        read_amount(given, UNIT)


def test_rule_26_a_correction_may_be_negative():
    assert read_amount("-1.5", UNIT, signed=True) == -1_500_000


@pytest.mark.parametrize("given", [1.0, 0.1, float("nan"), float("inf"), -0.0])
def test_rule_26_a_float_is_refused_and_told_what_to_write(given):
    with pytest.raises(AmountIsFloat) as refused:
        read_amount(given, UNIT)

    assert isinstance(refused.value, TypeError)
    assert f'write it as a string ("{given!r}")' in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        True,
        False,
        None,
        "",
        "abc",
        "1,5",
        "1.",
        ".5",
        "1e3",
        "0x10",
        " 1",
        "1 ",
        "١",
        "--1",
        "1_000",
        b"1",
        [1],
        "1" * 41,
    ]
    + [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Fraction(1, 2), 1 + 0j],
    ids=repr,
)
def test_rule_26_what_is_no_amount_is_refused(given):
    with pytest.raises(AmountInvalid):
        read_amount(given, UNIT)


@pytest.mark.parametrize(
    "given", ["9223372036854.775808", 9_223_372_036_855, Decimal("1E+20"), Decimal("1E+41"), Decimal("1E+999999")]
)
def test_rule_26_beyond_the_largest_amount_is_refused_by_name(given):
    with pytest.raises(AmountTooLarge) as refused:
        read_amount(given, UNIT)

    assert refused.value.largest == Decimal("9223372036854.775807")


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (2_500_000, "2.50"),
        (-2_500_000, "-2.50"),
        (97_123_400, "97.1234"),
        (-1, "-0.000001"),
        (LARGEST_AMOUNT, "9223372036854.775807"),
    ],
)
def test_rule_26_amounts_are_shown_with_at_least_the_units_digits(parts, text):
    assert to_text(parts, UNIT) == text
    assert to_decimal(parts, UNIT) == Decimal(text)


@pytest.mark.parametrize(
    ("unit", "text"),
    [(WHOLE, "5"), (Unit(1, "u", 0, 2), "5.00"), (Unit(1, "u", 2, 0), "0.05"), (Unit(1, "u", 3, 3), "0.005")],
)
def test_rule_26_a_unit_says_how_many_digits_are_shown(unit, text):
    assert to_text(5, unit) == text


def test_rule_26_a_whole_amount_in_a_unit_without_digits_has_no_point():
    assert to_text(300, Unit(1, "u", 2, 0)) == "3"


def test_rule_26_the_callers_decimal_context_changes_nothing():
    with localcontext() as context:
        context.prec = 3

        assert to_decimal(LARGEST_AMOUNT, UNIT) == Decimal("9223372036854.775807")
        assert read_amount(Decimal("9223372036854.775807"), UNIT) == LARGEST_AMOUNT
        assert round_amount(Decimal("123456.785"), 2) == Decimal("123456.79")


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("2.4", 0, "2"),
        ("-2.4", 0, "-2"),
        ("114.4", 0, "114"),
        ("17.9699999999999988631316", 2, "17.97"),
        ("0.005", 2, "0.01"),
        ("0.0049999999999999999999", 2, "0.00"),
        ("-0.005", 2, "-0.01"),
        ("1E+3", 2, "1000.00"),
    ],
)
def test_rule_26_computed_amounts_round_half_up_away_from_zero(value, digits, rounded):
    assert round_amount(Decimal(value), digits) == Decimal(rounded)


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(7, 2, 4), (-7, 2, -4), (7, -2, -4), (-7, -2, 4), (10, 4, 3), (9, 4, 2), (0, 5, 0), (1, 3, 0), (2, 3, 1)],
)
def test_rule_26_a_quotient_rounds_half_up_whatever_the_signs(numerator, denominator, quotient):
    assert divide_half_up(numerator, denominator) == quotient


@pytest.mark.parametrize(
    ("total", "portions", "parts"),
    [
        (10, [Fraction(1, 3)] * 3, [4, 3, 3]),
        (11, [Fraction(1, 3)] * 3, [4, 4, 3]),
        (77, [Fraction(1, 2)] * 2, [39, 38]),
        (15, [Fraction(80, 100), Fraction(15, 100), None], [13, 2, 0]),
        (99, [Fraction(15, 100), Fraction(30, 100), None], [15, 30, 54]),
        (5, [None], [5]),
        (5, [None, Fraction(1, 2)], [3, 2]),
        (0, [Fraction(1, 2)] * 2, [0, 0]),
    ],
)
def test_rule_26_splitting_floors_then_gives_one_part_each_from_the_first(total, portions, parts):
    assert allocate(total, portions) == parts
    assert sum(parts) == total


@pytest.mark.parametrize(
    "portions",
    [[Fraction(1, 2)], [Fraction(2, 3)] * 2, [None, None], [], [Fraction(2, 3), Fraction(2, 3), None]],
    ids=["too little", "too much", "two rests", "nothing", "too much with a rest"],
)
def test_rule_26_portions_that_do_not_make_a_whole_are_refused(portions):
    with pytest.raises(AmountInvalid, match="do not add up to a whole"):
        allocate(10, portions)


@pytest.mark.parametrize(
    ("quantity", "factor", "is_divided", "converted"),
    [
        ("4.2", "1.5", False, "6.3"),
        ("1247", "1000", True, "1.247"),
        ("1", "8", True, "0.125"),
        ("-1", "3200", True, "-0.0003125"),
        ("0", "7", True, "0"),
        ("1E+30", "1E-30", False, "1"),
        ("14", "7", True, "2"),
    ],
)
def test_rule_26_a_quantity_is_converted_exactly(quantity, factor, is_divided, converted):
    found = convert_quantity(Decimal(quantity), Decimal(factor), is_divided=is_divided)

    assert str(found) == converted


ROUNDED = [
    (Rounding.HALF_UP, ["2", "3", "3", "4", "-3", "-2"]),
    (Rounding.HALF_EVEN, ["2", "2", "3", "4", "-2", "-2"]),
    (Rounding.CEILING, ["3", "3", "3", "4", "-2", "-2"]),
    (Rounding.FLOOR, ["2", "2", "2", "3", "-3", "-3"]),
]


@pytest.mark.parametrize(("rounding", "rounded"), ROUNDED)
def test_rule_26_and_rounded_once_the_way_that_is_named(rounding, rounded):
    quantities = [Decimal(number) for number in (2400, 2500, 2600, 3500, -2500, -2400)]

    found = [convert_quantity(each, Decimal(1000), is_divided=True, digits=0, rounding=rounding) for each in quantities]

    assert [str(each) for each in found] == rounded


def test_rule_26_an_exact_multiple_is_never_raised_and_digits_are_kept():
    one = convert_quantity(Decimal(1000), Decimal(1000), is_divided=True, digits=0, rounding=Rounding.CEILING)
    other = convert_quantity(Decimal(1247), Decimal(1000), is_divided=True, digits=2, rounding=Rounding.CEILING)

    assert (str(one), str(other)) == ("1", "1.25")


@pytest.mark.parametrize(
    ("quantity", "factor", "said"),
    [
        ("1", "3", "has no end"),
        ("1", "0", "divides nothing"),
        ("NaN", "1", "not a number"),
        ("1", "Infinity", "factor"),
    ],
)
def test_rule_26_what_cannot_be_converted_exactly_is_refused(quantity, factor, said):
    with pytest.raises(AmountInvalid, match=said):
        convert_quantity(Decimal(quantity), Decimal(factor), is_divided=True)

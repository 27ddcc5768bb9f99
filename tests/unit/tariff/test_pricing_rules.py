"""Rules 24 to 26 on prices, and the two prices with a memory. Rule 23 is in `test_pricing_tokens.py`."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.tariff.prices import PerBlock, PerQuantity, PerRequest, Price, Tier, Tiered, Use
from farthing.tariff.pricing import PeriodPrice, Remainder, carry_price, reckon
from farthing.values.amounts import Rounding, Unit
from farthing.values.errors import AmountTooLarge, TermInvalid

CREDITS = Unit(1, "credits", 6, 0)
CENTS = Unit(2, "cents", 0, 0)


def graduated(*tiers, **more):
    read = [Tier(None if up_to is None else Fraction(up_to), *map(Fraction, rest)) for up_to, *rest in tiers]
    return Tiered(mode="graduated", tiers=tuple(read), **more)


def parts(price, quantity, unit=CENTS, **more):
    found = reckon(price, Use(quantity=Fraction(quantity)), unit, **more)
    assert sum(line.subtotal for line in found.lines) == Fraction(found.parts, unit.per_whole)
    return found.parts


OPENING = graduated(("5", "0", "100"), ("10", "0", "50"), ("15", "5"), (None, "1"), over="period")


def test_rule_24_upper_bounds_are_inclusive():
    assert [parts(OPENING, quantity) for quantity in ("5", "5.001", "10", "15", "16")] == [100, 150, 150, 175, 176]


def test_rule_24_a_flat_fee_at_zero_is_off_unless_it_is_wanted():
    tiers = (("5", "0", "100"), (None, "1"))

    assert parts(graduated(*tiers), "0") == 0
    assert parts(graduated(*tiers, flat_at_zero=True), "0") == 100


def test_rule_24_over_a_period_a_charge_is_what_the_whole_costs_more_than_what_came_before():
    assert parts(OPENING, "10", before=Fraction(12)) == 22
    assert [parts(OPENING, "5", before=Fraction(before)) for before in (0, 5, 10, 15, 20)] == [100, 50, 25, 5, 5]


def test_rule_24_packages_over_a_period():
    price = PerBlock(amount=Fraction(15), size=Fraction(10), over="period")

    assert [parts(price, "5", before=Fraction(before)) for before in (0, 5, 10, 17)] == [15, 0, 15, 15]


def test_rule_24_a_period_charges_nothing_for_nothing_and_its_minimum_and_flat_fee_once():
    price = graduated((None, "1", "10"), over="period", flat_at_zero=True, minimum=Fraction(20), maximum=Fraction(30))

    assert [parts(price, quantity, before=Fraction(before)) for quantity, before in ((0, 0), (1, 0), (0, 1))] == [
        0,
        20,
        0,
    ]
    assert [parts(price, "5", before=Fraction(before)) for before in (1, 6, 11, 16)] == [0, 1, 5, 4]


def test_rule_24_volume_over_a_period_is_refused_since_it_would_be_negative():
    price = Tiered(mode="volume", tiers=(Tier(Fraction(10), Fraction(2)), Tier(None, Fraction(1))), over="period")

    with pytest.raises(TermInvalid, match="graduated"):
        parts(price, "5", before=Fraction(8))


def test_rule_24_what_was_charged_already_is_taken_off_and_never_paid_back():
    price = PerQuantity(amount=Fraction("1.33333"), places=2)

    assert parts(price, "50", CREDITS, before=Fraction(70), billed=93_330_000) == 66_670_000
    assert parts(price, "1", CREDITS, billed=93_330_000) == 0


def test_rule_25_a_price_above_zero_never_charges_zero_and_the_exact_price_is_kept():
    found = reckon(PerQuantity(amount=Fraction("0.075"), size=Fraction(1_000_000)), Use(), CREDITS)

    assert (found.parts, found.exact) == (1, Fraction("0.000000075"))
    assert parts(PerQuantity(amount=Fraction("0.075"), size=Fraction(1_000_000)), "0", CREDITS) == 0


@pytest.mark.parametrize("rounding", Rounding)
def test_rule_25_whatever_the_rounding_is(rounding):
    assert parts(PerRequest(amount=Fraction(1, 10**9), rounding=rounding), "1", CREDITS) == 1


def test_rule_25_what_is_carried_is_charged_once_it_is_a_smallest_part():
    price = PerQuantity(amount=Fraction("0.0000004"), is_carried=True)
    meter, quantity = carry_price(price, CREDITS, reckon(price, Use(), CREDITS))

    rest, charged = 0, []
    for _ in range(10):
        amount, rest = meter.advance(rest, quantity)
        charged.append(amount)
    assert charged == [0, 0, 1, 0, 1, 0, 0, 1, 0, 1]
    assert rest == 0


def test_rule_25_what_is_carried_may_be_charged_in_whole_units():
    price = PerQuantity(amount=Fraction(1, 2000), places=0, is_carried=True)
    meter, quantity = carry_price(price, CREDITS, reckon(price, Use(quantity=Fraction(1500)), CREDITS))

    first, rest = meter.advance(0, quantity)
    second, rest = meter.advance(rest, quantity)
    assert (first, second, rest) == (0, 1_000_000, 500_000 * 10**12)


@pytest.mark.parametrize("scale", range(13))
def test_rule_25_a_rest_that_is_carried_fits_in_a_counter(scale):
    meter = Remainder(Unit(1, "credits", scale, 0), 0)

    assert meter.advance(0, meter.finest * 10**scale - 1) == (0, meter.finest * 10**scale - 1)
    assert meter.finest * 10**scale <= 10**18


def test_rule_26_computed_prices_are_rounded_once_half_up():
    price = graduated(("1", "0.5"), (None, "0.5"))

    assert parts(price, "2") == 1
    assert parts(price, "3") == 2


def test_a_price_beyond_what_can_be_counted_is_refused():
    with pytest.raises(AmountTooLarge, match="price"):
        parts(PerQuantity(amount=Fraction(10**12)), "10000000", CREDITS)


rates = st.fractions(0, 10, max_denominator=1000)
sizes = st.fractions(Fraction(1, 10), 20, max_denominator=10)
quantities = st.integers(0, 50_000_000).map(lambda millionths: Fraction(millionths, 1_000_000))
roundings = st.sampled_from(Rounding)


@st.composite
def period_prices(draw):
    """A price whose quantity is counted over a period."""
    said = {"over": "period", "rounding": draw(roundings), "places": draw(st.sampled_from([None, 0, 2]))}
    if draw(st.booleans()):
        way = draw(st.sampled_from(["up", "down"]))
        return PerBlock(amount=draw(rates), size=draw(sizes), free=draw(quantities), block_rounding=way, **said)
    ends = sorted(draw(st.sets(st.integers(1, 40), max_size=3)))
    tiers = [Tier(end, draw(rates), draw(rates), draw(rates)) for end in [*map(Fraction, ends), None]]
    bounds = {"minimum": draw(st.none() | rates), "maximum": draw(st.none() | rates.map(lambda rate: rate + 10))}
    size = draw(st.none() | sizes)
    return Tiered(mode="graduated", tiers=tuple(tiers), flat_at_zero=draw(st.booleans()), size=size, **bounds, **said)


@given(period_prices(), st.lists(quantities, min_size=1, max_size=8), st.sampled_from([CREDITS, CENTS]))
def test_rule_24_the_parts_of_a_period_add_up_to_its_whole(price, split, unit):
    meter, before, charged = PeriodPrice(price, unit), 0, 0
    for quantity in split:
        amount, before = meter.advance(before, int(quantity * 1_000_000))
        assert amount >= 0
        charged += amount

    assert charged == reckon(price, Use(quantity=sum(split)), unit).parts


@given(period_prices(), quantities, quantities)
def test_more_never_costs_less(price, less, more):
    less, more = sorted((less, more))

    assert reckon(price, Use(quantity=less), CENTS).parts <= reckon(price, Use(quantity=more), CENTS).parts


@given(rates, sizes, quantities, roundings, st.sampled_from([None, 0, 3]))
def test_rule_26_an_amount_is_its_exact_price_rounded_and_zero_only_for_zero(amount, size, quantity, way, places):
    price = PerQuantity(amount=amount, size=size, rounding=way, places=places)
    found = reckon(price, Use(quantity=quantity), CREDITS)
    step = Fraction(1, 10 ** (6 if places is None else places))

    assert found.exact == amount * quantity / size
    assert (found.parts == 0) == (found.exact == 0)
    if found.parts > 1:
        off = Fraction(found.parts, CREDITS.per_whole) - found.exact
        assert abs(off) < step if way in (Rounding.CEILING, Rounding.FLOOR) else abs(off) <= step / 2
        assert off >= 0 if way == Rounding.CEILING else off <= 0 if way == Rounding.FLOOR else True


@given(st.lists(quantities, max_size=10), rates, st.sampled_from([None, 0, 3]), st.integers(0, 12))
def test_rule_25_what_is_carried_loses_nothing(split, amount, places, scale):
    unit = Unit(1, "credits", scale, 0)
    price = PerQuantity(amount=amount, places=places, is_carried=True)
    rest = charged = 0
    for quantity in split:
        meter, advanced = carry_price(price, unit, reckon(price, Use(quantity=quantity), unit))
        step = 10 ** (scale - meter.places)
        amount_now, rest = meter.advance(rest, advanced)
        assert amount_now % step == 0
        assert 0 <= rest < meter.finest * step
        charged += amount_now

    exact = sum(split) * amount * unit.per_whole
    kept = charged + Fraction(rest, Remainder(unit, 0).finest)
    assert 0 <= exact - kept <= Fraction(len(split), Remainder(unit, 0).finest)


@given(period_prices())
def test_a_meter_of_the_same_price_is_the_same_and_says_so(price):
    assert repr(PeriodPrice(price, CREDITS)) == repr(PeriodPrice(price, CREDITS))
    assert isinstance(price, Price)
    assert hash(PeriodPrice(price, CREDITS)) == hash(PeriodPrice(price, CREDITS))

"""Quantities as people say them, in the measure of a feature."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from farthing.tariff.catalog import Feature, ModelPrice
from farthing.tariff.errors import QuantityInvalid
from farthing.tariff.prices import PerBlock, PerRequest
from farthing.tariff.quantities import read_quantity
from farthing.values.errors import AmountIsFloat

BLOCKS = (PerBlock(amount=Fraction(1), size=Fraction(15)),)
AUDIO = Feature(name="audio", measure="seconds", converts={"characters": Fraction(1, 15)}, prices=BLOCKS)
HOURS = Feature(name="hire", measure="hours", prices=BLOCKS)
IMAGES = Feature(name="image", measure="free_images", converts={"sheets": Fraction(12)}, prices=BLOCKS)
PLAIN = Feature(name="plain", prices=(PerRequest(amount=Fraction(5)),))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("8s", "8"),
        ("8 s", "8"),
        ("8 sec", "8"),
        ("1 second", "1"),
        ("8 SECONDS", "8"),
        (" 2 min ", "120"),
        ("1.5 minutes", "90"),
        ("1 minute", "60"),
        ("0.5h", "1800"),
        ("2 hours", "7200"),
        ("250ms", "0.25"),
        ("300 characters", "20"),
        ("1 character", "1/15"),
        ("300", "300"),
        (300, "300"),
        (0, "0"),
        (Decimal("2.5"), "2.5"),
        (Decimal("1E+2"), "100"),
        (Fraction(1, 3), "1/3"),
        (timedelta(minutes=1, microseconds=1), "60.000001"),
    ],
)
def test_a_length_of_time_is_read_exactly(said, expected):
    assert read_quantity(AUDIO, said) == Fraction(expected)


@pytest.mark.parametrize(("said", "expected"), [("90 min", "1.5"), (2, "2"), (timedelta(minutes=45), "0.75")])
def test_any_measure_of_time_knows_all_of_them(said, expected):
    assert read_quantity(HOURS, said) == Fraction(expected)


@pytest.mark.parametrize(
    ("said", "expected"), [("3 free images", 3), ("1 free_image", 1), ("2 sheets", 24), ("1 sheet", 12)]
)
def test_measures_and_conversions_may_have_any_name(said, expected):
    assert read_quantity(IMAGES, said) == expected


def test_a_feature_that_converts_time_understands_all_words_of_it():
    speech = Feature(name="speech", measure="characters", converts={"seconds": Fraction(15)}, prices=BLOCKS)

    assert read_quantity(speech, "2 min") == 1800


@pytest.mark.parametrize("said", [1.5, 8.0, float("nan"), float("inf")])
def test_a_float_is_refused(said):
    with pytest.raises(AmountIsFloat, match="write it as a string"):
        read_quantity(AUDIO, said)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "s",
        "eight",
        "8,5",
        "1e3",
        "٣",
        "8 s 2",
        "8s; 9s",
        True,
        Decimal("NaN"),
        Decimal("1E+999"),
        b"8",
        [8],
        object,
    ],
)
def test_what_is_no_quantity_is_refused_and_the_refusal_says_what_is_known(said):
    with pytest.raises(QuantityInvalid) as caught:
        read_quantity(AUDIO, said)
    assert caught.value.advice == 'write a number of seconds (8 or "8 seconds"), or with a word behind it: ' + (
        "characters, ms, s, min, h"
    )


@pytest.mark.parametrize("said", [-1, "-8s", Decimal("-0.1"), timedelta(seconds=-1)])
def test_less_than_nothing_is_refused(said):
    with pytest.raises(QuantityInvalid, match="is negative"):
        read_quantity(AUDIO, said)


@pytest.mark.parametrize("said", [10**13, "9999999999999 s", 10**4000])
def test_more_than_can_be_counted_is_refused(said):
    with pytest.raises(QuantityInvalid, match="is too large: the largest is 9,223,372,036,854"):
        read_quantity(AUDIO, said)


@pytest.mark.parametrize("said", ["8 images", "8 m", "3 parsecs"])
def test_a_measure_that_the_feature_does_not_know_is_refused(said):
    with pytest.raises(QuantityInvalid, match="which nobody knows of audio: write a number of seconds"):
        read_quantity(AUDIO, said)
    with pytest.raises(QuantityInvalid, match="each request is one"):
        read_quantity(PLAIN, said)
    with pytest.raises(QuantityInvalid, match="each request is one"):
        read_quantity(PLAIN, timedelta(seconds=1))


def test_nothing_said_is_one_request_unless_the_price_goes_by_the_quantity():
    assert read_quantity(PLAIN, None) == 1
    assert read_quantity(Feature(name="it", measure="seconds", prices=PLAIN.prices), None) == 1
    with pytest.raises(QuantityInvalid, match="is not said, and the price goes by it: write a number of seconds"):
        read_quantity(AUDIO, None)
    with pytest.raises(QuantityInvalid, match="is not said"):
        read_quantity(Feature(name="it", measure="seconds", models=(ModelPrice(match="*", prices=BLOCKS),)), None)

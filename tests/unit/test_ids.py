"""Ids that people see: minted without dice, in order, read back exactly, refused when mistyped."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from farthing.face.ids import ALPHABET, read_id, write_id
from farthing.values.errors import IdInvalid
from farthing.values.requests import Place

PREFIXES = ("acc", "gra", "hld", "rct", "ent")
NUMBERS = st.integers(0, 2**63 - 1)
PLACES = st.builds(Place, st.integers(0, 63), NUMBERS, NUMBERS, NUMBERS)


@pytest.mark.parametrize(
    ("prefix", "place", "written"),
    [
        ("hld", Place(50, 7, 1, 3), "hld_248k41r10epsg"),
        ("rct", Place(0, 1, 0, 1), "rct_040g209prw"),
        ("gra", Place(63, 2**40, 2, 2**33), "gra_2raky0800000000208000000s0yg"),
        ("acc", Place(50, 7, 0, 0), "acc_240341xbgw"),
        ("ent", Place(1, 255, 256, 65535), "ent_24h03zr103zzzhgb"),
    ],
)
def test_an_id_is_written_as_ever(prefix: str, place: Place, written: str):
    assert write_id(prefix, place) == written
    assert read_id(written, prefix) == place


@given(st.sampled_from(PREFIXES), PLACES)
def test_an_id_reads_back_as_its_place(prefix: str, place: Place):
    written = write_id(prefix, place)

    assert read_id(written, *PREFIXES) == place
    assert read_id(written, prefix) == place
    assert set(written[4:]) <= set(ALPHABET)


@given(PLACES, NUMBERS)
def test_ids_of_one_wallet_grow_with_their_numbers(place: Place, other: int):
    numbers = sorted({place.number, other})

    written = [write_id("rct", place._replace(number=number)) for number in numbers]

    assert written == sorted(written)


@given(st.sampled_from(PREFIXES), st.sampled_from(PREFIXES), PLACES)
def test_an_id_of_another_kind_is_refused(prefix: str, other: str, place: Place):
    assume(prefix != other)
    written = write_id(prefix, place)

    with pytest.raises(IdInvalid, match="is not such an id"):
        read_id(written, other)


def test_an_id_with_the_prefix_of_another_kind_is_refused():
    written = write_id("hld", Place(50, 7, 1, 3))

    with pytest.raises(IdInvalid, match="is mistyped or cut short"):
        read_id("rct" + written[3:], "rct")


def test_one_wrong_character_is_noticed_nearly_always():
    tried = noticed = 0
    for number in range(40):
        written = write_id("hld", Place(number, 1000 + number, 1, 7 * number))
        for place in range(4, len(written)):
            for character in ALPHABET:
                if character == written[place]:
                    continue
                tried += 1
                try:
                    read_id(written[:place] + character + written[place + 1 :], "hld")
                except IdInvalid:
                    noticed += 1

    assert tried > 10_000
    assert noticed / tried > 0.99


@pytest.mark.parametrize(
    "given_id",
    [
        "", "hld", "hld_", "hld_0", "hld_248k41r10ct", "hld_248k41r10epsgg", "hld_248k41r10epsg ", " hld_248k41r10epsg",
        "HLD_248k41r10ctg", "hld_248K41R10CTG", "hld_248k4lr10ctg", "hld-248k41r10ctg", "hld_2٤8k41r10ctg",
        "hld_" + "z" * 4000, "hld_" + "0" * 4000, "'; DROP TABLE entry; --",
    ],
)  # fmt: skip
def test_what_is_mistyped_is_refused_with_what_was_expected(given_id: str):
    with pytest.raises(IdInvalid, match="expected hld_…") as refused:
        read_id(given_id, "hld")

    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("given_id", [None, 7, b"hld_248k41r10epsg", 1.5, object()])
def test_what_is_no_text_is_refused(given_id: object):
    with pytest.raises(IdInvalid, match=f"is not a string but {type(given_id).__name__}"):
        read_id(given_id, "hld")

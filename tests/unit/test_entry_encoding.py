"""The binary form of an entry, version 1, byte for byte. These vectors never change: old chains must verify."""

import hashlib
import hmac
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.values.amounts import Unit
from farthing.values.bounds import NEVER
from farthing.values.entries import (
    AccountField,
    AlertKind,
    AllowanceField,
    BudgetField,
    Effect,
    Entry,
    Kind,
    LotField,
    Seal,
    SubscriptionField,
    encode_entry,
    pack_effects,
    unpack_effects,
)
from farthing.values.names import digest_key, name_number
from farthing.values.requests import UNSAID, digest_note
from farthing.values.subscriptions import Step
from farthing.values.wallets import ACCOUNT_UNIT, Account, AccountState

ACME = Account(7, 50, 1, "acme", AccountState.ACTIVE)
ZOE = Account(2**40, 63, 2, "zoë & co", AccountState.FROZEN, "Europe/Rome")
CREDITS, GENERATIONS = Unit(1, "credits"), Unit(2, "generations", 0, 0)
KEYED = Seal(b"k" * 32)
BEFORE = bytes(32)

SAID_NOTHING = (*UNSAID, None, None, None, b"", b"")
PLAIN = Entry._make(
    (
        1, 3, Kind.CHARGED, 1, 3, 2_500_000, 0, 0, 0, 0, 2_500_000, 0, -2_500_000, 0, 0, 0, 97_500_000, 0, 0,
        97_500_000, 0, name_number("chat"), 0, 1_750_000_000_000_000, 1_750_000_000_000_001, *SAID_NOTHING,
    )
)  # fmt: skip
USED = PLAIN._replace(
    model=name_number("gpt-9"), tokens_in=1200, tokens_cache_read=0, tokens_out=420, provider_cost_nanos=-1, success=0
)
WITH_KEY = PLAIN._replace(key_digest=b"k" * 16, request_digest=b"r" * 16)
WITH_EFFECTS = WITH_KEY._replace(
    note_digest=b"n" * 16,
    effects=pack_effects([(Effect.LOT_MOVED, 1, 0, -2_500_000), (Effect.DEBT_MADE, 3, name_number("chat"), 5)]),
)

PLAIN_COLUMNS = (
    "0300000000000000" "1400000000000000" "0100000000000000" "0300000000000000" "a025260000000000" "0000000000000000"
    "0000000000000000" "0000000000000000" "0000000000000000" "a025260000000000" "0000000000000000" "60dad9ffffffffff"
    "0000000000000000" "0000000000000000" "0000000000000000" "60bbcf0500000000" "0000000000000000" "0000000000000000"
    "60bbcf0500000000" "0000000000000000" "cd5cffc4be37f018" "0000000000000000" "00605ba09d370600" "01605ba09d370600"
)  # fmt: skip
USAGE = (
    "6115"
    "b91e33b9c8646c07" "0000000000000000" "0000000000000000" "0000000000000000" "0000000000000000" "b004000000000000"
    "0000000000000000" "0000000000000000" "a401000000000000" "0000000000000000" "ffffffffffffffff" "0000000000000000"
    "0000000000000000"
)  # fmt: skip
KEY_AND_REQUEST = "10" + "6b" * 16 + "10" + "72" * 16
EFFECTS = (
    "01" "0100000000000000" "0000000000000000" "60dad9ffffffffff"
    "07" "0300000000000000" "cd5cffc4be37f018" "0500000000000000"
)  # fmt: skip
TURN = Entry._make(
    (
        1, 9, Kind.TURNED, 1, 9, 40, 2, 40, 0, 0, 0, 0, 40, 0, 0, 0, 97, 0, 0, 97, 3, 0, 0, 1_750_000_000_000_000,
        1_750_000_000_000_001, *UNSAID, None, None, None,
        pack_effects(
            [
                (Effect.LOT_SET, 9, LotField.ALLOWANCE, 3),
                (Effect.LOT_SET, 4, LotField.EXPIRES_AT, 0),
                (Effect.ALLOWANCE_SET, 3, AllowanceField.NAME, name_number("plan")),
                (Effect.ALLOWANCE_SET, 3, AllowanceField.TURNS_AT, NEVER),
                (Effect.TURNS_MERGED, 3, 0, 65),
                (Effect.BUDGET_SET, 5, BudgetField.MOST, 60),
                (Effect.COUNTER_STARTED, 5, name_number("ana"), 1_750_000_000_000_000),
                (Effect.COUNTER_ENDS, 5, name_number("ana"), NEVER),
                (Effect.COUNTER_SPENT, 5, name_number("ana"), -12),
                (Effect.COUNTER_RESERVED, 5, 0, 7),
                (Effect.HOLD_RESERVED, 9, 5, name_number("ana")),
                (Effect.ALERT_SET, 1, 2, -5),
                (Effect.ALERT_FIRED, AlertKind.BUDGET, 5, 60),
                (Effect.TOP_UP_SET, 0, 10, 9),
                (Effect.MONEY_RETURNED, 4, 0, 1000),
                (Effect.ACCOUNT_SET, 0, AccountField.CLOCK, 1_750_000_000_000_000),
            ]
        ),
        b"",
    )
)  # fmt: skip
"""Every effect that time brought, more than any one entry has."""

TURN_COLUMNS = (
    "0900000000000000" "1000000000000000" "0100000000000000" "0900000000000000" "2800000000000000" "0200000000000000"
    "2800000000000000" "0000000000000000" "0000000000000000" "0000000000000000" "0000000000000000" "2800000000000000"
    "0000000000000000" "0000000000000000" "0000000000000000" "6100000000000000" "0000000000000000" "0000000000000000"
    "6100000000000000" "0300000000000000" "0000000000000000" "0000000000000000" "00605ba09d370600" "01605ba09d370600"
)  # fmt: skip
TIME_EFFECTS = (
    "02" "0900000000000000" "0c00000000000000" "0300000000000000"
    "02" "0400000000000000" "0400000000000000" "0000000000000000"
    "0c" "0300000000000000" "0100000000000000" "0005cbb5becf4332"
    "0c" "0300000000000000" "1100000000000000" "ffffffffffffff7f"
    "0d" "0300000000000000" "0000000000000000" "4100000000000000"
    "0e" "0500000000000000" "0200000000000000" "3c00000000000000"
    "0f" "0500000000000000" "a5366dacb75c6a12" "00605ba09d370600"
    "10" "0500000000000000" "a5366dacb75c6a12" "ffffffffffffff7f"
    "11" "0500000000000000" "a5366dacb75c6a12" "f4ffffffffffffff"
    "12" "0500000000000000" "0000000000000000" "0700000000000000"
    "13" "0900000000000000" "0500000000000000" "a5366dacb75c6a12"
    "14" "0100000000000000" "0200000000000000" "fbffffffffffffff"
    "15" "0400000000000000" "0500000000000000" "3c00000000000000"
    "16" "0000000000000000" "0a00000000000000" "0900000000000000"
    "17" "0400000000000000" "0000000000000000" "e803000000000000"
    "0b" "0000000000000000" "0300000000000000" "00605ba09d370600"
)  # fmt: skip
STEP = Entry._make(
    (
        0, 4, Kind.SUBSCRIBED, 0, 4, *[0] * 15, 2, 0, 3, 1_750_000_000_000_000, 1_750_000_000_000_001, *UNSAID,
        None, None, None,
        pack_effects(
            [
                (Effect.SUBSCRIPTION_SET, 4, SubscriptionField.STEP, Step.UPGRADED),
                (Effect.SUBSCRIPTION_SET, 4, SubscriptionField.PLAN, name_number("plan")),
                (Effect.SUBSCRIPTION_SET, 4, SubscriptionField.PERIOD_ENDS_AT, NEVER),
                (Effect.SUBSCRIPTION_SET, 4, SubscriptionField.CURRENCY, name_number("EUR")),
                (Effect.SUBSCRIPTION_SET, 4, SubscriptionField.ACTS_AT, NEVER),
                (Effect.ALLOWANCE_SET, 3, AllowanceField.UNTIL, 1_750_000_000_000_000),
                (Effect.COUNTER_SPENT, 0, name_number("chat"), -12),
            ]
        ),
        b"",
    )
)  # fmt: skip
"""Every effect that catalogs brought, more than any one entry has, under version 3 of a catalog."""

STEP_COLUMNS = (
    "0400000000000000" "3c00000000000000" "0000000000000000" "0400000000000000" + "0000000000000000" * 15 +
    "0200000000000000" "0000000000000000" "0300000000000000" "00605ba09d370600" "01605ba09d370600"
)  # fmt: skip
STEP_EFFECTS = (
    "18" "0400000000000000" "0100000000000000" "0300000000000000"
    "18" "0400000000000000" "0200000000000000" "0005cbb5becf4332"
    "18" "0400000000000000" "0a00000000000000" "ffffffffffffff7f"
    "18" "0400000000000000" "1200000000000000" "ee1f77763642ea2b"
    "18" "0400000000000000" "1300000000000000" "ffffffffffffff7f"
    "0c" "0300000000000000" "1400000000000000" "00605ba09d370600"
    "11" "0000000000000000" "cd5cffc4be37f018" "f4ffffffffffffff"
)  # fmt: skip

VECTORS = {
    "plain": (
        PLAIN,
        "01" + PLAIN_COLUMNS + "00" + "000000",
        "8ef20292315ffd5e273f53a9bec1ec72a2b172b7905f34ede92a7d2c0149a695",
        "a5d1aa9c69d8780fe81958b65ef4e090a058deed61c00cdf32013f8bbb028312",
    ),
    "with usage": (
        USED,
        "01" + PLAIN_COLUMNS + "01" + USAGE + "000000",
        "25191ce624caea9d15928b5b8a349f4ec110b20e85a4204e9d674b20a8bdc0e0",
        "943b26e24c3d9d2312ef29f0ef5a89b97dc1c85c18442b802b000b9542edafa0",
    ),
    "with a key": (
        WITH_KEY,
        "01" + PLAIN_COLUMNS + "00" + KEY_AND_REQUEST + "00",
        "35e2787f26f1a395bdff8c6b70f6150a1e37bb7c4d85cd473ff7fb5fca69731a",
        "bf9c7b35838f73d3dcbeacfafac4e081e55f79adba3e118debc251ae495f1f9b",
    ),
    "with effects": (
        WITH_EFFECTS,
        "01" + PLAIN_COLUMNS + "00" + KEY_AND_REQUEST + "10" + "6e" * 16 + EFFECTS,
        "d4659df2640e26992b0d6eac2ceafb0e0e695c7c5b03e3bbd76995431256848a",
        "8caaa4fbae0ae09dc712740c0681ab249a5ac050d65941834611eb9ce3fd5973",
    ),
    "with what time brought": (
        TURN,
        "01" + TURN_COLUMNS + "00" + "000000" + TIME_EFFECTS,
        "89b7e3e5a3b619fb8dc83ba0105df3fe056063c1324d4e6feb0a8aef81e1fb15",
        "f0e4ec71889610ebf183b6c5ee63f82fe733ab6c545eaffa2129cc87e84c677a",
    ),
    "with what catalogs brought": (
        STEP,
        "01" + STEP_COLUMNS + "00" + "000000" + STEP_EFFECTS,
        "4d8449da68b723b34d84722c923ff2029b13ddf2c5f00e73c4996cfb408c4f57",
        "5523af8b16830e1729d1599ed02bbbee316e5fe2091249fc8762495ab73b64ef",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_an_entry_is_encoded_and_sealed_as_ever(name: str):
    entry, encoded, sealed, keyed = VECTORS[name]

    assert encode_entry(entry[:-1]).hex() == encoded
    assert Seal().bind(BEFORE, entry[:-1]).hex() == sealed
    assert KEYED.bind(BEFORE, entry[:-1]).hex() == keyed


def test_a_seal_is_plain_sha_256_over_the_hash_before_and_the_encoding():
    content = bytes(range(32)) + encode_entry(WITH_EFFECTS[:-1])

    assert Seal().bind(bytes(range(32)), WITH_EFFECTS[:-1]) == hashlib.sha256(content).digest()
    assert KEYED.bind(bytes(range(32)), WITH_EFFECTS[:-1]) == hmac.new(b"k" * 32, content, hashlib.sha256).digest()


@pytest.mark.parametrize(
    ("account", "unit", "plain", "keyed"),
    [
        (ACME, ACCOUNT_UNIT, "3d2560cfde9a9d4f15cf0ab5d5bf3e7be7b3e5c1a71823ef144898018866590d",
         "d52915d4ea24ffdb10f0e695e6c9e22ff6804d107678b714cbb75df2292384a6"),
        (ACME, CREDITS, "3095c664f79de40c2b202bf7655140a2c596b77e83407f34e6c996c1727b4aac",
         "d91645ab5db5c8cfab658a395fab2d98a9a59bb01dbba46ab0245911cd661fbe"),
        (ZOE, CREDITS, "33146bb36053171f4743d473195ef03e6bafabaa6cbdcceb64babad51348caba",
         "2d3285ebc9bbff63d284bbe55e8fefac9949f8b36b90acebffa34233e5419d2d"),
        (ZOE, GENERATIONS, "68a06db56b3b6c74b7a73318550eeb18903d55bcb8b4ddff69501232a91483e5",
         "096b1c06b9e0f470ecc6fe67f71a913452949cbc02025c8d8c01b9de6c4cd550"),
    ],
)  # fmt: skip
def test_a_wallets_first_hash_says_whose_it_is_and_what_it_counts(account: Account, unit: Unit, plain: str, keyed: str):
    assert Seal().begin(account, unit).hex() == plain
    assert KEYED.begin(account, unit).hex() == keyed


def test_a_wallets_first_hash_depends_on_what_never_changes_and_on_nothing_else():
    first = Seal().begin(ACME, CREDITS)
    others = [
        Seal().begin(ACME._replace(account_id=8), CREDITS), Seal().begin(ACME._replace(shard=51), CREDITS),
        Seal().begin(ACME._replace(book=2), CREDITS), Seal().begin(ACME._replace(key="acmf"), CREDITS),
        Seal().begin(ACME, CREDITS._replace(unit_id=2)), Seal().begin(ACME, CREDITS._replace(name="credit")),
        Seal().begin(ACME, CREDITS._replace(scale=5)),
    ]  # fmt: skip

    assert len({first, *others}) == 8
    assert (
        Seal().begin(ACME._replace(state=AccountState.CLOSED, zone="Asia/Tokyo", clock=9), CREDITS._replace(digits=0))
        == first
    )


@pytest.mark.parametrize("place", [n for n, name in enumerate(Entry._fields) if name not in ("unit_id", "hash")])
def test_every_column_is_sealed(place: int):
    fields = list(WITH_EFFECTS[:-1])
    seen = {encode_entry(tuple(fields))}
    value = fields[place]
    others = (
        [value[:-1] + b"?", None] if isinstance(value, bytes) else [0, 1] if value is None else [value + 1, -value - 1]
    )
    for other in others:
        if other is not None or Entry._fields[place].endswith("digest"):
            fields[place] = other
            seen.add(encode_entry(tuple(fields)))

    assert len(seen) == (2 if Entry._fields[place] == "effects" else 3)


def test_what_was_not_said_differs_from_zero():
    assert len({encode_entry(PLAIN._replace(tokens_in=said)[:-1]) for said in (None, 0, 1)}) == 3


@given(st.lists(st.tuples(st.integers(1, 255), *[st.integers(-(2**63), 2**63 - 1)] * 3), max_size=100))
def test_effects_read_back_as_they_were_packed(effects: list[tuple[int, int, int, int]]):
    packed = pack_effects(effects)

    assert len(packed) == 25 * len(effects)
    assert packed == b"".join(struct.pack("<Bqqq", *effect) for effect in effects)
    assert unpack_effects(packed) == effects


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("chat", 1796997543809211597), ("zoë", 1416765001745711058), ("gpt-9", 534913269013618361),
        ("adjustment", 7030276413370847768), ("refund", 1058768758543716341), ("EUR", 3164414489864380398),
    ],
)  # fmt: skip
def test_a_name_has_the_same_number_everywhere(text: str, number: int):
    assert name_number(text) == number


@given(st.text(min_size=1, max_size=50))
def test_a_names_number_fits_a_column_and_is_never_nothing(text: str):
    try:
        assert 0 < name_number(text) < 2**63
    except UnicodeEncodeError:
        assert any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize(
    ("key", "digest"),
    [
        ("req_9f2", "9a4f9c36ac1846b6ad5c85c1fd4488a9"), ("", "47d8abaebee3cb7671c6fc548b029be7"),
        ("ключ", "fd5ad1bfed25df79ff0b5c5713c34e0c"),
    ],
)  # fmt: skip
def test_a_key_has_the_same_digest_everywhere(key: str, digest: str):
    assert digest_key(key).hex() == digest


def test_a_note_has_the_same_digest_everywhere():
    assert digest_note(b"s" * 16, b'{"why":"x"}').hex() == "5499de633c83b75a388457c76a6d4e0f"
    assert digest_note(b"t" * 16, b'{"why":"x"}').hex() != "5499de633c83b75a388457c76a6d4e0f"

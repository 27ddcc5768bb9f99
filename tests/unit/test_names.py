"""Names and instants as callers write them: what is kept, what is refused and with which advice."""

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest

from farthing.values.bounds import LATEST_INSTANT, LONGEST_ACCOUNT, LONGEST_KEY, LONGEST_NAME, NEVER
from farthing.values.calendars import read_duration, read_instant, to_instant, to_instant_or_none
from farthing.values.errors import NameInvalid, TimeInvalid
from farthing.values.names import digest_key, name_number, read_account, read_key, read_name


@pytest.mark.parametrize(
    "text", ["chat", "Zoë", "日本", "a b", "x" * LONGEST_NAME, "emoji 🙂", "tab-free", "non\u00a0break"]
)
def test_a_name_is_kept_as_it_is(text):
    assert read_name(text, what="feature") == text


def test_a_name_is_kept_in_its_composed_form():
    assert read_name("Zoe\u0308", what="feature") == "Zoë"


@pytest.mark.parametrize("text", ["", "x" * (LONGEST_NAME + 1), "a\x00b", "line\n", "\x7f", "é\x85", "\ud800", "\ttab"])
def test_a_name_that_cannot_be_kept_is_refused(text):
    with pytest.raises(NameInvalid) as refused:
        read_name(text, what="feature")

    assert refused.value.what == "feature"


def test_the_refusal_says_where_the_character_is():
    with pytest.raises(NameInvalid, match="unprintable character at place 3"):
        read_name("ab\x00c", what="feature")


@pytest.mark.parametrize("value", [None, 5, b"chat", ["chat"], 1.5])
def test_what_is_no_text_is_no_name(value):
    with pytest.raises(NameInvalid, match="write a string"):
        read_name(value, what="feature")


def test_an_account_is_named_by_text_number_or_uuid():
    uuid = UUID("12345678-1234-5678-1234-567812345678")

    assert [read_account(name) for name in ("acme", 42, uuid)] == ["acme", "42", str(uuid)]


@pytest.mark.parametrize("value", [True, 4.2, None, "x" * (LONGEST_ACCOUNT + 1), b"acme"])
def test_nothing_else_names_an_account(value):
    with pytest.raises(NameInvalid):
        read_account(value)


def test_a_key_is_any_text_up_to_its_length():
    assert read_key("k" * LONGEST_KEY) == "k" * LONGEST_KEY

    for key in ("", "k" * (LONGEST_KEY + 1), 7):
        with pytest.raises(NameInvalid):
            read_key(key)


def test_the_keys_of_farthings_own_requests_are_nobodys():
    with pytest.raises(NameInvalid, match="begins with 'farthing:'"):
        read_key("farthing:step:2")

    assert read_key("farthing-7") == "farthing-7"


def test_a_name_has_the_same_number_everywhere_and_for_ever():
    assert name_number("chat") == 1_796_997_543_809_211_597
    assert 0 < name_number("") < 2**63
    assert digest_key("req_9f2").hex() == "9a4f9c36ac1846b6ad5c85c1fd4488a9"


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2024, 1, 31, 12, tzinfo=UTC),
        datetime(2024, 1, 31, 13, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_an_instant_is_whole_microseconds_since_1970(moment):
    assert read_instant(moment, what="expires_at") == 1_706_702_400_000_000


def test_an_instant_comes_back_aware_and_utc():
    moment = datetime(2024, 1, 31, 12, 0, 0, 7, tzinfo=UTC)

    assert to_instant(read_instant(moment, what="at")) == moment
    assert to_instant(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert (to_instant_or_none(None), to_instant_or_none(NEVER), to_instant_or_none(0)) == (None, None, to_instant(0))
    assert to_instant(LATEST_INSTANT).year == 9999


def test_rule_02_a_bare_date_is_refused_and_told_what_to_write():
    with pytest.raises(TimeInvalid, match="through=date"):
        read_instant(date(2024, 1, 31), what="expires_at")


@pytest.mark.parametrize("moment", [datetime(2024, 1, 31), "2024-01-31", 1_706_702_400, None])  # noqa: DTZ001
def test_what_names_no_zone_or_no_instant_is_refused(moment):
    with pytest.raises(TimeInvalid):
        read_instant(moment, what="expires_at")


def test_a_duration_is_above_zero_and_within_its_bound():
    assert read_duration(timedelta(seconds=1, microseconds=5), what="ttl") == 1_000_005

    for length in (timedelta(0), timedelta(seconds=-1), 60, None):
        with pytest.raises(TimeInvalid, match="above zero"):
            read_duration(length, what="ttl")
    with pytest.raises(TimeInvalid, match="the longest is 2 days"):
        read_duration(timedelta(days=2, microseconds=1), what="ttl", longest=2 * 86_400_000_000)

"""What providers take: exact, by instant, offline; and whatever the list does not know is refused, never free."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from genai_prices import Usage, calc_price, data_snapshot, types
from hypothesis import given, settings
from hypothesis import strategies as some

from farthing.service import provider_prices
from farthing.service.provider_prices import find_provider_cost, reckon_provider_cost
from farthing.tariff.errors import PricesMissing, QuantityInvalid, UnknownPrice
from farthing.tariff.prices import Use
from farthing.values.calendars import EPOCH, ONE

AT = (datetime(2026, 11, 21, 10, 4, tzinfo=UTC) - EPOCH) // ONE
D = Decimal


def find_cost(model: str, provider: str = "", at: int = AT, **tokens: int) -> Fraction:
    return find_provider_cost(model, Use(tokens=tokens), provider, at)


@pytest.fixture
def listed(monkeypatch):
    """Puts a provider "acme" with one model "m" in the place of all lists."""

    def put(*prices: types.ConditionalPrice, **rates: Any) -> None:
        model = types.ModelInfo(id="m", match=types.ClauseEquals("m"), prices=list(prices) or types.ModelPrice(**rates))
        acme = types.Provider("acme", "Acme", "acme", model_match=types.ClauseEquals("m"), models=[model])
        monkeypatch.setattr(
            data_snapshot, "_custom_snapshot", data_snapshot.DataSnapshot([acme], from_auto_update=False)
        )

    return put


def test_a_call_costs_what_its_provider_lists():
    # 800 in at 0.25, 200 from the cache at 0.025, 100 out at 2 dollars a million, of which 40 thought.
    use = Use(tokens={"input": 1000, "cache_read": 200, "output": 100, "reasoning": 40})

    found = reckon_provider_cost("gpt-5-mini", use, "", AT)

    assert found.cost == Fraction("0.000405")
    assert sum(line.subtotal for line in found.lines) == found.cost
    assert [f"{line.quantity} at {line.rate * 1_000_000}" for line in found.lines] == [
        "800 at 1/4", "200 at 1/40", "60 at 2", "40 at 2",
    ]  # fmt: skip


def test_the_working_says_which_list_priced_it_and_as_of_when():
    found = reckon_provider_cost("gpt-5-mini", Use(tokens={"input": 1}), "", AT)

    version = provider_prices.open_lists()[1]
    assert found.source == f"{version}, openai/gpt-5-mini at 2026-11-21 10:04 UTC"
    assert version.startswith("genai-prices 0.2.")


def test_rule_23_a_long_context_is_dearer_strictly_above_its_threshold():
    assert find_cost("claude-sonnet-4-5", input=200_000) == Fraction("0.6")
    assert find_cost("claude-sonnet-4-5", input=200_001) == Fraction("1.200006")
    # Chosen by the whole input, for what is in the cache an hour and for the output too.
    assert find_cost("claude-sonnet-4-5", input=300_000, cache_write=1000, cache_write_1h=600, output=10) == (
        299_000 * 6 + 400 * Fraction("7.5") + 600 * 12 + 10 * Fraction("22.5")
    ) / Fraction(1_000_000)


def test_prices_by_request_are_counted_once():
    # 14 dollars for a thousand requests, and 3 for a million tokens in.
    assert find_cost("sonar-pro", "perplexity", input=1000) == Fraction("0.017")


def test_the_instant_picks_the_price(listed):
    first, later = types.ModelPrice(input_mtok=D(1)), types.ModelPrice(input_mtok=D(3))
    start = types.StartDateConstraint(date(2026, 11, 21))
    listed(types.ConditionalPrice(prices=first), types.ConditionalPrice(start, prices=later))

    midnight = (datetime(2026, 11, 21, tzinfo=UTC) - EPOCH) // ONE
    assert find_cost("m", at=midnight - 1, input=1_000_000) == 1
    assert find_cost("m", at=midnight, input=1_000_000) == 3


@pytest.mark.parametrize(
    ("model", "provider", "tokens", "said"),
    [
        ("whisper-1", "", {"input": 1000}, "takes audio_hours and input_audio_hours for it"),
        ("whisper-1", "", {"input": 0, "output": 0}, "takes audio_hours"),
        ("tts-1", "", {"input": 100, "output": 100}, "takes input_mchars for it"),
        ("dall-e-3", "", {"input": 100}, "does not have it"),
        ("sora-2", "", {"output": 100}, "does not have it"),
        ("veo-3", "google", {"output": 100}, "does not have it"),
        ("gpt-4o", "nobody", {"input": 100}, "nobody/gpt-4o"),
        ("", "", {"input": 100}, "goes by the model"),
        ("gemma-3", "google", {"input": 100}, "has no rate for it"),
        ("gpt-5", "", {}, "none were said"),
        ("gpt-4o-audio-preview", "", {"input": 100, "audio_in": 90}, "no rate for its audio_in tokens"),
        ("gpt-5", "", {"output": 9, "image_out": 8, "video_out": 1}, "no rate for its image_out and video_out tokens"),
        ("text-embedding-3-small", "openai", {"input": 10, "output": 1}, "no rate for its output tokens"),
        ("eleven_realtime_v1_mini", "elevenlabs", {"input": 10}, "takes audio_hours for it"),
    ],
)  # fmt: skip
def test_what_the_list_does_not_know_is_refused_and_never_zero(model, provider, tokens, said):
    with pytest.raises(UnknownPrice) as refused:
        find_provider_cost(model, Use(tokens=tokens), provider, AT, feature="chat")

    assert said in str(refused.value)
    assert refused.value.feature == "chat"
    assert refused.value.advice.endswith("Give it a price of its own in the catalog, or say provider_cost")


def test_items_that_no_list_prices_are_refused():
    with pytest.raises(UnknownPrice, match="does not say what its 2 items cost"):
        find_provider_cost("gpt-5", Use(tokens={"input": 1}, items=2), "", AT)


def test_an_hour_in_the_cache_has_a_rate_of_its_own_where_writing_has(listed):
    listed(input_mtok=D(1), cache_write_mtok=D(2))
    with pytest.raises(UnknownPrice, match="no rate for its cache_write_1h tokens"):
        find_cost("m", input=10, cache_write=5, cache_write_1h=5)

    listed(input_mtok=D(1))
    assert find_cost("m", input=10, cache_write=5, cache_write_1h=5) == Fraction(10, 1_000_000)


def test_cached_sound_with_a_rate_of_its_own_is_not_guessed_at(listed):
    rates = {"input_mtok": D(4), "input_audio_mtok": D(32), "cache_read_mtok": D(1), "cache_audio_read_mtok": D(2)}
    listed(**rates)

    with pytest.raises(UnknownPrice, match="nobody said how much of what was cached is sound"):
        find_cost("m", input=10, audio_in=4, cache_read=4)
    assert find_cost("m", input=10, cache_read=4) == Fraction(6 * 4 + 4, 1_000_000)
    listed(**rates | {"cache_audio_read_mtok": D(1)})
    assert find_cost("m", input=10, audio_in=4, cache_read=4) == Fraction(2 * 4 + 4 * 32 + 4, 1_000_000)


def test_a_model_at_zero_is_free_only_if_the_catalog_says_so_too(listed):
    listed(input_mtok=D(0), output_mtok=D(0))

    with pytest.raises(UnknownPrice, match="has it at zero, which counts only where the catalog calls it free too"):
        find_cost("m", input=10)
    assert find_provider_cost("m", Use(tokens={"input": 10}), "", AT, is_free=True) == 0


def test_a_part_at_zero_is_free_and_nothing_used_costs_nothing(listed):
    listed(input_mtok=D(0), output_mtok=D(2))

    assert find_cost("m", input=10, output=1) == Fraction(2, 1_000_000)
    assert find_cost("m", input=0, output=0) == 0


@pytest.mark.parametrize(
    "rate", [D(-1), D("NaN"), D("Infinity"), 1.5, types.TieredPrices(D(1), [types.Tier(5, D(-1))])]
)
def test_a_rate_that_is_none_prices_nothing(listed, rate):
    listed(input_mtok=rate, output_mtok=D(1))

    with pytest.raises(UnknownPrice, match="takes input_mtok for it"):
        find_cost("m", input=10)


def test_a_unit_that_came_later_than_this_code_prices_nothing(listed):
    listed(input_mtok=D(1), cache_write_5m_mtok=D(1))

    with pytest.raises(UnknownPrice, match="cache_write_5m_mtok"):
        find_cost("m", input=10)


@pytest.mark.parametrize("tokens", [{"output": 5, "reasoning": 6}, {"cache_read": 1}, {"input": -1}, {"smell": 1}])
def test_rule_23_counts_that_cannot_be_are_refused(tokens):
    with pytest.raises(QuantityInvalid):
        find_cost("gpt-5", **tokens)


MODELS = ["gpt-5-mini", "gpt-4o", "claude-sonnet-4-5", "claude-haiku-4-5", "gemini-2.5-pro", "deepseek-chat", "o3"]
COUNTS = some.integers(0, 400_000)


@settings(max_examples=100, deadline=None)
@given(some.sampled_from(MODELS), COUNTS, COUNTS, COUNTS, COUNTS)
def test_it_is_what_the_list_itself_reckons_but_exact(model, fresh, cached, said, thought):
    theirs = Usage(
        input_tokens=fresh + cached, cache_read_tokens=cached, output_tokens=said + thought,
        output_reasoning_tokens=thought,
    )  # fmt: skip
    with localcontext() as context:
        context.prec = 60
        asked = calc_price(theirs, model, genai_request_timestamp=EPOCH + ONE * AT).total_price

    assert find_cost(model, input=fresh + cached, cache_read=cached, output=said + thought, reasoning=thought) == asked


def test_the_callers_decimal_context_changes_nothing():
    with localcontext() as context:
        context.prec = 2
        assert find_cost("gpt-5-mini", input=123_457) == Fraction("0.03086425")


def test_every_model_of_the_lists_has_a_price_above_zero_or_none():
    found = {"priced": 0, "unknown": 0}
    for seller in data_snapshot.get_snapshot().providers:
        for model in seller.models:
            try:
                assert find_cost(model.id, seller.id, input=1000, output=0) > 0
                found["priced"] += 1
            except UnknownPrice:
                found["unknown"] += 1

    assert found["priced"] > 1500
    assert 100 < found["unknown"] < 500


def test_nothing_is_imported_before_the_first_question():
    heavy = ["genai_prices", "pydantic", "httpx2"]
    script = f"import sys, farthing.service.provider_prices; print([n for n in {heavy} if n in sys.modules])"

    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)

    with pytest.raises(PricesMissing, match=r"pip install 'farthing\[prices\]'"):
        find_cost("gpt-5", input=1)

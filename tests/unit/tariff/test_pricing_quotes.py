"""Quotes by a catalog: which prices count, what they come to in each unit, and how they are said to people."""

from fractions import Fraction

import pytest

from farthing.tariff import prices
from farthing.tariff.catalog import Catalog, Feature, ModelPrice
from farthing.tariff.describing import FORMS, describe_feature, describe_price
from farthing.tariff.errors import FeatureUnknown, PriceLater, UnknownPrice
from farthing.tariff.prices import (
    CostPlus,
    PerBlock,
    Percent,
    PerQuantity,
    PerRequest,
    Rate,
    Steps,
    StepUp,
    Tier,
    Tiered,
    Tokens,
    TokensPerCredit,
    Use,
)
from farthing.tariff.pricing import FORMS as RECKONED
from farthing.tariff.quotes import find_prices, is_free_model, quote_use
from farthing.tariff.wording import show_fraction, show_parts
from farthing.values.amounts import Unit

CREDITS = Unit(1, "credits", 6, 0)
FREE = Unit(2, "free_tokens", 0, 0)

VIDEO = Feature(
    name="video",
    measure="seconds",
    prices=(Steps(steps=(StepUp(Fraction(5), Fraction(25)), StepUp(Fraction(10), Fraction(50)))),),
)
CHAT = Feature(
    name="chat",
    models=(
        ModelPrice(
            match="gpt-5-mini*",
            prices=(Tokens(unit="free_tokens", per=Fraction(1), rates={"input": Rate(Fraction(1))}),),
            is_free=True,
        ),
        ModelPrice(match="gpt-*-pro", prices=(PerRequest(amount=Fraction(9)),)),
        ModelPrice(match="gpt-*", prices=(PerRequest(amount=Fraction(2)),)),
    ),
)
STUDIO = Catalog(
    name="studio",
    units={"credits": CREDITS, "free_tokens": FREE},
    features={
        "image": Feature(name="image", says="per image", prices=(PerRequest(amount=Fraction(5)),)),
        "video": VIDEO,
        "chat": CHAT,
        "both": Feature(
            name="both", prices=(PerRequest(amount=Fraction(1, 3)), PerRequest(unit="free_tokens", amount=Fraction(7)))
        ),
        "period": Feature(
            name="period",
            measure="images",
            prices=(PerBlock(amount=Fraction(15), size=Fraction(10), over="period"),),
        ),
    },
)


def test_a_quote_says_amount_and_working():
    quote = quote_use(STUDIO, "video", None, Use(quantity=Fraction(8)))

    assert quote.amounts == (("credits", 50_000_000),)
    assert quote.text == "50 credits"
    assert quote.working == ("8 seconds: up to 10 seconds = 50", "together 50 credits")


def test_a_feature_with_several_prices_is_charged_in_each_unit():
    quote = quote_use(STUDIO, "both", None, Use())

    assert quote.amounts == (("credits", 333_333), ("free_tokens", 7))
    assert quote.charges[0].cost.exact == Fraction(1, 3)
    assert quote.text == "0.333333 credits and 7 free tokens"
    assert quote.working[:2] == ("a request = 1/3", "rounded half up to 6 places = -1/3000000")


def test_what_came_before_in_the_period_counts():
    first = quote_use(STUDIO, "period", None, Use(quantity=Fraction(5)))
    then = quote_use(STUDIO, "period", None, Use(quantity=Fraction(5)), before={"credits": Fraction(17)})

    assert first.text == then.text == "15 credits"
    assert then.working == (
        "3 started blocks of 10 images at 15 = 45",
        "less the first 17 images of the period = -30",
        "together 15 credits",
    )


def test_a_refusal_names_the_feature_and_the_model():
    with pytest.raises(UnknownPrice, match="no price for 12 seconds of video: its prices end at 10 seconds"):
        quote_use(STUDIO, "video", None, Use(quantity=Fraction(12)))
    with pytest.raises(UnknownPrice, match="no price for 3 tokens of output with gpt-5-mini of chat"):
        quote_use(STUDIO, "chat", "gpt-5-mini", Use(tokens={"input": 1, "output": 3}))


def test_a_feature_that_nobody_knows_is_refused_with_the_nearest():
    with pytest.raises(FeatureUnknown, match="no feature vidoe: did you mean video"):
        quote_use(STUDIO, "vidoe", None, Use())
    with pytest.raises(FeatureUnknown, match="it has image, video, chat"):
        quote_use(STUDIO, "xyz", None, Use())


@pytest.mark.parametrize(
    ("model", "amounts"),
    [
        ("gpt-5-mini-2025", (("free_tokens", 4),)),
        ("gpt-5-pro", (("credits", 9_000_000),)),
        ("gpt-5", (("credits", 2_000_000),)),
    ],
)
def test_the_first_pattern_that_matches_counts(model, amounts):
    assert quote_use(STUDIO, "chat", model, Use(tokens={"input": 4})).amounts == amounts


@pytest.mark.parametrize("model", ["GPT-5", "my-gpt-5", "claude", "gpt"])
def test_a_model_that_no_pattern_matches_is_refused_and_never_free(model):
    with pytest.raises(UnknownPrice, match=rf"no price for {model} of chat: priced are gpt-5-mini\*, gpt-\*-pro"):
        find_prices(CHAT, model)


def test_patterns_know_no_signs_but_the_star():
    odd = Feature(name="odd", models=(ModelPrice(match="a[b]?.c", prices=(PerRequest(amount=Fraction(1)),)),))

    assert find_prices(odd, "a[b]?.c")
    for model in ("abx.c", "a[b]x.c", "a[b]?xc"):
        with pytest.raises(UnknownPrice):
            find_prices(odd, model)


def test_the_policy_for_unknown_models_may_be_a_fixed_price_or_to_say_it_later():
    fixed = (PerRequest(amount=Fraction(3)),)
    models = CHAT.models

    assert find_prices(Feature(name="chat", prices=fixed, models=models, unknown_model="fixed"), "claude") == fixed
    with pytest.raises(PriceLater, match="what claude of chat costs is known later"):
        find_prices(Feature(name="chat", prices=fixed, models=models, unknown_model="later"), "claude")
    with pytest.raises(UnknownPrice):
        find_prices(Feature(name="chat", prices=fixed, models=models), "claude")
    with pytest.raises(UnknownPrice):
        find_prices(Feature(name="chat", models=models, unknown_model="fixed"), "claude")


def test_without_prices_for_models_the_features_own_count_whatever_the_model():
    assert find_prices(STUDIO.features["image"], "any") == STUDIO.features["image"].prices
    assert find_prices(Feature(name="chat", prices=(PerRequest(amount=Fraction(1)),), models=CHAT.models), None)


@pytest.mark.parametrize(
    ("feature", "said"),
    [(CHAT, r"an unnamed model of chat: say which model it is \(model=\)"), (Feature(name="new"), "anything of new")],
)
def test_a_feature_without_a_price_is_refused(feature, said):
    with pytest.raises(UnknownPrice, match=said):
        find_prices(feature, None)


def test_which_models_are_free():
    assert [is_free_model(CHAT, model) for model in ("gpt-5-mini", "gpt-5", "claude", None)] == [
        True,
        False,
        False,
        False,
    ]


SENTENCES = [
    (PerRequest(amount=Fraction(5)), "", "5 credits per request"),
    (PerRequest(amount=Fraction(1)), "", "1 credit per request"),
    (PerQuantity(amount=Fraction(2)), "seconds", "2 credits per second"),
    (PerQuantity(amount=Fraction(2)), "", "2 credits per request"),
    (PerQuantity(amount=Fraction(3, 2), size=Fraction(1000)), "characters", "1.5 credits per 1,000 characters"),
    (PerBlock(amount=Fraction(1), size=Fraction(15)), "seconds", "1 credit per started 15 seconds"),
    (
        PerBlock(amount=Fraction(20), size=Fraction(1), free=Fraction(10), block_rounding="down", over="period"),
        "seconds",
        "20 credits per full second, the first 10 seconds free, counted over each month",
    ),
    (
        Steps(steps=(StepUp(Fraction(5), Fraction(25)), StepUp(None, Fraction(50)))),
        "seconds",
        "25 credits up to 5 seconds, 50 credits above that",
    ),
    (
        Tiered(
            mode="graduated",
            tiers=(
                Tier(Fraction(100)),
                Tier(Fraction(200), Fraction(1), Fraction(10)),
                Tier(None, percent=Fraction(2)),
            ),
            over="period",
            every="cycle",
        ),
        "images",
        "each part by its own tier: up to 100 images free, up to 200 images 10 credits and 1 credit per image, "
        "above 2 %, counted over each billing cycle",
    ),
    (
        Tiered(mode="volume", tiers=(Tier(Fraction(10), Fraction(2)), Tier(None, Fraction(1))), size=Fraction(10)),
        "images",
        "all of it by the tier it reaches: up to 10 images 2 credits per started 10 images, "
        "above 1 credit per started 10 images",
    ),
    (Tiered(mode="graduated", tiers=(Tier(None, Fraction(2)),)), "images", "2 credits per image"),
    (
        Percent(rate=Fraction("2.9"), fixed=Fraction("0.3"), free_events=3, free_units=Fraction(50), least=Fraction(1)),
        "",
        "2.9 % of it and 0.3 credits per event, each at least 1 credit, the first 3 events or the first 50 free",
    ),
    (Percent(rate=Fraction(50), adds=True, most=Fraction(9)), "", "the sum and 50 % of it, each at most 9 credits"),
    (
        Tokens(rates={"input": Rate(Fraction(3), ((200_000, Fraction(6)),)), "cache_read": Rate(Fraction("0.3"))}),
        "",
        "3 credits per 1,000,000 tokens of input (6 above 200,000 tokens of input), "
        "0.3 credits per 1,000,000 tokens of cache read",
    ),
    (Tokens(rates={"output": Rate(Fraction(1))}, per=Fraction(1), per_item=Fraction(2)), "",
     "1 credit per token of output, 2 credits per item"),
    (TokensPerCredit(tokens=2000), "", "1 credit per 2,000 tokens"),
    (
        CostPlus(factor=Fraction("1.3"), credits_per=Fraction(100)),
        "",
        "what the provider takes plus 30 %, at 100 credits for each whole of its currency",
    ),
    (CostPlus(), "", "what the provider takes, at 1 credit for each whole of its currency"),
    (
        PerQuantity(amount=Fraction(1), minimum=Fraction(2), maximum=Fraction(10)),
        "seconds",
        "1 credit per second, at least 2 credits, at most 10 credits",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("price", "measure", "sentence"), SENTENCES)
def test_each_form_is_a_sentence(price, measure, sentence):
    assert describe_price(price, Feature(name="it", measure=measure), CREDITS) == sentence


def test_every_form_has_a_sentence():
    assert set(FORMS) == set(RECKONED) == {type(price) for price, _, _ in SENTENCES}
    assert all(kind.__module__ == prices.__name__ for kind in FORMS)


def test_a_feature_says_itself_what_its_price_is_for():
    def list_texts(name):
        return [(row.unit, row.text) for row in describe_feature(STUDIO, STUDIO.features[name])]

    assert list_texts("image") == [("credits", "5 credits per image")]
    assert list_texts("both") == [
        ("credits", "1/3 credits per request"),
        ("free_tokens", "7 free tokens per request"),
    ]


def test_all_prices_of_a_feature_with_their_models():
    rows = describe_feature(STUDIO, CHAT)

    assert [(row.title, row.model, row.unit, row.text) for row in rows] == [
        ("chat", "gpt-5-mini*", "free_tokens", "1 free token per token of input"),
        ("chat", "gpt-*-pro", "credits", "9 credits per request"),
        ("chat", "gpt-*", "credits", "2 credits per request"),
    ]


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        ("0", 2, "0"),
        ("1234567", 0, "1,234,567"),
        ("1234.5", 2, "1,234.50"),
        ("-0.5", 0, "-0.5"),
        ("-1234.25", 0, "-1,234.25"),
        ("0.000000075", 2, "0.000000075"),
        ("1/3", 0, "1/3"),
        ("-2/3", 2, "-2/3"),
        ("1/1024", 0, "0.0009765625"),
    ],
)
def test_numbers_are_shown_exactly(value, digits, shown):
    assert show_fraction(Fraction(value), digits) == shown


def test_amounts_are_shown_with_their_unit():
    ghana = Unit(3, "credits", 2, 2)

    assert [show_parts(parts, ghana) for parts in (100, 250, 5, 0)] == [
        "1 credit",
        "2.50 credits",
        "0.05 credits",
        "0 credits",
    ]

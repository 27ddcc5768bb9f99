"""Two catalogs told apart: changes as people read them, and what of a change cannot be because the book uses it."""

import pytest

from farthing.documents.diffs import Used, compare_catalogs
from farthing.documents.reading import read_catalog
from farthing.tariff.errors import CatalogInvalid
from farthing.values.amounts import Unit
from tests.unit.tariff.documents import EXAMPLE, list_leaves, write_toml
from tests.unit.tariff.test_catalog_shipped import SHIPPED, read_shipped

NOTHING = Used()


def compare(before, after, used=NOTHING):
    return compare_catalogs(None if before is None else read_catalog(before), read_catalog(after), used)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("studio", "amount = 5 }", "amount = 6 }", "features.image.price: 5 credits → 6 credits"),
        ("studio", '"15 USD"', '"19.50 USD"', "plans.basic.prices.month: 15 USD → 19.50 USD"),
        ("studio", "amount = 500", "amount = 600.5",
            "plans.basic.allowances.credits.amount: 500 credits → 600.5 credits"),
        (
            "studio",
            "amount = 50 }]",
            "amount = 55 }]",
            "features.video.price: steps: steps up_to 5, amount 25; up_to 10, amount 50 (credits) → "
            "steps: steps up_to 5, amount 25; up_to 10, amount 55 (credits)",
        ),
        ("studio", 'characters = "1/15"', 'characters = "1/14"', "features.audio.converts.characters: 1/15 → 1/14"),
        ("studio", 'on_upgrade = "add"\n\n', 'on_upgrade = "keep_used"\n\n', "plans.basic.on_upgrade: add → keep_used"),
        ("business", "[10.00, 0]", "[5, 0]", "terms.credits.alerts: 10 credits, 0 credits → 5 credits, 0 credits"),
        ("business", '"6 months"\nextends = true\nonce', '"1 year"\nextends = true\nonce',
            "packages.trial.lasts: 6 months → 1 year"),
        ("business", "once = true", "", "packages.trial.once: removed, yes"),
        ("business", "amount = 2.00", "amount = 2.00, minimum = 3",
            "features.reply.price: 2 credits → per_request: amount 2, minimum 3 (credits)"),
        ("vibe", "status = 429", "status = 402", "refusals.status: removed, 429"),
        ("vibe", 'every = "30 days" }\nlasts = "30 days"\nfallback = "free"\n\n[plans.e',
            'every = "month" }\nlasts = "30 days"\nfallback = "free"\n\n[plans.e',
            "plans.pro.allowances.credits.every: 30 days → month"),
        ("tokens", 'match = "gpt-5-nano*"\nfree = true', 'match = "gpt-5-nano*"',
            "features.chat.models[1].free: removed, yes"),
    ],
)  # fmt: skip
def test_a_change_is_told_in_a_line(name, old, new, told):
    text = read_shipped(name)
    assert old in text

    diff = compare(text, text.replace(old, new, 1))

    assert [str(change) for change in diff.changes] == [told]
    assert diff.refusals == []


def test_a_plan_that_comes_and_one_that_goes_are_a_line_each():
    before = read_shipped("studio")

    diff = compare(before, before.replace("[plans.premium]", "[plans.gold]"))

    assert [(change.place, change.kind) for change in diff.changes] == [
        ("plans.gold", "added"),
        ("plans.premium", "removed"),
    ]
    added, removed = diff.changes
    assert (added.before, removed.after) == (None, None)
    assert added.after == removed.before
    assert added.after is not None
    assert added.after.startswith(
        "title Premium; prices.month 29 USD; prices.year 290 USD; allowances.credits.amount 1,200"
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_the_same_again_is_no_change_and_the_first_is_all_new(name):
    text = read_shipped(name)

    assert compare(text, text + "# a comment") == ([], [])
    assert {change.kind for change in compare(None, text).changes} == {"added"}


def test_the_order_of_plans_and_the_first_unit_are_told():
    text = 'name = "a"\n[units]\n{}\n[plans]\n{}'
    before = text.format("credits = {}\ncoins = {}", "free = {}\npro = {}")

    orders = compare(before, text.format("coins = {}\ncredits = {}", "pro = {}\nfree = {}")).changes
    first = compare(before, text.format("tokens = {}\ncredits = {}\ncoins = {}", "free = {}\npro = {}")).changes

    assert [str(change) for change in orders] == [
        "units: credits, coins → coins, credits",
        "plans: free, pro → pro, free",
    ]
    assert [str(change) for change in first] == [
        "units.tokens: added, as usual",
        "units: credits, coins → tokens, credits, coins",
    ]


def test_whatever_is_changed_is_told():
    """No key may change and pass for the same: each place gets every value that it takes."""
    usual, seen, likely = read_catalog(EXAMPLE), 0, [1, "year", 7, "1/3", False, "7 weeks"]
    for n, (path, document) in enumerate(list_leaves(EXAMPLE)):
        try:
            other = read_catalog(write_toml(document(likely[n % len(likely)])))
        except CatalogInvalid:
            continue
        seen += other != usual
        assert bool(compare_catalogs(usual, other, NOTHING).changes) == (other != usual), path
    assert seen > 30


def test_a_units_scale_stays_for_ever_once_it_is_published_or_used():
    before, after = 'name = "a"\n[units.credits]\nscale = 6', 'name = "a"\n[units.credits]\nscale = 2'

    published = compare(before, after).refusals
    used = compare(None, after, Used(units={"credits": Unit(1, "credits", 6, 2)})).refusals

    assert published == used
    assert [str(problem) for problem in used] == [
        "units.credits.scale: is kept with 6 places for ever, and the catalog says 2 "
        "(write scale = 6, or count in a unit of another name)"
    ]


def test_a_published_unit_stays_but_one_that_the_book_has_by_itself_need_not_be_named():
    before, after = 'name = "a"\n[units.credits]\n[units.coins]', 'name = "a"\n[units.credits]'

    (refusal,) = compare(before, after).refusals

    assert (refusal.place, refusal.problem) == ("units.coins", "was published, so accounts may hold it")
    assert compare(None, after, Used(units={"coins": Unit(2, "coins", 6, 2)})).refusals == []


def test_a_plan_with_subscribers_is_not_removed():
    before, after = 'name = "a"\n[plans.free]\n[plans.pro]\n[plans.old]', 'name = "a"\n[plans.free]'

    refusals = compare(before, after, Used(subscribers={"free": 9, "pro": 3, "old": 0, "older": 1})).refusals

    assert [str(problem) for problem in refusals] == [
        "plans.pro: is removed, but 3 accounts are on it or about to be "
        "(move them to another plan first, or keep the plan)",
        "plans.older: is removed, but 1 account is on it or about to be "
        "(move them to another plan first, or keep the plan)",
    ]

"""Every worked case of other systems on every store, one test each; what is skipped is frozen in skipped.json."""

import json

import pytest

from tests.peers.casefiles import HERE, THEMES, read_cases
from tests.peers.lacking import find_reason
from tests.peers.plays import SEVERAL_CALLERS, play_case, play_from_threads, play_in_order, play_on_fresh_book
from tests.peers.stores import STORES

CASES = {case.id: case for case in read_cases(THEMES)}
REASONS = {name: find_reason(case) for name, case in CASES.items()}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", CASES)
def test_case(name, store):
    if REASONS[name]:
        pytest.skip(f"{name} {REASONS[name]}")

    assert play_on_fresh_book(CASES[name], store, play_in_order) is None


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", sorted(SEVERAL_CALLERS & CASES.keys()))
def test_case_from_threads(name, store):
    assert play_on_fresh_book(CASES[name], store, play_from_threads) is None


def test_nothing_is_skipped_but_what_is_listed_with_its_reason():
    frozen = json.loads((HERE / "skipped.json").read_text(encoding="utf-8"))
    listed = {name: reason for reason, names in frozen.items() for name in names}

    assert {name: reason for name, reason in REASONS.items() if reason} == listed


def test_no_theme_has_skipped_cases_but_prices_by_the_time_of_day_that_are_for_reading():
    skipped = {path.stem: sum(bool(REASONS[case.id]) for case in read_cases([path])) for path in THEMES}

    assert {theme: count for theme, count in skipped.items() if count} == {"pricing_llm_tokens": 2}


def test_every_theme_is_here_whole():
    counts = {path.stem: len(read_cases([path])) for path in THEMES}

    assert counts == {
        "burndown": 41,
        "allowances_rollover": 16,
        "holds": 32,
        "refunds_clawbacks": 16,
        "pricing_tiers": 32,
        "pricing_llm_tokens": 17,
        "calendar_anchors": 23,
        "proration": 12,
        "wallets_alerts": 11,
        "idempotency": 12,
        "rounding_allocation": 14,
    }


def falsify(value):
    """The nearest thing that is wrong."""
    if isinstance(value, dict):
        return {name: falsify(item) for name, item in value.items()}
    if isinstance(value, list):
        return [falsify(item) for item in value] or [["nobody", "1"]]
    if value in ("ok", "refused", "replayed", "key_reused"):
        return "refused" if value == "ok" else "ok"
    try:
        return str(int(str(value).split(".")[0]) + 1)
    except ValueError:
        return value + "?"


FALSE_CASES = [
    pytest.param(case, place, word, id=f"{name} {place} {word}")
    for name, case in CASES.items()
    if not REASONS[name]
    for place, assertion in enumerate(case.expect)
    for word in assertion
    if word not in ("after", "reason")
]


@pytest.mark.parametrize(("case", "place", "word"), FALSE_CASES)
def test_a_case_with_one_wrong_figure_fails(case, place, word):
    wrong = [dict(assertion) for assertion in case.expect]
    wrong[place][word] = falsify(wrong[place][word])

    found = play_case(case._replace(expect=wrong), "memory")

    assert found is not None
    assert (found.step, list(found.expected)) == (wrong[place]["after"], [word])

"""The page of rules keeps its word: every rule is told, every picture is sound, and its examples come out."""

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

import farthing
from farthing.testing import MORNING, FrozenClock, memory_ledger
from farthing.values.bounds import HOLD_TTL, REFUND_GRACE
from farthing.values.wallets import SettlePolicy

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "rules.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.replace("\n> ", " ").split())
TOLD = [*range(1, 31)]
ROWS = re.findall(r"^\| (\d+) \| (\[.+) \|$", PAGE, flags=re.MULTILINE)
PICTURES = sorted((DOCS / "pictures").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "title", "style", "g", "path", "rect", "circle", "text"}
MINUTE = timedelta(minutes=1)
Told = tuple[farthing.Ledger, FrozenClock]


def name_anchor(heading: str) -> str:
    """The anchor that a heading gets where pages are shown."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def list_anchors() -> list[str]:
    return [name_anchor(heading) for heading in re.findall(r"^#+ (.+)$", PAGE, flags=re.MULTILINE)]


def test_every_rule_is_told_once_and_in_order() -> None:
    assert [int(number) for number, _ in ROWS] == TOLD


@pytest.mark.parametrize(("number", "sections"), ROWS)
def test_every_rule_leads_to_its_section(number: str, sections: str) -> None:
    links = re.findall(r"\[([^]]+)\]\(#([^)]+)\)", sections)

    assert links
    assert [anchor for _, anchor in links if anchor not in list_anchors()] == []
    assert [words for words, anchor in links if name_anchor(words) != anchor] == []


def test_no_two_sections_share_an_anchor() -> None:
    assert len(set(list_anchors())) == len(list_anchors())


def test_the_page_can_be_read_in_one_sitting() -> None:
    assert PAGE.count("\n") <= 360


def test_every_picture_is_shown_with_words_for_those_who_cannot_see_it() -> None:
    pages = [path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")]
    shown = {name: words for page in pages for words, name in re.findall(r"!\[([^]]*)\]\(pictures/([^)]+)\)", page)}

    assert PICTURES
    assert shown.keys() == {path.name for path in PICTURES}
    assert [name for name, words in shown.items() if len(words.split()) < 8] == []


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_takes_the_page_s_colours_and_runs_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)

    assert root.tag == f"{SVG}svg"
    assert float(root.get("viewBox", "").split()[2]) <= 700
    assert root.get("fill") == "currentColor"
    assert "sans-serif" in root.get("font-family", "")
    assert root.find(f"{SVG}title") is not None
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= DRAWN
    assert re.search(r"\bon\w+=|javascript:|href|@import|url\(", text) is None
    assert all(font >= 12 for font in map(float, re.findall(r'font-size="([\d.]+)"', text)))


def test_ids_in_pictures_are_unique_so_that_several_fit_on_one_page() -> None:
    ids = [found for path in PICTURES for found in re.findall(r'\bid="([^"]+)"', path.read_text(encoding="utf-8"))]

    assert len(set(ids)) == len(ids)


def test_the_page_states_the_defaults_that_are_in_force() -> None:
    minutes, days = timedelta(microseconds=HOLD_TTL) // MINUTE, timedelta(microseconds=REFUND_GRACE).days

    assert f"without a time-to-live lives {minutes} minutes (`hold_ttl`)" in FLAT
    assert f"per charge that lives {days} days (`refund_grace`" in FLAT


def test_the_page_knows_every_policy_for_cost_above_a_hold() -> None:
    _, section = PAGE.split("### Settling above the hold")

    named = re.findall(r"^\| `(\w+)`", section.split("### ")[0], flags=re.MULTILINE)
    assert sorted(named) == sorted(policy.name.lower() for policy in SettlePolicy)


@pytest.fixture
def told() -> Told:
    clock = FrozenClock(MORNING)
    return memory_ledger(clock=clock), clock


def decimals(*numbers: int | str) -> list[Decimal]:
    return [Decimal(number) for number in numbers]


def list_left(ledger: farthing.Ledger) -> list[Decimal]:
    return [lot.remaining for lot in ledger.balance("acme").lots]


def test_rule_05_example_of_which_credits_pay_first(told: Told) -> None:
    assert "A charge of 130 takes 100, 20 and 10." in FLAT
    ledger, _ = told
    ledger.grant("acme", 50)
    ledger.grant("acme", 20, promotional=True, expires_in=timedelta(days=200))
    ledger.grant("acme", 100, priority=10)

    receipt = ledger.charge("acme", 130)

    assert [lot.amount for lot in receipt.lots] == [100, 20, 10]


def test_rule_06_example_of_what_is_available(told: Told) -> None:
    assert "an overdraft of 10: available 40, available for `video` 60, spendable 50" in FLAT
    ledger, _ = told
    ledger.grant("acme", 30)
    ledger.grant("acme", 20, features=["video"])
    ledger.configure("acme", overdraft=10)

    balance, for_video = ledger.balance("acme"), ledger.balance("acme", feature="video")

    assert [balance.available, for_video.available, balance.spendable] == decimals(40, 60, 50)


def test_rules_07_and_08_example_of_debt_and_its_feature(told: Told) -> None:
    assert "A grant of 50 without scope pays 6; 44 are left." in FLAT
    ledger, _ = told
    ledger.open_account("acme")
    ledger.charge("acme", 6, feature="chat", mode="record")

    assert ledger.grant("acme", 20, features=["video"]).repaid == 0
    assert ledger.grant("acme", 50).repaid == 6
    assert sorted(list_left(ledger)) == [20, 44]


def test_rule_09_example_of_a_bare_part(told: Told) -> None:
    assert "Settled at 40, it takes the 30 and leaves 10 owed." in FLAT
    ledger, _ = told
    ledger.grant("acme", 30)
    ledger.configure("acme", overdraft=20)

    ledger.hold("acme", 45).settle(40)

    assert [ledger.balance("acme").debt, *list_left(ledger)] == decimals(10)


def test_rule_10_example_of_settling_below_the_hold(told: Told) -> None:
    assert "then 3 go back to B and 3 are breakage." in FLAT
    ledger, clock = told
    ledger.grant("acme", 5, priority=1, expires_in=5 * MINUTE)
    ledger.grant("acme", 3)
    ledger.hold("acme", 8).settle(5)
    assert list_left(ledger) == [3]

    ledger.grant("acme", 5, priority=1, expires_in=5 * MINUTE)
    hold = ledger.hold("acme", 8)
    clock.advance(6 * MINUTE)
    hold.settle(2)

    assert [*list_left(ledger), ledger.balance("acme").expired] == decimals(3, 3)


@pytest.mark.parametrize(
    ("policy", "charged", "owed"), [("bill_full", 50, 6), ("cap_available", 44, 0), ("cap_hold", 40, 0)]
)
def test_rule_11_table_of_settling_above_the_hold(told: Told, policy: str, charged: int, owed: int) -> None:
    assert re.search(rf"^\| `{policy}`[^|]*\| {charged} \| {owed} \|$", PAGE, flags=re.MULTILINE)
    ledger, _ = told
    ledger.grant("acme", 44)

    receipt = ledger.hold("acme", 40).settle(50, policy=policy)

    assert [receipt.charged, ledger.balance("acme").debt, receipt.uncovered] == decimals(charged, owed, 50 - charged)


def test_rule_11_a_rejected_settle_leaves_the_hold_open(told: Told) -> None:
    ledger, _ = told
    ledger.grant("acme", 44)
    hold = ledger.hold("acme", 40)

    with pytest.raises(farthing.SettleAboveHold):
        hold.settle(50, policy="reject")

    assert ledger.balance("acme").held == 40


def test_rule_11_example_of_a_late_settle(told: Told) -> None:
    assert "Settled late at 12.40: 10 are taken, 2.40 owed." in FLAT
    ledger, clock = told
    ledger.grant("acme", 40)
    hold = ledger.hold("acme", 40)
    clock.advance(15 * MINUTE)
    ledger.charge("acme", 30)

    receipt = ledger.settle(hold.id, "12.40")

    assert [receipt.charged, ledger.balance("acme").debt] == decimals("12.40", "2.40")


def test_rule_14_table_of_what_happens_when_there_is_too_little(told: Told) -> None:
    assert "| `record` (it already happened) | 16 charged, 6 owed | |" in PAGE
    ledger, _ = told
    ledger.grant("acme", 10)

    with pytest.raises(farthing.InsufficientCredits) as no:
        ledger.charge("acme", 16)
    shrunk = ledger.hold("acme", 16, mode="shrink")

    assert [no.value.short, shrunk.receipt.uncovered, ledger.balance("acme").held] == decimals(6, 6, 10)
    shrunk.release()
    assert ledger.charge("acme", 16, mode="all_available").uncovered == 6
    assert ledger.charge("acme", 16, mode="record").debt == 16


def test_rule_15_example_of_a_refund(told: Told) -> None:
    assert "A refund of 20 puts 10 back into B, then 10 into A; 20 more can be refunded." in FLAT
    ledger, _ = told
    ledger.grant("acme", 30, priority=1)
    ledger.grant("acme", 10)
    charge = ledger.charge("acme", 40)

    ledger.refund(charge.id, 20)

    assert list_left(ledger) == [10, 10]
    with pytest.raises(farthing.MoreThanLeft, match="20 is left"):
        ledger.refund(charge.id, 21)
    assert ledger.refund(charge.id, 21, up_to=True).refunded == 20

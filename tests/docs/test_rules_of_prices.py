"""The page of rules keeps its word on prices: every example of rules 21 to 25 and 27 comes out as it is told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import farthing
from farthing.testing import FrozenClock

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.replace("\n> ", " ").split())
Open = Callable[[str], farthing.Ledger]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2024, 2, 18, tzinfo=UTC))


@pytest.fixture
def open_with(tmp_path: Path, clock: FrozenClock) -> Open:
    """Opens a ledger in memory whose catalog has these features and plans."""

    def open_one(document: str) -> farthing.Ledger:
        file = tmp_path / "rules.toml"
        file.write_text(f'name = "rules"\n{document}', encoding="utf-8")
        ledger = farthing.open("memory:", book="test", test=True, clock=clock, catalog=file)
        ledger.open_account("acme")
        return ledger

    return open_one


def price(form: str) -> str:
    return f"[features.work]\nmeasure = 'seconds'\nprice = {form}\n"


def decimals(*numbers: int | str) -> list[Decimal]:
    return [Decimal(number) for number in numbers]


@pytest.mark.parametrize(("mode", "left"), [("replace", 300), ("add", 340), ("keep_used", 240)])
def test_rule_21_table_holds_for_plans_of_a_catalog(open_with: Open, mode: str, left: int) -> None:
    assert f"| {left} |" in next(line for line in PAGE.splitlines() if line.startswith(f"| `{mode}` |"))
    ledger = open_with(
        f"""
        [plans.small]
        allowances.credits = {{ amount = 100, every = "month" }}
        [plans.large]
        allowances.credits = {{ amount = 300, every = "month" }}
        on_upgrade = "{mode}"
        """
    )
    ledger.subscribe("acme", "small")
    ledger.charge("acme", 60)

    ledger.change_plan("acme", "large")

    assert ledger.balance("acme").spendable == left


def test_rule_22_example_of_money_for_part_of_a_period(open_with: Open, clock: FrozenClock) -> None:
    assert "with 22 of 29 days left: 75.86 back, 227.59 due." in FLAT
    ledger = open_with(
        """
        [plans.small]
        prices = { month = "100 USD" }
        [plans.large]
        prices = { month = "300 USD" }
        proration = "day"
        """
    )
    ledger.subscribe("acme", "small", paid=(10000, "USD"))
    clock.advance(timedelta(days=7))

    lines = ledger.quote_change("acme", "large").lines

    assert [line.minor for line in lines] == [-7586, 22759]


def test_rule_23_example_of_what_a_count_contains(open_with: Open) -> None:
    assert "1,000 in, of which 30 were read and 20 written, and 100 out cost 0.004434." in FLAT
    ledger = open_with(
        price('{ form = "tokens", rates = { input = 3, cache_read = "0.3", cache_write = "3.75", output = 15 } }')
    )

    used = farthing.Usage(model="any", input=1000, cache_read=30, cache_write=20, output=100)

    assert ledger.quote("acme", "work", usage=used).price == Decimal("0.004434")
    with pytest.raises(farthing.FarthingError):
        ledger.quote("acme", "work", usage=farthing.Usage(model="any", input=10, cache_read=11))


def test_rule_24_example_of_tiers(open_with: Open) -> None:
    assert "150 at once cost 125, and as three charges of 50 over a period 50, 50 and 25. As volume, 75." in FLAT
    tiers = 'tiers = [{ up_to = 100, unit = 1 }, { unit = "0.5" }]'

    graduated = open_with(price(f'{{ form = "graduated", {tiers} }}'))
    assert graduated.quote("acme", "work", quantity=150).price == 125
    volume = open_with(price(f'{{ form = "volume", {tiers} }}'))
    assert volume.quote("acme", "work", quantity=150).price == 75
    over = open_with(price(f'{{ form = "graduated", over = "period", {tiers} }}'))
    over.grant("acme", 200)
    assert [over.charge("acme", feature="work", quantity=50).charged for _ in range(3)] == decimals(50, 50, 25)


def test_rule_25_example_of_the_least_that_is_charged(open_with: Open) -> None:
    assert "charged as 0.000001. With `carry`, ten such charges come to 0.000003 in all." in FLAT
    rate = 'form = "tokens", rates = { input = "0.3" }'
    token = farthing.Usage(model="any", input=1)

    plain, carrying = open_with(price(f"{{ {rate} }}")), open_with(price(f"{{ {rate}, carry = true }}"))
    for ledger in (plain, carrying):
        ledger.grant("acme", 1)

    assert plain.charge("acme", feature="work", usage=token).charged == Decimal("0.000001")
    charged = [carrying.charge("acme", feature="work", usage=token).charged for _ in range(10)]
    assert sum(charged) == Decimal("0.000003")


def test_rule_27_example_of_which_catalog_holds(open_with: Open, tmp_path: Path) -> None:
    assert "The settle takes 50; the next video costs 60." in FLAT
    ledger = open_with(price('{ form = "steps", steps = [{ up_to = 10, amount = 50 }] }'))
    ledger.grant("acme", 200)
    hold = ledger.hold("acme", feature="work", quantity="8s")

    later = tmp_path / "later.toml"
    later.write_text(
        'name = "rules"\n' + price('{ form = "steps", steps = [{ up_to = 10, amount = 60 }] }'), encoding="utf-8"
    )
    ledger.apply_catalog(later)

    settled = hold.settle(quantity="8s")
    assert settled.charged == 50
    assert ledger.charge("acme", feature="work", quantity="8s").charged == 60
    assert ledger.refund(settled.id).refunded == 50

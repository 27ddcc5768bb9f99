"""The page of prices keeps its word: every row of its table comes out, in words of the catalog and in credits."""

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

import farthing
from farthing.documents.price_tables import PRICE
from farthing.documents.reading import read_catalog
from farthing.tariff.errors import UnknownPrice
from farthing.tariff.prices import Use
from farthing.tariff.quotes import quote_use
from tests.docs.pages import list_documents, read_page

PAGE = read_page("prices.md")
FORMS = PAGE.split("## Forms")[1].split("\n## ")[0]
Row = tuple[str, str, str]


def list_rows() -> list[Row]:
    """(price, used, credits), with the price of the row above where it is the same."""
    rows: list[Row] = []
    for cells in re.findall(r"^\| (`\{.*\}`|the same) \| (.+) \| (\S+) \|$", FORMS, flags=re.MULTILINE):
        price = rows[-1][0] if cells[0] == "the same" else cells[0].strip("`")
        rows.append((price, cells[1], cells[2]))
    return rows


def read_used(said: str) -> Use:
    number, _, kind = said.partition(" ")
    if kind.startswith("second"):
        return Use(quantity=Fraction(number))
    if kind.startswith("item"):
        return Use(items=int(number))
    if number == "cost":
        return Use(cost=Fraction(kind))
    parts = (part.split(" ") for part in said.split("; "))
    return Use(tokens={token: int(count.replace(",", "")) for token, count in parts})


@pytest.mark.parametrize(("price", "used", "credits"), list_rows())
def test_every_row_of_the_forms_comes_out(price: str, used: str, credits: str) -> None:
    catalog = read_catalog(f'name = "docs"\n[features.work]\nmeasure = "seconds"\nprice = {price}\n')

    if credits == "refused":
        with pytest.raises(UnknownPrice):
            quote_use(catalog, "work", None, read_used(used))
        return
    ((_, parts),) = quote_use(catalog, "work", None, read_used(used)).amounts
    assert Fraction(parts, 10**6) == Fraction(credits)


def test_every_form_of_price_has_a_row() -> None:
    shown = {re.search(r'form = "(\w+)"', price)[1] for price, _, _ in list_rows()}  # type: ignore[index]

    assert shown == set(PRICE.tables)
    assert len(list_rows()) == sum(line.startswith("| ") for line in FORMS.splitlines()) - 1


@pytest.mark.parametrize("document", list_documents(PAGE))
def test_every_part_of_a_catalog_on_the_page_can_be_read(document: str) -> None:
    assert read_catalog(document).features


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[farthing.Ledger]:
    """Opened with the first three parts of a catalog on the page."""
    video, models, search, *_ = (document.removeprefix('name = "docs"\n') for document in list_documents(PAGE))
    file = tmp_path / "docs.toml"
    file.write_text(f'name = "docs"\n{models}\n{video}\n{search}', encoding="utf-8")
    with farthing.open("memory:", catalog=file) as opened:
        opened.grant("acme", 100)
        yield opened


def test_a_quote_is_as_the_page_shows_it(ledger: farthing.Ledger) -> None:
    quote = ledger.quote("acme", "video", quantity="8s")

    assert f'# Decimal("{quote.price}"), "{quote.text}"' in PAGE
    assert "# (" + ", ".join(f'"{line}"' for line in quote.working) + ")" in PAGE
    assert f"# takes {ledger.charge('acme', feature='video', quantity='8s').charged}" in PAGE
    assert "25 credits up to 5 seconds, 50 credits up to 10 seconds" in [cost.text for cost in ledger.costs()]


def test_the_first_thousand_are_free_and_the_rest_is_counted_on(ledger: farthing.Ledger) -> None:
    assert "after 900 the next 200 cost 1 credit together" in PAGE

    charged = [ledger.charge("acme", feature="search", quantity=quantity).charged for quantity in (900, 200)]

    assert charged == [Decimal(0), Decimal(1)]


def test_several_prices_are_charged_together_or_not_at_all(ledger: farthing.Ledger) -> None:
    with pytest.raises(farthing.InsufficientCredits):
        ledger.charge("acme", feature="picture")
    assert ledger.balance("acme").spendable == 100

    ledger.grant("acme", 100, unit="free_tokens")
    ledger.charge("acme", feature="picture")

    assert ledger.balance("acme").spendable == 95
    assert ledger.balance("acme", unit="free_tokens").spendable == 0


def test_the_first_pattern_that_matches_counts_and_an_unknown_model_is_refused(ledger: farthing.Ledger) -> None:
    def quote(model: str) -> dict[str, Decimal]:
        return dict(ledger.quote("acme", "chat", usage=farthing.Usage(model=model, input=1000)).amounts)

    assert quote("gpt-5-nano-2025") == {"free_tokens": 1000}
    assert quote("gpt-5.1") == {"credits": Decimal("0.125")}
    with pytest.raises(farthing.UnknownPrice):
        quote("claude")

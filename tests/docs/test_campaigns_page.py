"""The page on campaigns keeps its word: its catalog can be published, its calls run, and every rule has its line."""

import re
from pathlib import Path

import farthing
from farthing.documents.checks import RULES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "campaigns.md").read_text(encoding="utf-8")
BEFORE = 'name = "page"\n[units.credits]\n[features.image]\n[plans.basic]\n[plans.pro]\n'


def read_block(language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def test_the_catalog_and_the_calls_of_the_page_run_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "page.toml"
    file.write_text(BEFORE + read_block("toml"))
    with farthing.open("memory:", create=True, catalog=file) as ledger:
        exec(read_block("python"), {"ledger": ledger})

        assert [str(ledger.balance(account).spendable) for account in ("acme", "bolt")] == ["50.00", "10.00"]
        assert {view.rule for view in ledger.campaigns()} == set(RULES)


def test_every_rule_has_its_line_in_the_table() -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == sorted(RULES)

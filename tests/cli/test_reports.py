"""report, rollup and journal at the command line, on SQLite and PostgreSQL: tables for people, JSON for programs."""

import csv
import io

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def used(anywhere: Shell) -> Shell:
    assert anywhere("init").code == 0
    assert anywhere("grant", "acme", "100", "--source", "purchase", "--key", "pay_31").code == 0
    for amount, feature in (("2.50", "chat"), ("5", "image"), ("4", "image")):
        assert anywhere("charge", "acme", amount, "--feature", feature, "--member", "ana").code == 0
    return anywhere


def test_usage_as_a_table_and_as_json(used: Shell):
    done = used("report", "usage", "acme", "--every", "all", "--by", "feature")
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()] == [
        ["from", "feature", "uses", "spent"],
        ["all", "time", "image", "2", "9.00"],
        ["all", "time", "chat", "1", "2.50"],
    ]  # fmt: skip

    rows = used.ask("report", "usage", "acme", "--by", "member", "--since", "2020-01-01")
    assert [(row["member"], row["spent"], row["uses"]) for row in rows] == [("ana", "11.50", 3)]
    assert used.ask("report", "usage", "acme", "--until", "2020-01-01") == []
    assert "nothing in this time" in used("report", "usage", "--until", "2020-01-01").err


def test_credits_summary_and_a_past_balance(used: Shell):
    row = used.ask("report", "credits")[-1]
    assert (row["issued"], row["spent"], row["outstanding"]) == ("100.00", "11.50", "88.50")
    assert "outstanding" in used("report", "credits").out

    said = used.ask("report", "summary", "acme")
    assert (said["spendable"], said["spent_this_month"], said["last_purchase"]["amount"]) == (
        "88.50",
        "11.50",
        "100.00",
    )
    assert "spent this month: 11.50" in used("report", "summary", "acme").out

    assert used.ask("report", "balance", "acme", "2020-01-01T00:00:00Z")["spendable"] == "0.00"
    assert used("report", "balance", "acme", "2999-01-01T00:00:00Z").code == 2


def test_the_rollup_changes_no_answer(used: Shell):
    before = used.ask("report", "usage", "--by", "feature")

    assert used.ask("rollup", "run")["done"] == 5
    assert used.ask("rollup", "run")["done"] == 0
    assert "nothing was due" in used("rollup", "run").out
    assert used.ask("report", "usage", "--by", "feature") == before
    assert "5 entries done" in used("rollup", "rebuild").out
    assert used.ask("report", "usage", "--by", "feature") == before
    assert used("verify").code == 0


def test_the_journal_goes_to_stdout_or_to_a_file(used: Shell):
    rows = list(csv.DictReader(io.StringIO(used("journal").out)))
    assert [row["book"] for row in rows[:2]] == ["Liabilities:Customers", "Equity:Issued"]
    assert len(rows) == 8

    for form in ("hledger", "beancount"):
        done = used("journal", "--format", form, "--out", f"credits.{form}")
        assert (done.code, done.out) == (0, "")
        assert "4 entries written" in done.err
        assert "chat" in (used.folder / f"credits.{form}").read_text(encoding="utf-8").lower()
    assert used("journal", "--format", "excel").code == 2
    assert used("journal", "--format", "parquet").code == 2
    assert used("journal", "--out", "no/such/folder.csv").code == 2


def test_mistakes_say_what_to_write(used: Shell):
    assert "choose hour, day" in used("report", "usage", "--every", "fortnight").err
    assert "choose feature, model" in used("report", "usage", "--by", "colour").err
    assert "is an account's own" in used("report", "usage", "--every", "cycle").err
    assert used("report", "usage", "nobody").code == 4

"""The journal in its four forms, each read back: by a reader of the test's own, and by the real programs where they
are there (`hledger` on the path, the packages `beancount` and `pyarrow`)."""

import csv
import io
import re
import shutil
import subprocess
from collections import defaultdict
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest

import farthing
from farthing.service.journal import (
    COLUMNS,
    Posted,
    name_commodity,
    name_component,
    write_beancount,
    write_csv,
    write_hledger,
    write_parquet,
)
from farthing.values.errors import TermInvalid

LINE = re.compile(r"^ +((?:[^ ]| (?! ))+)  (-?[0-9.]+) (.+)$")


@pytest.fixture
def ledger(tmp_path: Path):
    units = {"credits": 6, "free tokens": 0}
    with farthing.open(f"sqlite:///{tmp_path}/credits.db", create=True, units=units) as opened:
        for account in ("acme", 'zoë: & co; "x"', "Acme"):
            opened.grant(account, "10.123456", paid=(1000, "EUR"))
            opened.settle(opened.hold(account, 5, feature="text  to image").id, "2.5")
            opened.refund(opened.charge(account, "0.000001", feature="chat").id)
            opened.record(account, 20, feature="chat")
            opened.forgive(account, 1)
            opened.grant(account, 7, unit="free tokens")
        yield opened


def sum_books(posted: list[Posted]) -> dict[tuple[str, str], Decimal]:
    """What each book and unit comes to."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in posted:
        for line in entry.postings:
            sums[line.book, entry.unit.name] += Decimal(line.amount) / entry.unit.per_whole
    return {key: value for key, value in sums.items() if value}


def test_csv_has_a_line_for_each_posting(ledger):
    posted, out = list(ledger.reports.journal()), io.StringIO()
    assert write_csv(posted, out) == len(posted) > 20

    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["book"], row["unit"]] += Decimal(row["amount"])
    assert tuple(rows[0]) == COLUMNS
    assert {key: value for key, value in sums.items() if value} == sum_books(posted)
    assert {row["account"] for row in rows} == {"acme", 'zoë: & co; "x"', "Acme"}


def read_postings(text: str) -> list[list[tuple[str, Decimal, str]]]:
    """Transactions of a plain-text journal, as far as amounts go."""
    found: list[list[tuple[str, Decimal, str]]] = []
    for line in text.splitlines():
        if re.match(r"\d{4}-\d\d-\d\d (\*|\()", line):
            found.append([])
        elif (posting := LINE.match(line)) and not posting[1].endswith(":"):
            found[-1].append((posting[1], Decimal(posting[2]), posting[3]))
    return found


@pytest.mark.parametrize("write", [write_hledger, write_beancount])
def test_plain_text_journals_balance_and_come_to_the_same(ledger, write):
    posted, out = list(ledger.reports.journal()), io.StringIO()
    assert write(posted, out, UTC) == len(posted)

    read = read_postings(out.getvalue())
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for lines in read:
        assert sum(amount for _, amount, _ in lines) == 0
        for name, amount, _ in lines:
            sums[":".join(name.split(":")[:2]), str(_)] += amount
    assert len(read) == len(posted)
    totals = sorted(value for value in sums.values() if value)
    assert totals == sorted(sum_books(posted).values())


def test_hledger_reads_it(ledger, tmp_path):
    program = shutil.which("hledger")
    if program is None:
        pytest.skip("hledger is not installed: read back by the test's own reader only")
    path = tmp_path / "credits.journal"
    with path.open("w", encoding="utf-8") as out:
        write_hledger(ledger.reports.journal(), out, UTC)

    done = subprocess.run([program, "-f", str(path), "check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shown = subprocess.run([program, "-f", str(path), "balance", "-N", "--depth", "1", "cur:credits", "Income"],
                           capture_output=True, text=True, check=True).stdout  # fmt: skip
    spent = sum(ledger.balance(account).spent - ledger.balance(account).refunded for account in ("acme", "Acme"))
    assert shown.split()[0] == f"-{spent / 2 * 3:f}"


def test_beancount_reads_it(ledger, tmp_path):
    loader = pytest.importorskip("beancount.loader", reason="beancount is not installed: own reader only")
    path = tmp_path / "credits.beancount"
    with path.open("w", encoding="utf-8") as out:
        count = write_beancount(ledger.reports.journal(), out, UTC)

    entries, errors, _ = loader.load_file(str(path))

    assert errors == []
    assert sum(type(entry).__name__ == "Transaction" for entry in entries) == count


def test_parquet_is_read_back(ledger, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    posted = list(ledger.reports.journal())
    assert write_parquet(posted, tmp_path / "credits.parquet") == len(posted)

    rows = parquet.read_table(tmp_path / "credits.parquet").to_pylist()
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["book"], row["unit"]] += row["amount"]
    assert {key: value for key, value in sums.items() if value} == sum_books(posted)
    assert tuple(rows[0]) == COLUMNS


def test_without_pyarrow_parquet_says_what_to_install(ledger, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    with pytest.raises(TermInvalid, match=r"pip install 'farthing\[parquet\]'"):
        write_parquet(ledger.reports.journal(), tmp_path / "credits.parquet")


def test_names_stay_apart_where_a_form_cannot_spell_them():
    names = ["acme", "Acme", "zoë", "zo e", "zo-e", "1", "", "-", "a:b", "a b", "ä", "ö"]
    spelt = [name_component(name) for name in names]

    assert len(set(spelt)) == len(names)
    assert all(re.fullmatch(r"[A-Z0-9][A-Za-z0-9-]*", each) for each in spelt)
    units = ["credits", "free tokens", "free_tokens", "x", "a" * 60, "crédits"]
    assert len({name_commodity(unit) for unit in units}) == len(units)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9-]{0,22}[A-Z0-9]", name_commodity(unit)) for unit in units)

"""`farthing replay`: exact at any concurrency, twice the same, and nothing written for a trace that cannot be read."""

import csv
import os
import random
import time
from decimal import Decimal

import pytest

from farthing.cli.trace import write_trace

PRICES = ("--price-in", "0.0025", "--price-out", "0.0125")
PRICE_IN, PRICE_OUT = Decimal("0.0025"), Decimal("0.0125")


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "trace.csv"
    write_trace(path, rows=300, seed=7)
    return path


def reckon(path, fail_every):
    """The sum, worked out without Farthing."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [row for number, row in enumerate(rows) if not fail_every or (number + 1) % fail_every]
    tokens_in = sum(int(row["ContextTokens"]) for row in kept)
    tokens_out = sum(int(row["GeneratedTokens"]) for row in kept)
    return {
        "requests": len(rows),
        "settled": len(kept),
        "released": len(rows) - len(kept),
        "refused": 0,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "charged": tokens_in * PRICE_IN + tokens_out * PRICE_OUT,
        "verify": "ok",
    }


def run(shell, path, *more, accounts="7", grant="100000"):
    done = shell("replay", str(path), "--accounts", accounts, "--grant", grant, *PRICES, *more, "--json")
    assert (done.code, done.err) == (0, ""), done
    got = done.json()
    assert isinstance(got["charged"], str)
    assert got.pop("per_second") >= 0
    return got | {"charged": Decimal(got["charged"])}


@pytest.mark.parametrize("concurrency", ["1", "16", "1000"])
def test_the_sum_is_exact_at_any_concurrency_and_the_second_run_charges_nothing(anywhere, trace, concurrency):
    want = reckon(trace, 13)
    options = ("--fail-every", "13", "--max-out", "512", "--concurrency", concurrency)

    first = run(anywhere, trace, *options)
    lines = anywhere.count_lines()
    second = run(anywhere, trace, *options)

    assert first == want
    assert second == want
    assert anywhere.count_lines() == lines


def test_row_i_is_of_account_i_mod_n_and_holds_before_it_settles(bare, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\na,1000,10\nb,2000,20\nc,3000,700\n")

    run(bare, path, "--max-out", "512", "--fail-every", "3", accounts="2")

    newest_first = [(one["kind"], one["amount"]) for one in bare.ask("history", "acct-0")]
    assert newest_first[:4] == [
        ("released", "16.25"),
        ("settled", "2.625"),
        ("held", "16.25"),
        ("held", "8.90"),
    ]
    assert [one["kind"] for one in bare.ask("history", "acct-1")][:2] == ["settled", "held"]
    failed = bare.ask("history", "acct-0")[0]
    assert failed["success"] is False
    settled = bare.ask("history", "acct-1")[0]
    assert (settled["amount"], settled["usage"]["input"], settled["usage"]["output"]) == ("5.25", 2000, 20)


def test_each_account_is_funded_once_in_all(bare, trace):
    for _ in range(2):
        run(bare, trace, accounts="5", grant="100000")

    assert [bare.ask("balance", f"acct-{n}")["granted"] for n in range(5)] == ["100000.00"] * 5
    assert bare("balance", "acct-5").code == 4


def test_rows_that_were_refused_stay_refused_in_a_second_run_even_after_a_top_up(bare, trace):
    first = run(bare, trace, accounts="3", grant="100")
    bare("grant", "acct-0", "100000")
    lines = bare.count_lines()
    second = run(bare, trace, accounts="3", grant="100")

    assert first["refused"] > 0
    assert first["settled"] + first["refused"] == first["requests"] == 300
    assert second == first
    assert bare.count_lines() == lines


def test_the_same_trace_on_other_terms_is_refused(bare, trace):
    run(bare, trace)
    lines = bare.count_lines()

    for options in (("--max-out", "9"), ("--fail-every", "5")):
        done = bare("replay", str(trace), "--accounts", "7", "--grant", "100000", *PRICES, *options)
        assert (done.code, done.out) == (2, "")
        assert "are not those on which this trace was replayed here before" in done.err
    done = bare("replay", str(trace), "--accounts", "8", "--grant", "100000", *PRICES, "--json")
    assert (done.code, done.json()["code"]) == (2, "term_invalid")
    assert bare.count_lines() == lines


def test_another_trace_is_charged_beside_the_first_and_summed_alone(bare, trace, tmp_path):
    other = tmp_path / "other.csv"
    write_trace(other, rows=50, seed=8)

    run(bare, trace)

    assert run(bare, other) == reckon(other, None)


def test_a_run_that_broke_off_is_finished_by_the_next(bare, trace, monkeypatch):
    import farthing.cli.replay as module

    real, calls = module.run_rows, []

    def break_off(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(module, "run_rows", break_off)
    stopped = bare("replay", str(trace), "--accounts", "7", "--grant", "100000", *PRICES, "--fail-every", "13")
    monkeypatch.setattr(module, "run_rows", real)

    assert (stopped.code, stopped.out) == (130, "")
    assert run(bare, trace, "--fail-every", "13") == reckon(trace, 13)


def test_holds_that_timed_out_before_the_next_run_are_settled_late_or_logged_as_failed(bare, trace, monkeypatch):
    import farthing.cli.replay as module

    def break_off(*arguments):
        raise KeyboardInterrupt

    bare("init")
    for number in range(7):
        bare("open", f"acct-{number}")
        bare("configure", f"acct-{number}", "--hold-ttl", "1s")
    with monkeypatch.context() as patched:
        patched.setattr(module, "ask_end", break_off)
        assert (
            bare("replay", str(trace), "--accounts", "7", "--grant", "100000", *PRICES, "--fail-every", "13").code
            == 130
        )
    assert Decimal(bare.ask("balance", "acct-0")["held"]) > 0
    time.sleep(1.1)
    assert Decimal(bare.ask("balance", "acct-0")["held"]) == 0

    first = run(bare, trace, "--fail-every", "13")
    lines = bare.count_lines()
    second = run(bare, trace, "--fail-every", "13")

    assert first == second == reckon(trace, 13)
    assert bare.count_lines() == lines


def test_it_runs_in_memory_too_and_reads_as_a_table(bare, trace):
    done = bare("replay", str(trace), "--accounts", "7", "--grant", "100000", *PRICES, "--db", "memory:")

    words = [line.split()[0] for line in done.out.splitlines()]
    assert done.code == 0
    assert words == [
        *("requests", "settled", "released", "refused", "tokens_in", "tokens_out", "charged", "per_second", "verify:")
    ]
    assert list(bare.folder.glob("*.db")) == []


MALFORMED = {
    "a column is missing": (b"TIMESTAMP,ContextTokens\nt,1\n", "header (line 1), column GeneratedTokens"),
    "the file is empty": (b"", "header (line 1), column ContextTokens: is missing: the file is empty"),
    "no number": (b"ContextTokens,GeneratedTokens\n1,2\nx,2\n", "row 1 (line 3), column ContextTokens: 'x' is not"),
    "negative": (b"ContextTokens,GeneratedTokens\n1,-2\n", "row 0 (line 2), column GeneratedTokens: '-2' is negative"),
    "too many fields": (b"ContextTokens,GeneratedTokens\n1,2,3\n", "row 0 (line 2), column 3: '3' is one too many"),
    "other bytes": (b"ContextTokens,GeneratedTokens\n1,2\n\xfe1,2\n", "row 1 (line 3), column ContextTokens"),
    "too large": (b"ContextTokens,GeneratedTokens\n999999999999999,1\n", "row 0 (line 2), column ContextTokens"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_trace_is_refused_by_file_row_and_column_and_writes_nothing(bare, tmp_path, name):
    content, said = MALFORMED[name]
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    rest = ("--accounts", "7", "--grant", "100", "--price-in", "25000", "--price-out", "0.1")

    words, data = bare("replay", str(path), *rest), bare("replay", str(path), *rest, "--json")

    assert (words.code, words.out) == (2, "")
    assert words.err.startswith(f"refused: bad.csv, {said}")
    assert (data.code, data.json()["code"], data.json()["file"]) == (2, "trace_invalid", "bad.csv")
    assert not bare.file.exists()


def test_a_malformed_row_at_the_end_writes_nothing_for_the_rows_before_it(shell, trace):
    trace.write_text(trace.read_text() + "t,5,many\n")
    before = shell.count_lines()

    done = shell("replay", str(trace), "--accounts", "7", "--grant", "100000", *PRICES)

    assert done.code == 2
    assert "row 300 (line 302), column GeneratedTokens: 'many' is not a whole number" in done.err
    assert shell.count_lines() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--price-in", "0.00000025", "--price-out", "1"), "credits keep 6 decimal places"),
        (("--price-in", "cheap", "--price-out", "1"), "--price-in 'cheap' is not a price"),
        (("--price-in", "1", "--price-out", "1e-3"), "--price-out '1e-3' is not a price"),
        (("--price-in", "-1", "--price-out", "1"), "--price-in '-1' is not a price"),
        (("--price-in", "1", "--price-out", "1", "--grant", "lots"), "--grant 'lots' is not an amount"),
        (("--price-in", "1", "--price-out", "1", "--unit", "gold"), "there is no unit gold"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused_before_anything_is_written(bare, trace, options, said):
    done = bare("replay", str(trace), "--accounts", "7", "--grant", "100", *options)

    assert done.code == (4 if "gold" in said else 2)
    assert done.out == ""
    assert said in done.err
    assert not bare.file.exists()


def test_prices_of_many_places_are_fine_where_every_amount_is_exact(bare, tmp_path):
    path = tmp_path / "tens.csv"
    path.write_text("ContextTokens,GeneratedTokens\n10,0\n30,0\n")

    done = bare(
        *("replay", str(path), "--accounts", "1", "--grant", "1", "--price-in", "0.0000001", "--price-out", "0"),
        "--json",
    )

    assert done.code == 0
    assert Decimal(done.json()["charged"]) == Decimal("0.000004")


def test_a_file_that_cannot_be_read_twice_is_refused(bare, tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")

    done = bare("replay", str(tmp_path / "pipe.csv"), "--accounts", "1", "--grant", "1", *PRICES)

    assert done.code == 2
    assert "is not a file that can be read twice" in done.err


def test_random_traces_come_out_exact(bare, tmp_path):
    dice = random.Random(3)
    for number in range(3):
        path = tmp_path / f"{number}.csv"
        write_trace(path, rows=dice.randrange(1, 60), seed=number)
        fail_every = dice.choice([1, 2, 7])
        concurrency = str(dice.randrange(1, 40))

        got = run(bare, path, "--fail-every", str(fail_every), "--concurrency", concurrency, "--book", str(number))

        assert got == reckon(path, fail_every)

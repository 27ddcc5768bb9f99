"""Test books and their clocks, from the command line: time stands until it is told to pass, and says what fell due."""

import pytest

from tests.cli.test_refusals import refuse


def test_init_makes_a_test_book_and_says_so(bare):
    made = bare("init", "--test", "--book", "trial")
    again = bare.ask("init", "--book", "trial")
    live = bare.ask("init")

    assert ", test book trial: credits (6 places)" in made.out
    assert (again["mode"], again["created"]) == ("test", False)
    assert (live["mode"], live["book"]) == ("live", "main")


def test_a_live_book_does_not_become_a_test_book(shell):
    done = shell("init", "--test", "--json")

    assert (done.code, done.json()["code"]) == (6, "clock_is_frozen")


def test_every_command_finds_a_test_book_by_its_name(bare):
    bare("init", "--test", "--book", "trial")

    for command in (("grant", "acme", "5"), ("charge", "acme", "1"), ("balance", "acme"), ("history",), ("verify",)):
        assert bare(*command, "--book", "trial").code == 0


def test_the_clock_stands_still_and_moves_by_hand(trial):
    assert trial("clock", "show", "acme").out == (
        "acme: 2030-01-01 09:00:00 UTC; its clock stands still: `farthing clock advance` moves it\n"
    )

    done = trial("clock", "advance", "acme", "36h")

    assert (done.code, done.err) == (0, "nothing fell due on the way\n")
    assert done.out.splitlines()[0] == "acme: it is 2 January 2030 21:00 now"
    assert trial.ask("clock", "show", "acme") == {
        "account": "acme",
        "at": "2030-01-02T21:00:00+00:00",
        "stands_still": True,
    }
    assert "runs" in trial("clock", "show", "acme", "--help").out


def test_only_the_account_that_is_named_moves(trial):
    trial("open", "other")
    before = trial.ask("clock", "show", "other")

    trial("clock", "advance", "acme", "2w")

    assert trial.ask("clock", "show", "other") == before


def test_what_fell_due_on_the_way_is_shown_in_its_order(trial):
    trial("allow", "acme", "100", "--every", "month", "--anchor", "calendar")
    trial("grant", "acme", "20", "--expires-in", "10d")
    trial("grant", "acme", "5", "--starts-at", "2030-01-05T00:00:00Z")
    trial("configure", "acme", "--alert", "200")
    trial("hold", "acme", "30", "--ttl", "15m")

    done = trial("clock", "advance", "acme", "31d")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-6:] == [
        "when                 what       amount   change  balance",
        "2030-01-01 09:15:00  timed out   30.00            120.00",
        "2030-01-05 00:00:00  started      5.00    +5.00   125.00",
        "2030-01-11 09:00:00  expired     20.00   −20.00   105.00",
        "2030-02-01 00:00:00  expired    100.00  −100.00     5.00",
        "2030-02-01 00:00:00  turned     100.00  +100.00   105.00",
    ]


def test_what_fell_due_in_several_units_is_shown_together(bare):
    bare("init", "--test", "--unit", "credits:6", "--unit", "generations:0")
    bare("grant", "acme", "credits=10,generations=2", "--expires-in", "1d")

    done = bare("clock", "advance", "acme", "1d")

    rows = [line.split() for line in done.out.splitlines()[-3:]]
    assert rows[0] == ["when", "what", "amount", "change", "balance", "unit"]
    assert [row[2:] for row in rows[1:]] == [
        ["expired", "10.00", "−10.00", "0.00", "credits"],
        ["expired", "2", "−2", "0", "generations"],
    ]


def test_what_was_told_on_the_way_is_shown_too(trial):
    trial("grant", "acme", "20", "--expires-in", "3d")
    trial("configure", "acme", "--alert", "0")

    lines = trial("clock", "advance", "acme", "5d").out.splitlines()

    assert [line.split()[2] for line in lines[-2:]] == ["expired", "alerted"]


def test_a_move_in_json_lists_what_happened(trial):
    trial("grant", "acme", "20", "--expires-in", "3d")

    got = trial.ask("clock", "advance", "acme", "5d", "--key", "k")
    again = trial.ask("clock", "advance", "acme", "5d", "--key", "k")

    assert (got["kind"], got["replayed"]) == ("advanced", False)
    assert [(event["kind"], event["effective_at"]) for event in got["events"]] == [
        ("expired", "2030-01-04T09:00:00+00:00")
    ]
    assert (again["replayed"], again["events"]) == (True, [])
    assert trial.ask("clock", "show", "acme")["at"] == "2030-01-06T09:00:00+00:00"


def test_a_long_list_is_cut_and_says_how_to_see_the_rest(trial):
    trial("allow", "acme", "1", "--every", "hour")

    done = trial("clock", "advance", "acme", "60h")
    shown = done.out.splitlines()

    assert len(shown) > 100
    assert "20 more fell due; farthing history acme --limit 120 shows all of them" in done.err


def test_sixteen_years_pass_in_a_moment(trial):
    trial("allow", "acme", "1", "--every", "hour")

    done = trial("clock", "advance", "acme", "832w")

    assert done.code == 0
    assert trial("verify").code == 0
    assert trial.ask("balance", "acme")["spendable"] == "1.00"


@pytest.mark.parametrize(
    ("arguments", "code", "kind", "said"),
    [
        (("acme", "2029-12-31T09:00:00Z"), 2, "time_invalid", "clocks only go forward"),
        (("acme", "-5d"), 2, "time_invalid", "is not a duration"),
        (("acme", "tomorrow"), 2, "time_invalid", "is not a duration"),
        (("acme", "2030-02-01T00:00:00"), 2, "time_invalid", "names no zone"),
        (("acme", "999999999w"), 2, "time_invalid", ""),
        (("acmee", "1d"), 4, "account_not_found", "there is no account acmee"),
    ],
)
def test_a_move_that_cannot_be_is_refused(trial, arguments, code, kind, said):
    refuse(trial, code, kind, said, "clock", "advance", *arguments)


def test_the_clock_of_a_live_book_runs_and_cannot_be_moved(shell):
    refuse(shell, 4, "clock_runs", "the clock of acme runs", "clock", "advance", "acme", "1d")

    assert shell("clock", "show", "acme").out.endswith("its clock runs, as in every live book\n")
    assert shell.ask("clock", "show", "acme")["stands_still"] is False

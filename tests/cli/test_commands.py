"""Every command does what it says, in words and in JSON."""

import re
from pathlib import Path

import pytest

from farthing.cli.app import EXAMPLES, GROUPS, name_command

COMMANDS = [(name_command(function), example) for function, example in EXAMPLES]
DOCS = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
PROMISED = [
    *("init", "migrate", "grant", "charge", "hold", "settle", "release", "refund", "void", "adjust", "balance"),
    *("history", "verify", "configure", "replay", "allow", "change-allowance", "end-allowance", "end-period"),
    *("set-period-end", "budget", "change-budget", "end-budget", "budgets", "clawback", "reschedule", "alerts"),
    *("clock show", "clock advance", "jobs list", "jobs run", "worker"),
]

WITHOUT_DATABASE = {"jobs list", "catalog schema", "catalog shipped"}
WITHOUT_JSON = {"catalog schema", "catalog shipped", "journal"}
"""Those that print what has a form of its own."""


def test_every_promised_command_is_there():
    assert [name for name in PROMISED if name not in dict(COMMANDS)] == []


@pytest.mark.parametrize(("name", "example"), COMMANDS)
def test_every_command_has_help_with_an_example_and_its_place_in_the_docs(bare, name, example):
    done = bare(*name.split(), "--help")

    assert (done.code, done.err) == (0, "")
    assert f"  {example}\n" in done.out
    assert f"{example} ".startswith(f"farthing {name} ")
    assert ("--db" in done.out) == (name not in WITHOUT_DATABASE)
    assert ("--json" in done.out) == (name not in WITHOUT_JSON)
    assert f"| `{name}` |" in DOCS


def test_help_lists_commands_exit_codes_and_variables(bare):
    done = bare("--help")

    assert done.code == 0
    for word in (*(name.split()[0] for name in dict(COMMANDS)), "Exit codes:", "FARTHING_DB", "NO_COLOR"):
        assert word in done.out
    for group in GROUPS:
        assert bare(group).code == bare(group, "--help").code + 2 == 2
        assert bare(group, "--help").out.count("\n  ") > 3
    assert bare("--version").out.startswith("farthing ")


def test_every_variable_of_the_help_is_in_the_docs(bare):
    named = set(re.findall(r"\b(?:FARTHING_[A-Z]+(?:_[A-Z]+)*|NO_COLOR)\b", bare("--help").out))

    assert len(named) == 5
    assert [name for name in named if f"`{name}`" not in DOCS] == []


def test_balance_reads_as_the_face_promises(shell):
    shell("charge", "acme", "2.50", "--feature", "describe")

    done = shell("balance", "acme")

    lines = done.out.splitlines()
    assert re.fullmatch(r"acme, credits, \d{1,2} [A-Z][a-z]+ \d{4} \d\d:\d\d", lines[0])
    assert lines[1:] == [
        "  granted      100.00    1 entry",
        "− spent          2.50    1 entry",
        "− held           0.00",
        "= spendable     97.50",
    ]


def test_balance_says_what_expires_what_is_scoped_and_what_may_be_owed(shell):
    shell("grant", "acme", "20", "--through", "2999-12-31", "--feature", "chat")
    shell("configure", "acme", "--overdraft", "50")
    shell("hold", "acme", "7.125")

    lines = shell("balance", "acme", "--feature", "chat").out.splitlines()

    assert lines[1:] == [
        "  granted      120.00     2 entries",
        "− spent          0.00",
        "− held           7.125    1 open hold",
        "= spendable    112.875    20.00 of it expires on 31 December 2999",
        "  of it         20.00     for chat only",
        "  overdraft     50.00",
        "  available    162.875    for chat",
    ]


def test_balance_shows_what_waits_and_what_is_owed(shell):
    shell("grant", "acme", "5", "--starts-at", "2999-01-01T00:00:00Z")
    shell("record", "acme", "130")

    text = shell("balance", "acme").out

    assert "= spendable    −30.00\n" in text
    assert "  debt          30.00    paid by the next grant\n" in text
    assert "  waiting        5.00    from 1 January 2999 00:00\n" in text
    assert "  granted      100.00    1 entry\n" in text


def test_balance_in_json_has_amounts_as_strings(shell):
    got = shell.ask("balance", "acme")

    assert (got["spendable"], got["held"], got["unit"], got["account"]) == ("100.00", "0.00", "credits", "acme")
    assert got["lots"][0]["remaining"] == "100.00"


def test_a_charge_says_what_it_took_and_a_replay_says_so(shell):
    first = shell("charge", "acme", "2.50", "--feature", "describe", "--key", "req_1")
    again = shell("charge", "acme", "2.50", "--feature", "describe", "--key", "req_1")

    assert (first.code, again.code, first.err, again.err) == (0, 0, "", "")
    assert first.out.splitlines()[0] == "charged 2.50 credits to acme for describe"
    assert again.out.splitlines()[0] == "charged 2.50 credits to acme for describe (replayed: nothing new was written)"
    assert "req_1" in first.out
    assert shell.ask("balance", "acme")["spent"] == "2.50"


def test_a_charge_in_json_has_what_a_program_needs(shell):
    got = shell.ask("charge", "acme", "2.50", "--key", "req_1")

    assert (got["charged"], got["available"], got["key"], got["replayed"]) == ("2.50", "97.50", "req_1", False)
    assert got["id"].startswith("rct_")
    assert got["lots"][0]["amount"] == "2.50"


def test_a_hold_is_settled_by_its_id(shell):
    held = shell.ask("hold", "acme", "40", "--feature", "chat", "--ttl", "10m", "--name", "job")
    longer = shell.ask("extend", held["hold"], "2h")
    step = shell.ask("settle", held["hold"], "2.40", "--keep-open")
    settled = shell.ask("settle", held["hold"], "10")

    assert held["hold"].startswith("hld_")
    assert longer["deadline"] > held["deadline"]
    assert (step["charged"], step["held"]) == ("2.40", "37.60")
    assert (settled["charged"], settled["held"], settled["available"]) == ("10.00", "0.00", "87.60")


def test_a_hold_is_released_and_its_failure_kept(shell):
    held = shell.ask("hold", "acme", "40")

    done = shell("release", held["hold"], "--failed")

    assert done.out.splitlines()[0] == "released 40.00 credits to acme"
    assert "released (failed)" in shell("history", "acme").out


def test_a_refund_names_the_receipt(shell):
    charged = shell.ask("charge", "acme", "10")

    part = shell.ask("refund", charged["id"], "4", "--description", "slow")
    rest = shell("refund", charged["id"])

    assert part["refunded"] == "4.00"
    assert rest.out.splitlines()[0] == "refunded 6.00 credits to acme"
    assert shell.ask("balance", "acme")["spendable"] == "100.00"


def test_operators_put_things_right(shell):
    down = shell("adjust", "acme", "-5.5", "--description", "counted twice", "--actor", "ann")
    up = shell.ask("adjust", "acme", "1")
    granted = shell.ask("grant", "acme", "30")
    voided = shell.ask("void", "acme", "--grant", granted["grant"])
    clamped = shell.ask("void", "acme", "1000", "--up-to")
    shell("record", "acme", "7")
    forgiven = shell.ask("forgive", "acme", "3")

    assert (down.code, down.out.splitlines()[0]) == (0, "adjusted acme by -5.50 credits")
    assert up["available"] == "95.50"
    assert voided["amount"] == "30.00"
    assert clamped["amount"] == "95.50"
    assert (forgiven["amount"], forgiven["debt"]) == ("3.00", "4.00")
    assert shell("verify").out.startswith("verify: ok (")


def test_the_used_count_is_set_and_reset(shell):
    shell("grant", "umbrella", "100", "--source", "plan")

    assert shell("set-used", "umbrella", "30").code == 0
    assert shell.ask("balance", "umbrella")["spendable"] == "70.00"
    assert shell("reset-used", "umbrella").code == 0
    assert shell.ask("balance", "umbrella")["spendable"] == "100.00"


def test_accounts_open_freeze_unfreeze_and_close(shell):
    assert shell("open", "umbrella", "--zone", "Europe/Berlin").out.startswith("umbrella is open")
    assert shell("freeze", "umbrella").out.startswith("umbrella is frozen")
    assert "umbrella (frozen), credits" in shell("balance", "umbrella").out
    assert shell("charge", "umbrella", "0").code == 4
    assert shell("unfreeze", "umbrella").out.startswith("umbrella is no longer frozen")
    assert shell("close", "umbrella").out.startswith("umbrella is closed")
    assert shell("grant", "umbrella", "5").code == 4


def test_terms_are_configured(shell):
    done = shell(
        *("configure", "acme", "--overdraft", "50", "--settle-above-hold", "cap_hold", "--hold-ttl", "5m"),
        *("--refund-grace", "0", "--rest-of-ended-lot", "grace"),
    )

    terms = shell.ask("balance", "acme")["terms"]
    assert done.code == 0
    assert terms == {
        "overdraft": "50.00",
        "settle_above_hold": "cap_hold",
        "rest_of_ended_lot": "grace",
        "hold_ttl_seconds": 300,
        "refund_grace_seconds": 0,
        "alerts": [],
        "top_up": None,
    }


def test_history_is_newest_first_filtered_and_bounded(shell):
    for number in range(5):
        shell(
            "charge", "acme", str(number), "--feature", "chat" if number % 2 else "video", "--description", f"n{number}"
        )

    table = shell("history", "acme", "--limit", "3")
    chat = shell.ask("history", "acme", "--feature", "chat")

    lines = table.out.splitlines()
    assert lines[0].split() == ["when", "what", "amount", "change", "balance", "feature", "receipt", "note"]
    assert [line.split()[-1] for line in lines[1:]] == ["n4", "n3", "n2"]
    assert "older entries" in table.err
    assert [line["amount"] for line in chat] == ["3.00", "1.00"]
    assert "account" in shell("history").out.splitlines()[0]


def test_several_units_move_in_one_step(bare):
    bare("init", "--unit", "credits:6", "--unit", "generations:0")
    bare("grant", "acme", "credits=10,generations=2")

    done = bare("charge", "acme", "generations=1,credits=5")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "charged 1 generations and 5.00 credits to acme"
    assert [one["spendable"] for one in bare.ask("balance", "acme")] == ["5.00", "1"]
    assert len(re.findall(r"^acme, ", bare("balance", "acme").out, re.MULTILINE)) == 2


def test_init_is_repeatable_and_changes_nothing_that_is_there(bare):
    first = bare.ask("init", "--unit", "tokens:0")
    again = bare.ask("init")

    assert (first["created"], again["created"]) == (True, False)
    assert first["units"] == again["units"] == {"tokens": {"scale": 0, "digits": 0}}
    assert first["db"] == again["db"]
    changed = bare("init", "--unit", "tokens:2")
    assert (changed.code, changed.out) == (6, "")
    assert "cannot be changed" in changed.err


def test_init_makes_a_second_book(bare):
    bare("init")

    made = bare("init", "--book", "tenant")
    bare("grant", "acme", "5", "--book", "tenant")

    assert made.out.startswith("made ")
    assert bare("balance", "acme").code == 4
    assert bare.ask("balance", "acme", "--book", "tenant")["spendable"] == "5.00"


def test_migrate_says_that_there_is_nothing_to_do(shell):
    done = shell("migrate")

    assert (done.code, done.err) == (0, "")
    assert "nothing to do" in done.out
    assert shell.ask("migrate")["changed"] is False

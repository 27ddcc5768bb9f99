"""Plans and packages from the command line."""

import pytest

from farthing.face.catalogs import read_shipped


@pytest.fixture
def studio(bare):
    (bare.folder / "studio.toml").write_text(read_shipped("studio"), encoding="utf-8")
    bare("init")
    assert bare("catalog", "apply", "studio.toml").code == 0
    return bare


def test_plans_are_listed_with_what_they_cost_and_give(studio):
    shown = studio("plans").out.splitlines()
    assert shown[1].split() == ["free", "nothing", "60.00", "credits", "each", "month", "the", "default"] or (
        "60 credits each month" in shown[1]
    )
    assert "15 USD each month, 210 USD each year" in shown[2]
    assert [plan["name"] for plan in studio.ask("plans")] == ["free", "basic", "premium"]


def test_a_subscription_from_its_beginning_to_its_end(studio):
    taken = studio.ask("subscribe", "acme", "basic", "--cycle", "month", "--paid", "1500:USD", "--key", "k")
    assert (taken["subscription"]["plan"], taken["subscription"]["state"]) == ("basic", "active")
    assert studio.ask("subscribe", "acme", "basic", "--cycle", "month", "--paid", "1500:USD", "--key", "k")["receipt"][
        "replayed"
    ]
    said = studio("subscription", "acme").out
    assert said.startswith("acme is on basic (active)\n")
    assert "15 USD each month" in said

    assert "acme is on basic (active)" in studio("change-plan", "acme", "free").out
    assert studio.ask("subscription", "acme")["next_plan"] == "free"
    assert studio.ask("resume", "acme")["subscription"]["next_plan"] is None
    assert studio.ask("change-plan", "acme", "premium", "--quote")["event"] == "upgrade"
    assert studio("renew", "acme", "--paid", "1500:USD").code == 0
    assert "acme is on basic (cancelled)" in studio("cancel", "acme").out
    assert "acme is on free (expired)" in studio("cancel", "acme", "--now").out
    steps = studio.ask("subscription", "acme", "--history")["history"]
    assert [step["step"] for step in steps] == ["subscribed", "planned", "resumed", "renewed", "cancelled", "ended"]
    assert "ended" in studio("subscription", "acme", "--history").out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("subscribe", "acme", "basics"), 4, "the catalog has no plan basics: choose one of free, basic, premium"),
        (("subscribe", "acme", "basic", "--paid", "1:USD"), 2, "is less than the 15 USD that it costs"),
        (("subscribe", "acme", "basic", "--paid", "x"), 2, "1200:GHS"),
        (("subscribe", "acme", "basic", "--cycle", "weekly"), 2, "choose "),
        (("subscribe", "acme", "basic", "--days", "3", "--until", "2030-01-01T00:00:00Z"), 2, "contradict"),
        (("renew", "acme"), 4, "acme"),
        (("subscription", "nobody"), 4, "nobody"),
        (("buy", "acme", "growth"), 4, "the catalog has no package growth: it has no packages"),
    ],
)
def test_what_is_wrong_is_refused_and_writes_nothing(studio, words, code, says):
    done = studio(*words)
    assert (done.code, says in done.err) == (code, True), done
    assert studio.ask("history") == []


def test_enrolling_everybody_twice_is_once(studio):
    for name in ("ada", "bob"):
        studio("open", name)
    studio("subscribe", "cleo", "basic")
    done = studio.ask("enrol-all")
    assert done["enrolled"] in (0, 2)  # an account may have got it when it was opened
    assert studio.ask("enrol-all") == {"enrolled": 0}
    assert studio.ask("subscription", "ada")["plan"] == "free"


def test_packages_are_listed_and_bought(bare):
    (bare.folder / "business.toml").write_text(read_shipped("business"), encoding="utf-8")
    bare("init")
    bare("catalog", "apply", "business.toml")
    assert "80.00 credits + 20.00" in bare("packages").out
    bought = bare("buy", "acme", "growth", "--paid", "8000:GHS", "--key", "p")
    assert bought.out.startswith("acme has 100.00 credits more: growth\n"), bought
    assert bare.ask("buy", "acme", "growth", "--paid", "8000:GHS", "--key", "p")["replayed"]
    assert bare("buy", "acme", "trial").code == 0
    assert bare("buy", "acme", "trial").code == 4


def test_a_test_book_goes_to_the_end_of_the_period_in_one_step(bare):
    (bare.folder / "studio.toml").write_text(read_shipped("studio"), encoding="utf-8")
    bare("init", "--test", "--book", "trial")
    bare("catalog", "apply", "studio.toml", "--book", "trial")
    bare("subscribe", "acme", "basic", "--book", "trial")
    ends_at = bare.ask("subscription", "acme", "--book", "trial")["period_ends_at"]
    moved = bare("clock", "advance", "acme", "--to-period-end", "--book", "trial")
    assert moved.code == 0, moved
    after = bare.ask("subscription", "acme", "--book", "trial")
    assert (after["plan"], after["state"], after["starts_at"]) == ("free", "expired", ends_at)
    assert bare("clock", "advance", "acme", "--to-period-end", "--book", "trial").code == 0
    assert bare("clock", "advance", "acme", "--book", "trial").code == 2
    assert bare("clock", "advance", "acme", "3d", "--to-period-end", "--book", "trial").code == 2

"""What stands with an account, from the command line: allowances, budgets, alerts, top-ups, ends, clawbacks."""

import pytest

from tests.cli.test_refusals import refuse


def test_an_allowance_is_given_anew_and_the_balance_says_when(trial):
    done = trial("allow", "acme", "100", "--every", "month", "--anchor", "calendar", "--key", "a")
    trial("charge", "acme", "37.50")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "acme has an allowance; its period in hand gives 100.00 credits"
    assert "turns      1 February 2030 00:00, then 100.00" in done.out
    assert trial("balance", "acme").out.splitlines() == [
        "acme, credits, 1 January 2030 09:00",
        "  granted      100.00    1 entry",
        "− spent         37.50    1 entry",
        "− held           0.00",
        "= spendable     62.50    all of it expires on 31 January 2030",
        "  next         100.00    plan, on 1 February 2030 00:00",
        "",
        "allowance   left    next  every  on",
        "plan       62.50  100.00  month  1 February 2030 00:00",
    ]


def test_an_allowance_in_json_has_what_a_program_needs(trial):
    receipt = trial.ask(
        "allow", "acme", "100", "--every", "14d", "--first", "40", "--rollover", "capped", "--cap", "30"
    )

    got = trial.ask("balance", "acme")
    assert (receipt["kind"], receipt["granted"]) == ("allowed", "40.00")
    (allowance,) = got["allowances"]
    assert (allowance["name"], allowance["amount"], allowance["left"]) == ("plan", "100.00", "40.00")
    assert (allowance["every"], allowance["count"], allowance["cap"]) == ("day", 14, "30.00")
    assert got["next_reset"] == allowance["turns_at"] == "2030-01-15T09:00:00+00:00"


def test_what_is_carried_stands_in_a_column_of_its_own(trial):
    trial("allow", "acme", "100", "--every", "week", "--rollover", "capped", "--cap-percent", "12.5", "--keep", "2")
    trial("clock", "advance", "acme", "1w")

    lines = trial("balance", "acme").out.splitlines()

    assert lines[-2:] == [
        "allowance    left  carried    next  every  on",
        "plan       100.00    12.50  100.00  week   15 January 2030 09:00",
    ]


@pytest.mark.parametrize(
    ("mode", "spendable"), [("replace", "500.00"), ("add", "560.00"), ("keep_used", "460.00"), ("at_turn", "60.00")]
)
def test_an_allowance_is_changed_within_its_period(trial, mode, spendable):
    trial("allow", "acme", "100")
    trial("charge", "acme", "40")

    done = trial("change-allowance", "acme", "500", "--mode", mode)

    assert (done.code, done.err) == (0, "")
    assert "turns      1 February 2030 09:00, then 500.00" in done.out
    assert trial.ask("balance", "acme")["spendable"] == spendable


def test_an_allowance_ends_with_its_period_or_now(trial):
    trial("allow", "acme", "100")
    trial("allow", "acme", "7", "--name", "extra", "--every", "day")

    later = trial("end-allowance", "acme")
    now = trial("end-allowance", "acme", "--name", "extra", "--now")

    assert (later.code, now.code) == (0, 0)
    assert trial.ask("balance", "acme")["spendable"] == "100.00"
    assert trial.ask("balance", "acme")["allowances"] == []
    trial("clock", "advance", "acme", "32d")
    assert trial.ask("balance", "acme")["spendable"] == "0.00"


def test_a_period_end_is_simulated_and_the_next_date_stays(trial):
    trial("allow", "acme", "100", "--anchor", "calendar")
    trial("grant", "acme", "25", "--source", "bonus", "--until-turn", "plan")
    trial("charge", "acme", "110")

    done = trial("end-period", "acme")

    assert (done.code, done.err) == (0, "")
    assert "turns    1 February 2030 00:00, then 100.00" in done.out
    assert trial.ask("balance", "acme")["spendable"] == "100.00"


def test_a_period_end_is_moved_and_one_that_has_passed_comes_now(trial):
    trial("allow", "acme", "100", "--anchor", "calendar")
    trial("charge", "acme", "60")

    moved = trial("set-period-end", "acme", "2030-01-20T00:00:00Z")
    assert "turns    20 January 2030 00:00" in moved.out
    assert trial.ask("balance", "acme")["spendable"] == "40.00"
    passed = trial("set-period-end", "acme", "2029-12-31T00:00:00Z")
    assert "turns    1 February 2030 00:00" in passed.out
    assert trial.ask("balance", "acme")["spendable"] == "100.00"


def test_a_budget_refuses_what_passes_it_and_says_what_is_left(trial):
    trial("grant", "acme", "100")
    trial("open", "other")
    done = trial("budget", "acme", "20", "--name", "interns", "--every", "day", "--per", "member")
    trial("charge", "acme", "12", "--member", "ann")
    trial("hold", "acme", "5", "--member", "ann")
    trial("charge", "acme", "1", "--member", "bob")

    got = refuse(trial, 4, "budget_exceeded", "interns", "charge", "acme", "5", "--member", "ann")

    assert done.out.splitlines()[0] == "acme has a budget of 20.00 credits"
    assert (got["budget"], got["left"], got["most"]) == ("interns", "3.00", "20.00")
    assert trial("budgets", "acme").out.splitlines() == [
        "budget   for  spent  held   left   most  every  begins anew",
        "interns  ann  12.00  5.00   3.00  20.00  day    2 January 2030 00:00",
        "interns  bob   1.00  0.00  19.00  20.00  day    2 January 2030 00:00",
    ]
    assert trial("balance", "acme").out.splitlines()[-3:] == trial("budgets", "acme").out.splitlines()


def test_budgets_of_one_part_and_without_a_period(trial):
    trial("grant", "acme", "100")
    trial("budget", "acme", "50", "--name", "all of it", "--soft")
    trial("budget", "acme", "8.5", "--name", "pictures", "--feature", "image", "--every", "month", "--count", "3")
    trial("budget", "acme", "9", "--name", "keys", "--per", "api_key", "--every", "hour")
    trial("charge", "acme", "2.25", "--feature", "image", "--api-key", "ci")

    assert trial("budgets", "acme").out.splitlines() == [
        "budget            for    spent  held   left   most  every     begins anew",
        "all of it (soft)          2.25  0.00  47.75  50.00            never",
        "keys              ci      2.25  0.00   6.75   9.00  hour      1 January 2030 10:00",
        "pictures          image   2.25  0.00   6.25   8.50  3 months  1 April 2030 00:00",
    ]


def test_a_budget_that_nobody_has_used_yet_says_for_whom_it_is(trial):
    trial("budget", "acme", "9", "--name", "keys", "--per", "api_key", "--every", "hour", "--model", "large")

    line = trial("budgets", "acme").out.splitlines()[1]

    assert line == "keys    each api key, large   0.00  0.00  9.00  9.00  hour   1 January 2030 10:00"


def test_a_budget_is_changed_and_ended(trial):
    trial("grant", "acme", "100")
    trial("budget", "acme", "20", "--name", "b")

    changed = trial("change-budget", "acme", "50", "--name", "b")
    soft = trial("change-budget", "acme", "--name", "b", "--soft")
    over = trial("charge", "acme", "60")
    ended = trial("end-budget", "acme", "--name", "b")

    assert changed.out.splitlines()[0] == "acme has a budget of 50.00 credits now"
    assert (soft.code, over.code, ended.code) == (0, 0, 0)
    empty = trial("budgets", "acme")
    assert (empty.code, empty.out, empty.err) == (0, "", "acme has no budgets\n")
    assert trial.ask("budgets", "acme") == []


def test_budgets_in_json_name_their_unit(trial):
    trial("budget", "acme", "20", "--name", "b", "--every", "day")

    (got,) = trial.ask("budgets", "acme")

    assert (got["name"], got["unit"], got["most"], got["hard"]) == ("b", "credits", "20.00", True)
    assert got["resets_at"] == "2030-01-02T00:00:00+00:00"


def test_alerts_are_told_once_newest_first(trial):
    none = trial("alerts")
    trial("grant", "acme", "20", "--expires-in", "3d")
    trial("configure", "acme", "--alert", "10", "--alert", "0")
    trial("budget", "acme", "12", "--name", "cap", "--soft")
    trial("charge", "acme", "12")
    trial("clock", "advance", "acme", "3d")

    assert (none.code, none.out, none.err) == (0, "", "no alerts\n")
    lines = trial("alerts").out.splitlines()
    assert [line.rsplit("  ", 1)[0].rstrip() for line in lines] == [
        "when                 account  what             figure  budget  balance  unit",
        "2030-01-04 09:00:00  acme     balance expired    0.00             0.00  credits",
        "2030-01-01 09:00:00  acme     balance low       10.00             8.00  credits",
        "2030-01-01 09:00:00  acme     budget spent      12.00  cap        8.00  credits",
    ]
    assert trial("alerts", "acme").out.splitlines()[0].split() == [
        "when",
        "what",
        "figure",
        "budget",
        "balance",
        "unit",
        "id",
    ]
    assert len(trial("alerts", "--limit", "1").out.splitlines()) == 2
    assert trial.ask("alerts", "acme")[0]["kind"] == "expired"


def test_a_top_up_is_asked_for_bought_or_declined(trial):
    trial("grant", "acme", "20")
    trial("configure", "acme", "--top-up", "50", "--top-up-at", "5", "--top-up-per-day", "200")
    trial("charge", "acme", "18")

    (wanted,) = trial.ask("alerts", "acme")
    declined = trial("decline-top-up", "acme", wanted["id"])
    trial("clock", "advance", "acme", "1d")
    trial("charge", "acme", "1")
    newer = trial.ask("alerts", "acme")
    bought = trial("grant", "acme", newer[0]["amount"], "--source", "purchase", "--top-up", newer[0]["id"])

    assert (wanted["kind"], wanted["amount"]) == ("top_up", "50.00")
    assert declined.out.splitlines()[0] == "the top-up of acme came to nothing"
    assert (len(newer), bought.code) == (2, 0)
    assert trial.ask("balance", "acme")["spendable"] == "51.00"


def test_alerts_and_top_ups_are_turned_off(trial):
    trial("grant", "acme", "20")
    trial("configure", "acme", "--alert", "10", "--top-up-to", "100")

    done = trial("configure", "acme", "--no-alerts", "--no-top-up")

    terms = trial.ask("balance", "acme")["terms"]
    assert (done.code, terms["alerts"], terms["top_up"]["on"], terms["top_up"]["target"]) == (0, [], False, "100.00")
    trial("charge", "acme", "20")
    assert trial.ask("alerts") == []


def test_credits_are_clawed_back_by_the_money_that_went_back(trial):
    granted = trial.ask("grant", "acme", "120", "--source", "purchase", "--paid", "1200:GHS")
    trial("charge", "acme", "100")

    half = trial.ask("clawback", granted["grant"], "--money", "600")
    rest = trial("clawback", granted["grant"], "--money", "600", "--policy", "write_off")

    assert (half["kind"], half["amount"], half["owed"]) == ("clawed_back", "60.00", "40.00")
    assert rest.code == 0
    assert rest.out.splitlines()[0] == "took 0.00 credits back from acme"
    refuse(trial, 4, "more_than_paid", "0 is left", "clawback", granted["grant"], "--money", "1")
    assert trial("verify").code == 0


def test_ends_are_moved_for_all_or_for_one_grant(trial):
    first = trial.ask("grant", "acme", "10", "--expires-in", "10d")
    trial("grant", "acme", "20", "--expires-in", "20d")

    one = trial("reschedule", "acme", "--grant", first["grant"], "--through", "2030-03-31")
    every = trial.ask("reschedule", "acme", "--expires-in", "180d")
    never = trial.ask("reschedule", "acme", "--never", "--grant", first["grant"])

    assert one.out.splitlines()[0] == "10.00 credits of acme have another end"
    assert (every["amount"], never["amount"]) == ("30.00", "10.00")
    ends = {lot["amount"]: lot["expires_at"] for lot in trial.ask("balance", "acme")["lots"]}
    assert ends == {"10.00": None, "20.00": "2030-06-30T09:00:00+00:00"}


def test_buying_again_moves_the_end_of_the_whole_balance(trial):
    trial("grant", "acme", "50", "--expires-in", "30d")
    trial("clock", "advance", "acme", "20d")
    trial("grant", "acme", "30", "--expires-in", "180d", "--extend")

    assert "all of it expires on 20 July 2030" in trial("balance", "acme").out


@pytest.mark.parametrize(
    ("arguments", "code", "kind", "said"),
    [
        (("allow", "acme", "5", "--zone", "Europe/Berln"), 2, "time_invalid", "did you mean Europe/Berlin or"),
        (("allow", "acme", "5", "--every", "mnth"), 2, "term_invalid", "did you mean month?"),
        (("allow", "acme", "5", "--every", "12h"), 2, "term_invalid", "is not whole days"),
        (("allow", "acme", "5", "--count", "0"), 2, "term_invalid", "is no number of periods"),
        (("allow", "acme", "5", "--anchor", "monday"), 2, "time_invalid", "is not an instant"),
        (("allow", "acme", "5", "--rollover", "capped", "--cap", "0"), 2, "term_invalid", "carries nothing"),
        (("allow", "acme", "5", "--rollover", "capped"), 2, "term_invalid", "has no cap"),
        (
            ("allow", "acme", "5", "--rollover", "capped", "--cap", "5", "--cap-percent", "5"),
            2,
            "invalid",
            "contradict",
        ),
        (("allow", "acme", "5", "--keep", "ever"), 2, "term_invalid", "is no number of periods"),
        (("allow", "acme", "5", "--first", "some"), 2, "term_invalid", "is not a choice"),
        (("allow", "acme", "-5"), 2, "amount_invalid", "is negative"),
        (("allow", "acme", "5", "--name", "taken"), 4, "allowance_exists", "has an allowance taken"),
        (("change-allowance", "acme", "5"), 4, "allowance_not_found", "has no allowance plan"),
        (("change-allowance", "acme", "--name", "taken"), 2, "term_invalid", "changes nothing"),
        (("change-allowance", "acme", "5", "--mode", "double"), 2, "term_invalid", "double"),
        (("change-allowance", "nobody", "5"), 4, "account_not_found", "there is no account nobody"),
        (("end-allowance", "acme"), 4, "allowance_not_found", "has no allowance plan"),
        (("end-period", "acme"), 4, "allowance_not_found", "has no allowance plan"),
        (("set-period-end", "acme", "2030-02-01"), 2, "time_invalid", "names no zone"),
        (("set-period-end", "acme", "soon"), 2, "time_invalid", "is not an instant"),
        (("budget", "acme", "5", "--name", "cap"), 4, "budget_exists", "has a budget cap"),
        (("budget", "acme", "5", "--name", "b", "--per", "team"), 2, "term_invalid", "team"),
        (("budget", "acme", "5", "--name", "b", "--every", "day", "--cycle", "plan"), 2, "invalid", "contradict"),
        (("budget", "acme", "5", "--name", "b", "--cycle", "plan"), 4, "allowance_not_found", "has no allowance plan"),
        (("budget", "acme", "5", "--name", "b", "--every", "day", "--zone", "Mars"), 2, "time_invalid", "Mars"),
        (("change-budget", "acme", "5", "--name", "none"), 4, "budget_not_found", "has no budget none"),
        (("change-budget", "acme", "--name", "cap"), 2, "term_invalid", "changes nothing"),
        (("end-budget", "acme", "--name", "none"), 4, "budget_not_found", "has no budget none"),
        (("budgets", "acmee"), 4, "account_not_found", "there is no account acmee"),
        (("alerts", "acmee"), 4, "account_not_found", "there is no account acmee"),
        (("clawback", "rct_2j9"), 2, "id_invalid", "expected gra_"),
        (("reschedule", "acme"), 2, "term_invalid", "is missing"),
        (("reschedule", "acme", "--expires-at", "2029-01-01T00:00:00Z"), 2, "time_invalid", "has passed"),
        (("reschedule", "acme", "--never", "--expires-in", "5d"), 2, "invalid", "contradict"),
        (("configure", "acme", "--alert", "low"), 2, "amount_invalid", "'low' is not an amount"),
        (("configure", "acme", "--alert", "5", "--no-alerts"), 2, "invalid", "contradict"),
        (("configure", "acme", "--top-up-at", "5"), 2, "term_invalid", "say nothing of how much"),
        (("configure", "acme", "--top-up", "5", "--no-top-up"), 2, "invalid", "contradict"),
        (("configure", "acme", "--top-up-to", "5", "--top-up-at", "9"), 2, "term_invalid", "trigger again"),
        (("grant", "acme", "5", "--paid", "12.00 GHS"), 2, "amount_invalid", "1200:GHS for 12.00"),
        (("grant", "acme", "5", "--paid", "12:ghs"), 2, "term_invalid", "is no currency"),
        (("grant", "acme", "5", "--until-turn", "plan"), 4, "allowance_not_found", "has no allowance plan"),
        (("grant", "acme", "5", "--top-up", "rct_2j9"), 2, "id_invalid", "expected ent_"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_nothing_is_written(trial, arguments, code, kind, said):
    trial("allow", "acme", "1", "--name", "taken")
    trial("budget", "acme", "1", "--name", "cap")

    refuse(trial, code, kind, said, *arguments)

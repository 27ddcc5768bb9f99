"""The same as `test_state_laws` for what stands and recurs: allowances, budgets and counters, alerts, clawbacks."""

import pytest

from farthing.values.bounds import LARGEST_AMOUNT, MICROSECONDS, NEVER
from farthing.values.entries import AlertKind, Effect, Kind, pack_effects, unpack_effects
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from tests.unit.desk import DAY, Desk
from tests.unit.test_state_laws import find_state, fold_of, laws_of

ANA, BEN = name_number("ana"), name_number("ben")


def make_desk():
    """Allowances that live, carry and have ended, budgets with counters for all and for each, a clawback, an alert."""
    desk = Desk()
    desk.configure(alerts=(140, 20), top_up={"is_on": 1, "threshold": 5, "quantity": 50}, overdraft=30)
    desk.allow(40, every=Cadence.MONTH, rollover=1, cap=15, features=("chat",), zone="Europe/Rome")
    desk.allow(5, "gone", every=Cadence.HOUR)
    desk.set_budget(60, every=Cadence.MONTH)
    desk.set_budget(20, "each", per=1, every=Cadence.DAY)
    desk.set_budget(60, "gone")
    bought = desk.grant(100, cost_minor=4900)
    desk.grant(8, until_turn="plan")
    desk.charge(12, "chat", member="ana")
    desk.hold(7, "chat", member="ben", ttl=40 * DAY * MICROSECONDS)
    desk.settle(desk.hold(6, member="ana"), 5)
    desk.clawback(bought, 1000)
    desk.end_allowance("gone")
    desk.end_budget("gone")
    desk.wait(32 * DAY)
    desk.charge(11, member="ana")
    desk.reschedule(NEVER, desk.grant(3, expires_at=desk.now + MICROSECONDS))
    return desk


def first_of(desk, kind):
    """The place of the first entry of a kind."""
    return next(place for place, entry in enumerate(desk.entries[1]) if entry.kind == kind)


def bend_entry(desk, kind, bend):
    """Laws that notice what `bend` makes of the first entry of a kind, the chain apart."""
    entries = list(desk.entries[1])
    place = first_of(desk, kind)
    entries[place] = bend(entries[place])
    fold, found = fold_of(desk, entries)
    return laws_of(found) - {"chain_unbroken"}, laws_of(find_state(desk, fold=fold)) - {"chain_unbroken"}


def replace_effect(effect, change):
    """What makes of an entry one whose first effect of this kind has another value."""

    def bend(entry):
        effects = unpack_effects(entry.effects)
        place = next(place for place, each in enumerate(effects) if each[0] == effect)
        effects[place] = (*effects[place][:3], change(effects[place][3]))
        return entry._replace(effects=pack_effects(effects))

    return bend


def test_sound_books_have_no_findings():
    desk = make_desk()
    kinds = {entry.kind for entry in desk.entries[1]}

    assert find_state(desk) == []
    assert kinds >= {Kind.TURNED, Kind.ALERTED, Kind.CLAWED_BACK, Kind.RESCHEDULED, Kind.BUDGET_ENDED}
    assert len(desk.rows["counters"][1]) == 4


@pytest.mark.parametrize("table", ["allowances", "budgets", "counters"])
def test_every_column_of_every_row_is_vouched_for(table):
    desk = make_desk()
    rows = desk.rows[table][1]
    key = min(rows)
    row, keys = rows[key], 2 if table == "counters" else 1
    place = ", ".join(map(str, row[:keys]))

    for field in row._fields[keys:]:
        value = getattr(row, field)
        bent = (*value, 1) if isinstance(value, tuple) else value + "x" if isinstance(value, str) else value - 1
        others = [each for number, each in rows.items() if number != key]
        found = find_state(desk, **{table: [row._replace(**{field: bent}), *others]})

        where = f"{table[:-1]} {place} of wallet acme credits, {field}"
        assert ("rows_equal_the_fold", where) in {(finding.law, finding.where) for finding in found}, field


@pytest.mark.parametrize("table", ["allowances", "budgets", "counters"])
def test_a_row_too_few_or_too_many_is_found(table):
    desk = make_desk()
    rows = list(desk.rows[table][1].values())

    few = find_state(desk, **{table: rows[1:]})
    many = find_state(desk, **{table: [*rows, type(rows[0])(*[999, *rows[0][1:]])]})

    assert ("a row", "no row") in {(finding.expected, finding.found) for finding in few}
    assert ("no row", "a row") in {(finding.expected, finding.found) for finding in many}


def test_a_text_that_is_not_the_one_that_was_sealed_is_named():
    desk = make_desk()
    rows = desk.rows["allowances"][1]
    plan = next(row for row in rows.values() if row.name == "plan")

    found = find_state(desk, allowances=[row if row is not plan else row._replace(name="max") for row in rows.values()])

    assert (f"the text of {name_number('plan')}", "max") in {(finding.expected, finding.found) for finding in found}


@pytest.mark.parametrize("count", ["recurring", "budgeted"])
def test_the_counts_of_what_stands_are_vouched_for(count):
    desk = make_desk()
    bent = desk.wallet.copy()
    setattr(bent, count, getattr(bent, count) + 1)

    found = find_state(desk, wallet=bent)

    assert [(finding.law, finding.where) for finding in found] == [("counts_agree", f"wallet acme credits, {count}")]


@pytest.mark.parametrize("field", ["alerts", "top_up"])
def test_alerts_and_the_rule_for_top_ups_are_vouched_for(field):
    desk = make_desk()
    bent = desk.wallet.copy()
    top_up = bent.terms.top_up._replace(in_flight=99)
    bent.terms = bent.terms._replace(**{field: (5,) if field == "alerts" else top_up})

    found = find_state(desk, wallet=bent)

    assert [finding.where for finding in found] == [f"wallet acme credits, {field}"]


def test_a_turn_that_was_missed_is_found():
    desk = make_desk()
    rows = desk.rows["allowances"][1].values()
    late = [row._replace(turns_at=desk.wallet.clock) if not row.ended_at else row for row in rows]

    found = find_state(desk, allowances=late)

    assert {finding.where.split(", ")[1] for finding in found if finding.law == "nothing_due_is_missed"} == {
        "next_due", "clock",
    }  # fmt: skip


def test_two_live_rules_of_one_name_are_found():
    desk = make_desk()
    budgets = desk.rows["budgets"][1].values()
    allowances = desk.rows["allowances"][1].values()

    found = find_state(
        desk,
        budgets=[row._replace(name="cap") for row in budgets],
        allowances=[row._replace(name="plan", ended_at=0) for row in allowances],
    )

    wheres = [finding.where for finding in found if finding.law == "one_live_rule_of_a_name"]
    assert [where.split()[0] for where in wheres] == ["allowance", "budget"]


def test_an_allowance_whose_lot_is_gone_or_anothers_is_found():
    desk = make_desk()
    lots = list(desk.rows["lots"][1].values())
    owned = max(lot.number for lot in lots if lot.allowance)

    gone = find_state(desk, lots=[lot for lot in lots if lot.number != owned])
    others = find_state(desk, lots=[lot._replace(allowance=77) if lot.number == owned else lot for lot in lots])

    assert "allowances_have_their_lots" in laws_of(gone)
    wheres = [finding.where for finding in others if finding.law == "allowances_have_their_lots"]
    assert [where.split(", ")[1] for where in wheres] == ["lot", "allowance"]


@pytest.mark.parametrize("column", ["reserved", "spent"])
def test_a_counter_that_counts_something_else_is_found(column):
    desk = make_desk()
    counters = list(desk.rows["counters"][1].values())
    stands = next(each for each in counters if each.subject == BEN)

    found = find_state(desk, counters=[stands._replace(**{column: -1}), *[each for each in counters if each != stands]])

    assert f"counter {stands.budget}, {BEN} of wallet acme credits, {column}" in {
        finding.where for finding in found if finding.law == "budgets_reserve_what_is_held"
    }


def test_an_open_hold_of_which_the_budget_knows_nothing_is_found():
    desk = make_desk()
    holds = list(desk.rows["holds"][1].values())
    opened = next(hold for hold in holds if not hold.ended_at)

    found = find_state(desk, holds=[opened._replace(bare=1), *[hold for hold in holds if hold is not opened]])

    assert "budgets_reserve_what_is_held" in laws_of(found)


def test_clawbacks_beyond_the_grant_and_its_money_are_found():
    desk = make_desk()
    for name in ("clawed_back", "money_returned"):
        fold, _ = fold_of(desk)
        lot = next(lot for lot in fold.lots.values() if lot.clawed_back)
        assert (lot.clawed_back, lot.money_returned) == (20, 1000)
        setattr(lot, name, 4901)

        assert laws_of(find_state(desk, fold=fold)) == {"clawbacks_at_most_the_grant"}


def test_a_turn_that_gives_more_or_less_than_the_allowance_is_found():
    desk = make_desk()

    more, _ = bend_entry(desk, Kind.TURNED, lambda entry: entry._replace(amount=41))
    owns, _ = bend_entry(desk, Kind.TURNED, lambda entry: entry._replace(uncovered=1))
    most, _ = bend_entry(desk, Kind.TURNED, lambda entry: entry._replace(uncovered=LARGEST_AMOUNT))

    assert (more, owns, most) == ({"turns_give_what_was_promised"}, {"turns_give_what_was_promised"}, set())


def test_merged_turns_give_as_many_times_the_amount():
    desk = Desk()
    desk.allow(2, every=Cadence.HOUR, rollover=2)
    desk.wait(100 * DAY)
    desk.tidy()

    more, state = bend_entry(desk, Kind.TURNED, replace_effect(Effect.TURNS_MERGED, lambda periods: periods + 1))

    assert (more, state) == ({"turns_give_what_was_promised"}, set())


@pytest.mark.parametrize(
    ("kind", "effect", "change"),
    [
        (Kind.CHARGED, Effect.COUNTER_SPENT, lambda value: value + 1),
        (Kind.HELD, Effect.COUNTER_RESERVED, lambda value: value - 1),
        (Kind.SETTLED, Effect.COUNTER_SPENT, lambda value: value + 1),
        (Kind.SETTLED, Effect.COUNTER_RESERVED, lambda value: -value),
        (Kind.REFUNDED, Effect.COUNTER_SPENT, lambda value: value - 1),
        (Kind.REFUNDED, Effect.COUNTER_SPENT, lambda value: 1),
    ],
)
def test_a_budget_that_counts_something_else_than_what_moved_is_found(kind, effect, change):
    desk = make_desk()
    desk.refund(next(e.number for e in reversed(desk.entries[1]) if e.kind == Kind.CHARGED), 4)

    found, state = bend_entry(desk, kind, replace_effect(effect, change))

    assert found == {"budgets_count_what_moved"}
    assert state <= {"rows_equal_the_fold", "budgets_reserve_what_is_held"}


@pytest.mark.parametrize("change", [lambda value: value + 1, lambda value: value - 100])
def test_an_alert_of_what_is_not_there_is_found(change):
    desk = make_desk()

    found, _ = bend_entry(desk, Kind.ALERTED, replace_effect(Effect.ALERT_FIRED, change))

    assert found == {"alerts_say_what_happened"}


def test_an_alert_of_a_budget_says_what_it_has_counted():
    desk = make_desk()
    desk.change_budget(most=15)
    desk.charge(4)
    (alerted,) = [entry for entry in desk.written if entry.kind == Kind.ALERTED]
    ((effect, kind, _, value),) = unpack_effects(alerted.effects)
    assert (effect, kind, value) == (Effect.ALERT_FIRED, AlertKind.BUDGET, 15)
    entries = [
        entry if entry != alerted else replace_effect(Effect.ALERT_FIRED, lambda value: value + 1)(entry)
        for entry in desk.entries[1]
    ]

    _, found = fold_of(desk, entries)

    assert laws_of(found) == {"chain_unbroken", "alerts_say_what_happened"}


def test_an_alert_in_another_entry_is_found():
    desk = make_desk()
    alert = (int(Effect.ALERT_FIRED), int(AlertKind.LOW), 140, 116)
    assert desk.entries[1][first_of(desk, Kind.CLAWED_BACK)].balance_after == 116

    found, _ = bend_entry(
        desk, Kind.CLAWED_BACK, lambda entry: entry._replace(effects=entry.effects + pack_effects([alert]))
    )

    assert found == {"alerts_say_what_happened"}


def test_an_end_that_never_comes_and_a_list_of_alerts_that_is_cleared_fold_back():
    desk = make_desk()
    desk.configure(alerts=())
    fold, _ = fold_of(desk)
    moved = next(lot for lot in desk.rows["lots"][1].values() if lot.amount == 3)

    assert fold.lots[moved.number].to_row(moved.number) == moved
    assert (moved.expires_at, fold.to_terms().alerts) == (NEVER, ())

"""Whatever happens to a subscription, in whatever order and at whatever instants, on the real core."""

from hypothesis import given, settings
from hypothesis import strategies as st

from farthing.tariff.catalog import Length
from farthing.tariff.plans import TIMED, TRANSITIONS, find_plan, find_state
from farthing.values.bounds import NEVER
from farthing.values.errors import Refused
from tests.unit.tariff.subscriber import DAYS, MONTH, STUDIO, YEAR, Subscriber, dollars

STEPS = st.tuples(
    st.integers(0, 11),
    st.sampled_from(list(STUDIO.plans)),
    st.fixed_dictionaries(
        {
            "every": st.sampled_from([None, None, MONTH, YEAR]),
            "paid": st.sampled_from([None, dollars(20)]),
            "trial": st.sampled_from([None, True, False]),
            "renews": st.sampled_from([None, True, False]),
            "is_first": st.booleans(),
            "lasts": st.sampled_from([None, None, None, Length(DAYS, 10)]),
        }
    ),
    st.one_of(st.integers(0, 3_000_000), st.sampled_from([0, 3600, 86_400, 14 * 86_400, 31 * 86_400, 366 * 86_400])),
    st.booleans(),
)


def find_instant(subscriber, wait, is_from_due):
    """So many seconds from now, or from when something falls due."""
    due = subscriber.row.acts_at
    return (due if is_from_due and due < NEVER else subscriber.at) + wait * 1_000_000


def find_event(subscriber, number):
    """One that may happen from here."""
    state = find_state(subscriber.row, subscriber.at)
    events = sorted({row.event for row in TRANSITIONS if row.state == state and row.event not in TIMED})
    return events[number % len(events)]


def try_step(subscriber, event, plan, choice):
    """Whether it happened; anything but a refusal is a failure."""
    at = subscriber.at
    before = find_state(subscriber.row, at)
    try:
        subscriber.do(event, plan, **choice)
    except Refused:
        return False
    after = find_state(subscriber.row, at)
    assert any((each.state, each.event, each.after) == (before, event, after) for each in TRANSITIONS)
    return True


def check(subscriber):
    """One allowance of each kind that the plan in force gives, and of what is arranged nothing twice."""
    row, at, live = subscriber.row, subscriber.at, subscriber.live()
    plan = subscriber.catalog.plans.get(find_plan(row, at))
    given = {f"{plan.name}.{each.name}" for each in plan.allowances} if plan else set()
    begun = [name for name, is_pending in live if not is_pending]
    assert sorted(begun) == sorted([] if find_state(row, at) == "past_due" else given)
    names = [name for name, _ in live]
    assert len(set(names)) == len(names)
    arranged = {name.split(".")[0] for name, is_pending in live if is_pending}
    assert arranged <= {row.next_plan, row.fallback}
    if row.ends_at < NEVER and row.ends_at > at and row.fallback not in ("", row.plan, row.next_plan):
        assert row.fallback in arranged
    assert row.starts_at <= at
    assert row.period_starts_at < row.period_ends_at <= row.ends_at
    assert row.acts_at == NEVER or row.acts_at in (row.period_ends_at, row.ends_at)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=10))
def test_any_order_of_events_leaves_one_allowance_of_each_kind(steps):
    subscriber = Subscriber()
    subscriber.do("subscribe", "free", is_first=True)
    for number, plan, choice, wait, is_from_due in steps:
        subscriber.desk.now = find_instant(subscriber, wait, is_from_due)
        check(subscriber)
        subscriber.catch_up()
        check(subscriber)
        try_step(subscriber, find_event(subscriber, number), plan, choice)
        check(subscriber)


@settings(max_examples=20, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=8))
def test_a_job_that_never_ran_changes_nothing_but_when_its_steps_are_written(steps):
    late, prompt = Subscriber(), Subscriber()
    for each in (late, prompt):
        each.do("subscribe", "free", is_first=True)
    for number, plan, choice, wait, is_from_due in steps:
        until = find_instant(late, wait, is_from_due)
        comes_back = late.row.next_plan and late.row.fallback == late.row.plan
        while prompt.row.acts_at <= until:
            prompt.desk.now = prompt.row.acts_at
            prompt.catch_up()
            if comes_back:  # Its name is in use until then: the one thing that cannot be arranged beforehand.
                late.desk.now = prompt.desk.now
                late.catch_up()
        late.desk.now = prompt.desk.now = until
        assert (late.balance, late.live(), late.plan, late.state) == (
            prompt.balance,
            prompt.live(),
            prompt.plan,
            prompt.state,
        )
        late.catch_up()
        unsaid = {"number": 0, "recorded_at": 0}
        assert late.row._replace(**unsaid) == prompt.row._replace(**unsaid)
        event = find_event(late, number)
        assert try_step(late, event, plan, choice) == try_step(prompt, event, plan, choice)
        assert (late.balance, late.live()) == (prompt.balance, prompt.live())

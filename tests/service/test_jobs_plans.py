"""Jobs about subscriptions change nothing that anybody sees: however often they run, forty days are the same."""

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

import farthing
from farthing.service.jobs import run_job
from farthing.testing import FrozenClock
from tests.postgres.databases import open_prepared
from tests.service.test_subscriptions import CATALOG

START = datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOBS = ("tidy", "check_expired_subscriptions", "handle_subscription_renewals", "reset_monthly_usage")
PEOPLE = ("free", "basic", "paid", "cancelled", "planned", "trial", "pass", "forever")
LATEST = 24 * 40


def run_all(ledger):
    for job in JOBS:
        run_job(ledger.engine, job)


def run_twice(ledger):
    threads = [threading.Thread(target=run_all, args=(ledger,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


PLAYINGS = {
    "hourly": lambda ledger, hour: run_all(ledger),
    "daily": lambda ledger, hour: run_all(ledger) if hour % 24 == 15 else None,
    "once": lambda ledger, hour: run_all(ledger) if hour == LATEST else None,
    "twice": lambda ledger, hour: run_twice(ledger) if hour in (24 * 32, LATEST) else None,
    "never": lambda ledger, hour: None,
}


def begin(ledger):
    ledger.subscribe("free", "free")
    for account in ("basic", "paid", "cancelled", "planned"):
        ledger.subscribe(account, "basic", cycle="month", paid=(1500, "USD"))
    ledger.cancel("cancelled")
    ledger.downgrade("planned", "free")
    ledger.subscribe("trial", "premium")
    ledger.subscribe("pass", "pass")
    ledger.subscribe("forever", "pass", days=9, renews=True)


def look(ledger):
    return [
        (
            ledger.subscription(account),
            [(each.unit, each.spendable) for each in ledger.balances(account) if each.spendable],
        )
        for account in PEOPLE
    ]


def play(kind, store, tmp_path):
    clock, seen = FrozenClock(START), []
    with ExitStack() as stack:
        url = "memory:"
        if store == "sqlite":
            url = f"sqlite:///{tmp_path}/{kind}.db"
        if store == "postgres":
            url = stack.enter_context(open_prepared()).app_url
        ledger = stack.enter_context(farthing.open(url, create=True, book="kiosk", test=True, clock=clock))
        file = tmp_path / "kiosk.toml"
        file.write_text(CATALOG, encoding="utf-8")
        ledger.apply_catalog(file)
        begin(ledger)
        for hour in range(0, LATEST + 1, 3):
            clock.move_to(START + hour * HOUR)
            if hour == 24 * 20:
                ledger.renew("paid", paid=(1500, "USD"))
            PLAYINGS[kind](ledger, hour)
            if hour % 24 in (0, 15) or hour > 24 * 29:
                seen.append((hour, look(ledger)))
        states = look(ledger)
        run_all(ledger)
        # The same is seen before and after what was left is written down, and nothing is left then.
        assert look(ledger) == states
        assert [run_job(ledger.engine, job).seen for job in JOBS] == [0, 0, 0, 0]
        steps = {
            account: [
                (step.step, step.plan, step.starts_at, step.period_starts_at, step.period_ends_at)
                for step in ledger.subscription_history(account)
            ]
            for account in PEOPLE
        }
        told = {
            account: [line.effective_at for line in ledger.history(account) if line.kind == "subscribed"]
            for account in PEOPLE
        }
        assert ledger.verify().ok, str(ledger.verify())
    return seen, steps, told


@pytest.mark.parametrize("store", ["memory", "sqlite", "postgres"])
def test_however_often_the_jobs_run_forty_days_are_the_same(store, tmp_path):
    kinds = ["hourly", "never"] if store == "memory" else list(PLAYINGS)
    playings = {kind: play(kind, store, tmp_path) for kind in kinds}
    seen, steps, told = playings["hourly"]
    assert [step[0] for step in steps["basic"]] == ["subscribed", "past_due", "expired"]
    assert [step[0] for step in steps["cancelled"]] == ["subscribed", "cancelled", "expired"]
    assert [step[0] for step in steps["planned"]] == ["subscribed", "planned", "downgraded"]
    assert [step[0] for step in steps["trial"]] == ["subscribed", "expired"]
    assert [step[0] for step in steps["paid"]] == ["subscribed", "renewed"]
    assert [step[0] for step in steps["forever"]] == ["subscribed"] + 4 * ["renewed"]
    for kind, (seen_too, steps_too, told_too) in playings.items():
        for (hour, one), (_, other) in zip(seen, seen_too, strict=True):
            assert one == other, (kind, hour)
        for account in PEOPLE:
            if account != "forever":  # of several periods that nobody wrote only the last is written
                assert steps_too[account] == steps[account], (kind, account)
                assert told_too[account] == told[account], (kind, account)
        assert steps_too["forever"][-1] == steps["forever"][-1]
        assert told_too["forever"][0] == told["forever"][0]

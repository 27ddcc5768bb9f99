"""Reports where plans change: what was used counts for the plan of its moment, whenever a job wrote that down."""

from datetime import UTC, datetime, timedelta

import pytest

from farthing.service.jobs import run_job
from farthing.values.errors import TermInvalid
from tests.face.conftest import clock, empty_database, url  # noqa: F401
from tests.service.test_subscriptions import kiosk, move  # noqa: F401


def show_plans(ledger, account=None):
    return {row.plan: int(row.spent) for row in ledger.reports.usage(account, every="all", split="plan")}


def test_what_was_summed_before_a_change_of_plan_at_the_same_instant_stays_right(kiosk):  # noqa: F811
    kiosk.subscribe("ada", "basic", cycle="month", paid=(1500, "USD"))
    kiosk.charge("ada", 5, feature="image")
    run_job(kiosk.engine, "rollup")
    kiosk.upgrade("ada", "premium", paid=(3000, "USD"))
    kiosk.charge("ada", 7, feature="image")

    assert show_plans(kiosk) == show_plans(kiosk, "ada") == {"basic": 5, "premium": 7}
    run_job(kiosk.engine, "rollup")
    assert show_plans(kiosk) == {"basic": 5, "premium": 7}
    assert kiosk.verify().ok, str(kiosk.verify())


@pytest.mark.parametrize("rolls", [False, True])
def test_a_plan_that_was_chosen_for_the_periods_end_counts_from_then_before_a_job_wrote_it(kiosk, rolls):  # noqa: F811
    kiosk.subscribe("ada", "basic", cycle="month", paid=(1500, "USD"))
    kiosk.downgrade("ada", "free")
    move(kiosk, timedelta(days=40))
    kiosk.charge("ada", 5, feature="image")
    if rolls:
        run_job(kiosk.engine, "rollup")

    plans, cycles = show_plans(kiosk, "ada"), kiosk.reports.usage("ada", every="cycle")
    move(kiosk, timedelta(hours=3))
    run_job(kiosk.engine, "handle_subscription_renewals")
    assert kiosk.subscription_history("ada")[-1].step == "downgraded"

    assert plans == show_plans(kiosk, "ada") == show_plans(kiosk) == {"free": 5}
    assert cycles == kiosk.reports.usage("ada", every="cycle")


def test_a_period_that_ends_after_time_itself_has_no_end(kiosk):  # noqa: F811
    kiosk.engine.clock.move_to(datetime(9999, 12, 1, tzinfo=UTC))
    kiosk.grant("ada", 5)

    assert kiosk.reports.credits("ada", every="year")[-1].end is None
    assert kiosk.reports.credits("ada", every="month")[-1].end is None


@pytest.mark.parametrize("split", [None, 7, [["feature"]], object()])
def test_what_is_no_split_is_refused(kiosk, split):  # noqa: F811
    with pytest.raises(TermInvalid, match="choose feature"):
        kiosk.reports.usage(split=split)

"""What a job that comes late must not change, and money that nobody paid; on every store."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import farthing
from farthing.service.jobs import run_job
from farthing.testing import FrozenClock
from tests.face.conftest import clock, empty_database, url  # noqa: F401

CATALOG = """
name = "kiosk"
default_plan = "free"
[units.credits]
digits = 0
[features.image]
price = { form = "per_request", amount = 5 }
[features.video]
price = { form = "per_request", amount = 50 }
[plans.free]
features = ["image"]
allowances.credits = { amount = 60, every = "month", anchor = "calendar" }
[plans.basic]
prices = { month = "15 USD", year = "150 USD" }
allowances.credits = { amount = 500, every = "month" }
fallback = "free"
proration = "day"
[plans.premium]
prices = { month = "30 USD", year = "300 USD" }
allowances.credits = { amount = 1200, every = "month" }
fallback = "free"
proration = "day"
[plans.pass]
allowances.credits = { amount = 100, every = "30 days" }
lasts = "30 days"
fallback = "free"
"""
Publish = Callable[[str], object]


@pytest.fixture
def kiosk(url: str, clock: FrozenClock) -> Iterator[farthing.Ledger]:  # noqa: F811
    with farthing.open(url, create=True, book="test", test=True, clock=clock) as opened:
        yield opened
        assert opened.verify().ok, str(opened.verify())


def publish_text(ledger: farthing.Ledger, folder: Path, document: str = CATALOG) -> None:
    file = folder / "kiosk.toml"
    file.write_text(document, encoding="utf-8")
    ledger.apply_catalog(file)


@pytest.fixture
def publish(kiosk: farthing.Ledger, tmp_path: Path) -> Publish:
    publish_text(kiosk, tmp_path)
    return lambda document: publish_text(kiosk, tmp_path, document)


@pytest.mark.parametrize("is_late", [False, True], ids=["on time", "late"])
def test_a_catalog_published_after_the_end_changes_nothing_of_it(kiosk, publish, clock, is_late):  # noqa: F811
    kiosk.subscribe("acme", "pass")
    clock.advance(timedelta(days=30))
    if not is_late:
        run_job(kiosk.engine, "check_expired_subscriptions")
    publish(CATALOG.replace("amount = 60", "amount = 65"))
    clock.advance(timedelta(days=1))
    run_job(kiosk.engine, "check_expired_subscriptions")

    assert kiosk.subscription("acme").plan == "free"
    assert kiosk.balance("acme").spendable == 60


@pytest.mark.usefixtures("publish")
def test_an_upgrade_gives_back_no_more_than_was_paid(kiosk, clock):  # noqa: F811
    kiosk.subscribe("unpaid", "basic", cycle="year")
    kiosk.subscribe("paid", "basic", cycle="month", paid=(1500, "USD"))
    clock.advance(timedelta(days=10))

    owed = {line.kind: line.minor for line in kiosk.quote_change("unpaid", "premium").lines}
    assert owed.get("credit", 0) == 0
    with pytest.raises(farthing.AmountInvalid, match="is less than"):
        kiosk.change_plan("unpaid", "premium", paid=(1, "USD"))
    lines = {line.kind: line.minor for line in kiosk.quote_change("paid", "premium").lines}
    assert lines == {"credit": -1000, "charge": 2000}
    kiosk.change_plan("paid", "premium", paid=(1000, "USD"))


def test_whoever_was_opened_where_nothing_gave_it_a_plan_gets_it_at_first_use(kiosk, tmp_path):
    kiosk.grant("before", 1)
    publish_text(kiosk, tmp_path)
    assert kiosk.balance("before").spendable == 1
    kiosk.open_account("known")
    assert kiosk.charge("before", 20, feature="image").available == 60 + 1 - 20

    answers = kiosk.batch([farthing.Charge("new", 5), farthing.Charge("known", 500), farthing.Charge("before", 500)])
    assert [type(answer).__name__ for answer in answers] == ["Receipt", "InsufficientCredits", "InsufficientCredits"]


@pytest.mark.usefixtures("publish")
def test_what_a_plan_lacks_is_refused_for_amounts_of_the_callers_own_too_but_a_replay_is_a_replay(kiosk):
    kiosk.subscribe("acme", "pass")
    first = kiosk.charge("acme", 7, feature="video", key="k")
    kiosk.cancel("acme", when="now")

    with pytest.raises(farthing.FeatureNotInPlan, match="acme is on free, which does not have video"):
        kiosk.charge("acme", 7, feature="video")
    again = kiosk.charge("acme", 7, feature="video", key="k")
    assert (again.id, again.replayed) == (first.id, True)
    with pytest.raises(farthing.KeyReused):
        kiosk.charge("acme", 8, feature="video", key="k")
    with pytest.raises(farthing.FeatureNotInPlan):
        kiosk.hold("acme", feature="video")
    assert kiosk.charge("acme", 7, feature="something else").charged == 7


@pytest.mark.usefixtures("publish")
def test_rule_14_work_that_already_happened_is_recorded_whatever_the_plan_has(kiosk):
    kiosk.open_account("acme")

    assert kiosk.record("acme", feature="video").charged == 50
    assert kiosk.record("acme", 5, feature="video").charged == 5
    assert kiosk.charge("acme", 50, feature="video", mode="record").owed == 45

"""The race for credits that are given once: threads and processes that redeem, refer and die on the way."""

import threading
from collections import Counter
from collections.abc import Sequence

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.face.ledger import Ledger
from farthing.service.campaigns import PATIENCE
from farthing.service.jobs import run_job
from farthing.store.contract import Claim, NewClaim, Store
from farthing.testing.clocks import FrozenClock
from farthing.values.calendars import to_instant
from tests.races.books import CREDITS, open_book
from tests.races.claimants import DEATHS, Call, call_at_once, call_in_process, die_at_step, open_campaigns
from tests.races.processes import SERVER, start

KILLED = -9


def granted(store: Store, account: str) -> int:
    """Whole credits that an account was ever given."""
    known = store.find_account(account)
    return 0 if known is None else store.read_wallet(known, CREDITS).granted // CREDITS.per_whole


def run_processes(url: str, shares: list[list[Call]], threads: int) -> list[str]:
    """Each process makes the calls of its share; all begin at once."""
    barrier, answers = SERVER.Barrier(len(shares)), SERVER.Queue()
    processes = [start(call_in_process, url, calls, threads, barrier, answers) for calls in shares]
    told = [answer for _ in processes for answer in answers.get(timeout=60)]
    for process in processes:
        process.join(30)
    return told


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return open_campaigns(engine)


def test_of_many_accounts_with_one_code_as_many_have_it_as_may(ledger: Ledger) -> None:
    accounts = [f"a{place}" for place in range(24)]

    told = call_at_once(ledger, [("redeem", account, "SPRING", None) for account in accounts], 8)

    assert Counter(told) == {"given": 7, "code_spent": 17}
    assert sum(granted(ledger.desk.store, account) for account in accounts) == 70


def test_one_account_with_two_codes_of_a_campaign_has_it_as_often_as_it_may(ledger: Ledger) -> None:
    told = call_at_once(ledger, [("redeem", "acme", code, None) for code in ("OFTEN", "AGAIN") * 8], 8)

    assert Counter(told) == {"given": 3, "already_redeemed": 13}
    assert granted(ledger.desk.store, "acme") == 3


def test_one_key_at_once_gives_once_and_the_others_are_replays(ledger: Ledger) -> None:
    told = call_at_once(ledger, [("reward", "acme", "welcome", "signed up")] * 16, 8)

    assert Counter(told) == {"given": 1, "replayed": 15}
    assert granted(ledger.desk.store, "acme") == 5


def test_a_newcomer_whom_several_bring_at_once_is_brought_by_one_of_them(ledger: Ledger) -> None:
    referrers = [f"r{place}" for place in range(8)]
    for referrer in referrers:
        ledger.open_account(referrer)

    told = call_at_once(ledger, [("refer", "new", referrer, None) for referrer in referrers * 2], 8)

    assert Counter(told) == {"given": 1, "already_redeemed": 15}
    assert granted(ledger.desk.store, "new") == 2
    assert sorted(granted(ledger.desk.store, referrer) for referrer in referrers) == [0] * 7 + [3]


@pytest.mark.parametrize(
    ("calls", "given"),
    [
        ([("redeem", "acme", code, None) for code in ("OFTEN", "AGAIN") * 3], 3),
        ([("redeem", f"a{place}", "SPRING", None) for place in range(12)], 7),
        ([("reward", "acme", "welcome", None)] * 6, 1),
        ([("refer", "new", f"r{place}", None) for place in range(6)], 1),
    ],
)
def test_who_were_all_told_yes_before_any_of_them_claimed_are_counted_when_they_claim(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, calls: list[Call], given: int
) -> None:
    for place in range(6):
        ledger.open_account(f"r{place}")
    store, gate = ledger.desk.store, threading.Barrier(len(calls))
    claim = store.claim

    def meet(wanted: Sequence[NewClaim], at: int) -> list[Claim]:
        gate.wait(20)
        return claim(wanted, at)

    monkeypatch.setattr(store, "claim", meet)
    told = Counter(call_at_once(ledger, calls, len(calls)))

    assert told["given"] == given
    assert told["already_redeemed"] + told["code_spent"] == len(calls) - given


def test_those_who_bring_each_other_at_once_wait_for_each_other_in_one_order(ledger: Ledger) -> None:
    people = [f"p{place}" for place in range(5)]
    for person in people:
        ledger.open_account(person)

    calls: list[Call] = [("refer", new, by, None) for new in people for by in people if new != by]
    told = call_at_once(ledger, calls, 8)

    assert Counter(told) == {"given": 5, "already_redeemed": 15}
    assert sum(granted(ledger.desk.store, person) for person in people) == 5 * (2 + 3)


def test_processes_and_threads_together_give_no_more_than_one_alone(url: str) -> None:
    open_campaigns(Engine(open_book(url))).engine.close()
    accounts = [f"a{place}" for place in range(6)]
    calls: list[Call] = [("redeem", account, "SPRING", None) for account in [*accounts, "b0", "b1", "b2"]]
    calls += [("reward", account, "welcome", None) for account in accounts]
    calls += [("redeem", account, "OFTEN", None) for account in accounts]

    told = run_processes(url, [calls] * 4, 4)

    assert Counter(told) == {
        "given": 7 + 6 + 18,
        "code_spent": told.count("code_spent"),
        "already_redeemed": 4 * len(calls) - 31 - told.count("code_spent"),
    }
    store = open_book(url)
    assert verify(store).summary == "ok"
    assert store.count_claims("spring", "SPRING") == 7
    assert [granted(store, account) % 10 for account in accounts] == [8] * 6
    assert sum(granted(store, account) for account in [*accounts, "b0", "b1", "b2"]) == 70 + 6 * 8
    store.close()


@pytest.mark.parametrize("step", DEATHS)
@pytest.mark.parametrize("call", [("reward", "acme", "welcome", "k"), ("refer", "acme", "bolt", "k")])
def test_who_is_killed_on_the_way_has_nothing_yet_and_then_all_of_it_once(url: str, step: str, call: Call) -> None:
    before = open_campaigns(Engine(open_book(url)))
    before.open_account("bolt")
    before.engine.close()
    child = start(die_at_step, url, step, call)
    child.join(30)
    assert child.exitcode == KILLED, "the step was not reached"

    store = open_book(url)
    now = Engine(store).clock.now()
    soon, late = (Engine(store, FrozenClockAt(now + wait)) for wait in (0, 2 * PATIENCE))
    was_claimed = step != "before claim"
    early = run_job(soon, "finish_campaigns")
    jobs = [run_job(late, "finish_campaigns") for _ in range(2)]

    assert early.seen == 0, "it is left to its caller for a while"
    assert jobs[1].seen == 0
    expected = {"before claim": 0, "after finish_claim": len(CREDITED[call[0]]) - 1}.get(step, len(CREDITED[call[0]]))
    assert (jobs[0].seen, jobs[0].done) == (expected, expected)
    assert {name: granted(store, name) for name in ("acme", "bolt")} == (
        CREDITED[call[0]] | {name: 0 for name in ("acme", "bolt") if name not in CREDITED[call[0]]}
        if was_claimed
        else {"acme": 0, "bolt": 0}
    )
    assert call_at_once(open_campaigns(late), [call], 1) == ["replayed" if was_claimed else "given"]
    assert granted(store, "acme") == CREDITED[call[0]]["acme"]
    assert verify(store).summary == "ok"
    store.close()


CREDITED = {"reward": {"acme": 5}, "refer": {"acme": 2, "bolt": 3}}


class FrozenClockAt(FrozenClock):
    """Stands at an instant, and says that it runs: so it is the job's own patience that is tested."""

    def __init__(self, at: int) -> None:
        super().__init__(to_instant(at))

    is_frozen = False

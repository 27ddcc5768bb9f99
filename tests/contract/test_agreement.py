"""The stores agree, hash for hash, and the books of each add up: the same requests at the same times, wherever."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.values.entries import Seal
from farthing.values.errors import Refused
from farthing.values.requests import Open, Request
from farthing.values.standing_requests import Advance
from tests.contract.desk import STORES, Desk, open_desk
from tests.contract.scenario import ACCOUNTS, LEAPS, Scenario

SEEDS = range(8)


class Advancing(Scenario):
    """In a test book: each account has a clock of its own, which stands still until it is told to move."""

    def __init__(self, seed: int, desk: Desk) -> None:
        super().__init__(seed, desk)
        self.kinds += [self.advance] * 3

    def advance(self, key: str, account: str) -> Request:
        return Advance(key=key, account=account, by=self.dice.choice([1, 30, *LEAPS]), unit_ids=(1, 2))


def describe(desk: Desk) -> list[tuple[Any, ...]]:
    """Everything that is stored, in words that do not depend on the store."""
    records = [
        (
            record.wallet.account.account_id,
            record.wallet.unit.unit_id,
            record.wallet.account,
            record.wallet.unit,
            [entry.hash for entry in record.entries],
            {name: getattr(record.wallet, name) for name in type(record.wallet).__slots__ if name not in LOADED},
            sorted(record.lots),
            sorted(record.holds),
            sorted(record.debts),
            sorted(record.allowances),
            sorted(record.budgets),
            sorted(record.counters),
            record.subscriptions,
        )
        for record in desk.store.iter_records()
    ]
    return sorted(records, key=lambda record: record[:2])


LOADED = ("account", "unit", "lots", "holds", "debts", "allowances", "budgets", "counters", "subscription",
          "next_due")  # fmt: skip
"""What depends on how much was loaded. `next_due` may be early by as much as that; a law keeps it from being late."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("key", [None, b"a key of the operator's"], ids=["plain", "keyed"])
@pytest.mark.parametrize("is_test", [False, True], ids=["live", "test book"])
def test_all_stores_write_the_same_hashes_and_rows(seed: int, key: bytes | None, is_test: bool, tmp_path: Path):
    with ExitStack() as stack:
        desks = {}
        for kind in STORES:
            (tmp_path / kind).mkdir()
            desks[kind] = stack.enter_context(open_desk(kind, tmp_path / kind, Seal(key), test=is_test))
        played = {kind: (Advancing if is_test else Scenario)(seed, desk) for kind, desk in desks.items()}
        for scenario in played.values():
            # A request that is refused may cost an account that it would have opened its number, or not.
            for account in ACCOUNTS:
                scenario.desk.do(Open(key="open", account=account))
            scenario.play(40)

        first = played["memory"]
        assert any(not isinstance(answer, Exception) for answer in first.answers)
        for kind, scenario in played.items():
            assert [str(answer) for answer in scenario.answers] == [str(answer) for answer in first.answers], kind
            assert describe(desks[kind]) == describe(desks["memory"]), kind


@pytest.mark.parametrize("seed", SEEDS)
def test_the_books_add_up_after_anything(seed: int, desk: Desk):
    scenario = Scenario(100 + seed, desk)

    for _ in range(4):
        scenario.play(15)
        report = verify(desk.store)
        assert report.summary == "ok", str(report)

    assert [
        answer for answer in scenario.answers if isinstance(answer, Exception) and not isinstance(answer, Refused)
    ] == []
    assert sum(1 for answer in scenario.answers if not isinstance(answer, Exception)) > 40


def test_reading_whole_gives_what_the_records_have(desk: Desk):
    Scenario(3, desk).play(40)

    for record in desk.store.iter_records():
        wallet = desk.store.read_wallet(record.wallet.account, record.wallet.unit)
        assert (wallet.seq, wallet.head, wallet.next_due) == (
            record.wallet.seq,
            record.wallet.head,
            record.wallet.next_due,
        )
        drawn = {lot for hold in wallet.holds.values() for lot, _ in hold.draws}
        assert {lot.number for lot in record.lots if lot.remaining} | drawn == set(wallet.lots)
        assert [hold for hold in sorted(record.holds) if not hold.ended_at] == list(wallet.holds.values())
        assert [debt for debt in sorted(record.debts) if debt.remaining] == list(wallet.debts.values())
        assert [each for each in sorted(record.allowances) if not each.ended_at] == list(wallet.allowances.values())
        assert [each for each in sorted(record.budgets) if not each.ended_at] == list(wallet.budgets.values())
        if wallet.budgeted:
            assert sorted(record.counters) == sorted(wallet.counters.values())


def test_what_a_rule_decides_does_not_depend_on_how_much_was_loaded(desk: Desk):
    scenario = Scenario(11, desk)
    scenario.play(25)
    for _ in range(40):
        desk.grant(7, priority=scenario.dice.choice([10, 50]), promotional=scenario.dice.random() < 0.5)

    scenario.play(60)

    report = verify(desk.store)
    assert report.summary == "ok", str(report)

"""The races of whole processes that write one database."""

from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.store.faults import Busy
from tests.races.asking import charge, grant
from tests.races.books import CREDITS, open_book
from tests.races.processes import SERVER, start
from tests.races.writers import charge_each, charge_for, fork_while_others_wait, keep_the_lock


def fund(url: str, amount: int, *accounts: str) -> None:
    engine = Engine(open_book(url))
    for account in accounts:
        engine.run(grant(f"g {account}", amount, account))
    engine.close()


def prove(url: str) -> Any:
    store = open_book(url)
    assert verify(store).summary == "ok"
    return store


def run_processes(url: str, shares: list[list[str]], threads: int) -> list[tuple[str, bool, str]]:
    """Each process charges 1 under the keys of its share; all begin at once."""
    barrier, answers = SERVER.Barrier(len(shares)), SERVER.Queue()
    processes = [start(charge_each, url, keys, threads, barrier, answers) for keys in shares]
    told = [answer for _ in processes for answer in answers.get(timeout=30)]
    for process in processes:
        process.join(30)
    return told


def test_four_writing_processes_all_get_their_turn(url: str) -> None:
    accounts = ["a", "b", "c", "d"]
    fund(url, 1_000_000, *accounts)
    barrier, answers = SERVER.Barrier(4), SERVER.Queue()

    processes = [start(charge_for, url, account, barrier, 3.0, answers) for account in accounts]
    commits = [answers.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(30)

    assert max(commits) <= 3 * min(commits), commits
    store = prove(url)
    assert store.count_entries() == sum(commits) + 8
    store.close()


def test_of_100_charges_by_four_processes_on_a_balance_of_50_exactly_50_pass(url: str) -> None:
    fund(url, 50, "acme")

    told = run_processes(url, [[f"c{process}-{turn}" for turn in range(25)] for process in range(4)], 5)

    refused = [answer for answer in told if answer[2] == "insufficient_credits"]
    assert (len(told), len(refused)) == (100, 50)
    prove(url).close()


def test_one_key_from_four_processes_charges_once_and_all_get_the_same_receipt(url: str) -> None:
    fund(url, 50, "acme")

    told = run_processes(url, [["job_81"] * 5 for _ in range(4)], 5)

    assert len({receipt for _, _, receipt in told}) == 1
    assert [replayed for _, replayed, _ in told].count(False) == 1
    store = prove(url)
    assert store.read_wallet(store.find_account("acme"), CREDITS).spent == 1
    store.close()


def test_a_lock_that_another_process_keeps_makes_busy_and_nothing_is_written(url: str) -> None:
    fund(url, 50, "acme")
    engine = Engine(open_book(url))
    locked, done = SERVER.Event(), SERVER.Event()
    process = start(keep_the_lock, url, locked, done)
    assert locked.wait(20)

    with pytest.raises(Busy):
        engine.run(charge("c", 1))
    assert engine.read_wallet("acme", CREDITS).spent == 0, "reading waits for nobody"

    done.set()
    process.join(20)
    assert not engine.run(charge("c", 1)).replayed
    engine.close()
    prove(url).close()


def test_a_forked_child_goes_on_with_a_queue_and_a_connection_of_its_own(url: str) -> None:
    answers = SERVER.Queue()

    process = start(fork_while_others_wait, url, answers)
    codes, spent, replayed = answers.get(timeout=60)
    process.join(20)

    assert codes == [0] * 5
    assert replayed, "what a child charged is there for the parent"
    store = prove(url)
    assert store.read_wallet(store.find_account("acme"), CREDITS).spent == spent + 25
    store.close()

"""Updates stay on their page (HOT): what changes often stands in no index, and each page has room for the next version.

Else every charge would write to each index of its table, and leave that to be cleared away.
"""

import random
from collections.abc import Sequence
from contextlib import closing

from farthing.engine.tickets import Outcome
from farthing.face.ids import write_id
from farthing.store.postgres import open_postgres
from farthing.values.periods import Cadence
from farthing.values.requests import About, Charge, Grant, Hold, Settle
from farthing.values.standing_requests import Allow, SetBudget
from tests.contract.desk import CREDITS, Desk, find_place
from tests.integration.postgres_books import open_host, run_sql
from tests.postgres.databases import Database

ACCOUNTS, ROUNDS, BATCH = 300, 60, 64
ENOUGH = 0.95


def work_hard(desk: Desk) -> None:
    """Some thousands of charges, holds and settles, in batches; no lot is used up."""
    dice = random.Random(9)
    names = [f"account {number}" for number in range(ACCOUNTS)]
    desk.ask(*(Grant(key=desk.next_key(), account=name, amounts=((1, 10**6),)) for name in names))
    for _ in range(ROUNDS):
        desk.now += 1000
        some = dice.sample(names, BATCH)
        insist(desk.ask(*(Charge(key=desk.next_key(), account=name, amounts=((1, 2),)) for name in some)))
        held = insist(desk.ask(*(Hold(key=desk.next_key(), account=name, amounts=((1, 5),)) for name in some)))
        places = [find_place(outcome) for outcome in held]
        insist(
            desk.ask(
                *(
                    Settle(key=desk.next_key(), hold=place, hold_id=write_id("hld", place), amounts=((1, 3),))
                    for place in places
                )
            )
        )


def insist(answers: Sequence[Outcome | Exception]) -> list[Outcome]:
    """All of these, none of which was refused."""
    outcomes = [answer for answer in answers if isinstance(answer, Outcome)]
    assert len(outcomes) == len(answers)
    return outcomes


def read_shares(database: Database) -> dict[str, tuple[int, float]]:
    """Table → updates, and the share of them that stayed on their page."""
    asked = "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname LIKE 'farthing%'"
    found = run_sql(database, asked)
    return {name.removeprefix("farthing_"): (updates, hot / updates) for name, updates, hot in found if updates}


def test_updates_of_wallets_and_lots_stay_on_their_page() -> None:
    with open_host() as database:
        # Its sessions, which tell the server's counters when they end, are over when these are read.
        with closing(open_postgres(database.app_url, create=True)) as store:
            store.add_units([CREDITS])
            work_hard(Desk(store))
        shares = read_shares(database)

    # No row of an account changes, though it is locked each time. A hold that is settled is in the index of open ones
    # no longer, so its one update cannot stay.
    assert shares.keys() == {"wallet", "lot", "hold"}
    assert shares["wallet"][0] == 3 * ROUNDS * BATCH
    assert shares["wallet"][1] >= ENOUGH, shares
    assert shares["lot"][1] >= ENOUGH, shares


def test_counters_and_turns_stay_on_their_page() -> None:
    """Each charge counts in two budgets, which is one row; each hour every wallet turns, which moves one more."""
    with open_host() as database:
        with closing(open_postgres(database.app_url, create=True)) as store:
            store.add_units([CREDITS])
            desk, names = Desk(store), [f"account {number}" for number in range(BATCH)]
            ana = store.intern_name("ana")
            for request in (
                lambda name: Allow(key="a", account=name, unit=1, name="hourly", amount=9**5, every=Cadence.HOUR),
                lambda name: SetBudget(key="b", account=name, unit=1, name="each", most=9**9, member=ana),
                lambda name: SetBudget(key="c", account=name, unit=1, name="all", most=9**9),
            ):
                insist(desk.ask(*(request(name) for name in names)))
            for number in range(ROUNDS):
                desk.now += 3_600_000_000 if number % 4 == 0 else 1000
                charges = [
                    Charge(key=desk.next_key(), account=name, amounts=((1, 2),), about=About(member=ana))
                    for name in names
                ]
                insist(desk.ask(*charges))
        shares = read_shares(database)

    assert shares["tally"][0] == (ROUNDS - 1) * BATCH
    assert shares["allowance"][0] == ROUNDS // 4 * BATCH
    assert min(shares[table][1] for table in ("wallet", "tally")) >= ENOUGH, shares
    # All of them lie on a page or two, and turn at once: some find no room left there.
    assert shares["allowance"][1] >= 0.8, shares

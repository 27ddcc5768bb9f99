"""Turns: a bound on how many, in order of arrival, and what nobody refers to any more counts for nothing."""

import threading
import time
from typing import Any

from farthing.store.turns import Turns


def test_a_place_that_was_forgotten_goes_to_who_waits():
    turns = Turns(1)
    forgotten: list[Any] = [turns.take(0.1)]
    done = threading.Thread(target=lambda: forgotten.append(turns.take(5) is not None))
    done.start()
    assert turns.take(0.1) is None

    del forgotten[0]
    done.join()

    assert forgotten == [True]


def test_places_go_round_in_the_order_of_arrival():
    turns, order = Turns(2), list[int]()
    held = [turns.take(1), turns.take(1)]

    def wait(number: int) -> None:
        turn = turns.take(10)
        assert turn is not None
        order.append(number)
        turns.leave(turn)

    waiting = [threading.Thread(target=wait, args=(number,)) for number in range(8)]
    for place, thread in enumerate(waiting, start=3):
        thread.start()
        while len(turns.line) < place:
            time.sleep(0.001)
    assert turns.take(0.0) is None
    first = held.pop()
    assert first is not None
    turns.leave(first)
    for thread in waiting:
        thread.join()

    assert order == list(range(8))
    assert turns.count_taken() == 1

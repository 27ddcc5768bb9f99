"""One row of the table: what was timed, how fast it was, and the same run's baseline for it."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    store: str = ""
    pattern: str = ""
    batch: int = 1
    clients: int = 1
    per_second: float = 0.0
    microseconds: float = 0.0
    baseline: str = ""
    ratio: float | None = None
    target: str = ""

    def json(self) -> dict[str, object]:
        return asdict(self)


def median_of(times: int, measure: Callable[[], float]) -> float:
    """The median of a figure taken several times: these machines are shared, and one run tells little."""
    return statistics.median(measure() for _ in range(times))


def time_rate(count: int, run: Callable[[], object]) -> float:
    """How many a second, by the wall clock."""
    started = time.perf_counter()
    run()
    return count / (time.perf_counter() - started)

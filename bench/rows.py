"""What a run was asked for, and one row of its table: what was timed, how fast it was, and what it is held against."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure."""

    quick: bool
    """Fewer and smaller runs."""
    stores: tuple[str, ...]

    def list_stores(self, *wanted: str) -> list[str]:
        """Those of `wanted` that were asked for."""
        return [store for store in wanted if store in self.stores]


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    store: str = ""
    pattern: str = ""
    batch: int = 1
    clients: int = 1
    """Threads, tasks, processes or pgbench's clients that asked at the same time."""
    per_second: float = 0.0
    baseline: float | None = None
    """What it is held against, a second."""
    ratio: float | None = None
    """`per_second` over `baseline`."""
    against: str = ""
    """What the baseline is."""
    target: str = ""
    client_us: float | None = None
    """Processor time of the measuring process for each, in microseconds."""
    server_us: float | None = None
    """The same of PostgreSQL's processes."""
    wal_bytes: float | None = None
    memory_mb: float | None = None
    """Resident memory of the measuring process afterwards."""

    @property
    def microseconds(self) -> float:
        return 1e6 / self.per_second

    def json(self) -> dict[str, object]:
        return asdict(self) | {"microseconds": self.microseconds}


def make_row(name: str, store: str, per_second: float, *, baseline: float | None = None, **more: object) -> Row:
    """A row with its ratio."""
    ratio = None if baseline is None else per_second / baseline
    return Row(name, store, per_second=per_second, baseline=baseline, ratio=ratio, **more)  # type: ignore[arg-type]


def median_of(times: int, measure: Callable[[], float]) -> float:
    """The median of a figure taken several times: these machines are shared, and one run tells little."""
    return statistics.median(measure() for _ in range(times))


def time_rate(count: int, run: Callable[[], object]) -> float:
    """How many a second, by the wall clock."""
    started = time.perf_counter()
    run()
    return count / (time.perf_counter() - started)


def time_each(times: int, work: Callable[[int], object]) -> float:
    """Seconds that one takes: the median of many."""
    took = []
    for number in range(times):
        started = time.perf_counter()
        work(number)
        took.append(time.perf_counter() - started)
    return statistics.median(took)

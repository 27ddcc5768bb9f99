"""The engine's bounds as settings of one engine; what each is without being set stands in `values/bounds.py`."""

from dataclasses import dataclass

from farthing.store.needs import SHARDS
from farthing.values.bounds import LARGEST_BATCH, LARGEST_QUEUE
from farthing.values.errors import TermInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every bound of one engine. Raises `TermInvalid` for one that is no whole number from 1."""

    largest_batch: int = LARGEST_BATCH
    """Requests decided in one commit."""
    largest_queue: int = LARGEST_QUEUE
    """Requests that may wait at once, those of the batch in flight included; an account may have a quarter of them.
    Lanes divide the places evenly, and there an account may have half of its lane's, if that is less."""
    lanes: int | None = None
    """How many batches are under way at once; None: as many as serve the database well. At most 64."""
    threads_aside: int = 8
    """Threads, in all lanes together and at least one in each, that wait for accounts which others have locked."""
    commit_tries: int = 3
    """How often a batch is committed, or looked up, while the database goes away around its commit."""
    decide_tries: int = 5
    """How often a batch is decided while what was read for it turns out not to hold any longer."""
    commits_remembered: int = 1024
    """Of how many commits the times are kept for `stats`."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if name == "lanes" and value is None:
                continue
            problem, advice = "", "give it a whole number from 1"
            if type(value) is not int:
                problem = "is no whole number"
            elif value < 1:
                problem = "is below 1"
            elif name == "lanes" and value > SHARDS:
                problem, advice = f"is above {SHARDS}", f"give it a whole number from 1 to {SHARDS}"
            if problem:
                raise TermInvalid(what=name, given=repr(value)[:60], problem=problem, advice=advice)

    def count_places(self, lanes: int) -> int:
        """Requests that may wait at once in each of so many lanes."""
        return max(1, self.largest_queue // lanes)

    def count_share(self, lanes: int) -> int:
        """Requests of one account that may wait at once: a quarter of all, or half of its lane if that is less."""
        return max(1, min(self.largest_queue // 4, self.count_places(lanes) // 2))

    def count_threads(self, lanes: int) -> int:
        """Threads of each of so many lanes that wait for locked accounts."""
        return max(1, self.threads_aside // lanes)

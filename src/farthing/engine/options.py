"""The engine's bounds as settings of one engine; what each is without being set stands in `core/bounds.py`."""

from dataclasses import dataclass

from farthing.core.bounds import LARGEST_BATCH, LARGEST_QUEUE
from farthing.core.errors import TermInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every bound of one engine. Raises `TermInvalid` for one that is no whole number from 1."""

    largest_batch: int = LARGEST_BATCH
    """Requests decided in one commit."""
    largest_queue: int = LARGEST_QUEUE
    """Requests that may wait at once, those of the batch in flight included; an account may have a quarter of them."""
    commit_tries: int = 3
    """How often a batch is committed, or looked up, while the database goes away around its commit."""
    commits_remembered: int = 1024
    """Of how many commits the times are kept for `stats`."""

    def __post_init__(self) -> None:
        for name in ("largest_batch", "largest_queue", "commit_tries", "commits_remembered"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                problem = "is below 1" if type(value) is int else "is no whole number"
                given = repr(value)[:60]
                raise TermInvalid(what=name, given=given, problem=problem, advice="give it a whole number from 1")

    @property
    def largest_share(self) -> int:
        """Requests of one account that may wait at once."""
        return max(1, self.largest_queue // 4)

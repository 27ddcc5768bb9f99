"""A catalog's default plan opens at first use: who is not known yet gets it with the first charge, hold or record, and
whoever is opened gets it then.
"""

from collections.abc import Sequence
from typing import Final

from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.face.desk import Desk
from farthing.service.subscriptions import enrol
from farthing.values.entries import Kind
from farthing.values.errors import AccountNotFound, FarthingError, InsufficientCredits
from farthing.values.requests import Charge, Hold, Record, Request

MAY_LACK_PLAN: Final = (AccountNotFound, InsufficientCredits)
"""What is said to an account that should have the default plan and does not yet."""


def wants_plan(desk: Desk, request: Request, error: object) -> bool:
    """Whether what was refused would do once its account has the default plan: it is not known yet, or was opened where
    nothing gave it one (in somebody else's transaction, before there was a catalog)."""
    if not isinstance(error, MAY_LACK_PLAN) or not isinstance(request, Charge | Hold | Record):
        return False
    published = desk.catalogs.find_current()
    if published is None or not published.catalog.default_plan:
        return False
    known = desk.store.find_account(request.account)
    return known is None or desk.store.read_subscription(known) is None


def has_opened(desk: Desk, outcome: Outcome) -> bool:
    """Whether a request opened its account, so that it is to have the default plan."""
    if outcome.replayed or outcome.provisional or outcome.entries[0].kind != Kind.OPENED:
        return False
    published = desk.catalogs.find_current()
    return published is not None and bool(published.catalog.default_plan)


def give_plan(engine: Engine, desk: Desk, account: str) -> None:
    """Give the default plan to an account that never had one."""
    enrol(engine, desk.catalogs, account)


def run_again(
    engine: Engine, desk: Desk, requests: Sequence[Request], outcomes: list[Outcome | FarthingError]
) -> list[Outcome | FarthingError]:
    """The outcomes of a batch, those of unknown accounts after they were given the default plan."""
    missed = [
        place
        for place, (request, outcome) in enumerate(zip(requests, outcomes, strict=True))
        if wants_plan(desk, request, outcome)
    ]
    for account in dict.fromkeys(requests[place].account for place in missed):
        give_plan(engine, desk, account)
    if missed:
        for place, outcome in zip(missed, engine.run_many([requests[place] for place in missed]), strict=True):
            outcomes[place] = outcome
    return outcomes

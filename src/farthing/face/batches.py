"""Many requests at once: the same verbs, deferred. `Charge("acme", 5)` in a batch is `charge("acme", 5)`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec

from farthing.engine.tickets import Outcome
from farthing.face.accounts import build_close_account, build_freeze, build_open_account, build_unfreeze
from farthing.face.advances import build_advance
from farthing.face.allowances import (
    build_allow,
    build_change_allowance,
    build_end_allowance,
    build_end_period,
    build_set_period_end,
)
from farthing.face.budgets import build_budget, build_change_budget, build_end_budget
from farthing.face.charges import build_charge, build_record
from farthing.face.clawbacks import build_clawback
from farthing.face.corrections import build_adjust, build_forgive, build_reset_used, build_set_used, build_void
from farthing.face.desk import Desk
from farthing.face.expiries import build_reschedule
from farthing.face.grants import build_grant, build_import_grant
from farthing.face.holds import build_extend, build_hold, build_release, build_settle
from farthing.face.receipts import Receipt, read_receipt
from farthing.face.refunds import build_refund
from farthing.face.settings import build_configure
from farthing.face.top_ups import build_decline_top_up
from farthing.face.verbs import Runner, dress, name_verb
from farthing.values.errors import FarthingError, Refused, show_given
from farthing.values.requests import Request

P = ParamSpec("P")


class Deferred:
    """One line of a batch: a verb with what will be said to it."""

    __slots__ = ("args", "build", "kwargs")

    def __init__(self, build: Callable[..., Request], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.build = build
        self.args = args
        self.kwargs = kwargs

    def make_request(self, desk: Desk) -> Request:
        """The request. Raises `Refused` if it cannot be one."""
        return self.build(desk, *self.args, **self.kwargs)

    def __repr__(self) -> str:
        said = [show_given(value) for value in self.args]
        said += [f"{name}={show_given(value)}" for name, value in self.kwargs.items()]
        return f"{name_line(self.build)}({', '.join(said)})"


def name_line(build: Callable[..., Request]) -> str:
    """`SetUsed` of `build_set_used`."""
    return name_verb(build).title().replace("_", "")


def defer(build: Callable[Concatenate[Desk, P], Request]) -> Callable[P, Deferred]:
    """A verb as a line of a batch, with the verb's own signature."""

    def line(*args: P.args, **kwargs: P.kwargs) -> Deferred:
        return Deferred(build, args, kwargs)

    dress(line, build, Deferred, name_line(build))
    return line


OpenAccount = defer(build_open_account)
Grant = defer(build_grant)
ImportGrant = defer(build_import_grant)
Charge = defer(build_charge)
Record = defer(build_record)
Hold = defer(build_hold)
Settle = defer(build_settle)
Release = defer(build_release)
Extend = defer(build_extend)
Refund = defer(build_refund)
Void = defer(build_void)
Forgive = defer(build_forgive)
Adjust = defer(build_adjust)
SetUsed = defer(build_set_used)
ResetUsed = defer(build_reset_used)
Configure = defer(build_configure)
Freeze = defer(build_freeze)
Unfreeze = defer(build_unfreeze)
CloseAccount = defer(build_close_account)
Allow = defer(build_allow)
ChangeAllowance = defer(build_change_allowance)
EndAllowance = defer(build_end_allowance)
EndPeriod = defer(build_end_period)
SetPeriodEnd = defer(build_set_period_end)
Budget = defer(build_budget)
ChangeBudget = defer(build_change_budget)
EndBudget = defer(build_end_budget)
Clawback = defer(build_clawback)
Reschedule = defer(build_reschedule)
DeclineTopUp = defer(build_decline_top_up)
Advance = defer(build_advance)

Answer = Receipt | FarthingError


class Lines:
    """The lines of one batch: the requests that they make, and, in their places, the refusals of the others."""

    def __init__(self, runner: Runner, items: Iterable[Deferred]) -> None:
        self.runner = runner
        self.requests: list[Request] = []
        self.refusals: list[Refused | None] = []
        for item in items:
            if not isinstance(item, Deferred):
                raise TypeError(f"a batch has lines such as farthing.Charge(…), not {show_given(item)}")
            try:
                self.requests.append(item.make_request(runner.desk))
                self.refusals.append(None)
            except Refused as no:
                self.refusals.append(no.with_traceback(None))

    def read_answers(self, outcomes: Iterable[Outcome | FarthingError]) -> list[Answer]:
        """Receipts and refusals in the order of the lines."""
        coming = iter(outcomes)
        answers: list[Answer] = []
        for refusal in self.refusals:
            outcome = next(coming) if refusal is None else refusal
            answers.append(read_receipt(self.runner, outcome) if isinstance(outcome, Outcome) else outcome)
        return answers

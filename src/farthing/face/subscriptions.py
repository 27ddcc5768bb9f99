"""What a ledger says of subscriptions: a plan taken, changed, paid for again, cancelled; where an account stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Unpack

from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.face.cadences import CADENCES, read_moment
from farthing.face.desk import Desk
from farthing.face.grants import read_paid
from farthing.face.options import Name, SaidOfRules, read_choice, read_claim, read_said
from farthing.face.plans import (
    ChangeQuote,
    PlanView,
    SubscriptionReceipt,
    SubscriptionStep,
    SubscriptionView,
    show_line,
    show_plan,
    show_step,
    show_subscription,
)
from farthing.face.receipts import read_receipt
from farthing.face.verbs import threaded
from farthing.service.subscriptions import (
    Asked,
    Choose,
    Reading,
    change_subscription,
    choose_change,
    choose_event,
    choose_renewal,
    choose_subscription,
    enrol_all,
    quote_step,
    read_now,
    read_step,
    sum_owed,
)
from farthing.store.contract import Progress
from farthing.tariff.catalog import Length, Money
from farthing.tariff.plans import Event, find_state
from farthing.tariff.rows import Choice
from farthing.values.entries import Kind
from farthing.values.errors import TermInvalid, show_given
from farthing.values.names import read_account, read_name
from farthing.values.periods import Cadence
from farthing.values.requests import Request

LONGEST: Final = 36_600
"""Days for which a plan may be given: a hundred years."""
WHENS: Final = ("now", "period_end")
Paid = tuple[int, str]


class Subscribing:
    """The part of a ledger that speaks of plans and subscriptions."""

    if TYPE_CHECKING:
        desk: Desk
        engine: Engine

        def run(self, request: Request) -> Outcome: ...
        async def arun(self, request: Request) -> Outcome: ...
        def sees_open(self, hold: str, account: str) -> bool: ...
        def refuse_closed(self) -> None: ...

    def subscribe(
        self,
        account: Name,
        plan: str,
        *,
        cycle: str | None = None,
        days: int | None = None,
        until: datetime | None = None,
        trial: bool | None = None,
        renews: bool | None = None,
        paid: Paid | None = None,
        reference: str | None = None,
        **said: Unpack[SaidOfRules],
    ) -> SubscriptionReceipt:
        """Give an account a plan of the catalog, from now on: its credits, its first period, its bonuses. Opens the
        account if need be.

        `cycle` ("month", "year") is what one payment is for, of the cycles that the plan is sold by; the first unless
        you say. `days` or `until` give the plan for so long instead, whatever it costs. A plan with a trial begins with
        it, for whoever never had that plan and paid nothing yet; `trial=False` leaves it out. `paid=(1500, "USD")`
        records a payment in minor units, with its `reference` at whoever took it; without one nothing was paid, and the
        plan holds all the same, as far as its first period goes. `renews=False` lets it end with that.
        Whoever is on a plan that costs nothing leaves it for this one.
        Raises `SubscriptionRefused` (there is a subscription: change its plan), `PlanNotFound`, `TermInvalid` (not sold
        so), `AmountInvalid` (paid less than the price), `TimeInvalid`, `AccountClosed`, `KeyReused`, `CatalogMissing`.
        """
        choice = Choice(
            plan=read_plan(plan),
            every=read_cycle(cycle),
            currency="" if paid is None else read_money(self.desk, paid).currency,
            trial=None if trial is None else bool(read_claim(trial, "trial")),
            renews=None if renews is None else bool(read_claim(renews, "renews")),
            lasts=None if days is None else read_days(days),
            ends_at=None if until is None else read_moment(until, "until"),
            paid=None if paid is None else read_money(self.desk, paid),
        )
        if days is not None and until is not None:
            advice = "choose one of them"
            raise TermInvalid(what="days and until", given="both", problem="name two ends", advice=advice)
        words = ("subscribe", *say_choice(choice))
        return self.step(account, words, choose_subscription(choice), reference, said)

    def change_plan(
        self,
        account: Name,
        plan: str,
        *,
        when: str | None = None,
        cycle: str | None = None,
        days: int | None = None,
        until: datetime | None = None,
        paid: Paid | None = None,
        reference: str | None = None,
        **said: Unpack[SaidOfRules],
    ) -> SubscriptionReceipt:
        """Give an account another plan, or another cycle of the same.

        `when="now"`: at once, with fresh credits by the new plan's `on_upgrade`; `"period_end"`: when what is paid for
        ends. Unless you say, to a plan of a lower rank it is the period's end, if there is one and nothing was paid,
        and else now. What a change within a period costs is said by `quote_change`. Whoever has no plan is subscribed.
        Raises as `subscribe` does.
        """
        choice = self.read_change(plan, cycle, days, until, paid)
        chosen = read_when(when)
        words = ("change_plan", chosen, *say_choice(choice))
        return self.step(account, words, choose_change(choice, chosen), reference, said)

    def upgrade(
        self,
        account: Name,
        plan: str,
        *,
        cycle: str | None = None,
        days: int | None = None,
        until: datetime | None = None,
        paid: Paid | None = None,
        reference: str | None = None,
        **said: Unpack[SaidOfRules],
    ) -> SubscriptionReceipt:
        """`change_plan` at once."""
        more = {"cycle": cycle, "days": days, "until": until, "paid": paid, "reference": reference}
        return self.change_plan(account, plan, when="now", **more, **said)  # type: ignore[arg-type]

    def downgrade(
        self, account: Name, plan: str, *, cycle: str | None = None, **said: Unpack[SaidOfRules]
    ) -> SubscriptionReceipt:
        """`change_plan` when the period ends."""
        return self.change_plan(account, plan, when="period_end", cycle=cycle, **said)

    def renew(
        self, account: Name, *, paid: Paid | None = None, reference: str | None = None, **said: Unpack[SaidOfRules]
    ) -> SubscriptionReceipt:
        """Pay for the next period; of a trial, for what follows it; past due, for the period in hand.

        Credits begin anew when that period does: paying early gives none twice. What has no price needs no payment: it
        goes on by itself, or for its length once more. Raises `SubscriptionRefused` (nothing to renew, no payment),
        `AmountInvalid`, `TermInvalid`, `KeyReused` …
        """
        money = None if paid is None else read_money(self.desk, paid)
        choice = Choice(paid=money, currency="" if money is None else money.currency)
        return self.step(account, ("renew", money and tuple(money)), choose_renewal(choice), reference, said)

    def cancel(self, account: Name, *, when: str = "period_end", **said: Unpack[SaidOfRules]) -> SubscriptionReceipt:
        """Let a subscription end with what is paid for, or `when="now"`: then its credits go at once. The plan that it
        falls back to takes over. Raises `SubscriptionRefused`."""
        chosen = read_when(when)
        event = Event.CANCEL_NOW if chosen == "now" else Event.CANCEL
        return self.step(account, ("cancel", chosen), choose_event(event), None, said)

    def resume(self, account: Name, **said: Unpack[SaidOfRules]) -> SubscriptionReceipt:
        """Take back a cancellation, or a plan that was chosen for the period's end. Raises `SubscriptionRefused`."""
        return self.step(account, ("resume",), choose_event(Event.RESUME), None, said)

    def subscription(self, account: Name) -> SubscriptionView:
        """Where an account stands with its plan now, whether or not any job has run. Raises `AccountNotFound`."""
        self.refuse_closed()
        return self.show_reading(read_now(self.engine, self.desk.catalogs, read_account(account)))

    def subscription_history(self, account: Name) -> list[SubscriptionStep]:
        """Every step that was written, oldest first. Raises `AccountNotFound`."""
        self.refuse_closed()
        found = self.engine.get_account(read_account(account))
        return [show_step(self.desk, row) for row in self.engine.store.list_subscriptions(found)]

    def plans(self) -> list[PlanView]:
        """Every plan of the catalog that holds now, in its order. Raises `CatalogMissing`."""
        self.refuse_closed()
        catalog = self.desk.catalogs.get_current().catalog
        return [show_plan(self.desk, catalog, plan) for plan in catalog.plans.values()]

    def quote_change(
        self,
        account: Name,
        plan: str,
        *,
        when: str | None = None,
        cycle: str | None = None,
        days: int | None = None,
        until: datetime | None = None,
        currency: str | None = None,
    ) -> ChangeQuote:
        """What `change_plan` with these words would come to now, and what would be to pay: the rest of the old period
        back, the rest with the new plan, or a whole new period. Nothing is written. Raises what that would."""
        self.refuse_closed()
        name = read_account(account)
        choice = self.read_change(plan, cycle, days, until, None, currency)
        event, planned = quote_step(self.engine, self.desk.catalogs, name, choose_change(choice, read_when(when)))
        lines, row = tuple(show_line(line) for line in planned.lines), planned.subscription
        owed_in = lines[-1].currency if lines else None  # of a credit in another currency nothing is taken off
        catalog, at = self.desk.catalogs.get_current().catalog, self.desk.clock.now()
        known = self.desk.store.find_account(name)
        at = known.clock if known is not None and known.clock else at
        return ChangeQuote(
            account=name,
            plan=choice.plan,
            event=event.value,
            lines=lines,
            minor=max(0, sum_owed(planned.lines, owed_in or "")),
            currency=owed_in,
            after=show_subscription(Reading(name, at, row, catalog, find_state(row, at)), choice.currency),
        )

    def enrol_all(self, progress: Progress | None = None) -> int:
        """Give every account without a plan the catalog's default one, with its credits; returns how many. Again it
        changes nothing. Closed accounts are passed by. Raises `CatalogMissing`, `PlanNotFound` (no default plan)."""
        self.refuse_closed()
        return sum(page.done for page in enrol_all(self.engine, self.desk.catalogs, progress))

    asubscribe = threaded(subscribe)
    achange_plan = threaded(change_plan)
    aupgrade = threaded(upgrade)
    adowngrade = threaded(downgrade)
    arenew = threaded(renew)
    acancel = threaded(cancel)
    aresume = threaded(resume)
    asubscription = threaded(subscription)
    asubscription_history = threaded(subscription_history)
    aplans = threaded(plans)
    aquote_change = threaded(quote_change)
    aenrol_all = threaded(enrol_all)

    def read_change(
        self,
        plan: str,
        cycle: str | None,
        days: int | None,
        until: datetime | None,
        paid: Paid | None,
        currency: str | None = None,
    ) -> Choice:
        """The choice of a change."""
        if days is not None and until is not None:
            advice = "choose one of them"
            raise TermInvalid(what="days and until", given="both", problem="name two ends", advice=advice)
        money = None if paid is None else read_money(self.desk, paid)
        return Choice(
            plan=read_plan(plan),
            every=read_cycle(cycle),
            currency=money.currency if money else currency or "",
            lasts=None if days is None else read_days(days),
            ends_at=None if until is None else read_moment(until, "until"),
            paid=money,
        )

    def step(
        self, account: Name, words: Sequence[object], choose: Choose, reference: str | None, said: SaidOfRules
    ) -> SubscriptionReceipt:
        """Carry out a call, and show what it came to."""
        self.refuse_closed()
        asked = read_asked(self.desk, account, words, reference, said)
        outcome = change_subscription(self.engine, self.desk.catalogs, asked, choose)
        lead = next(entry for entry in outcome.entries if entry.kind == Kind.SUBSCRIBED)
        steps = self.engine.store.list_subscriptions(outcome.account)
        row = next(each for each in steps if each.number == lead.number)
        reading = read_step(self.engine, self.desk.catalogs, outcome.account, row, row.recorded_at)
        return SubscriptionReceipt(read_receipt(self, outcome), self.show_reading(reading))

    def show_reading(self, reading: Reading) -> SubscriptionView:
        """A subscription as people see it, with its price in the currency of its last payment."""
        row = reading.row
        return show_subscription(reading, (self.desk.find_text(row.currency) or "") if row else "")


def read_asked(desk: Desk, account: Name, words: Sequence[object], reference: str | None, said: SaidOfRules) -> Asked:
    """A call as the service takes it. The payment's reference is kept in the note."""
    options: SaidOfRules = {**said}
    if reference is not None:
        noted = {"reference": read_name(reference, what="reference")}
        metadata = said.get("metadata") or {}
        # What is no mapping is refused where all metadata are read.
        options["metadata"] = {**metadata, **noted} if isinstance(metadata, Mapping) else metadata
    told = read_said(desk, str(words[0]), options)
    is_named = said.get("key") is not None
    return Asked(account=read_account(account), said=tuple(words), is_named=is_named, **told)


def say_choice(choice: Choice) -> tuple[object, ...]:
    """What is compared when the key comes again."""
    lasts, paid = choice.lasts, choice.paid
    return (
        choice.plan, choice.every, choice.trial, choice.renews, None if lasts is None else tuple(lasts), choice.ends_at,
        None if paid is None else tuple(paid),
    )  # fmt: skip


def read_plan(name: object) -> str:
    """The name of a plan. Raises `NameInvalid`."""
    return read_name(name, what="plan")


def read_cycle(cycle: str | None) -> int | None:
    """A cadence by its word. Raises `TermInvalid`, which lists them."""
    return None if cycle is None else int(read_choice(cycle, CADENCES, "cycle"))


def read_when(when: str | None) -> str | None:
    """When a change is to happen. Raises `TermInvalid`."""
    if when is not None and when not in WHENS:
        advice = f"choose {' or '.join(WHENS)}"
        raise TermInvalid(what="when", given=show_given(when), problem="is not a choice", advice=advice)
    return when


def read_days(days: object) -> Length:
    """So many days. Raises `TermInvalid`."""
    if type(days) is not int or not 1 <= days <= LONGEST:
        advice = f"write a whole number from 1 to {LONGEST}"
        raise TermInvalid(what="days", given=show_given(days), problem="is no number of days", advice=advice)
    return Length(int(Cadence.DAY), days)


def read_money(desk: Desk, paid: object) -> Money:
    """Minor units and a currency. Raises `AmountInvalid`, `TermInvalid`."""
    read = read_paid(desk, paid)
    return Money(read["cost_minor"], desk.find_text(read["currency"]) or "")

"""Steps of subscriptions, carried out: looked at without a lock, planned purely, sent as one request, and planned again
if something else came first.

A call with a key that was had before is the call of then, whatever has become of the subscription since. What time
alone brought about is written before anything new is (`settle`), by whoever comes first: a caller or a job.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from farthing.documents.scalars import show_money
from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.engine.within import refuse_inside
from farthing.engine.zones import find_zone
from farthing.service.catalogs import Catalogs
from farthing.store.contract import Progress
from farthing.tariff.catalog import Catalog, Money, Plan
from farthing.tariff.errors import CatalogMissing, PlanNotFound
from farthing.tariff.plans import Event, State, find_due, find_state, get_plan, refuse_transition
from farthing.tariff.proration import MoneyLine
from farthing.tariff.provisions import Standing
from farthing.tariff.rows import Choice
from farthing.tariff.steps import Planned, plan_step
from farthing.values.amounts import Unit
from farthing.values.bounds import LARGEST_BATCH, NEVER
from farthing.values.errors import (
    AccountClosed,
    AllowanceExists,
    AllowanceNotFound,
    AmountInvalid,
    BudgetExists,
    BudgetNotFound,
    FarthingError,
    Invalid,
    Refused,
    SubscriptionChanged,
    TermInvalid,
    TimeInvalid,
)
from farthing.values.names import name_number
from farthing.values.requests import UNSAID, About, Note, Request
from farthing.values.standing_requests import Subscribe, Together
from farthing.values.subscriptions import Step, Subscription
from farthing.values.wallets import Account

TRIES: Final = 32
"""How often a step is planned anew because another came first."""

OVERTAKEN: Final = (
    SubscriptionChanged, AllowanceExists, AllowanceNotFound, BudgetExists, BudgetNotFound, TimeInvalid,
)  # fmt: skip
"""What a step may come to if things moved on between looking and deciding. The first says so; of the others a second
look tells."""

ENROL: Final = "farthing:enrol"
"""The key under which an account gets the default plan: once for ever."""

PAGE: Final = LARGEST_BATCH

NOBODY: Final = Subscription(0, 0, "", 0, 1, 0, "", 0, 0, 0, NEVER, NEVER, 0, "", 0, "", 0, 0, 0, NEVER, 0, 0)
"""No step at all: what is asked for with it is refused, unless its key is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call as it came."""

    account: str
    key: str
    said: tuple[object, ...]
    """The caller's own words, by which a call with this key is known again."""
    is_named: bool = False
    """Whether the caller named the key, so that this may be the same call again."""
    about: About = UNSAID
    note: Note | None = None
    effective_at: int | None = None


class Look(NamedTuple):
    """What there is of an account, read without a lock."""

    standing: Standing
    steps: Sequence[Subscription]

    def had(self, plan: str) -> bool:
        """Whether the account ever had a plan by its own choice; falling back to it is none."""
        return any(step.plan == plan and step.step not in (Step.EXPIRED, Step.ENDED) for step in self.steps)


Choose = Callable[[Look], tuple[Event, Choice]]
"""What a call means for an account that stands like this."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A subscription as it stands at an instant, whether or not a job has written what time brought about."""

    account: str
    at: int
    row: Subscription | None
    catalog: Catalog | None
    """By which its plan is read."""
    state: State = field(default=State.NONE)


def change_subscription(engine: Engine, catalogs: Catalogs, asked: Asked, choose: Choose) -> Outcome:
    """Carry out what a call asks for, once. What it means is chosen on what there is at that moment.

    Raises `SubscriptionRefused`, `PlanNotFound`, `AmountInvalid` (paid too little), `TermInvalid`, `TimeInvalid`,
    `CatalogMissing`, `KeyReused`, `AccountClosed` …; `SubscriptionChanged` if others always came first.
    """
    engine.refuse_closed()
    refuse_inside(engine.store, Subscribe(key=asked.key, account=asked.account, expected=0, subscription=NOBODY))
    seen: set[tuple[type[FarthingError], int]] = set()
    for _ in range(TRIES):
        try:
            look = settle(engine, catalogs, asked.account)
            planned = plan_choice(look, *choose(look))
        except (Refused, Invalid, CatalogMissing) as no:
            return find_replay(engine, asked, no)
        try:
            return send(engine, asked, look, planned)
        except OVERTAKEN as overtaken:
            last = look.standing.subscription
            tried = (type(overtaken), last.number if last else 0)
            if not isinstance(overtaken, SubscriptionChanged) and tried in seen:
                raise
            seen.add(tried)
    raise SubscriptionChanged(account=asked.account)


def find_replay(engine: Engine, asked: Asked, no: FarthingError) -> Outcome:
    """What an earlier call with this key came to. Raises what speaks against a new one if there was none."""
    if not asked.is_named:
        raise no
    empty = Subscribe(key="", account=asked.account, expected=-1, subscription=NOBODY)
    try:
        return engine.run(Together(key=asked.key, account=asked.account, said=asked.said, requests=(empty,)))
    except (SubscriptionChanged, AccountClosed):
        raise no from None


def send(engine: Engine, asked: Asked, look: Look, planned: Planned) -> Outcome:
    """Have a planned step decided."""
    for text in planned.names:
        engine.store.intern_name(text)
    return engine.run(bundle(asked, look, planned))


def bundle(asked: Asked, look: Look, planned: Planned) -> Together:
    """A planned step as one request."""
    return Together(
        key=asked.key,
        account=asked.account,
        said=asked.said,
        requests=planned.requests,
        about=asked.about,
        note=asked.note,
        effective_at=asked.effective_at,
        catalog_version=look.standing.version,
    )


def plan_choice(look: Look, event: Event, choice: Choice) -> Planned:
    """The step of a choice, paid for if anything was paid at all."""
    plan = look.standing.catalog.plans.get(choice.plan)
    if choice.plan:
        choice = replace(choice, is_first=not look.had(choice.plan))
    if choice.paid and plan:
        refuse_currency(plan, choice.paid)
    planned = bound_credit(look, plan_step(event, look.standing, choice))
    if choice.paid:
        refuse_too_little(choice.paid, sum_owed(planned.lines, choice.paid.currency))
    return planned


def bound_credit(look: Look, planned: Planned) -> Planned:
    """The same step; for the rest of a period no more is given back than was paid for what has yet to end."""
    paid: Counter[int] = Counter()
    for step in look.steps:
        if step.step in (Step.EXPIRED, Step.ENDED):
            paid.clear()
        elif step.period_ends_at > look.standing.at:
            paid[step.currency] += step.paid_minor
    lines = []
    for line in planned.lines:
        if line.minor < 0:
            currency = name_number(line.currency)
            line = line._replace(minor=-min(-line.minor, paid[currency]))
            paid[currency] += line.minor
        if line.minor or line.kind != "credit":
            lines.append(line)
    return planned._replace(lines=tuple(lines))


def sum_owed(lines: Sequence[MoneyLine], currency: str) -> int:
    """What is to be paid in a currency: nothing is given back in it that was paid in another."""
    return sum(line.minor for line in lines if line.currency == currency)


def refuse_currency(plan: Plan, paid: Money) -> None:
    """Raises `TermInvalid` for a payment in a currency in which a plan has no price."""
    known = [price.money.currency for price in plan.prices]
    if known and paid.currency not in known:
        prices = ", ".join(show_money(price.money, Unit(0, "", 0, 0)) for price in plan.prices)
        problem = "is not the currency of any of its prices"
        raise TermInvalid(what="paid", given=paid.currency, problem=problem, advice=f"{plan.name} costs {prices}")


def refuse_too_little(paid: Money, owed: int) -> None:
    """Raises `AmountInvalid`, naming the price, for a payment of less than it."""
    if paid.minor < owed:
        given, price = (show_money(Money(minor, paid.currency), Unit(0, "", 0, 0)) for minor in (paid.minor, owed))
        advice = "record the whole payment, or leave `paid` out where nothing was paid"
        raise AmountInvalid(what="paid", given=given, problem=f"is less than the {price} that it costs", advice=advice)


def look_at(engine: Engine, catalogs: Catalogs, name: str) -> Look:
    """What there is of an account, by its own clock, or yet to be opened. Raises `CatalogMissing`."""
    published, account = catalogs.get_current(), engine.store.find_account(name)
    units = {unit.name: unit.unit_id for unit in engine.store.units().values()}
    at = engine.clock.now()
    usual = Standing(
        account=name, at=at, zone=published.catalog.zone, zones=find_zone, subscription=None,
        catalog=published.catalog, version=published.version, units=units,
    )  # fmt: skip
    if account is None:
        return Look(usual, ())
    steps = engine.store.list_subscriptions(account)
    last = steps[-1] if steps else None
    at = max(account.clock or at, last.recorded_at if last else 0)
    wallets = engine.read_wallets(name, at)
    by_unit = {wallet.unit.unit_id: wallet for wallet in wallets}
    live = {
        unit: [each for each in wallet.allowances.values() if not each.ended_at] for unit, wallet in by_unit.items()
    }
    budgets = {
        unit: [each for each in wallet.budgets.values() if not each.ended_at] for unit, wallet in by_unit.items()
    }
    standing = replace(
        usual, at=max([at, *[wallet.clock for wallet in wallets]]), zone=find_account_zone(account, published.catalog),
        subscription=last, before=find_before(catalogs, last, published.version), allowances=live, budgets=budgets,
        terms={unit: wallet.terms for unit, wallet in by_unit.items()},
    )  # fmt: skip
    return Look(standing, steps)


def find_account_zone(account: Account, catalog: Catalog) -> str:
    """Where its days end: its own zone, or the catalog's where it was opened without one."""
    return account.zone if account.zone != "UTC" else catalog.zone


def find_before(catalogs: Catalogs, last: Subscription | None, version: int) -> Catalog | None:
    """The catalog under which the last step was made, where that is another than the current one."""
    if last is None or last.catalog_version in (0, version):
        return None
    return catalogs.get(last.catalog_version).catalog


def settle(engine: Engine, catalogs: Catalogs, name: str) -> Look:
    """Write the steps that time alone brought about, oldest first, and look again. Each has a key of its own, so that
    whoever else does the same at the same moment does it once."""
    look = look_at(engine, catalogs, name)
    while due := find_due(look.standing.subscription, look.standing.at):
        write_due(engine, look._replace(standing=read_back(catalogs, look.standing, due)), due)
        look = look_at(engine, catalogs, name)
    return look


def read_back(catalogs: Catalogs, standing: Standing, due: Event) -> Standing:
    """What a step that was due is planned on, so that it comes out the same however late it is written: the catalog by
    which the subscription was made, or for a renewal the one that had been published last when it was due."""
    last = standing.subscription
    if last is None or not last.catalog_version:
        return standing
    published = catalogs.get(last.catalog_version)
    if due == Event.RENEW:
        published = catalogs.find_at(last.acts_at) or published
    before = find_before(catalogs, last, published.version)
    return replace(standing, catalog=published.catalog, version=published.version, before=before)


def write_due(engine: Engine, look: Look, due: Event) -> None:
    """Write one step that was due, as of the instant at which it came about; another one by now does no harm."""
    last = look.standing.subscription
    if last is None:
        return
    planned = plan_step(due, look.standing)
    moment = planned.subscription.period_starts_at if due == Event.RENEW else last.acts_at
    asked = Asked(
        account=look.standing.account,
        key=f"farthing:step:{last.number}",
        said=("step", last.number),
        effective_at=moment,
    )
    try:
        send(engine, asked, look, planned)
    except SubscriptionChanged:
        return


def read_now(engine: Engine, catalogs: Catalogs, name: str, at: int | None = None) -> Reading:
    """A subscription as it stands now, with what time brought about applied in memory and written nowhere.

    Raises `AccountNotFound`.
    """
    account = engine.get_account(name)
    last = engine.store.read_subscription(account)
    published = catalogs.find_current()
    now = account.clock or engine.clock.now() if at is None else at
    if last is None or published is None:
        return Reading(name, now, last, None if published is None else published.catalog)
    return read_step(engine, catalogs, account, last, max(now, last.recorded_at))


def read_step(engine: Engine, catalogs: Catalogs, account: Account, row: Subscription, at: int) -> Reading:
    """A step as it stands at an instant at or after it."""
    published = catalogs.get_current()
    units = {unit.name: unit.unit_id for unit in engine.store.units().values()}
    standing = Standing(
        account=account.key, at=at, zone=find_account_zone(account, published.catalog), zones=find_zone,
        subscription=row, catalog=published.catalog, version=published.version,
        before=find_before(catalogs, row, published.version), units=units,
    )  # fmt: skip
    while due := find_due(row, at):
        row = plan_step(due, read_back(catalogs, standing, due)).subscription
        standing = replace(standing, subscription=row, before=find_before(catalogs, row, published.version))
    catalog = standing.before or published.catalog
    return Reading(account.key, at, row, catalog, find_state(row, at))


def quote_step(engine: Engine, catalogs: Catalogs, name: str, choose: Choose) -> tuple[Event, Planned]:
    """What a call would come to now, and what would have to be paid; nothing is written."""
    look = look_at(engine, catalogs, name)
    standing = look.standing
    while due := find_due(standing.subscription, standing.at):
        standing = replace(standing, subscription=plan_step(due, read_back(catalogs, standing, due)).subscription)
    look = look._replace(standing=standing)
    event, choice = choose(look)
    return event, plan_choice(look, event, choice)


def choose_subscription(choice: Choice) -> Choose:
    """A first plan, or one after the last has ended."""

    def choose(look: Look) -> tuple[Event, Choice]:
        standing = look.standing
        get_plan(standing.catalog, choice.plan)
        state = find_state(standing.subscription, standing.at)
        last = standing.subscription
        is_free = state == State.ACTIVE and last is not None and last.period_ends_at == NEVER
        if state not in (State.NONE, State.EXPIRED) and not (is_free and last and last.plan != choice.plan):
            advice = f"it is {choice.plan} already" if is_free else "change its plan, renew it, or cancel it first"
            raise refuse_transition(standing.account, state, Event.SUBSCRIBE, advice)
        return Event.SUBSCRIBE, choice

    return choose


def choose_change(choice: Choice, when: str | None) -> Choose:
    """Another plan: at once if it ranks as high or higher, else when the period ends, unless the caller says when."""

    def choose(look: Look) -> tuple[Event, Choice]:
        standing = look.standing
        last, plan = standing.subscription, get_plan(standing.catalog, choice.plan)
        state = find_state(last, standing.at)
        if last is None:
            return Event.SUBSCRIBE, choice
        present = standing.catalog.plans.get(last.plan)
        can_wait = state == State.ACTIVE and last.period_ends_at < NEVER
        waits = when == "period_end" or (
            when is None and can_wait and present is not None and plan.rank < present.rank and not choice.paid
        )
        if not waits:
            return Event.UPGRADE, choice
        if choice.paid:
            problem, advice = (
                "goes with a change that waits",
                "leave it out, and renew with the payment when it is made",
            )
            raise TermInvalid(what="paid", given=str(choice.paid.minor), problem=problem, advice=advice)
        return Event.DOWNGRADE, choice

    return choose


def choose_renewal(choice: Choice) -> Choose:
    """Pay for the next period, or for what follows the trial."""

    def choose(look: Look) -> tuple[Event, Choice]:
        standing = look.standing
        last = standing.subscription
        if last is not None and choice.paid:
            name = last.next_plan or last.plan
            plan = standing.catalog.plans.get(name) or (standing.before.plans.get(name) if standing.before else None)
            if plan is not None:
                refuse_currency(plan, choice.paid)
        is_trial = find_state(last, standing.at) == State.TRIALING
        return (Event.CONVERT if is_trial else Event.RENEW), choice

    return choose


def choose_event(event: Event) -> Choose:
    """An event of which there is nothing more to say."""
    return lambda look: (event, Choice())


def enrol(engine: Engine, catalogs: Catalogs, name: str) -> Outcome | None:
    """Give an account that never had a plan the catalog's default one, and open it if need be; None if it has had one,
    or there is no default. Once for ever, whoever else tries."""
    published = catalogs.find_current()
    if published is None or not published.catalog.default_plan:
        return None
    account = engine.store.find_account(name)
    if account is not None and engine.store.read_subscription(account) is not None:
        return None
    return change_subscription(engine, catalogs, ask_enrolment(name), choose_enrolment)


def ask_enrolment(name: str) -> Asked:
    """The call by which an account gets the default plan: the same one whoever makes it."""
    return Asked(account=name, key=ENROL, said=("enrol",), is_named=True)


def choose_enrolment(look: Look) -> tuple[Event, Choice]:
    """The default plan, for whoever has none."""
    name = look.standing.catalog.default_plan
    if not name:
        raise PlanNotFound(plan="(default)", advice="name one in the catalog: default_plan")
    return Event.SUBSCRIBE, Choice(plan=name)


class Enrolled(NamedTuple):
    """What came of some accounts."""

    done: int
    passed_over: Sequence[FarthingError]


def enrol_all(engine: Engine, catalogs: Catalogs, progress: Progress | None = None) -> Iterator[Enrolled]:
    """Give every account without a plan the default one, page after page (mission S8). Raises `PlanNotFound` if the
    catalog has none. What speaks against one account passes the others by; frozen ones get theirs too."""
    if not catalogs.get_current().catalog.default_plan:
        raise PlanNotFound(plan="(default)", advice="name one in the catalog: default_plan")
    after, seen = None, 0
    while page := engine.store.list_accounts(after, PAGE, unsubscribed=True):
        after = page[-1].account_id
        requests: list[Request] = []
        failed: list[FarthingError] = []
        for account in page:
            look = look_at(engine, catalogs, account.key)
            if look.steps:
                continue
            planned = plan_choice(look, *choose_enrolment(look))
            for text in planned.names:
                engine.store.intern_name(text)
            requests.append(bundle(ask_enrolment(account.key), look, planned))
        outcomes = engine.run_many(requests)
        # Whoever was given a plan at the same moment has one: that is all that is wanted.
        failed += [each for each in outcomes if isinstance(each, FarthingError) and not is_overtaken(each)]
        seen += len(page)
        if progress:
            progress(seen, seen)
        yield Enrolled(sum(isinstance(each, Outcome) and not each.replayed for each in outcomes), failed)


def is_overtaken(error: FarthingError) -> bool:
    return isinstance(error, SubscriptionChanged)

"""Budgets: caps on spending per period, by member, feature, model or key (rules 11 and 12), and their counters.

A counter keeps the period in hand only. What was reserved or spent in one that has ended changes nothing any more.
"""

from collections.abc import Iterable, Sequence

from farthing.core import laws
from farthing.core.allowances import find_allowance
from farthing.core.draft import Draft
from farthing.values.amounts import to_decimal
from farthing.values.bounds import MOST_BUDGETS, MOST_PERIODS, NEVER
from farthing.values.calendars import to_instant_or_none
from farthing.values.entries import CHARGES, AlertKind, BudgetField, Effect, Entry, Kind, unpack_effects
from farthing.values.errors import BudgetExceeded, BudgetExists, BudgetNotFound, TermInvalid, TooManyRules
from farthing.values.names import name_number
from farthing.values.periods import Rhythm, find_calendar_anchor, find_period
from farthing.values.requests import About
from farthing.values.standing_requests import ChangeBudget, EndBudget, NamesBudget, SetBudget
from farthing.values.wallets import Budget, Counter, Hold, NeedsMore, Subject, Wallet

STARTED, ENDS = int(Effect.COUNTER_STARTED), int(Effect.COUNTER_ENDS)
SPENT, RESERVED = int(Effect.COUNTER_SPENT), int(Effect.COUNTER_RESERVED)


Claim = tuple[Budget, Counter]
"""A budget that work counts under, and what it has counted in the period in hand."""


def list_claims(draft: Draft, feature: int, about: About) -> Sequence[Claim]:
    """The live budgets that count this work. Work that says no member is not counted by a budget for each member."""
    member, model, api_key = about.member or 0, about.model or 0, about.api_key or 0
    said = (0, member, feature, model, api_key)
    return [
        (budget, find_counter(draft, budget, said[budget.per]))
        for budget in draft.wallet.budgets.values()
        if not budget.ended_at
        and (not budget.member or budget.member == member)
        and (not budget.feature or budget.feature == feature)
        and (not budget.model or budget.model == model)
        and (not budget.api_key or budget.api_key == api_key)
        and (not budget.per or said[budget.per])
    ]


def find_counter(draft: Draft, budget: Budget, subject: int) -> Counter:
    """What a budget has counted in the period in hand; a new period begins at zero."""
    counter, t = draft.wallet.counters.get((budget.number, subject)), draft.t
    if counter is not None and t < counter.ends_at:
        return counter
    starts_at, ends_at = 0, NEVER
    if budget.every:
        rhythm = Rhythm(budget.every, budget.count, budget.anchor, budget.zone)
        _, starts_at, ends_at = find_period(rhythm, t, draft.zones)
    return Counter(budget.number, subject, starts_at, ends_at, 0, 0)


def limit(draft: Draft, claims: Iterable[Claim], amount: int, *, is_strict: bool) -> int:
    """What new work may take under hard budgets: all of it, or, unless it must be strict, as much as fits."""
    room, tightest = amount, None
    for claim in claims:
        budget, counter = claim
        left = budget.most - counter.spent - counter.reserved
        if left < room and budget.is_hard:
            room, tightest = max(0, left), claim
    if tightest is not None and is_strict and amount:
        refuse_spent(draft.wallet, tightest, amount, room)
    return room


def refuse_spent(wallet: Wallet, claim: Claim, needed: int, left: int) -> None:
    """The refusal that names the budget, what it leaves, and when its next period begins."""
    unit, (budget, counter) = wallet.unit, claim
    raise BudgetExceeded(
        account=wallet.account.key, unit=unit.name, budget=budget.name,
        subject=Subject(budget.per).name.lower().replace("_", " ") if budget.per else None,
        needed=to_decimal(needed, unit), left=to_decimal(left, unit), most=to_decimal(budget.most, unit),
        spent=to_decimal(counter.spent, unit), reserved=to_decimal(counter.reserved, unit),
        resets_at=to_instant_or_none(counter.ends_at),
    )  # fmt: skip


def spend(draft: Draft, claims: Iterable[Claim], amount: int) -> None:
    """Count a charge. Its entry is the next to be written."""
    for budget, counter in claims if amount else ():
        change(draft, budget, counter, spent=amount)


def reserve(draft: Draft, claims: Sequence[Claim], amount: int) -> tuple[tuple[int, int, int], ...]:
    """Count a hold; returns what the hold is to remember. One of nothing too: what it settles at counts there."""
    for budget, counter in claims:
        change(draft, budget, counter, reserved=amount)
    return tuple([(budget.number, counter.subject, counter.starts_at) for budget, counter in claims])


def settle(draft: Draft, hold: Hold, freed: int, spent: int) -> None:
    """Count what a hold came to, in the period in which it was placed (rule 12). Of one that has ended nothing is kept,
    so there a settle neither frees nor takes."""
    for number, subject, starts_at in hold.reserves:
        budget = find_counting(draft.wallet, number)
        if budget is None:
            continue
        counter = get_counter(draft, number, subject)
        if counter.starts_at == starts_at:
            # Of a period that is over nothing is counted, or a refund would give it back to the next.
            is_over = draft.t >= counter.ends_at
            change(draft, budget, counter, reserved=-freed, spent=0 if is_over else spent)


def give_back(draft: Draft, unit_id: int, past: Iterable[Entry], amount: int) -> None:
    """A refund gives the budget back what its charge counted there, while that period lasts."""
    counted: dict[tuple[int, int], int] = {}
    wallet = draft.wallet
    for entry in past:
        if entry.unit_id != unit_id or entry.kind not in (*CHARGES, Kind.REFUNDED):
            continue
        for effect, number, subject, value in unpack_effects(entry.effects):
            if effect == SPENT and find_counting(wallet, number) is not None:
                counter = get_counter(draft, number, subject)
                if counter.starts_at <= entry.recorded_at:
                    counted[number, subject] = counted.get((number, subject), 0) + value
    for (number, subject), spent in counted.items():
        back = min(amount, spent)
        if back > 0:
            change(draft, wallet.budgets[number], get_counter(draft, number, subject), spent=-back)


def find_counting(wallet: Wallet, number: int) -> Budget | None:
    """A budget that counts still."""
    budget = wallet.budgets.get(number)
    return None if budget is None or budget.ended_at else budget


def get_counter(draft: Draft, number: int, subject: int) -> Counter:
    """A counter that must be loaded by now."""
    counter = draft.wallet.counters.get((number, subject))
    if counter is None:
        if not draft.wallet.whole:
            raise NeedsMore(draft.wallet.unit.unit_id)
        raise laws.break_law(draft.wallet, "rows_equal_the_fold", f"the counter of budget {number} is missing")
    return counter


def change(draft: Draft, budget: Budget, counter: Counter, *, spent: int = 0, reserved: int = 0) -> None:
    """Move a counter, with the effects that say so; a budget that this spends tells of it."""
    number, subject, starts_at, ends_at, had_spent, had_reserved = counter
    stored, effects = draft.wallet.counters.get((number, subject)), draft.effects
    if stored is not counter and (stored is None or stored.starts_at != starts_at or stored.ends_at != ends_at):
        effects += ((STARTED, number, subject, starts_at), (ENDS, number, subject, ends_at))
    if reserved:
        effects.append((RESERVED, number, subject, reserved))
    if spent:
        effects.append((SPENT, number, subject, spent))
    total = had_spent + spent
    draft.put_counter(Counter(number, subject, starts_at, ends_at, total, had_reserved + reserved))
    if counter.spent < budget.most <= total:
        draft.fired = (*draft.fired, (int(AlertKind.BUDGET), number, total))


def set_budget(draft: Draft, request: SetBudget) -> None:
    """Begin to count and cap."""
    wallet = draft.wallet
    live = [budget for budget in wallet.budgets.values() if not budget.ended_at]
    if any(budget.name == request.name for budget in live):
        raise BudgetExists(account=wallet.account.key, unit=wallet.unit.name, budget=request.name)
    if len(live) >= MOST_BUDGETS:
        raise TooManyRules(account=wallet.account.key, unit=wallet.unit.name, what="budgets", most=MOST_BUDGETS)
    if not 1 <= request.count <= MOST_PERIODS:
        advice = f"choose 1 to {MOST_PERIODS}"
        raise TermInvalid(what="count", given=str(request.count), problem="makes no sense here", advice=advice)
    rhythm = find_rhythm(draft, request)
    budget = Budget(
        draft.next_number, request.name, request.most, int(request.is_hard), request.per, request.member,
        request.feature, request.model, request.api_key, *rhythm, 0,
    )  # fmt: skip
    for name, value in budget._asdict().items():
        said = name_number(value) if isinstance(value, str) else value
        if said and name != "number":
            draft.effects.append((int(Effect.BUDGET_SET), budget.number, int(BudgetField[name.upper()]), said))
    draft.put_budget(budget)
    wallet.budgeted += 1
    draft.write(Kind.BUDGETED, budget.most, of_number=budget.number, feature=budget.feature)


def find_rhythm(draft: Draft, request: SetBudget) -> Rhythm:
    """How the budget's periods recur: as an allowance's, by the calendar, from an instant, or not at all."""
    zone = request.zone or draft.wallet.account.zone
    if request.cycle:
        allowance = find_allowance(draft.wallet, request.cycle)
        return Rhythm(allowance.every, allowance.count, allowance.anchor, allowance.zone)
    if not request.every:
        return Rhythm(0, 1, 0, zone)
    anchor = request.anchor
    if anchor is None:
        anchor = find_calendar_anchor(request.every, zone, draft.zones)
    return Rhythm(request.every, request.count, anchor, zone)


def change_budget(draft: Draft, request: ChangeBudget) -> None:
    """Another cap, or hardness, from now on."""
    budget = find_budget(draft.wallet, request)
    most = budget.most if request.most is None else request.most
    is_hard = budget.is_hard if request.is_hard is None else int(request.is_hard)
    draft.effects.append((int(Effect.BUDGET_SET), budget.number, int(BudgetField.MOST), most))
    draft.effects.append((int(Effect.BUDGET_SET), budget.number, int(BudgetField.IS_HARD), is_hard))
    draft.put_budget(budget._replace(most=most, is_hard=is_hard))
    draft.write(Kind.BUDGET_CHANGED, most, of_number=budget.number)


def end_budget(draft: Draft, request: EndBudget) -> None:
    """Count no more."""
    budget = find_budget(draft.wallet, request)
    draft.effects.append((int(Effect.BUDGET_SET), budget.number, int(BudgetField.ENDED_AT), draft.t))
    draft.put_budget(budget._replace(ended_at=draft.t))
    draft.wallet.budgeted -= 1
    draft.write(Kind.BUDGET_ENDED, 0, of_number=budget.number)


def find_budget(wallet: Wallet, request: NamesBudget) -> Budget:
    """The live budget of that name. Budgets are always loaded, all of them."""
    for budget in wallet.budgets.values():
        if budget.name == request.name and not budget.ended_at:
            return budget
    raise BudgetNotFound(account=wallet.account.key, unit=wallet.unit.name, budget=request.name)

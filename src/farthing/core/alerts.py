"""Alerts and automatic top-ups: what a decision's end comes to, judged once for each wallet (rules 29 and 30)."""

from farthing.core.draft import Draft
from farthing.values.bounds import LARGEST_AMOUNT, LONGEST_BACK_OFF
from farthing.values.entries import AlertKind, Effect, Kind
from farthing.values.periods import Cadence, Rhythm, find_calendar_anchor, find_period
from farthing.values.standing_requests import DeclineTopUp
from farthing.values.wallets import AccountState, TopUp


def judge(draft: Draft) -> None:
    """Write what is to be told of a decision that wrote something in this wallet, and whether to buy more."""
    if not draft.entries:
        return
    tell_of_balance(draft)
    if draft.fired:
        draft.effects.extend((int(Effect.ALERT_FIRED), *alert) for alert in draft.fired)
        draft.write(Kind.ALERTED, 0)
    if draft.wallet.terms.top_up.is_on:
        want_top_up(draft)


def tell_of_balance(draft: Draft) -> None:
    """Thresholds that the balance, without overdraft and holds not counted as spent, came down to: highest first."""
    before, after = draft.origin.balance, draft.wallet.balance
    for threshold in draft.wallet.terms.alerts:
        if before > threshold >= after:
            kind = AlertKind.LOW
            if threshold <= 0:
                has_expired = any(entry.kind == Kind.EXPIRED and entry.amount for entry in draft.entries)
                kind = AlertKind.EXPIRED if has_expired else AlertKind.DEPLETED
            draft.fired = (*draft.fired, (int(kind), threshold, after))


def want_top_up(draft: Draft) -> None:
    """Ask for a purchase if there is too little, and neither one under way, a cap nor a decline forbids it. One that
    came in this very decision counts as under way: what it left wanting waits for the next. A closed account buys
    nothing."""
    wallet, rule = draft.wallet, draft.wallet.terms.top_up
    available = wallet.free - wallet.scoped - wallet.debt - wallet.bare
    if rule.in_flight or draft.origin.terms.top_up.in_flight or wallet.account.state == AccountState.CLOSED:
        return
    if available > rule.threshold or draft.t < rule.waits_until:
        return
    rule = begin_days(draft, rule)
    amount = min(find_purchase(rule, available), LARGEST_AMOUNT)
    caps = ((rule.most_per_day, rule.bought_in_day), (rule.most_per_month, rule.bought_in_month))
    if amount <= 0 or any(most and bought + amount > most for most, bought in caps):
        return
    wanted = rule._replace(
        in_flight=draft.next_number,
        wanted=amount,
        bought_in_day=min(rule.bought_in_day + amount, LARGEST_AMOUNT),
        bought_in_month=min(rule.bought_in_month + amount, LARGEST_AMOUNT),
    )
    set_top_up(draft, wanted)
    draft.write(Kind.TOP_UP_WANTED, amount)


def find_purchase(rule: TopUp, available: int) -> int:
    """How much to buy: up to the target, or as many times the quantity as lead above the threshold, or it once."""
    if rule.target:
        amount = rule.target - available
    elif rule.whole_gap and rule.quantity:
        amount = ((rule.threshold - available) // rule.quantity + 1) * rule.quantity
    else:
        amount = rule.quantity
    return max(amount, rule.least)


def begin_days(draft: Draft, rule: TopUp) -> TopUp:
    """The rule with what was bought today and this month, by the account's calendar."""
    zone = draft.wallet.account.zone
    starts = []
    for cadence in (Cadence.DAY, Cadence.MONTH):
        anchor = find_calendar_anchor(cadence, zone, draft.zones)
        starts.append(find_period(Rhythm(cadence, 1, anchor, zone), draft.t, draft.zones)[1])
    day, month = starts
    return rule._replace(
        day_starts_at=day,
        bought_in_day=rule.bought_in_day if rule.day_starts_at == day else 0,
        month_starts_at=month,
        bought_in_month=rule.bought_in_month if rule.month_starts_at == month else 0,
    )


def set_top_up(draft: Draft, rule: TopUp) -> None:
    """The new state of the rule, with effects for the fields that changed."""
    terms = draft.wallet.terms
    for place, (old, new) in enumerate(zip(terms.top_up, rule, strict=True), 1):
        if old != new:
            draft.effects.append((int(Effect.TOP_UP_SET), 0, place, new))
    draft.wallet.terms = terms._replace(top_up=rule)


def finish_top_up(draft: Draft, number: int) -> None:
    """The purchase has come: the next may follow. Its entry is the next to be written."""
    rule = draft.wallet.terms.top_up
    if number and rule.in_flight == number:
        set_top_up(draft, rule._replace(in_flight=0, wanted=0, declined=0, waits_until=0))


def decline_top_up(draft: Draft, request: DeclineTopUp) -> None:
    """The purchase came to nothing: wait, twice as long each time. What it would have bought is not counted."""
    rule = draft.wallet.terms.top_up
    if rule.in_flight and rule.in_flight == request.top_up:
        wait = min(rule.back_off << min(rule.declined, 32), LONGEST_BACK_OFF)
        declined = rule._replace(
            in_flight=0,
            wanted=0,
            declined=rule.declined + 1,
            waits_until=draft.t + wait,
            bought_in_day=max(0, rule.bought_in_day - rule.wanted),
            bought_in_month=max(0, rule.bought_in_month - rule.wanted),
        )
        set_top_up(draft, declined)
    draft.write(Kind.TOP_UP_DECLINED, 0, of_number=request.top_up)

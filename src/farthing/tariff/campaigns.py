"""Who may have what a campaign gives: its rule, on facts that somebody else has looked up.

What holds among many who ask at once (how often a code, how often an account) is decided where they meet, in the store;
here it is only said early. To add a rule: its line in `documents/checks.py`, `RULES`, its case in `find_obstacle`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hmac import compare_digest
from itertools import pairwise

from farthing.tariff.catalog import Campaign, Catalog
from farthing.tariff.errors import CampaignNotFound, CampaignRefused, CodeNotFound
from farthing.tariff.plans import State, find_plan, find_state
from farthing.tariff.wording import show_parts
from farthing.values.calendars import to_instant
from farthing.values.errors import AlreadyRedeemed
from farthing.values.periods import Cadence, Rhythm, Zones, find_index
from farthing.values.subscriptions import Subscription

REFERRAL = "referral"
CODE = "code"
LONGEST_CODE = 64
NEWCOMERS = frozenset({"signup", REFERRAL})
"""Rules for those who came while the campaign held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an account when it asks."""

    account: str
    at: int
    """By its own clock, where that stands still."""
    opened_at: int | None = None
    """None for one that is opened with what it gets."""
    plan: str = ""
    """The plan in force; empty for none, and while it is past due."""
    months: int = 0
    """How long it has had a subscription that counts for the campaign."""
    spent: int = 0
    """In all, less what was refunded, in smallest parts of the campaign's unit."""
    claimed: int = 0
    """How often it had this campaign."""
    referrer: str = ""
    """Who is said to have brought it."""


def refuse_unless(catalog: Catalog, campaign: Campaign, facts: Facts) -> None:
    """Raises `AlreadyRedeemed`, and `CampaignRefused` where the rule does not hold, with the reason."""
    if facts.claimed >= campaign.per_account:
        raise AlreadyRedeemed(account=facts.account, campaign=campaign.name, most=campaign.per_account)
    problem = find_obstacle(catalog, campaign, facts)
    if problem:
        raise CampaignRefused(account=facts.account, campaign=campaign.name, problem=problem)


def find_obstacle(catalog: Catalog, campaign: Campaign, facts: Facts) -> str:
    """Why an account cannot have it now; empty if it can."""
    if facts.at < campaign.starts_at:
        return f"it begins on {show_instant(campaign.starts_at)}"
    if campaign.ends_at and facts.at >= campaign.ends_at:
        return f"it ended on {show_instant(campaign.ends_at)}"
    if facts.referrer == facts.account:
        return "nobody can refer themselves"
    if campaign.rule in NEWCOMERS and facts.opened_at is not None and facts.opened_at < campaign.starts_at:
        return f"it is for accounts opened since {show_instant(campaign.starts_at)}"
    if campaign.plans and facts.plan not in campaign.plans:
        return f"it is for subscribers of {join_choices(campaign.plans)}"
    if campaign.rule == "beta" and facts.account not in campaign.accounts:
        return "it is for those who were invited"
    if campaign.rule == "loyalty" and not is_loyal(campaign, facts):
        return f"it is for those who have {describe_loyalty(catalog, campaign)}"
    return ""


def is_loyal(campaign: Campaign, facts: Facts) -> bool:
    """Whether an account was there for so long, or has spent so much."""
    is_long = bool(campaign.months) and facts.months >= campaign.months
    return is_long or (bool(campaign.spent) and facts.spent >= campaign.spent)


def describe_loyalty(catalog: Catalog, campaign: Campaign) -> str:
    """been subscribed for 6 months, or spent 1,000 credits."""
    said = []
    if campaign.months:
        said.append(f"been subscribed for {campaign.months} {'month' if campaign.months == 1 else 'months'}")
    if campaign.spent:
        said.append(f"spent {show_parts(campaign.spent, catalog.units[campaign.unit])}")
    return ", or ".join(said)


def join_choices(names: Sequence[str]) -> str:
    """basic, or basic or pro."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def show_instant(at: int) -> str:
    """21 November 2026 10:04 UTC."""
    moment = to_instant(at)
    return f"{moment.day} {moment:%B %Y %H:%M} UTC"


def find_standing_plan(catalog: Catalog, subscription: Subscription | None, at: int) -> str:
    """The plan that an account enjoys: whoever never subscribed has the default one from the first use on, and a plan
    that is past due is none."""
    state = find_state(subscription, at)
    if state == State.NONE:
        return catalog.default_plan
    return "" if state == State.PAST_DUE else find_plan(subscription, at)


def count_months(
    catalog: Catalog, campaign: Campaign, steps: Sequence[Subscription], at: int, zone: str, zones: Zones
) -> int:
    """Whole months, all stretches taken together, in which an account had a subscription: to one of the campaign's
    plans if it names any, else to any but the catalog's default plan. Time past due counts for nothing."""
    first_start, loyal = at, 0
    for place, step in enumerate(steps):
        start = step.recorded_at if place else min(step.recorded_at, step.starts_at)
        end = min(steps[place + 1].recorded_at if place + 1 < len(steps) else at, at)
        turns = [turn for turn in (step.period_ends_at, step.ends_at) if start < turn < end]
        for first, last in pairwise(sorted({start, end, *turns})):
            if counts_as_loyal(catalog, campaign.plans, step, first):
                first_start = min(first_start, first)
                loyal += last - first
    return find_index(Rhythm(Cadence.MONTH, 1, first_start, zone), first_start + loyal, zones)


def counts_as_loyal(catalog: Catalog, plans: Collection[str], step: Subscription, at: int) -> bool:
    """Whether what a step says of an instant is a subscription that counts."""
    plan = find_standing_plan(catalog, step, at)
    return plan in plans if plans else plan not in ("", catalog.default_plan)


def spell_code(code: str) -> str:
    """A code as it is compared and remembered: without blanks, in capitals."""
    return "".join(code.split()).upper()


def find_code(catalog: Catalog, code: str) -> Campaign:
    """The campaign that a code belongs to. Raises `CodeNotFound`. It takes as long for a code that is nearly right as
    for one that is not."""
    wanted, found = pad_code(code), None
    for campaign in catalog.campaigns.values():
        for each in campaign.codes:
            if compare_digest(pad_code(each), wanted):
                found = campaign
    if found is None:
        raise CodeNotFound(redeemed=spell_code(code))
    return found


def pad_code(code: str) -> bytes:
    """A code made as long as the longest with blanks, which none has: comparing stops at once where lengths differ."""
    return spell_code(code).encode().ljust(LONGEST_CODE)


def get_campaign(catalog: Catalog, name: str) -> Campaign:
    """A campaign by its name. Raises `CampaignNotFound`, which names the nearest, or those there are."""
    campaign = catalog.campaigns.get(name)
    if campaign is None:
        near = get_close_matches(name, catalog.campaigns, n=1, cutoff=0.5)
        known = f"there is {', '.join(catalog.campaigns)}" if catalog.campaigns else "it has none"
        raise CampaignNotFound(campaign=name, advice=f"did you mean {near[0]}?" if near else known)
    return campaign


def choose_referral(catalog: Catalog, account: str, name: str | None) -> Campaign:
    """The campaign for which somebody refers somebody: the one that is named, else the only one that there is.

    Raises `CampaignNotFound`, and `CampaignRefused` for one with another rule.
    """
    if name is not None:
        campaign = get_campaign(catalog, name)
        if campaign.rule != REFERRAL:
            problem = f"its rule is {campaign.rule}, not {REFERRAL}"
            raise CampaignRefused(account=account, campaign=campaign.name, problem=problem)
        return campaign
    known = [each for each in catalog.campaigns.values() if each.rule == REFERRAL]
    if len(known) != 1:
        names = ", ".join(each.name for each in known)
        advice = f"name one of {names}" if names else "it has none for referrals"
        raise CampaignNotFound(campaign="for referrals", advice=advice)
    return known[0]


def get_reward(catalog: Catalog, account: str, name: str) -> Campaign:
    """A campaign that is had without a code and without somebody else. Raises `CampaignNotFound`, and `CampaignRefused`
    for one that is had otherwise."""
    campaign = get_campaign(catalog, name)
    ways = {CODE: "it is had by redeeming a code", REFERRAL: "it is had by being referred"}
    if campaign.rule in ways:
        raise CampaignRefused(account=account, campaign=name, problem=ways[campaign.rule])
    return campaign

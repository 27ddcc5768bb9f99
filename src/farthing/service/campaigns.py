"""Credits by rule: what a campaign gives is claimed first, in one step with its limits, and then granted.

A claim stays for ever and carries all that its grant needs, and the grant's key names the claim. So whoever dies in
between leaves a promise, which the same call or the job `finish_campaigns` keeps, once. Nobody has a campaign twice.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.engine.within import refuse_inside
from farthing.engine.zones import find_zone
from farthing.service.catalogs import Catalogs
from farthing.service.subscriptions import enrol
from farthing.store.contract import Claim, NewClaim, Store
from farthing.store.faults import OutcomeUnknown
from farthing.tariff.campaigns import (
    Facts,
    choose_referral,
    count_months,
    find_code,
    find_standing_plan,
    get_reward,
    refuse_unless,
    spell_code,
)
from farthing.tariff.catalog import Campaign, Catalog
from farthing.tariff.plans import move_by
from farthing.values.bounds import MICROSECONDS, NEVER
from farthing.values.calendars import to_instant
from farthing.values.errors import AccountClosed, AccountNotFound, KeyReused, LawBroken, Refused, TimeInvalid
from farthing.values.requests import UNSAID, About, Grant, Import, Note, Open, Place
from farthing.values.wallets import Account, AccountState

REDEEM: Final = "redeem"
REWARD: Final = "reward"
REFER: Final = "refer"
BROUGHT: Final = "refer-by"
"""Verbs with which claims' keys begin: they say where a grant comes from, when nobody remembers the call."""

SOURCES: Final = {REFER: "referral", BROUGHT: "referral"}
"""Sources of grants by those verbs; all others are promotions."""

OWN: Final = "own"
REFERRER: Final = "referrer"

PATIENCE: Final = 60 * MICROSECONDS
"""For so long a claim is left to whoever made it, before the job takes it up."""


class Asked(NamedTuple):
    """A call as it came: whose, under which key, by whom."""

    verb: str
    account: str
    key: str
    is_named: bool
    """Whether the caller named the key, so that this may be the same call again."""
    actor: int | None = None
    referrer: str = ""
    """Who is said to have brought the account."""


class Found(NamedTuple):
    """What is looked up before anything is decided, for every account and code alike."""

    account: Account | None
    at: int
    plan: str
    claims: Sequence[Claim]


def redeem_code(engine: Engine, catalogs: Catalogs, asked: Asked, code: str) -> Outcome:
    """Give what a code promises, once for each account, or as often as its campaign says.

    Raises `CodeNotFound`, `CodeSpent`, `AlreadyRedeemed`, `CampaignRefused`, `KeyReused`, `AccountClosed`.
    """
    catalog = catalogs.get_current().catalog
    found = look_up(engine, catalog, asked)
    known = find_known(found.claims, asked)
    if known is not None:
        refuse_other(asked, known, "its code", known.code, spell_code(code))
        return keep_for(engine, catalogs, asked, known)
    campaign = find_code(catalog, code)
    new = plan_claim(engine, catalog, campaign, asked, found, spell_code(code))
    return keep_for(engine, catalogs, asked, claim_all(engine, asked, [new])[0])


def give_reward(engine: Engine, catalogs: Catalogs, asked: Asked, name: str) -> Outcome:
    """Give what a campaign promises to whoever signed up, has a plan, is loyal or was invited; once.

    Raises `CampaignNotFound`, `CampaignRefused`, `AlreadyRedeemed`, `KeyReused`, `AccountClosed`.
    """
    catalog = catalogs.get_current().catalog
    found = look_up(engine, catalog, asked)
    known = find_known(found.claims, asked)
    if known is not None:
        refuse_other(asked, known, "its campaign", known.campaign, name)
        return keep_for(engine, catalogs, asked, known)
    campaign = get_reward(catalog, asked.account, name)
    new = plan_claim(engine, catalog, campaign, asked, found)
    return keep_for(engine, catalogs, asked, claim_all(engine, asked, [new])[0])


def refer_newcomer(
    engine: Engine, catalogs: Catalogs, asked: Asked, name: str | None
) -> tuple[Outcome, Outcome | None]:
    """Give a newcomer, once, and whoever brought it, once for each newcomer, what a campaign promises them. Both are
    claimed in one step. The second is None if there is nothing for the referrer, or its account takes nothing now.

    Raises `AccountNotFound` (the referrer), `CampaignNotFound`, `CampaignRefused`, `AlreadyRedeemed`, `KeyReused`,
    `AccountClosed`.
    """
    catalog = catalogs.get_current().catalog
    found = look_up(engine, catalog, asked)
    brought = asked._replace(verb=BROUGHT)
    known = find_known(found.claims, asked)
    if known is not None:
        refuse_other(asked, known, "its campaign", known.campaign, known.campaign if name is None else name)
        claims = [known, *[each for each in engine.store.list_claims(asked.referrer) if each.key == make_key(brought)]]
    else:
        campaign = choose_referral(catalog, asked.account, name)
        claims = claim_all(engine, asked, plan_referral(engine, catalog, campaign, asked, found))
    outcome = keep_for(engine, catalogs, asked, claims[0])
    return outcome, keep_for_referrer(engine, catalogs, asked, claims[1]) if len(claims) > 1 else None


def plan_referral(engine: Engine, catalog: Catalog, campaign: Campaign, asked: Asked, found: Found) -> list[NewClaim]:
    """The claims of both sides. Of the referrer no more is asked than that it is there: it may bring many."""
    new = plan_claim(engine, catalog, campaign, asked, found)
    account = engine.store.find_account(asked.referrer)
    if account is None:
        raise AccountNotFound(account=asked.referrer)
    refuse_closed(account)
    if not campaign.referrer_amount:
        return [new]
    at = account.clock or engine.clock.now()
    other = new._replace(
        role=REFERRER, account=account.key, most_per_account=None, amount=campaign.referrer_amount,
        expires_at=find_end(campaign, at, account.zone), key=make_key(asked._replace(verb=BROUGHT)),
    )  # fmt: skip
    return [new, other]


def look_up(engine: Engine, catalog: Catalog, asked: Asked) -> Found:
    """What there is of an account, which may have to be opened yet."""
    engine.refuse_closed()
    refuse_inside(engine.store, Grant(key=asked.key, account=asked.account, amounts=()))
    account = engine.store.find_account(asked.account)
    claims = engine.store.list_claims(asked.account)
    if account is None:
        return Found(None, engine.clock.now(), catalog.default_plan, claims)
    at = account.clock or engine.clock.now()
    plan = find_standing_plan(catalog, engine.store.read_subscription(account), at)
    return Found(account, at, plan, claims)


def plan_claim(
    engine: Engine, catalog: Catalog, campaign: Campaign, asked: Asked, found: Found, code: str = ""
) -> NewClaim:
    """What an account is to get, if the rule allows it.

    Raises `CampaignRefused`, `AlreadyRedeemed`, `AccountClosed`.
    """
    refuse_closed(found.account)
    refuse_unless(catalog, campaign, read_facts(engine, catalog, campaign, asked, found))
    zone = "UTC" if found.account is None else found.account.zone
    return NewClaim(
        campaign=campaign.name,
        role=OWN,
        code=code,
        account=asked.account,
        most_of_code=campaign.most if code else None,
        most_per_account=campaign.per_account,
        unit_id=engine.store.units()[campaign.unit].unit_id,
        amount=campaign.amount,
        expires_at=find_end(campaign, found.at, zone),
        features=campaign.features,
        key=make_key(asked),
    )


def read_facts(engine: Engine, catalog: Catalog, campaign: Campaign, asked: Asked, found: Found) -> Facts:
    """What the rule is judged by; what only one rule asks for is read for that rule only."""
    account, store = found.account, engine.store
    opening = None if account is None else store.read_entry(Place(account.shard, account.account_id, 0, 1))
    months = spent = 0
    if account is not None and campaign.months:
        steps = store.list_subscriptions(account)
        months = count_months(catalog, campaign, steps, found.at, account.zone, find_zone)
    if account is not None and campaign.spent:
        wallet = engine.read_wallet(asked.account, store.units()[campaign.unit])
        spent = wallet.spent - wallet.refunded
    return Facts(
        account=asked.account,
        at=found.at,
        opened_at=None if opening is None else opening.recorded_at,
        plan=found.plan,
        months=months,
        spent=spent,
        claimed=sum((each.campaign, each.role) == (campaign.name, OWN) for each in found.claims),
        referrer=asked.referrer,
    )


def find_end(campaign: Campaign, at: int, zone: str) -> int:
    """Until when the credits live that somebody gets at an instant."""
    return NEVER if campaign.lasts is None else move_by(campaign.lasts, at, zone, find_zone)


def refuse_closed(account: Account | None) -> None:
    """Raises `AccountClosed` before anything is promised that could not be kept."""
    if account is not None and account.state == AccountState.CLOSED:
        raise AccountClosed(account=account.key, asked=Grant.asked)


def make_key(asked: Asked) -> str:
    """The key of a claim: the verb, whose call it is under which key, and who referred it."""
    return f"{asked.verb}:{digest([asked.account, asked.key])}:{digest([asked.referrer]) if asked.referrer else ''}"


def digest(said: Sequence[str]) -> str:
    """Words as a key can hold them. Callers' keys belong to an account, those of claims to a book."""
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=16, person=b"farthing-claims").hexdigest()


def find_known(claims: Sequence[Claim], asked: Asked) -> Claim | None:
    """The claim that this call made when it came before. Raises `KeyReused` if another one came under its key."""
    if not asked.is_named:
        return None
    wanted = make_key(asked).split(":")
    for claim in claims:
        known = claim.key.split(":")
        if known[1:2] == wanted[1:2] and claim.role == OWN:
            refuse_other(asked, claim, "what was asked", known[0], wanted[0])
            refuse_other(asked, claim, "who referred it", known[-1], wanted[-1])
            return claim
    return None


def refuse_other(asked: Asked, claim: Claim, differs_in: str, known: str, wanted: str) -> None:
    """Raises `KeyReused` if a claim under the call's key is not what the call asks for."""
    if known != wanted:
        raise KeyReused(key=asked.key, first_seen_at=to_instant(claim.made_at), differs_in=differs_in)


def claim_all(engine: Engine, asked: Asked, wanted: Sequence[NewClaim]) -> list[Claim]:
    """Make the claims of a call, all or none. Raises `CodeSpent`, `AlreadyRedeemed`; and `KeyReused`, where another
    call with its key came at the same moment."""
    claims = engine.store.claim(wanted, engine.clock.now())
    for new, claim in zip(wanted, claims, strict=True):
        refuse_other(asked, claim, "its campaign", claim.campaign, new.campaign)
        refuse_other(asked, claim, "its code", claim.code, new.code)
    return claims


def keep_for(engine: Engine, catalogs: Catalogs, asked: Asked, claim: Claim) -> Outcome:
    """Keep a promise to whoever waits for it, who knows the call by its own key."""
    about = UNSAID if asked.actor is None else About(actor=asked.actor)
    try:
        outcome = keep_promise(engine, catalogs, claim, about)
    except OutcomeUnknown as unknown:
        raise OutcomeUnknown(key=asked.key, cause=unknown.cause) from unknown
    return outcome._replace(key=asked.key)


def keep_for_referrer(engine: Engine, catalogs: Catalogs, asked: Asked, claim: Claim) -> Outcome | None:
    """The same for who is not there to hear of a refusal, while the newcomer has got its own: the job tries again."""
    try:
        return keep_for(engine, catalogs, asked, claim)
    except (Refused, LawBroken):
        return None


def keep_promise(engine: Engine, catalogs: Catalogs, claim: Claim, about: About = UNSAID) -> Outcome:
    """Grant what was claimed, and say so; what was granted before is replayed. A claim of nothing opens the account.

    An account that is not there yet has the default plan first: so if somebody dies here, it is not left without.
    Raises what may come of any request. `AccountClosed` ends the claim: nobody can be given anything any more.
    """
    if engine.store.find_account(claim.account) is None:
        enrol(engine, catalogs, claim.account)
    try:
        if not claim.amount:
            outcome = engine.run(Open(key=name_grant(claim), account=claim.account, about=about))
        else:
            outcome = grant_claim(engine, claim, about)
    except AccountClosed:
        engine.store.finish_claim(claim.claim_id, engine.clock.now())
        raise
    if not claim.finished_at:
        engine.store.finish_claim(claim.claim_id, engine.clock.now())
    return outcome


def grant_claim(engine: Engine, claim: Claim, about: About) -> Outcome:
    """Grant it. Credits that have ended before anybody granted them are written down as such (rule 4)."""
    request = build_grant(engine.store, claim, about, Grant)
    try:
        return engine.run(request)
    except TimeInvalid:
        return engine.run(build_grant(engine.store, claim, about, Import))
    except KeyReused:
        if claim.expires_at == NEVER:
            raise
        return engine.run(build_grant(engine.store, claim, about, Import))


def build_grant(store: Store, claim: Claim, about: About, kind: type[Grant]) -> Grant:
    """The grant of a claim: made of nothing else, so that it is the same one whoever makes it, and whenever."""
    verb = claim.key.partition(":")[0]
    return kind(
        key=name_grant(claim),
        account=claim.account,
        amounts=((claim.unit_id, claim.amount),),
        source=store.intern_name(SOURCES.get(verb, "promo")),
        promotional=True,
        expires_at=None if claim.expires_at == NEVER else claim.expires_at,
        features=tuple(sorted(store.intern_name(feature) for feature in claim.features)),
        about=about,
        note=describe_claim(claim),
    )


def name_grant(claim: Claim) -> str:
    """The key under which a claim is granted, once."""
    return f"farthing:campaign:{claim.campaign}:{claim.claim_id}"


def describe_claim(claim: Claim) -> Note:
    """What people read beside the grant. It is about nobody, so its salt need be no secret, and nobody's dice."""
    said = f"campaign {claim.campaign}" + (f", code {claim.code}" if claim.code else "")
    body = json.dumps({"description": said}, separators=(",", ":"), ensure_ascii=False).encode()
    return Note(hashlib.blake2b(claim.key.encode(), digest_size=16).digest(), body)


def iter_left(engine: Engine, page: int) -> Iterator[Claim]:
    """Claims that were left behind, oldest first, each once: whoever takes one keeps it, or passes it over."""
    given: set[int] = set()
    now = engine.clock.now()
    before = now + 1 if engine.clock.is_frozen else now - PATIENCE
    while True:
        claims = engine.store.list_open_claims(before, page + len(given))
        fresh = [claim for claim in claims if claim.claim_id not in given]
        given = {claim.claim_id for claim in claims}
        if not fresh:
            return
        yield from fresh


def count_redeemed(store: Store, campaign: Campaign) -> dict[str, int]:
    """How often each code was redeemed; of a campaign without codes, under the empty one, how often it was had."""
    return {code: store.count_claims(campaign.name, spell_code(code)) for code in campaign.codes or ("",)}

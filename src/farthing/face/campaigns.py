"""What a ledger says of campaigns: credits by rule, had with a code, as a reward, or for bringing somebody."""

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from farthing.documents.spans import show_length
from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.face.desk import Desk
from farthing.face.options import Name, read_who
from farthing.face.receipts import Receipt, read_receipt
from farthing.face.spelling import plain
from farthing.face.verbs import threaded
from farthing.service.campaigns import (
    REDEEM,
    REFER,
    REWARD,
    Asked,
    count_redeemed,
    give_reward,
    redeem_code,
    refer_newcomer,
)
from farthing.tariff.campaigns import LONGEST_CODE, spell_code
from farthing.tariff.catalog import Campaign
from farthing.values.amounts import to_decimal
from farthing.values.calendars import to_instant
from farthing.values.errors import NameInvalid, show_given
from farthing.values.names import read_account, read_key, read_name
from farthing.values.requests import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """What both sides got for one bringing the other."""

    newcomer: Receipt
    referrer: Receipt | None
    """None if the campaign has nothing for referrers, or that account takes nothing now: then it comes later."""

    @property
    def replayed(self) -> bool:
        """Whether this is what an earlier call with the same key came to."""
        return self.newcomer.replayed

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"newcomer": self.newcomer.json(), "referrer": self.referrer.json() if self.referrer else None}


@dataclass(frozen=True, slots=True)
class CodeUse:
    """A code, and how often it was redeemed."""

    code: str
    redeemed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """A campaign of the catalog that holds now, for whoever runs it: codes and names of invited accounts are in it."""

    name: str
    rule: str
    """signup, plan, code, loyalty, beta, referral."""
    unit: str
    amount: Decimal
    """For whoever redeems; of a referral, for the newcomer."""
    referrer_amount: Decimal
    lasts: str | None
    """How long the credits live: 30 days; None for ever."""
    features: tuple[str, ...]
    codes: tuple[CodeUse, ...]
    most: int | None
    """How often each code may be redeemed in all."""
    per_account: int
    redeemed: int
    """How often it was had in all; of a referral, by newcomers."""
    plans: tuple[str, ...]
    months: int
    spent: Decimal
    accounts: tuple[str, ...]
    starts_at: datetime | None
    ends_at: datetime | None
    is_open: bool
    """Whether it holds now, by the ledger's clock."""

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}


class Campaigning:
    """The part of a ledger that speaks of campaigns."""

    if TYPE_CHECKING:
        desk: Desk
        engine: Engine

        def run(self, request: Request) -> Outcome: ...
        async def arun(self, request: Request) -> Outcome: ...
        def sees_open(self, hold: str, account: str) -> bool: ...
        def refuse_closed(self) -> None: ...

    def redeem(self, account: Name, code: str, *, key: str | None = None, actor: Name | None = None) -> Receipt:
        """Give an account what a code promises. The account is opened if there is none of that name.

        Codes are read without case and blanks. Each account has it once, or as often as its campaign says, for ever;
        with a `key` the same call again is replayed instead of refused. `actor` is whoever does this.
        Raises `CodeNotFound`, `CodeSpent`, `AlreadyRedeemed`, `CampaignRefused` (it has ended, is for another plan …),
        `AccountClosed`, `KeyReused`, `CatalogMissing`.
        """
        self.refuse_closed()
        asked = read_asked(self.desk, REDEEM, account, key, actor)
        return read_receipt(self, redeem_code(self.engine, self.desk.catalogs, asked, read_code(code)))

    aredeem = threaded(redeem)

    def reward(self, account: Name, campaign: str, *, key: str | None = None, actor: Name | None = None) -> Receipt:
        """Give an account what a campaign of the rule signup, plan, loyalty or beta promises, once, if the rule holds.

        Whoever runs the ledger calls it at sign-up, from a job or a button; as often as they like, for the second time
        is refused (`AlreadyRedeemed`), or replayed with the same `key`. The account is opened if need be.
        Raises `CampaignNotFound`, `CampaignRefused` (with the reason), `AccountClosed`, `KeyReused`, `CatalogMissing`.
        """
        self.refuse_closed()
        asked = read_asked(self.desk, REWARD, account, key, actor)
        return read_receipt(self, give_reward(self.engine, self.desk.catalogs, asked, read_campaign(campaign)))

    areward = threaded(reward)

    def refer(
        self,
        newcomer: Name,
        *,
        by: Name,
        campaign: str | None = None,
        key: str | None = None,
        actor: Name | None = None,
    ) -> Referral:
        """Give a newcomer, and the account that brought it, what a campaign of the rule referral promises them.

        A newcomer is referred once, for ever; `by` has its share once for each newcomer, and must be there. Without a
        `campaign` it is the only one for referrals that the catalog has. The newcomer is opened if need be.
        Raises `AlreadyRedeemed`, `AccountNotFound` (of `by`), `CampaignNotFound`, `CampaignRefused`, `AccountClosed`,
        `KeyReused`, `CatalogMissing`.
        """
        self.refuse_closed()
        asked = read_asked(self.desk, REFER, newcomer, key, actor)._replace(referrer=read_account(by))
        name = None if campaign is None else read_campaign(campaign)
        outcome, other = refer_newcomer(self.engine, self.desk.catalogs, asked, name)
        return Referral(
            newcomer=read_receipt(self, outcome), referrer=None if other is None else read_receipt(self, other)
        )

    arefer = threaded(refer)

    def campaigns(self) -> list[CampaignView]:
        """Every campaign of the catalog that holds now, with how often it was had. Raises `CatalogMissing`."""
        self.refuse_closed()
        catalog = self.desk.catalogs.get_current().catalog
        return [show_campaign(self.desk, campaign) for campaign in catalog.campaigns.values()]

    acampaigns = threaded(campaigns)


def read_asked(desk: Desk, verb: str, account: Name, key: str | None, actor: Name | None) -> Asked:
    """A call as the service takes it. Raises `NameInvalid`."""
    return Asked(
        verb=verb,
        account=read_account(account),
        key=desk.make_key() if key is None else read_key(key),
        is_named=key is not None,
        actor=read_who(desk, actor, "actor"),
    )


def read_code(code: object) -> str:
    """A code as it is compared. Raises `NameInvalid` for what cannot be one, before anything is looked up."""
    if not isinstance(code, str):
        raise NameInvalid(what="code", given=show_given(code), problem="is not a string", advice="write it as printed")
    return read_name(spell_code(code), what="code", longest=LONGEST_CODE)


def read_campaign(name: object) -> str:
    """The name of a campaign. Raises `NameInvalid`."""
    return read_name(name, what="campaign")


def show_campaign(desk: Desk, campaign: Campaign) -> CampaignView:
    """A campaign as people see it."""
    unit, now = desk.get_unit(campaign.unit), desk.clock.now()
    redeemed = count_redeemed(desk.store, campaign)
    return CampaignView(
        name=campaign.name,
        rule=campaign.rule,
        unit=unit.name,
        amount=to_decimal(campaign.amount, unit),
        referrer_amount=to_decimal(campaign.referrer_amount, unit),
        lasts=None if campaign.lasts is None else show_length(campaign.lasts),
        features=campaign.features,
        codes=tuple(CodeUse(code, redeemed[code]) for code in campaign.codes),
        most=campaign.most,
        per_account=campaign.per_account,
        redeemed=sum(redeemed.values()),
        plans=campaign.plans,
        months=campaign.months,
        spent=to_decimal(campaign.spent, unit),
        accounts=campaign.accounts,
        starts_at=to_instant(campaign.starts_at) if campaign.starts_at else None,
        ends_at=to_instant(campaign.ends_at) if campaign.ends_at else None,
        is_open=campaign.starts_at <= now and (not campaign.ends_at or now < campaign.ends_at),
    )

"""An account with a plan: steps are planned as a service would, and decided by the real core, every law checked after.

Whatever is planned is carried out in one `Together`, and jobs run only when a test says so.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from farthing.core.decide import decide
from farthing.engine.zones import find_zone
from farthing.tariff.catalog import Bonus, Cap, Catalog, Length, Money, Plan, PlanPrice, Recurring, UnitTerms
from farthing.tariff.plans import Event, find_due, find_plan, find_state
from farthing.tariff.provisions import Standing
from farthing.tariff.rows import Choice
from farthing.tariff.steps import Planned, plan_step
from farthing.values.periods import Cadence
from farthing.values.requests import Charge, Tidy
from farthing.values.standing_requests import ChangeMode, Together
from tests.unit.desk import CREDITS, GENERATIONS, Desk

MONTH, YEAR, WEEK = int(Cadence.MONTH), int(Cadence.YEAR), int(Cadence.WEEK)
DAYS = int(Cadence.DAY)


def dollars(whole: int) -> Money:
    return Money(100 * whole, "USD")


def credits(amount: int, name: str = "credits", every: int = MONTH, *, is_calendar: bool = False) -> Recurring:
    return Recurring(name=name, unit="credits", amount=amount, every=every, is_calendar=is_calendar)


def with_plan(catalog: Catalog, name: str, **changes: object) -> Catalog:
    return replace(catalog, plans={**catalog.plans, name: replace(catalog.plans[name], **changes)})  # type: ignore[arg-type]


STUDIO = Catalog(
    name="studio",
    units={"credits": CREDITS},
    terms={"credits": UnitTerms(alerts=(5,))},
    caps=(Cap(name="all", unit="credits", most=5000, every=DAYS),),
    plans={
        "free": Plan(name="free", allowances=(credits(60, is_calendar=True),)),
        "basic": Plan(
            name="basic",
            rank=1,
            prices=(PlanPrice(every=MONTH, money=dollars(15)), PlanPrice(every=YEAR, money=dollars(210))),
            allowances=(credits(500),),
            bonuses=(Bonus(name="welcome", unit="credits", amount=10, lasts=Length(DAYS, 30)),),
            terms={"credits": UnitTerms(overdraft=20, alerts=(50, 0))},
            caps=(Cap(name="clips", unit="credits", most=100, feature="clip", is_cycle=True),),
            fallback="free",
            grace=Length(DAYS, 3),
            proration="day",
        ),
        "premium": Plan(
            name="premium",
            rank=2,
            prices=(PlanPrice(every=MONTH, money=dollars(29)), PlanPrice(every=YEAR, money=dollars(290))),
            allowances=(credits(1200),),
            fallback="free",
            trial=Length(DAYS, 14),
            proration="day",
        ),
        "pass": Plan(
            name="pass", rank=3, allowances=(credits(100, every=WEEK),), lasts=Length(DAYS, 30), fallback="free"
        ),
        "club": Plan(
            name="club",
            rank=4,
            prices=(PlanPrice(every=MONTH, money=dollars(9)),),
            allowances=(credits(70, every=WEEK), credits(7, name="extra", is_calendar=True)),
            trial=Length(DAYS, 20),
            on_upgrade=ChangeMode.KEEP_USED,
        ),
    },
)

VIBE = Catalog(
    name="vibe",
    units={"credits": CREDITS},
    plans={
        "free": Plan(name="free", allowances=(credits(5),)),
        "pro": Plan(name="pro", allowances=(credits(100),), lasts=Length(DAYS, 30), fallback="free"),
    },
)

TEXTVAULT = Catalog(
    name="textvault",
    units={"generations": GENERATIONS},
    plans={
        name: Plan(
            name=name,
            allowances=(Recurring(name="base", unit="generations", amount=amount, every=MONTH, is_calendar=True),),
        )
        for name, amount in (("explorer", 3), ("creator", 100), ("master", 500))
    },
)


def moment(text: str) -> int:
    """An instant from ISO, UTC where nothing is said."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


class Subscriber:
    """One account, its catalog and its clock."""

    def __init__(self, catalog: Catalog = STUDIO, start: str = "2026-01-10T12:00:00", zone: str = "UTC") -> None:
        self.catalog, self.version, self.catalogs = catalog, 1, {1: catalog}
        self.units = {name: unit.unit_id for name, unit in catalog.units.items()}
        self.desk = Desk(*catalog.units.values())
        self.desk.now = moment(start)
        self.zone = zone

    @property
    def at(self) -> int:
        return self.desk.now

    @property
    def row(self):
        """The last step."""
        return self.desk.wallets[0].subscription

    def publish(self, catalog: Catalog) -> None:
        """Another version is current."""
        self.catalog, self.version = catalog, self.version + 1
        self.catalogs[self.version] = catalog

    def wait(self, **length) -> None:
        self.desk.now += int(timedelta(**length).total_seconds()) * 1_000_000

    def go(self, text: str) -> None:
        self.desk.now = moment(text)

    def look(self):
        """The wallets as they are now: what fell due is applied, as a reader does, and not kept."""
        seen = {}
        for unit in self.units.values():
            wallets = {unit: self.desk.wallets[unit]}
            request = Tidy(key="look", account=self.desk.account.key, unit=unit)
            decision = decide(self.desk.account, wallets, request, self.at, self.desk.seal, find_zone)
            seen[unit] = decision.wallets.get(unit, wallets[unit])
        return seen

    def stand(self) -> Standing:
        wallets, row = self.look(), self.row
        return Standing(
            account=self.desk.account.key, at=self.at, zone=self.zone, zones=find_zone, subscription=row,
            catalog=self.catalog, version=self.version,
            before=self.catalogs[row.catalog_version] if row else None, units=self.units,
            allowances={unit: [each for each in wallet.allowances.values() if not each.ended_at]
                        for unit, wallet in wallets.items()},
            budgets={unit: [each for each in wallet.budgets.values() if not each.ended_at]
                     for unit, wallet in wallets.items()},
            terms={unit: wallet.terms for unit, wallet in wallets.items()},
        )  # fmt: skip

    def do(self, event: str, plan: str = "", **choice) -> Planned:
        """Plan a step and carry it out."""
        planned = plan_step(Event(event), self.stand(), Choice(plan=plan, **choice))
        key, account = self.desk.key(), self.desk.account.key
        self.desk.decide(Together(key=key, account=account, said=(event, plan), requests=planned.requests))
        return planned

    def catch_up(self) -> list[str]:
        """What a job does: write down what happened."""
        events = []
        while due := find_due(self.row, self.at):
            self.do(due)
            events.append(due.value)
        return events

    @property
    def balance(self) -> int:
        return sum(wallet.balance for wallet in self.look().values())

    @property
    def plan(self) -> str:
        return find_plan(self.row, self.at)

    @property
    def state(self) -> str:
        return find_state(self.row, self.at).value

    def spend(self, amount: int) -> None:
        unit = next(iter(self.units.values()))
        self.desk.decide(Charge(key=self.desk.key(), account=self.desk.account.key, amounts=((unit, amount),)))

    def live(self) -> list[tuple[str, bool]]:
        """The live allowances: their names, and whether they wait."""
        return sorted((each.name, each.starts_at > self.at) for wallet in self.look().values()
                      for each in wallet.allowances.values() if not each.ended_at)  # fmt: skip

"""What speaks against a price, a plan or a catalog: part of the tree of `values/errors.py`, whose habits they keep."""

from collections.abc import Sequence
from typing import NamedTuple

from farthing.values.errors import Invalid, Misconfigured, Refused


class Problem(NamedTuple):
    """One mistake in a document."""

    place: str
    """The dotted path: plans.basic.allowances.credits.every."""
    problem: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}" + (f" ({self.advice})" if self.advice else "")


class CatalogInvalid(Misconfigured):
    """A catalog that cannot be: all of its mistakes at once, each with its place and what to do."""

    code = "catalog_invalid"
    problems: tuple[Problem, ...]

    def __init__(self, *, problems: Sequence[Problem]) -> None:
        super().__init__(problems=tuple(problems))

    def describe(self) -> str:
        """One line for each mistake."""
        found = self.facts["problems"]
        said = f"the catalog has {len(found)} mistake{'' if len(found) == 1 else 's'}"
        return "\n  ".join([said + ":", *map(str, found)])


class CatalogMissing(Misconfigured):
    """Something needs a catalog, and none was published, or not this version."""

    code = "catalog_missing"
    text = "this book has no such catalog: publish one with `farthing catalog apply FILE`"


class CatalogUnknown(Misconfigured):
    """A process opened with a catalog that was never published to this database."""

    code = "catalog_unknown"
    text = "the catalog {name} is not published in this database: run `farthing catalog apply` with that file first"
    name: str


class UnknownPrice(Refused):
    """Nothing says what this costs. It is never taken for zero."""

    code = "unknown_price"
    text = "there is no price for {what} of {feature}: {advice}"
    what: str
    feature: str
    advice: str


class PriceLater(Refused):
    """The catalog leaves the price of this model to the caller."""

    code = "price_later"
    text = "what {what} of {feature} costs is known later: say the amount when it is"
    what: str
    feature: str


class FeatureUnknown(Refused):
    """The catalog has no such feature."""

    code = "feature_unknown"
    text = "the catalog has no feature {feature}: {advice}"
    feature: str
    advice: str


class FeatureNotInPlan(Refused):
    """The account's plan does not have this feature."""

    code = "feature_not_in_plan"
    text = "{account} is on {plan}, which does not have {feature}: {advice}"
    account: str
    plan: str
    feature: str
    advice: str


class QuantityInvalid(Invalid):
    """Not a quantity of what the feature measures."""

    code = "quantity_invalid"


class PlanNotFound(Refused):
    """The catalog has no such plan."""

    code = "plan_not_found"
    text = "the catalog has no plan {plan}: {advice}"
    plan: str
    advice: str


class SubscriptionRefused(Refused):
    """From where the subscription is, this cannot happen."""

    code = "subscription_refused"
    text = "{account} is {state}, so it cannot {event}: {advice}"
    account: str
    state: str
    event: str
    advice: str


class PackageNotFound(Refused):
    """The catalog has no such package."""

    code = "package_not_found"
    text = "the catalog has no package {package}: {advice}"
    package: str
    advice: str


class CampaignRefused(Refused):
    """The campaign's rule does not hold for this account now."""

    code = "campaign_refused"
    text = "{account} cannot have {campaign}: {problem}"
    account: str
    campaign: str
    problem: str


class CampaignNotFound(Refused):
    """The catalog has no such campaign."""

    code = "campaign_not_found"
    text = "the catalog has no campaign {campaign}: {advice}"
    campaign: str
    advice: str


class CodeNotFound(Refused):
    """No campaign has such a code."""

    code = "code_not_found"
    text = "there is no code {redeemed}: see that it is spelt as it was printed"
    redeemed: str


class PricesMissing(Misconfigured):
    """A price goes by what the provider takes, and the package that knows it is not installed."""

    code = "prices_missing"
    text = "what providers take is not known here: run `pip install 'farthing[prices]'`, or say provider_cost each time"

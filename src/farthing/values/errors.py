"""Every error of Farthing, as a tree whose branches say what to do next. `code` is stable; facts are attributes.

FarthingError
├── Refused          understood; the answer is no; nothing was written
│   ├── InsufficientCredits · HoldEnded · HoldNotFound · HoldNameTaken · SettleAboveHold · MoreThanLeft · ChargeNotFound
│   ├── KeyReused    another request came under this key first (a true replay is no error: it returns the first receipt)
│   ├── AccountNotFound · AccountFrozen · AccountClosed · GrantNotFound · GrantEnded · UnitNotFound · TooManyLots
│   ├── BudgetExceeded · BudgetExists · BudgetNotFound · AllowanceExists · AllowanceNotFound · TooManyRules
│   ├── MoreThanPaid · ClockRuns
│   ├── UnknownPrice · PriceLater · FeatureUnknown · FeatureNotInPlan    of prices
│   ├── PlanNotFound · SubscriptionRefused · SubscriptionChanged · PackageNotFound    of plans
│   ├── CampaignNotFound · CampaignRefused · CodeNotFound · CodeSpent · AlreadyRedeemed    of campaigns
│   └── Invalid      the request itself is wrong, whatever the balance
│       └── AmountInvalid (AmountIsFloat is also a TypeError) · AmountTooLarge · NameInvalid · IdInvalid · TimeInvalid
│           · TermInvalid · NoteInvalid · TraceInvalid · TotalTooLarge · QuantityInvalid
├── Unavailable      not now; the same call with the same key is safe
│   ├── Overloaded · Busy · DiskFailed · DatabaseAway    nothing was written
│   └── OutcomeUnknown           the database went away around the commit: carries the key
├── Misconfigured    an operator must act; found at start-up whenever possible
│   └── DatabaseMissing · DatabaseUnreadable · DatabaseForeign · BookMissing · ConnectionForeign · SchemaOld
│       · UpgradeFirst · UseTheOpenTransaction · UnitChanged · ClockDisagrees · ClockIsFrozen · ChainKeyWrong
│       · UrlInvalid · LedgerClosed
│       · CatalogInvalid · CatalogMissing · CatalogUnknown · PricesMissing
└── LawBroken        the books do not add up: this wallet is stopped, the evidence kept

To add one: a class with a docstring, a `code` never used before, its facts as annotations, a `text` made from them;
then a line in each edge's table (exit codes, HTTP statuses): a class missing from a table fails a test.
"""

from decimal import Decimal
from typing import Any, ClassVar


class FarthingError(Exception):
    """Whatever Farthing raises. `code` is stable; every fact in the message is an attribute too."""

    code: ClassVar[str] = "farthing_error"
    text: ClassVar[str] = ""

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        self.__dict__.update(facts)
        super().__init__(self.describe())

    def describe(self) -> str:
        """The sentence that people read."""
        return self.text.format(**{name: show_fact(fact) for name, fact in self.facts.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild_error, (type(self), self.facts)


def show_fact(fact: Any) -> Any:
    """Amounts in a sentence: whole ones without places, and never an exponent."""
    if not isinstance(fact, Decimal):
        return fact
    text = f"{fact:f}"
    whole, _, places = text.partition(".")
    return text if places.strip("0") else whole


def show_given(given: object) -> str:
    """What a caller wrote, safe to print: short, ASCII, no control characters, and no number of thousands of digits."""
    if isinstance(given, int) and given.bit_length() > 200:
        return f"a number of {given.bit_length()} bits"
    try:
        return ascii(given)[:60]
    except ValueError:
        return f"a {type(given).__name__}"


def rebuild_error(kind: type[FarthingError], facts: dict[str, Any]) -> FarthingError:
    """An error from its facts, for pickling between processes."""
    return kind(**facts)


class Refused(FarthingError):
    """Understood, and the answer is no. Nothing was written; the key, if any, is still free."""

    code = "refused"


class Unavailable(FarthingError):
    """Not now. The same call with the same key is safe, whichever way it went."""

    code = "unavailable"


class Misconfigured(FarthingError):
    """An operator must act before this can work."""

    code = "misconfigured"


class LawBroken(FarthingError):
    """The books do not add up. The wallet is stopped and nothing of this request was written."""

    code = "law_broken"
    text = "law {law} is broken in {account} {unit}: {problem}. The wallet is stopped; run `farthing verify`"
    law: str
    account: str
    unit: str
    problem: str


class InsufficientCredits(Refused):
    """The account can spend less than the request needs. Amounts are decimals of `unit`."""

    code = "insufficient_credits"
    account: str
    unit: str
    feature: str | None
    needed: Decimal
    available: Decimal
    held: Decimal
    short: Decimal
    top_up: Decimal
    """The smallest grant that would let this request pass."""
    resets_at: Any
    """When credits that were granted for later arrive (an aware datetime), or None."""
    arriving: Decimal | None
    """How many arrive then."""

    def describe(self) -> str:
        purpose = f" for {self.feature}" if self.feature else ""
        needed, available, short = show_fact(self.needed), show_fact(self.available), show_fact(self.short)
        held = f"{show_fact(self.held)} held" if self.held else "none held"
        spends = f"can spend {available}" if self.available >= 0 else "can spend nothing"
        said = f"{self.account} needs {needed} {self.unit}{purpose} and {spends} ({held}): {short} short."
        if self.resets_at is not None:
            said += f" {show_fact(self.arriving)} more arrive on {self.resets_at.day} {self.resets_at:%B %Y}."
        return said


class HoldEnded(Refused):
    """The hold was settled, released, or timed out (`state`), so this can no longer be done to it."""

    code = "hold_ended"
    text = "{hold} is {state} since {ended_at}: it cannot be {asked}"
    hold: str
    state: str
    ended_at: Any
    asked: str


class HoldNotFound(Refused):
    """No such hold."""

    code = "hold_not_found"
    text = "there is no hold {hold}: pass the id of a hold (hold.id)"
    hold: str


class HoldNameTaken(Refused):
    """An open hold of this account has that name already."""

    code = "hold_name_taken"
    text = "{account} has an open hold named {name} already: settle or release it, or choose another name"
    account: str
    name: str


class SettleAboveHold(Refused):
    """The cost is above the hold and the policy is `reject`. The hold stays open."""

    code = "settle_above_hold"
    text = "{hold} holds {held} {unit} and {needed} is above that: settle at most {held}, or choose another policy"
    hold: str
    unit: str
    held: Decimal
    needed: Decimal


class MoreThanLeft(Refused):
    """More was asked back, voided, forgiven or taken than there is. `left` would pass."""

    code = "more_than_left"
    text = "{asked} {unit} cannot be {action}: {left} is left. Ask for at most that, or pass up_to=True where offered"
    action: str
    unit: str
    asked: Decimal
    left: Decimal


class ChargeNotFound(Refused):
    """No charge under that id."""

    code = "charge_not_found"
    text = "there is no charge {charge}: pass the id of a charge's receipt, or of a settled hold"
    charge: str


class GrantNotFound(Refused):
    """No grant under that id in this account."""

    code = "grant_not_found"
    text = "{account} has no grant {grant}"
    account: str
    grant: str


class KeyReused(Refused):
    """Another request came under this key first."""

    code = "key_reused"
    text = (
        "the key {key} came first at {first_seen_at} with another request (it differs in {differs_in}): use a new key"
    )
    key: str
    first_seen_at: Any
    differs_in: str


class AccountNotFound(Refused):
    """No such account in this book."""

    code = "account_not_found"
    text = "there is no account {account}: open it, or grant it something first"
    account: str


class AccountFrozen(Refused):
    """The account is frozen: no new charges or holds until it is unfrozen."""

    code = "account_frozen"
    text = "{account} is frozen: unfreeze it before it is {asked}"
    account: str
    asked: str


class AccountClosed(Refused):
    """The account is closed for good; what runs may end (settle, release, void, forgive)."""

    code = "account_closed"
    text = "{account} is closed: it cannot be {asked}"
    account: str
    asked: str


class UnitNotFound(Refused):
    """No such unit in this book."""

    code = "unit_not_found"
    text = "there is no unit {unit}; there is {known}"
    unit: str
    known: str


class BudgetExceeded(Refused):
    """A hard budget has no room for it. `left` would pass; `resets_at` is when the budget's next period begins."""

    code = "budget_exceeded"
    text = "{account} needs {needed} {unit} and the budget {budget} has {left} left of {most}"
    account: str
    unit: str
    budget: str
    subject: str | None
    needed: Decimal
    left: Decimal
    most: Decimal
    spent: Decimal
    reserved: Decimal
    resets_at: Any

    def __str__(self) -> str:
        said = super().__str__()
        if self.resets_at is not None:
            said += f" until {self.resets_at.day} {self.resets_at:%B %Y %H:%M} UTC"
        return said


class BudgetExists(Refused):
    """A live budget has that name already."""

    code = "budget_exists"
    text = "{account} has a budget {budget} in {unit} already: change it, end it first, or choose another name"
    account: str
    unit: str
    budget: str


class BudgetNotFound(Refused):
    """No live budget has that name."""

    code = "budget_not_found"
    text = "{account} has no budget {budget} in {unit}"
    account: str
    unit: str
    budget: str


class AllowanceExists(Refused):
    """A live allowance has that name already."""

    code = "allowance_exists"
    text = "{account} has an allowance {allowance} of {unit} already: change it, end it first, or choose another name"
    account: str
    unit: str
    allowance: str


class AllowanceNotFound(Refused):
    """No live allowance has that name."""

    code = "allowance_not_found"
    text = "{account} has no allowance {allowance} of {unit}"
    account: str
    unit: str
    allowance: str


class SubscriptionChanged(Refused):
    """Another step of the subscription came first. Whoever planned this one plans it again."""

    code = "subscription_changed"
    text = "the subscription of {account} has changed meanwhile; look again and repeat the call"
    account: str


class CodeSpent(Refused):
    """The code of a campaign has been redeemed as often as it may be."""

    code = "code_spent"
    text = "the code {redeemed} of {campaign} has been redeemed {most} times, and may not be more often"
    redeemed: str
    campaign: str
    most: int


class AlreadyRedeemed(Refused):
    """The account has got from a campaign what one account may get from it."""

    code = "already_redeemed"
    text = "{account} has got from {campaign} what it may: {most} times for each account"
    account: str
    campaign: str
    most: int


class TooManyRules(Refused):
    """The wallet has as many live allowances, or budgets, as a wallet may have."""

    code = "too_many_rules"
    text = "{account} has {most} live {what} in {unit}: end some before adding more"
    account: str
    unit: str
    what: str
    most: int


class MoreThanPaid(Refused):
    """More money is said to have gone back than was paid for the grant. `left` (minor units) would pass."""

    code = "more_than_paid"
    text = "{grant} cost {paid} and {returned} of it went back before: {asked} more cannot have; {left} is left"
    grant: str
    paid: int
    returned: int
    asked: int
    left: int


class GrantEnded(Refused):
    """The grant has ended, or ends with an allowance's period, so its end cannot be moved."""

    code = "grant_ended"
    text = "{grant} {problem}: its end cannot be moved"
    grant: str
    problem: str


class ClockRuns(Refused):
    """The account's clock runs: only in a test book do clocks stand still and move by hand."""

    code = "clock_runs"
    text = "the clock of {account} runs: only accounts of a test book opened without a clock can be moved in time"
    account: str


class TooManyLots(Refused):
    """The wallet has as many live lots as a wallet may have."""

    code = "too_many_lots"
    text = "{account} has {most} live grants of {unit}: spend, void or merge some before granting more"
    account: str
    unit: str
    most: int


class Invalid(Refused):
    """The request itself is wrong, whatever the balance."""

    code = "invalid"
    text = "{what} {given} {problem}: {advice}"
    what: str
    given: str
    problem: str
    advice: str


class AmountInvalid(Invalid):
    """Not an amount that can be kept exactly."""

    code = "amount_invalid"


class AmountIsFloat(AmountInvalid, TypeError):
    """A float. Floats cannot hold most decimals, so none is accepted."""

    code = "amount_is_float"
    text = "{what} {given} is a float, which cannot be exact: {advice}"


class AmountTooLarge(AmountInvalid):
    """Beyond 2**63 - 1 smallest parts."""

    code = "amount_too_large"
    text = "{what} {given} is too large: the largest is {largest}"
    largest: Decimal


class TotalTooLarge(AmountInvalid):
    """The amount alone would do, but a running total of the wallet would pass 2**63 - 1 smallest parts."""

    code = "total_too_large"
    text = "{account} has moved so many {unit} that its total {total} would pass {largest}: nothing was written"
    account: str
    unit: str
    total: str
    largest: Decimal


class NameInvalid(Invalid):
    """A name, account or key that cannot be stored."""

    code = "name_invalid"


class IdInvalid(Invalid):
    """Not an id of the expected kind, or a mistyped one."""

    code = "id_invalid"
    text = "{given} {problem}: expected {expected}"
    expected: str


class TimeInvalid(Invalid):
    """A bare date, a naive datetime, a moment that has passed, or one beyond the year 9999."""

    code = "time_invalid"


class TermInvalid(Invalid):
    """A setting or option with a value that it cannot have."""

    code = "term_invalid"

"""Everything that can be asked, a closed list. Amounts are smallest parts, times microseconds, names their numbers.

Each request concerns one account, and one or more of its units in one step. A new kind: a class here, its rule in
`decide.py`, its words in the face. Fields that do not matter when its key comes again say `compare=False`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import IntEnum
from operator import attrgetter
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from farthing.values.names import digest_key

Amounts = tuple[tuple[int, int], ...]
"""(unit, smallest parts), the first unit being the one that the receipt speaks of."""


class Place(NamedTuple):
    """Where a thing lives: the number is that of the wallet's entry which made it. People see it as an id."""

    shard: int
    account_id: int
    unit_id: int
    number: int


class Mode(IntEnum):
    """How a charge or hold meets a balance that is too small (rule 14)."""

    STRICT = 0
    RECORD = 1
    ALL_AVAILABLE = 2

    __repr__ = int.__repr__


class About(NamedTuple):
    """What the caller says of the work: kept with the entry, never decided on. Names are numbers; None is not said."""

    model: int | None = None
    member: int | None = None
    actor: int | None = None
    api_key: int | None = None
    quantity: int | None = None
    tokens_in: int | None = None
    tokens_cache_read: int | None = None
    tokens_cache_write: int | None = None
    tokens_out: int | None = None
    tokens_reasoning: int | None = None
    provider_cost_nanos: int | None = None
    duration_ms: int | None = None
    success: int | None = None


UNSAID = About()


class Note(NamedTuple):
    """Description and metadata as JSON bytes, erasable. The salt makes the digest useless once the note is gone."""

    salt: bytes
    body: bytes


def digest_note(salt: bytes, body: bytes) -> bytes:
    """The 16 bytes that an entry keeps of an erasable note."""
    return hashlib.blake2b(body, digest_size=16, key=salt, person=b"farthing-note").digest()


class Metering(Protocol):
    """A price that depends on what came before, as a catalog froze it: pure, whole numbers only."""

    def advance(self, before: int, quantity: int) -> tuple[int, int]:
        """What `quantity` more costs after `before`, in smallest parts, and what has come before from then on."""
        ...


ANY_PERIOD: Final = "*"


class Meter(NamedTuple):
    """Where a price with a memory keeps it: a counter of the wallet, under its lock. It begins anew in each period."""

    subject: int
    """The number of the name under which it is kept: the feature's, or the price's own."""
    every: int
    """A cadence; 0 is one period without end."""
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody asks here
    anchor: int
    """From which periods are counted; 0 with `every` is the start of the calendar's."""
    zone: str
    """The account's own if it is empty."""
    quantity: int
    price: Metering


class Priced(NamedTuple):
    """That a catalog made the amount, not the caller. What the caller said is compared in its place (rule 28), so that
    the same call replays whatever the prices are by then."""

    said: tuple[object, ...]
    meters: tuple[tuple[int, Meter], ...] = ()
    """(unit, its meter): there the decision reckons the amount, and what the request says of it is a first guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every request has. Those that name a hold or charge by id have no `account`: the id says whose it is."""

    asked: ClassVar[str]
    """The verb in "it cannot be …"."""
    opens: ClassVar[bool] = False
    """Whether an unknown account is opened on the way."""
    key: str = field(compare=False)
    account: str = ""
    about: About = field(default=UNSAID, compare=False)
    note: Note | None = field(default=None, compare=False)
    effective_at: int | None = field(default=None, compare=False)
    catalog_version: int = field(default=0, compare=False)
    """Of the catalog that priced it; 0 where none did."""
    priced: Priced | None = field(default=None, compare=False)
    digested: tuple[bytes, bytes, bytes | None] | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def place(self) -> Place | None:
        """The hold or charge that the request names, or None."""
        return None

    @property
    def units(self) -> tuple[int, ...]:
        """The units that it names; a hold or charge that it names may add some."""
        return ()

    def digests(self) -> tuple[bytes, bytes, bytes | None]:
        """The digests of its key, of what is compared when that key comes again, and of its note; reckoned once."""
        known = self.digested
        if known is None:
            amounts = sorted(getattr(self, "amounts", ())) if self.priced is None else [*self.priced.said]
            read, added = find_compared(self)
            said: tuple[Any, ...] = (amounts, self.about[:2], self.about[4:10], read(self))
            if added:
                said += tuple([(name, value) for name, usual in added if (value := getattr(self, name)) != usual])
            compared = hashlib.blake2b(repr(said).encode(), digest_size=16, person=b"farthing-request").digest()
            note = None if self.note is None else digest_note(*self.note)
            known = (digest_key(self.key), compared, note)
            object.__setattr__(self, "digested", known)
        return known


ADDED: Final = {"added": True}
"""The metadata of a field that came after a release. Where it has its default it is not in the digest, so that requests
made before still have the digest that is stored of them."""

Compared = tuple[Callable[[Any], tuple[Any, ...]], tuple[tuple[str, Any], ...]]
COMPARED: dict[str, Compared] = {}


def find_compared(request: Request) -> Compared:
    """What reads from a request all that must be the same when its key comes again (rule 28), but its amounts: those
    are compared in the order of their units, whatever the order in which the caller named them. And the fields that
    were added later, with their defaults."""
    found = COMPARED.get(request.asked)
    if found is None:
        compared = [each for each in fields(request) if each.compare and each.name != "amounts"]
        added = tuple([(each.name, each.default) for each in compared if "added" in each.metadata])
        names = [each.name for each in compared if "added" not in each.metadata]
        found = COMPARED[request.asked] = (attrgetter("asked", *names), added)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MovesAmounts(Request):
    """A request with an amount in each of one or more units."""

    amounts: Amounts

    @property
    def units(self) -> tuple[int, ...]:
        return tuple([unit for unit, _ in self.amounts])


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Request):
    """Open an account; once open, it changes nothing."""

    asked = "opened"
    opens = True
    zone: str = "UTC"

    @property
    def units(self) -> tuple[int, ...]:
        return (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(MovesAmounts):
    """Give credits, now or from a later instant, for ever or until an instant or for a duration."""

    asked = "granted credits"
    opens = True
    source: int = 0
    priority: int = 50
    features: tuple[int, ...] = ()
    promotional: bool = False
    starts_at: int | None = None
    expires_at: int | None = None
    expires_in: int | None = None
    cost_minor: int = 0
    currency: int = 0
    until_turn: str = field(default="", metadata=ADDED)
    """The allowance with whose period these credits end; `ANY_PERIOD` for whichever has one in hand."""
    extends: bool = field(default=False, metadata=ADDED)
    """Whether all other live credits shall live at least as long as these (`extend_on_purchase`)."""
    top_up: int = field(default=0, metadata=ADDED)
    """The entry that asked for this purchase, if it is an automatic top-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Grant):
    """A grant brought from another system: it may have expired already, and then becomes breakage at once (rule 4)."""

    asked = "granted imported credits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge(MovesAmounts):
    """Take credits for work."""

    asked = "charged"
    feature: int = 0
    feature_text: str = field(default="", compare=False)
    mode: Mode = Mode.STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(MovesAmounts):
    """Write down work that already happened: never refused, what is not there becomes debt."""

    asked = "charged for recorded work"
    feature: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(MovesAmounts):
    """Set credits aside for work of unknown cost. `name` is the caller's own, unique among open holds."""

    asked = "asked to hold credits"
    feature: int = 0
    feature_text: str = field(default="", compare=False)
    mode: Mode = Mode.STRICT
    ttl: int | None = None
    name: int = 0
    name_text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesHold(Request):
    """A request about a hold, named by its id."""

    hold: Place
    hold_id: str = field(compare=False)

    @property
    def place(self) -> Place:
        return self.hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(NamesHold):
    """Move a hold's deadline to `ttl` from now."""

    asked = "extended"
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(NamesHold):
    """Charge what held work really cost. A unit without an amount is settled at all that is held."""

    asked = "settled"
    amounts: Amounts = ()
    final: bool = True
    policy: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(NamesHold):
    """Give back what is held; nothing is charged."""

    asked = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(Request):
    """Give credits back for a charge or a settled hold, named by its id. A unit without an amount: all that is left."""

    asked = "refunded"
    charge: Place
    charge_id: str = field(compare=False)
    amounts: Amounts = ()
    up_to: bool = False

    @property
    def place(self) -> Place:
        return self.charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Void(Request):
    """Take unspent credits away: of one grant, or in burn-down order. No amount: all that is left of the grant."""

    asked = "voided"
    amounts: Amounts = ()
    grant: Place | None = None
    grant_id: str = field(default="", compare=False)
    up_to: bool = False

    @property
    def units(self) -> tuple[int, ...]:
        return (self.grant.unit_id,) if self.grant else tuple([unit for unit, _ in self.amounts])


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgive(Request):
    """Write debt off, oldest first. A unit at None: all that is owed."""

    asked = "forgiven a debt"
    owed: tuple[tuple[int, int | None], ...]

    @property
    def units(self) -> tuple[int, ...]:
        return tuple([unit for unit, _ in self.owed])


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust(MovesAmounts):
    """Correct a balance by a signed amount: up is a new lot, down follows the burn-down order."""

    asked = "adjusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUsed(MovesAmounts):
    """Make the period's used count what an operator says (rule 18)."""

    asked = "given a used count"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetUsed(Request):
    """Make the period's used count zero (rule 18)."""

    asked = "reset"
    unit: int

    @property
    def units(self) -> tuple[int, ...]:
        return (self.unit,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure(Request):
    """Change settings of one wallet: (term, value) pairs, terms numbered as the fields of `Terms` from 1."""

    asked = "configured"
    unit: int
    terms: tuple[tuple[int, int], ...]
    alerts: tuple[int, ...] | None = field(default=None, metadata=ADDED)
    """Thresholds in the place of those that were; None leaves them."""
    top_up: tuple[tuple[int, int], ...] | None = field(default=None, metadata=ADDED)
    """Fields of the top-up rule, numbered as those of `TopUp` from 1; those that are not named stay."""

    @property
    def units(self) -> tuple[int, ...]:
        return (self.unit,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesAccount(Request):
    """A request about the account itself."""

    @property
    def units(self) -> tuple[int, ...]:
        return (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze(ChangesAccount):
    """Refuse new charges and holds until unfrozen."""

    asked = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfreeze(ChangesAccount):
    """Undo a freeze."""

    asked = "unfrozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(ChangesAccount):
    """End the account for good; what runs may still end. In `unit_ids` all that is due by now happens first."""

    asked = "closed"
    unit_ids: tuple[int, ...] = field(default=(), compare=False)
    """Every unit that the account has a wallet in."""

    @property
    def units(self) -> tuple[int, ...]:
        return (0, *self.unit_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidy(Request):
    """Write down what fell due. It changes no balance: reading applies the same in memory."""

    asked = "tidied"
    unit: int

    @property
    def units(self) -> tuple[int, ...]:
        return (self.unit,)

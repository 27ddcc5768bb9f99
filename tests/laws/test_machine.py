"""Any order of any requests: the real core and the naive model must agree after each, and every law must hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from farthing.core import requests as ask
from farthing.core.burndown import sum_available
from farthing.core.entries import Entry
from farthing.core.errors import FarthingError
from farthing.core.names import name_number
from farthing.core.wallets import HoldState, RestPolicy, SettlePolicy, Terms
from tests.laws.naive import NaiveAccount, NaiveRefused
from tests.laws.real import UNITS, RealAccount
from tests.laws.stored import Shelf, StoredAccount

MINUTE = 60_000_000
START = 1_700_000_000 * 1_000_000
REASONS = {
    "insufficient_credits": {"insufficient_credits"},
    "above_total": {"insufficient_credits"},
    "hold_unknown": {"hold_not_found"},
    "hold_ended": {"hold_ended"},
    "hold_name_taken": {"hold_name_taken"},
    "above_hold": {"settle_above_hold"},
    "charge_unknown": {"charge_not_found"},
    "more_than_refundable": {"more_than_left"},
    "more_than_is_left": {"more_than_left"},
    "more_than_is_owed": {"more_than_left"},
    "dead_on_arrival": {"time_invalid"},
    "account_frozen": {"account_frozen"},
    "account_closed": {"account_closed"},
    "key_reused": {"key_reused"},
}
amounts = st.one_of(st.integers(0, 12), st.sampled_from([0, 50, 100]))
features = st.sampled_from([None, None, "chat", "video"])
units = st.sampled_from(["credits", "credits", "credits", "generations"])
minutes = st.sampled_from([0, 0, 0, 1, 2, 5, 10, 60])
modes = st.sampled_from(["strict", "strict", "strict", "record", "all_available"])


class Side:
    """One account, told twice: by the naive model and by the real thing; and what can be named in it."""

    def __init__(self, real: RealAccount | StoredAccount) -> None:
        self.naive = NaiveAccount()
        self.real = real
        self.lots: list[tuple[int, tuple[str, int]]] = []
        self.holds: list[tuple[int, tuple[str, int]]] = []
        self.charges: list[tuple[int, tuple[str, int]]] = []
        self.keyed: list[tuple[str, Callable[[], Any], Callable[[str], ask.Request]]] = []


class Ledgers(RuleBasedStateMachine):
    """Two ledgers side by side, of two accounts each."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.count = 0
        self.sides = [Side(real) for real in self.open_accounts()]
        self.turn_to(0)

    def open_accounts(self) -> Sequence[RealAccount | StoredAccount]:
        """The real thing: the core alone, which sees one account at a time."""
        return [RealAccount("acme", 7), RealAccount("umbrella", 8)]

    @rule(which=st.sampled_from([0, 1]))
    def turn_to(self, which: int) -> None:
        """What follows concerns this account."""
        self.side = self.sides[which]
        self.naive, self.real, self.account = self.side.naive, self.side.real, self.side.real.key
        self.lots, self.holds, self.charges = self.side.lots, self.side.holds, self.side.charges
        self.keyed = self.side.keyed

    def both(self, naive: Callable[[str], Any], request: Callable[[str], ask.Request], key: str = "") -> Any:
        """Ask both; they say the same or refuse for the same reason. Returns (naive's facts, entries), or None."""
        self.count += 1
        key = key or f"key {self.count}"
        try:
            expected, refused = naive(key), None
        except NaiveRefused as no:
            expected, refused = None, no.reason
        said: FarthingError | None = None
        entries: list[Entry] = []
        replayed = False
        try:
            entries, replayed = self.real.ask(request(key), self.now)
        except FarthingError as no:
            said = no
        if refused is not None or said is not None:
            assert refused is not None, f"the model passes, the core says {said!r}"
            assert said is not None, f"the model says {refused}, the core passes"
            assert said.code in REASONS[refused], f"the model says {refused}, the core {said!r}"
            return None
        assert expected["replayed"] == replayed
        self.keyed.append((key, lambda: naive(key), request))
        return expected, entries

    @initialize(amount=st.integers(20, 100))
    def begin(self, amount: int) -> None:
        for which in (1, 0):
            self.turn_to(which)
            self.grant(amount, "credits", 50, None, None, False, None, "plan", False)

    @rule(step=st.sampled_from([0, 1, 5, 10, 10, 15, 30, 600, 50_000, -5]))
    def pass_time(self, step: int) -> None:
        self.now += step * MINUTE

    @rule(
        amount=amounts,
        unit=units,
        priority=st.sampled_from([50, 50, 10, 60]),
        starts=st.sampled_from([None, None, None, 0, 5, 10, 30, -10]),
        lives=st.sampled_from([None, None, 5, 10, 15, 60, 1000, -5]),
        promotional=st.booleans(),
        scope=st.sampled_from([None, None, ["chat"], ["video"], ["chat", "video"]]),
        source=st.sampled_from(["plan", "bonus", "purchase"]),
        is_import=st.sampled_from([False, False, False, True]),
    )
    def grant(self, amount, unit, priority, starts, lives, promotional, scope, source, is_import) -> None:
        starts_at = None if starts is None else self.now + starts * MINUTE
        expires = None if lives is None else self.now + lives * MINUTE
        if not is_import and expires is not None and starts_at is not None and expires <= starts_at:
            return
        if is_import and (starts_at is not None or expires is None):
            return
        terms = {"priority": priority, "effective": starts_at, "expires": expires, "promotional": promotional}
        terms |= {"features": scope, "source": source}
        if is_import:
            terms["effective"] = starts_at = START - 100 * MINUTE
            if expires is not None and expires <= starts_at:
                return
        model = self.naive.import_grant if is_import else self.naive.grant
        kind = ask.Import if is_import else ask.Grant
        done = self.both(
            lambda key: model(now=self.now, amount=amount, unit=unit, key=key, **terms),
            lambda key: kind(
                key=key, account=self.account, amounts=((UNITS[unit].unit_id, amount),), source=name_number(source),
                priority=priority, features=tuple(name_number(name) for name in scope or ()), promotional=promotional,
                starts_at=starts_at, expires_at=expires,
            ),
        )  # fmt: skip
        if done:
            self.lots.append((done[0]["lot"], (unit, done[1][0].number)))

    @rule(amount=amounts, unit=units, feature=features, mode=modes)
    def charge(self, amount, unit, feature, mode) -> None:
        self.spend({unit: amount}, feature, mode)

    @rule(credits=amounts, generations=st.integers(0, 3), feature=features, mode=modes)
    def charge_both(self, credits, generations, feature, mode) -> None:
        self.spend({"credits": credits, "generations": generations}, feature, mode)

    def spend(self, said: dict[str, int], feature: str | None, mode: str) -> None:
        number = name_number(feature) if feature else 0
        done = self.both(
            lambda key: self.naive.charge(now=self.now, amount=dict(said), feature=feature, mode=mode, key=key),
            lambda key: ask.Charge(
                key=key, account=self.account, amounts=read(said), feature=number, mode=ask.Mode[mode.upper()]
            ),
        )
        if done:
            expected, entries = done
            self.charges.append((expected["charge"], place_of(entries)))
            for unit, facts in expected["units"].items():
                entry = next(entry for entry in entries if entry.unit_id == UNITS[unit].unit_id)
                assert (entry.amount, entry.uncovered) == (facts["charged"], facts["uncovered"])
                assert entry.debt == facts["owed"]

    @rule(
        credits=amounts,
        generations=st.sampled_from([None, None, 1]),
        feature=features,
        mode=modes,
        ttl=st.sampled_from([None, 5, 10, 60, 600]),
        name=st.sampled_from([None, None, "a"]),
    )
    def hold(self, credits, generations, feature, mode, ttl, name) -> None:
        said = {"credits": credits} | ({"generations": generations} if generations else {})
        lifetime = None if ttl is None else ttl * MINUTE
        number = name_number(feature) if feature else 0
        done = self.both(
            lambda key: self.naive.hold(
                now=self.now, amount=dict(said), feature=feature, mode=mode, ttl=lifetime, name=name, key=key
            ),
            lambda key: ask.Hold(
                key=key, account=self.account, amounts=read(said), feature=number, mode=ask.Mode[mode.upper()],
                ttl=lifetime, name=name_number(name) if name else 0, name_text=name or "",
            ),
        )  # fmt: skip
        if done:
            self.holds.append((done[0]["hold"], place_of(done[1])))

    @precondition(lambda self: self.holds)
    @rule(
        pick=st.integers(0, 50),
        amount=st.one_of(st.none(), amounts),
        final=st.sampled_from([True, True, False]),
        policy=st.sampled_from([None, None, "bill_full", "cap_hold", "cap_available", "reject"]),
    )
    def settle(self, pick, amount, final, policy) -> None:
        hold, place = self.holds[-1 - pick % len(self.holds)]
        parts = list(self.naive.holds[hold]["units"])
        said = None if amount is None else dict.fromkeys(parts, amount)
        chosen = None if policy is None else int(SettlePolicy[policy.upper()])
        done = self.both(
            lambda key: self.naive.settle(now=self.now, hold=hold, amount=said, final=final, policy=policy, key=key),
            lambda key: ask.Settle(
                key=key,
                hold=self.real.place(*place),
                hold_id="hld",
                amounts=read(said or {}),
                final=final,
                policy=chosen,
            ),
        )
        if done:
            for unit, facts in done[0]["units"].items():
                entry = next(entry for entry in done[1] if entry.unit_id == UNITS[unit].unit_id)
                assert (entry.amount, entry.uncovered) == (facts["charged"], facts["uncovered"])
            if not any(number == hold for number, _ in self.charges if isinstance(number, str)):
                self.charges.append((f"hold {hold}", place))  # type: ignore[arg-type]

    @precondition(lambda self: self.holds)
    @rule(pick=st.integers(0, 50))
    def release(self, pick) -> None:
        hold, place = self.holds[-1 - pick % len(self.holds)]
        self.both(
            lambda key: self.naive.release(now=self.now, hold=hold, key=key),
            lambda key: ask.Release(key=key, hold=self.real.place(*place), hold_id="hld"),
        )

    @precondition(lambda self: self.holds)
    @rule(pick=st.integers(0, 50), ttl=st.sampled_from([5, 60]))
    def extend(self, pick, ttl) -> None:
        hold, place = self.holds[-1 - pick % len(self.holds)]
        self.both(
            lambda key: self.naive.extend(now=self.now, hold=hold, ttl=ttl * MINUTE, key=key),
            lambda key: ask.Extend(key=key, hold=self.real.place(*place), hold_id="hld", ttl=ttl * MINUTE),
        )

    @precondition(lambda self: self.charges)
    @rule(pick=st.integers(0, 50), amount=st.one_of(st.none(), amounts), up_to=st.booleans())
    def refund(self, pick, amount, up_to) -> None:
        charge, place = self.charges[-1 - pick % len(self.charges)]
        if isinstance(charge, str):
            which = {"hold": int(charge.split()[1])}
            parts = list(self.naive.holds[which["hold"]]["units"])
        else:
            which = {"charge": charge}
            parts = list(self.naive.charges[charge]["units"])
        said = None if amount is None else dict.fromkeys(parts, amount)
        self.both(
            lambda key: self.naive.refund(now=self.now, amount=said, up_to=up_to, key=key, **which),
            lambda key: ask.Refund(
                key=key, charge=self.real.place(*place), charge_id="rct", amounts=read(said or {}), up_to=up_to
            ),
        )

    @rule(amount=st.one_of(st.none(), amounts), pick=st.one_of(st.none(), st.integers(0, 50)), up_to=st.booleans())
    def void(self, amount, pick, up_to) -> None:
        if pick is None and amount is None:
            return
        lot, place = (None, None) if pick is None else self.lots[-1 - pick % len(self.lots)]
        said = () if amount is None else read({place[0] if place else "credits": amount})
        self.both(
            lambda key: self.naive.void(now=self.now, lot=lot, amount=amount, up_to=up_to, key=key),
            lambda key: ask.Void(
                key=key,
                account=self.account,
                amounts=said,
                grant=self.real.place(*place) if place else None,
                up_to=up_to,
            ),
        )

    @rule(amount=st.one_of(st.none(), amounts))
    def forgive(self, amount) -> None:
        self.both(
            lambda key: self.naive.forgive(now=self.now, amount=amount, key=key),
            lambda key: ask.Forgive(key=key, account=self.account, owed=((1, amount),)),
        )

    @rule(amount=st.integers(-20, 20), unit=units)
    def adjust(self, amount, unit) -> None:
        self.both(
            lambda key: self.naive.adjust(now=self.now, amount=amount, unit=unit, key=key),
            lambda key: ask.Adjust(key=key, account=self.account, amounts=read({unit: amount})),
        )

    @rule(used=st.one_of(st.none(), st.integers(0, 120)))
    def set_used(self, used) -> None:
        if used is None:
            self.both(
                lambda key: self.naive.reset_used(now=self.now, key=key),
                lambda key: ask.ResetUsed(key=key, account=self.account, unit=1),
            )
        else:
            self.both(
                lambda key: self.naive.set_used(now=self.now, used=used, key=key),
                lambda key: ask.SetUsed(key=key, account=self.account, amounts=((1, used),)),
            )

    @rule(
        unit=units,
        overdraft=st.sampled_from([0, 0, 10, 40]),
        policy=st.sampled_from(list(SettlePolicy)),
        rest=st.sampled_from(list(RestPolicy)),
        ttl=st.sampled_from([5, 15, 60]),
        grace=st.sampled_from([0, 10, 43_200]),
    )
    def configure(self, unit, overdraft, policy, rest, ttl, grace) -> None:
        terms = Terms(overdraft, int(policy), int(rest), ttl * MINUTE, grace * MINUTE)
        said = {"overdraft": overdraft, "settle_above_hold": policy.name.lower(), "hold_ttl": ttl * MINUTE}
        said |= {"rest_of_ended_lot": rest.name.lower(), "refund_grace": grace * MINUTE}
        self.both(
            lambda key: self.naive.configure(now=self.now, unit=unit, key=key, **said),
            lambda key: ask.Configure(
                key=key, account=self.account, unit=UNITS[unit].unit_id, terms=tuple(enumerate(terms, start=1))
            ),
        )

    @rule(which=st.sampled_from(["freeze", "unfreeze"]))
    def freeze(self, which) -> None:
        kinds: dict[str, type[ask.ChangesAccount]] = {"freeze": ask.Freeze, "unfreeze": ask.Unfreeze}
        self.both(
            lambda key: getattr(self.naive, which)(now=self.now, key=key),
            lambda key: kinds[which](key=key, account=self.account),
        )

    @precondition(lambda self: self.keyed)
    @rule(pick=st.integers(0, 1000))
    def repeat(self, pick) -> None:
        """The same request under the same key, later: the first answer, and nothing moves."""
        key, naive, request = self.keyed[pick % len(self.keyed)]
        expected = naive()
        _, replayed = self.real.ask(request(key), self.now)
        assert expected["replayed"]
        assert replayed

    @invariant()
    def agree(self) -> None:
        for side in self.sides:
            self.compare(side)

    def compare(self, side: Side) -> None:
        for unit in UNITS:
            expected, wallet = side.naive.snapshot(unit, self.now), side.real.look(unit, self.now)
            got = {
                "balance": wallet.balance,
                "held": wallet.held,
                "covered": wallet.covered,
                "bare": wallet.bare,
                "debt": wallet.debt,
                "overdraft": wallet.terms.overdraft,
                "available": sum_available(wallet, 0),
                **{name: getattr(wallet, name) for name in ("granted", "refunded", "adjusted", "spent", "expired")},
            }
            assert got == {name: expected[name] for name in got}
            lots = [lot.remaining for _, lot in sorted(wallet.lots.items()) if lot.started]
            assert [x for x in lots if x] == [left for _, left in sorted(expected["lots"].items()) if left]
            debts = [debt.remaining for _, debt in sorted(wallet.debts.items()) if debt.remaining]
            assert debts == [left for _, left in sorted(expected["debts"].items())]
            holds = [HoldState(hold.state).name.lower() for _, hold in sorted(wallet.holds.items())]
            states = [state for _, state in sorted(expected["holds"].items())]
            if not isinstance(side.real, RealAccount):
                # Whoever reads is shown open holds only, and those that time out at this very look.
                holds, states = ([state for state in each if state == "open"] for each in (holds, states))
            assert holds == states
            for feature in ("chat", "video"):
                there = sum_available(wallet, name_number(feature))
                assert there == side.naive.available(unit, self.now, feature)


def read(said: dict[str, int]) -> tuple[tuple[int, int], ...]:
    return tuple((UNITS[unit].unit_id, amount) for unit, amount in said.items())


def place_of(entries: list[Entry]) -> tuple[str, int]:
    unit = next(name for name, unit in UNITS.items() if unit.unit_id == entries[0].lead_unit)
    return unit, entries[0].lead_number


class StoredLedgers(Ledgers):
    """The same through the engine, in one database that both accounts share; at the end every law over all of it."""

    kind = "memory"

    def open_accounts(self) -> Sequence[RealAccount | StoredAccount]:
        self.shelf = Shelf(self.kind)
        return [self.shelf.open_account("acme"), self.shelf.open_account("umbrella")]

    def teardown(self) -> None:
        self.shelf.close()


class FileLedgers(StoredLedgers):
    kind = "sqlite"


class ServerLedgers(StoredLedgers):
    kind = "postgres"


TestLedgers = Ledgers.TestCase
TestStoredLedgers = StoredLedgers.TestCase
TestFileLedgers = FileLedgers.TestCase
TestServerLedgers = ServerLedgers.TestCase
EXAMPLES = int(os.environ.get("FARTHING_EXAMPLES", "100"))
SHRINKS = "FARTHING_EXAMPLES" not in os.environ
PHASES = tuple(phase for phase in Phase if SHRINKS or phase is not Phase.shrink)
TestLedgers.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None, phases=PHASES)
TestStoredLedgers.settings = settings(TestLedgers.settings, max_examples=EXAMPLES // 2)
TestFileLedgers.settings = settings(TestLedgers.settings, max_examples=EXAMPLES // 4)
TestServerLedgers.settings = settings(TestLedgers.settings, max_examples=max(1, EXAMPLES // 8))

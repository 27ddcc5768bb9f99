"""Every kind of request with terms drawn by dice: charges, holds and grants, and what undoes and corrects them.

A kind is a method named after it; `standing.py` adds what recurs, caps, warns and takes back, `paths.py` how often.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from farthing.values import requests as ask
from farthing.values.entries import Entry
from farthing.values.requests import Place
from farthing.values.wallets import RestPolicy, SettlePolicy, Terms

from .metered import draw_meters, make_priced, say
from .real import UNITS
from .walk import Pair, Thing, check, number, numbers, pick, read, tell_about

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
FEATURES = (None, None, "chat", "video")
MODES = ("strict", "strict", "strict", "record", "all_available")
LIVES = (None, None, 5 * MINUTE, 10 * MINUTE, HOUR, DAY, 40 * DAY, 400 * DAY, -5 * MINUTE)
About = dict[str, str] | None
Meters = dict[str, dict[str, Any]] | None


class Steps(Pair):
    def draw_amount(self, dice: Random) -> int:
        return int(pick(dice, (0, 1, 2, 3, 5, 7, 10, 12, 12, 50, 100)))

    def draw_unit(self, dice: Random) -> str:
        return str(pick(dice, ("credits", "credits", "credits", "credits", "generations")))

    def draw_thing(self, dice: Random, things: list[Thing]) -> Thing:
        """One of them, the late ones rather than the early ones."""
        return things[-1 - int(dice.random() * min(len(things), 12))]

    def draw_about(self, dice: Random) -> About:
        """Work that says who did it, and with what."""
        if dice.random() < 0.5:
            return None
        said = {"member": pick(dice, (None, "ann", "ben")), "model": pick(dice, (None, "small", "large"))}
        said["api_key"] = pick(dice, (None, None, "k1"))
        return {what: name for what, name in said.items() if name} or None

    def grant(self, dice: Random) -> None:
        unit = self.draw_unit(dice)
        starts, lives = pick(dice, (None, None, None, None, 5 * MINUTE, DAY, DAY)), pick(dice, LIVES)
        starts_at = None if starts is None else self.now + starts
        if self.is_test:
            starts_at = None
        expires = None if lives is None else max(self.now, starts_at or 0) + lives
        if lives is not None and lives < 0 and starts_at is not None:
            expires = starts_at + DAY
        said: dict[str, Any] = {
            "amount": self.draw_amount(dice), "unit": unit, "priority": pick(dice, (50, 50, 40, 60)),
            "effective": starts_at, "expires": expires, "promotional": dice.random() < 0.3,
            "features": pick(dice, (None, None, None, ("chat",), ("video",), ("chat", "video"))),
            "source": pick(dice, ("plan", "bonus", "purchase")), "cost": pick(dice, (0, 0, 100, 999)),
            "extends": dice.random() < 0.1, "until_turn": "", "top_up": 0,
        }  # fmt: skip
        if dice.random() < 0.15:
            said["until_turn"] = pick(dice, ("a", "b", "c"))
        paid = None
        if self.purchases and dice.random() < 0.3:
            paid = self.draw_thing(dice, self.purchases)
            unit = said["unit"] = paid.unit
            said["top_up"] = paid.naive
        done = self.both("grant", said, lambda key: ask.Grant(
            key=key, account=self.account, amounts=read({unit: said["amount"]}), source=number(said["source"]),
            priority=said["priority"], features=numbers(said["features"]), promotional=said["promotional"],
            starts_at=starts_at, expires_at=None if said["until_turn"] else expires, cost_minor=said["cost"],
            until_turn=said["until_turn"], extends=said["extends"], top_up=paid.number if paid else 0,
        ), is_keyed=dice.random() < 0.1)  # fmt: skip
        if done:
            self.grants.append(Thing(unit, done[0]["lot"], done[1][0].number))
            if said["until_turn"]:
                self.tied.add((unit, done[1][0].number))

    def import_grant(self, dice: Random) -> None:
        """A grant from before: it may be dead on arrival."""
        unit, amount, began = self.draw_unit(dice), self.draw_amount(dice), self.now - 400 * DAY
        expires = self.now + pick(dice, (-DAY, -MINUTE, DAY, 40 * DAY))
        if self.is_test:
            expires = pick(dice, (expires, None))
        said = {"amount": amount, "unit": unit, "effective": began, "expires": expires, "source": "purchase"}
        done = self.both("import_grant", said, lambda key: ask.Import(
            key=key, account=self.account, amounts=read({unit: amount}), source=number("purchase"), starts_at=began,
            expires_at=expires,
        ))  # fmt: skip
        if done:
            self.grants.append(Thing(unit, done[0]["lot"], done[1][0].number))

    def charge(self, dice: Random) -> None:
        said = {self.draw_unit(dice): self.draw_amount(dice)}
        if dice.random() < 0.1:
            said = {"credits": self.draw_amount(dice), "generations": pick(dice, (0, 1, 2))}
        feature, mode, about, is_keyed = pick(dice, FEATURES), pick(dice, MODES), self.draw_about(dice), dice.random()
        self.ask_charge(said, feature, mode, about, is_keyed < 0.1, self.draw_meters(dice, said))

    def draw_meters(self, dice: Random, units: Iterable[str]) -> Meters:
        return draw_meters(dice, units, self.now)

    def ask_charge(
        self,
        said: dict[str, int],
        feature: str | None,
        mode: str,
        about: About,
        is_keyed: bool = False,
        meters: Meters = None,
    ) -> None:
        done = self.both(
            "charge",
            {"amount": said, "feature": feature, "mode": mode, "about": about, **tell_meters(meters)},
            lambda key: ask.Charge(
                key=key, account=self.account, amounts=read(said), feature=number(feature), mode=ask.Mode[mode.upper()],
                about=tell_about(about), priced=make_priced(meters),
            ),
            is_keyed=is_keyed,
        )  # fmt: skip
        if done:
            self.charges.append(Thing("charge", done[0]["charge"], self.find_lead(done[1])))
            for unit, facts in done[0]["units"].items():
                entry = find_entry(done[1], unit)
                told = (entry.amount, entry.uncovered, entry.debt)
                check("charged", told, (facts["charged"], facts["uncovered"], facts["owed"]))

    def record(self, dice: Random) -> None:
        unit, amount, feature = self.draw_unit(dice), self.draw_amount(dice), pick(dice, FEATURES)
        about = self.draw_about(dice)
        meters = self.draw_meters(dice, (unit,))
        said = {"amount": amount, "unit": unit, "feature": feature, "mode": "record", "about": about}
        said |= tell_meters(meters)
        done = self.both("charge", said, lambda key: ask.Record(
            key=key, account=self.account, amounts=read({unit: amount}), feature=number(feature),
            about=tell_about(about), priced=make_priced(meters),
        ))  # fmt: skip
        if done:
            self.charges.append(Thing("charge", done[0]["charge"], self.find_lead(done[1])))

    def find_lead(self, entries: list[Entry]) -> int:
        """A charge's or hold's own place: the number of its lead, and in `Thing.unit` what it is."""
        return entries[0].lead_number * 10 + entries[0].lead_unit

    def place(self, thing: Thing) -> Place:
        unit = next(name for name, unit in UNITS.items() if unit.unit_id == thing.number % 10)
        return self.real.place(unit, thing.number // 10)

    def hold(self, dice: Random) -> None:
        said = {self.draw_unit(dice): self.draw_amount(dice)}
        if dice.random() < 0.1:
            said = {"credits": self.draw_amount(dice), "generations": 1}
        ttl = pick(dice, (None, 5 * MINUTE, HOUR, DAY, 35 * DAY))
        terms = {"feature": pick(dice, FEATURES), "mode": pick(dice, MODES), "name": pick(dice, (None, None, "a"))}
        self.ask_hold(said, ttl, about=self.draw_about(dice), meters=self.draw_meters(dice, said), **terms)

    def ask_hold(
        self,
        said: dict[str, int],
        ttl: int | None,
        *,
        feature: str | None = None,
        mode: str = "strict",
        name: str | None = None,
        about: About = None,
        meters: Meters = None,
    ) -> None:
        told = {"feature": feature, "mode": mode, "ttl": ttl, "name": name, "about": about, **tell_meters(meters)}
        done = self.both(
            "hold",
            {"amount": said, **told},
            lambda key: ask.Hold(
                key=key, account=self.account, amounts=read(said), feature=number(feature),
                mode=ask.Mode[mode.upper()], ttl=ttl, name=number(name), name_text=name or "", about=tell_about(about),
                priced=make_priced(meters),
            ),
        )  # fmt: skip
        if done:
            self.holds.append(Thing("hold", done[0]["hold"], self.find_lead(done[1])))

    def settle(self, dice: Random) -> None:
        if not self.holds:
            return self.hold(dice)
        hold = self.draw_thing(dice, self.holds)
        amount = pick(dice, (None, self.draw_amount(dice), self.draw_amount(dice)))
        said = None if amount is None else dict.fromkeys(self.naive.holds[hold.naive]["units"], amount)
        final = dice.random() < 0.7
        policy = pick(dice, (None, None, "bill_full", "cap_hold", "cap_available", "reject"))
        meters = self.draw_meters(dice, self.naive.holds[hold.naive]["units"])
        done = self.both(
            "settle",
            {"hold": hold.naive, "amount": said, "final": final, "policy": policy, **tell_meters(meters)},
            lambda key: ask.Settle(
                key=key, hold=self.place(hold), hold_id="hld", amounts=read(said or {}), final=final,
                policy=None if policy is None else int(SettlePolicy[policy.upper()]), priced=make_priced(meters),
            ),
        )  # fmt: skip
        if done:
            for unit, facts in done[0]["units"].items():
                entry = find_entry(done[1], unit)
                check("settled", (entry.amount, entry.uncovered), (facts["charged"], facts["uncovered"]))
            if hold not in self.charges:
                self.charges.append(hold)

    def release(self, dice: Random) -> None:
        if self.holds:
            hold = self.draw_thing(dice, self.holds)
            self.both("release", {"hold": hold.naive}, lambda key: ask.Release(
                key=key, hold=self.place(hold), hold_id="hld"
            ))  # fmt: skip

    def extend(self, dice: Random) -> None:
        if self.holds:
            hold, ttl = self.draw_thing(dice, self.holds), pick(dice, (5 * MINUTE, DAY))
            self.both("extend", {"hold": hold.naive, "ttl": ttl}, lambda key: ask.Extend(
                key=key, hold=self.place(hold), hold_id="hld", ttl=ttl
            ))  # fmt: skip

    def refund(self, dice: Random) -> None:
        if not self.charges:
            return self.charge(dice)
        charge, amount = self.draw_thing(dice, self.charges), pick(dice, (None, self.draw_amount(dice)))
        if self.is_blurred(charge):
            return self.tidy(dice)
        rows = self.naive.charges if charge.unit == "charge" else self.naive.holds
        said = None if amount is None else dict.fromkeys(rows[charge.naive]["units"], amount)
        up_to = dice.random() < 0.5
        done = self.both(
            "refund",
            {charge.unit: charge.naive, "amount": said, "up_to": up_to},
            lambda key: ask.Refund(
                key=key, charge=self.place(charge), charge_id="rct", amounts=read(said or {}), up_to=up_to
            ),
            is_keyed=dice.random() < 0.1,
        )
        if done:
            for unit, facts in done[0]["units"].items():
                check("refunded", find_entry(done[1], unit).amount, facts["refunded"])

    def is_blurred(self, charge: Thing) -> bool:
        """Whether several allowances paid its debt. Of turns that are written as one the core knows how much each paid,
        but not in turn, and so gives back to others of them than the model does."""
        row = self.naive.charges[charge.naive] if charge.unit == "charge" else self.naive.holds[charge.naive]["bill"]
        for part in row["units"].values():
            for debt, _ in part["debts"]:
                payers = [self.naive.lots.get(lot, {}) for lot, _ in self.naive.debts[debt]["payers"]]
                if len({lot["allowance"] for lot in payers if lot.get("is_given")}) > 1:
                    return True
        return False

    def void(self, dice: Random) -> None:
        amount, up_to = self.draw_amount(dice), dice.random() < 0.5
        if self.grants and dice.random() < 0.5:
            grant = self.draw_thing(dice, self.grants)
            all_of_it = dice.random() < 0.2
            self.both(
                "void",
                {"lot": grant.naive, "amount": None if all_of_it else amount, "up_to": up_to},
                lambda key: ask.Void(
                    key=key, account=self.account, amounts=() if all_of_it else read({grant.unit: amount}),
                    grant=self.real.place(grant.unit, grant.number), up_to=up_to,
                ),
            )  # fmt: skip
            return
        unit = self.draw_unit(dice)
        self.both("void", {"amount": amount, "unit": unit, "up_to": up_to}, lambda key: ask.Void(
            key=key, account=self.account, amounts=read({unit: amount}), up_to=up_to
        ))  # fmt: skip

    def forgive(self, dice: Random) -> None:
        unit, amount = self.draw_unit(dice), pick(dice, (None, self.draw_amount(dice)))
        self.both("forgive", {"amount": amount, "unit": unit}, lambda key: ask.Forgive(
            key=key, account=self.account, owed=((UNITS[unit].unit_id, amount),)
        ))  # fmt: skip

    def adjust(self, dice: Random) -> None:
        unit, amount = self.draw_unit(dice), pick(dice, (-20, -7, -1, 0, 3, 20))
        self.both("adjust", {"amount": amount, "unit": unit}, lambda key: ask.Adjust(
            key=key, account=self.account, amounts=read({unit: amount})
        ))  # fmt: skip

    def set_used(self, dice: Random) -> None:
        unit = self.draw_unit(dice)
        if dice.random() < 0.4:
            done = self.both("reset_used", {"unit": unit}, lambda key: self.make_reset(unit, key))
        else:
            used = pick(dice, (0, 1, 5, 20, 60, 120))
            done = self.both("set_used", {"used": used, "unit": unit}, lambda key: ask.SetUsed(
                key=key, account=self.account, amounts=read({unit: used})
            ))  # fmt: skip
        if done:
            check("adjusted", find_entry(done[1], unit).adjusted, done[0]["units"][unit]["adjusted"])

    def make_reset(self, unit: str, key: str) -> ask.ResetUsed:
        return ask.ResetUsed(key=key, account=self.account, unit=UNITS[unit].unit_id)

    def configure(self, dice: Random) -> None:
        unit = self.draw_unit(dice)
        policy, rest = pick(dice, tuple(SettlePolicy)), pick(dice, tuple(RestPolicy))
        said = {"overdraft": pick(dice, (0, 0, 10, 40)), "settle_above_hold": policy.name.lower()}
        said |= {"rest_of_ended_lot": rest.name.lower(), "hold_ttl": pick(dice, (5 * MINUTE, HOUR))}
        said |= {"refund_grace": pick(dice, (0, 10 * MINUTE, 30 * DAY))}
        terms = Terms(said["overdraft"], int(policy), int(rest), said["hold_ttl"], said["refund_grace"])
        self.both("configure", {"unit": unit, **said}, lambda key: ask.Configure(
            key=key, account=self.account, unit=UNITS[unit].unit_id, terms=tuple(enumerate(terms[:5], start=1))
        ))  # fmt: skip

    def freeze(self, dice: Random) -> None:
        """For one request, most of the time: what a frozen account refuses is soon told."""
        state = self.naive.account["state"]
        thaws = state == "frozen" or dice.random() < 0.5
        word, kind = ("unfreeze", ask.Unfreeze) if thaws else ("freeze", ask.Freeze)
        self.both(word, {}, lambda key: kind(key=key, account=self.account))

    def close(self, dice: Random) -> None:
        """Seldom: nothing new comes after it."""
        if dice.random() < 0.02:
            self.both("close", {}, lambda key: ask.Close(key=key, account=self.account))

    def tidy(self, dice: Random) -> None:
        unit = self.draw_unit(dice)
        self.both("tidy", {"unit": unit}, lambda key: ask.Tidy(
            key=key, account=self.account, unit=UNITS[unit].unit_id
        ))  # fmt: skip

    def repeat(self, dice: Random) -> None:
        """The same request under the same key, later: the first answer, and nothing moves."""
        if self.keyed:
            self.check_replay(*pick(dice, self.keyed))

    def check_replay(self, key: str, word: str, said: dict[str, Any], request: ask.Request) -> None:
        expected = getattr(self.naive, word)(now=self.now, key=key, **said)
        _, replayed = self.real.ask(request, self.now)
        check("replayed", replayed, expected["replayed"])


def tell_meters(meters: Meters) -> dict[str, Any]:
    """The model's words for them."""
    return {} if meters is None else {"meters": meters, "priced": say(meters)}


def find_entry(entries: list[Entry], unit: str) -> Entry:
    return next(entry for entry in entries if entry.unit_id == UNITS[unit].unit_id)

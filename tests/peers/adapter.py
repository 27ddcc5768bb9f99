"""From the cases' vocabulary to Farthing's public face, and back: steps become calls, answers the cases' own words.

Nothing here reaches behind the face. An operation is a method named after it; a word that is asserted is a reader in
`READERS`. Holds live for 400 days unless a case gives a ttl (cases give none where time plays no part), and a refund
to an ended lot is breakage unless a case says how long it should live. Where more is to be bought the player is the
payments room: the purchase comes at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import farthing
from farthing.testing import FrozenClock
from tests.peers import calendar, pricing, prorating, reckoning
from tests.peers.recurring import MODES, Recurring, read_allowance, read_rollover, read_rule

ACCOUNT = "acme"
START = datetime(2024, 1, 1, tzinfo=UTC)
LONG_LIFE = timedelta(days=400)
REASONS = {"hold_unknown": {"hold_not_found", "id_invalid"}, "hold_closed": {"hold_ended"}}
"""The codes behind the reasons that cases hint at; any other hint is satisfied by any refusal."""

Step = dict[str, Any]
Merged = dict[str, Decimal]


class UnknownWord(Exception):
    """A word that is not in the vocabulary."""


@dataclass
class Answer:
    """What came of one step. `receipt` is also there for a replay; `value` for what needs no wallet."""

    outcome: str = "ok"
    receipt: farthing.Receipt | None = None
    refusal: farthing.Refused | None = None
    value: Any = None


def find_start(steps: list[Step]) -> datetime:
    """When a case begins."""
    return next((datetime.fromisoformat(step["at"]) for step in steps if "at" in step), START)


def find_unit(setup: list[dict[str, Any]]) -> tuple[str, int]:
    """Name and scale of the unit in which a case counts."""
    said = next((setting for setting in setup if setting.get("set") == "unit"), {})
    return str(said.get("unit", "credits")), int(said.get("scale", 6))


class Player:
    """Plays the steps of one case on an account of its own; knows which of our ids stands for which of its names."""

    def __init__(self, ledger: farthing.Ledger, clock: FrozenClock, setup: list[dict[str, Any]]) -> None:
        self.ledger = ledger
        self.clock = clock
        self.unit = pricing.find_unit(setup)
        self.grants: dict[str, str] = {}
        self.holds: dict[str, str] = {}
        self.charges: dict[str, str] = {}
        self.granted_names: set[str] = set()
        self.allowances: dict[str, Recurring] = {}
        self.codes: dict[Decimal, list[str]] = {}
        self.clawback_spent = "debt"
        self.written_off = Decimal(0)
        self.topups: list[Decimal] = []
        self.waiting_rule: farthing.TopUp | None = None
        terms: dict[str, Any] = {"refund_grace": 0, "hold_ttl": LONG_LIFE}
        for setting in setup:
            terms |= self.read_setting(setting)
        ledger.open_account(ACCOUNT)
        ledger.configure(ACCOUNT, **terms)

    def read_setting(self, setting: dict[str, Any]) -> dict[str, Any]:
        """A setting as one of our terms."""
        match setting.get("set"):
            case "overdraft":
                return {"overdraft": setting["limit"]}
            case "settle_above_hold":
                return {"settle_above_hold": setting.get("policy", "bill_full")}
            case "refund_grace_days":
                return {"refund_grace": int(setting["days"])}
            case "clawback_spent":
                self.clawback_spent = setting.get("policy", "debt")
                return {}
            case "alert":
                for threshold in setting["thresholds"]:
                    self.codes.setdefault(Decimal(threshold["at"]), []).append(threshold["code"])
                return {"alerts": list(self.codes)}
            case "auto_topup":
                self.waiting_rule = read_rule(setting)
                return {}
            case "unit":
                return {}
        raise UnknownWord(f"no such setting: {setting.get('set')}")

    def move_clock(self, step: Step) -> datetime | None:
        """Go to the step's time; a step from before now is reported late, with the time when it happened."""
        if "at" not in step:
            return None
        moment = datetime.fromisoformat(step["at"])
        if moment < self.clock.at:
            return moment
        self.clock.move_to(moment)
        return None

    def play(self, step: Step) -> Answer:
        """One step at its time. What is wrong with it is the answer, not an exception; only bugs are raised."""
        perform = self.find_operation(step["do"])
        happened_at = self.move_clock(step)
        if self.allowances:
            self.name_lots()
        said = {"key": step.get("key"), "effective_at": happened_at}
        try:
            answer = perform(self, step, said)
        except farthing.KeyReused as refusal:
            return Answer("key_reused", refusal=refusal)
        except farthing.Refused as refusal:
            return Answer("refused", refusal=refusal)
        if answer.receipt is not None and answer.receipt.replayed:
            answer.outcome = "replayed"
        elif answer.receipt is not None:
            self.buy_what_is_wanted(answer.receipt)
        return answer

    def buy_what_is_wanted(self, receipt: farthing.Receipt) -> None:
        """At most one purchase a request. A case's own rule begins after the first request that was not refused: on the
        empty wallet that is there before it, a purchase would come of setting the rule alone."""
        told = receipt.alerts
        if self.waiting_rule is not None:
            told += self.ledger.configure(ACCOUNT, top_up=self.waiting_rule).alerts
            self.waiting_rule = None
        for alert in told:
            if alert.kind == "top_up" and alert.amount is not None:
                self.ledger.grant(ACCOUNT, alert.amount, source="purchase", top_up=alert.id)
                self.topups.append(alert.amount)

    def find_operation(self, name: str) -> Callable[["Player", Step, Step], Answer]:
        """What a word does. Raises `UnknownWord`."""
        operation = OPERATIONS.get(name)
        if operation is None:
            raise UnknownWord(f"no such operation: {name}")
        return operation

    def grant(self, step: Step, said: Step) -> Answer:
        """An end that has passed is an import, which forces it, unless the case wants it refused."""
        terms: dict[str, Any] = {name: step[name] for name in ("priority", "promotional", "features") if name in step}
        if step.get("effective"):
            terms["starts_at"] = datetime.fromisoformat(step["effective"])
        if step.get("expires"):
            terms["expires_at"] = datetime.fromisoformat(step["expires"])
        if step.get("paid_money"):
            terms |= {"source": "purchase", "paid": (int(step["paid_money"]), "USD")}
        is_past = "expires_at" in terms and terms["expires_at"] <= self.clock.at
        give = self.ledger.import_grant if is_past and not step.get("reject_past") else self.ledger.grant
        self.granted_names.add(step["id"])
        receipt = give(ACCOUNT, step["amount"], **terms, **said)
        self.grants[step["id"]] = str(receipt.grant)
        return Answer(receipt=receipt)

    def allowance(self, step: Step, said: Step) -> Answer:
        recurring, terms = read_allowance(step)
        receipt = self.ledger.allow(ACCOUNT, step["amount"], **terms, **said)
        self.allowances.setdefault(step["id"], recurring)
        return Answer(receipt=receipt)

    def change_allowance(self, step: Step, said: Step) -> Answer:
        """The period in hand has another lot from then on, or the same under another name."""
        mode = MODES[step.get("mode", "fresh")]
        rollover = {} if step.get("rollover") is None else read_rollover(step["rollover"])
        terms = {"name": step["id"], "mode": mode, **rollover}
        receipt = self.ledger.change_allowance(ACCOUNT, step.get("amount"), **terms, **said)
        changed = self.allowances[step["id"]]
        if rollover:
            changed.rolls_over = rollover["rollover"] != "none"
        if step.get("amount") is not None:
            number = changed.find_number(self.clock.at)
            in_hand = receipt.grant if mode == "replace" else self.grants.get(f"{changed.name}/{number}")
            changed.changed.add(str(in_hand))
        return Answer(receipt=receipt)

    def clawback(self, step: Step, said: Step) -> Answer:
        grant, policy = self.grants.get(step["of"]) or str(step["of"]), self.clawback_spent
        receipt = self.ledger.clawback(grant, money=int(step["money"]), policy=policy, **said)
        if policy == "write_off" and not receipt.replayed:
            self.written_off += receipt.uncovered
        return Answer(receipt=receipt)

    def change_rule(self, step: Step, said: Step) -> Answer:
        """`topup_rule`: in the place of the one that was."""
        self.waiting_rule = None
        return Answer(receipt=self.ledger.configure(ACCOUNT, top_up=read_rule(step), **said))

    def charge(self, step: Step, said: Step) -> Answer:
        mode, feature = step.get("mode", "strict"), step.get("feature")
        receipt = self.ledger.charge(ACCOUNT, step["amount"], feature=feature, mode=mode, **said)
        return self.name_charge(step, receipt)

    def hold(self, step: Step, said: Step) -> Answer:
        mode = "shrink" if step.get("shrink") else step.get("mode", "strict")
        ttl = None if step.get("ttl") is None else read_seconds(step["ttl"])
        feature = step.get("feature")
        hold = self.ledger.hold(ACCOUNT, step["amount"], name=step["id"], feature=feature, ttl=ttl, mode=mode, **said)
        self.holds[step["id"]] = hold.id
        return Answer(receipt=hold.receipt)

    def extend(self, step: Step, said: Step) -> Answer:
        return Answer(receipt=self.ledger.extend(self.find_hold(step["id"]), read_seconds(step["ttl"]), **said))

    def settle(self, step: Step, said: Step) -> Answer:
        amount, final, policy = step.get("amount"), step.get("final", True), step.get("policy")
        receipt = self.ledger.settle(self.find_hold(step["id"]), amount, final=final, policy=policy, **said)
        return self.name_charge(step, receipt)

    def name_charge(self, step: Step, receipt: farthing.Receipt) -> Answer:
        """Remember a charge or settle that the case refers to later."""
        if "as" in step:
            self.charges[step["as"]] = receipt.id
        return Answer(receipt=receipt)

    def release(self, step: Step, said: Step) -> Answer:
        return Answer(receipt=self.ledger.release(self.find_hold(step["id"]), **said))

    def refund(self, step: Step, said: Step) -> Answer:
        charge = self.charges.get(step["of"]) or self.find_hold(step["of"])
        return Answer(receipt=self.ledger.refund(charge, step.get("amount"), **said))

    def void(self, step: Step, said: Step) -> Answer:
        grant = None if step.get("grant") is None else self.grants.get(step["grant"], step["grant"])
        return Answer(receipt=self.ledger.void(ACCOUNT, step.get("amount"), grant=grant, **said))

    def forgive(self, step: Step, said: Step) -> Answer:
        return Answer(receipt=self.ledger.forgive(ACCOUNT, step.get("amount"), **said))

    def look(self, step: Step, said: Step) -> Answer:
        """`advance` and `balance`: time passed, and nobody asks for anything."""
        return Answer()

    def reckon(self, step: Step, said: Step) -> Answer:
        """The operations on the calendar and on numbers, which need no wallet."""
        return Answer(value=WITHOUT_A_WALLET[step["do"]](step))

    def quote(self, step: Step, said: Step) -> Answer:
        """What something costs, without a wallet."""
        return Answer(value=pricing.quote(step, self.unit))

    def find_hold(self, name: str) -> str:
        """The id behind a name; a charge's for what is no hold, and the name itself for what is nothing."""
        return self.holds.get(name) or self.charges.get(name) or name

    def balance(self) -> farthing.Balance:
        """What the account has now."""
        return self.ledger.balance(ACCOUNT)

    def count_lots(self, names: list[str]) -> Merged:
        """What each named grant has left; what ended, waits or was refused has nothing."""
        self.name_lots()
        live = {lot.grant: lot.remaining for lot in self.balance().lots}
        missing = [
            name for name in names if name not in self.granted_names and name.split("/")[0] not in self.allowances
        ]
        if missing:
            raise UnknownWord(f"no such lot: {missing[0]}")
        return {name: live.get(self.grants.get(name, ""), Decimal(0)) for name in names}

    def name_lots(self) -> None:
        """Give the lots of allowances the names that they have now; one that ended keeps its last."""
        known = {grant: name for name, grant in self.grants.items()}
        sources = {allowance.source: allowance for allowance in self.allowances.values()}
        for lot in self.balance().lots:
            if lot.source in sources:
                name = sources[lot.source].name_lot(lot, self.clock.at)
                if known.get(lot.grant) != name:
                    self.grants.pop(known.get(lot.grant, ""), None)
                    self.grants[name] = lot.grant

    def list_carried(self) -> list[Decimal]:
        """What lots of earlier periods have left, oldest first."""
        self.name_lots()
        names = {grant: name for name, grant in self.grants.items()}
        lots = sorted(self.balance().lots, key=lambda lot: lot.starts_at)
        return [lot.remaining for lot in lots if "/carry" in names.get(lot.grant, "")]

    def name_shares(self, answer: Answer) -> list[list[Any]]:
        """What each grant gave or got in a step, by the case's own names."""
        if answer.receipt is None:
            return []
        names = {grant: name for name, grant in self.grants.items()}
        return [[names.get(share.grant, share.grant), share.amount] for share in answer.receipt.lots]

    def name_alerts(self, answer: Answer) -> list[str]:
        """The codes of the thresholds that a step came down to."""
        if answer.receipt is None or answer.outcome != "ok":
            return []
        thresholds = [alert.threshold for alert in answer.receipt.alerts if alert.threshold is not None]
        return [code for threshold in thresholds for code in self.codes[threshold]]

    def sum_written_off(self) -> Decimal:
        """What was forgiven so far, and what clawbacks let go."""
        lines = self.ledger.history(ACCOUNT)
        return sum((line.amount for line in lines if line.kind == "forgiven"), self.written_off)

    def read(self, word: str, expected: Any, answer: Answer) -> Any:
        """What Farthing says where a case expects something. Raises `UnknownWord`."""
        reader = READERS.get(word)
        if reader is None:
            raise UnknownWord(f"no such assertion: {word}")
        return reader(self, expected, answer)


def read_seconds(seconds: Any) -> timedelta:
    """A number of seconds, exactly."""
    return timedelta(microseconds=int(Decimal(str(seconds)) * 1_000_000))


def read_amount(player: Player, expected: Any, answer: Answer) -> Any:
    return answer.value if answer.receipt is None else answer.receipt.amount


def read_reason(player: Player, expected: Any, answer: Answer) -> Any:
    """The hint itself where the refusal is of that kind."""
    if answer.refusal is None:
        return None
    codes = REASONS.get(expected, {answer.refusal.code})
    return expected if answer.refusal.code in codes else answer.refusal.code


def read_available(player: Player, expected: Any, answer: Answer) -> Decimal:
    """All live lots, whatever they are scoped to, and overdraft, less debt and what holds have taken on overdraft."""
    balance = player.balance()
    return balance.spendable + balance.overdraft


def read_reckoned(word: str) -> Callable[[Player, Any, Answer], Any]:
    """What a step on the calendar said under a word; nothing when it was another step."""
    return lambda player, expected, answer: answer.value.get(word) if isinstance(answer.value, dict) else None


def read_balance(player: Player, expected: Any, answer: Answer) -> Decimal:
    balance = player.balance()
    return balance.spendable + balance.held


Operation = Callable[[Player, Step, Step], Answer]

WITHOUT_A_WALLET: dict[str, Callable[[Step], Any]] = {
    **calendar.OPERATIONS,
    **reckoning.OPERATIONS,
    **prorating.OPERATIONS,
}

OPERATIONS: dict[str, Operation] = {
    "grant": Player.grant,
    "charge": Player.charge,
    "hold": Player.hold,
    "extend": Player.extend,
    "settle": Player.settle,
    "release": Player.release,
    "refund": Player.refund,
    "void": Player.void,
    "forgive": Player.forgive,
    "advance": Player.look,
    "balance": Player.look,
    "allowance": Player.allowance,
    "change_allowance": Player.change_allowance,
    "clawback": Player.clawback,
    "topup_rule": Player.change_rule,
    "quote": Player.quote,
    **dict.fromkeys(WITHOUT_A_WALLET, Player.reckon),
}

READERS: dict[str, Callable[[Player, Any, Answer], Any]] = {
    "outcome": lambda player, expected, answer: answer.outcome,
    "reason": read_reason,
    "amount": read_amount,
    "price": lambda player, expected, answer: answer.value,
    "drew": lambda player, expected, answer: player.name_shares(answer),
    "to": lambda player, expected, answer: player.name_shares(answer),
    "parts": lambda player, expected, answer: answer.value,
    "available": read_available,
    "available_for": lambda player, expected, answer: {
        feature: player.ledger.available(ACCOUNT, feature) for feature in expected
    },
    "balance": read_balance,
    "held": lambda player, expected, answer: player.balance().held,
    "debt": lambda player, expected, answer: player.balance().debt,
    "breakage": lambda player, expected, answer: player.balance().expired,
    "written_off": lambda player, expected, answer: player.sum_written_off(),
    "lots": lambda player, expected, answer: player.count_lots(list(expected)),
    "carried": lambda player, expected, answer: player.list_carried(),
    "alerts": lambda player, expected, answer: player.name_alerts(answer),
    "topups": lambda player, expected, answer: player.topups,
    **{word: read_reckoned(word) for word in calendar.WORDS},
}
"""The words of an assertion, each as Farthing says it."""

OF_THE_STEP = frozenset({"outcome", "reason", "amount", "price", "drew", "to", "parts", "alerts", *calendar.WORDS})
"""Words about the step itself; the others are about what there is after it."""

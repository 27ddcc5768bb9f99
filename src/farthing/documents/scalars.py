"""The kinds of value that a catalog document has: numbers, amounts, money, choices, names. Times are in `spans.py`.

Each is a `Scalar`: how it is read, shown to people, told to editors. Whoever reads one raises a child of `Invalid`; the
place is added by `reading.py`. Numbers are exact: no float is ever made.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Final

from farthing.documents.currencies import MINOR_DIGITS
from farthing.documents.shapes import Around, Scalar
from farthing.tariff.catalog import Money
from farthing.tariff.wording import show_fraction, show_parts
from farthing.values.amounts import Unit, read_amount, to_text
from farthing.values.bounds import WHOLE_PERCENT
from farthing.values.errors import TermInvalid
from farthing.values.names import read_name

LONGEST_GUESSED: Final = 64
"""Characters of an unknown word for which near ones are looked for."""
FINEST: Final = Unit(0, "", 12, 0)
"""Stands for a unit that is itself at fault, so that its amounts are not blamed too."""


def quote(value: object) -> str:
    """What the document says, safe to print."""
    if isinstance(value, Decimal):
        return str(value)[:60]
    for kinds, said in (((dict,), "a table"), ((list,), "a list"), ((date, time), "a date")):
        if isinstance(value, kinds):
            return said
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number without end"
    return ascii(value)[:60]


def refuse(value: object, problem: str, advice: str) -> TermInvalid:
    """The error that says why a value will not do."""
    return TermInvalid(what="value", given=quote(value), problem=problem, advice=advice)


def advise(given: object, known: Sequence[str]) -> str:
    """The nearest of the known words, or all of them."""
    is_guessable = isinstance(given, str) and len(given) <= LONGEST_GUESSED
    near = get_close_matches(str(given).lower(), known, n=1) if is_guessable else []
    if near:
        return f"did you mean {near[0]}?"
    rest = f" … ({len(known)} in all)" if len(known) > 15 else ""
    return f"there is {', '.join(known[:15])}{rest}" if known else "there is none"


def match_text(value: object, pattern: str, problem: str, advice: str) -> re.Match[str]:
    """A text of a pattern."""
    found = re.fullmatch(pattern, value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise refuse(value, problem, advice)
    return found


def make_text(*, longest: int = 200) -> Scalar:
    return Scalar(
        lambda value, around: read_name(value, what="text", longest=longest),
        lambda value, unit: str(value),
        {"type": "string", "minLength": 1, "maxLength": longest},
    )


def make_pattern(pattern: str, problem: str, advice: str, refers_to: str = "") -> Scalar:
    """A text that a pattern describes."""
    return Scalar(
        lambda value, around: match_text(value, pattern, problem, advice)[0],
        lambda value, unit: str(value),
        {"type": "string", "pattern": f"^{pattern}$"},
        refers_to,
    )


def make_choice(choices: Mapping[str, Any]) -> Scalar:
    """One of some words, each of which means something."""

    def read(value: object, around: Around) -> Any:
        if not isinstance(value, str) or value not in choices:
            raise refuse(value, "is not a choice here", advise(value, list(choices)))
        return choices[value]

    def show(meant: object, unit: Unit) -> str:
        return next((word for word, meaning in choices.items() if meaning == meant), str(meant))

    return Scalar(read, show, {"enum": list(choices)})


def make_whole(least: int, most: int) -> Scalar:
    def read(value: object, around: Around) -> int:
        if type(value) is not int or not least <= value <= most:
            raise refuse(value, "is not a whole number that will do", f"write one from {least} to {most}")
        return value

    return Scalar(read, lambda value, unit: str(value), {"type": "integer", "minimum": least, "maximum": most})


def is_near(number: Decimal) -> bool:
    """Whether it is written out in a reasonable number of digits."""
    return number.is_finite() and abs(number.adjusted()) <= 30


def make_number(*, is_positive: bool = False, most: int | None = None) -> Scalar:
    """An exact number: 5, 1.3, or a text such as "1/15"."""
    pattern = r"([0-9]{1,30}(?:\.[0-9]{1,30})?)(?:/([0-9]{1,30}))?"

    def read(value: object, around: Around) -> Fraction:
        advice = 'write a number, or a text such as "0.075" or "1/15"'
        if isinstance(value, Decimal | int) and not isinstance(value, bool) and is_near(Decimal(value)):
            number = Fraction(value)
        else:
            found = match_text(value, pattern, "is not a number that will do", advice)
            if found[2] and not int(found[2]):
                raise refuse(value, "divides by zero", advice)
            number = Fraction(Fraction(found[1]), int(found[2] or 1))
        if number < 0 or (is_positive and not number) or (most is not None and number > most):
            bounds = "above zero" if is_positive else "zero or more"
            raise refuse(value, "is out of bounds", f"write one {bounds}{f', {most} at most' if most else ''}")
        return number

    bound = {"exclusiveMinimum" if is_positive else "minimum": 0} | ({} if most is None else {"maximum": most})
    return Scalar(
        read,
        lambda value, unit: show_fraction(value),
        {"type": ["number", "string"], "pattern": f"^{pattern}$"} | bound,
    )


def make_amount(*, is_signed: bool = False) -> Scalar:
    """An amount of the table's unit, in its smallest parts."""

    def read(value: object, around: Around) -> int:
        if type(value) not in (int, Decimal):
            match_text(value, r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", "is not an amount", "write a number such as 12.5")
        return read_amount(value, around.unit or FINEST, signed=is_signed)

    pattern = r"^[+-]?[0-9]{1,40}(\.[0-9]{1,40})?$" if is_signed else r"^\+?[0-9]{1,40}(\.[0-9]{1,40})?$"
    json = {"type": ["number", "string"], "pattern": pattern} | ({} if is_signed else {"minimum": 0})
    return Scalar(read, lambda parts, unit: show_parts(parts, unit), json)


def read_exactly(value: object, around: Around) -> Fraction:
    """An amount that is kept as a number of whole units."""
    return Fraction(AMOUNT.read(value, around), (around.unit or FINEST).per_whole)


def read_flag(value: object, around: Around) -> bool:
    if not isinstance(value, bool):
        raise refuse(value, "is neither true nor false", "write true or false, without quotation marks")
    return value


def read_currency(value: object, around: Around) -> str:
    if isinstance(value, str) and value in MINOR_DIGITS:
        return value
    near = [value.upper()] if isinstance(value, str) and value.upper() in MINOR_DIGITS else []
    advice = f"did you mean {near[0]}?" if near else "write an ISO 4217 code such as USD, EUR or GHS"
    raise refuse(value, "is no currency", advice)


def read_money(value: object, around: Around) -> Money:
    advice = 'write an amount and an ISO 4217 code: "15 USD"'
    found = match_text(value, r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ([A-Za-z]{3})", "is not a sum of money", advice)
    currency = read_currency(found[2], around)
    return Money(read_amount(found[1], Unit(0, currency, MINOR_DIGITS[currency], MINOR_DIGITS[currency])), currency)


def show_money(money: Money, unit: Unit) -> str:
    """15 USD, 2.50 USD."""
    digits = MINOR_DIGITS.get(money.currency, 2)
    shown = 0 if money.minor % 10**digits == 0 else digits
    return f"{to_text(money.minor, Unit(0, '', digits, shown))} {money.currency}"


def read_cap(value: object, around: Around) -> dict[str, int]:
    """A cap on carried credits: an amount, or a percentage of the allowance."""
    if isinstance(value, str) and value.endswith("%"):
        share = read_amount(value[:-1].strip(), Unit(0, "percent", 4, 0)) if value[0].isdigit() else 0
        found = {"cap_percent": share}
        if share > 100 * WHOLE_PERCENT:
            raise refuse(value, "is too much", "write 10000 % at most")
    else:
        found = {"cap": AMOUNT.read(value, around)}
    if not sum(found.values()):
        raise refuse(value, "carries nothing", 'to carry nothing choose rollover = "none"')
    return found


def show_cap(owner: Any, unit: Unit) -> str:
    if owner.cap_percent:
        return to_text(owner.cap_percent, Unit(0, "", 4, 0)) + " %"
    return show_parts(owner.cap, unit) if owner.cap else ""


def name_words(choices: Any) -> dict[str, Any]:
    """The words of an enumeration."""
    return {each.name.lower(): each for each in choices}


def say_words(*words: str) -> dict[str, str]:
    """Words that mean themselves."""
    return {word: word for word in words}


def make_reference(section: str) -> Scalar:
    """The name of something that the document has in a section."""
    return make_pattern("[a-z0-9_-]{1,64}", "is not a name", f"write the name of one of its {section}", section)


NAME: Final = make_pattern("[a-z0-9_-]{1,64}", "is not a name", "write 1 to 64 of a to z, 0 to 9, _ and -")
CODE: Final = make_pattern("[A-Za-z0-9_-]{1,64}", "is not a code", "write 1 to 64 letters, digits, _ and -")
TEXT: Final = make_text()
FLAG: Final = Scalar(read_flag, lambda value, unit: "yes" if value else "no", {"type": "boolean"})
AMOUNT: Final = make_amount()
BALANCE: Final = make_amount(is_signed=True)
EXACT: Final = Scalar(read_exactly, lambda value, unit: show_fraction(value), AMOUNT.json)
NUMBER: Final = make_number()
SIZE: Final = make_number(is_positive=True)
CURRENCY: Final = Scalar(read_currency, lambda value, unit: str(value), {"enum": list(MINOR_DIGITS)})
MONEY: Final = Scalar(
    read_money, show_money, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? [A-Z]{3}$", "examples": ["15 USD"]}
)
CAP: Final = Scalar(read_cap, show_cap, {"type": ["number", "string"], "examples": [250, "50 %"]})

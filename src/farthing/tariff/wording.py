"""Numbers, amounts and measures as people read them: plain text, exact, never an exponent."""

from fractions import Fraction

from farthing.values.amounts import Unit, to_text


def show_fraction(value: Fraction | int, digits: int = 0) -> str:
    """12, 0.075, or 1/3 where decimals have no end. What is not whole has at least `digits` places."""
    value = Fraction(value)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = 0
    while value.denominator != 1 and 10**places % value.denominator:
        places += 1
    if not places:
        return f"{value.numerator:,}"
    whole, _, after = to_text(int(abs(value) * 10**places), Unit(0, "", places, digits)).partition(".")
    return f"{'-' * (value < 0)}{int(whole):,}.{after}"


def show_count(value: Fraction | int, measure: str) -> str:
    """8 seconds, 1 image; the number alone where there is no measure."""
    return f"{show_fraction(value)} {bend_noun(measure, value)}" if measure else show_fraction(value)


def bend_noun(plural: str, count: Fraction | int) -> str:
    """`credits` of one are `credit`. Names that are no plain plural stay as they are."""
    words = plural.replace("_", " ")
    is_plural = words.endswith("s") and not words.endswith("ss") and len(words) > 2
    return words[:-1] if count == 1 and is_plural else words


def show_amount(amount: Fraction, unit: Unit) -> str:
    """5 credits, 2.50 credits: an amount of whole units."""
    return f"{show_fraction(amount, unit.digits)} {bend_noun(unit.name, amount)}"


def show_parts(parts: int, unit: Unit) -> str:
    """The same for an amount in smallest parts."""
    return show_amount(Fraction(parts, unit.per_whole), unit)

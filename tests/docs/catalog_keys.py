"""The reference of catalog keys in docs/catalog.md, made from the description that the reader goes by.

`python -m tests.docs.catalog_keys` writes it into the page, between its two marks; a test compares.
"""

from typing import Final

from farthing.documents import scalars, spans
from farthing.documents.shapes import Either, Field, Forms, Listed, Named, Scalar, Shape, Table
from farthing.documents.tables import CATALOG
from tests.docs.pages import DOCS

PAGE: Final = DOCS / "catalog.md"
BEGIN: Final = "<!-- the keys: made by tests/docs/catalog_keys.py -->"
END: Final = "<!-- the keys end here -->"

KINDS: Final[tuple[tuple[Scalar, str], ...]] = (
    (scalars.NAME, "name"),
    (scalars.CODE, "code"),
    (scalars.TEXT, "text"),
    (scalars.FLAG, "`true`, `false`"),
    (scalars.AMOUNT, "amount"),
    (scalars.EXACT, "amount"),
    (scalars.BALANCE, "amount, may be below zero"),
    (scalars.NUMBER, "number"),
    (scalars.SIZE, "number above zero"),
    (scalars.CURRENCY, "currency"),
    (scalars.MONEY, "money"),
    (scalars.CAP, "amount, or percent"),
    (spans.ZONE, "time zone"),
    (spans.PAUSE, "pause"),
    (spans.INSTANT, "instant"),
)
"""What a kind of value is called in the reference; the page says what each looks like."""


def word_scalar(shape: Scalar) -> str:
    """A kind of value in a word or two."""
    said = shape.json
    known = next((word for kind, word in KINDS if kind is shape), "")
    if known:
        return known
    if shape.refers_to:
        return f"one of `{shape.refers_to}`"
    if "enum" in said:
        cadences, words = list(spans.CADENCES), list(said["enum"])
        others = [f"`{word}`" for word in (words[len(cadences) :] if words[: len(cadences)] == cadences else words)]
        return ", ".join(others if len(others) == len(words) else ["cadence", *others])
    if said.get("type") == "integer":
        return f"whole number, {said['minimum']:,} to {said['maximum']:,}"
    if "anyOf" in said:
        return "cadence, or length"
    if said.get("pattern") == f"^{spans.LENGTHS}$":
        return "length"
    if "maximum" in said:
        return f"number above zero, at most {said['maximum']}"
    raise LookupError(f"no word for {said}")


def word_shape(shape: Shape) -> str:
    """What a key's value is, in a few words; tables have a part of their own."""
    match shape:
        case Scalar():
            return word_scalar(shape)
        case Listed():
            one = word_shape(shape.item)
            return {"many": f"list: {one}", "one": one, "either": f"{one}, or a list"}[shape.how]
        case Named():
            return f"table: {word_scalar(shape.keys)} = {word_shape(shape.item)}"
        case Table():
            return f"[{shape.name}](#{anchor(shape.name)})"
        case Forms():
            return f"[{shape.name}](#prices)"
        case Either():
            return f"{word_scalar(shape.short)}, or {word_shape(shape.long)}"


def anchor(name: str) -> str:
    return name.replace("_", "-")


def write_heading(name: str) -> str:
    return name.replace("_", " ").capitalize()


def write_row(field: Field) -> str:
    needed = " (needed)" if field.is_needed else ""
    return f"| `{field.key}`{needed} | {word_shape(field.shape)} | {field.says} |"


def write_rows(fields: tuple[Field, ...]) -> list[str]:
    return ["| key | value | |", "|---|---|---|", *map(write_row, fields)]


def list_inner(shape: Shape) -> list[Table | Forms]:
    """The tables that a value is made of, the nearest first."""
    match shape:
        case Listed() | Named():
            return list_inner(shape.item)
        case Either():
            return [shape.long]
        case Table() | Forms():
            return [shape]
    return []


def list_tables() -> list[Table | Forms]:
    """Every table of a document once, those around before those within."""
    found: list[Table | Forms] = [CATALOG]
    for table in found:
        tables = [table] if isinstance(table, Table) else list(table.tables.values())
        for each in tables:
            for field in each.fields:
                found += [inner for inner in list_inner(field.shape) if inner not in found]
    return found


def write_forms(forms: Forms) -> list[str]:
    """The forms of price: what all of them have, then each with its own keys."""
    tables = list(forms.tables.values())
    common = [field for field in tables[0].fields if all(field in table.fields for table in tables)]
    lines = ["### Prices", "", "Of every form of price, beside `form`:", "", *write_rows(tuple(common))]
    for table in tables:
        own = tuple(field for field in table.fields if field not in common)
        lines += ["", f"**`{table.name}`**: {table.says}", "", *write_rows(own)]
    return lines


def write_reference() -> str:
    """All keys of a catalog."""
    lines: list[str] = []
    for table in list_tables():
        if isinstance(table, Forms):
            lines += ["", *write_forms(table)]
        else:
            lines += ["", f"### {write_heading(table.name)}", "", table.says, "", *write_rows(table.fields)]
    return "\n".join(lines).strip() + "\n"


def read_reference() -> str:
    """What the page has."""
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip() + "\n"


def main() -> None:
    """Write the reference into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{write_reference()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

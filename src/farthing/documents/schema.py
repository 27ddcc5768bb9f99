"""The JSON Schema (draft 2020-12) of catalog documents, drawn from the same description that the reader goes by.

Editors check and complete by it: a document whose first line is `#:schema ./catalog.schema.json` is checked while it is
written. What spans several values (references, ascending bounds) only the reader checks.
"""

from typing import Any

from farthing.documents.shapes import Either, Forms, Listed, Named, Scalar, Shape, Table
from farthing.documents.tables import CATALOG

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def write_schema() -> dict[str, Any]:
    """The schema, ready for `json.dumps`."""
    defined: dict[str, Any] = {}
    root = draw_table(CATALOG, defined)
    return {"$schema": DIALECT, "title": "Farthing catalog", **root, "$defs": dict(sorted(defined.items()))}


def draw(shape: Shape, defined: dict[str, Any]) -> dict[str, Any]:
    """The schema of a shape; tables are defined once and referred to."""
    match shape:
        case Scalar():
            return dict(shape.json)
        case Listed():
            item = draw(shape.item, defined)
            many = {"type": "array", "items": item, "minItems": shape.least, "maxItems": shape.most}
            return {"many": many, "one": item, "either": {"anyOf": [item, many]}}[shape.how]
        case Named():
            item, keys = draw(shape.item, defined), draw(shape.keys, defined)
            return {"type": "object", "propertyNames": keys, "additionalProperties": item, "maxProperties": shape.most}
        case Table():
            return refer(shape.name, shape, defined)
        case Forms():
            return {
                "oneOf": [refer(f"{shape.name}_{form}", table, defined, form) for form, table in shape.tables.items()]
            }
        case Either():
            return {"anyOf": [draw(shape.short, defined), draw(shape.long, defined)]}


def refer(name: str, table: Table, defined: dict[str, Any], form: str = "") -> dict[str, Any]:
    """A reference to a table's definition, which is made the first time."""
    if name not in defined:
        defined[name] = {}
        defined[name] = draw_table(table, defined, form)
    return {"$ref": f"#/$defs/{name}"}


def draw_table(table: Table, defined: dict[str, Any], form: str = "") -> dict[str, Any]:
    """A table with its keys. Editors show what they are for."""
    keys: dict[str, Any] = {"form": {"const": form, "description": table.says}} if form else {}
    for field in table.fields:
        keys[field.key] = draw(field.shape, defined) | {"description": field.says}
    needed = [*(["form"] if form else []), *(field.key for field in table.fields if field.is_needed)]
    return {
        "type": "object",
        "description": table.says,
        "properties": keys,
        "required": needed,
        "additionalProperties": False,
    }

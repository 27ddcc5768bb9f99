"""The JSON Schema: it knows every key, explains each, and never refuses a document that the reader takes."""

import json
import re
import tomllib
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest

from farthing.documents.reading import read_catalog
from farthing.documents.schema import DIALECT, write_schema
from farthing.tariff.errors import CatalogInvalid
from tests.unit.tariff.documents import EXAMPLE, list_leaves, write_toml
from tests.unit.tariff.test_catalog_shipped import SHIPPED, read_shipped

SCHEMA = write_schema()
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, Decimal),
}
TOLD_ONLY = {"title", "description", "examples", "format", "$schema", "$defs"}


def is_of(value, kinds):
    return any(isinstance(value, TYPES[kind]) and (kind == "boolean") >= isinstance(value, bool) for kind in kinds)


def find_faults(schema, value, place=""):
    """What a validator of the draft says, as far as the schema uses it; an unknown word fails."""
    for word, said in schema.items():
        match word:
            case "$ref":
                yield from find_faults(SCHEMA["$defs"][said.removeprefix("#/$defs/")], value, place)
            case "type":
                if not is_of(value, [said] if isinstance(said, str) else said):
                    yield f"{place}: not {said}"
            case "const" | "enum":
                if value not in (said if word == "enum" else [said]):
                    yield f"{place}: not {said}"
            case "anyOf" | "oneOf":
                fitting = sum(not list(find_faults(each, value)) for each in said)
                if not fitting or (word == "oneOf" and fitting > 1):
                    yield f"{place}: fits {fitting} of {len(said)}"
            case "pattern":
                if isinstance(value, str) and not re.search(said.replace("$", r"\Z"), value):
                    yield f"{place}: not like {said}"
            case "minLength" | "maxLength" | "minItems" | "maxItems" | "maxProperties":
                kind = str if "Length" in word else list if "Items" in word else dict
                if isinstance(value, kind) and (len(value) < said if word.startswith("min") else len(value) > said):
                    yield f"{place}: {word} {said}"
            case "minimum" | "maximum" | "exclusiveMinimum":
                bad = {
                    "minimum": lambda a, b: a < b,
                    "maximum": lambda a, b: a > b,
                    "exclusiveMinimum": lambda a, b: a <= b,
                }
                if is_of(value, ["number"]) and bad[word](value, said):
                    yield f"{place}: {word} {said}"
            case "items":
                for each in value if isinstance(value, list) else ():
                    yield from find_faults(said, each, f"{place}[]")
            case "required":
                yield from (f"{place}: lacks {key}" for key in said if isinstance(value, dict) and key not in value)
            case "properties":
                for key in value.keys() & said.keys() if isinstance(value, dict) else ():
                    yield from find_faults(said[key], value[key], f"{place}.{key}")
            case "propertyNames":
                for key in value if isinstance(value, dict) else ():
                    yield from find_faults(said, key, f"{place}.{key}")
            case "additionalProperties":
                rest = value.keys() - schema.get("properties", {}).keys() if isinstance(value, dict) else ()
                for key in rest:
                    yield from [f"{place}: {key}"] if said is False else find_faults(said, value[key], f"{place}.{key}")
            case _:
                assert word in TOLD_ONLY, word


def validate(text):
    """The faults of a TOML document; dates are texts to a schema."""
    return list(find_faults(SCHEMA, plain(tomllib.loads(text, parse_float=Decimal))))


def plain(value):
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, date | time) else value


def test_the_schema_is_json_of_the_draft():
    assert SCHEMA["$schema"] == DIALECT == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_every_reference_leads_somewhere_and_every_definition_is_referred_to():
    referred = set(re.findall(r'"#/\$defs/([a-z_]+)"', json.dumps(SCHEMA)))

    assert referred == set(SCHEMA["$defs"])


def test_every_table_and_key_is_explained_and_no_table_takes_unknown_keys():
    for table in [SCHEMA, *SCHEMA["$defs"].values()]:
        assert table["description"].endswith(".")
        assert table["additionalProperties"] is False
        for key, said in table["properties"].items():
            assert len(said["description"]) >= 4, key


def test_the_schema_takes_what_uses_every_key():
    assert validate(EXAMPLE) == []
    used = set(re.findall(r"[a-z_]+", EXAMPLE))
    for table in [SCHEMA, *SCHEMA["$defs"].values()]:
        assert table["properties"].keys() <= used


@pytest.mark.parametrize("name", SHIPPED)
def test_the_schema_takes_the_catalogs_that_ship(name):
    assert validate(read_shipped(name)) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('zone = "UTC"', ": lacks name"),
        ('name = "x"\ncolour = 1', ": colour"),
        ('name = "x"\n[plans.A]', ".plans.A: not like ^[a-z0-9_-]{1,64}$"),
        ('name = "x"\n[plans.a]\ntrial = "14"', ".plans.a.trial: not like"),
        ('name = "x"\n[plans.a]\nallowances.credits = { amount = 5 }', ".plans.a.allowances.credits: lacks every"),
        ('name = "x"\n[features.a]\nprice = { form = "per_request" }', ".features.a.price: fits 0 of 10"),
        ('name = "x"\n[packages.a]\namount = -1\nprices = ["1 USD"]', ".packages.a.amount: minimum 0"),
        ('name = "x"\n[refusals]\nstatus = 200', ".refusals.status: minimum 400"),
    ],
)
def test_the_schema_says_no(text, place):
    (fault,) = validate(text)
    assert fault.startswith(place)


def test_what_the_reader_takes_the_schema_takes():
    taken, likely = 0, [3, "1/3", "2 weeks", "+5", Decimal("1.5"), "year", True]
    for n, (_, document) in enumerate(list_leaves(EXAMPLE)):
        text = write_toml(document(likely[n % len(likely)]))
        try:
            read_catalog(text)
        except CatalogInvalid:
            continue
        taken += 1
        assert validate(text) == [], text
    assert taken > 30

"""What the tables of a PostgreSQL database are, thing by thing, as its catalog has them and as `schema.py` has them."""

import re
from typing import Any, Final

import psycopg

from farthing.store.versions import PREFIX, VERSION_TABLE

OF_OURS: Final = (
    "FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace"
    f" WHERE starts_with(t.relname, '{PREFIX}') AND t.relname <> '{VERSION_TABLE}' AND t.relkind IN ('r', 'p')"
    f" AND n.oid = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('{VERSION_TABLE}'))"
)
COLUMNS: Final = (
    "SELECT t.relname || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),"
    " (SELECT 'collate ' || c.collname FROM pg_collation AS c"
    " WHERE c.oid = a.attcollation AND c.collname <> 'default'), CASE WHEN a.attnotnull THEN 'not null' END,"
    " CASE a.attidentity WHEN 'd' THEN 'identity' WHEN 'a' THEN 'always' END, CASE WHEN a.atthasdef THEN 'default' END)"
    " FROM pg_attribute AS a JOIN (SELECT t.oid, t.relname {ours}) AS t ON t.oid = a.attrelid"
    " WHERE a.attnum > 0 AND NOT a.attisdropped"
)
INDEXES: Final = (
    "SELECT i.relname, pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid THEN '' ELSE ' invalid' END"
    " FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid"
    " JOIN (SELECT t.oid {ours}) AS t ON t.oid = x.indrelid"
)
TRIGGERS: Final = (
    "SELECT g.tgname, pg_get_triggerdef(g.oid) || ' ' || g.tgenabled::text FROM pg_trigger AS g"
    " JOIN (SELECT t.oid {ours}) AS t ON t.oid = g.tgrelid WHERE NOT g.tgisinternal"
)
FUNCTIONS: Final = (
    "SELECT p.proname, p.prosrc FROM pg_proc AS p WHERE starts_with(p.proname, %s)"
    f" AND p.pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('{VERSION_TABLE}'))"
)
NOISE: Final = re.compile(r"using btree|[()\"\s]")
SCHEMA_NAME: Final = re.compile(rf'(?:"[^"]+"|\b\w+)\.(?={PREFIX})')


def read_catalog(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """What there is of ours, by name, and what each thing is."""
    found: dict[str, str] = {}
    for text in (COLUMNS, INDEXES, TRIGGERS):
        found |= connection.execute(text.replace("{ours}", OF_OURS)).fetchall()
    found |= connection.execute(FUNCTIONS, (PREFIX,)).fetchall()
    return {name: strip_noise(text) for name, text in found.items()}


def expect_catalog() -> dict[str, str]:
    """The same as this release makes it. Imports SQLAlchemy, which nothing but a proof or a migration needs."""
    from sqlalchemy import UniqueConstraint
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateIndex

    from farthing.store import schema

    dialect: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
    made: dict[str, str] = {}
    for table in schema.metadata.tables.values():
        for column in table.columns:
            kind = [column.type.compile(dialect=dialect)]
            kind += [] if column.nullable else ["not null"]
            kind += ["identity"] if column.identity is not None else []
            kind += ["default"] if column.server_default is not None and column.identity is None else []
            made[f"{table.name}.{column.name}"] = " ".join(kind)
        kept = {f"{table.name}_pkey": list(table.primary_key.columns.keys())}
        for constraint in table.constraints:
            if isinstance(constraint, UniqueConstraint):
                columns = list(constraint.columns.keys())
                kept["_".join((table.name, *columns, "key"))] = columns
        for name, columns in kept.items():
            made[name] = f"CREATE UNIQUE INDEX {name} ON {table.name} ({', '.join(columns)})"
        for index in table.indexes:
            made[str(index.name)] = str(CreateIndex(index).compile(dialect=dialect))
    for table_name, reason in schema.REFUSALS.items():
        trigger = f"{PREFIX}{table_name}_unchanged"
        made[trigger] = (
            f"CREATE TRIGGER {trigger} BEFORE DELETE OR UPDATE OR TRUNCATE ON {PREFIX}{table_name}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {PREFIX}refuse('{reason}') A"
        )
    made[f"{PREFIX}refuse"] = schema.REFUSING
    return {name: strip_noise(text) for name, text in made.items()}


def strip_noise(text: str) -> str:
    """A definition without what differs between what is written and what PostgreSQL shows."""
    return NOISE.sub("", SCHEMA_NAME.sub("", text).lower().replace("using btree", ""))

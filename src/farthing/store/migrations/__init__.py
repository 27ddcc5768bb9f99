"""The schema's history, one revision a file in `versions/`. Imported by Alembic alone, which `migrate.py` calls."""

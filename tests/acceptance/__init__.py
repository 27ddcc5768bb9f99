"""The mission, row by row: each test is named after the row that it keeps, on SQLite and on PostgreSQL."""

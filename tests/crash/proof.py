"""The oracle of every crash: what was acknowledged is there, once; what was not is there wholly or not at all.

`prove` is asked after each fault; all of it is read from the database, through a store that was opened for it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from farthing.audit.verify import verify
from farthing.face.ids import read_id
from farthing.store.contract import Store
from farthing.values.entries import Entry
from farthing.values.names import digest_key
from farthing.values.wallets import Wallet
from tests.races.books import open_book

TWO_UNITS = "b"
"""How the keys begin of requests that move two units: both, or neither, are there."""

MOST_LINES = 1_000_000

Told = Mapping[tuple[str, str], bytes | str]
"""(account, key) → what somebody was told: the hash of the receipt's first entry, or the receipt's id."""


@dataclass
class Written:
    """What a database holds."""

    keys: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    """How often each key was taken: (account, the key's digest)."""
    receipts: dict[tuple[str, bytes], list[Entry]] = field(default_factory=dict)
    """The entries of each receipt under its key."""


def read_written(store: Store) -> Written:
    """Every receipt of the book."""
    written = Written()
    leads: dict[tuple[str, int, int], list[Entry]] = {}
    for _, (account, entry, _) in reversed(store.list_history(None, None, None, None, MOST_LINES)):
        leads.setdefault((account.key, entry.lead_unit, entry.lead_number), []).append(entry)
        if entry.key_digest is not None:
            written.keys[account.key, entry.key_digest] += 1
    for (account_key, _, _), entries in leads.items():
        for entry in entries:
            if entry.key_digest is not None:
                written.receipts[account_key, entry.key_digest] = entries
    return written


def prove(url: str, told: Told) -> Written:
    """Fail unless the books are in order and agree with everything that anybody was told."""
    store = open_book(url)
    try:
        report = verify(store)
        assert report.summary == "ok", report
        written = read_written(store)
    finally:
        store.close()
    assert [key for key, times in written.keys.items() if times != 1] == [], "a key was taken twice"
    digests = {(account, digest_key(key)): said for (account, key), said in told.items()}
    assert digests.keys() - written.keys.keys() == set(), "acknowledged, and gone"
    wrong = [place for place, said in digests.items() if not is_receipt(written.receipts[place], said)]
    assert wrong == [], "acknowledged, and not what is there"
    return written


def is_receipt(entries: list[Entry], said: bytes | str) -> bool:
    """Whether this is the receipt that somebody was told of."""
    if isinstance(said, str):
        place = read_id(said, "rct")
        return (place.unit_id, place.number) in {(entry.lead_unit, entry.lead_number) for entry in entries}
    return said in {entry.hash for entry in entries}


def prove_wholeness(written: Written, keys: list[tuple[str, str]]) -> None:
    """Fail unless each of these requests, all of which move two units, is there in both or in none."""
    for account, key in keys:
        entries = written.receipts.get((account, digest_key(key)), [])
        assert {entry.unit_id for entry in entries} in ({1, 2}, set()), f"{key} is there in part"


def read_spent(url: str, *accounts: str) -> list[Wallet]:
    """The first wallet of each account, as it was committed."""
    store = open_book(url)
    try:
        wallets = []
        for key in accounts:
            account = store.find_account(key)
            assert account is not None
            wallets.append(store.read_wallets(account)[0])
        return wallets
    finally:
        store.close()

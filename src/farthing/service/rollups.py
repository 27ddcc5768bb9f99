"""The rollup kept up: every run adds the entries since the last one, batch by batch, each with its mark in one commit.

It may run late, twice, in two processes at once, or never: reports read what is not in it from the entries.
"""

from collections.abc import Iterator

from farthing.store.contract import Progress, Store
from farthing.store.rollup import FOLLOWED_FROM, PAGE, Reader, Stop, find_known
from farthing.store.rollup_fold import Fold, lay_flow, lay_usage
from farthing.store.rollup_rows import Batch, EntryRow

Followed = dict[tuple[int, int], int]


def run_rollup(store: Store, progress: Progress | None, must_stop: Stop) -> Iterator[int]:
    """Add what is there by now; gives the number of entries of each batch, once that is committed."""
    book = store.rollup
    if not book.is_kept or not book.discard(must_stop, anew=False):
        return
    limit = book.find_limit(must_stop)
    with book.reading() as reader:
        begun = reader.mark
    while not must_stop():
        with book.reading() as reader:
            if reader.mark >= limit:
                return
            batch, count = make_batch(reader, min(limit, reader.mark + PAGE))
        if book.save(batch):
            yield count
            if progress:
                progress(batch.after - begun, limit - begun)


def rebuild_rollup(store: Store, progress: Progress | None, must_stop: Stop) -> Iterator[int]:
    """Throw all of it away and make it again from the entries. Reports stay right meanwhile, and are slow."""
    if store.rollup.discard(must_stop):
        yield from run_rollup(store, progress, must_stop)


def make_batch(reader: Reader, upto: int) -> tuple[Batch, int]:
    """The entries from the mark on, folded, and how many they are."""
    rows = reader.list_positions(reader.mark, upto)
    followed = find_followed(reader, rows)
    fold = Fold(find_known(reader, rows), apart=followed)
    for row in rows:
        fold.add(row)
    bases = {key: fold.known.bases[key] for key in fold.touched}
    for wallet, number in followed.items():
        if number == 0:
            fold.take_over(fold_wallet(reader, wallet))
    usage, flow = list(lay_usage(fold, upto)), list(lay_flow(fold, upto))
    last = {(row[1], row[2]): row[3] for row in rows}
    moved = {wallet: last[wallet] for wallet in followed}
    return Batch(reader.mark, upto, usage, flow, bases, moved), len(rows)


def find_followed(reader: Reader, rows: list[EntryRow]) -> Followed:
    """The wallets among these entries that have rows of their own, or are long enough to get some now (0)."""
    last = {(row[1], row[2]): row[3] for row in rows if row[2] and row[3] > FOLLOWED_FROM}
    return {wallet: reader.find_followed(*wallet) for wallet in last}


def fold_wallet(reader: Reader, wallet: tuple[int, int]) -> Fold:
    """The entries of a wallet up to the mark, for its own rows alone."""
    account_id, unit_id = wallet
    rows = reader.list_until(account_id, unit_id, reader.mark) if reader.mark else []
    fold = Fold(find_known(reader, rows, fresh=True), for_all=False, apart={wallet})
    for row in rows:
        fold.add(row)
    return fold

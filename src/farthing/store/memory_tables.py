"""What the memory store has beside its wallets: subscriptions to look at, catalogs, claims, lists of accounts."""

import threading
from collections.abc import Iterator, Sequence

from farthing.store.claiming import refuse_redeemed, refuse_spent_code
from farthing.store.contract import Claim, NewClaim, StoredCatalog
from farthing.store.shelves import Tables
from farthing.values.entries import Entry
from farthing.values.requests import Place
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Account, AccountState


class MemoryTables:
    """The same methods of `contract.Store` as `cold_tables` has for SQL. `writing` keeps other writers of them out."""

    tables: Tables
    reading: threading.Lock

    def __init__(self) -> None:
        self.catalogs: list[StoredCatalog] = []
        self.current_catalog = 0
        self.claims: list[Claim] = []
        self.writing = threading.Lock()

    def read_entry(self, place: Place) -> Entry | None:
        """The entry at a place."""
        with self.reading:
            shelf = self.tables.shelves.get((place.account_id, place.unit_id))
            is_there = shelf is not None and shelf.row.account.shard == place.shard
            return shelf.find_entry(place.number) if shelf is not None and is_there else None

    def list_accounts(self, after: int | None, most: int, *, unsubscribed: bool = False) -> list[Account]:
        """Accounts by their ids."""
        with self.reading:
            accounts, steps = self.tables.accounts.copy(), self.tables.last_steps.copy()
        ids = sorted(number for number in accounts if after is None or number > after)
        return [accounts[number] for number in ids if not (unsubscribed and number in steps)][:most]

    def read_subscription(self, account: Account) -> Subscription | None:
        """The last step of an account's subscription."""
        with self.reading:
            return self.tables.find_step(account.account_id)

    def list_subscriptions(self, account: Account) -> list[Subscription]:
        """Every step, oldest first."""
        with self.reading:
            steps = self.tables.subscriptions
            return [step for (account_id, _), step in sorted(steps.items()) if account_id == account.account_id]

    def list_last_steps(self) -> list[tuple[Account, Subscription]]:
        """The last step of everybody who has one and was not closed, by their ids."""
        with self.reading:
            tables = self.tables
            return [
                (tables.accounts[account_id], tables.subscriptions[account_id, number])
                for account_id, number in sorted(tables.last_steps.items())
                if tables.accounts[account_id].state != AccountState.CLOSED
            ]

    def list_acting(self, now: int, after: int | None, most: int) -> list[tuple[Account, Subscription]]:
        """Last steps of which `acts_at` has come."""
        acting = [
            (account, step)
            for account, step in self.list_last_steps()
            if step.acts_at <= (account.clock or now) and (after is None or account.account_id > after)
        ]
        return acting[:most]

    def count_subscribers(self) -> dict[str, int]:
        """Accounts by the plans that they have, chose, or fall back to."""
        counts: dict[str, int] = {}
        for _, step in self.list_last_steps():
            for plan in {step.plan, step.next_plan, step.fallback} - {""}:
                counts[plan] = counts.get(plan, 0) + 1
        return counts

    def publish_catalog(self, digest: bytes, document: str, at: int) -> int:
        """Make a catalog the current one; returns its version."""
        with self.writing:
            version = next((each.version for each in self.catalogs if each.digest == digest), 0)
            if not version:
                version = len(self.catalogs) + 1
                self.catalogs.append(StoredCatalog(version, digest, document, at))
            self.current_catalog = version
        return version

    def read_catalog(self, version: int | None = None) -> StoredCatalog | None:
        """A catalog by its version, or the current one."""
        wanted = self.current_catalog if version is None else version
        return next((each for each in self.list_catalogs() if each.version == wanted), None)

    def list_catalogs(self) -> list[StoredCatalog]:
        """Every catalog, oldest first."""
        return self.catalogs.copy()

    def claim(self, wanted: Sequence[NewClaim], at: int) -> list[Claim]:
        """Make these claims, all or none. Raises `CodeSpent`, `AlreadyRedeemed`."""
        with self.writing:
            claims, made = self.claims.copy(), list[Claim]()
            for new in wanted:
                known = next((each for each in claims if each.key == new.key), None)
                if known is None:
                    same = [each for each in claims if (each.campaign, each.role) == (new.campaign, new.role)]
                    if new.code and new.most_of_code is not None:
                        of_code = sum(each.code == new.code for each in same)
                        refuse_spent_code(new, new.most_of_code, of_code)
                    if new.most_per_account is not None:
                        of_account = sum(each.account == new.account for each in same)
                        refuse_redeemed(new, new.most_per_account, of_account)
                    known = Claim(
                        len(claims) + 1, new.campaign, new.role, new.code, new.account, new.unit_id, new.amount,
                        new.expires_at, new.features, new.key, at, 0,
                    )  # fmt: skip
                    claims.append(known)
                made.append(known)
            self.claims = claims
        return made

    def finish_claim(self, claim_id: int, at: int) -> None:
        """Say that what was claimed has been granted."""
        with self.writing:
            self.claims = [
                each._replace(finished_at=at) if each.claim_id == claim_id and not each.finished_at else each
                for each in self.claims
            ]

    def list_open_claims(self, before: int, most: int) -> list[Claim]:
        """The oldest claims that were made before then and are not finished."""
        return [each for each in self.claims if not each.finished_at and each.made_at < before][:most]

    def list_claims(self, account: str) -> list[Claim]:
        """Every claim of an account, oldest first."""
        return [each for each in self.claims if each.account == account]

    def count_claims(self, campaign: str, code: str, role: str = "own") -> int:
        """How often a code was claimed in a role."""
        wanted = (campaign, code, role)
        return sum((each.campaign, each.code, each.role) == wanted for each in self.claims)

    def find_table_oddities(self) -> Iterator[tuple[str, str]]:
        """Versions of catalogs that entries name and nobody published, and promises kept to accounts that are not
        there."""
        with self.reading:
            shelves, keys = list(self.tables.shelves.values()), set(self.tables.ids)
        used = {entry.catalog_version for shelf in shelves for entry in shelf.entries[: shelf.row.seq]}
        for version in sorted(used - {0} - {each.version for each in self.catalogs}):
            yield f"catalog {version}", "is named by entries, and is not there"
        for each in self.claims:
            if each.finished_at and each.account not in keys:
                yield f"claim {each.claim_id}", f"is finished, and account {each.account} is not there"

"""Units, names and accounts: what a store keeps beside the wallets."""

import pytest

from farthing.face.ids import write_id
from farthing.store.faults import UnitChanged
from farthing.store.needs import OWN_NAMES, hash_shard
from farthing.values.amounts import Unit
from farthing.values.names import name_number
from farthing.values.requests import Charge, Freeze, Grant, Hold, Open, Release
from farthing.values.wallets import AccountState
from tests.contract.desk import CREDITS, GENERATIONS, Desk, find_place


def test_units_keep_their_order_and_the_first_is_the_default(desk: Desk):
    desk.store.add_units([Unit(0, "free_tokens", 0, 0), Unit(0, "airtime", 3, 1)])

    units = desk.store.units()

    assert list(units) == ["credits", "generations", "free_tokens", "airtime"]
    assert units["credits"] == CREDITS
    assert units["generations"] == GENERATIONS
    assert units["airtime"] == Unit(4, "airtime", 3, 1)


def test_the_same_unit_again_changes_nothing(desk: Desk):
    before = desk.store.units()

    desk.store.add_units([Unit(0, "generations", 0, 0), CREDITS])

    assert desk.store.units() == before


def test_a_units_scale_is_for_ever_and_its_digits_are_not(desk: Desk):
    with pytest.raises(UnitChanged) as refused:
        desk.store.add_units([Unit(0, "new"), Unit(0, "generations", 2, 0)])
    assert (refused.value.unit, refused.value.scale, refused.value.wanted) == ("generations", 0, 2)
    assert list(desk.store.units()) == ["credits", "generations"]

    desk.store.add_units([Unit(0, "credits", 6, 4)])

    assert desk.store.units()["credits"] == Unit(1, "credits", 6, 4)


def test_a_name_has_the_number_that_its_text_gives_it(desk: Desk):
    number = desk.store.intern_name("chat")

    assert number == name_number("chat") == desk.store.intern_name("chat")
    assert desk.store.name_text(number) == "chat"
    assert desk.store.name_text(0) == ""


def test_names_that_rules_use_by_themselves_are_known(desk: Desk):
    assert [desk.store.name_text(name_number(name)) for name in OWN_NAMES] == list(OWN_NAMES)


def test_names_are_stored_with_the_entry_that_uses_them(desk: Desk):
    store = desk.store
    features = tuple(store.intern_name(name) for name in ("chat", "zoë's images"))

    desk.grant(5, features=features, source=store.intern_name("promo"), currency=store.intern_name("EUR"))
    desk.hold(1, feature=features[1], name=store.intern_name("draft"), name_text="draft")

    assert list(store.find_oddities()) == []
    assert [store.name_text(number) for number in features] == ["chat", "zoë's images"]


def test_a_name_that_nobody_interned_is_an_oddity(desk: Desk):
    desk.grant(5, source=name_number("never interned"))

    assert [problem for where, problem in desk.store.find_oddities() if str(name_number("never interned")) in where]


def test_an_unknown_account_is_missing_unless_it_may_be_opened(desk: Desk):
    loaded = desk.load(
        Charge(key="a", account="nobody", amounts=((1, 1),)), Grant(key="b", account="new", amounts=((1, 1),))
    )

    assert "nobody" not in loaded.accounts
    new = loaded.accounts["new"]
    assert (new.key, new.state, new.book) == ("new", AccountState.NEW, desk.store.book)
    assert new.shard == hash_shard("new")
    assert loaded.accounts[new.account_id] is new
    assert set(loaded.wallets) == {(new.account_id, 0), (new.account_id, 1)}
    assert desk.store.find_account("new") is None


def test_several_new_accounts_get_ids_of_their_own_in_order(desk: Desk):
    loaded = desk.load(*[Open(key=key, account=key) for key in "zab"])

    assert [loaded.accounts[key].account_id for key in "zab"] == [1, 2, 3]


def test_an_account_is_found_by_key_and_by_the_id_in_a_place(desk: Desk):
    desk.grant(5)
    place = find_place(desk.hold(1))
    account = desk.account()

    loaded = desk.load(Release(key="r", hold=place, hold_id=write_id("hld", place)))

    assert loaded.accounts["acme"] == loaded.accounts[account.account_id] == account


def test_what_happens_to_an_account_is_kept(desk: Desk):
    desk.do(Open(key="o", account="acme", zone="Europe/Rome"))
    desk.do(Freeze(key="f", account="acme"))

    account = desk.account()

    assert (account.state, account.zone) == (AccountState.FROZEN, "Europe/Rome")


def test_keys_that_differ_by_case_or_accent_are_different_accounts(desk: Desk):
    for key in ("acme", "Acme", "acmé", "acme "):
        desk.grant(1, account=key)

    assert len({desk.account(key).account_id for key in ("acme", "Acme", "acmé", "acme ")}) == 4
    assert desk.store.find_account("ACME") is None


def test_the_nearest_accounts_are_named(desk: Desk):
    for key in ("acme-gmbh", "acme-ltd", "zebra"):
        desk.grant(1, account=key)

    assert "acme-ltd" in desk.store.nearest_accounts("acme-lt")
    assert "zebra" not in desk.store.nearest_accounts("acme-lt")
    assert len(desk.store.nearest_accounts("acme-", most=1)) == 1


def test_wallets_are_read_whole_by_unit_without_the_accounts_own(desk: Desk):
    desk.grant(5, unit=2)
    desk.grant(7, unit=1)

    wallets = desk.store.read_wallets(desk.account())

    assert [(wallet.unit.name, wallet.balance, wallet.whole) for wallet in wallets] == [
        ("credits", 7, True),
        ("generations", 5, True),
    ]


def test_a_wallet_without_a_row_reads_as_a_new_one(desk: Desk):
    desk.grant(5)

    wallet = desk.store.read_wallet(desk.account(), GENERATIONS)

    assert (wallet.seq, wallet.balance, wallet.whole) == (0, 0, True)
    assert wallet.head == desk.store.seal.begin(desk.account(), GENERATIONS)


def test_a_hold_request_alone_needs_no_wallet_of_unit_0(desk: Desk):
    desk.grant(5)

    loaded = desk.load(Hold(key="h", account="acme", amounts=((1, 1),)))

    assert set(loaded.wallets) == {(desk.account().account_id, 1)}

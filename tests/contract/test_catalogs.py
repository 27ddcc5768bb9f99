"""Catalogs and claims in every store: versions, what is current, and how often a campaign gives."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from farthing.store.contract import Claim, NewClaim, StoredCatalog
from farthing.values.errors import AlreadyRedeemed, CodeSpent
from tests.contract.desk import START, Desk
from tests.contract.standing import insist

NEW = NewClaim("spring", "own", "SPRING26", "acme", None, None, 1, 50, START + 9, ("chat", "image"), "key-1")
ONE, TWO = b"1" * 16, b"2" * 16


def test_a_catalog_is_published_once_and_its_version_is_current_again(desk: Desk):
    store = desk.store
    assert (store.read_catalog(), store.list_catalogs()) == (None, [])

    versions = [
        store.publish_catalog(ONE, "one", START),
        store.publish_catalog(TWO, "two", START + 1),
        store.publish_catalog(ONE, "one, with a comment", START + 2),
    ]

    first, second = StoredCatalog(1, ONE, "one", START), StoredCatalog(2, TWO, "two", START + 1)
    assert versions == [1, 2, 1]
    assert store.list_catalogs() == [first, second]
    assert store.read_catalog() == first
    assert (store.read_catalog(2), store.read_catalog(3)) == (second, None)
    insist(desk)


def run_at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each gives, or the error that it ends with; all begin together."""
    answers: list[Any] = [None] * len(works)
    barrier = threading.Barrier(len(works))

    def run(place: int, work: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            answers[place] = work()
        except Exception as error:
            answers[place] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_catalog_that_two_publish_at_once_has_one_version(desk: Desk):
    versions = run_at_once(*[lambda: desk.store.publish_catalog(ONE, "one", START)] * 6)

    assert versions == [1] * 6
    assert len(desk.store.list_catalogs()) == 1


def test_a_claim_comes_back_as_it_was_made(desk: Desk):
    desk.grant(1)
    (made,) = desk.store.claim([NEW], START)

    assert made == Claim(
        made.claim_id, "spring", "own", "SPRING26", "acme", 1, 50, START + 9, ("chat", "image"), "key-1", START, 0
    )
    assert desk.store.claim([NEW._replace(amount=7)], START + 5) == [made]
    assert desk.store.list_claims("acme") == desk.store.list_open_claims(START + 1, 9) == [made]
    assert desk.store.list_open_claims(START, 9) == []

    desk.store.finish_claim(made.claim_id, START + 6)
    desk.store.finish_claim(made.claim_id, START + 7)
    desk.store.finish_claim(made.claim_id + 1, START + 7)

    assert desk.store.list_open_claims(START + 99, 9) == []
    assert desk.store.list_claims("acme") == [made._replace(finished_at=START + 6)]
    assert desk.store.list_claims("other") == []
    insist(desk)


def test_a_code_is_claimed_so_often_and_no_more(desk: Desk):
    asked = [NEW._replace(key=f"k{n}", account=f"a{n}", most_of_code=2) for n in range(3)]
    desk.store.claim(asked[:1], START)
    desk.store.claim(asked[1:2], START)

    with pytest.raises(CodeSpent) as refused:
        desk.store.claim(asked[2:], START)

    assert (refused.value.redeemed, refused.value.campaign, refused.value.most) == ("SPRING26", "spring", 2)
    assert desk.store.count_claims("spring", "SPRING26") == 2
    assert desk.store.count_claims("spring", "SPRING26", "referrer") == 0
    assert desk.store.claim([asked[2]._replace(role="referrer")], START)
    assert desk.store.claim([asked[2]._replace(campaign="autumn", key="k4")], START)
    assert desk.store.claim(asked[:2], START) == desk.store.list_claims("a0") + desk.store.list_claims("a1")


def test_an_account_claims_so_often_and_no_more(desk: Desk):
    asked = [NEW._replace(key=f"k{n}", code=f"c{n}", most_per_account=1) for n in range(2)]
    desk.store.claim(asked[:1], START)

    with pytest.raises(AlreadyRedeemed) as refused:
        desk.store.claim(asked[1:], START)

    assert (refused.value.account, refused.value.campaign, refused.value.most) == ("acme", "spring", 1)
    assert desk.store.claim([asked[1]._replace(role="referrer", code="")], START)
    assert desk.store.claim([asked[1]._replace(account="other", key="k5")], START)


def test_claims_are_made_together_or_not_at_all(desk: Desk):
    first = NEW._replace(most_of_code=1)
    both = [first._replace(account="zoe", key="k2", code="OTHER"), first._replace(key="k3")]
    desk.store.claim([first], START)

    with pytest.raises(CodeSpent):
        desk.store.claim(both, START)

    assert desk.store.list_claims("zoe") == []
    with pytest.raises(CodeSpent):
        desk.store.claim([first._replace(code="TWICE", key=f"t{n}") for n in range(2)], START)
    assert desk.store.count_claims("spring", "TWICE") == 0


def test_of_many_who_claim_at_once_as_many_get_it_as_may(desk: Desk):
    wanted = [NEW._replace(key=f"k{n}", account=f"a{n % 5}", most_of_code=3, most_per_account=1) for n in range(10)]

    answers = run_at_once(*[lambda new=new: desk.store.claim([new], START) for new in wanted])

    made = [answer[0] for answer in answers if isinstance(answer, list)]
    assert len(made) == desk.store.count_claims("spring", "SPRING26") == 3
    assert len({claim.account for claim in made}) == 3
    assert {type(answer) for answer in answers} - {list} <= {CodeSpent, AlreadyRedeemed}


def test_one_key_is_one_claim_however_many_ask_at_once(desk: Desk):
    answers = run_at_once(*[lambda: desk.store.claim([NEW._replace(most_of_code=1)], START)] * 6)

    assert [type(answer) for answer in answers] == [list] * 6
    assert len(desk.store.list_claims("acme")) == 1


def test_a_finished_claim_of_nobody_is_odd_and_an_open_one_is_not(desk: Desk):
    desk.grant(1, "other")
    (made,) = desk.store.claim([NEW], START)
    insist(desk)

    desk.store.finish_claim(made.claim_id, START)

    assert list(desk.store.find_oddities()) == [
        (f"claim {made.claim_id}", "is finished, and account acme is not there")
    ]

"""The names that a store has heard of: bounded, and never two texts under one number."""

import pytest

from farthing.store import name_book
from farthing.store.name_book import NameBook
from farthing.values.errors import NameInvalid
from farthing.values.names import name_number


def test_a_name_waits_until_it_is_stored():
    names = NameBook()
    chat, image = names.intern("chat"), names.intern("image")

    assert names.intern("chat") == chat == name_number("chat")
    assert names.list_unstored({0, chat, image}) == sorted([chat, image])
    names.learn([(chat, "chat")], stored=True)

    assert names.list_unstored({0, chat, image}) == [image]
    assert (names.find_text(chat), names.find_text(0), names.find_text(5)) == ("chat", "", None)


def test_two_texts_under_one_number_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(name_book, "name_number", lambda text: 7)
    names = NameBook()
    names.intern("chat")

    with pytest.raises(NameInvalid, match="same number as 'chat'"):
        names.intern("image")
    with pytest.raises(NameInvalid):
        names.learn([(7, "image")], stored=True)

    assert names.find_text(7) == "chat"
    assert names.list_unstored({7}) == [7]


def test_the_oldest_names_are_forgotten_first():
    names = NameBook(most=4)
    numbers = [names.intern(text) for text in ("a", "b", "c", "d", "e")]
    names.learn([(numbers[4], "e")], stored=True)

    assert [names.find_text(number) for number in numbers] == [None, None, "c", "d", "e"]
    assert names.find_text(0) == ""
    assert names.list_unstored(set(numbers)) == sorted(numbers[:4])

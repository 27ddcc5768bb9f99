"""Catalogs at the command line: checked, told apart, published, shown; what things cost, and what something would."""

import json

import pytest

import farthing
from farthing.face.catalogs import read_shipped
from tests.postgres.databases import open_prepared


@pytest.fixture
def studio(shell, tmp_path, monkeypatch):
    """A book that begins with the studio's catalog, and its file beside."""
    monkeypatch.chdir(tmp_path)
    assert shell("init", "--catalog", "studio").code == 0
    return tmp_path / "studio.toml"


def test_init_begins_with_a_catalog_and_writes_its_file(shell, studio):
    assert studio.read_text(encoding="utf-8") == read_shipped("studio")
    shown = shell("catalog", "show")
    assert (shown.code, shown.out, shown.err) == (0, read_shipped("studio"), "studio, version 1\n")
    studio.write_text("mine", encoding="utf-8")
    refused = shell("init", "--catalog", "studio")
    assert (refused.code, studio.read_text(encoding="utf-8")) == (2, "mine")
    assert "would overwrite studio.toml" in refused.err


def test_check_needs_no_database_and_says_every_mistake_with_its_place(shell, tmp_path):
    file = tmp_path / "vibe.toml"
    file.write_text(read_shipped("vibe"), encoding="utf-8")
    said = shell("catalog", "check", str(file))
    assert (said.code, "ok" in said.out) == (0, True)

    wrong = read_shipped("vibe").replace('fallback = "free"', 'fallback = "fre"').replace("amount = 5,", "amont = 5,")
    file.write_text(wrong, encoding="utf-8")
    said = shell("catalog", "check", str(file))
    assert said.code == 6
    for place in ("plans.pro.fallback", "plans.enterprise.fallback", "plans.free.allowances.credits.amont"):
        assert place in said.err
    assert "did you mean" in said.err


def test_a_change_is_told_then_published_and_the_same_again_changes_nothing(shell, studio):
    studio.write_text(read_shipped("studio").replace("amount = 5 }", "amount = 6 }", 1), encoding="utf-8")

    assert "features.image.price: 5 credits → 6 credits" in shell("catalog", "diff", str(studio)).out
    done = json.loads(shell("catalog", "apply", str(studio), "--json").out)
    assert (done["version"], done["name"], [change["kind"] for change in done["changes"]]) == (2, "studio", ["changed"])
    again = json.loads(shell("catalog", "apply", str(studio), "--json").out)
    assert (again["version"], again["changes"]) == (2, [])
    assert shell("quote", "ada", "image").out.startswith("image costs 6 credits\n")


def test_what_cannot_change_is_refused_before_anything_is_written(shell, studio):
    shell("subscribe", "ada", "basic")
    document = read_shipped("studio")
    start = document.index("[plans.basic]")
    without = document[:start] + document[document.index("[plans.premium]") :]
    studio.write_text(without.replace("digits = 0", "scale = 2\ndigits = 0", 1), encoding="utf-8")

    for word in ("check", "apply"):
        said = shell("catalog", word, str(studio))
        assert said.code == 6
        for words in ("plans.basic", "units.credits.scale", "1 account is on it"):
            assert words in said.out + said.err
    assert shell("catalog", "show", "--json").code == 0
    assert json.loads(shell("catalog", "show", "--json").out)["version"] == 1


def test_costs_and_quotes(shell, studio):
    costs = shell("costs").out
    for words in ("5 credits per image", "1 credit per started 15 seconds", "20 credits per started 10 seconds"):
        assert words in costs
    quote = json.loads(shell("quote", "ada", "video", "--quantity", "8s", "--json").out)
    assert (quote["price"], quote["unit"], quote["catalog_version"]) == ("50", "credits", 1)
    charged = shell("charge", "ada", "--feature", "audio", "--quantity", "226 characters", "--json")
    assert json.loads(charged.out)["charged"] == "2"
    assert shell("charge", "ada", "--feature", "vidio").code == 4


def test_a_process_that_opens_postgresql_with_an_unknown_catalog_must_have_it_published_first(tmp_path):
    file = tmp_path / "studio.toml"
    file.write_text(read_shipped("studio"), encoding="utf-8")
    with open_prepared() as database:
        with pytest.raises(farthing.CatalogUnknown, match="farthing catalog apply"):
            farthing.open(database.app_url, create=True, book="studio", catalog=file)
        with farthing.open(database.app_url, book="studio") as ledger:
            ledger.apply_catalog(file)
        with farthing.open(database.app_url, book="studio", catalog=file) as ledger:
            assert ledger.quote("ada", "video", quantity="8s").price == 50

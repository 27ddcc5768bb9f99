"""Named zones: from the package and nowhere else, each once, and what is said to a name that is none."""

import zoneinfo
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from farthing.engine.zones import find_zone, list_zones, load_zone
from farthing.values.errors import TimeInvalid


def ask(name):
    """What is advised to somebody who wrote this."""
    with pytest.raises(TimeInvalid) as refused:
        find_zone(name)
    assert (refused.value.what, refused.value.problem) == ("zone", "is not a time zone")
    assert len(refused.value.given) <= 60
    return refused.value.advice


def test_every_name_of_the_list_is_a_zone_and_is_read_once():
    for name in list_zones():
        zone = find_zone(name)
        assert (zone.key, find_zone(name)) == (name, zone)
        assert datetime(2024, 1, 1, tzinfo=UTC).astimezone(zone).utcoffset() is not None
    assert find_zone("Europe/Berlin") is find_zone("Europe/Berlin")
    assert len(list_zones()) > 590


def test_zones_are_those_of_the_package_whatever_files_the_machine_has(tmp_path):
    utc = files("tzdata").joinpath("zoneinfo", "UTC").read_bytes()
    (tmp_path / "Europe").mkdir()
    for name in ("Berlin", "Nowhere"):
        (tmp_path / "Europe" / name).write_bytes(utc)
    load_zone.cache_clear()
    zoneinfo.reset_tzpath([str(tmp_path)])
    try:
        theirs, ours = zoneinfo.ZoneInfo.no_cache("Europe/Berlin"), find_zone("Europe/Berlin")
        assert zoneinfo.ZoneInfo.no_cache("Europe/Nowhere").key == "Europe/Nowhere"
        ask("Europe/Nowhere")
    finally:
        zoneinfo.reset_tzpath()

    summer = datetime(2024, 7, 1, tzinfo=UTC)
    assert [summer.astimezone(zone).hour for zone in (theirs, ours)] == [0, 2]


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin or Europe/Dublin or Europe/Belfast?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("EUROPE/BERLIN", "did you mean Europe/Berlin?"),
        ("Berlin", "did you mean Europe/Berlin?"),
        ("Europe/Berlin ", "did you mean Europe/Berlin?"),
        ("America/New York", "did you mean America/New_York?"),
        ("new york", "did you mean America/New_York?"),
        ("Asia/Calcuta", "did you mean Asia/Calcutta?"),
        ("america/buenos_aires", "did you mean America/Buenos_Aires?"),
        ("utc", "did you mean UTC?"),
    ],
)
def test_a_name_that_is_nearly_right_is_told_the_right_one(written, advice):
    assert ask(written) == advice


@pytest.mark.parametrize("written", ["GMT+2", "UTC+02:00", "+01:00", "Etc/GMT+99", "PST", "IST", "Mars/Olympus", "Z"])
def test_an_offset_an_abbreviation_and_what_is_like_nothing_are_told_what_a_name_looks_like(written):
    assert ask(written) == "write an IANA name such as UTC or Africa/Accra"


@pytest.mark.parametrize(
    "written",
    [
        "",
        ".",
        "..",
        "/",
        "Europe",
        "Europe/",
        "../UTC",
        "Europe/../UTC",
        "Europe/./Berlin",
        "Europe//Berlin",
        "/usr/share/zoneinfo/UTC",
        "zones",
        "__init__.py",
        "tzdata.zi",
        "Europe\\Berlin",
        "UTC\0",
        "UTC\n",
        "\N{FULLWIDTH LATIN CAPITAL LETTER U}TC",
        "\ud800",
        "x" * 64,
        "x" * 1_000_000,
        None,
        0,
        b"UTC",
        ("UTC",),
        ["UTC"],
        UTC,
        zoneinfo.ZoneInfo("UTC"),
    ],
    ids=lambda written: ascii(written)[:30],
)
def test_what_is_no_name_of_the_list_opens_no_file_and_is_refused(written, monkeypatch):
    list_zones()
    monkeypatch.setattr("farthing.engine.zones.load_zone", None)

    ask(written)

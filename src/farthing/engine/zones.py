"""Named time zones, from the `tzdata` package and never from the machine's own files, so that every machine agrees.

The zones that come from here cannot be pickled: they are for reckoning, and what people get is in UTC.
"""

from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from farthing.values.errors import TimeInvalid, show_given

LONGEST_GUESSED: Final = 64
"""Characters of an unknown name for which near ones are looked for; the longest real name has 32."""


def find_zone(name: object) -> ZoneInfo:
    """The zone of an IANA name, spelt as IANA spells it. Raises `TimeInvalid`, which names the nearest zones."""
    # Only what the list names is ever opened: no path can be smuggled in, and a disk that ignores case changes nothing.
    if isinstance(name, str) and name in list_zones():
        return load_zone(name)
    raise TimeInvalid(what="zone", given=show_given(name), problem="is not a time zone", advice=advise(name))


@cache
def load_zone(name: str) -> ZoneInfo:
    """A zone that the list names."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def list_zones() -> frozenset[str]:
    """Every name that the package knows."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


def advise(name: object) -> str:
    """What to write instead of an unknown name."""
    near = find_near_zones(name) if isinstance(name, str) and len(name) <= LONGEST_GUESSED else []
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "write an IANA name such as UTC or Africa/Accra"


def find_near_zones(name: str) -> list[str]:
    """At most three zones with a name much like this one, or whose city is called much like this."""
    # Zones named after an offset turn its sign round: GMT+2 must not be told Etc/GMT+2.
    if any(letter.isdigit() for letter in name):
        return []
    places = sorted(zone for zone in list_zones() if not any(letter.isdigit() for letter in zone))
    spellings: dict[str, str] = {}
    for zone in places:
        spellings.setdefault(zone.rpartition("/")[2].casefold(), zone)
    spellings |= {zone.casefold(): zone for zone in places}
    written = name.strip().replace(" ", "_").casefold()
    if written in spellings:
        return [spellings[written]]
    # Below this likeness PST would be told EST.
    return list(dict.fromkeys(spellings[like] for like in get_close_matches(written, spellings, n=3, cutoff=0.75)))

"""What the writer of one network's messages gets, and what it gives.

Messages are made by the thousand, so a writer puts texts together and never builds a message as values. What it is given
needs no escaping: digits, ASCII names, and Chinese without quotes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

Column = Any
Datum = Literal["wgs84", "gcj02"]
Spelling = Any
"""A class as the network's form needs it; whatever `spell` makes of a row of the code table."""


class Page(Struct, frozen=True):
    """What is to be written: columns of one length."""

    numbers: list[int]
    """Running number in the network, from 1."""
    reported: Column
    """Seconds on the wall clock; of UTC for networks that write zones."""
    occurred: Column
    """The same; `wall.NEVER` where it is not said."""
    lon: list[float]
    lat: list[float]
    """Degrees in the form's datum, six decimals."""
    cells: list[str]
    """15 digits, as noted."""
    areas: list[str]
    """The network's own area, an empty text where it has none."""
    spelt: list[Spelling]
    counties: list[str]
    """6 digits, of the true place: a managed thing is registered where it stands."""
    things: list[int]
    """Number of the managed thing (部件) behind the incident, below 1,000,000."""
    subjects: list[int]
    """Number of the person that the incident is about, below 2 ** 31."""
    people: list[int]
    """Number of who reports it, below 2 ** 31."""
    grades: list[int]
    """How grave it looks, 0 to 3."""
    texts: list[str]


Written = tuple[list[str], list[str]]
"""The sources' own ids, and the messages. Each message begins with its id."""


def never(spelling: Spelling) -> bool:
    """Of no class."""
    del spelling
    return False


@dataclass(frozen=True, slots=True)
class Form:
    """How one network writes."""

    network: str
    datum: Datum | None
    """None: it writes no point."""
    zoned: bool
    """Whether its times carry their zone."""
    notes_cell: bool
    """Whether its people write a cell of 15 digits."""
    spell: Callable[[str, str | None], Spelling | None]
    """A code of its table, with its version, as the form has it; None: nobody can write that."""
    write: Callable[[Page], Written]
    phrases: tuple[str, ...]
    """What people say; {} is the name of the matter."""
    numbered: Callable[[Spelling], bool] = never
    """Whether a class is that of a managed component (部件), which is written with the component's number."""
    exact: Callable[[Spelling], bool] = never
    """Whether a class is a station's, which knows where it stands."""


def as_it_is(code: str, version: str | None) -> Spelling:
    """A code that stands in the form as in the table."""
    del version
    return code


def padded(digits: int) -> Callable[[str, str | None], Spelling]:
    """A code of so many digits, 9 where the table has only the parent: another class of that parent."""

    def spell(code: str, version: str | None) -> Spelling:
        del version
        return code.ljust(digits, "9")

    return spell

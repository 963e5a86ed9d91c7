"""The types of a message form: `Form`, and the page of reports that it writes.

The simulation makes messages by the thousand, so a form joins texts and never builds a message as values. Its input needs
no escaping: it is digits, ASCII names, and Chinese without quotes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

Column = Any
Datum = Literal["wgs84", "gcj02"]
Spelling = Any
"""A class as the form needs it: the result of `spell` for a row of the code table."""


class Page(Struct, frozen=True):
    """The reports to write, as columns of one length."""

    numbers: list[int]
    """Sequence number in the network, from 1."""
    reported: Column
    """Wall time in seconds; UTC for networks whose times have a zone."""
    occurred: Column
    """The same; `local_time.NEVER` when the report gives no time."""
    lon: list[float]
    lat: list[float]
    """Degrees in the form's datum, six decimals."""
    cells: list[str]
    """15 digits, as the reporter entered them."""
    areas: list[str]
    """The network's own area; empty when it has none."""
    spellings: list[Spelling]
    counties: list[str]
    """6 digits of the true place, where a managed component is registered."""
    things: list[int]
    """Number of the managed component (部件) of the incident, below 1,000,000."""
    subjects: list[int]
    """Number of the person whom the incident concerns, below 2 ** 31."""
    people: list[int]
    """Number of the reporter, below 2 ** 31."""
    grades: list[int]
    """Apparent severity, 0 to 3."""
    texts: list[str]


Written = tuple[list[str], list[str]]
"""The source ids and the messages. Each message begins with its id."""


def never(spelling: Spelling) -> bool:
    """Return False for every class."""
    del spelling
    return False


@dataclass(frozen=True, slots=True)
class Form:
    """The message form of one network."""

    network: str
    datum: Datum | None
    """None when its messages have no point."""
    zoned: bool
    """Whether its times have a zone."""
    writes_cell: bool
    """Whether its messages have a cell of 15 digits."""
    spell: Callable[[str, str | None], Spelling | None]
    """Converts a code of the table and its version to the form; None when the form cannot express it."""
    write: Callable[[Page], Written]
    phrases: tuple[str, ...]
    """Descriptions; {} is the name of the matter."""
    numbered: Callable[[Spelling], bool] = never
    """Whether a class is a managed component (部件), which the form writes with its number."""
    exact: Callable[[Spelling], bool] = never
    """Whether a class belongs to a station, whose position is exact."""


def as_it_is(code: str, version: str | None) -> Spelling:
    """Return the code of the table unchanged."""
    del version
    return code


def padded(digits: int) -> Callable[[str, str | None], Spelling]:
    """A code with this number of digits. A parent of the table is filled with 9, which is another class of that parent."""

    def spell(code: str, version: str | None) -> Spelling:
        del version
        return code.ljust(digits, "9")

    return spell

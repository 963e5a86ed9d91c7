"""Names that a reader takes for one: they differ only by blanks, case, or full and half width."""

from collections.abc import Iterable, Iterator
from typing import TypeVar
from unicodedata import normalize

Position = TypeVar("Position")


def folded(name: str) -> str:
    """The name without case, with single blanks, in half width. Equal for names that a reader takes for one."""
    return " ".join(normalize("NFKC", name).casefold().split())


def alike(named: Iterable[tuple[str, Position]]) -> Iterator[tuple[tuple[str, Position], tuple[str, Position]]]:
    """Each name that reads like an earlier one and is written otherwise, behind the earlier one."""
    first: dict[str, tuple[str, Position]] = {}
    for name, position in named:
        earlier = first.setdefault(folded(name), (name, position))
        if earlier[0] != name:
            yield earlier, (name, position)

"""Groups places and periods that have the same answer, and names them briefly."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TypeVar

from msgspec import Struct

from router.domain.catalogue.model import AREA_LENGTHS
from router.domain.catalogue.resolve import Catalogue

Answer = TypeVar("Answer")


class Extent(Struct, frozen=True, kw_only=True):
    """These areas during this period."""

    areas: tuple[str, ...]
    """The shortest code prefixes that cover exactly these cells. The empty prefix covers the city."""
    since: datetime | None
    until: datetime | None
    """Half-open interval of instants. None: unbounded."""


class Survey:
    """The kinds of places and the periods that some catalogues can distinguish, over one set of cells.

    Args:
        catalogues: the catalogues whose duties are compared.
        cells: the codes of all cells.
    """

    def __init__(self, catalogues: Sequence[Catalogue], cells: Collection[str]) -> None:
        areas = {area for catalogue in catalogues for duty in catalogue.duties for area in duty.areas}
        self.kinds = kinds(areas, cells)
        """Representative cell of each kind of place -> all cells of that kind."""
        self.bounds = sorted({at for catalogue in catalogues for at in catalogue.boundaries})
        self.moments = moments(self.bounds)
        """One instant in each period."""
        self._cells = cells
        self._named: dict[frozenset[str], tuple[str, ...]] = {}

    def areas(self, places: Iterable[str]) -> tuple[str, ...]:
        """The areas that these kinds of places cover, by representative cell."""
        key = frozenset(places)
        named = self._named.get(key)
        if named is None:
            chosen = [cell for place in key for cell in self.kinds[place]]
            named = self._named[key] = prefixes(chosen, self._cells)
        return named

    def extents(self, answers: Mapping[str, Sequence[Answer | None]]) -> list[tuple[Answer, Extent]]:
        """Each answer with its areas and periods. None means no answer.

        Args:
            answers: by representative cell, the answer in each period.
        """
        held: defaultdict[tuple[Answer, datetime | None, datetime | None], list[str]] = defaultdict(list)
        for place, series in answers.items():
            for answer, since, until in self._runs(series):
                held[answer, since, until].append(place)
        return [
            (answer, Extent(areas=self.areas(places), since=since, until=until))
            for (answer, since, until), places in held.items()
        ]

    def _runs(self, series: Sequence[Answer | None]) -> list[tuple[Answer, datetime | None, datetime | None]]:
        """Merge neighbouring periods with equal answers."""
        edges = [None, *self.bounds, None]
        found = []
        for answer, run in groupby(enumerate(series), key=lambda one: one[1]):
            periods = [number for number, _ in run]
            if answer is not None:
                found.append((answer, edges[periods[0]], edges[periods[-1] + 1]))
        return found


def kinds(areas: Collection[str], cells: Iterable[str]) -> dict[str, list[str]]:
    """Representative cell of each combination of areas -> all cells that belong to exactly those areas."""
    lengths = sorted({len(area) for area in areas})
    grouped: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for cell in cells:
        grouped[tuple(prefix for n in lengths if (prefix := cell[:n]) in areas)].append(cell)
    return {alike[0]: alike for alike in grouped.values()}


def moments(bounds: Sequence[datetime]) -> list[datetime]:
    """One instant in each period between these bounds."""
    return [bounds[0] - timedelta(days=1), *bounds] if bounds else [datetime.min.replace(tzinfo=UTC)]


def prefixes(chosen: Iterable[str], cells: Iterable[str]) -> tuple[str, ...]:
    """The shortest prefixes that cover all chosen cells and no others, sorted. The empty prefix covers every cell."""
    left, every = set(chosen), list(cells)
    found: list[str] = []
    for length in AREA_LENGTHS:
        held = Counter(cell[:length] for cell in left)
        total = Counter(cell[:length] for cell in every)
        whole = {prefix for prefix, number in held.items() if number == total[prefix]}
        found += whole
        left = {cell for cell in left if cell[:length] not in whole}
    return tuple(sorted(found))

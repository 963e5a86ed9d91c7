"""Checks that every matter in every area has exactly one lead, and that every duty can win (GR020 to GR029)."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import combinations, groupby, product
from typing import Literal

from msgspec import Struct

from router.domain.catalogue.regions import Extent, Survey, kinds
from router.domain.catalogue.regions import moments as instants
from router.domain.catalogue.resolve import STREET, Candidate, Catalogue
from router.domain.documents import Finding, SourcePosition, found
from router.domain.rules.city import City

UNCOVERED = "GR020"
CONFLICT = "GR021"
DEAD = "GR022"
EMPTY_AREA = "GR023"
NO_LIMIT = "GR024"
Why = Literal["fallback", "no-lead", "conflict"]
"""Only the fallback covers it; no duty does; or two duties tie."""


class Gap(Struct, frozen=True, kw_only=True):
    """A matter without exactly one lead, with its areas and periods."""

    matter: str
    why: Why
    duties: tuple[str, ...]
    """The duties that tie. Empty unless it is a conflict."""
    extent: Extent
    cells: int


class Coverage(Struct, frozen=True, kw_only=True):
    """The lead of every matter in every cell in every period of validity, counted one by one."""

    matters: int
    cells: int
    periods: int
    """Periods in which the same duties are in effect. One if no duty has dates."""
    by_duty: int
    """Led by exactly one duty."""
    by_fallback: int
    """Covered by no duty: the locality gets them."""
    uncovered: int
    """Without a lead, or with two duties that tie."""
    gaps: tuple[Gap, ...]
    """The last two counts, by matter."""

    @property
    def total(self) -> int:
        """Matters x cells x periods."""
        return self.matters * self.cells * self.periods

    @property
    def share(self) -> float:
        """Of them, those with exactly one lead, 0 to 1."""
        return (self.by_duty + self.by_fallback) / self.total if self.total else 1.0


def coverage(city: City) -> float:
    """Share of (matter, cell, period) with exactly one lead, by a duty or by the declared fallback: 0 to 1."""
    return measure(city.catalogue, city.cells.cells).share


def measure(catalogue: Catalogue, cells: Collection[str]) -> Coverage:
    """Measure the coverage over these cells. `.by_fallback` counts what no duty covers.

    Nothing is sampled. Cells that no duty distinguishes are decided once and counted all.
    """
    survey = Survey([catalogue], cells)
    counts: Counter[Why | None] = Counter()
    gaps: list[Gap] = []
    for matter in catalogue.matters:
        answers = {place: [_lack(catalogue, matter, place, at) for at in survey.moments] for place in survey.kinds}
        for place, alike in survey.kinds.items():
            for lack in answers[place]:
                counts[lack and lack[0]] += len(alike)
        for (why, duties), extent in survey.extents(answers):
            held = sum(1 for cell in cells if cell.startswith(extent.areas))
            gaps.append(Gap(matter=matter, why=why, duties=duties, extent=extent, cells=held))
    return Coverage(
        matters=len(catalogue.matters),
        cells=len(cells),
        periods=len(survey.moments),
        by_duty=counts[None],
        by_fallback=counts["fallback"],
        uncovered=counts["no-lead"] + counts["conflict"],
        gaps=tuple(gaps),
    )


def _lack(catalogue: Catalogue, matter: str, cell: str, at: datetime) -> tuple[Why, tuple[str, ...]] | None:
    """Why there is no single lead here and now, and the duties that tie. None: there is one."""
    winner = catalogue.winner(matter, cell, at)
    if winner is None:
        return ("no-lead" if catalogue.fallback is None else "fallback"), ()
    alike = [
        one.duty.id
        for one in catalogue.candidates[matter]
        if one.rank == winner.rank and one.area == winner.area and one.holds(at)
    ]
    return ("conflict", tuple(sorted(set(alike)))) if len(set(alike)) > 1 else None


def check(
    catalogue: Catalogue, cells: Collection[str], limits: SourcePosition, caught: Collection[str] = ()
) -> list[Finding]:
    """Conflicts, dead duties, areas without cells, and matters without a duty or a limit.

    Args:
        catalogue: compiled.
        cells: the codes of the city's cells.
        limits: position of the standards' default, for matters that no standard covers.
        caught: matters of the catch-all rows of code tables. The fallback is meant to get them.
    """
    conflicts = list(_conflicts(catalogue))
    unsettled = {candidate.duty.id for _, *both in conflicts for candidate in both}
    return [
        *(_clash(matter, a, b) for matter, a, b in conflicts),
        *_used(catalogue, cells, unsettled, caught),
        *_limits(catalogue, limits),
    ]


def _conflicts(catalogue: Catalogue) -> Iterator[tuple[str, Candidate, Candidate]]:
    for matter, candidates in catalogue.candidates.items():
        for _, equal in groupby(candidates, key=lambda c: (c.rank, c.area)):
            for a, b in combinations(equal, 2):
                if a.duty is not b.duty and _together(a, b):
                    yield matter, a, b


def _together(a: Candidate, b: Candidate) -> bool:
    """Whether both are in effect at some instant."""
    begins = [c.begins for c in (a, b) if c.begins is not None]
    ends = [c.ends for c in (a, b) if c.ends is not None]
    return not begins or not ends or max(begins) < min(ends)


def _clash(matter: str, a: Candidate, b: Candidate) -> Finding:
    first, second = sorted((a.duty, b.duty), key=lambda duty: duty.mark)
    where = a.area or "the whole city"
    message = f"duties `{first.id}` (line {first.mark.line}) and `{second.id}` claim {matter} in {where} alike"
    return found(CONFLICT, second.mark, message, "give one a longer area, another matter, or dates")


def _used(
    catalogue: Catalogue, cells: Collection[str], unsettled: set[str], caught: Collection[str]
) -> Iterator[Finding]:
    """Duties that can never win, and what only the fallback gets. Duties in conflict are left out: their winner is open."""
    areas = {area for duty in catalogue.duties for area in duty.areas}
    chosen = places(catalogue, cells)
    peopled = {area for area in areas if any(place.startswith(area) for place in chosen)}
    winners, fallen = _decided(catalogue, chosen)
    for duty in catalogue.duties:
        empty = [area for area in duty.areas if area not in peopled]
        for area in empty:
            yield found(EMPTY_AREA, duty.mark, f"area {area} of duty `{duty.id}` holds no cell of the city")
        if duty.id not in winners | unsettled and len(empty) < len(duty.areas):
            message = f"duty `{duty.id}` can never win: more specific duties cover all of it"
            yield found(DEAD, duty.mark, message, "remove it, or move its `matters` to the duties below it")
    meant = caught if catalogue.fallback is not None else ()
    yield from _fallen(catalogue, {matter: place for matter, place in fallen.items() if matter not in meant})


def _decided(catalogue: Catalogue, chosen: Iterable[str]) -> tuple[set[str], dict[str, str]]:
    """Ids of the duties that win at some time, and by matter the first place that no duty covers."""
    winners: set[str] = set()
    fallen: dict[str, str] = {}
    times = moments(catalogue)
    for matter, place, at in product(catalogue.matters, chosen, times):
        winner = catalogue.winner(matter, place, at)
        if winner is None:
            fallen.setdefault(matter, place)
        else:
            winners.add(winner.duty.id)
    return winners, fallen


def _fallen(catalogue: Catalogue, fallen: dict[str, str]) -> Iterator[Finding]:
    file = catalogue.duties[0].mark.file if catalogue.duties else "duties.yaml"
    for matter, place in fallen.items():
        if catalogue.fallback is None:
            message = f"{matter} has no lead in {place[:STREET]}"
            yield found(UNCOVERED, SourcePosition(file), message, "add a duty, or declare a `fallback`")
        else:
            message = f"no duty covers {matter} in {place[:STREET]}; {catalogue.fallback.department} gets it"
            yield found(
                UNCOVERED, SourcePosition(file), message, "add a duty if another department should", level="warning"
            )


def places(catalogue: Catalogue, cells: Iterable[str]) -> list[str]:
    """One cell for each set of areas that contain it. No duty can distinguish the other cells."""
    return sorted(kinds({area for duty in catalogue.duties for area in duty.areas}, cells))


def moments(catalogue: Catalogue) -> list[datetime]:
    """One instant in each period in which the same duties are in effect."""
    return instants(catalogue.boundaries)


def _limits(catalogue: Catalogue, mark: SourcePosition) -> Iterator[Finding]:
    for matter in catalogue.matters.values():
        for role, limit in matter.limits.items():
            assists = role == "assist" and any(c.duty.assist for c in catalogue.candidates[matter.id])
            if limit is None and (role == "lead" or assists):
                message = f"no standard limits {matter.id} for the role {role}: its tasks are never due"
                yield found(NO_LIMIT, mark, message, "add a limit to `default`, its group or itself", level="warning")

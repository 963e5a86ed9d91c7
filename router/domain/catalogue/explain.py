"""Explains a route: every duty that could apply, in order of precedence, and why it won or lost."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from router.domain.catalogue.resolve import Candidate, Catalogue, Route

Verdict = Literal["won", "lost", "elsewhere", "not-in-effect"]
NAMED = {2: "names the matter", 1: "names its group", 0: "names every matter"}


class Considered(Struct, frozen=True, kw_only=True):
    """One duty and its result."""

    rule: str
    place: str
    """Position of the duty: `file:line:column`."""
    area: str
    names: str
    verdict: Verdict
    why: str


class Explanation(Struct, frozen=True, kw_only=True):
    """The complete decision."""

    matter: str
    cell: str
    at: datetime
    catalogue: str
    """Version."""
    considered: tuple[Considered, ...]
    others: int
    """Number of duties that cover only other matters."""
    route: Route


def explain(catalogue: Catalogue, matter: str, cell: str, at: datetime) -> Explanation:
    """Explain the route of a matter in a cell at an instant (aware)."""
    candidates = catalogue.candidates.get(matter, ())
    winner = catalogue.winner(matter, cell, at)
    return Explanation(
        matter=matter,
        cell=cell,
        at=at,
        catalogue=catalogue.version,
        considered=tuple(_consider(candidate, winner, cell, at) for candidate in candidates),
        others=len(catalogue.duties) - len({candidate.duty.id for candidate in candidates}),
        route=catalogue.decide(matter, cell, winner),
    )


def _consider(candidate: Candidate, winner: Candidate | None, cell: str, at: datetime) -> Considered:
    verdict, why = _judge(candidate, winner, cell, at)
    return Considered(
        rule=candidate.duty.id,
        place=str(candidate.duty.mark),
        area=candidate.area,
        names=NAMED[candidate.named],
        verdict=verdict,
        why=why,
    )


def _judge(candidate: Candidate, winner: Candidate | None, cell: str, at: datetime) -> tuple[Verdict, str]:
    if candidate is winner:
        return "won", f"the most specific in effect: {NAMED[candidate.named]} in {_where(candidate)}"
    if not cell.startswith(candidate.area):
        return "elsewhere", f"the cell is not in {candidate.area}"
    if winner is None or not candidate.holds(at):  # a duty that applies here and is in effect would have won
        return "not-in-effect", _validity(candidate, at)
    return "lost", f"less specific than {winner.duty.id}: {_less(candidate, winner)}"


def _where(candidate: Candidate) -> str:
    return candidate.area or "the whole city"


def _validity(candidate: Candidate, at: datetime) -> str:
    if candidate.begins is not None and at < candidate.begins:
        return f"begins on {candidate.duty.since}"
    return f"ended on {candidate.duty.until}"


def _less(candidate: Candidate, winner: Candidate) -> str:
    if candidate.named != winner.named:
        return f"it {NAMED[candidate.named]} only"
    if len(candidate.area) != len(winner.area):
        return f"{_where(candidate)} is wider than {_where(winner)}"
    return "its time is wider" if candidate.bounds != winner.bounds else "the ids decide"

"""What matching must know of a case beside the case itself."""

from functools import lru_cache

from msgspec import Struct

from router.domain.instants import us
from router.domain.matching.parameters import MergeParameters
from router.domain.model.case import Case, CaseReport, Place
from router.domain.model.report import Report

MAX_PLACES = 8
"""Places of a case from which a report is measured, beside that of its first report."""


class MatchCandidate(Struct, gc=False, eq=False):
    """A case whose merge window is open. Instants are µs since 1970."""

    case: Case
    first_us: int
    last_us: int
    """Occurrence of its earliest and latest report."""
    until_us: int
    """End of its merge window in received time; the end itself is outside."""
    networks: frozenset[str]
    places: tuple[Place, ...] = ()
    """The latest MAX_PLACES other places of its reports, beside that of the report that opened it."""
    references: tuple[str, ...] = ()
    """Who reported it, and whom it is about."""
    full: bool = False
    """Whether it takes no further report (`case/size.py`). The state keeps it as the case is."""

    @classmethod
    def of(cls, case: Case, parameters: MergeParameters) -> "MatchCandidate":
        """The candidate that a case is, made from nothing but the case."""
        if len(case.reports) == 1:  # as when it is opened: nothing to gather
            report, occurred_us = case.reports[0], us(case.occurred_at)
            references = with_references((), report, parameters)
            networks = with_network(NO_NETWORKS, report.network)
            return cls(case, occurred_us, occurred_us, us(case.window_until), networks, (), references)
        first_us, last_us = _span(case)
        until_us, places, references = us(case.window_until), places_of(case), references_of(case, parameters)
        return cls(case, first_us, last_us, until_us, _networks(case), places, references)

    def reread(self, parameters: MergeParameters) -> None:
        """Follow a case of which a report was corrected, left or came. The window stays as it is."""
        self.first_us, self.last_us = _span(self.case)
        self.networks = _networks(self.case)
        self.places, self.references = places_of(self.case), references_of(self.case, parameters)

    def add_report(self, report: CaseReport, occurred_us: int, references: tuple[str, ...]) -> None:
        """Take in one more report, so that a large case need not be read again.

        Args:
            report: the report that joined the case.
            occurred_us: its occurrence.
            references: of the case and the report together, as `with_references` gives them.
        """
        self.first_us, self.last_us = min(self.first_us, occurred_us), max(self.last_us, occurred_us)
        self.networks = with_network(self.networks, report.network)
        self.places, self.references = with_place(self.places, report, self.case), references


def _span(case: Case) -> tuple[int, int]:
    """Occurrence in µs of the earliest and the latest report."""
    occurred = [us(report.occurred_at) for report in case.reports]
    return min(occurred), max(occurred)


def _networks(case: Case) -> frozenset[str]:
    networks = NO_NETWORKS
    for report in case.reports:
        networks = with_network(networks, report.network)
    return networks


def named_references(report: Report | CaseReport, parameters: MergeParameters) -> list[str]:
    """The citizen and the person that a report names. Only the citizen's own network knows the citizen's reference."""
    named = report.reporter is not None and report.network in parameters.evidence.citizen_networks
    references = [f"{report.network}:{report.reporter}"] if named else []
    return references if report.person is None else [*references, f"person:{report.person}"]


def references_of(case: Case, parameters: MergeParameters) -> tuple[str, ...]:
    """Who reported the case and whom it is about, each once."""
    references: tuple[str, ...] = ()
    for report in case.reports if parameters.evidence.reference_factor else ():
        references = with_references(references, report, parameters)
    return references


def with_references(references: tuple[str, ...], report: CaseReport, parameters: MergeParameters) -> tuple[str, ...]:
    """The references and those of one more report; the same object if the report adds none."""
    if not parameters.evidence.reference_factor:
        return references
    new = [reference for reference in named_references(report, parameters) if reference not in references]
    return (*references, *new) if new else references


def place_of(report: Report) -> Place | None:
    """Longitude, latitude and accuracy of a report; None if it has no point."""
    location = report.location
    return None if location.lon is None or location.lat is None else (location.lon, location.lat, location.accuracy_m)


def places_of(case: Case) -> tuple[Place, ...]:
    """The places that the joined reports name."""
    places: tuple[Place, ...] = ()
    for report in case.reports:
        places = with_place(places, report, case)
    return places


def with_place(places: tuple[Place, ...], report: CaseReport, case: Case) -> tuple[Place, ...]:
    """The places and that of one more report, the latest MAX_PLACES of them; the same object if the report adds none."""
    place = report.place
    if place is None or place in places or place[:2] == (case.lon, case.lat):
        return places
    return (*places, place)[-MAX_PLACES:]


NO_NETWORKS: frozenset[str] = frozenset()


@lru_cache(maxsize=1 << 12)
def with_network(networks: frozenset[str], network: str) -> frozenset[str]:
    """The networks and one more; one object for the same networks, in whatever order they came."""
    return _intern_set(networks | {network})


@lru_cache(maxsize=1 << 12)
def _intern_set(networks: frozenset[str]) -> frozenset[str]:
    return networks

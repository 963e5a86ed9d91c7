"""The fold of one partition without Kafka, in the manner of Kafka Streams' TopologyTestDriver.

Reports and ticks go in; cases and tasks come out as the bytes that the shell would write. A driver can crash: what it
wrote to `grid.cases` is all that its successor gets.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import cache
from math import cos, radians
from typing import Any

from router.domain.cells.registry import CellRegistry, load_cells
from router.domain.documents import Source, read_yaml, validate
from router.domain.fold import Event, fold
from router.domain.geometry import METRES_PER_DEGREE
from router.domain.matching.parameters import MergeParameters
from router.domain.model.case import Case
from router.domain.model.erasure import Erasure
from router.domain.model.escalation import Escalation
from router.domain.model.feedback import Feedback
from router.domain.model.report import Location, Provenance, Report, Tick
from router.domain.model.task import Task
from router.domain.model.transition import Transition
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleLookup, RuleSets
from router.domain.state.log_clock import LogClock
from router.domain.state.partition_state import PartitionState
from router.wire.codec import (
    decode_case,
    decode_event,
    encode_archived,
    encode_case,
    encode_erasure,
    encode_report,
    encode_task,
    encode_tick,
    encode_tombstone,
)
from tests.support.catalogue_lists import CELLS, ZONE, catalogue
from tests.support.cities import shipped
from tests.support.outcomes import Folded, folded

START = datetime(2026, 10, 1, 1, tzinfo=UTC)
"""09:00 in Shanghai; hours of reports and ticks count from here."""
CELL, NEXT_CELL, OTHER_STREET, OTHER_COUNTY = CELLS
OTHER_COMMUNITY = "410902001002001"
"""In the street of CELL."""
LON, LAT = 115.03, 35.76

MERGING = """\
thresholds: {merge: 0.5, suggest: 0.3}
search_radius: {base_m: 30, max_m: 150}
base_m_by_matter: {hole: 0}
window_hours: 24
window_hours_by_matter: {hole: 72}
decay_at_window_end: 0.6
decay_at_max_distance: 0.5
same_community: 0.65
affinities:
  - {between: [tree, grass], affinity: 0.9}
  - {between: [grass, hole], affinity: 0.45}
"""

THREE_DUTIES = """\
fallback: {department: locality, unit: street}
duties:
  trees:
    matters: [tree]
    lead: parks
  grass:
    matters: [grass]
    lead: parks
    assist: [police]
  holes:
    matters: [hole]
    lead: {department: roads, unit: street}
"""
"""Trees and grass go to one department, grass with an assistant, holes to another."""


def merging(text: str = MERGING) -> MergeParameters:
    """The parameters of a `merging.yaml`, which must be valid."""
    document, wrong = read_yaml(Source("merging.yaml", text))
    assert document is not None, wrong
    model, wrong = validate(MergeParameters, document)
    assert model is not None, [str(one) for one in wrong]
    return model


def tiny(rules: str = MERGING, **lists: str) -> City:
    """A city of four cells; a keyword replaces one of the lists in tests/support/catalogue_lists.py, e.g. `duties=...`."""
    return City("tiny", "Tiny", ZONE, _cells(), catalogue(**lists), merging(rules), {})


@cache
def los_angeles() -> City:
    """The city as it is shipped."""
    return shipped("los-angeles")


@cache
def _cells() -> CellRegistry:
    rows = [f"{cell},c,2018-01-01,,{_square(east)}" for east, cell in enumerate(CELLS)]
    communities = [f"{cell[:12]},c,{cell}" for cell in CELLS[1:]]
    texts = (
        "\n".join(["code,name,valid_from,valid_until,geometry", *rows, ""]),
        "\n".join(["community,name,default_cell", *communities, ""]),
        "network,area,code,share\n",
    )
    cells = load_cells(*texts, files=["cells.csv", "communities.csv", "areas.csv"])
    assert isinstance(cells, CellRegistry), [str(one) for one in cells]
    return cells


def _square(east: int) -> str:
    west, south = LON + east / 1000, LAT
    corners = [(west, south), (west + 0.001, south), (west + 0.001, south + 0.001), (west, south + 0.001)]
    return f'"POLYGON (({", ".join(f"{lon:.3f} {lat:.3f}" for lon, lat in (*corners, corners[0]))}))"'


def hours(number: float) -> datetime:
    """The instant `number` hours after START."""
    return START + timedelta(hours=number)


def report(
    name: str,
    at: float = 0,
    *,
    received: float | None = None,
    matter: str = "tree",
    network: str = "hotline",
    cell: str = CELL,
    east: float = 0,
    north: float = 0,
    point: bool = True,
    accuracy: float = 10,
    offset: int = 0,
    lat: float = LAT,
    lon: float = LON,
    **more: Any,
) -> Report:
    """A report that occurred `at` hours after START, `east` and `north` metres of a point.

    It was received at its occurrence, unless `received` is given. Without a point it names only its community.
    """
    place: dict[str, Any] = {"cell": cell, "resolved_by": "point" if point else "community", "accuracy_m": accuracy}
    if point:
        place["lon"] = lon + east / METRES_PER_DEGREE / cos(radians(lat))
        place["lat"] = lat + north / METRES_PER_DEGREE
    place["resolved_by"] = more.pop("resolved_by", place["resolved_by"])
    return Report(
        id=f"{network}:{name}",
        network=network,
        source_id=name,
        matter=matter,
        source_code=matter,
        occurred_at=hours(at),
        reported_at=hours(at),
        received_at=hours(at if received is None else received),
        location=Location(**place),
        provenance=Provenance(topic=f"reports.{network}", partition=0, offset=offset),
        **more,
    )


class Driver:
    """One partition of a city.

    Args:
        city: the rules, or the rule sets of a city by their versions.
        written: what an earlier owner of the partition wrote to `grid.cases`, from which the state is restored.
        clock: that the earlier owner stored with its offset.
    """

    def __init__(
        self,
        city: City | RuleLookup,
        written: Iterable[tuple[bytes, bytes | None]] = (),
        clock: LogClock | None = None,
    ) -> None:
        self.rules: RuleLookup = RuleSets(city) if isinstance(city, City) else city
        self.state = PartitionState()
        self.state.clock = LogClock() if clock is None else copy(clock)
        self.written: list[tuple[bytes, bytes | None]] = list(written)
        """Key and value of every record of `grid.cases`."""
        self.archived: list[bytes] = []
        """Value of every record of `grid.archive`."""
        self.dispatched: list[bytes] = []
        """Value of every record of `tasks.*`."""
        self.tasks: list[Task] = []
        self.transitions: list[Transition] = []
        """Every record of `grid.transitions`."""
        self.escalations: list[Escalation] = []
        """Every record of `grid.escalations`."""
        for value in self.latest().values():
            self.state.restore(decode_case(value), self.rules.merging)
        self.state.steps.restore(self.rules)

    def pipe(self, *events: Event) -> Folded:
        """Fold events one by one, each a batch of its own; returns what the last one led to."""
        return [self.batch([event])[0] for event in events][-1]

    def tick(self, at: float) -> Folded:
        """Fold a tick, `at` hours after START."""
        return self.pipe(Tick(at=hours(at)))

    def batch(self, events: Sequence[Event]) -> list[Folded]:
        """Fold events as the shell does: they are read from bytes, and a changed case is written once, as it is at the end."""
        outcomes, changed = [], {}
        for event in events:
            outcomes.append(folded(fold(self.state, _read_back(event), self.rules)))
            changed |= {case.id: copy(case) for case in outcomes[-1].cases}
        gone = [one for outcome in outcomes for one in outcome.archived]
        changed = {id_: case for id_, case in changed.items() if id_ not in [one.case.id for one in gone]}
        self.written += [encode_case(case)[:2] for case in changed.values()]
        self.written += [encode_tombstone(one.case)[:2] for one in gone]
        self.archived += [encode_archived(one.case, one.at)[1] for one in gone]
        self.tasks += [task for outcome in outcomes for task in outcome.tasks]
        self.transitions += [one for outcome in outcomes for one in outcome.transitions]
        self.escalations += [one for outcome in outcomes for one in outcome.escalations]
        self.dispatched += [encode_task(task)[1] for outcome in outcomes for task in outcome.tasks]
        return outcomes

    def latest(self) -> dict[bytes, bytes]:
        """What compaction leaves of `grid.cases`: the last value of each key that has one."""
        return {key: value for key, value in dict(self.written).items() if value is not None}

    @property
    def cases(self) -> list[Case]:
        """The cases as a reader of `grid.cases` sees them, in the order in which they were opened."""
        return [decode_case(value) for value in self.latest().values()]

    def case_of(self, name: str, network: str = "hotline") -> Case:
        """The one case that has this report."""
        (case,) = [case for case in self.cases if f"{network}:{name}" in [one.id for one in case.reports]]
        return case

    def snapshot(self) -> dict[str, Any]:
        """The state, for comparing it with another."""
        return self.state.snapshot()

    def crash(self) -> "Driver":
        """A successor that has only what this one wrote."""
        return Driver(self.rules, self.written, self.state.clock)


def _read_back(event: Event) -> Event:
    if isinstance(event, Feedback):
        return event
    if isinstance(event, Erasure):
        _, value, headers = encode_erasure(event)
        return decode_event(headers, value)
    _, value, headers = encode_tick(event, 0) if isinstance(event, Tick) else encode_report(event)
    return decode_event(headers, value)

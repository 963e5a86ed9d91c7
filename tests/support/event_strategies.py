"""Strategies that build any valid event of the grid stream: extreme times, points, texts and matters, and repeated ids."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from router.domain.model.report import Location, Media, Provenance, Report, Tick
from router.domain.networks.schema.fields import FIRST_YEAR, LAST_YEAR
from tests.support.driver import CELL, LAT, LON, NEXT_CELL, OTHER_COMMUNITY, OTHER_STREET, hours

Event = Report | Tick

FIRST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
LAST = datetime(LAST_YEAR, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
"""Any UTF-8 text, including control characters and right-to-left text."""
INSTANTS = st.one_of(
    st.integers(-48, 24 * 40).map(hours),
    st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC)),
    st.sampled_from([FIRST, LAST]),
)
"""Mostly near each other, up to the limit of a network; normalising rejects values beyond it."""
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.one_of(
    st.just((None, None)),
    st.tuples(st.floats(LON, LON + 0.001), st.floats(LAT, LAT + 0.001)),
    st.sampled_from([(0.0, 0.0), (180.0, 90.0), (-180.0, -90.0), (LAT, LON - 90), (LON, 90.0), (5e-324, 89.999)]),
    st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
    st.tuples(st.floats(-180, 180), st.none()),
)
"""Valid coordinates; schemas reject all others."""
CELLS = st.one_of(
    st.sampled_from([CELL, NEXT_CELL, OTHER_COMMUNITY, OTHER_STREET]),
    st.text("0123456789", min_size=15, max_size=15),
)
METRES = st.one_of(st.floats(0, 5000), st.sampled_from([0.0, -1.0, 1e308, 5e-324]))
PERSONS = st.one_of(st.sampled_from(["138****5678", "139****0000"]), TEXTS, st.none())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
EXTENSIONS = st.one_of(
    st.just({}),
    st.dictionaries(st.one_of(st.just("personRef"), TEXTS), st.one_of(st.just("4109**********0012"), JSON), max_size=2),
)


@st.composite
def locations(draw: st.DrawFn) -> Location:
    lon, lat = draw(POINTS)
    return Location(
        cell=draw(CELLS),
        resolved_by=draw(st.sampled_from(["code", "point", "nearest", "community", "fallback"])),
        accuracy_m=draw(METRES),
        lon=lon,
        lat=lat,
        source_grid=draw(st.none() | TEXTS),
        doubt=draw(st.none() | TEXTS),
    )


@st.composite
def reports(draw: st.DrawFn, names: st.SearchStrategy[str] | None = None) -> Report:
    network = draw(st.sampled_from(["hotline", "policing", "social-security", "unheard-of"]))
    name = draw(names if names is not None else st.integers(0, 9).map(str))
    return Report(
        id=f"{network}:{name}",
        network=network,
        source_id=name,
        matter=draw(st.one_of(st.sampled_from(["tree", "grass", "hole", "unknown"]), TEXTS)),
        source_code=draw(TEXTS),
        occurred_at=draw(INSTANTS),
        reported_at=draw(INSTANTS),
        received_at=draw(INSTANTS),
        location=draw(locations()),
        provenance=Provenance(topic=draw(TEXTS), partition=draw(st.integers(0, 9)), offset=draw(st.integers(0, 2**62))),
        version=draw(st.sampled_from([1, 1, 1, 2, 3, 50, 10**9])),
        rule_set=draw(TEXTS),
        **draw(st.fixed_dictionaries({}, optional=DETAILS)),
    )


DETAILS: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(["Actual", "Exercise", "Test"]),
    "urgency": st.sampled_from(["Immediate", "Expected", "Future", "Past", "Unknown"]),
    "severity": st.sampled_from(["Extreme", "Severe", "Moderate", "Minor", "Unknown"]),
    "certainty": st.sampled_from(["Observed", "Likely", "Possible", "Unlikely", "Unknown"]),
    "source_code_version": TEXTS,
    "component_id": st.one_of(st.just("4109020109000017"), TEXTS),
    "description": st.one_of(TEXTS, st.just("长" * 300)),
    "reporter": PERSONS,
    "media": st.lists(st.builds(Media, url=TEXTS, sha256=TEXTS), max_size=2).map(tuple),
    "extensions": EXTENSIONS,
}
TICKS = INSTANTS.map(lambda at: Tick(at=at))
LOGS = st.lists(st.one_of(reports(), reports(), reports(), TICKS), max_size=10)
"""Few ids, so that redeliveries, updates and versions out of order occur."""

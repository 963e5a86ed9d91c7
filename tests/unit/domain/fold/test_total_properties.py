"""The fold never raises on an event that the grid stream can carry, and keeps its promises on random logs."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.model.identity import first_incident_id
from router.domain.model.report import Report, Tick
from router.domain.rules.city import City
from router.wire.codec import decode_case, decode_event, encode_report, encode_tick
from tests.support.driver import MERGING, Driver, tiny
from tests.support.event_strategies import INSTANTS, LOGS, Event, reports

EVERYTHING = (
    "density_penalty: 1\nfrequency_penalty: 0.1\n"
    "evidence: {citizen_networks: [policing], reference_factor: 0.9, reference_radius_m: 1000, geocoded_sources: [policing], off_address_factor: 0.5}\n"
)


class OneForAll:
    """A city's rules under every version: a log may name any.

    Args:
        city: the rules.
    """

    def __init__(self, city: City) -> None:
        self._city, self.merging = city, city.merging

    def of(self, _: str) -> City:
        return self._city


CITIES = [OneForAll(city) for city in (tiny(), tiny(f"{MERGING}{EVERYTHING}"))]
"""The simplest merge parameters, and those with every kind of evidence."""
cities = st.sampled_from(range(len(CITIES))).map(CITIES.__getitem__)


@settings(max_examples=100)
@given(event=st.one_of(reports(), INSTANTS.map(lambda at: Tick(at=at))))
def test_every_event_is_read_as_it_was_written(event: Event) -> None:
    _, value, headers = encode_tick(event, 0) if isinstance(event, Tick) else encode_report(event)
    assert decode_event(headers, value) == event


@settings(max_examples=60)
@given(log=LOGS, city=cities)
def test_no_event_makes_the_fold_raise(log: list[Event], city: OneForAll) -> None:
    driver, taken = Driver(city), set[str]()
    for event in log:
        decision = driver.pipe(event).decision
        driver.state.next_due()
        if isinstance(event, Report) and decision != "rejected":
            taken.add(event.id)
    cases = [*driver.cases, *map(decode_case, driver.archived)]
    ids = {one.id for case in cases for one in case.reports}
    assert {first_incident_id(one) or one for one in ids} == taken  # a number that begins again has an id of its own
    dispatched = [task.id for task in driver.tasks if task.state == "dispatched"]
    assert len(dispatched) == len(set(dispatched))


@settings(max_examples=60)
@given(log=LOGS, cuts=st.sets(st.integers(1, 9)), city=cities)
def test_the_size_of_batches_does_not_change_the_bytes(log: list[Event], cuts: set[int], city: OneForAll) -> None:
    singly, batched = Driver(city), Driver(city)
    for event in log:
        singly.pipe(event)
    for begin, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]):
        batched.batch(log[begin:end])
    assert batched.latest() == singly.latest()
    assert batched.dispatched == singly.dispatched


@settings(max_examples=60)
@given(log=LOGS, cut=st.integers(0, 10), city=cities)
def test_a_successor_writes_the_same_bytes_after_any_prefix(log: list[Event], cut: int, city: OneForAll) -> None:
    driver = Driver(city)
    driver.batch(log[:cut])
    heir = driver.crash()
    assert heir.snapshot() == driver.snapshot()
    assert heir.state.matchable_cases == driver.state.matchable_cases
    before = len(driver.dispatched)
    for event in log[cut:]:
        assert driver.pipe(event).decision == heir.pipe(event).decision
    assert heir.latest() == driver.latest()
    assert heir.dispatched == driver.dispatched[before:]
    assert heir.state.next_due() == driver.state.next_due()


@settings(max_examples=60)
@given(log=LOGS, data=st.data(), city=cities)
def test_repeating_any_event_changes_nothing(log: list[Event], data: st.DataObject, city: OneForAll) -> None:
    """The same bytes later in the log, once or often: a report at another offset, an old version, an early tick."""
    once, noisy = Driver(city), Driver(city)
    for number, event in enumerate(log):
        once.pipe(event)
        noisy.pipe(event)
        for earlier in data.draw(st.lists(st.sampled_from(log[: number + 1]), max_size=2)):
            if isinstance(earlier, Report):
                assert noisy.pipe(earlier).decision in {"redelivered", "rejected"}  # rejected: its case is out of reach
    assert noisy.written == once.written
    assert noisy.dispatched == once.dispatched

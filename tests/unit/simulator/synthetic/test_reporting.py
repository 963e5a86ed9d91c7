"""Who reports in a synthetic city, and whom a report is about: masked references that mean something."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache

import numpy as np

from router.domain.model.report import Report
from router.simulator.synthetic.generator import Generator
from router.simulator.synthetic.reporting import CITIZENS, SUBJECTS, people
from tests.support.synthetic import puyang, read, simulation

PARAMETERS = simulation().parameters
STAFF = {name for name, network in PARAMETERS.networks.items() if network.phones or network.staff}
DAY = 86_400_000
FIRST = 1_772_380_800_000
"""2026-03-02 00:00 in Shanghai."""


@cache
def reports(reporter: float, network: float, others: float, days: int) -> Mapping[int, list[Report]]:
    """Incident -> its reports, without storms and errors, when things are reported again so often."""
    again = PARAMETERS.again.model_copy(update={"reporter": reporter, "network": network, "others": others})
    storms = PARAMETERS.storms.model_copy(update={"a_day": 0.0})
    parameters = PARAMETERS.model_copy(update={"again": again, "storms": storms})
    generator = Generator(puyang(), parameters, simulation().geometry, seed=5, noise=0, factor=1.0)
    names, found = generator.code_usage.names, defaultdict(list)
    for message_batch in generator.message_batches(FIRST + days * DAY):
        became = read(
            [(names[n], value.encode()) for n, value in zip(message_batch.network, message_batch.value, strict=True)]
        )
        for incident, one in zip(message_batch.incident.tolist(), became, strict=True):
            assert isinstance(one, Report)
            found[incident].append(one)
    return found


def test_who_reports_again_has_the_same_reference_in_every_network_that_has_one() -> None:
    networks: dict[str, int] = defaultdict(int)
    for of_one in reports(2.0, 0.0, 0.0, 3).values():
        references = {one.reporter for one in of_one if not one.source_code.startswith("reading/")}
        assert len(references) <= 1
        networks[of_one[0].network] += len(of_one) > 1
    assert min(networks[name] for name in PARAMETERS.networks if name != "litigation-services") > 5


def test_a_citizen_reports_one_thing_and_an_inspector_many() -> None:
    things: dict[tuple[bool, str], set[int]] = defaultdict(set)
    for incident, of_one in reports(0.1, 0.5, 0.5, 6).items():
        for one in of_one:
            if one.reporter is not None:
                things[one.network in STAFF, one.reporter].add(incident)
    citizens = [len(incidents) for (staff, _), incidents in things.items() if not staff]
    assert len(citizens) > 5000
    assert set(citizens) == {1}
    workers = [len(incidents) for (staff, _), incidents in things.items() if staff]
    assert np.mean(workers) > 1.5
    assert max(workers) > 10


def test_another_of_the_same_network_is_another_person() -> None:
    for of_one in reports(0.0, 1.0, 0.0, 2).values():
        if len(of_one) == 2 and of_one[0].network == of_one[1].network and of_one[0].reporter and of_one[1].reporter:
            assert of_one[0].reporter != of_one[1].reporter


def test_social_security_names_one_person_of_an_incident() -> None:
    about: dict[str, set[int]] = defaultdict(set)
    twice = 0
    for incident, of_one in reports(0.1, 0.5, 0.5, 6).items():
        named = [str(one.extensions["personRef"]) for one in of_one if one.network == "social-security"]
        assert len(set(named)) <= 1
        twice += len(named) > 1
        for person in named:
            about[person].add(incident)
    assert twice > 50
    assert all(len(incidents) == 1 for incidents in about.values())


def test_numbers_of_people_are_distinct() -> None:
    numbers = np.arange(300_000)
    every = np.concatenate(
        [people(numbers, CITIZENS), people(numbers, SUBJECTS), people(numbers[-9:] + 2**29, CITIZENS)]
    )
    assert len(np.unique(every)) == len(every)
    assert 0 <= every.min() <= every.max() < 2**31

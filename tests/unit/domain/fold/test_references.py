"""References of reporters and persons are part of the state and are restored with it."""

from msgspec.structs import replace

from router.domain.model.report import Report
from tests.support.driver import MERGING, Driver, hours, report, tiny

CITY = tiny(
    f"{MERGING}evidence: {{citizen_networks: [policing], reference_factor: 0.9, reference_radius_m: 1000, geocoded_sources: [policing]}}\nfrequency_penalty: 0.1\ndensity_penalty: 1\n"
)


def calls() -> list[Report]:
    """One citizen twice, 400 m apart; another citizen; and one person's need, named twice without a point."""
    return [
        report("1", 0, network="policing", reporter="138****5678"),
        report("2", 1, network="policing", reporter="138****5678", east=400),
        report("3", 2, network="policing", reporter="139****0000", east=800),
        report("4", 3, network="social-security", point=False, extensions={"personRef": "4109**********0012"}),
        report("5", 4, network="social-security", point=False, extensions={"personRef": "4109**********0012"}),
    ]


def piped() -> Driver:
    driver = Driver(CITY)
    driver.pipe(*calls())
    return driver


def test_one_citizen_is_one_case_and_another_is_not() -> None:
    driver = piped()
    assert [one.id for one in driver.case_of("1", "policing").reports] == ["policing:1", "policing:2"]
    assert driver.case_of("1", "policing").reports[1].joined == "reference"
    assert driver.case_of("3", "policing").id != driver.case_of("1", "policing").id
    assert len(driver.case_of("4", "social-security").reports) == 2


def test_a_restored_state_has_references_and_places() -> None:
    driver = piped()
    again = driver.crash()
    assert again.snapshot() == driver.snapshot()
    for entry in driver.state.candidates.values():
        other = again.state.candidates[entry.case.id]
        assert (other.places, sorted(other.references)) == (entry.places, sorted(entry.references))
    sixth = report("6", 5, network="policing", reporter="138****5678", east=390)
    assert again.pipe(sixth) == driver.pipe(sixth)
    assert driver.case_of("6", "policing").id == driver.case_of("1", "policing").id


def test_a_corrected_place_or_caller_replaces_the_first_one() -> None:
    driver = piped()
    driver.pipe(
        replace(report("2", 1, network="policing", reporter="138****5678", east=30), version=2, received_at=hours(6))
    )
    again = driver.crash()
    assert again.snapshot() == driver.snapshot()
    for entry in driver.state.candidates.values():
        other = again.state.candidates[entry.case.id]
        assert (other.places, sorted(other.references)) == (entry.places, sorted(entry.references))

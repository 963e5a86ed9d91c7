"""A task says what the case knows of the place, its address, who reported it, and which photos there are."""

from typing import Any

import pytest
from msgspec.structs import replace

from router.domain.model.report import Location, Media, Report
from tests.support.driver import CELL, Driver, hours, report, tiny

PHOTO = Media(url="https://photos.example.org/1.jpg", sha256="0" * 64)
OTHER_PHOTO = Media(url="https://photos.example.org/2.jpg", sha256="1" * 64)
DOUBT = "cell '41' is unknown"


def opener(**changed: Any) -> Report:
    one = report("1", description="rubbish", address="Shengli Road 12", media=(PHOTO,))
    place = replace(one.location, resolved_by="nearest", accuracy_m=35.0, doubt=DOUBT)
    return replace(one, **{"location": place} | changed)


@pytest.fixture
def driver() -> Driver:
    one = Driver(tiny())
    one.pipe(opener())
    return one


def test_a_task_says_how_sure_its_place_is(driver: Driver) -> None:
    (task,) = driver.tasks
    assert (task.cell, task.resolved_by, task.accuracy_m, task.place_doubt) == (CELL, "nearest", 35.0, DOUBT)


def test_a_task_has_the_address_the_networks_and_the_photos(driver: Driver) -> None:
    (task,) = driver.tasks
    assert (task.description, task.address) == ("rubbish", "Shengli Road 12")
    assert (task.networks, task.media) == (("hotline",), (PHOTO,))


def test_an_update_names_every_network_that_reported_it(driver: Driver) -> None:
    driver.pipe(report("2", 0.2, network="policing", accuracy=40), report("3", 0.3, network="hotline", accuracy=40))
    driver.pipe(opener(version=2, received_at=hours(1), description="more rubbish"))
    assert [task.state for task in driver.tasks] == ["dispatched", "updated", "updated"]
    assert driver.tasks[1].networks == ("hotline", "policing")
    assert driver.tasks[-1].networks == ("hotline", "policing")


@pytest.mark.parametrize(
    "changed",
    [
        {"address": "Shengli Road 21"},
        {"media": (PHOTO, OTHER_PHOTO)},
        {"location": replace(opener().location, doubt=None)},
        {"location": replace(opener().location, accuracy_m=5.0)},
        {"location": replace(opener().location, resolved_by="point")},
    ],
)
def test_a_correction_of_what_a_task_says_updates_it(driver: Driver, changed: dict[str, Any]) -> None:
    driver.pipe(opener(version=2, received_at=hours(1), **changed))
    first, second = driver.tasks
    assert second.state == "updated"
    place = changed.get("location", first)
    assert isinstance(place, Location) or place is first
    assert second.address == changed.get("address", first.address)
    assert second.media == changed.get("media", first.media)
    assert (second.accuracy_m, second.resolved_by) == (place.accuracy_m, place.resolved_by)


@pytest.mark.parametrize("changed", [{"address": "Shengli Road 21"}, {"media": (OTHER_PHOTO,)}])
@pytest.mark.parametrize("later", [0, 1])
def test_a_forgotten_report_with_another_address_or_photo_is_a_version(
    driver: Driver, changed: dict[str, Any], later: int
) -> None:
    """Without them it would be called a copy, if only they were corrected."""
    again = opener(received_at=hours(later), **changed)
    driver.pipe(replace(again, provenance=replace(again.provenance, offset=7)))
    assert driver.cases[0].reports[0].version == 2
    assert [task.state for task in driver.tasks] == ["dispatched", "updated"]

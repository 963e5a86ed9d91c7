"""Both stages on small inputs of shipped cities: who has a task after networks correct, close and repeat what they reported."""

from datetime import UTC, datetime, timedelta

import pytest

from router.domain.model.case import Case
from router.domain.model.task import Task
from router.domain.rules.city import City
from tests.replay.history import History
from tests.support.city_messages import CALL, CLUE, DUMPING, HAZARD, WHISTLE, Message, sourced
from tests.support.driver import los_angeles
from tests.support.synthetic import puyang

MORNING = datetime(2026, 11, 24, 0, 40, tzinfo=UTC)
"""8:40 in Puyang."""
IN_QINGFENG = {"communityCode": "410922001001", "position": {"lon": 115.14, "lat": 35.906}}
LAMP = {"matterCode": "DJ0205", "content": "路灯不亮"}
KILOMETRES_AWAY = {
    "gridCode": "03020141090200201000",
    "location": {"type": "Point", "coordinates": [115.17, 35.803]},
}
NOISE = {"causeCode": "ZF0110", "facts": "夜间施工噪声"}
MARCH = datetime(2018, 3, 5, 17, tzinfo=UTC)
"""9 o'clock in Los Angeles."""
DUMPING_IN_MARCH: Message = DUMPING | {
    "SRNumber": "1-402",
    "CreatedDate": "03/05/2018 09:00:00 AM",
    "UpdatedDate": "03/05/2018 09:00:00 AM",
    "Latitude": "34.0485",
    "Longitude": "-118.2565",
}
OLD = {"CreatedDate": "01/05/2018 09:00:00 AM", "UpdatedDate": "01/05/2018 09:00:00 AM"}


class Sending:
    """Both stages of a city."""

    def __init__(self, city: City) -> None:
        self._history, self._offset = History(city), 0

    def send(self, network: str, message: Message, at: datetime) -> list[Task]:
        """The tasks that one message leads to."""
        self._offset += 1
        record = sourced(network, message, at, self._offset)
        return [one.content for one in self._history.replay([record]) if isinstance(one.content, Task)]

    @property
    def cases(self) -> list[Case]:
        return list(self._history.cases.values())

    def case_of(self, report: str) -> Case:
        (case,) = [case for case in self.cases if report in [one.id for one in case.reports]]
        return case


def live(case: Case) -> list[tuple[str, str | None]]:
    """Who has a task: department and unit."""
    return [(one.department, one.unit) for one in case.assignments if one.withdrawn_at is None]


def departments(case: Case) -> set[str]:
    return {department for department, _ in live(case)}


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def two_networks(correction: Message) -> Sending:
    """Rubbish that a party branch and an officer report, and ten minutes later a correction of one of the two."""
    city = Sending(puyang())
    city.send("party-building", WHISTLE, MORNING)
    city.send("enforcement", CLUE, MORNING + minutes(1))
    assert len(city.cases) == 1
    network = "party-building" if "whistleId" in correction else "enforcement"
    city.send(network, correction, MORNING + minutes(10))
    return city


def test_rubbish_stays_with_its_department_when_who_opened_the_case_is_in_another_county() -> None:
    city = two_networks(WHISTLE | IN_QINGFENG)
    stays, new = city.case_of("enforcement:C-1"), city.case_of("party-building:W-1")
    assert (stays.matter, stays.cell[:9]) == ("exposed-rubbish", "410902001")
    assert (new.matter, new.cell[:6]) == ("exposed-rubbish", "410922")
    assert departments(stays)
    assert departments(new)


def test_rubbish_stays_with_its_department_when_who_opened_the_case_means_a_lamp() -> None:
    city = two_networks(WHISTLE | LAMP)
    stays, lamp = city.case_of("enforcement:C-1"), city.case_of("party-building:W-1")
    assert departments(stays) == {"urban-management"}
    assert departments(lamp) == {"municipal-works"}


def test_a_department_has_a_task_where_a_joined_report_is_corrected_to() -> None:
    city = two_networks(CLUE | KILOMETRES_AWAY)
    stays, new = city.case_of("party-building:W-1"), city.case_of("enforcement:C-1")
    assert stays is not new
    assert new.cell == "410902004001004"
    assert departments(stays)
    assert departments(new)


def test_the_department_of_what_a_joined_report_becomes_has_a_task() -> None:
    city = two_networks(CLUE | NOISE)
    assert ("urban-management", "enforcement") in live(city.case_of("enforcement:C-1"))
    assert departments(city.case_of("party-building:W-1")) == {"urban-management"}


@pytest.mark.parametrize("joined", [False, True])
def test_a_level_that_was_a_typing_error_falls_whether_or_not_another_report_joined(joined: bool) -> None:
    city = Sending(puyang())
    city.send("policing", CALL, MORNING)
    if joined:
        city.send("work-safety", HAZARD, MORNING + minutes(1))
    tasks = city.send("policing", CALL | {"jqdj": "4", "bjnr": "锅烧干冒烟"}, MORNING + minutes(9))
    (case,) = city.cases
    assert (case.urgency, case.severity) == ("Expected", "Minor")
    assert {task.department for task in tasks} == departments(case)
    assert {(task.urgency, task.severity) for task in tasks} == {("Expected", "Minor")}


def test_every_department_hears_that_a_second_report_says_extreme_and_that_it_is_less() -> None:
    city = Sending(puyang())
    minor = CALL | {"jqdj": "4"}
    city.send("policing", minor, MORNING)
    raised = city.send("work-safety", HAZARD | {"YHJB": "1"}, MORNING + minutes(1))
    (case,) = city.cases
    assert case.severity == "Extreme"
    assert [(task.department, task.severity, task.state) for task in raised] == [
        (department, "Extreme", "updated") for department, _ in live(case)
    ]
    lowered = city.send("work-safety", HAZARD | {"YHJB": "3"}, MORNING + minutes(3))
    assert [(task.department, task.severity, task.state) for task in lowered] == [
        (department, "Minor", "updated") for department, _ in live(case)
    ]


@pytest.mark.parametrize(
    "closing", [{"Status": "Closed", "ClosedDate": "01/06/2018 10:00:00 AM"}, {"Status": "Cancelled"}]
)
def test_a_request_that_arrives_closed_makes_no_task(closing: Message) -> None:
    city = Sending(los_angeles())
    assert city.send("hotline", DUMPING_IN_MARCH | OLD | closing, MARCH) == []
    (case,) = city.cases
    assert (case.state, live(case)) == ("closed", [])


def test_what_is_reported_after_the_closing_has_a_task_of_its_own() -> None:
    city = Sending(los_angeles())
    city.send("hotline", DUMPING_IN_MARCH, MARCH)
    cleared = DUMPING_IN_MARCH | {"Status": "Closed", "ClosedDate": "03/05/2018 11:30:00 AM"}
    assert [task.state for task in city.send("hotline", cleared, MARCH + minutes(180))] == ["withdrawn"]
    again = DUMPING_IN_MARCH | {
        "SRNumber": "1-403",
        "CreatedDate": "03/05/2018 01:00:00 PM",
        "UpdatedDate": "03/05/2018 01:00:00 PM",
    }
    assert [task.state for task in city.send("hotline", again, MARCH + minutes(240))] == ["dispatched"]
    assert [(case.state, len(live(case))) for case in city.cases] == [("closed", 0), ("dispatched", 1)]


def test_one_dump_that_is_reported_for_two_months_reaches_a_department_after_each_limit() -> None:
    city, limit = Sending(los_angeles()), timedelta(days=3)
    heard: list[datetime] = []
    for day in range(0, 60, 2):
        at = MARCH + timedelta(days=day)
        written = f"{at - timedelta(hours=8):%m/%d/%Y %I:%M:%S %p}"
        said = DUMPING_IN_MARCH | {"SRNumber": f"1-{500 + day}", "CreatedDate": written, "UpdatedDate": written}
        if city.send("hotline", said, at):
            heard.append(at)
        assert at - heard[-1] <= limit
    assert len(heard) >= 60 / 4

"""The offline router: the events of the fold, and evaluation of other parameters on the same input."""

from datetime import timedelta

import orjson
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from router.cities.folder import cities_folder
from router.cli.main import app
from router.domain.model.report import Tick
from router.simulator.evaluation.offline import Offline, Translator
from router.simulator.evaluation.parameter_sweep import stream_of, with_value
from router.simulator.evaluation.scores import Score, clusters_of
from router.simulator.messages import SourceMessage
from router.simulator.scenario import input_of
from router.wire.errors import InputError
from tests.support.driver import Driver, los_angeles

CITY = los_angeles()


def first(number: int) -> list[SourceMessage]:
    """The first recorded requests of Los Angeles, with secondary reports, redeliveries and malformed messages."""
    fed = input_of(CITY, cities_folder() / "los-angeles")
    return list(fed.messages(reports=number, seed=1, secondary_reports=True, noise=1.0))


MESSAGES = first(400)


def test_the_offline_run_decides_like_the_fold_of_one_partition() -> None:
    """The driver decodes every report from bytes and has one state for all streets; the cases are equal."""
    driver = Driver(CITY)
    for event in Translator(CITY).events(MESSAGES):
        driver.batch([event.report])
    offline = Offline(CITY).take(MESSAGES)
    mine = {report: case for case, reports in _ids(offline.cases.values()).items() for report in reports}
    theirs = {report: case for case, reports in _ids(driver.cases).items() for report in reports}
    assert mine == theirs
    assert len(mine) > 400


def _ids(cases: object) -> dict[str, list[str]]:
    return {case.id: [report.id for report in case.reports] for case in cases}  # type: ignore[attr-defined]


def test_exactly_the_valid_messages_are_in_one_case() -> None:
    offline = Offline(CITY).take(MESSAGES)
    sound = {one.report for one in MESSAGES if one.kind in ("recorded", "secondary_reports")}
    held = [report.id for case in offline.cases.values() for report in case.reports]
    assert sorted(held) == sorted(sound)
    assert offline.reports.keys() == sound


def test_a_redelivery_is_not_folded_and_other_content_is_a_version() -> None:
    one = MESSAGES[0]
    later = one.received_at + timedelta(hours=1)
    again = replace(one, kind="redelivered", received_at=later)
    corrected = replace(one, kind="updated", received_at=later, value=one.value.replace(b"{", b'{"note": 1, ', 1))
    events = list(Translator(CITY).events([one, again, corrected]))
    assert [(event.report.id, event.report.version) for event in events] == [(one.report, 1), (one.report, 2)]
    assert {event.street for event in events} == {events[0].report.location.cell[:9]}
    offline = Offline(CITY).take([one, again, corrected])
    ((report,),) = [case.reports for case in offline.cases.values()]
    assert (report.version, offline.reports[one.report].version) == (2, 1)


def test_events_come_in_the_order_of_receipt_across_networks() -> None:
    received = [event.report.received_at for event in Translator(CITY).events(MESSAGES)]
    assert received == sorted(received)
    assert len({event.report.network for event in Translator(CITY).events(MESSAGES)}) > 1


def test_ticks_do_not_change_the_clusters() -> None:
    """The offline run has no ticks. An ended window takes no report, whether or not a tick has closed it."""
    ticked = Driver(CITY)
    for event in Translator(CITY).events(MESSAGES):
        ticked.batch([Tick(at=event.report.received_at), event.report])
    assert clusters_of(ticked.cases) == clusters_of(Offline(CITY).take(MESSAGES).cases.values())


# -- other parameters


def test_a_stream_gives_the_same_result_every_time() -> None:
    stream = stream_of(CITY, MESSAGES)
    assert stream.judged(CITY)[1] == stream.judged(CITY)[1]
    nothing = stream.judged(with_value(with_value(CITY, "thresholds.merge", 1.0), "search_radius.base_m", 0))[1]
    assert nothing.pairs.right < stream.judged(CITY)[1].pairs.right
    assert isinstance(nothing.pairs, Score)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("thresholds.merge", 0.9),
        ("search_radius.base_m", 7.0),
        ("density_penalty", 1.5),
        ("decay_at_window_end", 0.1),
        ("same_community", 0.0),
    ],
)
def test_one_number_is_changed_and_no_other(path: str, value: float) -> None:
    before, after = CITY.merging.model_dump(), with_value(CITY, path, value).merging.model_dump()
    *keys, last = path.split(".")
    inside = [values[keys[0]] if keys else values for values in (before, after)]
    assert inside[1][last] == value
    inside[0][last] = value
    assert after == before


def test_a_matter_may_have_its_own_number() -> None:
    changed = with_value(CITY, "window_hours_by_matter.dead-animal", 5)
    assert changed.merging.window_of("dead-animal") == timedelta(hours=5)
    assert with_value(CITY, "base_m_by_matter.dead-animal", 3).merging.pairs("dead-animal")["dead-animal"].base_m == 3


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("threshold.merge", 0.5, "no number 'threshold.merge'"),
        ("thresholds", 0.5, "thresholds cannot be 0.5"),
        ("thresholds.merge", 1.5, "thresholds.merge cannot be 1.5: Input should be less than or equal to 1"),
        ("thresholds.merge", 0.1, "`suggest` must not be above `merge`"),
        ("affinities.0.share", 0.5, "no number 'affinities.0.share'"),
        ("window_hours_by_matter.dead-animal", 0.5, "window_hours_by_matter.dead-animal cannot be 0.5"),
    ],
)
def test_a_missing_or_invalid_number_is_reported(path: str, value: float, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("[", r"\[")) as caught:
        with_value(CITY, path, value)
    assert "merging.yaml" in str(caught.value)


# -- the commands


def test_evaluate_prints_shares_causes_and_mistakes() -> None:
    result = CliRunner().invoke(app, ["merge", "evaluate", "los-angeles", "--reports", "400"])
    assert result.exit_code == 0, result.output
    for text in ("all pairs", "B-cubed", "across networks", "in storms", "late", "hotline and policing", "because of"):
        assert text in result.stdout
    assert " pairs merged wrongly, near in place and time: " in result.stdout


def test_the_curve_has_one_row_for_each_value() -> None:
    command = [
        "merge",
        "curve",
        "los-angeles",
        "--reports",
        "300",
        "--seeds",
        "1,2",
        "--values",
        "0.4,0.9",
        "-o",
        "json",
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    low, high = orjson.loads(result.stdout)
    assert (low["thresholds.merge"], high["thresholds.merge"]) == (0.4, 0.9)
    assert low["recall"] >= high["recall"]


@pytest.mark.parametrize("values", ["", "a,b", "0.3;0.4", "nan", "inf"])
def test_values_must_be_numbers(values: str) -> None:
    result = CliRunner().invoke(app, ["merge", "curve", "los-angeles", "--values", values])
    assert isinstance(result.exception, InputError)

"""Which case has a report, from the records of two topics that are read side by side."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from router.domain.model.case import Case, Version
from router.domain.model.identity import incident_id
from router.gateway.receipt_index import KEPT_S, ReceiptIndex
from router.gateway.receipt_keys import ReceivedReport
from tests.support.cases import AT, case, report

NETWORK = "policing"
NOW_S = int(AT.timestamp())


def made(name: str, *reports: str, revision: int = 1) -> Case:
    return replace(case(name, *(report(one, 0, NETWORK) for one in reports), lead=name), revision=revision)


def asked(name: str, at_s: int = NOW_S, offset: int = 0) -> ReceivedReport:
    return ReceivedReport(at_s, NETWORK, name, 0, offset)


def lead(index: ReceiptIndex, name: str, at_s: int = NOW_S) -> str | None:
    progress = index.of(asked(name, at_s)).progress
    return None if progress is None else progress.lead


def test_a_report_has_the_latest_record_of_its_case() -> None:
    index = ReceiptIndex()
    assert lead(index, "1") is None
    index.add_case(made("a", "1"))
    index.add_case(made("a", "1", "2", revision=2))
    assert (lead(index, "1"), lead(index, "2"), len(index)) == ("a", "a", 2)
    found = index.of(asked("2")).progress
    assert found is not None
    assert found.reports == 2


def test_a_report_that_moved_is_in_its_new_case_whatever_is_read_first() -> None:
    for order in ((1, 2), (2, 1)):
        index = ReceiptIndex()
        index.add_case(made("a", "1", "2"))
        changes = {1: made("a", "1", revision=2), 2: made("b", "2")}
        for number in order:
            index.add_case(changes[number])
        assert (lead(index, "1"), lead(index, "2")) == ("a", "b")


def test_the_archive_counts_whichever_topic_is_read_first() -> None:
    for order in ((0, 1, 2), (2, 0, 1), (2, 1, 0), (1, 2, 0)):
        index = ReceiptIndex()
        records = [
            (made("a", "1"), None),
            (made("a", "1", "2", revision=2), None),
            (made("a", "1", "2", revision=2), 50),
        ]
        for number in order:
            index.add_case(*records[number])
        assert (lead(index, "1"), lead(index, "2")) == ("a", "a")
        index.expire(KEPT_S + 50)
        assert lead(index, "1") == "a"
        index.expire(KEPT_S + 51)
        assert (lead(index, "1"), lead(index, "2"), len(index)) == (None, None, 0)


def test_an_id_that_names_another_incident_by_now_says_nothing_of_it() -> None:
    """Numbers begin again each day. Who has the receipt of yesterday does not see the case of today."""
    since = datetime(2026, 11, 30, 8, 0, 7, tzinfo=UTC)
    later = incident_id(NETWORK, "1", since)
    index = ReceiptIndex()
    index.add_case(replace(made("b"), reports=(replace(report("1", 0, NETWORK), id=later),)))
    at_s = int(since.timestamp())
    assert lead(index, "1", at_s - 1) is None
    assert lead(index, "1", at_s) == "b"
    index.add_case(made("a", "1"))
    assert [lead(index, "1", at) for at in (NOW_S, at_s - 1, at_s, at_s + 10**6)] == ["a", "a", "b", "b"]


def received(name: str, at: datetime, *earlier: datetime) -> Case:
    """A case with one report, received at `at`, with earlier versions."""
    one = report("1", 0, NETWORK)
    versions = tuple(
        Version(version=n, matter="m", cell="c", occurred_at=AT, received_at=then, provenance=one.provenance)
        for n, then in enumerate(earlier, 1)
    )
    return replace(made(name), reports=(replace(one, received_at=at, earlier=versions),))


@pytest.mark.parametrize("ended_s", [None, 50])
def test_a_number_that_is_used_again_after_its_id_was_forgotten_is_another_report(ended_s: int | None) -> None:
    """Numbers begin again each year, and the router forgets ids after 30 days: the new report has the same plain id."""
    index, later = ReceiptIndex(), AT + timedelta(days=365)
    index.add_case(received("other", later), ended_s)
    assert lead(index, "1", NOW_S) is None
    assert lead(index, "1", int(later.timestamp())) == "other"
    assert lead(index, "1", int(later.timestamp()) - 30 * 86_400) == "other"
    assert lead(index, "1", int(later.timestamp()) - 30 * 86_400 - 1) is None


def test_a_correction_of_long_after_leaves_the_receipt_of_the_first_version() -> None:
    index = ReceiptIndex()
    index.add_case(received("a", AT + timedelta(days=50), AT, AT + timedelta(days=25)))
    assert lead(index, "1", NOW_S) == "a"


@pytest.mark.parametrize(
    ("code", "after", "seen"),
    [("bad-time", 0, "a"), ("bad-time", 29, "a"), ("bad-time", 31, None), ("id-reused", 0, None)],
)
def test_a_rejected_record_of_another_incident_does_not_show_the_case_of_the_id(
    code: str, after: int, seen: str | None
) -> None:
    index = ReceiptIndex()
    index.add_case(received("a", AT))
    index.add_rejection(NETWORK, 0, 7, code)
    found = index.of(asked("1", NOW_S + after * 86_400, offset=7))
    assert found.rejected == code
    assert (None if found.progress is None else found.progress.lead) == seen


def test_memory_is_bounded_and_cases_that_ended_go_first() -> None:
    index = ReceiptIndex(most_reports=3)
    index.add_case(made("open", "1"))
    index.add_case(made("old", "2"), 1)
    index.add_case(made("new", "3"), 2)
    index.add_case(made("more", "4"))
    assert [lead(index, one) for one in "1234"] == ["open", None, "new", "more"]
    index.add_case(made("large", "5", "6", "7"))
    assert [lead(index, one) for one in "134567"] == [None, None, None, "large", "large", "large"]
    assert len(index) == 3


def test_a_rejection_is_of_one_record() -> None:
    index = ReceiptIndex()
    index.add_rejection(NETWORK, 0, 7, "bad-time")
    assert index.of(asked("1", offset=7)).rejected == "bad-time"
    assert index.of(asked("1", offset=8)).rejected is None
    assert index.of(ReceivedReport(0, "petitions", "1", 0, 7)).rejected is None

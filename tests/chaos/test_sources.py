"""What the audit expects of the networks' topics, in whatever order their partitions are read."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from router.domain.intake.normalise import RECEIVED_AT
from router.simulator.messages import rfc3339
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.sources import sources
from tests.chaos.ledger import NUMBER, Entry, Ledgered

AT = datetime(2026, 11, 30, tzinfo=UTC)
FIRST = Entry(1, "policing", "a", "case", 1, "c", "c", None, "0" * 16)
SECOND = Entry(2, "policing", "a", "update", 2, "c", "c", None, "1" * 16)


def record(entry: Entry, partition: int) -> Any:
    headers = [(NUMBER, str(entry.number).encode()), (RECEIVED_AT, rfc3339(AT).encode())]
    timestamp = round(AT.timestamp() * 1000)
    return SimpleNamespace(
        topic="reports.policing", partition=partition, offset=0, timestamp=timestamp, headers=headers
    )


class Topic:
    """A topic that has grown: the report has moved from partition 1 to partition 4."""

    def __init__(self, *records: Any) -> None:
        self._records = records

    def read(self, _: Sequence[str]) -> Iterator[Any]:
        return iter(self._records)


@pytest.mark.parametrize("order", [1, -1])
def test_a_report_that_moved_has_its_versions_in_the_order_of_sending(order: int) -> None:
    log: Any = Topic(*[record(FIRST, 1), record(SECOND, 4)][::order])
    entries = [FIRST, SECOND]
    known = sources(entries, Ledgered(entries, {}), log, {"policing": "reports.policing"}, Findings())
    assert known.dedup_index["policing", 1]["a"].digests == (FIRST.digest,)
    assert known.dedup_index["policing", 4]["a"].digests == (FIRST.digest, SECOND.digest)

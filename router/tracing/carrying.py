"""The trace context goes from a record to the records that it causes. Nothing is traced here: no clock, no ids, no OpenTelemetry.

This is all that happens while traces are off (ADR 0049). A batch without a trace context costs a look at the names of its headers.
"""

from collections.abc import Sequence

from router.domain.model.outcome import Outcome
from router.domain.model.source_record import SourceRecord
from router.wire.trace_context import TraceHeaders, carried


class BatchTraces:
    """The traces of the records of one batch of a stage.

    Args:
        headers: offset of a record -> what the records that it causes get; without those that have no trace context.
    """

    __slots__ = ("headers",)

    def __init__(self, headers: dict[int, TraceHeaders]) -> None:
        self.headers = headers

    def decided(self, offset: int, outcome: Outcome) -> None:
        """Take note of what a record led to."""

    def rejected(self, offset: int, code: str) -> None:
        """Take note of a record that was rejected."""

    def committed(self) -> None:
        """The transaction of the batch has committed. Without this call the batch leaves no trace."""


class RequestTrace:
    """The trace of a request to the gateway.

    Args:
        headers: of the records that it causes.
    """

    __slots__ = ("headers",)

    def __init__(self, headers: TraceHeaders) -> None:
        self.headers = headers

    def ended(self, route: str, status: int) -> None:
        """The request was answered."""


class Tracing:
    """Carries trace contexts, and traces nothing."""

    def batch(self, stage: str, records: Sequence[SourceRecord], own: int = 0) -> BatchTraces:
        """Begin a batch.

        Args:
            stage: that folds it.
            records: of one partition.
            own: how many headers a record has at least, before those of its trace context.
        """
        del stage
        return BatchTraces(_carried(records, own))

    def request(self, method: str, headers: TraceHeaders) -> RequestTrace:
        """Begin a request that may cause records.

        Args:
            method: of the request.
            headers: its trace context, as `carried` returns it.
        """
        del method
        return RequestTrace(headers)


def _carried(records: Sequence[SourceRecord], own: int) -> dict[int, TraceHeaders]:
    return {
        record.offset: found for record in records if len(record.headers) > own and (found := carried(record.headers))
    }


CARRYING = Tracing()

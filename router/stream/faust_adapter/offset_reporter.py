"""Commits the offsets of a worker's partitions in the consumer group, for people and their tools.

The router itself resumes from the offsets that its partitions store. So such a commit may be late or lost.
"""

from aiokafka import TopicPartition

from router.stream.faust_adapter.transport import BatchApp

REPORT_ALL_EVERY = 60
"""After this number of reports, all offsets are committed again, because a coordinator may have lost them."""


class GroupOffsetReporter:
    """Commits the offsets that have changed since the last report.

    Args:
        app: with its partitions in `assignment`.
    """

    def __init__(self, app: BatchApp) -> None:
        self._app = app
        self._reported: dict[TopicPartition, int] = {}
        self._times = 0

    async def report(self) -> None:
        """Report once. When the broker is down or the group rebalances, the next report includes these offsets."""
        self._times += 1
        if self._times % REPORT_ALL_EVERY == 0:
            self._reported.clear()
        positions = self._app.assignment.positions()
        changed = {source: offset for source, offset in positions.items() if self._reported.get(source) != offset}
        if changed and await self._app.consumer.report(changed):
            self._reported = positions

"""What the group's coordinator is told: where the reading of each partition stands, for people and their tools.

The router itself goes by what its partitions noted. So this may be late, or lost.
"""

from aiokafka import TopicPartition

from router.stream.faust_adapter.transport import BatchApp

REPORT_ALL_EVERY = 60
"""Tellings after which everything is told again: a coordinator may have forgotten."""


class GroupOffsetReporter:
    """Tells the positions of a worker's partitions, those that have changed."""

    def __init__(self, app: BatchApp) -> None:
        self._app = app
        self._told: dict[TopicPartition, int] = {}
        self._times = 0

    async def report(self) -> None:
        """One more time; a broker that is away, or a group that is being shared out, hears it the next time."""
        self._times += 1
        if self._times % REPORT_ALL_EVERY == 0:
            self._told.clear()
        stand = self._app.assignment.positions()
        news = {source: at for source, at in stand.items() if self._told.get(source) != at}
        if news and await self._app.consumer.report(news):
            self._told = stand

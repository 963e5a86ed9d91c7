"""Hop 1: a network's own records become reports on the all-purpose grid stream, or dead letters."""

from collections import Counter
from collections.abc import Sequence

from aiokafka import TopicPartition

from router.domain.city import City
from router.domain.networks.registry import Network
from router.domain.normalise import Normalised, normalise
from router.stream.hop import POISON, Counted, PoisonError, Record
from router.stream.writer import Writer
from router.wire.codec import encode_dead_letter, encode_report
from router.wire.metrics import Metrics
from router.wire.partitioning import partition_for_cell
from router.wire.topics import Names


class NormaliseHop:
    """Stateless: one network's batches through its translator."""

    name = "normalise"

    def __init__(self, network: Network, city: City, names: Names, partitions: int, metrics: Metrics) -> None:
        self._network, self._city, self._names, self._partitions = network, city, names, partitions
        self._metrics = metrics

    async def open(self, bootstrap: str, source: TopicPartition) -> None:
        """Nothing to restore."""

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        """Write each record once: as a report on `grid.events` or as a dead letter."""
        sound = [record for record in records if record.offset not in poisoned] if poisoned else records
        result = self._normalise(sound)
        events, partitions = self._names.events, self._partitions
        for report in result.reports:
            key, value, headers = encode_report(report)
            writer.add(events, partition_for_cell(key, partitions), key, value, headers)
        refused = [*result.refusals, *((record, POISON) for record in records if record.offset in poisoned)]
        for record, refusal in refused:
            key_, value_, headers_ = encode_dead_letter(record, refusal, self._network.name)
            writer.add(self._names.dead_letters, record.partition % partitions, key_, value_, headers_)
        return self._counted(len(result.reports), Counter(refusal.code for _, refusal in refused))

    def _normalise(self, records: Sequence[Record]) -> Normalised:
        try:
            return normalise(self._network, records, self._city)
        except Exception as failure:
            for record in records:
                try:
                    normalise(self._network, [record], self._city)
                except Exception:  # noqa: BLE001 - whatever it is, this is the record that causes it
                    raise PoisonError(record.offset) from failure
            raise

    def _counted(self, accepted: int, refused: Counter[str]) -> Counted:
        def count() -> None:
            network = self._network.name
            self._metrics.reports.labels(network, "accepted").inc(accepted)
            for code, number in refused.items():
                self._metrics.reports.labels(network, "refused").inc(number)
                self._metrics.dead_letters.labels(network, code).inc(number)

        return count

    def due(self) -> float | None:
        """Normalising has no timers."""
        return None

    def tick(self, writer: Writer, partition: int) -> None:
        """Never called: nothing is ever due."""

    def close(self) -> None:
        """Nothing to forget."""

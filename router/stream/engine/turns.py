"""The order in which the partitions of a stream task are folded: each in turn, those that failed alone."""

from collections.abc import Iterator, Sequence

from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.source_partition import SourcePartition


class Turns:
    """The partitions of one stream task.

    Args:
        partitions: in the order of their first turns.
    """

    def __init__(self, partitions: Sequence[SourcePartition]) -> None:
        self._turn = list(partitions)

    def __iter__(self) -> Iterator[SourcePartition]:
        return iter(list(self._turn))

    def fold(self, checkpoint: Checkpoint) -> bool:
        """Fold one chunk of one partition into the checkpoint; False when there is none or the checkpoint is full."""
        folded = next((one for one in self._next(checkpoint) if one.fold(checkpoint)), None)
        if folded is not None:
            self._turn.remove(folded)
            self._turn.append(folded)
        return folded is not None

    def tick(self, checkpoint: Checkpoint) -> bool:
        """Write the ticks that are due; whether one was."""
        ticked = [one.tick(checkpoint) for one in self._turn]
        return any(ticked)

    def _next(self, checkpoint: Checkpoint) -> Sequence[SourcePartition]:
        """The partitions that may be folded into the checkpoint.

        Records that failed have a checkpoint alone, so that a failure costs no other partition anything. These checkpoints and
        those of the others take turns.
        """
        together = [one for one in self._turn if one.ready and not one.alone]
        if checkpoint.batches:
            begun = [one for one in self._turn if one.alone and one.source in checkpoint.batches]
            return [one for one in begun if one.ready] if begun else together
        first = next((one for one in self._turn if one.ready), None)
        return [first] if first is not None and first.alone else together

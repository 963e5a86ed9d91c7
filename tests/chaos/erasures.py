"""Requests to erase a person's data under load: of a share of the cases, some seconds after a department got a task."""

from datetime import UTC, datetime
from zlib import crc32

from msgspec import Struct

from router.domain.model.erasure import Erasure
from router.wire.partitioning import partition_for_cell

SHARE = 0.03
"""Of the cases."""
AFTER_S = 2.0
REASON = "PIPL article 47"


class ErasureStored(Struct, frozen=True, gc=False, array_like=True, tag="erase"):
    """A request that Kafka has acknowledged, as the ledger has it."""

    id: str
    case: str
    partition: int
    offset: int


def is_erased(case: str, share: float = SHARE) -> bool:
    """Whether a case is among the share of which a request asks."""
    return crc32(b"erase " + case.encode()) < share * (1 << 32)


def erasure_of(case: str, partition_key: str, at: datetime | None = None) -> Erasure:
    """A request that means all reports of a case."""
    at = at or datetime.now(UTC)
    return Erasure(
        id=f"{case}/{at.isoformat()}", case=case, at=at, actor="c****k", reason=REASON, partition_key=partition_key
    )


def partition_of(erasure: Erasure, partitions: int) -> int:
    """The partition of `grid.events` that has its case."""
    return partition_for_cell(erasure.partition_key.encode(), partitions)

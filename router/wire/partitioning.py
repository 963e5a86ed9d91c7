"""Which partition a record goes to: Kafka's murmur2, over the street prefix for places and the whole key otherwise."""

from functools import lru_cache

from aiokafka.partitioner import murmur2

STREET_DIGITS = 9


@lru_cache(maxsize=1 << 16)
def _slot(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def partition_for_cell(cell: bytes, partitions: int) -> int:
    """The partition of a 15-digit cell code: all cells of one street (first 9 digits) share a partition.

    So two reports a few metres apart on both sides of a cell border meet in one state.
    """
    return _slot(cell[:STREET_DIGITS]) % partitions


def partition_for_key(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner chooses for a key."""
    return _slot(key) % partitions

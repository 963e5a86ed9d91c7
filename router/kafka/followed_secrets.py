"""Secrets that change while a client runs: each new connection gets what their files have then.

kafka-python and aiokafka keep the options of a client, and look at them again for every connection: they encode the password of SCRAM, and wrap
the socket by the TLS context. So both are given as objects that read their file again. A running connection stays as it is, and no
client is opened again.
"""

import logging
import ssl
from pathlib import Path
from typing import Any, Self

from router.wire.errors import InputError
from router.wire.security import Security

log = logging.getLogger(__name__)


class FollowedPassword(str):
    """The password of a file. As text it is the one of the beginning; encoded, it is the one that the file has now.

    While the file cannot be read, it is the last one that was read, and a line of the log says why.
    """

    __slots__ = ("_latest", "_security")
    _latest: str
    _security: Security

    def __new__(cls, security: Security) -> Self:
        """The password with which a client begins."""
        self = super().__new__(cls, security.password)
        self._security, self._latest = security, security.password
        return self

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The present password."""
        try:
            self._latest = self._security.present_password()
        except InputError as error:
            log.warning("a connection to Kafka begins with the password of before: %s", error)
        return self._latest.encode(encoding, errors)


class FollowedContext(ssl.SSLContext):
    """A TLS context that reads its files again when one of them has changed. It checks what `Security.context` checks.

    While they do not fit each other, such as a certificate that is new and a key that is not yet, the ones of before count.
    """

    _security: Security
    _seen: tuple[Any, ...]
    _context: ssl.SSLContext

    def __new__(cls, security: Security, context: ssl.SSLContext) -> Self:
        """A context of these files, and what they are now."""
        self = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        self._security, self._context, self._seen = security, context, _state(security)
        return self

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """Begin a connection of kafka-python."""
        return self._present().wrap_socket(*args, **options)

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Begin a connection of asyncio."""
        return self._present().wrap_bio(*args, **options)

    def _present(self) -> ssl.SSLContext:
        state = _state(self._security)
        if state != self._seen:
            try:
                self._context, self._seen = self._security.context() or self._context, state
            except InputError as error:
                log.warning("a connection to Kafka begins with the certificates of before: %s", error)
        return self._context


def _state(security: Security) -> tuple[Any, ...]:
    return tuple(map(_version, (security.ca, security.certificate, security.key)))


def _version(file: Path | None) -> tuple[int, int, int] | None:
    """What changes when a file is replaced or written to; None if it is not there."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)

"""Waits for a cluster that does not answer, longer each time, and says when waiting does not help."""

import logging
import time
from contextlib import suppress
from random import SystemRandom

from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    IncompatibleBrokerVersion,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)

from router.client.connection import Connection
from router.client.stopping import StopRequest
from router.kafka.rejection import denial, rejection
from router.kafka.unpacking import UnpackError
from router.wire.errors import START_KAFKA, BrokerError, InputError

FIRST_S, LONGEST_S = 0.1, 10.0
ROTATION_S = 120.0
"""How long a client that was let in before waits until the cluster and its files have the same new secrets."""
DENIED = (
    AuthorizationError,
    UnsupportedSaslMechanismError,
    IncompatibleBrokerVersion,
)
"""What a second attempt does not change."""
IN_A_ROW_S = 60.0
"""A failure that comes later than this after the one before is a first one. An attempt takes half of it at most."""
_random = SystemRandom()
log = logging.getLogger("router.client")


def delay_s(failures: int) -> float:
    """How long to wait at most, after this number of failures in a row: 0.1 s, then twice as long each time, up to 10 s."""
    return min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 10))


class BrokerPatience:
    """The waiting of one reader or sender.

    Args:
        connection: says for how long.
        stop: set when the client is stopped; it ends the waiting.
    """

    def __init__(self, connection: Connection, stop: StopRequest) -> None:
        self._connection, self._stop = connection, stop
        self._failures, self._first_at, self._last_at = 0, 0.0, 0.0

    def failed(self, error: Exception, *, let_in: bool = False) -> None:
        """Wait before the next attempt. Returns at once when the client is stopped.

        Args:
            error: of the attempt.
            let_in: whether the cluster has let this reader or sender in before. Then a password that it rejects is waited for, too: it is being changed.

        Raises:
            BrokerError: the cluster denies access, sends what cannot be read, or does not answer for longer than the connection allows.
        """
        where = self._connection.kafka
        now = time.monotonic()
        first = not self._failures or now - self._last_at > IN_A_ROW_S
        if first:
            self._failures, self._first_at = 0, now
        changing = let_in and now - self._first_at < ROTATION_S
        hopeless = _hopeless(error, where, changing=changing)
        with suppress(InputError):  # a password file that is gone comes back
            if first and hopeless is None:
                hopeless = denial(where, error, self._connection.security)
            if hopeless is None and not changing and (first or let_in):
                hopeless = rejection(where, self._connection.security)
        if hopeless is not None:
            raise hopeless from error
        self._failures, self._last_at = self._failures + 1, now
        patience_s = self._connection.patience_s
        if patience_s is not None and now - self._first_at >= patience_s:
            raise BrokerError(
                f"Kafka does not answer ({type(error).__name__})", where=where, hint=START_KAFKA
            ) from error
        pause = delay_s(self._failures) * _random.uniform(0.5, 1)
        log.warning("Kafka does not answer (%s); next attempt in %.1f s", type(error).__name__, pause)
        self._stop.wait(pause)


def _hopeless(error: Exception, where: str, *, changing: bool) -> BrokerError | None:
    """What a second attempt would not change."""
    report = "report this to the operators of the router"
    if isinstance(error, UnpackError):
        return BrokerError(f"a compressed batch of records {error}", where=where, hint=report)
    if isinstance(error, CorruptRecordError):  # also a header whose name is no UTF-8
        return BrokerError("a record cannot be decoded", where=where, hint=report)
    if isinstance(error, DENIED) or (isinstance(error, SaslAuthenticationFailedError) and not changing):
        hint = "ask its operators for the right to read your tasks and to write your feedback"
        return BrokerError(f"Kafka denies this client access ({type(error).__name__})", where=where, hint=hint)
    return None

"""Why a cluster does not let a client in. Both Kafka libraries say only that no broker answers, so this asks once more by itself.

It speaks the beginning of Kafka's protocol: ApiVersions, SaslHandshake and SaslAuthenticate (KIP-43, KIP-152), and Metadata.
"""

import socket
import ssl
import struct
from typing import Any

from kafka.net.sasl import get_sasl_mechanism

from router.kafka.connecting import authentication
from router.wire.errors import START_KAFKA, BrokerError, InputError
from router.wire.security import Security, security_for
from router.wire.settings import PREFIX

LIMIT_S = 2.0
MAX_BYTES = 1 << 20
"""Of an answer. What a server of another protocol sends, read as a length, is far more."""
API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE, METADATA = (18, 0), (17, 1), (36, 0), (3, 1)
"""Key and version of each request."""
UNSUPPORTED_MECHANISM = 33
SET = f"set {PREFIX}KAFKA_"
AUTHORIZATION = {29: "topic", 30: "group", 31: "cluster", 53: "transactional id"}
"""Kafka's error code -> what the user has no right to."""


class _RejectedError(Exception):
    """What the cluster does not take, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


def unreachable(
    bootstrap: str,
    error: BaseException,
    what: str = "Kafka does not answer",
    *,
    where: str | None = None,
    security: Security | None = None,
) -> BrokerError:
    """The error of a client that got no answer: the cluster rejects it, denies it a right, or does not answer.

    Args:
        bootstrap: `host:port` list of the cluster.
        error: of the library.
        what: the sentence when it does not answer.
        where: place of that sentence; None: the cluster.
        security: with which the client came; None: as the settings say.
    """
    if denied := denial(bootstrap, error, security):
        return denied
    if rejected := rejection(bootstrap, security):
        return rejected
    return BrokerError(f"{what} ({type(error).__name__})", where=where or bootstrap, hint=START_KAFKA)


def denial(bootstrap: str, error: BaseException, security: Security | None = None) -> BrokerError | None:
    """The error of a user who lacks a right; None when that is not what the library's error says."""
    what = AUTHORIZATION.get(getattr(error, "errno", 0))
    if what is None:
        return None
    try:
        user = (security or security_for(bootstrap)).user or "without a name"
    except InputError:
        user = "of the settings"
    return BrokerError(
        f"the user {user} has no right to this {what} ({type(error).__name__})",
        where=bootstrap,
        hint=f"let the cluster's administrator give it, or {SET}USER to one who has it",
    )


def rejection(bootstrap: str, security: Security | None = None) -> BrokerError | None:
    """The error when a broker is there and does not let this client in; None when it does, or none is there.

    Args:
        bootstrap: `host:port` list of the cluster.
        security: with which the client comes; None: as the settings say.

    Raises:
        InputError: the settings cannot be used.
    """
    given = security or security_for(bootstrap)
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            opened = socket.create_connection((host.strip("[]"), int(port)), LIMIT_S)
        except (OSError, ValueError, OverflowError):
            continue
        with opened:
            opened.settimeout(LIMIT_S)
            try:
                _come_in(opened, host.strip("[]"), given)
            except _RejectedError as rejected:
                return BrokerError(rejected.what, where=address.strip(), hint=rejected.hint)
            except (OSError, struct.error, ValueError):
                continue
            return None
    return None


def _come_in(opened: socket.socket, host: str, security: Security) -> None:
    """Connect as a client does. Raises _RejectedError, and OSError when the broker does not answer."""
    with _encrypted(opened, host, security) if security.tls else opened as connected:
        _introduce(_Conversation(connected), security)


def _introduce(conversation: "_Conversation", security: Security) -> None:
    try:
        conversation.ask(API_VERSIONS)
    except TimeoutError:
        raise
    except ssl.SSLError:
        raise _RejectedError(
            "the cluster does not take the client's certificate, or asks for one",
            f"{SET}CERTIFICATE and {PREFIX}KAFKA_KEY",
        ) from None
    except OSError:
        if security.tls:
            raise
        raise _RejectedError(
            "the cluster rejects plain text", f"{SET}PROTOCOL to SASL_SSL or SSL, as the cluster has it"
        ) from None
    if security.sasl:
        _authenticate(conversation, security)
    try:
        conversation.ask(METADATA, struct.pack(">i", 0))
    except TimeoutError:
        raise
    except OSError:
        raise _RejectedError(
            "the cluster asks for a user and a password",
            f"{SET}PROTOCOL to {'SASL_SSL' if security.tls else 'SASL_SSL or SASL_PLAINTEXT'}, "
            f"{PREFIX}KAFKA_USER and {PREFIX}KAFKA_PASSWORD_FILE",
        ) from None


def _encrypted(opened: socket.socket, host: str, security: Security) -> socket.socket:
    context = security.context()
    if context is None:
        return opened
    try:
        return context.wrap_socket(opened, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise _RejectedError(
            f"the cluster's certificate is not trusted ({error.verify_message})",
            f"{SET}CA to the file of its authority, and name the cluster as its certificate does",
        ) from None
    except TimeoutError:
        raise
    except OSError:
        raise _RejectedError(
            "the cluster speaks no TLS there, or another version of it",
            f"{SET}PROTOCOL to PLAINTEXT or SASL_PLAINTEXT, or correct the port",
        ) from None


def _authenticate(conversation: "_Conversation", security: Security) -> None:
    name = security.mechanism.encode()
    try:
        answer = conversation.ask(SASL_HANDSHAKE, struct.pack(">h", len(name)) + name)
    except TimeoutError:
        raise
    except OSError:
        answer = struct.pack(">hi", -1, 0)
    (code,) = struct.unpack_from(">h", answer)
    if code == UNSUPPORTED_MECHANISM:
        raise _RejectedError(
            f"the cluster does not take the mechanism {security.mechanism}", f"{SET}MECHANISM to one that it takes"
        )
    if code:
        raise _RejectedError(
            "the cluster takes no user there", f"{SET}PROTOCOL to SSL or PLAINTEXT, or correct the port"
        )
    mechanism = get_sasl_mechanism(security.mechanism)(**authentication(security))
    while not mechanism.is_done():
        token = mechanism.auth_bytes()
        try:
            answer = conversation.ask(SASL_AUTHENTICATE, struct.pack(">i", len(token)) + token)
        except TimeoutError:
            raise
        except OSError:
            answer = struct.pack(">hhi", -1, -1, 0)
        if struct.unpack_from(">h", answer)[0]:
            raise _RejectedError(
                f"the cluster rejects the user {security.user} or the password",
                f"correct {PREFIX}KAFKA_USER, or the password that {PREFIX}KAFKA_PASSWORD_FILE names",
            )
        mechanism.receive(_auth_bytes(answer))


def _auth_bytes(answer: bytes) -> bytes:
    (length,) = struct.unpack_from(">h", answer, 2)
    at = 4 + max(length, 0)
    (size,) = struct.unpack_from(">i", answer, at)
    return answer[at + 4 : at + 4 + max(size, 0)]


class _Conversation:
    """One request after the other."""

    def __init__(self, connected: Any) -> None:
        self._connected = connected

    def ask(self, request: tuple[int, int], body: bytes = b"") -> bytes:
        """The body of the answer. Raises OSError, also when the answer is not one of Kafka's."""
        client = b"grid-router"
        head = struct.pack(">hhih", *request, 0, len(client)) + client
        self._connected.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        (size,) = struct.unpack(">i", self._read(4))
        if not 4 <= size <= MAX_BYTES:
            raise ConnectionError("no answer of Kafka")
        return self._read(size)[4:]

    def _read(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            more = self._connected.recv(size - len(read))
            if not more:
                raise ConnectionError("the connection was closed")
            read += more
        return read

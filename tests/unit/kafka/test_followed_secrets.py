"""Secrets of files that change: the next connection of a client that is open has the new ones."""

import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka.conn import ScramAuthenticator
from kafka.net.sasl import get_sasl_mechanism
from kafka.net.transport import KafkaSSLTransport

from router.broker.credentials import Credentials
from router.kafka.connecting import authentication
from router.kafka.followed_secrets import FollowedContext, FollowedPassword
from router.wire.security import Security
from tests.support.certificates import made


@pytest.fixture
def security(tmp_path: Path) -> Security:
    file = tmp_path / "police.password"
    file.touch(0o600)
    file.write_text("first\n")
    return Security(
        protocol="SASL_SSL", user="police", password="first", password_file=file, ca=made(tmp_path / "1").ca
    )


def proved(options: dict[str, object]) -> set[bytes]:
    """The passwords with which both libraries would begin a connection now."""
    of_kafka_python = get_sasl_mechanism("SCRAM-SHA-512")(**options)
    of_aiokafka = ScramAuthenticator(
        loop=None,
        sasl_plain_password=options["sasl_plain_password"],
        sasl_plain_username="police",
        sasl_mechanism="SCRAM-SHA-512",
    )
    return {of_kafka_python._scram_client.password, of_aiokafka._sasl_plain_password}


def test_both_libraries_prove_the_password_that_the_file_has_now(
    security: Security, caplog: pytest.LogCaptureFixture
) -> None:
    options, file = authentication(security), security.password_file
    assert file is not None
    assert proved(options) == {b"first"}
    file.write_text("second")
    assert proved(options) == {b"second"}
    file.unlink()
    assert proved(options) == {b"second"}
    assert "begins with the password of before" in caplog.text
    assert "second" not in caplog.text.replace(str(file), "")
    assert proved(authentication(replace(security, password_file=None))) == {b"first"}


class Server:
    """A TLS server in memory, with the certificate of a home."""

    def __init__(self, credentials: Credentials) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(credentials.broker)

    def trusted_by(self, context: ssl.SSLContext) -> bool:
        """Whether a client with this context completes the handshake."""
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(back, there, server_hostname="127.0.0.1")
        server = self._context.wrap_bio(there, back, server_side=True)
        for one in (client, server, client, server):
            try:
                one.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
        return True


@pytest.fixture
def servers(security: Security, tmp_path: Path) -> tuple[Server, Server]:
    """One with the certificate of the authority that is trusted at the beginning, and one with another."""
    assert security.ca is not None
    return Server(Credentials(security.ca.parent)), Server(made(tmp_path / "2"))


def test_the_authority_that_counts_is_the_one_of_the_file(
    security: Security, servers: tuple[Server, Server], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context, (old, new) = authentication(security)["ssl_context"], servers
    ca, other = tmp_path / "1" / "ca.pem", tmp_path / "2" / "ca.pem"

    def trusts() -> tuple[bool, bool]:
        return old.trusted_by(context), new.trusted_by(context)

    assert trusts() == (True, False)
    before = ca.read_bytes()
    ca.write_bytes(before + other.read_bytes())
    assert trusts() == (True, True)
    ca.write_text("half of a certif")
    assert trusts() == (True, True)
    assert "begins with the certificates of before" in caplog.text
    other.replace(ca)
    assert trusts() == (False, True)
    ca.unlink()
    assert trusts() == (False, True)


def test_a_new_client_certificate_waits_for_its_key(security: Security, tmp_path: Path) -> None:
    """An agent writes one file after the other. Between them the pair of before counts."""
    pairs = []
    for name in ("3", "4"):
        pem = made(tmp_path / name).broker.read_text()
        key, end, certificate = pem.partition("-----END PRIVATE KEY-----\n")
        pairs.append((key + end, certificate))
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    key.touch(0o600)
    key.write_text(pairs[0][0])
    certificate.write_text(pairs[0][1])
    mtls = replace(security, protocol="SSL", certificate=certificate, key=key)
    context = authentication(mtls)["ssl_context"]
    first = context._present()
    certificate.write_text(pairs[1][1])
    assert context._present() is first
    key.write_text(pairs[1][0])
    assert context._present() is not first


def test_the_libraries_wrap_their_connections_by_the_given_context(security: Security) -> None:
    options = authentication(security)
    assert isinstance(options["ssl_context"], FollowedContext)
    assert isinstance(options["sasl_plain_password"], FollowedPassword)
    assert KafkaSSLTransport._build_ssl_context({"ssl_context": options["ssl_context"]}) is options["ssl_context"]
    assert options["ssl_context"].check_hostname

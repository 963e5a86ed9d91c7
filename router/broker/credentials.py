"""What a secured embedded broker needs: certificates, passwords and keys, made once for a home, in files of its user alone.

<home>/kafka/security/ca.pem            the authority of this home; its key is thrown away
<home>/kafka/security/broker.pem        key and certificate of every broker, for the names of the loopback address
<home>/kafka/security/<user>.password   of `admin`, as which the commands of this home connect, and of `broker`
"""

import os
import secrets
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from router.broker.properties import HOST
from router.wire.errors import BrokerError
from router.wire.private_files import private_folder, write_private
from router.wire.security import EMBEDDED_ADMIN, EMBEDDED_CA

BROKER_USER = "broker"
BROKER_NAME = "grid-router-broker"
"""Common name of the brokers' certificate. Controllers know brokers, and each other, by it."""
BROKER_FILE = "broker.pem"
VALID = timedelta(days=10 * 365)
PASSWORD_BYTES = 24
SCRAM = "SCRAM-SHA-512"
ITERATIONS = 8192


class Credentials:
    """The secrets of one home.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca, self.broker = folder / EMBEDDED_CA, folder / BROKER_FILE

    def __bool__(self) -> bool:
        return self.ca.exists()

    def password(self, user: str) -> str:
        """The password of `admin` or `broker`. Raises BrokerError when it cannot be read."""
        file = self.folder / f"{user}.password"
        try:
            return file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BrokerError(
                "the password of the secured broker cannot be read",
                where=str(file),
                hint="put the file back, or use another GRID_ROUTER_HOME",
            ) from error

    def make(self, now: datetime) -> None:
        """Make what is missing; the CA comes last, and with it the secrets are complete. Raises OSError."""
        if self:
            return
        private_folder(self.folder)
        for user in (EMBEDDED_ADMIN, BROKER_USER):
            write_private(self.folder / f"{user}.password", secrets.token_hex(PASSWORD_BYTES).encode())
        authority, broker = _certificates(now)
        write_private(self.broker, broker)
        write_private(self.ca, authority)

    def scram_users(self) -> list[str]:
        """The users that are in the data from its beginning, as Kafka's storage tool takes them. They hold passwords."""
        return [
            f"--add-scram={SCRAM}=[name={user},iterations={ITERATIONS},password={self.password(user)}]"
            for user in (EMBEDDED_ADMIN, BROKER_USER)
        ]

    def properties(self, root: Path) -> dict[str, str]:
        """Settings of a broker beside those of one without security.

        Args:
            root: the working folder of the broker, from which paths are relative.
        """
        ca, broker = (os.path.relpath(file, root) for file in (self.ca, self.broker))
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        return {
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": SCRAM,
            "sasl.mechanism.inter.broker.protocol": SCRAM,
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f'{login} username="{BROKER_USER}" password="{self.password(BROKER_USER)}";',
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": broker,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": ca,
            "listener.name.controller.ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{EMBEDDED_ADMIN};User:{BROKER_USER};User:CN={BROKER_NAME}",
            "allow.everyone.if.no.acl.found": "false",
        }


def _certificates(now: datetime) -> tuple[bytes, bytes]:
    """An authority's certificate, and key and certificate of the brokers, both in PEM. The authority's key is not kept."""
    authority_key, broker_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = _name("grid-router embedded broker")
    authority = (
        _certificate(authority_name, authority_name, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .add_extension(_usage(signs=True), critical=True)
        .sign(authority_key, SHA256())
    )
    names = [x509.IPAddress(IPv4Address(HOST)), x509.DNSName("localhost")]
    both_ways = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    broker = (
        _certificate(_name(BROKER_NAME), authority_name, broker_key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(both_ways), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .add_extension(_usage(signs=False), critical=True)
        .sign(authority_key, SHA256())
    )
    key = broker_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return authority.public_bytes(Encoding.PEM), key + broker.public_bytes(Encoding.PEM)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )

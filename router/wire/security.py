"""How a client of Kafka authenticates, and the cluster to it: checked as a whole before a connection is opened.

The settings say it. A secured embedded broker says it for the commands of its own folder, and settings override that. Secrets come
from files and the environment alone, and are in no sentence, log or representation.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from router.wire.errors import InputError
from router.wire.private_files import others_may_read
from router.wire.settings import PREFIX, KafkaSecurity, Settings

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]
WITH_TLS, WITH_SASL = ("SSL", "SASL_SSL"), ("SASL_PLAINTEXT", "SASL_SSL")
EMBEDDED = Path("kafka") / "security"
"""The secrets of a secured embedded broker, in the folder of the setting `home`."""
EMBEDDED_CA, EMBEDDED_ADMIN = "ca.pem", "admin"
EMBEDDED_PORTS = (0, 2, 4)
"""The ports of embedded brokers, after the first."""
MAX_PASSWORD_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What a client needs to be let in. Its representation has no secret."""

    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    """When it was read; `present_password` reads it again."""
    password_file: Path | None = None
    """Where it came from; None: from the environment or a program, so it never changes."""
    ca: Path | None = None
    """None: what the system trusts."""
    certificate: Path | None = None
    key: Path | None = None

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted, and the cluster shows a certificate."""
        return self.protocol in WITH_TLS

    @property
    def sasl(self) -> bool:
        """Whether the client says who it is by name and password."""
        return self.protocol in WITH_SASL

    def present_password(self) -> str:
        """The password that its file has now. Raises InputError when that cannot be read."""
        return self.password if self.password_file is None else password_of(self.password_file)

    def context(self) -> ssl.SSLContext | None:
        """A TLS context that checks certificate and host name. None without TLS.

        It is made once for the files as they are, because that takes 20 ms with the system's authorities, and changed files make another.

        Raises:
            InputError: a file cannot be read, or is not what it should be.
        """
        if not self.tls:
            return None
        files = (self.ca, self.certificate, self.key)
        return _context(files, tuple(_stamps(*(_SYSTEM if self.ca is None else ()), *files)))


@lru_cache(maxsize=16)
def _context(files: tuple[Path | None, Path | None, Path | None], _: tuple[object, ...]) -> ssl.SSLContext:
    """The context of CA, certificate and key, with stamps of the files."""
    ca, certificate, key = files
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ValueError) as error:
        raise _unusable("CA", ca, "certificates", error) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None and key is not None:
        _check_key(key)
        try:
            # without a passphrase of ours, OpenSSL would ask for one at the terminal
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            raise _unusable("CERTIFICATE", certificate, f"a certificate of the key {key}", error) from None
    return context


_SYSTEM = tuple(Path(one) for one in ssl.get_default_verify_paths()[:2] if one)
"""Where the authorities are that the system trusts."""


def _stamps(*files: Path | None) -> Iterator[tuple[int, ...] | None]:
    """What differs when a file is another one, or has another content or mode."""
    for file in files:
        stamp = None
        with suppress(OSError):
            found = None if file is None else file.stat()
            stamp = found and (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)
        yield stamp


def security_for(bootstrap: str, settings: Settings | None = None) -> Security:
    """How clients authenticate at this cluster.

    Args:
        bootstrap: `host:port` list. The embedded broker's own is known by it.
        settings: of the deployment; None: those of the environment.

    Raises:
        InputError: the settings contradict each other, lack one, or name a file that cannot be used.
    """
    given = Settings() if settings is None else settings
    own = _embedded(bootstrap, given)
    protocol = given.kafka_protocol or ("PLAINTEXT" if own is None else "SASL_SSL")
    _check(given, protocol)
    password, file = _password(given), given.kafka_password_file
    user = given.kafka_user
    if own is not None and user is None and password is None:
        user, file = EMBEDDED_ADMIN, own / f"{EMBEDDED_ADMIN}.password"
        password = password_of(file)
    if protocol in WITH_SASL and (not user or not password):
        lacks = ("KAFKA_USER",) if not user else ("KAFKA_PASSWORD_FILE", "KAFKA_PASSWORD")
        hint = f"set {' or '.join(f'{PREFIX}{one}' for one in lacks)}"
        raise InputError("user or password is missing", where=f"{PREFIX}KAFKA_PROTOCOL={protocol}", hint=hint)
    return Security(
        protocol=protocol,
        mechanism=given.kafka_mechanism or "SCRAM-SHA-512",
        user=user or "",
        password=password or "",
        password_file=file,
        ca=given.kafka_ca or (None if own is None else own / EMBEDDED_CA),
        certificate=given.kafka_certificate,
        key=given.kafka_key,
    )


def unseen(user: str | None) -> str:
    """The end of "there is no such topic": Kafka hides a topic from a user without a right to it. Empty without a user."""
    return f", or the user {user} has no right to it" if user else ""


def _embedded(bootstrap: str, settings: Settings) -> Path | None:
    """The folder of secrets when the address is that of this home's embedded broker, and it is secured."""
    folder, first = settings.home.absolute() / EMBEDDED, bootstrap.split(",", maxsplit=1)[0]
    ours = {f"127.0.0.1:{settings.broker_port + after}" for after in EMBEDDED_PORTS}
    return folder if first in ours and (folder / EMBEDDED_CA).exists() else None


def _check(given: KafkaSecurity, protocol: Protocol) -> None:
    """Reject settings that the protocol would silently not use: who set them believes in them."""
    of_sasl = ("kafka_mechanism", "kafka_user", "kafka_password", "kafka_password_file")
    of_tls = ("kafka_ca", "kafka_certificate", "kafka_key")
    for names, uses in ((of_sasl, WITH_SASL), (of_tls, WITH_TLS)):
        unused = [name for name in names if getattr(given, name) is not None]
        if unused and protocol not in uses:
            raise InputError(
                f"the setting has no effect, because clients speak {protocol}",
                where=PREFIX + unused[0].upper(),
                hint=f"set {PREFIX}KAFKA_PROTOCOL to {' or '.join(uses)}, or unset it",
            )
    if (given.kafka_certificate is None) != (given.kafka_key is None):
        there, lacks = ("CERTIFICATE", "KEY") if given.kafka_key is None else ("KEY", "CERTIFICATE")
        raise InputError(
            "a certificate and its key belong together",
            where=f"{PREFIX}KAFKA_{there}",
            hint=f"set {PREFIX}KAFKA_{lacks}, too",
        )
    if given.kafka_password is not None and given.kafka_password_file is not None:
        raise InputError(
            "the password is given twice",
            where=f"{PREFIX}KAFKA_PASSWORD",
            hint=f"unset it, or unset {PREFIX}KAFKA_PASSWORD_FILE",
        )


def _password(given: KafkaSecurity) -> str | None:
    if given.kafka_password_file is not None:
        return password_of(given.kafka_password_file)
    return None if given.kafka_password is None else given.kafka_password.get_secret_value()


def password_of(file: Path) -> str:
    """The only line of a file with a password.

    Raises:
        InputError: it cannot be read, others may read it, or it has no password. The sentence has nothing of what is in it.
    """
    try:
        with file.open("rb") as opened:
            open_to_others = others_may_read(os.fstat(opened.fileno()))
            text = opened.read(MAX_PASSWORD_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise _no_password(file, f"cannot be read ({why})") from None
    line = text.rstrip("\r\n")
    if not line or len(text) > MAX_PASSWORD_BYTES or not line.isprintable():
        raise _no_password(file, "has no password, or more than one line")
    if open_to_others:
        raise InputError("others may read the password", where=str(file), hint=f"chmod 600 {file}")
    return line


def _check_key(file: Path) -> None:
    """Raise InputError when others may read the key of the client's certificate; who has it is the client."""
    with suppress(OSError):  # the one that opens it has the better sentence
        if others_may_read(file.stat()):
            raise InputError("others may read the key", where=str(file), hint=f"chmod 600 {file}")


def _no_password(file: Path, what: str) -> InputError:
    return InputError(f"the password file {what}", where=str(file), hint="write the password into it, and nothing else")


def _unusable(setting: str, file: Path | None, should_be: str, error: Exception) -> InputError:
    why = (
        error.strerror
        if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError)
        else None
    )
    return InputError(
        f"the file cannot be read ({why})" if why else f"the file has not {should_be} in PEM",
        where=str(file),
        hint=f"correct {PREFIX}KAFKA_{setting} or the file",
    )

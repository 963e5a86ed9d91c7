"""How clients authenticate: what the settings may say together, and that no sentence has a secret."""

import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from router.cli import main as entry
from router.wire import private_files
from router.wire.errors import InputError
from router.wire.security import EMBEDDED, Security, security_for
from router.wire.settings import Settings
from tests.support.certificates import made

SECRET = "correct-horse-battery"
AWAY = "kafka-1.example:9092"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without a broker, and no settings of the machine."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GRID_ROUTER_{name.upper()}", raising=False)
    monkeypatch.setenv("GRID_ROUTER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def given(monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"GRID_ROUTER_KAFKA_{name.upper()}", str(value))


def written(file: Path, text: str) -> Path:
    file.write_bytes(text.encode())
    file.chmod(0o600)
    return file


def test_without_settings_clients_speak_plain_text() -> None:
    assert security_for(AWAY) == Security()
    assert Security().context() is None


@pytest.mark.parametrize("ends", ["", "\n", "\r\n"])
def test_the_password_is_the_line_of_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ends: str) -> None:
    given(monkeypatch, protocol="SASL_SSL", user="police", password_file=written(tmp_path / "p", SECRET + ends))
    found = security_for(AWAY)
    assert (found.user, found.password, found.mechanism) == ("police", SECRET, "SCRAM-SHA-512")
    assert found.tls
    assert found.sasl


@pytest.mark.parametrize(
    ("mode", "of_root", "taken"),
    [(0o600, False, True), (0o640, False, False), (0o644, False, False), (0o440, True, True), (0o644, True, False)],
)
def test_a_password_that_others_may_read_is_rejected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int, of_root: bool, taken: bool
) -> None:
    """The rule of all secrets: a platform mounts them as files of root that the group may read."""
    file = written(tmp_path / "p", SECRET)
    file.chmod(mode)
    monkeypatch.setattr(private_files, "ROOT", file.stat().st_uid if of_root else -1)
    given(monkeypatch, protocol="SASL_SSL", user="police", password_file=file)
    if taken:
        assert security_for(AWAY).password == SECRET
        return
    with pytest.raises(InputError, match=r"others may read the password; chmod 600") as raised:
        security_for(AWAY)
    assert SECRET not in str(raised.value)


def test_no_representation_has_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, protocol="SASL_PLAINTEXT", user="police", password=SECRET)
    assert security_for(AWAY).password == SECRET
    for shown in (security_for(AWAY), Settings()):
        assert SECRET not in f"{shown!r} {shown}"
    assert SECRET not in Settings().model_dump_json()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"user": "police", "password": SECRET},
            (
                "GRID_ROUTER_KAFKA_USER: the setting has no effect, because clients speak PLAINTEXT; "
                "set GRID_ROUTER_KAFKA_PROTOCOL to SASL_PLAINTEXT or SASL_SSL, or unset it."
            ),
        ),
        (
            {"protocol": "SSL", "password": SECRET},
            (
                "GRID_ROUTER_KAFKA_PASSWORD: the setting has no effect, because clients speak SSL; "
                "set GRID_ROUTER_KAFKA_PROTOCOL to SASL_PLAINTEXT or SASL_SSL, or unset it."
            ),
        ),
        (
            {"ca": "ca.pem"},
            (
                "GRID_ROUTER_KAFKA_CA: the setting has no effect, because clients speak PLAINTEXT; "
                "set GRID_ROUTER_KAFKA_PROTOCOL to SSL or SASL_SSL, or unset it."
            ),
        ),
        (
            {"protocol": "SASL_SSL", "password": SECRET},
            "GRID_ROUTER_KAFKA_PROTOCOL=SASL_SSL: user or password is missing; set GRID_ROUTER_KAFKA_USER.",
        ),
        (
            {"protocol": "SASL_SSL", "user": "police"},
            (
                "GRID_ROUTER_KAFKA_PROTOCOL=SASL_SSL: user or password is missing; "
                "set GRID_ROUTER_KAFKA_PASSWORD_FILE or GRID_ROUTER_KAFKA_PASSWORD."
            ),
        ),
        (
            {"protocol": "SASL_SSL", "user": "police", "password": SECRET, "password_file": "p"},
            "GRID_ROUTER_KAFKA_PASSWORD: the password is given twice; unset it, or unset GRID_ROUTER_KAFKA_PASSWORD_FILE.",
        ),
        (
            {"protocol": "SSL", "key": "key.pem"},
            "GRID_ROUTER_KAFKA_KEY: a certificate and its key belong together; set GRID_ROUTER_KAFKA_CERTIFICATE, too.",
        ),
        (
            {"protocol": "SASL_SSL", "user": "police", "password_file": "absent"},
            (
                "absent: the password file cannot be read (No such file or directory); "
                "write the password into it, and nothing else."
            ),
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given(monkeypatch, **settings)
    with pytest.raises(InputError) as raised:
        security_for(AWAY)
    assert str(raised.value) == sentence
    assert SECRET not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("text", ["", "\n", f"{SECRET}\nanother\n", f"{SECRET}\x07", f"{SECRET}" * 100])
def test_a_file_that_holds_no_single_password_is_named_without_its_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    given(monkeypatch, protocol="SASL_SSL", user="police", password_file=written(tmp_path / "p", text))
    with pytest.raises(InputError, match="has no password, or more than one line") as raised:
        security_for(AWAY)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_a_wrong_protocol_is_named_and_no_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, protocol="TLS", password=SECRET)
    monkeypatch.setattr("sys.argv", ["grid-router", "broker", "status"])
    with pytest.raises(SystemExit):
        entry.main()
    said = capsys.readouterr().err
    assert said.startswith("GRID_ROUTER_KAFKA_PROTOCOL=TLS: Input should be 'PLAINTEXT', 'SSL', ")
    assert SECRET not in said


def test_files_that_hold_no_certificate_are_named(tmp_path: Path) -> None:
    own, wrong = made(tmp_path / "own"), written(tmp_path / "wrong.pem", "nothing\n")
    with pytest.raises(InputError, match=r"wrong\.pem: the file has not certificates in PEM; .*GRID_ROUTER_KAFKA_CA"):
        Security(protocol="SSL", ca=wrong).context()
    with pytest.raises(InputError, match=r"absent: the file cannot be read \(No such file or directory\)"):
        Security(protocol="SSL", ca=tmp_path / "absent").context()
    with pytest.raises(InputError, match=r"GRID_ROUTER_KAFKA_CERTIFICATE"):
        Security(protocol="SSL", ca=own.ca, certificate=own.broker, key=own.ca).context()
    assert Security(protocol="SSL", ca=own.ca, certificate=own.broker, key=own.broker).context() is not None


def test_a_key_with_a_passphrase_is_named_and_does_not_wait_for_one(tmp_path: Path) -> None:
    own = made(tmp_path / "own")
    key = load_pem_private_key(own.broker.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"of another's")),
    )
    locked.chmod(0o600)
    with pytest.raises(InputError, match="the file has not a certificate of the key"):
        Security(protocol="SSL", ca=own.ca, certificate=own.broker, key=locked).context()


def test_a_context_is_made_once_for_the_files_as_they_are(tmp_path: Path) -> None:
    own, next_one = made(tmp_path / "own"), made(tmp_path / "next")
    mutual = Security(protocol="SSL", ca=own.ca, certificate=own.broker, key=own.broker)
    first = mutual.context()
    assert mutual.context() is first
    assert Security(protocol="SSL", ca=own.ca).context() is not first
    next_one.broker.replace(own.broker)  # as a rotation does it
    second = mutual.context()
    assert second is not first
    own.broker.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        mutual.context()
    assert Security(protocol="SSL").context() is Security(protocol="SSL").context()


def test_a_key_that_others_may_read_is_rejected(tmp_path: Path) -> None:
    own = made(tmp_path / "security")
    mutual = Security(protocol="SSL", ca=own.ca, certificate=own.broker, key=own.broker)
    own.broker.chmod(0o644)
    with pytest.raises(InputError, match=r"others may read the key; chmod 600"):
        mutual.context()


def test_a_secured_home_is_for_its_own_address_alone(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    own = made(home / EMBEDDED)
    found = security_for("127.0.0.1:19092,127.0.0.1:19094,127.0.0.1:19096")
    assert (found.protocol, found.user, found.ca) == ("SASL_SSL", "admin", own.ca)
    assert found.password == own.password("admin")
    assert security_for("127.0.0.1:19094") == found
    assert security_for(AWAY) == Security()
    given(monkeypatch, user="police", password=SECRET)
    another = security_for("127.0.0.1:19092")
    assert (another.protocol, another.user, another.password, another.ca) == ("SASL_SSL", "police", SECRET, own.ca)


def test_the_password_of_a_home_that_others_may_read_is_named(home: Path) -> None:
    own = made(home / EMBEDDED)
    assert [file.stat().st_mode & 0o077 for file in own.folder.iterdir()] == [0] * 4
    (own.folder / "admin.password").chmod(0o644)
    with pytest.raises(InputError, match=r"admin\.password: others may read the password; chmod 600"):
        security_for("127.0.0.1:19092")

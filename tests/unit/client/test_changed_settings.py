"""A password file that is replaced is gone for a moment: a department that runs waits, and one that starts gets an error."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from router.client import Client, Connection
from router.wire.errors import BrokerError, InputError, RouterError
from router.wire.settings import Settings

AT = datetime(2026, 11, 30, tzinfo=UTC)
NO_BROKER = "127.0.0.1:1"


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GRID_ROUTER_{name.upper()}", raising=False)
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text("correct-horse-battery")
    monkeypatch.setenv("GRID_ROUTER_HOME", str(tmp_path))
    monkeypatch.setenv("GRID_ROUTER_KAFKA_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("GRID_ROUTER_KAFKA_USER", "police")
    monkeypatch.setenv("GRID_ROUTER_KAFKA_PASSWORD_FILE", str(file))
    return file


def read(client: Client) -> None:
    next(iter(client.tasks("police")), None)


def replay(client: Client) -> None:
    next(iter(client.replay("police", since=AT)), None)


def answer(client: Client) -> None:
    client._sender.send("feedback.police", b"k", b"v")


@pytest.mark.parametrize("work", [read, replay, answer])
def test_a_running_department_waits_and_a_new_one_fails(
    password: Path, caplog: pytest.LogCaptureFixture, work: Any
) -> None:
    known = Connection(kafka=NO_BROKER, patience_s=0.2, client_id=work.__name__)
    new = Connection(kafka=NO_BROKER, patience_s=0.2, client_id=f"new-{work.__name__}")
    known.options()
    password.unlink()
    for connection, error in ((known, BrokerError), (new, InputError)):
        with pytest.raises(RouterError) as raised, Client(connection, actor="a") as client:
            work(client)
        assert type(raised.value) is error, raised.value
    logged = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert logged
    assert "the password file cannot be read" in logged[0]
    assert "correct-horse-battery" not in caplog.text


def test_the_password_that_comes_back_counts(password: Path) -> None:
    known = Connection(kafka=NO_BROKER)
    assert known.options()["sasl_plain_password"] == "correct-horse-battery"
    password.write_text("another-horse-battery")
    assert known.options()["sasl_plain_password"] == "another-horse-battery"

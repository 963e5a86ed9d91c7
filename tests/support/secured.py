"""A secured broker for a module of tests: TLS, users and access rights, in a home of its own."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from router.broker import folder, server
from router.broker.admin import connected
from router.broker.credentials import _certificates
from router.broker.folder import Folder
from router.broker.properties import HOST, server_properties
from router.wire.private_files import private_folder, write_private
from router.wire.settings import Settings
from tests.support.broker import free_ports
from tests.support.patience import PATIENCE_S

NETWORK_THREADS = 3
"""Of a broker. They take connections in turn, and each takes new certificates for itself."""
KEYSTORE = "listener.name.proxied.ssl.keystore.location"


class ProxiedListener:
    """One more listener of a secured broker, which advertises the address of a proxy and has certificates of its own.

    Args:
        home: of the broker.
    """

    def __init__(self, home: Path) -> None:
        first = free_ports(2)
        self.behind, self.advertised = f"{HOST}:{first}", f"{HOST}:{first + 1}"
        secrets = private_folder(home / "doors")
        self.ca, self.certificate = secrets / "ca.pem", secrets / "broker.pem"
        authority, broker = _certificates(datetime.now(UTC))
        write_private(self.ca, authority)
        write_private(self.certificate, broker)

    def properties(self, *own: object) -> str:
        """The configuration of the broker, with this listener."""
        text = with_proxied_listener(server_properties(*own), self.behind, self.advertised)
        return f"{text}{KEYSTORE}={self.certificate}\n"

    def change_certificate(self, admin: str) -> None:
        """Give it a certificate of a new authority while clients are connected. They trust both authorities until it has it.

        Args:
            admin: address of a listener of the broker at which an administrator may change its configuration.
        """
        authority, broker = _certificates(datetime.now(UTC))
        _replace(self.ca, self.ca.read_bytes() + authority)
        _replace(self.certificate, broker)
        with connected(admin) as client:  # the same value: Kafka reads the file again
            again = ConfigResource(ConfigResourceType.BROKER, "1", {KEYSTORE: str(self.certificate)})
            client.alter_configs([again], raise_on_unknown=False)
        deadline = time.monotonic() + PATIENCE_S
        while not all(self._served().encode() in broker for _ in range(NETWORK_THREADS)):
            assert time.monotonic() < deadline, "the broker keeps its certificate"
            time.sleep(0.05)
        _replace(self.ca, authority)

    def _served(self) -> str:
        host, _, port = self.behind.rpartition(":")
        return ssl.get_server_certificate((host, int(port)))


def _replace(file: Path, content: bytes) -> None:
    new = file.with_suffix(".new")
    write_private(new, content)
    new.replace(file)


def with_proxied_listener(properties: str, behind: str, advertised: str) -> str:
    """The configuration of a broker with one more listener, as secured as the first, which advertises the address of a proxy.

    Args:
        properties: as `server_properties` makes them.
        behind: `host:port` of the listener.
        advertised: `host:port` of the proxy in front of it.
    """
    lines = dict(line.split("=", 1) for line in properties.splitlines())
    protocol, own = lines["listener.security.protocol.map"].partition(":")[0], "listener.name.sasl_ssl."
    lines["listeners"] += f",PROXIED://{behind}"
    lines["advertised.listeners"] += f",PROXIED://{advertised}"
    lines["listener.security.protocol.map"] += f",PROXIED:{protocol}"
    lines |= {f"listener.name.proxied.{one.removeprefix(own)}": lines[one] for one in list(lines) if own in one}
    return "".join(f"{name}={value}\n" for name, value in lines.items())


@contextmanager
def secured_broker(home: Path, brokers: int = 1, *, proxied: ProxiedListener | None = None) -> Iterator[Settings]:
    """Its settings, which every client of this process finds in the environment.

    Args:
        home: its folder.
        brokers: of the cluster.
        proxied: one more listener of a broker alone.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(f"GRID_ROUTER_{name.upper()}", raising=False)
        settings = Settings(home=home, broker_port=free_ports(6), metrics_port=free_ports(2), partitions=2)
        for name in ("home", "broker_port", "metrics_port", "partitions"):
            patch.setenv(f"GRID_ROUTER_{name.upper()}", str(getattr(settings, name)))
        try:
            with pytest.MonkeyPatch.context() as configured:  # for this start alone: another broker may start meanwhile
                if proxied is not None:
                    configured.setattr(folder, "server_properties", proxied.properties)
                server.start(settings, brokers, secure=True)
            yield settings
        finally:
            server.stop(settings)


def credentials_of(settings: Settings) -> Path:
    """The folder of the users' passwords of a secured home, as `access apply` makes it."""
    return Folder(settings).credentials.folder / "users"

"""A city's deployment on a secured cluster, with all its doors: workers and a gateway as processes, and clients, each as its own user.

No process of it knows the administrator's password: each has a home of its own, with nothing in it, and the address of the cluster.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from router.broker import admin, server
from router.broker.folder import Folder
from router.cli.access import app
from router.client import Client, Connection
from router.gateway.receipt_keys import make_receipt_keys
from router.gateway.token_file import add_token
from router.wire.declared_topics import topics_of
from router.wire.private_files import private_folder
from router.wire.security import Security, security_for
from router.wire.settings import Settings
from router.workers.pool import WorkerPool, environment
from tests.support.broker import free_ports
from tests.support.cities import shipped
from tests.support.patience import PATIENCE_S
from tests.support.secured import ProxiedListener, credentials_of


class Doors:
    """What a test needs to come in by any door.

    Args:
        settings: of the secured cluster.
        city: name of the deployment's city.
        folder: for the homes of its processes.
        proxied: where its processes and clients connect; None: at the first listener.
    """

    def __init__(self, settings: Settings, city: str, folder: Path, proxied: ProxiedListener | None = None) -> None:
        self.settings, self.city, self.folder = settings, city, folder
        self.cluster = server.bootstrap(settings)
        """Where an administrator connects."""
        self.address = self.cluster if proxied is None else proxied.advertised
        self._ca = Folder(settings).credentials.ca if proxied is None else proxied.ca
        self.tokens, self.receipt_keys = folder / "tokens", folder / "receipt-keys"
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{free_ports(1)}", timeout=PATIENCE_S)
        self.pool: WorkerPool
        self.gateway: subprocess.Popen[bytes]

    @property
    def gateway_log(self) -> Path:
        """Of the gateway's process."""
        return self.folder / "gateway.log"

    def password_file(self, user: str) -> Path:
        """The file of a user's password, as `access apply` made it."""
        return credentials_of(self.settings) / f"{user}.password"

    def settings_of(self, user: str, **more: Any) -> Settings:
        """The settings of a process that connects as a user."""
        connection = {
            "kafka": self.address,
            "kafka_protocol": "SASL_SSL",
            "kafka_user": user,
            "kafka_password_file": self.password_file(user),
            "kafka_ca": self._ca,
        }
        home = private_folder(self.folder / user)
        return self.settings.model_copy(update={**connection, "home": home, **more})

    def security_of(self, user: str) -> Security:
        """How a user connects."""
        return security_for(self.address, self.settings_of(user))

    def department(self, department: str, *, actor: str) -> Client:
        """The client of a department, as its own user."""
        return Client(
            Connection(kafka=self.address, security=self.security_of(f"department-{department}")), actor=actor
        )

    def token(self, name: str, scope: str) -> dict[str, str]:
        """The headers of an app with a token of this scope, once the gateway knows it."""
        headers = {"Authorization": f"Bearer {add_token(self.tokens, name, scope)}"}
        self.until(lambda: self.http.get("/openapi.json", headers=headers).status_code == httpx.codes.OK)
        return headers

    def receipt(self, token: str, stage: str) -> dict[str, Any]:
        """What a receipt says without any token, once it has come to this stage."""
        said: dict[str, Any] = {}

        def there() -> bool:
            said.update(self.http.get(f"/v1/receipts/{token}").json())
            return said.get("stage") == stage

        self.until(there)
        return said

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, with the workers alive."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self.pool.poll()
            assert self.gateway.poll() is None, self.gateway_log.read_text()
            assert time.monotonic() < deadline, [
                file.read_text()[-2000:] for file in (*self.pool.logs, self.gateway_log)
            ]
            time.sleep(0.1)

    def _gateway_settings(self) -> Settings:
        return self.settings_of(
            "gateway",
            gateway_port=self.http.base_url.port,
            gateway_tokens=self.tokens,
            gateway_receipt_keys=self.receipt_keys,
            gateway_rate=1000.0,
        )

    @contextmanager
    def opened(self, workers: int) -> Iterator[None]:
        """Run the workers and the gateway."""
        keys = Folder(self.settings).offset_keys
        command = [sys.executable, "-m", "router.cli.main", "gateway", self.city, "--exit-with-parent"]
        with (
            self.http,
            WorkerPool(self.city, self.settings_of("router", offset_keys=keys), workers, "wall") as self.pool,
            self.gateway_log.open("ab") as log,
            subprocess.Popen(
                command, env=environment(self._gateway_settings()), stdin=subprocess.PIPE, stderr=log
            ) as self.gateway,
        ):
            try:
                self.until(self._ready)
                yield
            finally:
                self.gateway.terminate()

    def _ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@contextmanager
def open_doors(
    settings: Settings, city: str, folder: Path, *, workers: int = 1, proxied: ProxiedListener | None = None
) -> Iterator[Doors]:
    """A deployment whose topics, users and rights the commands have made.

    Args:
        settings: of the secured cluster, which commands of this process find in the environment.
        city: its name.
        folder: for the homes of its processes.
        workers: how many.
        proxied: where its processes and clients connect; None: at the first listener.
    """
    doors = Doors(settings, city, private_folder(folder), proxied)
    add_token(doors.tokens, "monitoring", "metrics")
    make_receipt_keys(doors.receipt_keys)
    admin.apply(doors.cluster, topics_of(shipped(city), settings), replication=None)
    access("apply", city)
    with doors.opened(workers):
        yield doors
    assert doors.gateway.returncode == 0, doors.gateway_log.read_text()


def access(*arguments: str) -> str:
    """What `grid-router access` says, as an administrator."""
    done = CliRunner().invoke(app, list(arguments), env={"NO_COLOR": "1", "COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    return done.output

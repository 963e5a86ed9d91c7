"""A secured broker for a module of tests: TLS, users and access rights, in a home of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.broker import server
from router.wire.settings import Settings
from tests.support.broker import free_ports


@contextmanager
def secured_broker(home: Path, brokers: int = 1) -> Iterator[Settings]:
    """Its settings, which every client of this process finds in the environment.

    Args:
        home: its folder.
        brokers: of the cluster.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(f"GRID_ROUTER_{name.upper()}", raising=False)
        settings = Settings(home=home, broker_port=free_ports(6), metrics_port=free_ports(2), partitions=2)
        for name in ("home", "broker_port", "metrics_port", "partitions"):
            patch.setenv(f"GRID_ROUTER_{name.upper()}", str(getattr(settings, name)))
        try:
            server.start(settings, brokers, secure=True)
            yield settings
        finally:
            server.stop(settings)

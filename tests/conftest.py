"""Fixtures of the whole suite."""

import os
from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.broker import session_broker

_numbers = count()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Kafka broker, started once per session."""
    with session_broker(tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture
def namespace() -> str:
    """A prefix for topics and groups that no other test has."""
    return f"t{os.getpid()}-{next(_numbers)}."

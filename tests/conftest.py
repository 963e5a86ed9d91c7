"""Fixtures of the whole suite, and the order of its files."""

import os
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import settings

from router.stream.faust_adapter import lenient_headers
from tests.support.broker import session_broker

_numbers = count()
# a test beside a load may be slow, and hypothesis would call that a failure
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
# brokers of a test live for a minute: a JVM that compiles less has done half the work by then
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests with a broker first, and of these the long ones and those that have a time limit of their own.

    Test processes take file after file. So the quick files come last, and the processes end at about the same time.
    """
    files: dict[object, int] = {}
    for item in items:
        slow = any(item.get_closest_marker(name) for name in ("long", "timeout"))
        rank = 2 if item.get_closest_marker("broker") is None else 0 if slow else 1
        files[item.path] = min(rank, files.get(item.path, 2))
    items.sort(key=lambda item: files[item.path])


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Kafka broker, started once in a test process. Its consumers decode as those of a worker, in every test alike."""
    lenient_headers.install()
    with session_broker(tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture
def namespace() -> str:
    """A prefix for topics and groups that no other test has."""
    return f"t{os.getpid()}-{next(_numbers)}."

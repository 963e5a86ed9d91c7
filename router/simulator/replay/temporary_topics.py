"""Topics that exist for one replay only, in a namespace of their own."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from router.broker import admin
from router.domain.rules.city import City
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings

PREFIX = "replay-"


def namespace() -> str:
    """A namespace that no other replay has: `replay-<seconds since 1970>-<process id>.`."""
    return f"{PREFIX}{int(time.time())}-{os.getpid()}."


@contextmanager
def scratch_topics(
    kafka: KafkaAdminClient, bootstrap: str, city: City, settings: Settings, *, group: str, keep: bool
) -> Iterator[None]:
    """Create the city's topics under the namespace of `settings`. Unless kept, delete them at the end, with the group's offsets.

    Raises:
        RouterError: the topics cannot be created.
    """
    topics = topics_of(city, settings)
    admin.apply(bootstrap, topics, replication=settings.replication, min_insync=settings.min_insync_replicas)
    try:
        yield
    finally:
        if not keep:
            admin.delete(bootstrap, [topic.name for topic in topics])
            with suppress(KafkaError):  # its last members may still be leaving; Kafka forgets an empty group by itself
                kafka.delete_groups([group])

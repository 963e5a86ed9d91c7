"""The options of clients that a running process opens again and again, with aiokafka.

A password file that is missing for a moment must not end a worker, nor be a defect in an answer of the gateway. So a setting that has
become wrong counts as a cluster that does not answer: what waits for a cluster waits for it, too.
"""

from typing import Any

import structlog
from aiokafka.errors import KafkaError

from router.kafka.connecting import connect_options
from router.wire.errors import InputError

log = structlog.get_logger(__name__)


def reconnect_options(bootstrap: str) -> dict[str, Any]:
    """The options of `connect_options`. Raises KafkaError when the settings cannot be used, and logs why."""
    try:
        return connect_options(bootstrap)
    except InputError as error:
        log.error("a client of Kafka cannot be opened", reason=str(error))  # noqa: TRY400 - the sentence says it all
        raise KafkaError(str(error)) from None

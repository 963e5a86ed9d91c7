"""The client of a department: reads its tasks, answers them, and reads which answers were rejected.

It needs the base packages of grid-router alone: `pip install "grid-router[client]"`. Docs: docs/how-to/department-client.md.

    from router.client import Client, Evidence

    with Client("kafka-1:9092", actor="hw-officer-17") as client:
        for task in client.tasks("sanitation"):
            ...
            task.acknowledge()
"""

from router.client.client import Client, RejectedAnswer
from router.client.connection import Connection
from router.client.task import DepartmentTask, StoredAnswer
from router.domain.model.report import Media as Evidence
from router.wire.errors import BrokerError, InputError, RouterError, TopicError
from router.wire.security import Security

__all__ = [
    "BrokerError",
    "Client",
    "Connection",
    "DepartmentTask",
    "Evidence",
    "InputError",
    "RejectedAnswer",
    "RouterError",
    "Security",
    "StoredAnswer",
    "TopicError",
]

"""A network sends records without key, or with a key that is not the id of their report."""

from itertools import count, cycle

from router.simulator.messages import SourceMessage
from tests.chaos.deployment import Deployment
from tests.chaos.load import own_id
from tests.chaos.schedule import Fault

EVERY = 4
"""The share of records with a wrong key is one in this number."""


def wrong(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Send a part of the load without key, with an empty one, with that of another report, or with a blank behind it."""
    wrong_keys = WrongKeys()
    deployment.load.key_of = wrong_keys.key_of
    deployment.pause(fault.lasts_s)
    deployment.load.key_of = own_id
    return {"injected": float(wrong_keys.sent > 0), "records": wrong_keys.sent}


class WrongKeys:
    """Gives every fourth record a wrong key, each kind in turn."""

    def __init__(self) -> None:
        self.sent = 0
        """Records with a wrong key."""
        self._numbers, self._kinds = count(), cycle((None, b"", b"another report", b"%s "))

    def key_of(self, message: SourceMessage) -> bytes | None:
        """The key of the next record."""
        own = message.source_id.encode()
        if next(self._numbers) % EVERY:
            return own
        self.sent += 1
        key = next(self._kinds)
        return key.replace(b"%s", own) if key is not None else None

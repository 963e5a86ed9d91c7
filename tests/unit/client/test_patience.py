"""What a department's client waits for, and what it does not."""

import pytest
from kafka.errors import SaslAuthenticationFailedError

from router.client import patience
from router.client.connection import Connection
from router.client.patience import BrokerPatience
from router.client.stopping import StopRequest
from router.wire.errors import BrokerError
from router.wire.security import Security


@pytest.fixture
def waiting() -> BrokerPatience:
    """Of a client that was stopped, so that nothing takes time."""
    stop = StopRequest()
    stop.set()
    return BrokerPatience(Connection(kafka="127.0.0.1:1", security=Security()), stop)


def test_a_rejected_password_is_waited_for_by_a_client_that_was_let_in_before(
    waiting: BrokerPatience, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster and the file get the new password one after the other."""
    rejected = SaslAuthenticationFailedError("wrong")
    waiting.failed(rejected, let_in=True)
    waiting.failed(rejected, let_in=True)
    monkeypatch.setattr(patience, "ROTATION_S", 0.0)
    with pytest.raises(BrokerError, match="denies this client access"):
        waiting.failed(rejected, let_in=True)


def test_a_client_that_was_never_let_in_ends_at_once(waiting: BrokerPatience) -> None:
    with pytest.raises(BrokerError, match="denies this client access"):
        waiting.failed(SaslAuthenticationFailedError("wrong"))

"""What `demo` and `serve` say while they start Kafka."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from router.broker import server
from router.cli import session
from router.wire.settings import Settings


@pytest.mark.parametrize(
    ("brokers", "said"), [(1, "Starting Kafka (about 10 s) ..."), (3, "Starting 3 brokers of Kafka (about 40 s) ...")]
)
def test_a_cluster_of_three_is_said_to_take_longer(
    brokers: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ran last is started again."""
    settings = Settings(home=tmp_path, kafka=None, broker_port=29_192)
    for folder in server.folders(settings, brokers):
        folder.root.mkdir(parents=True)
        folder.write(settings.broker_port)
    monkeypatch.setattr(session, "ensure_running", server.bootstrap)
    with ExitStack() as stack:
        address = session.kafka(settings, stack)
    first, second = capsys.readouterr().err.splitlines()
    assert first == said
    assert second.startswith(f"Kafka answers at {address} after ")
    assert address.count(":") == brokers

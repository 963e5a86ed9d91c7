"""Certificates for tests: an authority and a server of it for the loopback address, as a secured home has them."""

from datetime import UTC, datetime
from pathlib import Path

from router.broker.credentials import Credentials


def made(folder: Path) -> Credentials:
    """Fresh ones in a folder."""
    credentials = Credentials(folder)
    credentials.make(datetime.now(UTC))
    return credentials

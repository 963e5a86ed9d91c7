"""Everything that is sent in one replay, in the order of simulated time: a city's history and, if wanted, its companions."""

from collections.abc import Iterator
from pathlib import Path

from router.domain.city import City
from router.domain.networks.registry import NETWORKS
from router.simulator.companion import Companion
from router.simulator.history import NETWORK, History, read_history
from router.simulator.messages import Message
from router.simulator.noise import LATEST

HISTORY = "history"
"""Folder of the recorded requests within a city's folder."""


def history_of(city: City, folder: Path) -> History:
    """The recorded requests of a city.

    Args:
        city: whose zone the file's times have.
        folder: the city's folder.

    Raises:
        InputError: see `read_history`.
    """
    columns = [field.alias or name for name, field in NETWORKS[NETWORK].schema.model_fields.items()]
    return read_history(folder / HISTORY, columns, city.zone)


def scenario(city: City, history: History, *, reports: int | None, seed: int, companion: bool) -> Iterator[Message]:
    """All messages in the order of their received times; equal arguments give equal messages, byte for byte.

    Args:
        city: its code tables and cells are what the companions write with.
        history: the recorded requests.
        reports: how many of them; None: the file once; beyond its end it is repeated with fresh ids.
        seed: of the companions.
        companion: whether other networks see a part of the incidents too.
    """
    recorded = history.messages(reports, apart=city.merging.longest_window + LATEST)
    return Companion(city, seed).beside(recorded) if companion else recorded

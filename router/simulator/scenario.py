"""Everything that is sent in one replay, in the order of simulated time.

Here, and only here, is chosen what a city is fed with: by what its folder ships.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.simulator.messages import SourceMessage
from router.simulator.recorded.history import History
from router.simulator.recorded.hotline_history import NETWORK as HOTLINE
from router.simulator.recorded.hotline_history import read_history
from router.simulator.recorded.noise import LATEST
from router.simulator.recorded.police_history import read_police_history, recorded_by_police
from router.simulator.recorded.secondary_reports import SecondaryReports
from router.simulator.synthetic.simulation import FILE
from router.simulator.synthetic.stream import Simulation, read_simulation
from router.simulator.synthetic.stream import messages as made

MADE = 20_000
"""Messages of a synthetic city when nobody says how many: some days of a city of four million."""
HISTORY = "history"
"""Folder of the recorded reports within a city's folder."""


class ScenarioInput(Protocol):
    """What one city is fed with: recorded, or made."""

    @property
    def reports(self) -> int:
        """How many there are before anything is repeated."""

    def messages(
        self, *, reports: int | None, seed: int, secondary_reports: bool, noise: float
    ) -> Iterator[SourceMessage]:
        """All messages in the order of their received times; equal arguments give equal messages, byte for byte.

        Args:
            reports: how many reports, not counting their updates and companions; None: all once.
            seed: of whatever is made.
            secondary_reports: whether other networks see a part of recorded incidents too.
            noise: of a synthetic city's reports, 1 as its simulation.yaml says.
        """


class Recorded(Struct, frozen=True):
    """A city's history and, if wanted, its companions."""

    city: City
    """Its code tables and cells are what the companions write with."""
    history: History

    @property
    def reports(self) -> int:
        """See `ScenarioInput.reports`."""
        return len(self.history.rows)

    def messages(
        self, *, reports: int | None, seed: int, secondary_reports: bool, noise: float = 1.0
    ) -> Iterator[SourceMessage]:
        """See `ScenarioInput.messages`; beyond its end the history is repeated with fresh ids. Companions follow hotlines only."""
        del noise  # what was recorded is as it is
        recorded = self.history.messages(reports, apart=self.city.merging.longest_window + LATEST)
        if secondary_reports and self.history.network == HOTLINE:
            return SecondaryReports(self.city, seed).beside(recorded)
        return recorded


class Synthetic(Struct, frozen=True):
    """A city whose reports are made, with known truth."""

    city: City
    simulation: Simulation

    @property
    def reports(self) -> int:
        """See `ScenarioInput.reports`."""
        return MADE

    def messages(
        self, *, reports: int | None, seed: int, secondary_reports: bool, noise: float = 1.0
    ) -> Iterator[SourceMessage]:
        """See `ScenarioInput.messages`; other networks see the same incidents in any case."""
        del secondary_reports
        number = self.reports if reports is None else reports
        return made(self.city, self.simulation, reports=number, days=None, seed=seed, noise=noise)


def input_of(city: City, folder: Path) -> ScenarioInput:
    """What a city is fed with: made reports if its folder has a simulation, else its history.

    Args:
        city: that is loaded.
        folder: the city's folder.

    Raises:
        InputError: see `history_of`.
        CityError: the simulation is wrong.
    """
    if (folder / FILE).is_file():
        return Synthetic(city, read_simulation(folder))
    return Recorded(city, history_of(city, folder))


def history_of(city: City, folder: Path) -> History:
    """The recorded reports of a city, read as what the headers of its files say they are.

    Args:
        city: whose zone the files' times have.
        folder: the city's folder.

    Raises:
        InputError: see `read_history` and `read_police_history`.
    """
    history = folder / HISTORY
    if recorded_by_police(history):
        return read_police_history(history, city.zone)
    columns = [field.alias or name for name, field in NETWORKS[HOTLINE].schema.model_fields.items()]
    return read_history(history, columns, city.zone)

"""Everything that one replay sends, in the order of simulated time.

This module alone chooses the input of a city, by what its folder ships.
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
"""Default number of messages of a synthetic city: some days of a city of four million."""
HISTORY = "history"
"""Folder of the recorded reports inside a city's folder."""


class ScenarioInput(Protocol):
    """The input of one city: recorded or synthetic."""

    @property
    def reports(self) -> int:
        """Number of reports before anything is repeated."""

    def messages(
        self, *, reports: int | None, seed: int, secondary_reports: bool, noise: float
    ) -> Iterator[SourceMessage]:
        """All messages in the order of their received times. Equal arguments give equal messages, byte for byte.

        Args:
            reports: number of reports, without their updates and secondary reports; None: all once.
            seed: for everything that is random.
            secondary_reports: whether other networks also report a part of the recorded incidents.
            noise: error level of a synthetic city; 1 is that of its simulation.yaml.
        """


class Recorded(Struct, frozen=True):
    """A city's recorded history and, if wanted, its secondary reports."""

    city: City
    """Its code tables and cells, with which secondary reports are written."""
    history: History

    @property
    def reports(self) -> int:
        """See `ScenarioInput.reports`."""
        return len(self.history.rows)

    def messages(
        self, *, reports: int | None, seed: int, secondary_reports: bool, noise: float = 1.0
    ) -> Iterator[SourceMessage]:
        """See `ScenarioInput.messages`. Beyond its end the history repeats with fresh ids. Only hotlines have secondary reports."""
        del noise  # recorded data has no noise level
        recorded = self.history.messages(reports, apart=self.city.merging.longest_window + LATEST)
        if secondary_reports and self.history.network == HOTLINE:
            return SecondaryReports(self.city, seed).beside(recorded)
        return recorded


class Synthetic(Struct, frozen=True):
    """A synthetic city, whose ground truth is known."""

    city: City
    simulation: Simulation

    @property
    def reports(self) -> int:
        """See `ScenarioInput.reports`."""
        return MADE

    def messages(
        self, *, reports: int | None, seed: int, secondary_reports: bool, noise: float = 1.0
    ) -> Iterator[SourceMessage]:
        """See `ScenarioInput.messages`. Several networks report the same incidents in any case."""
        del secondary_reports
        number = self.reports if reports is None else reports
        return made(self.city, self.simulation, reports=number, days=None, seed=seed, noise=noise)


def input_of(city: City, folder: Path) -> ScenarioInput:
    """The input of a city: synthetic if its folder has a simulation, else its history.

    Args:
        city: the loaded city.
        folder: the city's folder.

    Raises:
        InputError: see `history_of`.
        CityError: the simulation is invalid.
    """
    if (folder / FILE).is_file():
        return Synthetic(city, read_simulation(folder))
    return Recorded(city, history_of(city, folder))


def history_of(city: City, folder: Path) -> History:
    """The recorded reports of a city. The headers of the files decide how they are read.

    Args:
        city: its zone is the zone of the files' times.
        folder: the city's folder.

    Raises:
        InputError: see `read_history` and `read_police_history`.
    """
    history = folder / HISTORY
    if recorded_by_police(history):
        return read_police_history(history, city.zone)
    columns = [field.alias or name for name, field in NETWORKS[HOTLINE].schema.model_fields.items()]
    return read_history(history, columns, city.zone)

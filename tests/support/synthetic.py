"""A few days of synthetic Puyang, and the router's results for its messages."""

from collections.abc import Iterable, Sequence
from functools import cache
from math import sqrt

import numpy as np

from router.cities.folder import city_folder
from router.domain.intake.normalise import normalise
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.simulator.messages import SourceMessage
from router.simulator.synthetic.generator import Generator
from router.simulator.synthetic.message_batch import MessageBatch
from router.simulator.synthetic.simulation import Simulation
from router.simulator.synthetic.stream import message_batches, messages, read_simulation
from tests.support.cities import shipped
from tests.support.records import Record

SEED = 7


@cache
def puyang() -> City:
    return shipped("puyang")


@cache
def simulation() -> Simulation:
    return read_simulation(city_folder("puyang"))


def stream(
    days: float | None = 1, seed: int = SEED, noise: float = 1.0, reports: int | None = None
) -> list[SourceMessage]:
    return list(messages(puyang(), simulation(), reports=reports, days=days, seed=seed, noise=noise))


def drawn(
    days: float, seed: int = SEED, noise: float = 1.0, rate: float | None = None
) -> tuple[Generator, MessageBatch]:
    """The same stream as columns, with its ground truth."""
    office, pages = message_batches(puyang(), simulation(), days=days, seed=seed, noise=noise, rate=rate)
    every = list(pages)
    return office, MessageBatch(
        *(np.concatenate([getattr(one, name) for one in every]) for name in MessageBatch.__struct_fields__)
    )


def read(sent: Sequence[tuple[str, bytes]]) -> list[Report | Rejection]:
    """The report or rejection of each message, in order."""
    became: dict[int, Report | Rejection] = {}
    for name, network in NETWORKS.items():
        batch = [Record(value=value, offset=place) for place, (of, value) in enumerate(sent) if of == name]
        done = normalise(network, batch, puyang())
        became |= {report.provenance.offset: report for report in done.reports}
        became |= {record.offset: rejection for record, rejection in done.rejections}
    return [became[place] for place in range(len(sent))]


def likely(happened: int, tries: int, affinity: float) -> bool:
    """Whether a count is within 4.5 standard deviations of its expected value."""
    return abs(happened - tries * affinity) <= 4.5 * sqrt(tries * affinity * (1 - affinity)) + 1


def counted(answers: Iterable[bool]) -> tuple[int, int]:
    """Number of true answers, and of all answers."""
    every = [bool(one) for one in answers]
    return sum(every), len(every)

"""The entry point: messages of a synthetic city in the order of receipt, each with its truth."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from router.domain.rules.city import City
from router.simulator.messages import SourceMessage
from router.simulator.synthetic.generator import Generator
from router.simulator.synthetic.local_time import midnight
from router.simulator.synthetic.message_batch import KINDS, MessageBatch
from router.simulator.synthetic.simulation import Simulation, check, read_simulation, rejected

__all__ = ["Simulation", "message_batches", "messages", "read_simulation"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIMULATED, _MALFORMED = KINDS.index("simulated"), KINDS.index("malformed")


def messages(
    city: City,
    simulation: Simulation,
    *,
    reports: int | None,
    days: float | None,
    seed: int,
    noise: float = 1.0,
    rate: float | None = None,
) -> Iterator[SourceMessage]:
    """Messages in the order of receipt.

    Args:
        city: the city as the router knows it.
        simulation: the simulation from the same folder.
        reports: largest number of messages of all kinds; None: no limit.
        days: only messages received within this number of days from the first; None: no limit.
        seed: the same seed gives the same bytes on every machine.
        noise: 0 for no errors and updates, 1 for those of the parameters, 2 for twice as many and as large.
        rate: mean number of reports per second; None: the volumes of the parameters.

    Raises:
        CityError: the simulation has a name that the city does not have.
    """
    generator, batches = message_batches(city, simulation, days=days, seed=seed, noise=noise, rate=rate)
    return islice(_messages(generator, batches), reports)


def message_batches(
    city: City, simulation: Simulation, *, days: float | None, seed: int, noise: float, rate: float | None
) -> tuple[Generator, Iterator[MessageBatch]]:
    """The messages as columns, and the generator, which has the names of matters, cells and departments.

    Raises:
        CityError: the simulation has a name that the city does not have.
    """
    findings = check(simulation, city)
    if findings:
        raise rejected(findings)
    parameters = simulation.parameters
    factor = 1.0 if rate is None else rate / parameters.a_second
    generator = Generator(city, parameters, simulation.geometry, seed=seed, noise=noise, factor=factor)
    first = 1000 * midnight(parameters.first_day, city.zone)
    return generator, generator.message_batches(None if days is None else first + round(days * 86_400_000))


def _messages(generator: Generator, batches: Iterator[MessageBatch]) -> Iterator[SourceMessage]:
    names, departments = generator.code_usage.names, generator.owners.departments
    for message_batch in batches:
        columns = (getattr(message_batch, name).tolist() for name in _COLUMNS)
        for received, network, source_id, value, kind, incident, owner, storm, late in zip(*columns, strict=True):
            yield SourceMessage(
                network=names[network],
                source_id=source_id,
                value=value.encode("utf-8", "surrogateescape"),
                received_at=_EPOCH + timedelta(0, 0, 0, received),
                kind=KINDS[kind],
                incident=None if kind == _MALFORMED else incident_id(incident),
                owner=departments[owner] if kind == _SIMULATED and owner >= 0 else None,
                storm=storm,
                late=late,
            )


_COLUMNS = ("received", "network", "source_id", "value", "kind", "incident", "owner", "storm", "late")


def incident_id(number: int) -> str:
    """The id of a true incident."""
    return f"incident-{number:08d}"

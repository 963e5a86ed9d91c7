"""The door: the messages of a synthetic city, in the order of their receipt, each with the truth about it."""

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
    """Messages in the order of their receipt.

    Args:
        city: the city as the router knows it.
        simulation: of the same folder.
        reports: so many messages of every kind; None: no limit.
        days: those received within so many days from the first; None: no limit.
        seed: equal seeds, equal bytes, on any machine.
        noise: 0 for no errors and no corrections, 1 for those of the parameters, 2 for twice as many and as large.
        rate: reports a second on average; None: what the parameters say.

    Raises:
        CityError: the simulation names what the city does not have.
    """
    generator, pages = message_batches(city, simulation, days=days, seed=seed, noise=noise, rate=rate)
    return islice(_messages(generator, pages), reports)


def message_batches(
    city: City, simulation: Simulation, *, days: float | None, seed: int, noise: float, rate: float | None
) -> tuple[Generator, Iterator[MessageBatch]]:
    """The same as whole columns, and the office that names their matters, cells and departments.

    Raises:
        CityError: the simulation names what the city does not have.
    """
    findings = check(simulation, city)
    if findings:
        raise rejected(findings)
    parameters = simulation.parameters
    factor = 1.0 if rate is None else rate / parameters.a_second
    generator = Generator(city, parameters, simulation.parcels, seed=seed, noise=noise, factor=factor)
    first = 1000 * midnight(parameters.first_day, city.zone)
    return generator, generator.message_batches(None if days is None else first + round(days * 86_400_000))


def _messages(generator: Generator, pages: Iterator[MessageBatch]) -> Iterator[SourceMessage]:
    names, departments = generator.code_usage.names, generator.owners.departments
    for message_batch in pages:
        columns = (getattr(message_batch, name).tolist() for name in _READ)
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


_READ = ("received", "network", "source_id", "value", "kind", "incident", "owner", "storm", "late")


def incident_id(number: int) -> str:
    """The true incident's own id."""
    return f"incident-{number:08d}"

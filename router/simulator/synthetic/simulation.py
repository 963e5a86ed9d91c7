"""A city's simulation, read from its folder and checked against the city."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from router.cities.city_reader import read_source
from router.domain.documents import WRONG_VALUE, Document, Finding, found, read_yaml, validate
from router.domain.rules.city import City
from router.simulator.synthetic.cell_geometry import Parcels, read_parcels
from router.simulator.synthetic.forms.registry import FORMS
from router.simulator.synthetic.parameters import Reporting, SimulationParameters
from router.wire.errors import CityError

FILE = "simulation.yaml"


class Simulation(Struct, frozen=True):
    """What a synthetic city is made of besides the city."""

    parameters: SimulationParameters
    document: Document
    """Where each parameter stands."""
    parcels: Parcels


def read_simulation(folder: Path) -> Simulation:
    """The simulation of the city in this folder.

    Raises:
        CityError: no `simulation.yaml`, or it is wrong: the first finding with its file, line and column.
    """
    parameters, document, wrong = _read(folder)
    if parameters is None or document is None:
        raise rejected(wrong)
    return Simulation(parameters, document, read_parcels(folder / "cells"))


def lint(folder: Path, city: City | None) -> list[Finding]:
    """What is wrong with a folder's simulation; nothing when it has none.

    Args:
        folder: of the city.
        city: what the simulation's names must lead to; None: the city itself cannot be read.
    """
    if not (folder / FILE).exists():
        return []
    parameters, document, wrong = _read(folder)
    if parameters is None or document is None or city is None:
        return wrong
    return list(_strangers(parameters, document, city))


def _read(folder: Path) -> tuple[SimulationParameters | None, Document | None, list[Finding]]:
    source, wrong = read_source(folder / FILE, "docs/explanation/simulation.md")
    document, parameters = None, None
    if source is not None:
        document, wrong = read_yaml(source)
    if document is not None:
        parameters, wrong = validate(SimulationParameters, document)
    return parameters, document, wrong


def check(simulation: Simulation, city: City) -> list[Finding]:
    """What the simulation names and the city does not have."""
    return list(_strangers(simulation.parameters, simulation.document, city))


def rejected(findings: list[Finding]) -> CityError:
    """The error of findings, of which there is at least one."""
    first, *more = findings
    others = f" (and {len(more)} more)" if more else ""
    return CityError(f"{first.code} {first.message}", where=first.place, hint=f"{first.hint}{others}")


def _strangers(parameters: SimulationParameters, document: Document, city: City) -> Iterator[Finding]:
    for name, reporting in parameters.networks.items():
        yield from _of_network(name, reporting, document, city)
    groups = {matter.group for matter in city.catalogue.matters.values()}
    for place, group in enumerate(parameters.homes.groups):
        if group not in groups:
            mark = document.mark("homes", "groups", place)
            yield found(WRONG_VALUE, mark, f"{group[:40]!r} is no group of the city's matters")
    for path, named in (
        (("storms", "matters"), parameters.storms.matters),
        (("lasting", "hours_of"), parameters.lasting.hours_of),
        (("apart", "metres_of"), parameters.apart.metres_of),
    ):
        for matter in named:
            if matter not in city.catalogue.matters:
                message = f"{matter[:40]!r} is no matter of the city"
                yield found(WRONG_VALUE, document.mark(*path, matter), message)


def _of_network(name: str, reporting: Reporting, document: Document, city: City) -> Iterator[Finding]:
    mark = document.mark("networks", name)
    if name not in FORMS:
        yield found(WRONG_VALUE, mark, f"nobody writes for network {name[:40]!r}", "remove it")
        return
    if name not in city.codes:
        yield found(
            WRONG_VALUE, mark, f"network {name!r} has no code table here", f"add codes/{name}.csv, or remove it"
        )
        return
    for matter in reporting.mix:
        if not city.codes[name].of_matter(matter):
            message = f"network {name!r} has no code for matter {matter[:40]!r}"
            yield found(WRONG_VALUE, document.mark("networks", name, "mix", matter), message)

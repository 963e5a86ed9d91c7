"""Reads a city's simulation from its folder and checks it against the city."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from router.cities.city_reader import read_source
from router.domain.documents import WRONG_VALUE, Document, Finding, found, read_yaml, validate
from router.domain.rules.city import City
from router.simulator.synthetic.cell_geometry import CellGeometry, read_cell_geometry
from router.simulator.synthetic.forms.registry import FORMS
from router.simulator.synthetic.parameters import Reporting, SimulationParameters
from router.wire.errors import CityError

FILE = "simulation.yaml"


class Simulation(Struct, frozen=True):
    """The simulation data of a synthetic city."""

    parameters: SimulationParameters
    document: Document
    """Source position of each parameter."""
    geometry: CellGeometry


def read_simulation(folder: Path) -> Simulation:
    """Read the simulation of the city in a folder.

    Raises:
        CityError: `simulation.yaml` is missing or invalid. The sentence has the first finding's file, line and column.
    """
    parameters, document, findings = _read(folder)
    if parameters is None or document is None:
        raise rejected(findings)
    return Simulation(parameters, document, read_cell_geometry(folder / "cells"))


def lint(folder: Path, city: City | None) -> list[Finding]:
    """The findings of a folder's simulation; none if it has no simulation.

    Args:
        folder: the folder of the city.
        city: the city whose names the simulation uses; None if the city cannot be read.
    """
    if not (folder / FILE).exists():
        return []
    parameters, document, findings = _read(folder)
    if parameters is None or document is None or city is None:
        return findings
    return list(_unknown_names(parameters, document, city))


def _read(folder: Path) -> tuple[SimulationParameters | None, Document | None, list[Finding]]:
    source, findings = read_source(folder / FILE, "docs/explanation/simulation.md")
    document, parameters = None, None
    if source is not None:
        document, findings = read_yaml(source)
    if document is not None:
        parameters, findings = validate(SimulationParameters, document)
    return parameters, document, findings


def check(simulation: Simulation, city: City) -> list[Finding]:
    """Findings for names in the simulation that the city does not have."""
    return list(_unknown_names(simulation.parameters, simulation.document, city))


def rejected(findings: list[Finding]) -> CityError:
    """The error for one or more findings."""
    first, *more = findings
    others = f" (and {len(more)} more)" if more else ""
    return CityError(f"{first.code} {first.message}", where=first.place, hint=f"{first.hint}{others}")


def _unknown_names(parameters: SimulationParameters, document: Document, city: City) -> Iterator[Finding]:
    for name, reporting in parameters.networks.items():
        yield from _of_network(name, reporting, document, city)
    groups = {matter.group for matter in city.catalogue.matters.values()}
    for place, group in enumerate(parameters.homes.groups):
        if group not in groups:
            mark = document.mark("homes", "groups", place)
            yield found(WRONG_VALUE, mark, f"{group[:40]!r} is not a group of the city's matters")
    for path, named in (
        (("storms", "matters"), parameters.storms.matters),
        (("lasting", "hours_of"), parameters.lasting.hours_of),
        (("apart", "metres_of"), parameters.apart.metres_of),
    ):
        for matter in named:
            if matter not in city.catalogue.matters:
                message = f"{matter[:40]!r} is not a matter of the city"
                yield found(WRONG_VALUE, document.mark(*path, matter), message)


def _of_network(name: str, reporting: Reporting, document: Document, city: City) -> Iterator[Finding]:
    mark = document.mark("networks", name)
    if name not in FORMS:
        yield found(WRONG_VALUE, mark, f"no message form exists for network {name[:40]!r}", "remove it")
        return
    if name not in city.codes:
        yield found(
            WRONG_VALUE, mark, f"network {name!r} has no code table in this city", f"add codes/{name}.csv, or remove it"
        )
        return
    for matter in reporting.mix:
        if not city.codes[name].of_matter(matter):
            message = f"network {name!r} has no code for matter {matter[:40]!r}"
            yield found(WRONG_VALUE, document.mark("networks", name, "mix", matter), message)

"""Makes a city's cells from its division codes, with the parameters in `cells/division.yaml`."""

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from router.cities.cell_files import csv_text, read_parameters
from router.cities.city_reader import display_path, read_source
from router.domain.cell_generation.synthetic_division import (
    Box,
    Density,
    Divided,
    Division,
    DivisionChange,
    DivisionPlan,
    divide,
)
from router.domain.cell_generation.synthetic_grids import GridLattice, Table, lattices, table
from router.domain.cells.area_tables import AREAS, GRIDS
from router.domain.cells.csv_tables import CELLS, COMMUNITIES
from router.domain.csv_texts import csv_reader
from router.wire.errors import InputError

PARAMETERS = "division.yaml"
DIVISIONS = ("code", "level", "name", "parent")
_MICRO = 1_000_000
_LEVELS = {"city": 4, "county": 6, "street": 9, "community": 12}
_is_code = re.compile(r"[0-9]+").fullmatch
County = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
CellCode = Annotated[str, Field(pattern=r"^[0-9]{15}$")]
Size = Annotated[int, Field(ge=1, le=1_000_000)]
Row = Annotated[dict[County, Size], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sides(_Strict):
    """Sides of the bounding box, in degrees."""

    west: float = Field(ge=-180, le=180)
    south: float = Field(ge=-85, le=85)
    east: float = Field(ge=-180, le=180)
    north: float = Field(ge=-85, le=85)

    @model_validator(mode="after")
    def _extends(self) -> Self:
        if self.west >= self.east or self.south >= self.north:
            raise ValueError("west must be smaller than east, south smaller than north")
        return self


class Communities(_Strict):
    """Parameters of one kind of community: its number of cells, and its area relative to the others of its county."""

    cells: int = Field(ge=1, le=99)
    area: Size


class Redrawn(_Strict):
    """Cells that are split or joined on one day."""

    day: date
    split: tuple[CellCode, ...] = ()
    join: tuple[Annotated[tuple[CellCode, ...], Field(min_length=2)], ...] = ()


class Shapes(_Strict):
    """Parameters of a network's grids that have a shape."""

    communities: int = Field(ge=1, le=999)
    first: int = Field(ge=1, le=999)
    title: str = Field(min_length=1)


class Codes(_Strict):
    """Parameters of a network's grids that are a table of codes."""

    object: str = Field(pattern=r"^[0-9]{6}$")
    counties: tuple[County, ...]
    takes: tuple[Annotated[int, Field(ge=1, le=99)], ...] = Field(min_length=1)
    halve: int = Field(ge=1)


class DivisionParameters(_Strict):
    """The content of `division.yaml`."""

    source: str
    box: Sides
    columns: Annotated[tuple[Annotated[tuple[Row, ...], Field(min_length=1)], ...], Field(min_length=1)]
    urban: Communities
    rural: Communities
    endings: dict[str, str] = Field(default_factory=dict)
    changes: tuple[Redrawn, ...] = ()
    lattices: dict[str, Shapes] = Field(default_factory=dict)
    tables: dict[str, Codes] = Field(default_factory=dict)

    def plan(self) -> DivisionPlan:
        """The parameters as the core's plan."""
        west, south, east, north = (round(side * _MICRO) for side in self.box.model_dump().values())
        return DivisionPlan(
            box=Box(west, south, east, north),
            columns=self.columns,
            urban=Density(self.urban.cells, self.urban.area),
            rural=Density(self.rural.cells, self.rural.area),
            endings=self.endings,
            changes=[DivisionChange(day=one.day, split=one.split, join=one.join) for one in self.changes],
        )


def divided(folder: Path) -> dict[str, str]:
    """File name -> text of the four cell files of a city. Writes nothing.

    Raises:
        CityError: the parameters are missing or wrong.
        InputError: the divisions cannot be read, or do not fit the parameters.
    """
    parameters = read_parameters(DivisionParameters, folder / "cells" / PARAMETERS)
    source = folder / parameters.source
    divisions = _divisions(source)
    names = {one.code: one.name for one in divisions}
    try:
        city = divide(divisions, parameters.plan())
        return {
            "cells.csv": csv_text(CELLS, _cells(city)),
            "communities.csv": csv_text(COMMUNITIES, _communities(city, names)),
            "areas.csv": csv_text(AREAS, _areas(city, parameters)),
            "grids.csv": csv_text(GRIDS, _grids(city, parameters, names)),
        }
    except ValueError as error:
        hint = f"correct {PARAMETERS} or the divisions"
        raise InputError(str(error), where=display_path(source), hint=hint) from None


def _divisions(file: Path) -> list[Division]:
    source, findings = read_source(file, "docs/how-to/make-cells.md")
    if source is None:
        raise InputError(findings[0].message, where=findings[0].place, hint=findings[0].hint)
    reader = csv_reader(source.text)
    try:
        header = next(reader, [])
        if header != list(DIVISIONS):
            raise ValueError(f"the header is not {','.join(DIVISIONS)}")
        return [_division(row) for row in reader if row]
    except (csv.Error, ValueError) as error:
        place = f"{display_path(file)}:{reader.line_num}"
        raise InputError(f"the row cannot be read ({error})", where=place, hint="repair the row") from None


def _division(row: Sequence[str]) -> Division:
    if len(row) != len(DIVISIONS):
        raise ValueError("its number of fields differs from the header")
    code, level, name, parent = row
    if _is_code(code) is None or len(code) != _LEVELS.get(level):
        raise ValueError(f"{code[:20]!r} is not the code of a {level[:20]!r}")
    if not code.startswith(parent):
        raise ValueError(f"the code does not start with the code of its parent, {parent[:20]!r}")
    return Division(code, name)


def _cells(city: Divided) -> Iterable[Sequence[str]]:
    for code, cell in city.cells.items():
        yield code, cell.name, _day(cell.valid_from), _day(cell.valid_until), cell.box.wkt()


def _communities(city: Divided, names: dict[str, str]) -> Iterable[Sequence[str]]:
    """Each community with its default cell: the first that is always valid, else the first that is not retired."""
    defaults: dict[str, tuple[bool, bool, str]] = {}
    for code, cell in city.cells.items():
        rank = (cell.valid_until is not None, cell.valid_from is not None, code)
        defaults[code[:12]] = min(rank, defaults.get(code[:12], rank))
    for community, (_, _, default) in defaults.items():
        yield community, names[community], default


def _areas(city: Divided, parameters: DivisionParameters) -> Iterable[Sequence[str]]:
    for network, codes in sorted(parameters.tables.items()):
        plan = Table(object=codes.object, counties=codes.counties, takes=codes.takes, halve=codes.halve)
        for grid, code, share in table(city, plan):
            yield network, grid, code, share


def _grids(city: Divided, parameters: DivisionParameters, names: dict[str, str]) -> Iterable[Sequence[str]]:
    for network, shapes in sorted(parameters.lattices.items()):
        for code, name, box in lattices(names, city, GridLattice(shapes.communities, shapes.first, shapes.title)):
            yield network, code, name, "", "", box.wkt()


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()

"""Makes a city's cells from its recorded places, with the parameters in `cells/tessellation.yaml`."""

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from router.cities.cell_files import csv_text, read_parameters
from router.cities.city_reader import display_path, read_source
from router.domain.cell_generation.tessellation import Lattice, Spot, tessellate
from router.domain.cells.area_tables import AREAS
from router.domain.cells.csv_tables import CELLS, COMMUNITIES
from router.domain.csv_texts import allow_long_fields
from router.wire.errors import InputError

PARAMETERS = "tessellation.yaml"
_is_degrees = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,17})?").fullmatch


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Strict):
    """Column names of the source."""

    lon: str
    lat: str
    county: str
    street: str
    community: str


class Origin(_Strict):
    """Origin of the lattice, in degrees."""

    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-85, le=85)


class TessellationParameters(_Strict):
    """The content of `tessellation.yaml`."""

    source: str
    network: str | None = None
    """None: no network names its areas by these columns, so the crosswalk has no rows."""
    columns: Columns
    county: str = Field(pattern=r"^[0-9]{5}$")
    origin: Origin
    size_m: float = Field(default=100, ge=10, le=10_000)
    ring: int = Field(default=1, ge=0, le=5)


def tessellated(folder: Path) -> dict[str, str]:
    """File name -> text of the three cell files of a city. Writes nothing.

    Raises:
        CityError: the parameters are missing or wrong.
        InputError: the source cannot be read, lacks a column, has no point or an invalid coordinate, or has more areas
            than there are codes.
    """
    parameters = read_parameters(TessellationParameters, folder / "cells" / PARAMETERS)
    spots = _spots(folder / parameters.source, parameters.columns)
    lattice = Lattice(lon=parameters.origin.lon, lat=parameters.origin.lat, size_m=parameters.size_m)
    try:
        made = tessellate(spots, lattice, county=parameters.county, network=parameters.network, ring=parameters.ring)
    except ValueError as error:
        hint = "draw the cells manually, see docs/how-to/make-cells.md"
        raise InputError(str(error), where=display_path(folder / parameters.source), hint=hint) from None
    return {
        "cells.csv": csv_text(CELLS, made.cells),
        "communities.csv": csv_text(COMMUNITIES, made.communities),
        "areas.csv": csv_text(AREAS, made.areas),
    }


def renumbered(before: str, after: str) -> int:
    """Number of codes in one `cells.csv` that denote another square in the other."""
    allow_long_fields()
    old, new = (
        {row[0]: row[-1] for row in csv.reader(io.StringIO(text, newline="")) if row} for text in (before, after)
    )
    return sum(new.get(code, shape) != shape for code, shape in old.items())


def _spots(file: Path, columns: Columns) -> list[Spot]:
    source, findings = read_source(file)
    if source is None:
        raise InputError(findings[0].message, where=findings[0].place, hint=findings[0].hint)
    allow_long_fields()
    reader = csv.DictReader(io.StringIO(source.text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        for name in (columns.lon, columns.lat, columns.county, columns.street, columns.community):
            if name not in (reader.fieldnames or ()):
                raise InputError(
                    f"there is no column {name!r}", where=f"{display_path(file)}:1", hint=f"correct it in {PARAMETERS}"
                )
        spots = [_spot(row, columns) for row in reader]
    except (csv.Error, ValueError) as error:
        line = reader.line_num + isinstance(error, csv.Error)  # the reader counts only the lines that it could read
        raise InputError(
            f"the row cannot be read ({error})", where=f"{display_path(file)}:{line}", hint="repair the row"
        ) from None
    if all(spot.lon is None for spot in spots):
        raise InputError("no row has a point", where=display_path(file), hint=f"name another source in {PARAMETERS}")
    return spots


def _spot(row: Mapping[str, str | None], columns: Columns) -> Spot:
    """Parse one row. A row with one coordinate only has no point."""
    fields = [row[name] for name in (columns.lon, columns.lat, columns.county, columns.street, columns.community)]
    if None in row.values() or None in row:  # the reader's marks of a short and of a long row
        raise ValueError("its number of fields differs from the header")
    lon, lat, county, street, community = (field or "" for field in fields)
    names = (county, street, community)
    return Spot(_degrees(lon, 180), _degrees(lat, 90), names) if lon and lat else Spot(None, None, names)


def _degrees(text: str, limit: int) -> float:
    if _is_degrees(text) is None or not -limit <= float(text) <= limit:
        raise ValueError(f"{text[:20]!r} is not a number of degrees between -{limit} and {limit}")
    return float(text)

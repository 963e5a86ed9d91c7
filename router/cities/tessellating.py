"""A city's cells made from its recorded places, by the parameters in `cells/tessellation.yaml`."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from router.cities.reading import read_source, shown
from router.domain.cell_tables import AREAS, CELLS, COMMUNITIES
from router.domain.documents import read_yaml, validate
from router.domain.tessellation import Lattice, Spot, tessellate
from router.wire.errors import CityError, InputError

PARAMETERS = "tessellation.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Strict):
    """Which columns of the source hold what."""

    lon: str
    lat: str
    county: str
    street: str
    community: str


class Origin(_Strict):
    """Of the lattice, degrees."""

    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-85, le=85)


class Parameters(_Strict):
    """`tessellation.yaml`."""

    source: str
    network: str
    columns: Columns
    county: str = Field(pattern=r"^[0-9]{5}$")
    origin: Origin
    size_m: float = Field(default=100, ge=10, le=10_000)
    ring: int = Field(default=1, ge=0, le=5)


def tessellated(folder: Path) -> dict[str, str]:
    """File name -> text of the three cell files of a city; writes nothing.

    Raises:
        CityError: the parameters are missing or wrong.
        InputError: the source cannot be read, lacks a column, or holds something that is no coordinate.
    """
    parameters = _parameters(folder / "cells" / PARAMETERS)
    spots = _spots(folder / parameters.source, parameters.columns)
    lattice = Lattice(lon=parameters.origin.lon, lat=parameters.origin.lat, size_m=parameters.size_m)
    made = tessellate(spots, lattice, county=parameters.county, network=parameters.network, ring=parameters.ring)
    return {
        "cells.csv": _text(CELLS, made.cells),
        "communities.csv": _text(COMMUNITIES, made.communities),
        "areas.csv": _text(AREAS, made.areas),
    }


def _parameters(file: Path) -> Parameters:
    source, findings = read_source(file)
    if source is not None:
        document, findings = read_yaml(source)
        if document is not None:
            parameters, findings = validate(Parameters, document)
            if parameters is not None:
                return parameters
    first = findings[0]
    raise CityError(f"{first.code} {first.message}", where=first.place, cure=first.cure)


def _spots(file: Path, columns: Columns) -> list[Spot]:
    source, findings = read_source(file)
    if source is None:
        raise InputError(findings[0].message, where=findings[0].place, cure=findings[0].cure)
    reader = csv.DictReader(io.StringIO(source.text.removeprefix("\ufeff"), newline=""), strict=True)
    spots = []
    try:
        for name in (columns.lon, columns.lat, columns.county, columns.street, columns.community):
            if name not in (reader.fieldnames or ()):
                raise InputError(
                    f"there is no column {name!r}", where=f"{shown(file)}:1", cure=f"correct it in {PARAMETERS}"
                )
        for row in reader:
            names = (row[columns.county] or "", row[columns.street] or "", row[columns.community] or "")
            lon, lat = row[columns.lon], row[columns.lat]
            spots.append(Spot(float(lon), float(lat), names) if lon and lat else Spot(None, None, names))
    except (csv.Error, ValueError) as error:
        raise InputError(
            f"the row cannot be read ({error})", where=f"{shown(file)}:{reader.line_num}", cure="repair the row"
        ) from error
    return spots


def _text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()

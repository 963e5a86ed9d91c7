"""Grid cells (单元网格): codes, the registry of a city with validity dates, and how a report finds its cell.

A cell code has 15 ASCII digits (GB/T 30428.1): 6 county, 3 street, 3 community, 3 sequence; the first edition of CJ/T 213
had a sequence of two, so codes of 14 digits still occur. Its prefixes are the hierarchy.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, tzinfo

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from router.domain.cells.crosswalk import JOINED, Crosswalk, professional_community
from router.domain.cells.csv_tables import Cell, Tables, read_tables, version
from router.domain.cells.spatial_index import FAR_M, NEAREST_M, NONE, Around, CellMap
from router.domain.cells.succession import Succession, named
from router.domain.documents import Finding, Source
from router.domain.model.report import Location
from router.domain.model.vocabulary import ResolvedBy

CITY, STREET, COMMUNITY, CELL = 4, 9, 12, 15
"""Digits of the prefixes: the city (prefecture), street, community, cell. County and province have 6 and 2."""
CELL_M = 71.0
"""Accuracy of a report that names only its cell: half the diagonal of 100 m by 100 m (万米单元网格)."""
_SPOT_DECIMALS = 6
_POINT_M = 30.0
"""Accuracy of a point if the source states none."""
_is_code = re.compile(r"[0-9]{14,15}").fullmatch


class Claim(Struct, frozen=True, gc=False, kw_only=True):
    """What one report says about its place, in the source's own terms."""

    network: str
    at: datetime
    """When it occurred (aware). The cells valid then decide, however late the report comes."""
    lon: float | None = None
    lat: float | None = None
    gcj02: bool = False
    """Whether the point is in GCJ-02 and not yet converted; see `coordinate_systems.py`."""
    accuracy_m: float | None = None
    cell: str | None = None
    """15 digits, or 14 of the old form."""
    community: str | None = None
    """12 digits."""
    area: str | None = None
    """The source's own grid by name or code. The crosswalk resolves it."""
    county_code: str | None = None
    """A code of the report that begins with the county and is no place: of its class or its component."""


def cell_code(text: str) -> str | None:
    """The 15-digit code of a text of 15 or (old form) 14 ASCII digits. None for anything else."""
    if _is_code(text) is None:
        return None
    return text if len(text) == CELL else f"{text[:COMMUNITY]}0{text[COMMUNITY:]}"


def street(cell: str) -> str:
    """The street of a cell: its first nine digits."""
    return cell[:STREET]


class CellRegistry:
    """The cells of one city.

    Args:
        tables: cells sorted by code, communities, and the crosswalk of the networks' own areas.
        default: cell of a report that names no place at all; None: the first cell.
        zone: in which the days of validity begin and end.
        stand_ins: longitude and latitude that a geocoder gives for every address that it does not find.
    """

    def __init__(
        self,
        tables: Tables,
        default: str | None = None,
        zone: tzinfo = UTC,
        stand_ins: Collection[tuple[float, float]] = (),
    ) -> None:
        self.cells: Mapping[str, Cell] = {cell.code: cell for cell in tables.cells}
        self._map = CellMap(tables.cells, tables.geometries, zone)
        self._codes = self._map.codes
        default = default if default is not None else self._codes[0]
        self._stand_ins = frozenset(_spot(lon, lat) for lon, lat in stand_ins)
        self.version = version(tables, default, sorted(self._stand_ins))
        self._communities = tables.communities
        streets = {code[:STREET]: cell for code, cell in sorted(tables.communities.items(), reverse=True)}
        self._prefectures = {code[:CITY] for code in (*self._codes, *tables.communities)}
        self._defaults = {**tables.communities, **streets, "": default}
        self._extent = self._extents()
        self.succession = Succession(self._map)
        self.crosswalk = Crosswalk(self._map, self.succession, tables)

    def resolve(self, claims: Sequence[Claim]) -> list[Location]:
        """The cell of each claim, whatever it holds; a batch costs less than its claims one by one.

        In this order, only cells valid at the claim's instant: the cell that holds the point (of several the smallest code);
        the nearest within 150 m; the source's own cell code, or what was there instead when that was not valid; the default
        cell of the community; the largest share of the source's own area by the crosswalk; the default cell of the
        community, else the street, with which a code of the source begins; the city's default. A default cell that is not
        valid then is replaced by the first that is: of its community, else its street, else the city. A point that no cell
        holds is kept up to 50 km outside the city, with the cell that the rest of the claim names. `doubt` says which
        earlier choice did not hold and why, that there were several, and when the source's own cell or area does not hold
        its point.
        """
        return [
            self._with_county(claim, self._pointless(claim) if around is None else self._by_point(claim, *around))
            for claim, around in zip(claims, self._locate(claims), strict=True)
        ]

    def _with_county(self, claim: Claim, location: Location) -> Location:
        """The location with a doubt for each code of another city that had no part in finding it."""
        code, area = claim.county_code, claim.area
        if code is None and area is None:
            return location
        doubts = [] if code is None or code[:CITY] in self._prefectures else [f"code {code!r} {self._unknown(code)}"]
        joined = None if area is None else professional_community(area)
        if joined is not None and joined[:CITY] not in self._prefectures:
            doubts.append(f"area {area!r} {self._unknown(joined)}")
        if not doubts:
            return location
        return replace(location, doubt="; ".join([location.doubt, *doubts] if location.doubt else doubts))

    def _locate(self, claims: Sequence[Claim]) -> list[Around | None]:
        """Where the point of each claim lies. None: no point, or one that stands for no place."""
        places = [n for n, claim in enumerate(claims) if claim.lon is not None and claim.lat is not None]
        if self._stand_ins:
            places = [n for n in places if _spot(claims[n].lon, claims[n].lat) not in self._stand_ins]
        located: list[Around | None] = [None] * len(claims)
        if not places:
            return located
        degrees = np.array([(claims[n].lon, claims[n].lat) for n in places], dtype=float)
        dated = self._map.dated
        instants = np.array([claims[n].at.timestamp() for n in places]) if dated else np.zeros(len(places))
        around = self._map.locate(degrees, instants)
        if len(places) == len(claims):
            return [*around]
        for n, one in zip(places, around, strict=True):
            located[n] = one
        return located

    def _pointless(self, claim: Claim) -> Location:
        """By what a claim names beside a point, when it has none or the point is that of every address not found."""
        if claim.lon is None or claim.lat is None:
            return self._without_point(claim, [])
        doubt = f"the point {claim.lon:.9g} {claim.lat:.9g} stands for addresses that the geocoder did not find, and was not used"
        return self._without_point(claim, [doubt])

    def _by_point(self, claim: Claim, cell: int, distance: float, lapsed: int) -> Location:
        if distance == 0:
            code, said, doubt = self._codes[cell], claim.cell, None
            if said is not None and cell_code(said) != code:
                doubt = f"the source wrote cell {said[:20]!r}, its point lies in {code}"
            return self._at_point(claim, code, "point", doubt)
        doubts: list[str] = []
        every = "every cell"
        if lapsed != NONE:
            code = self._codes[lapsed]
            doubts.append(f"the point lies in cell {code}, which {self._map.lapse(code, claim.at)}")
            every = "every cell valid then"
        if cell == NONE:
            return self._outside(claim, every, doubts)
        code = self._codes[cell]
        doubts.append(f"the point lies {distance:.0f} m outside {every}")
        if claim.cell is not None and cell_code(claim.cell) != code:
            doubts.append(f"the source wrote cell {claim.cell[:20]!r}, the nearest to its point is {code}")
        return self._at_point(claim, code, "nearest", "; ".join(doubts))

    def _outside(self, claim: Claim, every: str, doubts: list[str]) -> Location:
        """The cell by what else the claim names. The point is kept, so that merging and the department have it.

        A point far outside the city is none of its places: it would join reports that share only a mistake, such as 0, 0.
        """
        lon, lat = claim.lon, claim.lat
        assert lon is not None  # noqa: S101  (seen by `_locate`)
        assert lat is not None  # noqa: S101
        away = self._map.outside_m(lon, lat)
        if away > FAR_M:
            doubts.append(f"the point {lon:.9g} {lat:.9g} lies {away / 1000:,.0f} km outside the city and was not used")
            return self._without_point(claim, doubts)
        doubts.append(f"the point lies more than {NEAREST_M:.0f} m outside {every}")
        accuracy = _POINT_M if claim.accuracy_m is None else claim.accuracy_m
        return replace(self._without_point(claim, doubts), lon=lon, lat=lat, accuracy_m=accuracy)

    def _at_point(self, claim: Claim, cell: str, by: ResolvedBy, doubt: str | None) -> Location:
        area = claim.area
        if area is not None and self.crosswalk.misses(claim.network, area, cell, claim.at):
            outside = f"cell {cell} of the point does not lie in area {area[:60]!r}"
            doubt = outside if doubt is None else f"{doubt}; {outside}"
        if claim.community is not None and claim.community[:CITY] not in self._prefectures:
            elsewhere = f"community {claim.community[:20]!r} {self._unknown(claim.community)}, its point is not"
            doubt = elsewhere if doubt is None else f"{doubt}; {elsewhere}"
        return Location(
            cell=cell,
            resolved_by=by,
            accuracy_m=_POINT_M if claim.accuracy_m is None else claim.accuracy_m,
            lon=claim.lon,
            lat=claim.lat,
            source_grid=area or claim.cell or claim.community,
            doubt=doubt,
        )

    def _without_point(self, claim: Claim, doubts: list[str]) -> Location:
        code = None if claim.cell is None else cell_code(claim.cell)
        if code is not None and code in self.cells:
            lapse = self._map.lapse(code, claim.at)
            if lapse is None:
                return _by_name(claim, code, "code", CELL_M, doubts)
            others = self.succession.others(code, claim.at)
            doubts.append(f"cell {code} {lapse}{self.succession.instead(others, code, claim.at)}")
            if others:
                return _by_name(claim, others[0], "code", max(CELL_M, self._map.reach(others, claim.at)), doubts)
        elif claim.cell is not None:
            doubts.append(f"cell {claim.cell[:20]!r} {self._unknown(claim.cell)}")
        return self._in_area(claim, doubts)

    def _unknown(self, code: str) -> str:
        """What is wrong with an unknown code of a cell or community: the end of a sentence."""
        city = code[:CITY]
        if city in self._prefectures or not (city.isascii() and city.isdigit()):
            return "is unknown"
        return f"is of another city ({city})"

    def _in_area(self, claim: Claim, doubts: list[str]) -> Location:
        """By the area that a claim names in whatever way: its community, its network's own, the begin of a code."""
        area, reach = self._area(claim, doubts)
        if len(area) == CELL and self._map.lapse(area, claim.at) is None:
            return _by_name(claim, area, "community", reach, doubts)
        if area not in self._defaults:  # a cell that was not valid and nothing instead of it
            area = next(one for one in (area[:COMMUNITY], area[:STREET], "") if one in self._defaults)
        code, wider = self._default(area, claim.at, doubts)
        accuracy = max(reach, self._extent[area], self._extent.get(wider, 0.0))
        return _by_name(claim, code, "community" if area and wider else "fallback", accuracy, doubts)

    def _area(self, claim: Claim, doubts: list[str]) -> tuple[str, float]:
        """The cell, community or street that a claim leads to, else the empty name; appends what had to be guessed.

        Also half the diagonal in metres of all in which its own area lies; 0 when that did not decide.
        """
        lead = None if claim.area is None else self.crosswalk.lead(claim.network, claim.area, claim.at)
        if claim.community is not None:
            if claim.community in self._communities:
                return claim.community, 0.0
            if claim.community != claim.area or lead is None:  # a unit's code that the crosswalk knows is no error
                doubts.append(f"community {claim.community[:20]!r} {self._unknown(claim.community)}")
        if lead is None:
            return self._prefix(claim, doubts), 0.0
        if lead.doubt is not None:
            doubts.append(lead.doubt)
        return lead.code, lead.reach

    def _prefix(self, claim: Claim, doubts: list[str]) -> str:
        """The community, else the street, with which a code of a claim begins, else the empty name."""
        area, joined = claim.area, None if claim.area is None else professional_community(claim.area)
        if area is not None and joined not in self._communities:
            if joined is not None and int(joined[STREET:]) >= JOINED:
                doubts.append(f"area {area!r} joins several communities that are not in the crosswalk")
            else:
                doubts.append(self.crosswalk.ignorance(claim.network, area))
        texts = [
            professional_community(text) or text for text in (claim.cell, claim.community, area) if text is not None
        ]
        for digits in (COMMUNITY, STREET):
            for text in texts:
                if text[:digits] in self._defaults and len(text) >= digits:
                    if digits == STREET:
                        doubts.append(f"only its street {text[:STREET]} is known")
                    return text[:digits]
        doubts.append("nothing names a place inside the city")
        return ""

    def _default(self, area: str, at: datetime, doubts: list[str]) -> tuple[str, str]:
        """The cell of an area that was valid then, and the prefix in which it had to be looked for."""
        code = self._defaults[area]
        lapse = self._map.lapse(code, at)
        if lapse is None:
            return code, area
        doubts.append(f"the default cell {code} {lapse}")
        community, instant = code[:COMMUNITY], at.timestamp()
        prefixes = [code[:STREET], ""]
        if not len(self._map.valid_among(community, instant)):
            others = self.succession.communities(community, at)
            if others:
                doubts.append(f"community {community} had no valid cell then, {named(others)} on its ground had")
            prefixes = [*others[:1], *prefixes]
        for prefix in (community, *prefixes):
            default = self._communities.get(prefix, code)
            if self._map.lapse(default, at) is None:
                return default, prefix
            valid = self._map.valid_among(prefix, instant)
            if len(valid):
                return self._codes[int(valid[0])], prefix
        return code, area

    def _extents(self) -> dict[str, float]:
        """Half the diagonal in metres of each community's and street's cells, and of the whole city (the empty name)."""
        groups: dict[str, list[int]] = {"": list(range(len(self._codes)))}
        for index, code in enumerate(self._codes):
            groups.setdefault(code[:COMMUNITY], []).append(index)
            groups.setdefault(code[:STREET], []).append(index)
        extents = {name: self._map.extent(members) for name, members in groups.items()}
        return {**dict.fromkeys(self._defaults, extents[""]), **extents}


def _spot(lon: float | None, lat: float | None) -> tuple[float, float]:
    """A point to 0.1 m, so that one point of a geocoder is one in every datum and spelling."""
    return round(lon or 0.0, _SPOT_DECIMALS), round(lat or 0.0, _SPOT_DECIMALS)


def load_cells(
    cells: str,
    communities: str,
    areas: str,
    grids: str | None = None,
    *,
    files: Sequence[str],
    default: str | None = None,
    zone: tzinfo = UTC,
    networks: Collection[str] | None = None,
) -> CellRegistry | list[Finding]:
    """A registry from the texts of its CSV files, or what is wrong with them.

    Args:
        cells: `cells.csv`: code, name, days of validity, polygon as WKT in degrees.
        communities: `communities.csv`: the default cell of each community.
        areas: `areas.csv`: the crosswalk of the networks' own areas to communities and cells.
        grids: `grids.csv`: networks' own areas that are drawn; None: there is no such file.
        files: the names of the texts that there are, for findings.
        default: the city's default cell; None: the first cell.
        zone: the city's, in which the days of validity begin and end.
        networks: the names that the router knows; None: any may stand in the crosswalk.
    """
    texts = [text for text in (cells, communities, areas, grids) if text is not None]
    first, second, third, *fourth = (Source(file, text) for file, text in zip(files, texts, strict=True))
    drawn = fourth[0] if fourth else None
    tables = read_tables(first, second, third, default, grids=drawn, networks=networks)
    return CellRegistry(tables, default, zone) if isinstance(tables, Tables) else tables


def _by_name(claim: Claim, cell: str, by: ResolvedBy, accuracy: float, doubts: Sequence[str]) -> Location:
    return Location(
        cell=cell,
        resolved_by=by,
        accuracy_m=accuracy,
        source_grid=claim.area or claim.cell or claim.community,
        doubt="; ".join(doubts) or None,
    )

"""Reads and checks a city's folder. The result is the city, or all findings."""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, TypeVar

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from router.cities.zones import read_zone
from router.domain.calendar import lint as calendar_lint
from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.year_file import CalendarYear
from router.domain.catalogue.checks import (
    code_table_lint,
    escalation_lint,
    lifecycle_lint,
    merging_lint,
    milestone_lint,
    name_lint,
    reference_lint,
)
from router.domain.catalogue.checks import coverage as coverage_check
from router.domain.catalogue.checks.coverage import Coverage
from router.domain.catalogue.checks.rule_tests import RuleTests
from router.domain.catalogue.code_tables import CodeTable, load_codes
from router.domain.catalogue.compile import compile_catalogue
from router.domain.catalogue.lists import ESCALATIONS, FILES, Lists, read_lists
from router.domain.catalogue.model import Name, Strict, several
from router.domain.catalogue.teams import TEAMS, Post, read_teams
from router.domain.cells import area_lint, datum_lint
from router.domain.cells.csv_tables import Tables, read_tables
from router.domain.cells.registry import CellRegistry
from router.domain.documents import (
    MISSING,
    UNREADABLE,
    Document,
    Finding,
    Source,
    SourcePosition,
    found,
    read_yaml,
    validate,
)
from router.domain.matching.parameters import MergeParameters
from router.domain.model.vocabulary import Datum
from router.domain.networks.registry import NETWORKS
from router.domain.networks.schema.patterns import ANY_TEXT
from router.domain.rules.city import City

Model = TypeVar("Model", bound=BaseModel)
TESTS = "tests.yaml"
CELLS = ("cells.csv", "communities.csv", "areas.csv")
CALENDAR = "calendar"
"""Optional folder, for cities with limits in working time."""
GRIDS = "grids.csv"
"""Optional file, for cities whose networks have areas with a shape."""


_YEAR = re.compile(r"(19|2[0-9])[0-9]{2}")
_NO_ZONES = ("localtime", "posixrules", "factory")
"""Names of the tz database's folder that are no place: a link that differs by machine, a default, a placeholder."""
_NO_FOLDERS = ("right/", "posix/")
"""Its copies with and without leap seconds: `right/` is 27 s off every clock."""


def _zone(text: str) -> str:
    if text.casefold() in _NO_ZONES or text.casefold().startswith(_NO_FOLDERS):
        raise ValueError(
            f"no city has the zone {text[:40]!r} (it differs by machine, or counts leap seconds); "
            "write an IANA name such as Asia/Shanghai"
        )
    try:
        read_zone(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("there is no such time zone; write an IANA name such as Asia/Shanghai") from None
    return text


def _known_networks(datums: dict[str, Datum]) -> dict[str, Datum]:
    for network in datums:
        if network not in NETWORKS:
            raise ValueError(
                f"the router knows no network {network[:40]!r}; write one of {', '.join(sorted(NETWORKS))}"
            )
    return datums


class StandInPoint(Strict):
    """A point in WGS 84 degrees."""

    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)


def _ignored(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    """Only unknown fields may say nothing: a correction of any other field must reach its case."""
    for network, names in fields.items():
        if network not in NETWORKS:
            raise ValueError(f"there is no network `{network}`; the names are those of the code tables")
        described = NETWORKS[network].schema.model_json_schema()
        models = (described, *described.get("$defs", {}).values())
        known = sorted({name for model in models for name in model.get("properties", ())}.intersection(names))
        if known:
            raise ValueError(f"`{known[0]}` belongs to the schema of {network}; only an unknown field may be ignored")
    return fields


class CityFile(Strict):
    """The content of city.yaml."""

    title: Name
    zone: Annotated[str, AfterValidator(_zone)]
    default_cell: str | None = Field(default=None, pattern=r"^[0-9]{15}$")
    """Cell of reports that name no place; None: the registry chooses."""
    datums: Annotated[dict[str, Datum], AfterValidator(_known_networks)] = Field(default_factory=dict)
    """Network -> datum in which it draws its points here, where that is not the one of its schema."""
    geocoder_defaults: Annotated[tuple[StandInPoint, ...], BeforeValidator(several)] = ()
    """Points that the city's geocoders give for every address that they do not find. They are no place of an incident."""
    ignored_fields: Annotated[dict[str, list[str]], AfterValidator(_ignored)] = Field(default_factory=dict)
    """Network -> unknown fields that say nothing: a report that differs in nothing else is a redelivery."""


class CityReading(Struct, frozen=True, kw_only=True):
    """The result of reading one folder."""

    name: str
    city: City | None
    """None if a finding is an error."""
    findings: tuple[Finding, ...]
    """Sorted by file, line and column."""
    coverage: Coverage | None
    teams: tuple[Post, ...] | None = None
    """Who serves which cells in which role. None: the city has no teams.csv, or it could not be checked."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that prevent the city from loading."""
        return tuple(finding for finding in self.findings if finding.level == "error")


def read_city(name: str, folder: Path, *, published: bool = False) -> CityReading:
    """Read and check a city, without its tests and its history.

    Args:
        name: of the city.
        folder: its folder.
        published: it is a published rule set, sound by the checks of its day. Codes that no message can have are harmless
            there, so that a newer release still loads the rule set of an older one.
    """
    findings: list[Finding] = []
    about, about_file = _model(CityFile, folder / "city.yaml", findings)
    zone = read_zone(about.zone) if about else None
    lists = _lists(folder / "catalogue", findings)
    catalogue = compile_catalogue(lists, zone) if lists and zone else None
    calendar = _calendar(folder / CALENDAR, zone or UTC, lists, findings)
    codes = _codes(
        folder / "codes",
        lists,
        findings,
        {name: ANY_TEXT if published else one.codes for name, one in NETWORKS.items()},
    )
    default_cell = about.default_cell if about else None
    tables = read_cells(folder / "cells", default_cell, findings)
    findings += lint_areas(folder / "cells", tables) if tables else []
    stand_ins = [(point.lon, point.lat) for point in about.geocoder_defaults] if about else []
    cells = CellRegistry(tables, default_cell, zone or UTC, stand_ins) if tables else None
    merging, rules = _model(MergeParameters, folder / "merging.yaml", findings)
    teams = _teams(folder / "catalogue" / TEAMS, lists, cells, findings)
    coverage = coverage_check.measure(catalogue, cells.cells) if catalogue and cells else None
    if lists and catalogue and cells:
        default = lists.documents["standards.yaml"].mark("default")
        caught = {table.otherwise.matter for table in codes.values() if table.otherwise}
        findings += coverage_check.check(catalogue, cells.cells, default, caught)
        findings += merging_lint.check(merging, rules, catalogue, cells.cells) if merging and rules else []
    if about and about_file and tables:
        drawn = [name for name in codes if name in NETWORKS and NETWORKS[name].datum == "gcj02"]
        findings += datum_lint.check(tables, about.zone, about_file.mark_value("zone"), drawn, about.datums)
    city = None
    if about and zone and cells and catalogue and merging and not _has_errors(findings):
        ignored = {network: tuple(sorted(set(names))) for network, names in about.ignored_fields.items()}
        city = City(
            name, about.title.en, zone, cells, catalogue, merging, codes, about.datums, ignored, calendar=calendar
        )
    found_ = tuple(sorted(findings, key=_sort_key))
    return CityReading(name=name, city=city, findings=found_, coverage=coverage, teams=teams)


def read_about(folder: Path, findings: list[Finding]) -> CityFile | None:
    """Read the folder's city.yaml. Appends to the findings."""
    return _model(CityFile, folder / "city.yaml", findings)[0]


def read_tests(folder: Path) -> tuple[tuple[RuleTests, Document] | None, list[Finding]]:
    """The city's rule tests with the source positions, or the findings of the file."""
    new_findings: list[Finding] = []
    tests, document = _model(RuleTests, folder / TESTS, new_findings)
    return ((tests, document) if tests and document else None), new_findings


def read_source(path: Path, page: str = "docs/how-to/add-a-rule.md") -> tuple[Source | None, list[Finding]]:
    """The text of a file under its display path. Findings GR001 and GR005 if it cannot be read.

    Args:
        path: the file.
        page: the documentation page of the file, for the hint.
    """
    file = display_path(path)
    try:
        return Source(file, path.read_text(encoding="utf-8")), []
    except FileNotFoundError:
        return None, [found(MISSING, SourcePosition(file), "the file is missing", f"write it; {page} shows how")]
    except UnicodeDecodeError as error:
        return None, [
            found(UNREADABLE, SourcePosition(file), f"byte {error.start} is not UTF-8", "save the file as UTF-8")
        ]
    except OSError as error:
        return None, [
            found(
                UNREADABLE,
                SourcePosition(file),
                f"the file cannot be read ({error.strerror})",
                "make the file readable",
            )
        ]


def display_path(path: Path) -> str:
    """The path as text, relative to the working folder if that is shorter.

    Names of files are read as UTF-8 in every locale. In the locale C, Python would hand on bytes that no JSON may hold.
    """
    shorter = min(str(path), os.path.relpath(path), key=len)
    return os.fsencode(shorter).decode("utf-8", "replace")


def _model(model: type[Model], path: Path, findings: list[Finding]) -> tuple[Model | None, Document | None]:
    """Read one YAML file as a model, with its source positions. Appends to the findings."""
    source, new_findings = read_source(path)
    document, value = None, None
    if source is not None:
        document, new_findings = read_yaml(source)
    if document is not None:
        value, new_findings = validate(model, document)
    findings += new_findings
    return value, document


def _lists(folder: Path, findings: list[Finding]) -> Lists | None:
    """The lists, or None if one has an error or an unknown name. Appends to the findings."""
    sources: dict[str, Source] = {}
    for name in (*FILES, *([ESCALATIONS] if (folder / ESCALATIONS).exists() else [])):
        source, new_findings = read_source(folder / name)
        findings += new_findings
        if source is not None:
            sources[name] = source
    if not sources.keys() >= {*FILES}:
        return None
    lists, new_findings = read_lists(sources)
    findings += new_findings
    if lists is None:
        return None
    new_findings = [
        *reference_lint.check(lists),
        *name_lint.check(lists),
        *lifecycle_lint.check(lists),
        *milestone_lint.check(lists),
        *escalation_lint.check(lists),
    ]
    findings += new_findings
    return None if _has_errors(new_findings) else lists


def _teams(
    path: Path, lists: Lists | None, cells: CellRegistry | None, findings: list[Finding]
) -> tuple[Post, ...] | None:
    """The posts of teams.csv, or None if the city has none or they cannot be checked. Appends to the findings."""
    if lists is None or cells is None or not path.exists():
        return None
    source, new_findings = read_source(path, page="docs/reference/catalogue.md")
    posts: tuple[Post, ...] | None = None
    if source is not None:
        posts, new_findings = read_teams(source, lists.departments.root, cells.cells)
    findings += new_findings
    return None if _has_errors(new_findings) else posts


def _calendar(folder: Path, zone: tzinfo, lists: Lists | None, findings: list[Finding]) -> CityCalendar | None:
    """The city's calendar, or None if it has none or one with an error. Appends to the findings."""
    files: dict[int, calendar_lint.YearFile] = {}
    new_findings: list[Finding] = []
    paths = sorted(folder.glob("*.yaml"))
    for path in paths:
        year, document = _model(CalendarYear, path, new_findings)
        if not _YEAR.fullmatch(path.stem):
            mark = SourcePosition(display_path(path))
            new_findings.append(
                found(calendar_lint.NO_YEAR, mark, "the name of the file is no year", "write 2026.yaml")
            )
        elif year and document:
            files[int(path.stem)] = calendar_lint.YearFile(year, document)
    if len(files) == len(paths):
        new_findings += calendar_lint.check(files)
    findings += new_findings
    if _has_errors(new_findings):
        return None
    calendar = CityCalendar({number: file.year for number, file in files.items()}, zone) if files else None
    if lists is not None:
        findings += calendar_lint.check_limits(lists.standards, lists.documents["standards.yaml"], calendar)
        findings += lifecycle_lint.check_calendar(lists, calendar)
        if lists.escalations is not None:
            findings += calendar_lint.check_ladders(lists.escalations, lists.documents[ESCALATIONS], calendar)
    return calendar


def _codes(
    folder: Path, lists: Lists | None, findings: list[Finding], patterns: Mapping[str, str]
) -> Mapping[str, CodeTable]:
    tables: dict[str, CodeTable] = {}
    sources: dict[str, Source] = {}
    for path in sorted(folder.glob("*.csv")):
        source, new_findings = read_source(path)
        findings += new_findings
        if source is None:
            continue
        table = load_codes(source.text, source.file)
        if isinstance(table, CodeTable):
            tables[path.stem], sources[path.stem] = table, source
        else:
            findings += table
    if not tables:
        mark = SourcePosition(display_path(folder))
        findings.append(found(MISSING, mark, "the city has no code table", "add codes/<network>.csv"))
    if lists is not None:
        findings += code_table_lint.check(sources, lists, patterns)
    return tables


def read_cells(folder: Path, default: str | None, findings: list[Finding]) -> Tables | None:
    """Read the tables of a folder of cells.

    Args:
        folder: the folder of cells.csv.
        default: the city's default cell, or None if the registry chooses.
        findings: the list to which new findings are appended.
    """
    texts: list[Source] = []
    for name in CELLS:
        source, new_findings = read_source(folder / name, "docs/how-to/make-cells.md")
        findings += new_findings
        if source is not None:
            texts.append(source)
    grids: Source | None = None
    if (folder / GRIDS).exists():
        grids, new_findings = read_source(folder / GRIDS, "docs/how-to/make-cells.md")
        findings += new_findings
    if len(texts) < len(CELLS):
        return None
    cells, communities, areas = texts
    tables = read_tables(cells, communities, areas, default, grids=grids, networks=NETWORKS)
    if isinstance(tables, Tables):
        return tables
    findings += tables
    return None


def lint_areas(folder: Path, tables: Tables) -> list[Finding]:
    """What is wrong with the networks' own areas in a folder of cells.

    Args:
        folder: the folder of cells.csv.
        tables: as read from it.
    """
    patterns = {name: network.grids for name, network in NETWORKS.items()}
    return list(area_lint.check(tables, display_path(folder / CELLS[2]), display_path(folder / GRIDS), patterns))


def _has_errors(findings: Sequence[Finding]) -> bool:
    return any(finding.level == "error" for finding in findings)


def _sort_key(finding: Finding) -> tuple[str, int, int, str]:
    return finding.file, finding.line, finding.column, finding.code

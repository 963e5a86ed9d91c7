"""A city's folder read and checked: the city, or everything that is wrong with it."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, Field

from router.domain.catalogue.checks import code_table_lint as coding
from router.domain.catalogue.checks import coverage as covering
from router.domain.catalogue.checks import merging_lint as merged
from router.domain.catalogue.checks import reference_lint as references
from router.domain.catalogue.checks.coverage import Coverage
from router.domain.catalogue.checks.rule_tests import RuleTests
from router.domain.catalogue.code_tables import CodeTable, load_codes
from router.domain.catalogue.compile import compile_catalogue
from router.domain.catalogue.lists import FILES, Lists, read_lists
from router.domain.catalogue.model import Name, Strict
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
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City

Model = TypeVar("Model", bound=BaseModel)
TESTS = "tests.yaml"
CELLS = ("cells.csv", "communities.csv", "areas.csv")
GRIDS = "grids.csv"
"""Beside them, where networks have areas that are drawn."""


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("no time zone of that name; write one of the IANA list, e.g. Asia/Shanghai") from None
    return text


class CityFile(Strict):
    """city.yaml."""

    title: Name
    zone: Annotated[str, AfterValidator(_zone)]
    default_cell: str | None = Field(default=None, pattern=r"^[0-9]{15}$")
    """Where reports go that name no place at all; None: the registry chooses."""


class CityReading(Struct, frozen=True, kw_only=True):
    """What one folder holds."""

    name: str
    city: City | None
    """None: there are errors among the findings."""
    findings: tuple[Finding, ...]
    """By file, line and column."""
    coverage: Coverage | None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the city from being loaded."""
        return tuple(finding for finding in self.findings if finding.level == "error")


def read_city(name: str, folder: Path) -> CityReading:
    """Read and check everything that a city is made of; its tests and its history are not among it."""
    findings: list[Finding] = []
    about = read_about(folder, findings)
    zone = ZoneInfo(about.zone) if about else None
    lists = _lists(folder / "catalogue", findings)
    catalogue = compile_catalogue(lists, zone) if lists and zone else None
    codes = _codes(folder / "codes", lists, findings)
    default_cell = about.default_cell if about else None
    tables = read_cells(folder / "cells", default_cell, findings)
    cells = CellRegistry(tables, default_cell, zone or UTC) if tables else None
    merging, rules = _model(MergeParameters, folder / "merging.yaml", findings)
    coverage = covering.measure(catalogue, cells.cells) if catalogue and cells else None
    if lists and catalogue and cells:
        default = lists.documents["standards.yaml"].mark("default")
        findings += covering.check(catalogue, cells.cells, default)
        findings += merged.check(merging, rules, catalogue, cells.cells) if merging and rules else []
    city = None
    if about and zone and cells and catalogue and merging and not _wrong(findings):
        city = City(name, about.title.en, zone, cells, catalogue, merging, codes)
    return CityReading(name=name, city=city, findings=tuple(sorted(findings, key=_place)), coverage=coverage)


def read_about(folder: Path, findings: list[Finding]) -> CityFile | None:
    """The folder's city.yaml; what is wrong is added to the findings."""
    return _model(CityFile, folder / "city.yaml", findings)[0]


def read_tests(folder: Path) -> tuple[tuple[RuleTests, Document] | None, list[Finding]]:
    """The city's own tests of its rules with their places, or what is wrong with the file."""
    wrong: list[Finding] = []
    tests, document = _model(RuleTests, folder / TESTS, wrong)
    return ((tests, document) if tests and document else None), wrong


def read_source(path: Path, page: str = "docs/how-to/add-a-rule.md") -> tuple[Source | None, list[Finding]]:
    """The text of a file, named as people would type it; findings GR001 and GR005 when it cannot be read.

    Args:
        path: of the file.
        page: of the documentation that says what stands in it.
    """
    file = shown(path)
    try:
        return Source(file, path.read_text(encoding="utf-8")), []
    except FileNotFoundError:
        return None, [found(MISSING, SourcePosition(file), "the file is missing", f"write it; {page} shows how")]
    except UnicodeDecodeError as error:
        return None, [
            found(UNREADABLE, SourcePosition(file), f"byte {error.start} is no UTF-8", "save the file as UTF-8")
        ]
    except OSError as error:
        return None, [
            found(UNREADABLE, SourcePosition(file), f"it cannot be read ({error.strerror})", "make it readable")
        ]


def shown(path: Path) -> str:
    """Relative to the working folder where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)


def _model(model: type[Model], path: Path, findings: list[Finding]) -> tuple[Model | None, Document | None]:
    """One YAML file as a model, and where everything in it stands; what is wrong is added to the findings."""
    source, wrong = read_source(path)
    document, value = None, None
    if source is not None:
        document, wrong = read_yaml(source)
    if document is not None:
        value, wrong = validate(model, document)
    findings += wrong
    return value, document


def _lists(folder: Path, findings: list[Finding]) -> Lists | None:
    """The lists, when all names in them lead somewhere."""
    sources: dict[str, Source] = {}
    for name in FILES:
        source, wrong = read_source(folder / name)
        findings += wrong
        if source is not None:
            sources[name] = source
    if len(sources) < len(FILES):
        return None
    lists, wrong = read_lists(sources)
    findings += wrong
    if lists is None:
        return None
    wrong = references.check(lists)
    findings += wrong
    return None if _wrong(wrong) else lists


def _codes(folder: Path, lists: Lists | None, findings: list[Finding]) -> Mapping[str, CodeTable]:
    tables: dict[str, CodeTable] = {}
    sources: dict[str, Source] = {}
    for path in sorted(folder.glob("*.csv")):
        source, wrong = read_source(path)
        findings += wrong
        if source is None:
            continue
        table = load_codes(source.text, source.file)
        if isinstance(table, CodeTable):
            tables[path.stem], sources[path.stem] = table, source
        else:
            findings += table
    if not tables:
        mark = SourcePosition(shown(folder))
        findings.append(found(MISSING, mark, "no network reports here", "add codes/<network>.csv"))
    if lists is not None:
        findings += coding.check(sources, lists, NETWORKS)
    return tables


def read_cells(folder: Path, default: str | None, findings: list[Finding]) -> Tables | None:
    """The tables of a folder of cells; what is wrong is added to the findings.

    Args:
        folder: that holds cells.csv.
        default: the city's default cell; None: the registry chooses.
        findings: gets what is wrong.
    """
    texts: list[Source] = []
    for name in CELLS:
        source, wrong = read_source(folder / name, "docs/how-to/make-cells.md")
        findings += wrong
        if source is not None:
            texts.append(source)
    grids: Source | None = None
    if (folder / GRIDS).exists():
        grids, wrong = read_source(folder / GRIDS, "docs/how-to/make-cells.md")
        findings += wrong
    if len(texts) < len(CELLS):
        return None
    cells, communities, areas = texts
    tables = read_tables(cells, communities, areas, default, grids=grids, networks=NETWORKS)
    if isinstance(tables, Tables):
        return tables
    findings += tables
    return None


def _wrong(findings: Sequence[Finding]) -> bool:
    return any(finding.level == "error" for finding in findings)


def _place(finding: Finding) -> tuple[str, int, int, str]:
    return finding.file, finding.line, finding.column, finding.code

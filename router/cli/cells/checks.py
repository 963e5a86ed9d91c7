"""`grid-router cells check|diff`: checks the cells of a city, and compares two versions of them."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from router.cities.city_reader import CELLS, GRIDS, display_path, lint_areas, read_about, read_cells
from router.cities.folder import city_folder
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Output, json_out, lines_out, say
from router.domain.cells.csv_tables import Tables
from router.domain.cells.diff import changes
from router.domain.cells.lint import Files
from router.domain.cells.lint import check as check_cells
from router.domain.documents import Finding
from router.wire.errors import CityError
from router.wire.settings import Settings

City = Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `los-angeles`.")]


def check(city: City, *, output: Output = "text") -> None:
    """Find overlapping cells, gaps, retired cells without successor and orphans; exit code 1 if one is an error.

    Example: grid-router cells check los-angeles
    """
    findings = _findings(city_folder(city, Settings().cities))
    for finding in findings:
        if output == "json":
            json_out(msgspec.structs.asdict(finding) | {"city": city})
        else:
            lines_out(f"{finding.place}: {finding.level} {finding.code} {finding.message}; {finding.hint}.")
    errors = sum(finding.level == "error" for finding in findings)
    say(f"{city}: errors {errors:,}, warnings {len(findings) - errors:,}.")
    if errors:
        raise typer.Exit(CHECK_FAILED)


def _findings(folder: Path) -> list[Finding]:
    """Findings by file, line and column. Other checks are skipped if a file cannot be read."""
    findings: list[Finding] = []
    about = read_about(folder, findings)
    tables = read_cells(folder / "cells", about.default_cell if about else None, findings)
    if tables is not None and about is not None:
        cells, communities, _ = (display_path(folder / "cells" / name) for name in CELLS)
        files = Files(cells, communities, display_path(folder / "cells" / GRIDS))
        findings += check_cells(tables, files, ZoneInfo(about.zone))
        findings += lint_areas(folder / "cells", tables)
    return sorted(findings, key=lambda one: (one.file, one.line, one.column, one.code))


Folder = Annotated[Path, typer.Argument(help="Folder of a city or of its cells, or name of a city.")]


def diff(old: Folder, new: Folder, *, output: Output = "text") -> None:
    """List the cells that were added, retired, split, joined, moved or renamed; exit code 1 on a difference.

    Example: grid-router cells diff before/puyang puyang
    """
    differing = changes(_tables(old), _tables(new))
    for change in differing:
        if output == "json":
            json_out(msgspec.structs.asdict(change))
        else:
            lines_out(str(change))
    say(f"differences: {len(differing):,}.")
    if differing:
        raise typer.Exit(CHECK_FAILED)


def _tables(folder: Path) -> Tables:
    """The tables of a folder, or of the city with that name."""
    findings: list[Finding] = []
    folder = folder if folder.exists() else city_folder(str(folder), Settings().cities)
    inner = folder / "cells"
    tables = read_cells(inner if inner.is_dir() else folder, None, findings)
    if tables is None or findings:
        first = min(findings, key=lambda one: (one.file, one.line, one.column))
        raise CityError(f"{first.code} {first.message}", where=first.place, hint=first.hint)
    return tables

"""Checks that the networks' own areas can be what the networks send. Findings GR056 and GR057, all warnings."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from router.domain.cells.csv_tables import Tables
from router.domain.documents import Finding, SourcePosition, found
from router.domain.names import alike

NEVER_NAMED = "GR056"
ALIKE = "GR057"


def check(tables: Tables, areas: str, grids: str, patterns: Mapping[str, str | None]) -> Iterator[Finding]:
    """Areas that no message can name, and areas of one network whose names read alike.

    Args:
        tables: of the city.
        areas: name of `areas.csv`, for findings.
        grids: name of `grids.csv`.
        patterns: by network, the regular expression of the areas that its messages can name; None: they name none.
    """
    drawn = {(grid.network, grid.area): line for grid, line in zip(tables.grids, tables.drawn, strict=True)}
    for file, lines in ((areas, tables.area_lines), (grids, drawn)):
        by_network: defaultdict[str, list[tuple[str, SourcePosition]]] = defaultdict(list)
        for (network, area), line in sorted(lines.items(), key=lambda one: one[1]):
            by_network[network].append((area, SourcePosition(file, line)))
        for network, named in by_network.items():
            yield from _never_named(network, named, patterns)
            yield from _alike(network, named)


def _never_named(
    network: str, named: list[tuple[str, SourcePosition]], patterns: Mapping[str, str | None]
) -> Iterator[Finding]:
    """One finding for all areas of a network: a network's dead areas mostly have one cause."""
    if network not in patterns:
        return
    pattern = patterns[network]
    dead = [(area, mark) for area, mark in named if pattern is None or re.fullmatch(pattern, area) is None]
    if not dead:
        return
    area, mark = dead[0]
    more = f" and {len(dead) - 1:,} more" if len(dead) > 1 else ""
    message = f"no message of {network} can name the area {area[:60]!r}{more}"
    hint = "its messages name no area" if pattern is None else f"it writes {pattern.replace('?:', '')}"
    yield found(NEVER_NAMED, mark, message, f"{hint}; correct the rows, or remove them", "warning")


def _alike(network: str, named: list[tuple[str, SourcePosition]]) -> Iterator[Finding]:
    for (earlier, first), (area, mark) in alike(named):
        message = f"area {area[:60]!r} of {network} differs from {earlier[:60]!r} (line {first.line}) only by blanks, case or width"
        yield found(ALIKE, mark, message, "keep both only if the network writes both", "warning")

"""One rule set of a city: values only, loaded once, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from hashlib import blake2b
from typing import Any

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.catalogue.code_tables import CodeTable
from router.domain.catalogue.resolve import Catalogue
from router.domain.cells.registry import CellRegistry
from router.domain.matching.parameters import MergeParameters
from router.domain.model.vocabulary import Datum


@dataclass(frozen=True, slots=True)
class City:
    """Everything that a decision needs beside the report and the state."""

    name: str
    """Name of its folder, e.g. `los-angeles`."""
    title: str
    """Name for people."""
    zone: tzinfo
    """Time zone of local times that name none."""
    cells: CellRegistry
    catalogue: Catalogue
    merging: MergeParameters
    codes: Mapping[str, CodeTable]
    """Code table by network; the keys are the networks that report in this city."""
    datums: Mapping[str, Datum] = field(default_factory=dict)
    """Network -> datum of its points in this city, where that differs from the network's own."""
    ignored_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Top-level fields of a network's value that say nothing, such as the time of an export, by network."""
    rule_set: str = ""
    """Version: twelve hexadecimal digits that change with everything by which a report is translated or routed. It is computed if
    not given. The worker computes that of a published rule set again, so a release that computes it otherwise must still
    recognise the versions of earlier ones."""
    calendar: CityCalendar | None = None
    """Its working time. None: its limits are calendar hours only."""

    def __post_init__(self) -> None:
        """Compute the version from the lists, the code tables, the cells, the zone and the calendar."""
        if self.rule_set:
            return
        codes: list[Any] = [
            (name, [(c.code, c.version, c.matter) for c in self.codes[name].codes]) for name in sorted(self.codes)
        ]
        codes += [(name, table.otherwise.matter) for name, table in sorted(self.codes.items()) if table.otherwise]
        codes += [(name, datum) for name, datum in sorted(self.datums.items())]
        content = repr((self.catalogue.version, self.cells.version, str(self.zone), codes))
        if self.ignored_fields:
            content += repr(sorted(self.ignored_fields.items()))
        if self.calendar is not None:
            content += f" calendar {self.calendar.version}"
        object.__setattr__(self, "rule_set", blake2b(content.encode(), digest_size=6).hexdigest())

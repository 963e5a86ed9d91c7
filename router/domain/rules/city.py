"""A city as the router knows it: values only, loaded once, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from hashlib import blake2b

from router.domain.catalogue.code_tables import CodeTable
from router.domain.catalogue.resolve import Catalogue
from router.domain.cells.registry import CellRegistry
from router.domain.matching.parameters import MergeParameters


@dataclass(frozen=True, slots=True)
class City:
    """Everything a decision needs besides the report and the state."""

    name: str
    """Of its folder, e.g. `los-angeles`."""
    title: str
    """As people call it."""
    zone: tzinfo
    """In which its local times without a zone are meant."""
    cells: CellRegistry
    catalogue: Catalogue
    merging: MergeParameters
    codes: Mapping[str, CodeTable]
    """By network; its keys are the networks that report in this city."""
    rule_set: str = ""
    """Twelve hexadecimal digits that change with anything by which a report is translated or routed; made if not given. A
    published rule set keeps the version under which it was published, whatever later routers would count."""

    def __post_init__(self) -> None:
        """Make the version of what can change under load: the lists, the code tables, the cells, the zone."""
        if self.rule_set:
            return
        codes = [(name, [(c.code, c.version, c.matter) for c in self.codes[name].codes]) for name in sorted(self.codes)]
        content = repr((self.catalogue.version, self.cells.version, str(self.zone), codes))
        object.__setattr__(self, "rule_set", blake2b(content.encode(), digest_size=6).hexdigest())

"""A city as the router knows it: values only, loaded once, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from router.domain.catalogue.resolve import Catalogue
from router.domain.cells import CellRegistry
from router.domain.codes import CodeTable
from router.domain.merging import Merging


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
    merging: Merging
    codes: Mapping[str, CodeTable]
    """By network; its keys are the networks that report in this city."""

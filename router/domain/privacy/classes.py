"""Which fields of a task a department gets: the class of the field, and what the catalogue lets the department see.

Docs: docs/explanation/privacy.md and docs/adr/0036-personal-data.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from msgspec.structs import replace

from router.domain.model.task import Task
from router.domain.model.vocabulary import DataClass, TaskField
from router.domain.networks.registry import NETWORKS

UNCLASSED: DataClass = "internal"
"""Class of a field that no network's schema classes."""
RANK: Mapping[DataClass, int] = {name: rank for rank, name in enumerate(get_args(DataClass))}
_WITHHELD: Mapping[TaskField, Mapping[str, Any]] = {
    "description": {"description": ""},
    "address": {"address": ""},
    "point": {"lon": None, "lat": None},
    "media": {"media": ()},
    "reports": {"reports": (), "reports_omitted": 0},
    "team": {"team": ()},
}
"""What a task has instead of a field that its department must not see."""


def class_of(field: TaskField, networks: Sequence[str]) -> DataClass:
    """The strictest class that a field has in one of these networks: what is private for one stays so when another joins.

    Args:
        field: of a task.
        networks: that reported the incident.
    """
    classes = [NETWORKS[name].classes.get(field, UNCLASSED) for name in networks if name in NETWORKS]
    return max(classes, key=RANK.__getitem__, default=UNCLASSED)


def withhold(task: Task, sees: DataClass | None, masks: Sequence[TaskField]) -> Task:
    """The task without what its department must not see, and with the names of those fields.

    Args:
        task: with everything.
        sees: the highest class that the department gets; None: every class.
        masks: fields that it does not get, whatever their class.
    """
    withheld = tuple(
        [
            field
            for field in _WITHHELD
            if field in masks or (sees is not None and RANK[class_of(field, task.networks)] > RANK[sees])
        ]
    )
    changes: dict[str, Any] = {name: value for field in withheld for name, value in _WITHHELD[field].items()}
    return replace(task, **changes, withheld=withheld) if withheld else task

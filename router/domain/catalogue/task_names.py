"""What the ids of a task are called: names of the catalogue, each made once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.domain.model.task import BilingualName, TaskNames, TeamMember
from router.domain.model.vocabulary import Role

if TYPE_CHECKING:
    from router.domain.catalogue.model import Department, Name
    from router.domain.catalogue.resolve import Matter

MEMO = 1 << 14
"""Answers kept of each kind. Puyang has 3,000 that occur."""


class CatalogueNames:
    """The names of a catalogue as tasks carry them.

    A task names what it is about at each change, so the answers are kept: looking one up takes 0.1 us.

    Args:
        departments: by id.
        matters: by id.
    """

    def __init__(self, departments: Mapping[str, "Department"], matters: Mapping[str, "Matter"]) -> None:
        self._departments = {id_: _name(one.name) for id_, one in departments.items()}
        self._matters = {id_: BilingualName(one.name, one.name_zh) for id_, one in matters.items()}
        self._units = {
            (id_, unit): _name(name) for id_, one in departments.items() for unit, name in (one.units or {}).items()
        }
        self._names: dict[tuple[str, str, str | None], TaskNames] = {}
        self._members: dict[tuple[str, Role, str | None], TeamMember] = {}

    def of_task(self, matter: str, department: str, unit: str | None) -> TaskNames:
        """The names of a matter, a department and its unit."""
        key = matter, department, unit
        found = self._names.get(key)
        if found is None:
            _keep_bounded(self._names)
            found = self._names[key] = TaskNames(
                self._matters.get(matter),
                self._departments.get(department),
                None if unit is None else self._units.get((department, unit)),
            )
        return found

    def member(self, department: str, role: Role, unit: str | None) -> TeamMember:
        """A department in its role, with its name."""
        key = department, role, unit
        found = self._members.get(key)
        if found is None:
            _keep_bounded(self._members)
            found = self._members[key] = TeamMember(department, role, unit, self._departments.get(department))
        return found


def _keep_bounded(
    memo: dict[tuple[str, str, str | None], TaskNames] | dict[tuple[str, Role, str | None], TeamMember],
) -> None:
    if len(memo) >= MEMO:
        memo.clear()


def _name(name: "Name") -> BilingualName:
    return BilingualName(name.en, name.zh)

"""The cases with a provisional deadline, derived from what the cases say: a restored state has the same."""

from collections.abc import Callable

from router.domain.lifecycle.stages import is_live
from router.domain.model.case import Case


def is_provisional(case: Case) -> bool:
    """Whether a task of the case has a deadline, or a next step of its ladder, that moves when a calendar is published."""
    for one in case.assignments:
        if (one.due_provisional or one.wait_provisional or one.timer_provisional) and is_live(one):
            return True
    return False


class ProvisionalCases:
    """The cases of one partition with a provisional deadline.

    Args:
        case_of: a case of the state by its id; None if the state does not have it.
    """

    def __init__(self, case_of: Callable[[str], Case | None]) -> None:
        self._case_of = case_of
        self._ids: set[str] = set()
        self._version = ""
        """Of the rule set whose calendar was asked for last."""
        self._waiting: set[str] = set()
        """Cases that may follow another calendar than that one. Those that cannot are taken out when they are tried."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._ids)

    def follow(self, case: Case) -> None:
        """Follow a case that was added or has changed."""
        if is_provisional(case):
            self._ids.add(case.id)
            if self._version and (case.calendar_set or case.rule_set) != self._version:
                self._waiting.add(case.id)
        elif self._ids:
            self.forget(case)

    def forget(self, case: Case) -> None:
        """Forget a case that left the state."""
        self._ids.discard(case.id)
        self._waiting.discard(case.id)

    def wait_for(self, version: str) -> bool:
        """Whether a case has a provisional deadline by the calendar of another rule set than this one."""
        if version != self._version:
            self._version = version
            cases = [case for id_ in self._ids if (case := self._case_of(id_)) is not None]
            self._waiting = {case.id for case in cases if (case.calendar_set or case.rule_set) != version}
        return bool(self._waiting)

    def take(self, version: str, most: int) -> list[Case]:
        """Take the cases that wait for the calendar of a rule set, in the order of their ids.

        Args:
            version: of the rule set.
            most: how many to take at most.
        """
        if not self.wait_for(version):
            return []
        taken = sorted(self._waiting)[:most]
        self._waiting.difference_update(taken)
        return [case for id_ in taken if (case := self._case_of(id_)) is not None]

    def put_back(self, cases: list[Case]) -> None:
        """Put back what was taken too early."""
        self._waiting.update([case.id for case in cases])

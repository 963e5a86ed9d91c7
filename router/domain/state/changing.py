"""The door through which a case changes, so that the index, the timers and the revision follow."""

from collections.abc import Callable

from router.domain.case.archiving import finished_at
from router.domain.case.size import is_full
from router.domain.instants import us
from router.domain.matching.candidate import MatchCandidate
from router.domain.matching.case_index import CaseIndex
from router.domain.matching.parameters import MergeParameters
from router.domain.model.case import Case
from router.domain.state.timers import Timers, next_timer, window_end


class Changing:
    """`with state.changing(case, merging) as candidate:` changes one case; one change at a time.

    A change that sets `window_closed_at` closes the merge window. The index loses the case before the change and gets it back after
    it, because it has the case by what the case says. There is one such object a state: a new one for every change would cost as
    much as the change.

    Args:
        candidates: the cases whose merge window is open, by id.
        index: of the candidates.
        timers: of the merge windows, and of the ladders of tasks.
        closed: takes a case whose window is closed, when a change has moved the instant at which it is finished.
        followed: take every case that has changed, and every case whose tasks have.
    """

    __slots__ = (
        *("_candidates", "_case", "_closed", "_end", "_entry", "_followed", "_index", "_ladders", "_merging", "_moves"),
        *("_assignments", "_tasks_followed", "_timer", "_window", "_windows"),
    )

    def __init__(
        self,
        candidates: dict[str, MatchCandidate],
        index: CaseIndex,
        timers: tuple[Timers, Timers],
        closed: Callable[[Case], None],
        followed: tuple[Callable[[Case], None], Callable[[Case], None]],
    ) -> None:
        self._candidates, self._index, self._closed = candidates, index, closed
        self._windows, self._ladders = timers
        self._followed, self._tasks_followed = followed

    def __call__(self, case: Case, merging: MergeParameters, *, moves: bool = True) -> "Changing":
        """Begin a change.

        Args:
            case: any case of the state.
            merging: the parameters by which the state is indexed.
            moves: whether the change may alter what the index has the case by: matter, cell, point, component, references, or the
                occurrence of its latest report.
        """
        self._case, self._merging, self._moves = case, merging, moves
        return self

    def __enter__(self) -> MatchCandidate | None:
        """Take the case out of the index; its candidate, if its window is open."""
        case = self._case
        entry = self._entry = self._candidates.get(case.id)
        self._window, self._timer, self._assignments = window_end(case), next_timer(case), case.assignments
        self._end = None if entry is not None else finished_at(case)
        if entry is not None and self._moves:
            self._index.remove(entry, self._merging)
        return entry

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        """Let the index and the timer follow the case. After a failure the shell drops the state."""
        if failure is not None:
            return
        case, entry = self._case, self._entry
        case.revision += 1
        if case.assignments is not self._assignments:
            self._follow_tasks(case)
        self._followed(case)
        if entry is None:
            if finished_at(case) != self._end:
                self._closed(case)
            return
        moves = self._moves
        if moves and case.window_closed_at is not None:  # the change closed it: nothing joins this case any more
            del self._candidates[case.id]
            self._closed(case)
            return
        if is_full(case) is not entry.full:
            if not moves:
                self._index.remove(entry, self._merging)
            entry.full, moves = not entry.full, True
        if moves:
            self._index.add(entry, self._merging)
        if window_end(case) is not self._window:
            entry.until_us = us(case.window_until)
            self._windows.set(case)

    def _follow_tasks(self, case: Case) -> None:
        self._tasks_followed(case)
        if next_timer(case) is not self._timer:
            self._ladders.set(case)

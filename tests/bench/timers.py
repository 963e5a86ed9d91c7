"""What an event costs with many timers: `python -m tests.bench.timers [MANY]`.

Two states hold cases whose tasks wait for a step of their ladder, one state many of them and one a hundredth. The same events are
folded in both by turns: feedback that moves a timer, and ticks that send one step each. Only the ratio of the two counts.
"""

import gc
import sys
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from statistics import median
from time import process_time

from msgspec.structs import replace

from router.domain.fold import fold
from router.domain.model.feedback import SUPERVISION
from router.domain.model.report import Tick
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback

LADDERS = """\
authorities:
  town: {name: {en: Town}, digits: 9}
  city: {name: {en: City}, digits: 0}
ladders:
  usual: {remind: [24h], rungs: [{to: town, after: 0h}, {to: city, after: 24h}]}
default: {lead: usual, assist: usual}
"""
ROUNDS, EVENTS = 40, 100
SECOND = timedelta(seconds=1)


class Timed:
    """A state with a number of cases, which come due a second apart."""

    def __init__(self, number: int) -> None:
        city = tiny(escalations=LADDERS)
        self.rules, self.state = RuleSets(city), PartitionState()
        driver = Driver(city)
        driver.pipe(report("1"))
        self._task, (case,) = driver.tasks[0], driver.cases
        case.window_closed_at = case.window_until
        first = case.assignments[0]
        assert first.timer_at is not None
        assert first.due_at is not None
        self.start = first.timer_at
        for place in range(number):
            id_, late = f"C-{place:020x}", place * SECOND
            one = replace(
                first,
                task=f"{id_}.1",
                timer_at=first.timer_at + late,
                due_at=first.due_at + late,
                dispatched_at=hours(0) + late,
            )
            self.state.add(replace(case, id=id_, assignments=(one,)), city.merging)
        self._number, self._random, self._sent = number, Random(1), 0

    def ticks(self) -> float:
        """Seconds that an event costs which sends one step."""
        events = [Tick(at=self.start + (self._sent + n) * SECOND) for n in range(EVENTS)]
        self._sent += EVENTS
        return self._seconds(events)

    def answers(self) -> float:
        """Seconds that feedback costs which moves a timer."""
        events = []
        for _ in range(EVENTS):
            id_ = f"C-{self._random.randrange(self._number // 2, self._number):020x}"
            task = replace(self._task, id=f"{id_}.1", case=id_)
            at = self._random.randrange(0, 20) + self._number / 3600
            kind = self._random.choice(("suspend", "resume"))
            events.append(feedback(kind, task, at, SUPERVISION, id=str(self._random.random()), reason="r"))
        return self._seconds(events)

    def _seconds(self, events: list[object]) -> float:
        begin = process_time()
        for event in events:
            fold(self.state, event, self.rules)  # type: ignore[arg-type]
        return (process_time() - begin) / len(events)


def measured(many: int) -> Iterator[str]:
    """Both kinds of event with many timers and with a hundredth of them, by turns."""
    states = [Timed(number) for number in (many // 100, many)]
    gc.collect()
    gc.freeze()
    for kind in ("ticks", "answers"):
        costs: tuple[list[float], list[float]] = [], []
        for _ in range(ROUNDS):
            for state, cost in zip(states, costs, strict=True):
                cost.append(getattr(state, kind)() * 1e6)
        few, more = (median(cost) for cost in costs)
        yield f"{kind}: {few:.1f} us with {many // 100:,} timers, {more:.1f} us with {many:,}: ratio {more / few:.2f}"


if __name__ == "__main__":
    for line in measured(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        print(line, flush=True)

"""How long it takes until all provisional deadlines have moved: `python -m tests.bench.published_year [NUMBER]`.

One partition folds ticks until nothing waits, and encodes every record that it would write. Without Kafka.
"""

import sys
from time import perf_counter

from msgspec.structs import replace

from router.domain.fold import fold
from router.domain.model.outcome import CaseChanged, TaskIssued, TransitionMade
from router.domain.state.partition_state import PartitionState
from router.wire.codec import encode_case, encode_task, encode_transition
from tests.support.driver import Driver, report
from tests.unit.domain.lifecycle.test_provisional import NEW, OLD, rules, tick


def main(number: int) -> None:
    """Move them and print how long it took."""
    driver = Driver(rules())
    driver.pipe(report("1", rule_set=OLD.rule_set))
    (case,), state = driver.cases, PartitionState()
    case.window_closed_at = case.window_until
    for place in range(number):
        id_ = f"C-{place:020x}"
        tasks = tuple([replace(one, task=f"{id_}.{n}") for n, one in enumerate(case.assignments, 1)])
        state.add(replace(case, id=id_, assignments=tasks), OLD.merging)
    begin, ticks, moved = perf_counter(), 0, 0
    while state.provisional.wait_for(NEW.rule_set):
        outcome = fold(state, tick(200 + ticks / 1000, NEW), driver.rules)
        ticks += 1
        for one in outcome.records:
            if isinstance(one, CaseChanged):
                encode_case(one.case)
            elif isinstance(one, TaskIssued):
                encode_task(one.task)
            elif isinstance(one, TransitionMade):
                encode_transition(one.transition, one.partition_key)
                moved += 1
    print(f"{moved:,} deadlines moved in {perf_counter() - begin:.1f} s, by {ticks} ticks")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)

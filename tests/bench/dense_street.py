"""What a report costs in a crowded street: microseconds a report by how many cases are open in its street, or in its square.

`python -m tests.bench.dense_street`: in a minute, on one core, without Kafka. `street` strews the cases over two kilometres, `square` over
fifty metres; all are of one matter, so all are alike. The figures of one machine at one time; compare rows.
"""

import gc
from random import Random
from time import process_time

from router.domain.fold import fold
from router.domain.matching.candidate import MatchCandidate
from router.domain.matching.case_index import CaseIndex
from router.domain.matching.correlation import correlate
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from tests.support.candidates import us
from tests.support.driver import merging, report, tiny
from tests.support.outcomes import cases_of

OPEN = (10, 100, 1_000, 10_000)
ASKED = 300
METRES = {"street": 2000.0, "square": 50.0}
RULES = merging()


def crowd(number: int, metres: float) -> list[MatchCandidate]:
    """So many open cases, a thousand an hour."""
    random, entries = Random(1), []
    for n in range(number):
        one = report(str(n), n / 1000, east=random.uniform(0, metres), north=random.uniform(0, metres))
        case = cases_of(fold(PartitionState(), one, RuleSets(tiny())))[0]
        at = us(one.occurred_at)
        entries.append(MatchCandidate(case, at, at, at + 10**12, {one.network}))
    return entries


def cost_us(number: int, metres: float, *, point: bool) -> tuple[float, float]:
    """Microseconds to look a report up, and to enter and leave the index."""
    index, entries, random = CaseIndex(), crowd(number, metres), Random(2)
    for entry in entries:
        index.add(entry, RULES)
    asked = [
        report(
            f"x{n}", number / 1000, network="policing", point=point,
            east=random.uniform(0, metres), north=random.uniform(0, metres),
        )
        for n in range(ASKED)
    ]  # fmt: skip
    moved = random.sample(entries, min(ASKED, number))
    at = us(asked[0].occurred_at)
    gc.disable()
    begun = process_time()
    for one in asked:
        correlate(one, index, RULES, at, at)
    looked_up = process_time()
    for entry in moved:
        index.remove(entry, RULES)
        index.add(entry, RULES)
    ended = process_time()
    gc.enable()
    return (looked_up - begun) / len(asked) * 1e6, (ended - looked_up) / len(moved) * 1e6


def main() -> None:
    """Print the table."""
    print(f"{'open cases':>10} {'in one':>8} {'point':>6} {'look up':>10} {'move':>8}   µs")
    for place, metres in METRES.items():
        for point in (True, False):
            for number in OPEN:
                look_up, move = cost_us(number, metres, point=point)
                print(f"{number:>10,} {place:>8} {'yes' if point else 'no':>6} {look_up:>10.1f} {move:>8.1f}")


if __name__ == "__main__":
    main()

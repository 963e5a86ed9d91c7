"""Measures the merge in a dense street: microseconds a report, by the number of matchable cases in its street or square.

`python -m tests.bench.dense_street` takes a minute on one core, without Kafka. `street` spreads the cases over two
kilometres, `square` over fifty metres. All cases have one matter. Compare rows of one run only.
"""

import gc
from random import Random
from time import process_time

from router.domain.fold import fold
from router.domain.matching.candidate import MatchCandidate
from router.domain.matching.case_index import CaseIndex
from router.domain.matching.scoring import correlate
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from tests.support.candidates import us
from tests.support.driver import merging, report, tiny
from tests.support.outcomes import cases_of

CASES = (10, 100, 1_000, 10_000)
LOOKUPS = 300
METRES = {"street": 2000.0, "square": 50.0}
RULES = merging()


def dense_street(number: int, metres: float) -> list[MatchCandidate]:
    """Matchable cases within a length in metres, opened at a thousand an hour."""
    random, entries = Random(1), []
    for n in range(number):
        one = report(str(n), n / 1000, east=random.uniform(0, metres), north=random.uniform(0, metres))
        case = cases_of(fold(PartitionState(), one, RuleSets(tiny())))[0]
        at = us(one.occurred_at)
        entries.append(MatchCandidate(case, at, at, at + 10**12, {one.network}))
    return entries


def cost_us(number: int, metres: float, *, point: bool) -> tuple[float, float]:
    """Microseconds to look up a report, and to remove and add a case."""
    index, entries, random = CaseIndex(), dense_street(number, metres), Random(2)
    for entry in entries:
        index.add(entry, RULES)
    lookups = [
        report(
            f"x{n}", number / 1000, network="policing", point=point,
            east=random.uniform(0, metres), north=random.uniform(0, metres),
        )
        for n in range(LOOKUPS)
    ]  # fmt: skip
    moved = random.sample(entries, min(LOOKUPS, number))
    at = us(lookups[0].occurred_at)
    gc.disable()
    begun = process_time()
    for one in lookups:
        correlate(one, index, RULES, at, at)
    looked_up = process_time()
    for entry in moved:
        index.remove(entry, RULES)
        index.add(entry, RULES)
    ended = process_time()
    gc.enable()
    return (looked_up - begun) / len(lookups) * 1e6, (ended - looked_up) / len(moved) * 1e6


def main() -> None:
    """Print the table."""
    print(f"{'cases':>10} {'within':>8} {'point':>6} {'lookup µs':>10} {'move µs':>8}")
    for area, metres in METRES.items():
        for point in (True, False):
            for number in CASES:
                look_up, move = cost_us(number, metres, point=point)
                print(f"{number:>10,} {area:>8} {'yes' if point else 'no':>6} {look_up:>10.1f} {move:>8.1f}")


if __name__ == "__main__":
    main()

"""What a recorded history costs and writes: `python -m tests.bench.recorded [CITY]`.

Folds the history of tests/replay, in which no department answers, and encodes what it writes. The seconds are user time of this process.
"""

import os
import sys
from collections import Counter

from router.domain.model.case import Case
from router.domain.model.escalation import Escalation
from router.wire.codec import encode_case, encode_escalation
from tests.replay.history import History
from tests.replay.sources import read_sources
from tests.support.cities import shipped


def main(city: str) -> None:
    """Fold it, and print the records of each kind and the seconds."""
    records, history = read_sources(city), History(shipped(city))
    begun, counts, size = os.times().user, Counter[str](), 0
    for output in history.replay(records):
        counts[output.kind] += 1
        if isinstance(output.content, Case):
            size += len(encode_case(output.content)[1])
        elif isinstance(output.content, Escalation):
            size += len(encode_escalation(output.content)[1])
    seconds = os.times().user - begun
    said = ", ".join(f"{number:,} {kind}" for kind, number in sorted(counts.items()))
    print(f"{city}: {said}; {size:,} bytes of cases and escalations; {seconds:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "puyang")

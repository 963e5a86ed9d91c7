"""The table of docs/explanation/poison.md, made of the collection.

python -m tests.support.poison.page        # prints it
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from tests.support.poison import POISON, Poison, city
from tests.support.poison.outcome import become

HEAD = "| kind | rejected | accepted, because |\n| --- | --- | --- |\n"


def table(outcomes: Iterable[tuple[Poison, Report | Rejection]]) -> str:
    """A row for each kind: how many are rejected, with which codes, and why others are accepted."""
    became: dict[str, list[tuple[Poison, Report | Rejection]]] = {}
    for one, outcome in outcomes:
        became.setdefault(one.kind, []).append((one, outcome))
    return HEAD + "".join(_row(kind, became[kind]) for kind in dict.fromkeys(one.kind for one in POISON))


def _row(kind: str, members: Sequence[tuple[Poison, Report | Rejection]]) -> str:
    codes = Counter(outcome.code for _, outcome in members if isinstance(outcome, Rejection))
    reasons = Counter(one.why for one, outcome in members if isinstance(outcome, Report))
    rejected = " ".join(f"{number} `{code}`" for code, number in sorted(codes.items(), key=lambda it: (-it[1], it[0])))
    accepted = "; ".join(f"{number}: {why}" for why, number in reasons.items())
    return f"| {kind} | {rejected or '-'} | {accepted or '-'} |\n"


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        print(table(become(POISON, city.load(Path(folder)))), end="")

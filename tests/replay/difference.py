"""Explains the difference between a recorded history and today's decisions, to the author of a change."""

from collections.abc import Sequence
from typing import Protocol

from tests.replay.golden import Golden
from tests.replay.history import BLOCK

RECORD = "python -m tests.replay.record"
DECLARE = (
    "A rule in the code has changed. If that was not meant, it is a defect. If it was, declare it: raise LOGIC_VERSION in "
    f"router/domain/logic_version.py and record again (`{RECORD} {{city}}`)."
)
DATA = "The city's data has changed ({what}), so the golden must be recorded again: `{record} {city}`."
AGAIN = "LOGIC_VERSION is {now} and the golden was recorded with {then}: record again (`{record} {city}`)."
SAME = "Every decision is as it was recorded."


class Placed(Protocol):
    """A record with its place in a topic."""

    @property
    def topic(self) -> str:
        """Its topic."""

    @property
    def partition(self) -> int:
        """Of the topic."""

    @property
    def offset(self) -> int:
        """In the partition."""


def difference(
    city: str, golden: Golden, today: Golden, records: Sequence[Placed], *, block: int = BLOCK
) -> str | None:
    """Explain a difference from the recorded history, and what to do. None when there is no difference.

    Args:
        city: the name of the history.
        golden: what was recorded.
        today: the decisions of today's code and data.
        records: the source records, in the order of receipt.
        block: records with one digest.
    """
    declared, data = golden.logic_version != today.logic_version, _data(golden, today)
    where = _where(golden, today, records, block)
    if where is None and not declared and not data:
        return None
    hints = []
    if data:
        hints.append(DATA.format(what=data, record=RECORD, city=city))
    if declared:
        hints.append(AGAIN.format(now=today.logic_version, then=golden.logic_version, record=RECORD, city=city))
    return " ".join([f"{city}:", where or SAME, *(hints or [DECLARE.format(city=city)])])


def _data(golden: Golden, today: Golden) -> str:
    then, now = golden.rules, today.rules
    rule_set = f"rule set {then.rule_set} became {now.rule_set}" if then.rule_set != now.rule_set else ""
    merging = "the merge parameters have changed" if then.merging != now.merging else ""
    return ", ".join(filter(None, (rule_set, merging)))


def _where(golden: Golden, today: Golden, records: Sequence[Placed], block: int) -> str | None:
    """The first block that differs, and the records in it."""
    if golden.records != today.records:
        return f"There are {today.records} source records, and {golden.records} were recorded."
    for number, (then, now) in enumerate(zip(golden.blocks, today.blocks, strict=True)):
        if then != now:
            return f"{_block(number, records, block)}{_counts(golden, today)}"
    if golden.cases != today.cases:
        return "All blocks are as recorded, but the cases at the end are not."
    return None if golden.counts == today.counts else f"All blocks are as recorded.{_counts(golden, today)}"


def _block(number: int, records: Sequence[Placed], size: int) -> str:
    first, last = number * size, min((number + 1) * size, len(records)) - 1
    places = [f"{one.topic}/{one.partition}/{one.offset}" for one in (records[first], records[last])]
    return f"Block {number} is the first that is decided differently: source records {first} to {last}, {' to '.join(places)}."


def _counts(golden: Golden, today: Golden) -> str:
    """Which counts differ."""
    changes = []
    for group in sorted({*golden.counts, *today.counts}):
        then, now = golden.counts.get(group, {}), today.counts.get(group, {})
        changes += [
            f"{group}, {name}: {then.get(name, 0)} became {now.get(name, 0)}"
            for name in sorted({*then, *now})
            if then.get(name) != now.get(name)
        ]
    return f" Counts: {'; '.join(changes)}." if changes else " All counts are as recorded."

"""The golden history of lives: the same log of reports, feedback, ticks and erasures must lead to the same decisions."""

import pytest

from tests.replay.difference import difference
from tests.replay.golden import Golden, read_golden
from tests.replay.life import replay
from tests.replay.life_counts import EVERY
from tests.replay.life_events import BLOCK, HISTORY, Logged, read_events


@pytest.fixture(scope="module")
def log() -> list[Logged]:
    return read_events()


@pytest.fixture(scope="module")
def golden() -> Golden:
    return read_golden(HISTORY)


def test_a_recorded_history_of_lives_is_decided_as_recorded(log: list[Logged], golden: Golden) -> None:
    text = difference(HISTORY, golden, replay(log), log, block=BLOCK)
    if text is not None:
        pytest.fail(text, pytrace=False)


@pytest.mark.parametrize("group", EVERY)
def test_everything_happens_in_it(golden: Golden, group: str) -> None:
    assert [name for name in EVERY[group] if not golden.counts[group].get(name)] == []


def test_a_difference_is_found_in_its_block(log: list[Logged], golden: Golden) -> None:
    other = {**golden.counts, "feedback": {}}
    blocks = (*golden.blocks[:2], "other", *golden.blocks[3:])
    today = Golden(
        logic_version=golden.logic_version,
        rules=golden.rules,
        records=golden.records,
        counts=other,
        blocks=blocks,
        cases=golden.cases,
    )
    text = difference(HISTORY, golden, today, log, block=BLOCK)
    assert text is not None
    assert f"source records {2 * BLOCK} to {3 * BLOCK - 1}, grid.events/" in text
    assert "feedback, reopen: " in text
    assert f"python -m tests.replay.record {HISTORY}" in text

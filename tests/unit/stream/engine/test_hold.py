"""A partition that is held: longer each time, until it commits, and shown when that takes long."""

import pytest

from router.stream.engine.hold import HOLD_S, SHOWN_AFTER_S, Hold


class Held:
    """A hold, and the time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.hold = Hold(lambda: self.now)

    def begin(self, least: float = 0.0) -> float:
        self.hold.begin("rule set x", least)
        return self.hold.seconds


def test_each_hold_is_longer_until_the_partition_commits() -> None:
    held = Held()
    assert not held.hold.retried
    assert [held.begin() for _ in range(6)] == pytest.approx([*HOLD_S, HOLD_S[-1]])
    assert held.begin(least=60.0) == pytest.approx(60)
    held.now += 60
    assert held.hold.seconds == 0
    assert held.hold.retried, "its records have transactions alone until one commits"
    held.hold.end()
    assert not held.hold.retried
    assert held.begin() == pytest.approx(HOLD_S[0])


def test_only_a_long_one_is_shown() -> None:
    held = Held()
    held.begin()
    assert held.hold.trouble == ""
    held.now += SHOWN_AFTER_S + 1
    held.begin()
    assert held.hold.trouble == "rule set x"
    held.hold.end()
    assert held.hold.trouble == ""
    held.begin()
    assert held.hold.trouble == "", "counted from the first hold after the commit"

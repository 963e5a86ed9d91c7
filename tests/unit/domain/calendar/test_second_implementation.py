"""Two implementations of deadlines agree in random calendars; the slow one shares no code with the router's."""

import pytest

from tests.support.slow_deadlines import differences


@pytest.mark.parametrize("seed", [1, 2])
def test_both_agree(seed: int) -> None:
    assert list(differences(4_000, seed)) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_both_agree_in_a_hundred_thousand_cases() -> None:
    assert list(differences(100_000, seed=3, starts=500)) == []

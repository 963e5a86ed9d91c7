"""Token buckets."""

import pytest

from router.gateway import rate_limit
from router.gateway.rate_limit import RateLimit


def test_a_bucket_holds_ten_seconds_and_fills_with_time() -> None:
    limit = RateLimit(2)
    for _ in range(20):
        assert limit.wait_s("app", 1, 100.0) == 0
        limit.take("app", 1, 100.0)
    assert limit.wait_s("app", 1, 100.0) == 1
    assert limit.wait_s("app", 4, 100.0) == 2
    assert limit.wait_s("app", 1, 100.5) == 0
    assert limit.wait_s("other", 1, 100.0) == 0


def test_a_batch_larger_than_a_bucket_passes_when_it_is_full() -> None:
    limit = RateLimit(0.1)
    assert limit.wait_s("app", 100, 0.0) == 0
    limit.take("app", 100, 0.0)
    assert limit.wait_s("app", 1, 0.0) == 1000
    assert limit.wait_s("app", 1, 1000.0) == 0


def test_the_holder_that_was_silent_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_HOLDERS", 2)
    limit = RateLimit(0.1)
    for second, holder in enumerate(("a", "b", "a", "c")):
        limit.take(holder, 5, second)
    assert [limit.wait_s(holder, 1, 4.0) > 0 for holder in ("a", "b", "c")] == [True, False, True]

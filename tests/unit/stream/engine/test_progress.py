"""How long a partition has made no progress, as the watchdog sees it."""

from router.stream.engine.progress import Progress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def after(seconds: float) -> tuple[Progress, Clock]:
    """The progress of a partition that was offered its first record so long ago."""
    clock = Clock()
    progress = Progress(clock)
    progress.work_started()
    clock.now += seconds
    return progress, clock


def test_the_oldest_record_counts_until_it_is_committed() -> None:
    progress, clock = after(3)
    progress.work_started()
    assert progress.busy_seconds == 3
    progress.committed(more=True)
    assert progress.busy_seconds == 0
    clock.now += 2
    assert progress.busy_seconds == 2, "more is uncommitted"
    progress.committed(more=False)
    clock.now += 5
    assert progress.busy_seconds == 0


def test_a_restore_counts_as_busy_only_after_a_failure() -> None:
    progress, clock = after(4)
    progress.opened()
    assert progress.busy_seconds == 0
    progress.failed()
    clock.now += 4
    progress.opened()
    assert progress.busy_seconds == 4


def test_a_failed_restore_does_not_reset_the_age() -> None:
    clock = Clock()
    progress = Progress(clock)
    clock.now += 10
    progress.restore_started()
    assert progress.restoring_seconds == 10
    progress.idle()
    assert progress.restoring_seconds == 0
    progress.restore_started()
    clock.now += 1
    assert progress.restoring_seconds == 1


def test_failures_count_until_a_commit() -> None:
    progress = Progress(Clock())
    progress.failed()
    progress.failed()
    assert (progress.failures, progress.failing) == (2, True)
    progress.committed(more=False)
    assert (progress.failures, progress.failing) == (0, False)


def test_a_failure_that_brings_progress_resets_the_age() -> None:
    """Twelve halvings of a batch, each with a minute of restoring, are not a stall."""
    clock = Clock()
    progress = Progress(clock)
    clock.now += 60
    progress.progress_made()
    clock.now += 60
    assert progress.restoring_seconds == 60


def test_a_restore_that_comes_further_resets_the_age() -> None:
    """A large state takes as long as it takes. Reading the same records again and again is no progress."""
    clock = Clock()
    progress = Progress(clock)
    for offsets, age in ((100, 0), (200, 0), (50, 40), (200, 80), (201, 0)):
        clock.now += 40
        progress.restored(offsets)
        assert progress.restoring_seconds == age
    progress.committed(more=False)
    progress.restored(500)
    assert progress.restoring_seconds == 0, "it restores nothing"


def test_an_age_can_be_read_while_the_event_loop_commits() -> None:
    """The watchdog's thread failed when a commit came between two reads of one attribute."""

    class Committing(Clock):
        def __call__(self) -> float:
            if hasattr(progress, "_busy_since") and progress._busy_since is not None:
                progress.nothing_to_do()
            return self.now

    progress = Progress(Clock())
    progress.work_started()
    progress._clock = Committing()
    assert progress.busy_seconds >= 0

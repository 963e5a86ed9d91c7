"""The bench's reference job on our engine, whose worker is killed in the middle: the oracle must find nothing wrong."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.pinned_process import Pinned
from tests.bench.reference.contenders import ALL
from tests.bench.reference.contest import complete, environment, filled, found, topics_for
from tests.bench.reference.job import Run
from tests.bench.reference.oracle import faults
from tests.bench.topics import ends
from tests.support.patience import PATIENCE_S

pytestmark = [pytest.mark.broker, pytest.mark.long]
NUMBER = 100_000


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it makes no progress"
        time.sleep(0.05)


def test_the_reference_job_is_right_though_its_worker_is_killed(kafka: str, namespace: str, tmp_path: Path) -> None:
    engine = next(one for one in ALL if one.key == "grid-router")
    with filled(kafka, NUMBER) as job:
        run = Run(kafka, namespace, job.raw, str(tmp_path / "run"))
        command = engine.command(tmp_path, tmp_path)
        with (
            topics_for(run, engine.changelogs),
            ends(kafka) as committed,
            Pinned(command, environment(run), tmp_path / "log", alone=False) as worker,
        ):
            wait_until(lambda: committed.of(run.cases) > NUMBER // 10)
            worker.kill()
            assert not complete(run, job.expected), "it had finished before it was killed"
            worker.restart()
            wait_until(lambda: complete(run, job.expected))
            assert faults(job.expected, found(run)) == []

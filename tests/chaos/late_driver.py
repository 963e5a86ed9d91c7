"""`python -m tests.chaos.late_driver --each 1000`: requests of many stream tasks are late, at least N of each kind.

A round of chaos with a whole worker gives some tens of late requests. Here stream tasks with a small processor commit a few records at
a time through the proxy. At the end each value must have come out once and in order.
"""

import argparse
import asyncio
import json
import logging
import time
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import structlog
from aiokafka import TopicPartition

from router.stream.engine.source_partition import SourcePartition
from tests.chaos.cluster import Cluster
from tests.chaos.frames import APIS, Api, Request
from tests.chaos.late_requests import Due, LateRequests, after_answers, at_once
from tests.stream.test_partition import Tally, opened_task, produce, read, values
from tests.support.topics import create_topics

SHARE: dict[Api, float] = {"InitProducerId": 0.5, "AddPartitionsToTxn": 0.1, "Produce": 0.1, "EndTxn": 0.1}
"""Share of the requests of a kind that are late, until there are enough of it. Only an opening sends an InitProducerId."""
MAX_LATER = 4
TOGETHER = 3
"""Records in one transaction."""
LIMIT_S = 0.5
"""A late request is delivered after this time even if its producer sends nothing more."""


class Late:
    """Decides which requests are late, and counts those that the broker has answered."""

    def __init__(self, proxy: LateRequests, each: int, seed: int) -> None:
        self._proxy, self._each, self._random = proxy, each, Random(seed)
        self._held: Counter[Api] = Counter()

    def hold(self, request: Request) -> Due | None:
        """Called for each request, in the thread of the proxy."""
        if self._held[request.api] >= self._each * 1.1 or self._random.random() >= SHARE[request.api]:
            return None
        self._held[request.api] += 1
        later = self._random.randrange(MAX_LATER + 1)
        return after_answers(later) if later else at_once

    @property
    def answered(self) -> dict[str, int]:
        """Late requests of each kind that the broker answered, and ends of transactions that it accepted."""
        late = list(self._proxy.late)
        counts = Counter(one.request.api for one in late if one.code is not None)
        accepted = sum(one.request.api == "EndTxn" and one.code == 0 for one in late)
        return {**{api: counts[api] for api in APIS}, "EndTxn accepted": accepted}

    @property
    def enough(self) -> bool:
        """Whether there are enough of each kind."""
        return min(self.answered[api] for api in APIS) >= self._each


async def run(cluster: Cluster, late: Late, tasks: int, each_task: int, seconds: float) -> list[str]:
    """Run the stream tasks until there are enough late requests. Returns what came out wrong."""
    deadline = time.monotonic() + seconds
    names = [f"late{number}." for number in range(tasks)]
    await create_topics(cluster.address, *(f"{name}{one}" for name in names for one in ("in", "out", "changelog")))
    showing = asyncio.create_task(_show(late))
    fed = await asyncio.gather(*[_task(cluster, name, late, each_task, deadline) for name in names])
    showing.cancel()
    wrong: list[str] = []
    for name, number in zip(names, fed, strict=True):
        out = [record.value for record in await read(cluster.address, f"{name}out")]
        if out != values("a", number):
            missing, twice = set(values("a", number)) - set(out), [one for one, n in Counter(out).items() if n > 1]
            wrong.append(f"{name}: {len(missing)} missing, {len(twice)} twice, of {number}")
    return wrong


async def _show(late: Late) -> None:
    while True:
        await asyncio.sleep(10)
        print(json.dumps(late.answered), flush=True)


async def _task(cluster: Cluster, name: str, late: Late, most: int, deadline: float) -> int:
    """One stream task; the number of values that it was given."""
    source = TopicPartition(f"{name}in", 0)
    await produce(cluster.address, source.topic, values("a", most))
    records = await read(cluster.address, source.topic)
    async with opened_task(cluster.proxy, name, {source: (Tally(name), None)}) as task:
        (partition,) = task.partitions
        for start in range(0, most, TOGETHER):
            await _committed(partition)
            if late.enough or time.monotonic() > deadline:
                return start
            partition.offer(records[start : start + TOGETHER])
        await _committed(partition)
    return most


async def _committed(partition: SourcePartition) -> None:
    while partition.backlog or not partition.fetching:
        await asyncio.sleep(0.005)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.late_driver", description=__doc__)
    parser.add_argument("--each", type=int, default=1000, help="late requests of each kind")
    parser.add_argument("--tasks", type=int, default=16, help="stream tasks")
    parser.add_argument("--most", type=int, default=6000, help="values of each stream task at most")
    parser.add_argument("--seconds", type=float, default=900, help="time after which no more are fed")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of requests")
    arguments = parser.parse_args()
    for client in ("aiokafka", "kafka", "asyncio"):
        logging.getLogger(client).setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    begun = time.monotonic()
    with (
        TemporaryDirectory() as home,
        Cluster(Path(home)) as cluster,
        LateRequests(cluster.proxy, cluster.behind_proxy) as proxy,
    ):
        late = Late(proxy, arguments.each, arguments.seed)
        proxy.limit_s, proxy.hold = LIMIT_S, late.hold
        wrong = asyncio.run(run(cluster, late, arguments.tasks, arguments.most, arguments.seconds))
    print(
        json.dumps(late.answered),
        f"{time.monotonic() - begun:.0f} s",
        *(wrong or ["every value once and in order"]),
        sep="\n",
    )
    return 0 if late.enough and not wrong else 1


if __name__ == "__main__":
    raise SystemExit(main())

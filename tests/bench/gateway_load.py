"""`python -m tests.bench gateway-load`: reports that one gateway takes on one core, single ones and batches of 50, and ms until Kafka has them.

An open loop: requests are due on a schedule, and their latency counts from it. A rate that the gateway cannot keep shows in latencies that
grow with the duration.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import httpx
import orjson

from router.gateway.receipt_keys import make_receipt_keys
from router.gateway.token_file import add_token
from router.simulator.messages import SourceMessage
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import environment
from tests.bench.figures import percentile
from tests.bench.generator import messages
from tests.bench.pinned_process import Pinned
from tests.bench.product import SYNTHETIC, topics_for
from tests.bench.topics import read
from tests.support.broker import free_ports

CONNECTIONS = 64
START_S, ANSWER_S = 120.0, 60.0
WARM_REQUESTS = 500
ONE, MANY = "single", "batches"


@dataclass(frozen=True)
class Load:
    """One rate."""

    form: str
    rate: int
    """Requests a second that were due."""
    reports: int
    taken: int
    """Reports that Kafka has acknowledged."""
    seconds: float
    """From the first request to the last answer."""
    busy: float
    """Share of its core that the gateway used."""
    cpu_ms: float
    """CPU milliseconds of the gateway for each report that was taken. Other work on the machine changes it least."""
    p50: float
    p99: float
    """Milliseconds from the scheduled time of a request to its answer."""
    statuses: dict[int, int]
    right: bool
    """Whether the topics have exactly the reports that were acknowledged."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "--rate", type=int, nargs="*", default=[500, 1_000, 1_500, 2_000], help="single reports a second"
    )
    parser.add_argument("--batches", type=int, nargs="*", default=[25, 50, 100, 200], help="batches a second")
    parser.add_argument("--size", type=int, default=50, help="reports of a batch")
    parser.add_argument("--seconds", type=float, default=15.0, help="duration of each rate")


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure each rate on separate topics, print, write. Returns 1 when an acknowledged report is not on its topic."""
    print(
        f"{'':10}{'requests/s':>11}{'reports':>9}{'taken':>9}{'taken/s':>9}{'core':>7}{'CPU ms':>9}{'p50 ms':>10}{'p99 ms':>10}  correct"
    )
    found = []
    for form, size, rates in ((ONE, 1, arguments.rate), (MANY, arguments.size, arguments.batches)):
        for rate in rates:
            one = measure(form, rate, size, arguments.seconds, settings)
            found.append(one)
            print(
                f"{form:10}{rate:>11,}{one.reports:>9,}{one.taken:>9,}{one.taken / one.seconds:>9,.0f}{one.busy:>7.0%}{one.cpu_ms:>9.3f}"
                f"{one.p50:>10.1f}{one.p99:>10.1f}  {'yes' if one.right else 'NO'} {one.statuses}",
                flush=True,
            )
    path = settings.home / "bench" / "gateway-load.json"
    path.write_bytes(orjson.dumps([asdict(one) for one in found], option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    return 0 if all(one.right for one in found) else 1


def measure(form: str, rate: int, size: int, seconds: float, settings: Settings) -> Load:
    """Measure one rate on a warm gateway."""
    number = round(rate * seconds)
    with topics_for(SYNTHETIC, settings) as own, gateway(own) as (process, port, token):
        sound = (one for one in messages(SYNTHETIC) if one.kind != "malformed")
        warm = [_single(one, token) for one in islice(sound, WARM_REQUESTS)]
        requests = [_requested(list(islice(sound, size)), token, form) for _ in range(number)]
        asyncio.run(Shots(port, warm, WARM_REQUESTS).shoot())
        cpu, shots = process.cpu_seconds, Shots(port, requests, rate)
        took = asyncio.run(shots.shoot())
        used = process.cpu_seconds - cpu
        names = Names(own.namespace)
        networks = {one.network for one in islice(messages(SYNTHETIC), 20_000)}
        stored = sum(len(read(str(own.kafka), names.reports(one), lambda record: record.offset)) for one in networks)
    waits = [seconds * 1000 for seconds in shots.waits]
    right = stored == shots.taken + WARM_REQUESTS
    p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
    cpu_ms = used / max(shots.taken, 1) * 1000
    return Load(
        form, rate, number * size, shots.taken, took, used / took, cpu_ms, p50, p99, dict(shots.statuses), right
    )


@contextmanager
def gateway(settings: Settings) -> Iterator[tuple[Pinned, int, str]]:
    """A gateway alone on its core, as operators run it: with receipts, and a token that may send more than the load. Process, port, token."""
    with tempfile.TemporaryDirectory() as folder:
        tokens, keys, port = Path(folder) / "tokens", Path(folder) / "keys", free_ports(1)
        token = add_token(tokens, "load", "report:*")
        make_receipt_keys(keys)
        own = settings.model_copy(
            update={
                "gateway_tokens": tokens,
                "gateway_receipt_keys": keys,
                "gateway_port": port,
                "gateway_rate": 100_000,
            }
        )
        log = own.home.absolute() / "bench" / f"{own.namespace}log"
        command = [str(Path(sys.executable).parent / "grid-router"), "gateway", SYNTHETIC]
        with Pinned(command, environment(own), log) as process:
            _await_ready(process, port)
            yield process, port, token
        log.unlink()


def _await_ready(process: Pinned, port: int) -> None:
    deadline = time.monotonic() + START_S
    while process.exit_code is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the gateway is not ready: {process.log.read_text()[-2000:]}")


def _requested(reports: Sequence[SourceMessage], token: str, form: str) -> bytes:
    if form == ONE:
        return _single(reports[0], token)
    items = b",".join(b'{"network":%s,"report":%s}' % (json.dumps(one.network).encode(), one.value) for one in reports)
    return _post("/v1/reports:batch", b'{"reports":[%s]}' % items, token)


def _single(report: SourceMessage, token: str) -> bytes:
    return _post(f"/v1/reports/{report.network}", report.value, token)


def _post(path: str, body: bytes, token: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Shots:
    """Requests on a schedule, over connections that are kept. A request waits while all connections wait for answers.

    Args:
        port: of the gateway.
        requests: bytes of each.
        rate: requests a second.
    """

    def __init__(self, port: int, requests: Sequence[bytes], rate: float) -> None:
        self._port, self._requests, self._rate = port, requests, rate
        self.waits: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.taken = 0

    async def shoot(self) -> float:
        """Send all; seconds until the last answer."""
        due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        connections = [asyncio.create_task(self._answered(due)) for _ in range(CONNECTIONS)]
        begun = time.monotonic()
        for index, request in enumerate(self._requests):
            at = begun + index / self._rate
            if (wait := at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            due.put_nowait((at, request))
        for _ in connections:
            due.put_nowait(None)
        await asyncio.gather(*connections)
        return time.monotonic() - begun

    async def _answered(self, due: "asyncio.Queue[tuple[float, bytes] | None]") -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while (one := await due.get()) is not None:
            at, request = one
            writer.write(request)
            async with asyncio.timeout(ANSWER_S):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
            self.waits.append(time.monotonic() - at)
            status = int(head[9:12])
            self.statuses[status] += 1
            self.taken += (
                body.count(b'"outcome":"accepted"') if status == httpx.codes.OK else status == httpx.codes.ACCEPTED
            )
            if b"connection: close" in head.lower():
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.close()

"""The HTTP server: connections that send no request end, and take no place from those that do."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from router.gateway import server
from router.gateway.followed_rules import FollowedRules
from router.wire.errors import InputError, WorkerError
from tests.support.cities import shipped
from tests.support.gateway import CITY, NO_BROKER, TestedGateway
from tests.support.patience import PATIENCE_S

ASK = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
Address = tuple[str, int]


def with_server(folder: Path, work: Callable[[Address], Awaitable[Any]]) -> Any:
    """What some work with a server in this event loop returns."""

    async def run() -> Any:
        gateway = TestedGateway(folder)
        try:
            async with listening(gateway) as http:
                return await work(address_of(http))
        finally:
            await gateway.close()

    return asyncio.run(run())


@asynccontextmanager
async def listening(gateway: TestedGateway) -> AsyncIterator[Any]:
    http = server.uvicorn.Server(server.configuration(gateway.door))
    http.capture_signals = _nothing  # type: ignore[method-assign] - pytest has the signals
    bound = server.bound_socket("127.0.0.1", 0)
    serving = asyncio.create_task(http.serve([bound]))
    try:
        while not http.started:
            await asyncio.sleep(0.01)
        yield http
    finally:
        http.should_exit = True
        await serving


def address_of(http: Any) -> Address:
    found: Address = http.servers[0].sockets[0].getsockname()
    return found


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def test_a_slow_head_ends_its_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also that of a second request."""
    monkeypatch.setattr(server, "HEAD_S", 0.3)

    async def work(address: Address) -> tuple[bytes, float]:
        reader, writer = await asyncio.open_connection(*address)
        begun, received = time.monotonic(), b""
        writer.write(ASK + ASK[:20])
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_S):
                while not reader.at_eof():
                    writer.write(b"y")
                    received += await _read(reader)
        writer.close()
        return received, time.monotonic() - begun

    received, took = with_server(tmp_path, work)
    assert received.count(b"HTTP/1.1 200 ") == 1
    assert took < server.KEEP_ALIVE_S


def test_too_many_connections_end_the_one_that_waits_longest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 3)

    async def work(address: Address) -> list[bool]:
        opened = [await asyncio.open_connection(*address) for _ in range(3)]
        for number in (0, 1, 2, 0):
            await _ask(*opened[number])
        opened.append(await asyncio.open_connection(*address))
        await _ask(*opened[3])
        ended = [await _has_ended(reader) for reader, _ in opened]
        for _, writer in opened:
            writer.close()
        return ended

    assert with_server(tmp_path, work) == [False, True, False, False]


def test_a_request_that_has_begun_is_answered_before_the_end(tmp_path: Path) -> None:
    async def run() -> bytes:
        gateway = TestedGateway(tmp_path)
        async with listening(gateway) as http:
            reader, writer = await asyncio.open_connection(*address_of(http))
            head = f"POST /v1/reports/policing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.token}\r\n"
            writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{".encode())
            while not http.server_state.tasks:
                await asyncio.sleep(0.01)
            http.should_exit = True
            while http.servers[0].is_serving():
                await asyncio.sleep(0.01)
            writer.write(b"}")
            async with asyncio.timeout(PATIENCE_S):
                answered = await reader.read()
            writer.close()
        await gateway.close()
        return answered

    answered = asyncio.run(run())
    assert answered.startswith(b"HTTP/1.1 422 ")
    assert b'"code":"schema"' in answered or b'"code":"bad-id"' in answered


def test_an_address_that_is_taken_is_named() -> None:
    with server.bound_socket("127.0.0.1", 0) as bound, pytest.raises(InputError, match="GRID_ROUTER_GATEWAY_PORT"):
        server.bound_socket("127.0.0.1", bound.getsockname()[1])


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(ASK)
    async with asyncio.timeout(PATIENCE_S):
        await reader.readuntil(b'"ok"}')


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(0.05):
            return await reader.read(1 << 16)
    except TimeoutError:
        return b""


async def _has_ended(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.2):
            return not await reader.read(1)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_slow_bodies_without_a_token_hold_no_place_from_a_phone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sends a whole head without a valid token and a body that never ends: it is answered and its connection ends."""
    monkeypatch.setattr(server, "CONNECTIONS", 20)
    tokenless = (
        b"POST /v1/reports/policing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 1000000\r\n\r\n{"
    )

    async def work(address: Address) -> tuple[set[bytes], bytes]:
        opened = [await asyncio.open_connection(*address) for _ in range(20)]
        for _, writer in opened:
            writer.write(tokenless)
        phone, asked = await asyncio.open_connection(*address)
        asked.write(ASK)
        async with asyncio.timeout(PATIENCE_S):
            answer = await phone.readuntil(b"\r\n")
            ended = {(await reader.read())[:12] for reader, _ in opened}
        for _, writer in (*opened, (phone, asked)):
            writer.close()
        return ended, answer

    ended, answer = with_server(tmp_path, work)
    assert ended <= {b"HTTP/1.1 401", b""}  # at the limit, the one that waits longest for its request ends
    assert answer == b"HTTP/1.1 200 OK\r\n"


def test_two_tokens_in_one_request_are_none(tmp_path: Path) -> None:
    """In either order: a proxy in front may have checked the other one."""

    async def run() -> list[bytes]:
        gateway, answers = TestedGateway(tmp_path), []
        async with listening(gateway) as http:
            for tokens in (
                (gateway.token, "x"),
                ("x", gateway.token),
                (gateway.token, gateway.token),
                (gateway.token,),
            ):
                reader, writer = await asyncio.open_connection(*address_of(http))
                fields = "".join(f"Authorization: Bearer {token}\r\n" for token in tokens)
                writer.write(f"GET /openapi.json HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
                async with asyncio.timeout(PATIENCE_S):
                    answers.append((await reader.readuntil(b"\r\n"))[9:12])
                writer.close()
        await gateway.close()
        return answers

    assert asyncio.run(run()) == [b"401", b"401", b"401", b"200"]


@pytest.mark.parametrize("end", [KeyError("a defect"), asyncio.CancelledError(), None])
def test_what_is_followed_no_longer_makes_the_gateway_not_ready(tmp_path: Path, end: BaseException | None) -> None:
    async def run() -> list[int]:
        gateway, ends = TestedGateway(tmp_path, ready=True), asyncio.Event()

        async def answers() -> bool:
            return True

        async def follow() -> None:
            await ends.wait()
            if end is not None:
                raise end

        gateway.intake.publisher.answers = answers  # type: ignore[method-assign] - without a broker
        gateway.authenticator.follow = follow  # type: ignore[method-assign]
        gateway.rebuild()
        async with listening(gateway):
            found = [(await gateway.call("GET", "/readyz", token=None)).status_code]
            ends.set()
            await asyncio.sleep(0.01)
            found.append((await gateway.call("GET", "/readyz", token=None)).status_code)
        await gateway.close()
        assert gateway.lost == ["tokens"]
        return found

    assert asyncio.run(run()) == [200, 503]


def test_what_is_followed_no_longer_ends_the_gateway_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def follow(_: FollowedRules) -> None:
        raise KeyError("a defect")

    async def run() -> None:
        gateway = TestedGateway(tmp_path)
        await gateway.close()
        async with asyncio.timeout(PATIENCE_S):
            await server.serve(shipped(CITY), gateway.settings, NO_BROKER, server.bound_socket("127.0.0.1", 0))

    monkeypatch.setattr(FollowedRules, "follow", follow)
    with pytest.raises(WorkerError, match="could not follow its rules"):
        asyncio.run(run())


def test_a_connection_whose_app_takes_no_answer_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends requests without a token and reads nothing, so it would never be idle."""
    monkeypatch.setattr(server, "WRITE_S", 0.2)

    async def run() -> None:
        gateway = TestedGateway(tmp_path)
        async with listening(gateway) as http:
            http.servers[0].sockets[0].setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, 4096
            )  # so that few answers fill it
            loop, greedy = asyncio.get_running_loop(), socket.socket()
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.setblocking(False)
            await loop.sock_connect(greedy, address_of(http))
            asked, paused = ASK.replace(b"/livez", b"/v1/x") * 50, False
            with suppress(ConnectionError):
                async with asyncio.timeout(PATIENCE_S):
                    while not paused or http.server_state.connections:
                        with suppress(BlockingIOError):
                            greedy.send(asked)
                        paused = paused or any(one.flow.write_paused for one in http.server_state.connections)
                        await asyncio.sleep(0.001)
            assert paused
            assert not http.server_state.connections
            greedy.close()
        await gateway.close()

    asyncio.run(run())

"""A TCP proxy in front of the brokers. It delays, resets and half-opens connections."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Self

CHUNK = 64 << 10
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing sends a reset and drops data in flight."""
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a reset. One that its ends have closed is closed."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


class Proxy:
    """Forwards bytes in both directions, in its own thread; a context manager.

    Args:
        listen: `host:port[,host:port]` where clients connect.
        to: `host:port` of the broker behind each of them.
    """

    def __init__(self, listen: str, to: str) -> None:
        self._routes = list(zip(listen.split(","), to.split(","), strict=True))
        self.delay_s = 0.0
        """Delay of every chunk, in each direction."""
        self.connections = 0
        """Number of connections since the start."""
        self.delayed = self.held = self.resets = 0
        """Chunks delayed, chunks held back and connections reset since the last `heal`."""
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._serve())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Reset every connection; new ones are accepted."""
        self._call(self._cut())

    def half_open(self) -> None:
        """Keep old and new connections open but forward no byte, so neither side notices that the other is gone."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def heal(self) -> None:
        """Forward without delay again. Data held back is not lost, as with a cable that is plugged in again."""
        self.delay_s = 0.0
        self.delayed = self.held = self.resets = 0
        self._loop.call_soon_threadsafe(self._flowing.set)

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self) -> None:
        self._servers = []
        for listen, to in self._routes:
            host, _, port = listen.rpartition(":")
            self._servers.append(await asyncio.start_server(partial(self._accept, to), host, int(port)))

    async def _accept(self, to: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = to.rpartition(":")
        self.connections += 1
        try:
            remote_reader, remote_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, remote_writer}
        self._connect((reader, writer), (remote_reader, remote_writer))

    def _connect(self, client: Stream, broker: Stream) -> None:
        """Forward between two connections until they end."""
        self._spawn(self._pump(client[0], broker[1]))
        self._spawn(self._pump(broker[0], client[1]))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK):
                await self._forward(chunk, target)
        self._writers.discard(target)
        target.close()

    async def _forward(self, chunk: bytes, target: asyncio.StreamWriter) -> None:
        if self.delay_s:
            self.delayed += 1
            await asyncio.sleep(self.delay_s)
        if not self._flowing.is_set():
            self.held += 1
            await self._flowing.wait()
        target.write(chunk)
        await target.drain()

    async def _cut(self) -> None:
        for writer in self._writers:
            reset(writer)
        self.resets += len(self._writers)
        self._writers.clear()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await self._cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

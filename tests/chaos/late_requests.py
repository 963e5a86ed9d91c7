"""A proxy that delivers requests of transactional producers late.

The client sees its connection cut. The broker receives the request all the same, after later ones of the same producer.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.frames import Api, Request, error_code, read_request
from tests.chaos.proxy import Proxy, Stream, reset

LIMIT_S = 3.0
REMEMBERED = 1000

Due = Callable[[Request, int], bool]
"""Called with every later request of the same transactional id that the broker answered, and its error code: whether the late
one is delivered now, before the client receives that answer."""
Hold = Callable[[Request], Due | None]
"""Whether to hold a request back, and until when."""


def after(api: Api) -> Due:
    """Due when a later request of this kind has succeeded."""
    return lambda request, code: request.api == api and code == 0


def at_once(_: Request, __: int) -> bool:
    """Due as soon as the client is cut."""
    return True


def after_answers(number: int) -> Due:
    """Due after this number of later answers of any kind."""
    left = iter(range(number - 1))
    return lambda _, __: next(left, None) is None


class Late:
    """One request that is held back."""

    def __init__(self, request: Request, is_due: Due) -> None:
        self.request, self.is_due = request, is_due
        self.due, self.answered = asyncio.Event(), asyncio.Event()
        self.code: int | None = None
        """The error code with which the broker answered; None when it did not."""

    @property
    def done(self) -> bool:
        """Whether it was delivered, and the broker has answered or will not."""
        return self.answered.is_set()


class LateRequests(Proxy):
    """A proxy that holds back single requests; a context manager.

    Args:
        listen: `host:port[,host:port]` where clients connect.
        to: `host:port` of the broker behind each of them.
        encrypted: whether connections are encrypted: then no request can be read, and none is held back.
    """

    hold: Hold = staticmethod(lambda _: None)
    """Called for every request with a transactional id, in the thread of the proxy."""

    def __init__(self, listen: str, to: str, *, encrypted: bool = False) -> None:
        super().__init__(listen, to)
        self._encrypted = encrypted
        self.late: list[Late] = []
        """Every request that was held back, in order."""
        self.passed: deque[Request] = deque(maxlen=REMEMBERED)
        """The last other requests with a transactional id, in order, without their bytes."""
        self.limit_s = LIMIT_S
        """A request is delivered after this time even if its producer sends nothing more."""
        self._waiting: list[Late] = []

    def _connect(self, client: Stream, broker: Stream) -> None:
        if self._encrypted:
            super()._connect(client, broker)
            return
        sent: deque[Request | Late | None] = deque()
        self._spawn(self._requests(client, broker, sent))
        self._spawn(self._answers(client, broker, sent))

    async def _requests(self, client: Stream, broker: Stream, sent: deque[Request | Late | None]) -> None:
        late: Late | None = None
        with suppress(OSError, asyncio.IncompleteReadError):
            while late is None:
                frame = await _read(client[0])
                request = read_request(frame)
                due = None if request is None else self.hold(request)
                if request is None or due is None:
                    if request is not None:
                        self.passed.append(Request(request.api, request.version, request.transactional_id, b""))
                    sent.append(request)
                    await self._forward(_framed(frame), broker[1])
                else:
                    late = Late(request, due)
        try:
            if late is not None:
                await self._deliver(late, client, broker, sent)
        finally:
            self._writers.discard(broker[1])
            broker[1].close()

    async def _deliver(self, late: Late, client: Stream, broker: Stream, sent: deque[Request | Late | None]) -> None:
        self.late.append(late)
        if late.is_due is at_once:
            late.due.set()
        else:
            self._waiting.append(late)
        self._writers -= {client[1], broker[1]}
        reset(client[1])
        with suppress(TimeoutError):
            await asyncio.wait_for(late.due.wait(), self.limit_s)
        if late in self._waiting:
            self._waiting.remove(late)
        sent.append(late)
        with suppress(OSError, TimeoutError):
            broker[1].write(_framed(late.request.frame))
            await broker[1].drain()
            await asyncio.wait_for(late.answered.wait(), LIMIT_S)
        late.answered.set()

    async def _answers(self, client: Stream, broker: Stream, sent: deque[Request | Late | None]) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                frame = await _read(broker[0])
                request = sent.popleft()
                if isinstance(request, Late):
                    request.code = error_code(request.request, frame)
                    request.answered.set()
                    continue
                if request is not None:
                    await self._deliver_due(request, error_code(request, frame))
                with suppress(OSError):  # a client that was cut
                    await self._forward(_framed(frame), client[1])
        self._writers.discard(client[1])
        client[1].close()

    async def _deliver_due(self, answered: Request, code: int) -> None:
        """Deliver what is due after this answer, before the client receives it."""
        for late in list(self._waiting):
            of_it = late in self._waiting and late.request.transactional_id == answered.transactional_id
            if of_it and late.is_due(answered, code):  # an await below may have delivered it
                self._waiting.remove(late)
                late.due.set()
                await late.answered.wait()


async def _read(source: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack(">i", await source.readexactly(4))
    return await source.readexactly(length)


def _framed(frame: bytes) -> bytes:
    return struct.pack(">i", len(frame)) + frame

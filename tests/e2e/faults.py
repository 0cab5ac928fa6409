"""A TCP proxy that breaks part of what passes: seeded resets, half requests, half answers, delays, partitions.

A fate is drawn for every exchange, not for every connection: connections between services stay open for long.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from random import Random

CHUNK = 65_536


class Fate(StrEnum):
    """What becomes of one exchange."""

    PASSES = "passes"
    RESET = "reset"
    REQUEST_CUT = "request cut"
    ANSWER_CUT = "answer cut"
    DELAYED = "delayed"


BAD = (Fate.RESET, Fate.REQUEST_CUT, Fate.ANSWER_CUT, Fate.DELAYED)


class FaultProxy:
    """Listens on ``port`` and passes to ``target``; harmless until ``share`` is raised above 0."""

    def __init__(self, target: int, seed: str) -> None:
        self.target = target
        self.share = 0.0
        self.cut = False
        self.port = 0
        self.drawn: Counter[Fate] = Counter()
        self._random = Random(seed)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def partition(self) -> None:
        """Let nothing through, and break what is under way."""
        self.cut = True
        for writer in list(self._open):
            writer.transport.abort()

    def heal(self) -> None:
        """Pass everything, without faults."""
        self.cut, self.share = False, 0.0

    async def aclose(self) -> None:
        assert self._server is not None
        self._server.close()
        self.partition()
        await self._server.wait_closed()

    def _draw(self) -> Fate:
        fate = self._random.choice(BAD) if self._random.random() < self.share else Fate.PASSES
        self.drawn[fate] += 1
        return fate

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError):
            if not self.cut:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
                self._open.add(far_writer)
                await _Passage(self, (reader, writer), (far_reader, far_writer)).run()
                self._open.discard(far_writer)
        self._open.discard(writer)
        writer.transport.abort()


_End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Passage:
    """One connection on its way through."""

    def __init__(self, proxy: FaultProxy, near: _End, far: _End) -> None:
        self._proxy = proxy
        self._near = near
        self._far = far
        self._fate = Fate.PASSES
        self._answered = True

    async def run(self) -> None:
        ways = [asyncio.create_task(self._requests()), asyncio.create_task(self._answers())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for _, writer in self._ends():
                writer.transport.abort()

    def _ends(self) -> Iterator[_End]:
        yield self._near
        yield self._far

    async def _requests(self) -> None:
        writer = self._far[1]
        while chunk := await self._near[0].read(CHUNK):
            if self._answered:
                self._answered, self._fate = False, self._proxy._draw()
                if self._fate is Fate.RESET:
                    return
                if self._fate is Fate.REQUEST_CUT:
                    writer.write(chunk[: len(chunk) // 2])
                    await writer.drain()
                    return
                if self._fate is Fate.DELAYED:
                    await asyncio.sleep(self._proxy._random.uniform(0.05, 0.6))
            writer.write(chunk)
            await writer.drain()

    async def _answers(self) -> None:
        writer = self._near[1]
        while chunk := await self._far[0].read(CHUNK):
            self._answered = True
            if self._fate is Fate.ANSWER_CUT:
                writer.write(chunk[: len(chunk) // 2])
                await writer.drain()
                return
            writer.write(chunk)
            await writer.drain()

"""The process of a faulty link: a TCP proxy on the loopback interface, between one service and another.

Not every kernel has `tc netem`; a proxy needs no right and disturbs nothing else. Three ways of being faulty:

- `drop`: a share of the requests is cut with a reset before the server sees them. Connections are kept alive, so the
  draw is made for each request (what the client says after an answer), not for each connection.
- `blackhole`: connections are accepted, and nothing passes.
- `delay`: everything arrives later by the same time, each way.
"""

import asyncio
import os
import random
import socket
import struct
from asyncio import StreamReader, StreamWriter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Literal

from crosstide.lab.child import announce, settings, stop_event
from crosstide.lab.cores import run_first

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536
#: SO_LINGER on, with 0 seconds: closing sends a reset (socket(7), tcp(7)).
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a link to `port`. `share`: of requests dropped; `delay_s`: each way; `seed`: of the drops."""

    port: int
    mode: Literal["drop", "blackhole", "delay"]
    share: float = 0.0
    delay_s: float = 0.0
    seed: int = 0


class Proxy:
    """Carries connections over a faulty link."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._random = random.Random(fault.seed)

    async def accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Carry one connection until either end closes it."""
        with closing(writer), suppress(ConnectionError):
            if self._fault.mode == "blackhole":
                while await reader.read(CHUNK_BYTES):
                    pass
            else:
                await self._carry(reader, writer)

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            back, on = await asyncio.open_connection(HOST, self._fault.port)
        except OSError:
            cut(writer)  # nobody listens there, and the client has to learn it
            return
        with closing(on):
            line = _Line(self._fault, self._random)
            ways = [asyncio.create_task(line.ask(reader, on, writer)), asyncio.create_task(line.answer(back, writer))]
            _, open_ways = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(self._fault.delay_s)  # what is under way arrives
            for way in open_ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


@dataclass
class _Line:
    """One connection, both ways. `asking`: the client has begun a request and has no answer yet."""

    fault: Fault
    random: random.Random
    asking: bool = field(default=False, init=False)

    async def ask(self, reader: StreamReader, on: StreamWriter, client: StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            # HTTP/1.1 without pipelining: a request begins after an answer, and may come in several pieces
            if not self.asking and self.fault.mode == "drop" and self.random.random() < self.fault.share:
                cut(client)
                return
            self.asking = True
            self._pass(data, on)

    async def answer(self, back: StreamReader, client: StreamWriter) -> None:
        while data := await back.read(CHUNK_BYTES):
            self.asking = False
            self._pass(data, client)

    def _pass(self, data: bytes, to: StreamWriter) -> None:
        if self.fault.delay_s:
            asyncio.get_running_loop().call_later(self.fault.delay_s, to.write, data)
        else:
            to.write(data)


def cut(writer: StreamWriter) -> None:
    """Close a connection with a reset: its other end fails at once, instead of reading the end of a stream."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def serve(proxy: Proxy, stop: Event) -> None:
    """Announce the port and carry connections until told to stop."""
    server = await asyncio.start_server(proxy.accept, HOST, 0)
    # before all others: a busy core must not make the link slow on top of its fault
    announce(port=server.sockets[0].getsockname()[1], priority=run_first())
    await asyncio.to_thread(stop.wait)
    server.close()


def main() -> None:
    """Be a link with the `fault` of the settings (the fields of `Fault`)."""
    spec = settings()
    stop = stop_event()
    if spec["cores"]:
        os.sched_setaffinity(0, spec["cores"])
    asyncio.run(serve(Proxy(Fault(**spec["fault"])), stop))


if __name__ == "__main__":
    main()

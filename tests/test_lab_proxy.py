"""The lab's faulty link: a real proxy process between a real client and a real server."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from crosstide.lab.children import Children
from crosstide.lab.client import CallError, Client
from crosstide.lab.server import Server

Link = Callable[..., int]


@pytest.fixture
def server() -> Iterator[tuple[int, list[int]]]:
    """Port of a server, and the numbers it was asked."""
    asked: list[int] = []

    def answer(call: dict[str, Any]) -> dict[str, Any]:
        asked.append(call["n"])
        return {"n": call["n"]}

    served = Server(0, {"/echo": answer})
    thread = Thread(target=served.serve_forever, args=(0.05,))
    thread.start()
    yield served.server_address[1], asked
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    """Start a proxy; answers its port."""
    with Children(tmp_path) as children:
        yield lambda **fault: int(children.module("proxy", "proxy", {"cores": [], "fault": fault}).said["port"])


@contextmanager
def calling(port: int) -> Iterator[Callable[[int, float], str]]:
    """Give a function that sends a number: "" where it comes back, else the name of the error."""
    with closing(Client(port)) as client:

        def call(n: int, timeout_s: float = 10.0) -> str:
            try:
                assert client.post("/echo", {"n": n}, timeout_s) == {"n": n}
            except CallError as error:
                return str(error)
            return ""

        yield call


def dropped(port: int, calls: int) -> list[int]:
    with calling(port) as call:
        said = [call(n, 10.0) for n in range(calls)]
    assert set(said) <= {"", "ConnectionResetError"}
    return [n for n, error in enumerate(said) if error]


def test_a_share_of_the_requests_is_reset_and_never_reaches_the_server(
    server: tuple[int, list[int]], link: Link
) -> None:
    port, asked = server
    lost = dropped(link(port=port, mode="drop", share=0.3, seed=5), 200)
    assert 35 <= len(lost) <= 87  # 60, within four standard errors: kept-alive connections lose requests as well
    assert asked == [n for n in range(200) if n not in lost]


def test_the_seed_says_which_requests_are_lost(server: tuple[int, list[int]], link: Link) -> None:
    port, _ = server
    first, again, other = (dropped(link(port=port, mode="drop", share=0.4, seed=seed), 40) for seed in (1, 1, 2))
    assert first == again != other


def test_a_lost_request_ends_in_a_reset_and_not_in_the_end_of_a_stream(
    server: tuple[int, list[int]], link: Link
) -> None:
    with socket.create_connection(("127.0.0.1", link(port=server[0], mode="drop", share=1.0)), 10) as client:
        client.sendall(b"POST /echo HTTP/1.1\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_request_in_pieces_is_drawn_once(server: tuple[int, list[int]], link: Link) -> None:
    port = link(port=server[0], mode="drop", share=0.5, seed=10)  # this seed keeps the first, drops the second
    request = b'POST /echo HTTP/1.1\r\nContent-Length: 8\r\n\r\n{"n": 7}'
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(request)):
            client.sendall(request[i : i + 1])
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_a_black_hole_accepts_and_passes_nothing(server: tuple[int, list[int]], link: Link) -> None:
    port, asked = server
    with calling(link(port=port, mode="blackhole")) as call:
        assert [call(n, 0.2) for n in range(3)] == ["Timeout"] * 3
    assert asked == []


def test_a_delay_counts_each_way_and_changes_nothing_else(server: tuple[int, list[int]], link: Link) -> None:
    port, asked = server
    with calling(link(port=port, mode="delay", delay_s=0.05)) as call:
        for n in range(3):
            before = time.monotonic()
            assert call(n, 10.0) == ""
            assert time.monotonic() - before >= 0.1
    assert asked == [0, 1, 2]


def test_a_link_to_nobody_fails_at_once_and_the_proxy_lives_on(link: Link) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        with calling(link(port=taken.getsockname()[1], mode="drop")) as call:
            assert [call(n, 10.0) for n in range(2)] == ["ConnectionResetError"] * 2


def test_a_proxy_that_is_asked_to_end_ends_well(server: tuple[int, list[int]], tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        fault = {"port": server[0], "mode": "drop"}
        proxy = children.module("proxy", "proxy", {"cores": [], "fault": fault})
        with calling(int(proxy.said["port"])) as call:
            assert call(1, 10.0) == ""
            proxy.finish()  # with a connection open

"""The links between services that the lab can make faulty: `link/CALLER/CALLEE`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from crosstide.lab.stage import Stage

LINKS = ("link/checkout/fraud", "link/checkout/store", "link/price/store", "link/ranking/store")


def ends(target: str) -> tuple[str, ...]:
    """Name whom a faulty link may be blamed on: either of its ends, for no telemetry tells them apart.

    >>> ends("link/price/store")
    ('service/store', 'service/price')
    """
    _, caller, callee = target.split("/")
    return (f"service/{callee}", f"service/{caller}")


@contextmanager
def through_proxy(stage: Stage, target: str, **fault: Any) -> Iterator[None]:
    """Let a link lead through a proxy while the block lasts; `fault`: fields of `proxy.Fault` besides the port."""
    _, caller, callee = target.split("/")
    spec = {"cores": list(stage.layout.tools), "fault": {"port": stage.ports[callee]} | fault}
    with ExitStack() as put_right:
        proxy = stage.children.module("proxy", "proxy", spec)
        put_right.callback(stage.children.kill, proxy)
        put_right.callback(stage.rewire, caller, callee, None)
        stage.rewire(caller, callee, int(proxy.said["port"]))
        yield

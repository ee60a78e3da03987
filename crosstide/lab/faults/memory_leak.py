"""A service leaks memory until the kernel kills it; the service manager starts it again, and it leaks again.

The service is put into a memory control group with room for so much more than it holds. The leak fills that room, and
the kernel's out-of-memory killer ends the process (a real kill, counted by the kernel: `service.oom_kills` is written
from that count). Needs a memory controller in which groups may be made, so root.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event

from crosstide.lab.cgroups import Group, lacking, memory_group
from crosstide.lab.client import CallError
from crosstide.lab.faults import FaultKind, register
from crosstide.lab.meanwhile import meanwhile
from crosstide.lab.plan import Slot
from crosstide.lab.stage import Stage

ROOM_BYTES = 150 << 20
#: Seconds from the beginning of a leak to the kill, at no and at full intensity.
SLOWEST_S, FASTEST_S = 18.0, 10.0
LOOK_S = 0.1


@contextmanager
def apply(stage: Stage, slot: Slot) -> Iterator[None]:
    """Confine the service and let it leak; at the end the leak is freed, the service let out, the group removed."""
    service = slot.service
    rate = ROOM_BYTES / (SLOWEST_S - (SLOWEST_S - FASTEST_S) * slot.intensity)
    with ExitStack() as put_right:
        group = put_right.enter_context(memory_group(ROOM_BYTES))
        put_right.callback(stage.confine, service, None)
        stage.confine(service, group.path)
        put_right.callback(stage.admin, service, {"leak_bytes_per_s": 0})
        put_right.enter_context(meanwhile(_leaking(stage, service, rate, group)))
        yield


def _leaking(stage: Stage, service: str, rate: float, group: Group) -> Callable[[Event], None]:
    """Make the work of a thread: order the leak anew after each restart, and write down the kernel's kills."""

    def work(over: Event) -> None:
        leaking, killed, last = 0, 0, False
        while not last:
            last = over.wait(LOOK_S)
            if (kills := group.kills()) > killed:
                stage.event(f"service/{service}", "service.oom_kills", kills - killed)
                killed = kills
            if not last and (pid := stage.pid(service)) != leaking:
                with suppress(CallError):  # gone again already: the next look finds another process
                    stage.admin(service, {"leak_bytes_per_s": rate})
                    leaking = pid

    return work


register(
    FaultKind(
        name="memory_leak",
        does=f"a service leaks until the kernel kills it for want of memory, {FASTEST_S:g} to {SLOWEST_S:g} s after "
        "each start",
        needs="a memory control group (cgroup v1 or v2), so root",
        targets=("service/price", "service/ranking", "service/fraud"),
        categories=("oom", "resource_saturation"),
        apply=apply,
        requires=lacking,
    )
)

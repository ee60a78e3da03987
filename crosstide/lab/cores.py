"""Which core is which node, and how the lab's own tools keep out of the way of what they measure.

- A node is one core: n1 and n2 are the first two cores this process may use, and each service is pinned to its own.
- The load generator and the sampler run in processes of their own, and use a few percent of a core. Where the machine
  has more than two cores they are pinned to the others. Where it has two, they may run on either, and run before
  everything else (`SCHED_RR`, else nice -15), so that a busy core delays the requests and never the measurement.
- Where neither priority is permitted the recording says so: latency then also holds the delay of the generator.
- Records go to files in memory; nothing of the lab itself is written to the disk while measuring.
"""

import os
from dataclasses import dataclass

REALTIME_PRIORITY = 10
RAISED_NICENESS = -15
UNPERMITTED = "normal (raising was not permitted)"


class TooFewCoresError(RuntimeError):
    """The lab needs two cores, one for each node."""


@dataclass(frozen=True)
class Layout:
    """`nodes`: core of each node; `tools`: cores of generator and sampler (empty: any)."""

    nodes: dict[str, int]
    tools: tuple[int, ...]

    @property
    def said(self) -> str:
        """Say the layout for the recording's notes."""
        nodes = ", ".join(f"{node} = core {core}" for node, core in self.nodes.items())
        tools = f"cores {', '.join(map(str, self.tools))}" if self.tools else "either core, before all others"
        return f"{nodes}; load generator and sampler: {tools}"


def layout() -> Layout:
    """Lay out nodes over the cores this process may use; TooFewCoresError below two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise TooFewCoresError("the lab needs two cores (one for each node), and may use only one here")
    return Layout({"n1": cores[0], "n2": cores[1]}, tuple(cores[2:]))


def run_first() -> str:
    """Put this process before all normal ones, as far as permitted; says how."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REALTIME_PRIORITY))
    except PermissionError:
        return _raise_niceness()
    return f"SCHED_RR {REALTIME_PRIORITY}"


def _raise_niceness() -> str:
    try:
        os.setpriority(os.PRIO_PROCESS, 0, RAISED_NICENESS)
    except PermissionError:
        return UNPERMITTED
    return f"nice {RAISED_NICENESS}"

"""What a signal's name says: which family of symptoms it belongs to, and which kind of machine trouble it shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from models.incident import Category

Family = Literal["performance", "outputs", "inputs", "other"]

_FAMILIES: tuple[tuple[Family, tuple[str, ...]], ...] = (
    ("performance", ("latency*", "error_rate", "rate")),
    ("outputs", ("prediction*", "class*", "confidence*")),
    ("inputs", ("inputs*", "feature*")),
)
#: Signals of values that are not there.
MISSING = ("*missing_rate", "inputs.absent_share")
_WORDS = {"error_rate": "error rate", "rate": "request rate", "inputs.outlier_share": "share of outlying requests",
          "telemetry.rate": "telemetry", "class.unseen_share": "share of unseen classes",
          "inputs.absent_share": "share of absent features", "dead_letters.rate": "rate of dead letters"}  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """A kind of machine trouble: `weight` (0..1) is how well it explains slowness when it turns up."""

    patterns: tuple[str, ...]
    category: Category
    weight: float
    words: str


#: Requests under way. Little's law: their number is the rate times the latency, so it grows wherever answers are slow.
QUEUES = ("*queue*", "*waiting*")
#: First match counts. What mostly follows the load or the latency (bytes, switches, threads, queues) weighs little: it
#: is a symptom more often than a cause.
MACHINES = (
    Machine(("*oom*", "*out_of_memory*"), "oom", 1.0, "an out-of-memory kill"),
    Machine(("*gpu*error*", "*xid*", "*ecc*", "hw.errors*"), "gpu_fault", 1.0, "GPU errors"),
    Machine(("*gpu*",), "resource_saturation", 1.0, "GPU saturation"),
    Machine(("*switches*",), "resource_saturation", 0.25, "a rise of context switches"),
    Machine(("*threads*", "*open_files*", "*connection*"), "resource_saturation", 0.15, "a rise of open work"),
    Machine(
        ("*io*pressure*", "*iowait*", "*io_time*", "*operation_time*", "*filesystem*"), "storage", 0.9, "slow storage"
    ),
    Machine(("*disk*",), "storage", 0.3, "a rise of disk traffic"),
    Machine(("*network*err*", "*network*drop*", "*retrans*", "*packet*loss*"), "network", 0.9, "network errors"),
    Machine(("*network*", "*packet*"), "network", 0.3, "a rise of network traffic"),
    Machine(("*restart*",), "deployment", 0.95, "a process that does not stay up"),
    Machine(("*cpu*pressure*",), "resource_saturation", 0.6, "work that waits for the CPU"),  # of all cores together
    Machine(("*cpu*wait*",), "resource_saturation", 1.0, "work that waits for the CPU"),
    Machine(("*cpu*",), "resource_saturation", 1.0, "CPU saturation"),
    Machine(("*memory*", "*swap*", "*paging*"), "resource_saturation", 0.9, "memory pressure"),
    Machine(("*load*",), "resource_saturation", 0.8, "a rise of load"),
    Machine(QUEUES, "resource_saturation", 0.3, "a growing queue"),
    Machine(("*",), "resource_saturation", 0.3, "unusual machine load"),
)


def matches(signal: str, patterns: Iterable[str]) -> bool:
    """Tell whether a signal matches any of the patterns (`*` within the name)."""
    return any(fnmatchcase(signal, pattern) for pattern in patterns)


def family_of(signal: str) -> Family:
    """Return the family of a signal of a service.

    >>> family_of("latency_ms.p95"), family_of("feature.age.psi")
    ('performance', 'inputs')
    """
    return next((family for family, patterns in _FAMILIES if matches(signal, patterns)), "other")


def feature_of(signal: str) -> str | None:
    """Return the feature that a signal speaks of.

    >>> feature_of("feature.age.psi"), feature_of("rate")
    ('age', None)
    """
    inside = signal.removeprefix("feature.")
    return inside.rpartition(".")[0] if inside != signal else None


def machine_of(signal: str) -> Machine:
    """Return the kind of machine trouble that a rise of this signal shows."""
    return next(machine for machine in MACHINES if matches(signal, machine.patterns))


def falls_when_scarce(signal: str) -> bool:
    """Tell whether the trouble of this machine signal is a fall (`memory.available`), not a rise."""
    return matches(signal, ("*available*", "*free*", "*idle*"))


def say(signal: str) -> str:
    """Write a signal as people say it.

    >>> say("latency_ms.p95"), say("node.cpu.utilization")
    ('p95 latency', 'node.cpu.utilization')
    """
    if signal in _WORDS:
        return _WORDS[signal]
    if signal.startswith("latency_ms."):
        return f"{signal.removeprefix('latency_ms.')} latency"
    if signal.endswith(".psi"):
        return f"drift of {signal.removesuffix('.psi').removeprefix('feature.')}"
    if signal.startswith("confidence."):
        return f"{signal.removeprefix('confidence.')} confidence"
    return signal

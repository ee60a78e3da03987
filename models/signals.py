"""The names of signals, in one place: what they mean, which exist, and what OpenTelemetry calls them."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from models.config_problems import closest, unknown

#: Signals of a service's model outputs, per window. `<name>` stands for a class or a feature.
MODEL_SIGNALS: dict[str, str] = {
    "rate": "Answers per second.",
    "error_rate": "Share of answers that are errors, 0 to 1.",
    "latency_ms.p50": "Median latency, milliseconds.",
    "latency_ms.p95": "Latency that 95 % of the answers keep under, milliseconds.",
    "latency_ms.p99": "Latency that 99 % of the answers keep under, milliseconds.",
    "latency_ms.mean": "Mean latency, milliseconds.",
    "confidence.mean": "Mean confidence, 0 to 1.",
    "confidence.p10": "Confidence that 90 % of the answers exceed, 0 to 1.",
    "confidence.psi": "Confidence against the baseline: population stability index beyond chance.",
    "prediction.mean": "Mean of numeric predictions, in their unit.",
    "prediction.psi": "Numeric predictions against the baseline: population stability index beyond chance.",
    "class.<name>.share": "Share of one predicted class, 0 to 1.",
    "class.entropy": "Evenness of the predicted classes: entropy, nats.",
    "class.psi": "Predicted classes against the baseline: population stability index beyond chance.",
    "class.unseen_share": "Share of answers whose class the baseline never saw, 0 to 1.",
    "feature.<name>.mean": "Mean of one feature, in its unit.",
    "feature.<name>.missing_rate": "Share of answers that lack one feature, 0 to 1.",
    "feature.<name>.psi": "One numeric feature against the baseline: population stability index beyond chance.",
    "inputs.outlier_share": "Share of requests whose feature vector the pretrained forest calls strange, 0 to 1.",
    "inputs.absent_share": "Share of answers that carry no features at all, 0 to 1.",
}

#: First parts of the names of telemetry; other dotted names are metrics of the user's own.
DOMAINS = ("node", "service", "pod", "container", "gpu", "system", "k8s", "hw", "process")

#: Our short names of machine signals, and OpenTelemetry's (semantic conventions). Configuration takes both.
OPEN_TELEMETRY: dict[str, str] = {
    "node.cpu.utilization": "system.cpu.utilization",
    "node.cpu.time": "system.cpu.time",
    "node.memory.utilization": "system.memory.utilization",
    "node.memory.usage": "system.memory.usage",
    "node.paging.faults": "system.paging.faults",
    "node.disk.io": "system.disk.io",
    "node.disk.operations": "system.disk.operations",
    "node.disk.io_time": "system.disk.io_time",
    "node.disk.operation_time": "system.disk.operation_time",
    "node.filesystem.utilization": "system.filesystem.utilization",
    "node.network.io": "system.network.io",
    "node.network.errors": "system.network.errors",
    "node.network.dropped": "system.network.packet.dropped",
    "node.network.packets": "system.network.packet.count",
    "node.network.connections": "system.network.connection.count",
    "service.cpu.utilization": "process.cpu.utilization",
    "service.memory.rss_bytes": "process.memory.usage",
    "service.threads": "process.thread.count",
    "service.open_files": "process.unix.file_descriptor.count",
    "container.cpu": "container.cpu.usage",
    "container.cpu.limit_utilization": "k8s.container.cpu.limit.utilization",
    "container.memory": "container.memory.working_set",
    "container.restarts": "k8s.container.restart.count",
    "gpu.utilization": "hw.gpu.utilization",
    "gpu.memory.utilization": "hw.gpu.memory.utilization",
    "gpu.memory.usage": "hw.gpu.memory.usage",
    "gpu.io": "hw.gpu.io",
    "gpu.errors": "hw.errors",
}
_SHORT = {theirs: ours for ours, theirs in OPEN_TELEMETRY.items()}


def canonical(name: str) -> str:
    """Return our short name of a signal; names that OpenTelemetry does not share with us come back as they are.

    >>> canonical("system.memory.utilization")
    'node.memory.utilization'
    """
    return _SHORT.get(name, name)


def is_model_signal(name: str) -> bool:
    """Tell whether a plain name is one of the signals of model outputs."""
    return any(_fits(name, known) for known in MODEL_SIGNALS)


def judge_pattern(pattern: str, model_only: bool = False) -> tuple[str, str] | None:
    """Return message and hint for a name (`*` matches within it) that no signal can have, or None if one can.

    A name of telemetry is accepted unless it is nearly that of a model signal: metrics are the user's own.
    """
    if "*" in pattern:
        names = [*MODEL_SIGNALS, *([] if model_only else [*OPEN_TELEMETRY, *_SHORT])]
        if any(_may_match(pattern, name) for name in names) or (not model_only and _is_metric(pattern)):
            return None
        families = {known.split(".")[0]: None for known in MODEL_SIGNALS if "." in known}
        return unknown("signal", pattern, [f"{family}.*" for family in families])
    if is_model_signal(pattern):
        return None
    if model_only:
        message, hint = unknown("signal of model outputs", pattern, _examples(pattern))
        return message, hint
    return None if _is_metric(pattern) else unknown("signal", pattern, _examples(pattern))


def _fits(name: str, known: str) -> bool:
    """Match a name with a known one; `<name>` stands for anything, dots included."""
    before, hole, after = known.partition("<name>")
    if not hole:
        return name == known
    return name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)


def _may_match(pattern: str, known: str) -> bool:
    """Tell whether a pattern can match a known name; a hole may be filled with whatever the pattern asks for."""
    before, hole, after = known.partition("<name>")
    if not hole:
        return fnmatchcase(known, pattern)
    starts, ends = pattern.split("*")[0], pattern.rsplit("*")[-1]
    return _overlap(before, starts) and _overlap(after[::-1], ends[::-1])


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _is_metric(name: str) -> bool:
    first = name.split(".")[0]
    if first in DOMAINS:
        return len(name) > len(first) + 1
    families = {known.split(".")[0] for known in MODEL_SIGNALS}
    if first in families or not any(mark in name for mark in "._:/"):
        return False
    return "." in name and closest(first, families) is None if "*" in name else not list(_confused(name))


def _confused(name: str) -> Iterator[str]:
    if near := closest(name, _examples(name)):
        yield near


def _examples(name: str) -> list[str]:
    """Name the known signals, with a hole filled by what stands there in `name`."""
    parts = name.split(".")
    middle = ".".join(parts[1:-1]) or "NAME"
    return [known.replace("<name>", middle) for known in MODEL_SIGNALS]

"""A suspect of an incident, before it is weighed against the others."""

from dataclasses import dataclass

from models.incident import Category, Domain
from models.traces import Trace


@dataclass(frozen=True)
class Suspect:
    """A candidate before its confidence is known."""

    entity: str
    category: Category
    domain: Domain
    score: float
    argument: str
    trace: Trace | None = None
    at_ms: int | None = None


def describe(trace: Trace) -> str:
    """Say how far a signal is from its expectation."""
    peak = trace.peak
    if trace.signal is None or peak.observed is None or peak.expected is None:
        return {1: "unusually high", -1: "unusually low"}.get(trace.rise, "unusual")
    if peak.observed == 0:
        return "none, where some is usual"
    if peak.expected > 0 and not 0.8 < (ratio := peak.observed / peak.expected) < 1.25:
        return f"{ratio:.2g}x its expectation" if ratio < 10 else f"{ratio:.0f}x its expectation"
    return f"{peak.observed:.3g} instead of {peak.expected:.3g}"

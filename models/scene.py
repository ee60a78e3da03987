"""What a cause is looked for in: the traces and changes inside the join window of one incident."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from models.config import Join
from models.correlate_state import HeldChange
from models.neighbours import Callee
from models.symptoms import Family, family_of
from models.traces import Trace

#: Detectors whose verdicts are facts.
HARD = ("event", "silence")
#: So many calm windows between what might be a cause and the first strange one halve the suspicion.
CALM_HALVING = 2.0


def calm_weight(windows: float) -> float:
    """Weigh (0..1) what was over, or done, so many windows before the onset: each that stayed calm speaks for it."""
    return float(0.5 ** (max(0.0, windows) / CALM_HALVING))


@dataclass(frozen=True)
class Scene:
    """One incident at one moment. Times: epoch ms; `silent`: entities whose telemetry stopped during it."""

    service: str
    incident_id: str
    onset_ms: int
    last_seen_ms: int
    strange: int
    window_ms: int
    join: Join
    traces: tuple[Trace, ...]
    changes: tuple[HeldChange, ...]
    silent: tuple[str, ...]
    callees: tuple[Callee, ...] = ()

    @property
    def entity(self) -> str:
        """The service as an entity."""
        return f"service/{self.service}"

    @cached_property
    def symptoms(self) -> list[Trace]:
        """The service's own model signals, univariate where there are any (a multivariate verdict only explains)."""
        own = [trace for trace in self.traces if trace.stream == "model" and trace.relation == "self"]
        own = [trace for trace in own if trace.last_ms > self.onset_ms]
        return [trace for trace in own if trace.signal is not None] or own

    @cached_property
    def machines(self) -> list[Trace]:
        """Machine signals, of the service, of what carries it, of what it calls; univariate first."""
        infra = [trace for trace in self.traces if trace.stream == "infra" and trace.relation != "caller"]
        plain = {trace.subject for trace in infra if trace.signal is not None}
        return [trace for trace in infra if trace.signal is not None or trace.subject not in plain]

    @cached_property
    def facts(self) -> list[Trace]:
        """Hard faults during the incident: kills, restarts, and entities that fell silent; the strongest first."""
        found = [trace for trace in self.machines if trace.detector in HARD and trace.last_ms > self.onset_ms]
        return sorted(found, key=lambda trace: (-trace.peak.score, trace.key))

    @cached_property
    def weights(self) -> dict[Family, float]:
        """How strong the symptoms of each family are, as shares of the strongest (0..1); all 0 without symptoms."""
        found: dict[Family, float] = {"performance": 0.0, "outputs": 0.0, "inputs": 0.0, "other": 0.0}
        for trace in self.symptoms:
            family = family_of(trace.named or "")
            found[family] = max(found[family], trace.strength)
        top = max(found.values())
        return {family: weight / top if top else 0.0 for family, weight in found.items()}

    def strongest(self, family: Family) -> Trace | None:
        """Return the strongest symptom of a family."""
        those = [trace for trace in self.symptoms if family_of(trace.named or "") == family]
        return min(those, key=lambda trace: (-trace.peak.score, trace.key)) if those else None

    def nearness(self, trace: Trace) -> float:
        """Weigh an onset: full at or before the incident's within the join window, less after, long before, or over."""
        if trace.last_ms <= self.onset_ms - self.window_ms:
            return 0.4 * calm_weight((self.onset_ms - trace.last_ms) / self.window_ms - 1)
        if trace.onset_ms < self.onset_ms - self.join.infra_leads:
            return 0.4
        late_ms = trace.onset_ms - self.onset_ms
        blip = 0.6 if trace.windows == 1 and self.strange >= 3 else 1.0
        if late_ms <= 0:
            return blip
        if late_ms <= self.window_ms:
            return 0.8 * blip
        return (0.5 if late_ms <= self.join.infra_lags else 0.2) * blip

    def anomaly_id(self, trace: Trace) -> str:
        """Name an anomaly of this incident by its content."""
        return sha256("|".join((self.incident_id, *trace.key)).encode()).hexdigest()[:12]

    def when(self, at_ms: int) -> str:
        """Say when something began, beside the onset.

        Windows are the resolution: `began 4 s earlier` is meant within one window.
        """
        gap_s = (self.onset_ms - at_ms) / 1000
        if gap_s == 0:
            return "began in the same window"
        return f"began {abs(gap_s):g} s {'earlier' if gap_s > 0 else 'later'}"

"""One model service: answers, calls its dependency, and keeps a record of every request."""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crosstide.lab import training
from crosstide.lab.child import short
from crosstide.lab.client import CallError, Client
from crosstide.lab.clock import Clock, iso
from crosstide.lab.data import FRAUD_CLASS, FRAUD_SCORE

#: Spread (of the logarithm) of a slow backend's waits.
WAIT_SPREAD = 0.2


@dataclass(frozen=True)
class Loaded:
    """A model in memory. The service swaps it in one assignment, so a request sees one model throughout."""

    forest: Any
    version: str

    def predict(self, features: dict[str, float]) -> dict[str, float]:
        """Answer the probability of each class."""
        row = self.forest.predict_proba([list(features.values())])[0]
        return {str(name): float(p) for name, p in zip(self.forest.classes_, row, strict=True)}


@dataclass
class Service:
    """State of one service. `upstream`: the service it calls; `wait_s`: how long its backend makes it wait."""

    name: str
    clock: Clock
    loaded: Loaded
    upstream: Client | None
    upstream_name: str
    upstream_timeout_s: float
    wait_s: float = 0.0
    records: list[dict[str, Any]] = field(default_factory=list)
    #: calls of ours that had no answer; the recorder uses them only where the other side has no record
    failures: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        """Answer one request (`request_id`, `trace_id`, `sent`, `timeout_s`, `features`); CallError without an answer.

        `sent` is when the caller wanted it sent, on the monotonic clock: latency counts from there, waits included.
        """
        loaded, features = self.loaded, dict(call["features"])
        try:
            if self.wait_s:
                time.sleep(self.wait_s * random.lognormvariate(0, WAIT_SPREAD))
            if self.upstream is not None:
                features[FRAUD_SCORE] = self._ask(self.upstream, call)
            probabilities = loaded.predict(features)
        except CallError as error:
            self._record(call, loaded, features, f"Upstream{error}")
            raise
        best = max(probabilities, key=probabilities.__getitem__)
        self._record(call, loaded, features, None, best, probabilities[best])
        return {"prediction": best, "fraud_score": probabilities.get(FRAUD_CLASS)}

    def _ask(self, upstream: Client, call: dict[str, Any]) -> float:
        asked = {
            "request_id": f"{call['request_id']}-{self.upstream_name}",
            "trace_id": call["trace_id"],
            "sent": time.monotonic(),
            "timeout_s": self.upstream_timeout_s,
            "features": call["fraud_features"],
        }
        try:
            return short(upstream.post("/predict", asked, self.upstream_timeout_s)["fraud_score"])
        except CallError as error:
            self.failures.append(failure(self.upstream_name, asked, str(error), self.clock))
            raise

    def _record(
        self,
        call: dict[str, Any],
        loaded: Loaded,
        features: dict[str, float],
        error: str | None,
        prediction: str | None = None,
        confidence: float | None = None,
    ) -> None:
        took_s = time.monotonic() - call["sent"]
        if error is None and took_s > call["timeout_s"]:
            error = "Timeout"  # the caller has left: whatever we say now, nobody hears
        record = base(self.name, call, took_s, self.clock) | {"version": loaded.version, "features": features}
        if error is None:
            record |= {"prediction": prediction, "confidence": short(confidence or 0.0)}
        else:
            record["error"] = error
        self.records.append(record)

    def administer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Obey the lab: `wait_s` of the backend, or `path` and `version` of a model to load."""
        if "wait_s" in order:
            self.wait_s = float(order["wait_s"])
        if "path" in order:
            self.loaded = Loaded(training.load(Path(order["path"])), order["version"])
        return {"version": self.loaded.version, "wait_s": self.wait_s}


def base(service: str, call: dict[str, Any], took_s: float, clock: Clock) -> dict[str, Any]:
    """Begin a record of topic `model-outputs`; its time is that of the answer."""
    return {
        "service": service,
        "model": training.MODELS[service],
        "timestamp": iso(clock.now()),
        "request_id": call["request_id"],
        "trace_id": call["trace_id"],
        "latency_ms": short(took_s * 1000),
    }


def failure(service: str, call: dict[str, Any], error: str, clock: Clock) -> dict[str, Any]:
    """Make the record of a call that had no answer, as its caller saw it."""
    took_s = time.monotonic() - call["sent"]
    return base(service, call, took_s, clock) | {"features": call["features"], "error": error}

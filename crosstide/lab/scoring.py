"""One model service: fetches features, calls its dependency, answers, and keeps a record of every request."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crosstide.lab import training
from crosstide.lab.answers import Answer, Loaded
from crosstide.lab.backend import Backend
from crosstide.lab.child import Appender, short
from crosstide.lab.client import CallError, Client
from crosstide.lab.clock import Clock, iso
from crosstide.lab.data import FRAUD_CLASS, FRAUD_SCORE, table
from crosstide.lab.flight import Flight
from crosstide.lab.journal import Journal
from crosstide.lab.leak import Leak

#: A label comes after so many seconds at least, and up to as many again.
LABEL_DELAY_S = 20
#: How long a caller waits for an answer, by callee.
TIMEOUTS_S = {"store": 1.0, "fraud": 1.5, "price": 2.0, "ranking": 2.0, "checkout": 3.0}


@dataclass
class Service:
    """State of one service. `upstreams`: the services it calls; `backend`: what it waits for by itself."""

    name: str
    clock: Clock
    loaded: Loaded
    upstreams: dict[str, Client]
    records: Appender
    labels: Appender
    #: calls of ours that had no answer; the recorder uses them only where the other side has no record
    failures: Appender
    flight: Flight
    journal: Journal | None = None
    backend: Backend = field(default_factory=Backend)
    leak: Leak = field(default_factory=Leak)

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        """Answer one request (`request_id`, `trace_id`, `sent`, `timeout_s`, `row`, `draw`); CallError without one.

        `sent` is when the caller wanted it sent, on the monotonic clock: latency counts from there, waits included.
        """
        with self.flight.counted():
            return self._answer(call)

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        loaded, features = self.loaded, dict[str, float | None]()
        try:
            self.backend.ask()
            features |= self._features(call)
            if "fraud" in self.upstreams:
                features[FRAUD_SCORE] = self._fraud_score(call)
            answer = loaded.answer(features)
            if self.journal is not None:
                self.journal.write(call["request_id"])
        except CallError as error:
            self._record(call, loaded, features, f"Upstream{error}")
            raise
        self._record(call, loaded, features, None, answer)
        return {"prediction": answer.prediction, "fraud_score": answer.probabilities.get(FRAUD_CLASS)}

    def _features(self, call: dict[str, Any]) -> dict[str, float | None]:
        asked = {"service": self.name, "row": call["row"], "draw": call["draw"], "shift": call.get("shift")}
        answer: dict[str, float | None] = self.upstreams["store"].post("/features", asked, TIMEOUTS_S["store"])
        return answer

    def _fraud_score(self, call: dict[str, Any]) -> float:
        asked = {
            "request_id": f"{call['request_id']}-fraud",
            "trace_id": call["trace_id"],
            "sent": time.monotonic(),
            "timeout_s": TIMEOUTS_S["fraud"],
            "row": call["fraud_row"],
            "draw": call["fraud_draw"],
            "shift": call.get("fraud_shift"),
        }
        try:
            return short(self.upstreams["fraud"].post("/predict", asked, TIMEOUTS_S["fraud"])["fraud_score"])
        except CallError as error:
            self.failures.write(failure("fraud", asked, str(error), self.clock))
            raise

    def _record(
        self,
        call: dict[str, Any],
        loaded: Loaded,
        features: Mapping[str, float | None],
        error: str | None,
        answer: Answer | None = None,
    ) -> None:
        took_s = time.monotonic() - call["sent"]
        if error is None and took_s > call["timeout_s"]:
            error = "Timeout"  # the caller has left: whatever we say now, nobody hears
        record = base(self.name, call, took_s, self.clock) | {"version": loaded.version}
        record |= {"features": features} if features else {}
        if error is None and answer is not None:
            self._label(call, answer)
            number = isinstance(answer.prediction, float)
            record |= {"prediction": short(answer.prediction) if number else answer.prediction}  # type: ignore[arg-type]
            record |= {"confidence": short(answer.confidence)}
            if answer.probabilities:
                record["probabilities"] = answer.likeliest()
        else:
            record["error"] = error
        self.records.write(record)

    def _label(self, call: dict[str, Any], answer: Answer) -> None:
        """Write what will be known of the truth later."""
        truth = table(self.name).held_labels[call["row"]]
        label = answer.label(self.name, float(truth) if self.name == "price" else str(truth))
        delay_ms = 1000 * LABEL_DELAY_S + call["draw"] % (1000 * LABEL_DELAY_S)
        known = {"timestamp": iso(self.clock.now() + delay_ms), "label": label}
        self.labels.write({"service": self.name, "request_id": call["request_id"]} | known)

    def administer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Obey the lab: see `Stage.admin`."""
        if "wait_s" in order:
            self.backend.wait_s = float(order["wait_s"])
        if "leak_bytes_per_s" in order:
            self.leak.at(float(order["leak_bytes_per_s"]))
        for callee, port in order.get("upstreams", {}).items():
            self.upstreams[callee] = Client(port)
        if "path" in order:
            self.loaded = Loaded(training.load(Path(order["path"])), order["version"], training.neutral(self.name))
        return {"version": self.loaded.version, "wait_s": self.backend.wait_s}


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
    return base(service, call, time.monotonic() - call["sent"], clock) | {"error": error}

"""A run written out by rule: two services, two nodes, faults found, missed and without effect, and a trap."""

import json
import random
from pathlib import Path
from typing import Any

from tests.score_cases import at, fault, incident, write_lines, write_truth

WINDOW_S, LENGTH_S, WARM_UP_S = 10, 1500, 120
HOG, BAD, HARMLESS, TRAP = (400, 500), (900, 1010), (1080, 1120), (1250, 1310)


def write_run(folder: Path) -> tuple[Path, Path, Path]:
    """Write an output folder, an input folder and a truth; return their paths."""
    output, source = folder / "output", folder / "input"
    output.mkdir()
    source.mkdir()
    noise = random.Random(7)
    write_lines(output / "model-scores.jsonl", [line for t in _windows() for line in _model(t, noise)])
    write_lines(output / "infra-scores.jsonl", [line for t in _windows() for line in _infra(t, noise)])
    write_lines(output / "incidents.jsonl", incidents())
    (output / "summary.json").write_text(json.dumps(SUMMARY))
    change = {"service": "fraud", "timestamp": at(898), "type": "model_version", "ref": "fraud@7"}
    write_lines(source / "changes.jsonl", [change, {"service": "broken"}])
    return output, source, write_truth(folder / "truth.json", truth())


SUMMARY: dict[str, Any] = {
    "windows": {"size_ms": 10_000, "slide_ms": 10_000},
    "topics": {
        "model-outputs": {"0": {"consumed": 24_010, "scored": 23_990, "late": 12, "duplicate": 5, "dead_lettered": 3}},
        "telemetry": {"0": {"consumed": 36_000, "scored": 36_000, "late": 0, "duplicate": 0, "dead_lettered": 0}},
    },
    "incidents": 3,
    "elapsed_s": 41.2,
    "config_sha256": "9f" * 32,  # long words must not widen the page
    "versions": {"crosstide": "0.1.0", "apache-flink": "2.2.1", "python": "3.11.9"},
}


def truth() -> list[dict[str, Any]]:
    hurt = {"service": "fraud", "measure": "latency_ms.p50", "before": 8.237, "during": 57.77}
    hog: dict[str, Any] = {"target": "node/n1", "does": "busy processes on a core", "intensity": 0.66}
    version: dict[str, Any] = {
        "kind": "bad_model_version",
        "target": "service/fraud",
        "entities": ["service/fraud"],
        "categories": ["model_version"],
    }
    trap: dict[str, Any] = {"kind": "busy_node", "target": "node/n2", "trap": True, "entities": [], "categories": []}
    dependency: dict[str, Any] = {
        "kind": "slow_dependency",
        "reach": ["fraud", "checkout"],
        "entities": ["service/fraud"],
        "categories": ["dependency"],
    }
    drift: dict[str, Any] = {"kind": "input_drift", "entities": [], "categories": ["input_drift"]}
    return [
        fault("f1", *HOG, 404, **hog) | {"effect": hurt},
        fault("f2", *BAD, 903, **version),
        fault("f3", 700, 740, 705, **dependency),
        fault("f4", *HARMLESS, None, **drift),
        fault("t1", *TRAP, None, **trap),
    ]


def incidents() -> list[dict[str, Any]]:
    hog = [("node/n1", "resource_saturation"), ("service/fraud", "dependency"), ("service/fraud", "unknown")]
    bad = [("service/fraud", "model_version"), ("service/fraud", "input_drift")]
    busy = _anomalies("node/n1", "node.cpu.utilization", "infra", 395, 0.97, 0.42, (0.25, 0.58), 41.0)
    slow = _anomalies("service/fraud", "latency_ms.p95", "model", 405, 310.0, 62.0, (40.0, 85.0), 22.5)
    unsure = _anomalies("service/fraud", "confidence.mean", "model", 905, 0.61, 0.86, (0.82, 0.91), 18.0)
    more: dict[str, Any] = {"title": "fraud is slow while node n1 is busy", "anomalies": [busy, slow]}
    more |= {"grouping": {"members": ["checkout"]}, "impact": {"services": ["fraud", "checkout"]}}
    worse: dict[str, Any] = {"title": "fraud answers less surely", "anomalies": [unsure], "severity": "warning"}
    worse |= {"changes": [{"service": "fraud", "type": "model_version", "ref": "fraud@7", "timestamp": at(898)}]}
    return [
        incident("inc-a1", 400, 430, causes=hog, **more),
        incident("inc-a1", 400, 430, watermark=460, revision=2, causes=hog, **more),
        incident("inc-a1", 400, 430, revision=3, resolved=540, causes=hog, **more),
        incident("inc-b2", 900, 930, resolved=1050, causes=bad, **worse),
        incident("inc-d4", 1085, 1100, resolved=1120, causes=[("service/fraud", "unknown")]),
        incident("inc-c3", 1150, 1180, resolved=1200, causes=[("node/n2", "network")], title="<b>checkout</b> wavers"),
    ]


def _anomalies(
    entity: str,
    signal: str,
    stream: str,
    since: float,
    seen: float,
    expected: float,
    span: tuple[float, float],
    s: float,
) -> dict[str, Any]:
    return {
        "anomaly_id": f"{entity}-{signal}", "stream": stream, "detector": "ewma", "entity": entity, "score": s,
        "p_value": 1e-9, "onset_at": at(since), "signal": signal, "observed": seen, "expected": expected,
        "lower": span[0], "upper": span[1],
    }  # fmt: skip


def _windows() -> range:
    return range(0, LENGTH_S, WINDOW_S)


def _within(t: int, span: tuple[int, int]) -> bool:
    return span[0] <= t < span[1]


def _line(t: int, service: str, stream: str, detector: str, score: float, **more: Any) -> dict[str, Any]:
    window = {"start": at(t), "end": at(t + WINDOW_S)}
    base = {"service": service, "window": window, "detector": detector, "stream": stream, "n": 160, "p_value": 0.1}
    status = {"status": "warming_up", "reason": "12 windows needed"} if t < WARM_UP_S else {}
    return base | {"score": 0.0 if t < WARM_UP_S else round(abs(score), 4)} | more | status


def _model(t: int, noise: random.Random) -> list[dict[str, Any]]:
    found = []
    for service in ("fraud", "checkout"):
        hit = service == "fraud"
        slow = hit and _within(t, HOG)
        unsure = hit and _within(t, BAD)
        latency = (310 if slow else 62) * noise.uniform(0.9, 1.1)
        sure = (0.61 if unsure else 0.86) + noise.gauss(0, 0.01)
        s = 22 * noise.uniform(0.7, 1) if slow or unsure else abs(noise.gauss(0, 0.25))
        rates = {"error_rate": 0.002 * noise.random(), "rate": 16 + noise.gauss(0, 1)}
        found.append(_line(t, service, "model", "fused", s))
        band = {"expected": 62.0, "lower": 40.0, "upper": 85.0}
        found.append(
            _line(t, service, "model", "ewma", s if slow else 0.3, signal="latency_ms.p95", observed=latency, **band)
        )
        band = {"expected": 0.86, "lower": 0.82, "upper": 0.91}
        found.append(
            _line(t, service, "model", "ewma", s if unsure else 0.2, signal="confidence.mean", observed=sure, **band)
        )
        found += [_line(t, service, "model", "ewma", 0.1, signal=k, observed=v) for k, v in rates.items()]
    return found


def _infra(t: int, noise: random.Random) -> list[dict[str, Any]]:
    found = []
    for node in ("n1", "n2"):
        busy = (node == "n1" and _within(t, HOG)) or (node == "n2" and _within(t, TRAP))
        used = (0.97 if busy else 0.42) + noise.gauss(0, 0.02)
        s = 40 * noise.uniform(0.8, 1) if busy else abs(noise.gauss(0, 0.2))
        where: dict[str, Any] = {"entity": f"node/{node}"}
        found.append(_line(t, "fraud", "infra", "fused", s, **where))
        band = {"expected": 0.42, "lower": 0.25, "upper": 0.58}
        cpu = {"signal": "node.cpu.utilization", "observed": used}
        found.append(_line(t, "fraud", "infra", "ewma", s, **where, **cpu, **band))
        if s > 0.5:
            found.append(_line(t, "fraud", "infra", "ewma", s / 3, **where, signal="node.load", observed=used * 9))
    return found

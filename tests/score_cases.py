"""Incidents and truths for tests, written out in seconds from one start."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.times import to_iso

T0 = 1_790_000_000_000


def at(seconds: float) -> str:
    return to_iso(T0 + round(seconds * 1000))


def fault(id_: str, start: float, end: float, effect: float | None, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"id": id_, "kind": "cpu_hog", "trap": False, "intensity": 1.0, "effect": None}
    base |= {"categories": ["resource_saturation"], "entities": ["node/n1"]}
    when = {"start": at(start), "end": at(end), "effect_at": None if effect is None else at(effect)}
    return base | when | more


def incident(
    id_: str,
    onset: float,
    opened: float,
    *,
    resolved: float | None = None,
    watermark: float = 0,
    revision: int = 1,
    status: str | None = None,
    causes: Iterable[tuple[str, str]] = (("node/n1", "resource_saturation"),),
    merged_into: str | None = None,
    **data: Any,
) -> dict[str, Any]:
    pairs = list(causes)
    timeline = {"onset_at": at(onset), "first_symptom_at": at(onset), "detected_at": at(opened)}
    timeline |= {"opened_at": at(opened), "last_seen_at": at(opened), "watermark_at": at(watermark or opened)}
    if resolved is not None:
        timeline["resolved_at"] = at(resolved)
    state = status or ("open" if resolved is None else "resolved")
    candidates = [
        {"entity": e, "category": c, "domain": "infra", "score": 9.0 - n, "confidence": 0.6 / (n + 1),
         "argument": f"{e} turned strange {10 - n} s before the service"}
        for n, (e, c) in enumerate(pairs)
    ]  # fmt: skip
    block: dict[str, Any] = {
        "incident_id": id_, "revision": revision, "dedup_key": id_, "fingerprint": "f" * 64, "status": state,
        "transition": {"to": state, "reason": "2 of 3 windows strange"},
        "resolve_rule": {"policy": "all_clear", "clear_after_s": 30.0}, "severity": "high",
        "severity_factors": {"impact": 0.5, "confidence": 0.8, "persistence": 0.2},
        "title": f"fraud is slow ({id_})", "summary": "The 95th percentile of latency doubled.",
        "entity": {"service.name": "fraud"}, "timeline": timeline,
        "correlation": {"type": "joined", "rule": "service", "key": "fraud", "window_s": 150.0, "n_model": 3,
                        "n_infra": 2, "evidence_complete": True, "lag_s": 10.0},
        "root_cause": {k: candidates[0][k] for k in ("domain", "category", "entity", "score", "confidence")}
        | {"method": "score_and_onset", "candidates": candidates},
        "first_symptom": {"signal": "latency_ms.p95", "entity": "service/fraud", "at": at(onset)},
        "impact": {"services": ["fraud"]}, "anomalies": [], "anomalies_truncated": False, "changes": [],
        "grouping": {"members": []} | ({"merged_into": merged_into} if merged_into else {}),
        "provenance": {"job": "crosstide", "config_sha256": "0" * 64, "artifacts": [], "replay": True},
        "advice": "Move work off node n1.", "schema_version": 1,
    }  # fmt: skip
    return {
        "id": f"{id_}-{revision}", "source": "crosstide", "type": "incident.opened", "subject": "fraud",
        "time": at(opened), "partitionkey": "fraud", "correlationid": id_, "causationid": id_,
        "sequence": f"{revision:010}", "severitynumber": 13, "severitytext": "WARN", "recordedtime": at(opened),
        "specversion": "1.0", "datacontenttype": "application/json", "dataschema": "incident-1",
        "data": block | data,
    }  # fmt: skip


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def write_truth(path: Path, faults: Iterable[dict[str, Any]]) -> Path:
    path.write_text(json.dumps({"schema_version": 1, "faults": list(faults)}))
    return path

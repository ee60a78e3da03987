"""The figures of `lab.json` as rows of text: for the terminal, and for docs/quality.md."""

from collections.abc import Iterator
from typing import Any

Part = dict[str, Any]
NAMES = {"ours": "Crosstide", "static": "static thresholds", "zscore": "trailing z-score"}
#: Key in lab.json -> what a reader sees.
MEASURES = {
    "incident_recall": "recall",
    "incident_precision": "precision",
    "cause_hit_at_1": "cause hit@1",
    "chance_hit_at_1": "- by chance",
    "cause_hit_at_3": "cause hit@3",
    "chance_hit_at_3": "- by chance",
    "median_detection_windows": "median windows to detect",
    "quiet_trap_incidents": "incidents on quiet traps",
    "false_incidents_per_service_day": "false incidents a service and day",
}
WORST = 8
#: What the judge has to reach, over faults with measured effect.
FLOORS = {"incident_recall": 0.85, "incident_precision": 0.85, "cause_hit_at_1": 0.7}


def header() -> list[str]:
    """Head the columns of `rows`."""
    return ["measure", *NAMES.values()]


def rows(part: Part) -> Iterator[list[str]]:
    """Answer the table of one part: a measure a row, with its 95 % interval."""
    sides = [part, *(part["rivals"][name] for name in NAMES if name != "ours")]
    for key, name in MEASURES.items():
        yield [name, *(_cell(side, key) for side in sides)]
    yield ["alerts sent", *(str(side["alerts"]) for side in sides)]


def caption(name: str, part: Part) -> str:
    """Say what a part is made of."""
    about = part["about"]
    made = ", ".join(about["recordings"]) + (f", seed {about['seed']}" if "seed" in about else "")
    apart = f", {part['n_without_effect']} without effect (counted apart)" if part["n_without_effect"] else ""
    return f"{name} ({made}): {part['n_faults']} faults with measured effect{apart}, {part['n_traps']} quiet traps"


def fault_rows(part: Part) -> Iterator[list[str]]:
    """Answer a row per fault and trap: what it was, what it did, what was said of it."""
    for row in part["faults"]:
        found = {True: "found", False: "MISSED", None: row["outcome"]}[row["found"]]
        hit = {True: "right", False: "in first 3" if row["hit_at_3"] else "WRONG", None: ""}[row["hit_at_1"]]
        windows = "" if row["detection_windows"] is None else f"{row['detection_windows']:.1f}"
        strength = "" if row["intensity"] is None else f"{row['intensity']:.2f}"
        told = [found + (" (shared)" if row["shared"] else ""), windows, row["cause"] or "", hit]
        yield [row["kind"], row["target"] or "", strength, _effect(row), *told]


def fault_header() -> list[str]:
    """Head the columns of `fault_rows`."""
    return ["fault", "target", "strength", "measured effect", "outcome", "windows", "first cause", "cause"]


def misses(part: Part) -> Iterator[str]:
    """Name the worst: faults missed, the largest effect first; then wrong causes; then false incidents."""
    missed = sorted((row for row in part["faults"] if row["found"] is False), key=lambda row: -_size(row))
    wrong = [row for row in part["faults"] if row["found"] and not row["hit_at_1"]]
    lines = [f"missed: {_fault(row)}, {_effect(row)}" for row in missed]
    lines += [f"wrong cause: {_fault(row)}: said {row['cause']}" for row in wrong]
    lines += [f"false: {row['recording']} {row['onset_at'][11:19]} {row['title']} ({row['why']})"
              for row in part["false_incidents"]]  # fmt: skip
    yield from lines[:WORST]
    if len(lines) > WORST:
        yield f"and {len(lines) - WORST} more, in lab.json"


def verdict(part: Part) -> str:
    """Say whether a part reaches the floors, is quiet on traps and is ahead of both rivals."""
    fails = [f"{MEASURES[k]} below {floor}" for k, floor in FLOORS.items() if part[k] is None or part[k] < floor]
    fails += [f"{part['quiet_trap_incidents']} incidents on quiet traps"] if part["quiet_trap_incidents"] else []
    for name, rival in part["rivals"].items():
        behind = [MEASURES[key] for key in FLOORS if (rival[key] or 0) > (part[key] or 0)]
        fails += [f"{', '.join(behind)} behind {NAMES[name]}"] if behind else []
    return "floors: " + ("; ".join(fails) if fails else "all met, and not behind either rival")


def _fault(row: Part) -> str:
    return f"{row['recording']} {row['id']} on {row['target']} (strength {row['intensity']})"


def _effect(row: Part) -> str:
    effect = row["effect"]
    if effect is None:
        return "no measured effect"
    return f"{effect['service']} {effect['measure']} {effect['before']:.4g} to {effect['during']:.4g}"


def _size(row: Part) -> float:
    """How far an effect went, relative to where it began."""
    effect = row["effect"] or {"before": 1.0, "during": 1.0}
    before = abs(effect["before"]) or 0.01
    return float(abs(effect["during"] - effect["before"]) / before)


def _cell(side: Part, key: str) -> str:
    value, interval = side[key], side["intervals"].get(key)
    if value is None:
        return "none"
    text = str(value) if isinstance(value, int) else f"{value:.2f}"
    return text if interval is None else f"{text} [{interval[0]:.2f}, {interval[1]:.2f}]"

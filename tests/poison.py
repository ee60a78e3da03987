"""Bad input for the job, and what must become of each line, worked out apart from the project's own code.

A line has a fate: `scored`, `dropped_by_policy`, `heartbeat`, `blank`, or the reason that its dead letter must give.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

PANE_MS, DELAY_MS, MAX_AHEAD_MS = 5_000, 5_000, 60_000
AHEAD_MS = 3_900_000_000_000
#: Topics in which a record can be late.
WINDOWED = ("model-outputs", "telemetry")


@dataclass(frozen=True)
class Line:
    """A line of an input file. `time`: its record's time (epoch ms), None where nobody can read one."""

    value: bytes
    time: int | None
    fate: str
    identity: tuple[Any, ...] | None = None
    skewed: bool = False


@dataclass
class Expected:
    """The account of a topic, and its dead letters: offset -> (reason, whole original)."""

    counts: Counter[str] = field(default_factory=Counter)
    letters: dict[int, tuple[str, bytes]] = field(default_factory=dict)


def expect(topic: str, lines: list[Line], now_ms: int) -> Expected:
    """Work out where every line must go: watermark, panes, duplicates and all."""
    found, seen = Expected(), set[tuple[Any, ...]]()
    time, watermark, offset = 0, -1, -1
    for line in lines:
        if line.fate == "blank":
            continue
        offset += 1
        time = time if line.time is None else line.time
        ahead = time > now_ms + MAX_AHEAD_MS
        late = topic in WINDOWED and time // PANE_MS * PANE_MS + PANE_MS - 1 <= watermark
        watermark = max(watermark, (0 if ahead else time) - DELAY_MS)
        if line.fate == "heartbeat":
            continue
        fate = "timestamp_ahead" if ahead else "late" if late else line.fate
        if line.identity is not None and fate == "scored":
            fate = "duplicate" if line.identity in seen else "scored"
            seen.add(line.identity)
        found.counts["skewed"] += fate in ("scored", "duplicate") and line.skewed
        found.counts["consumed"] += 1
        counted = fate in ("scored", "duplicate", "late", "dropped_by_policy")
        found.counts[fate if counted else "dead_lettered"] += 1
        if fate == "late" or not counted:
            found.letters[offset] = (fate, line.value)
    return found


def shuffled(lines: list[Line], dice: random.Random) -> list[Line]:
    """Put lines in another order in which no one comes more than the out-of-orderness behind the newest."""
    return sorted(lines, key=lambda line: (line.time or 0) + dice.randrange(DELAY_MS))


def sprinkled(topic: str, good: list[Line], dice: random.Random) -> list[Line]:
    """Put every poison of a topic behind some good line, and copies of good lines near them and far behind them."""
    places: dict[int, list[Poison]] = {}
    for poison in poisons(topic):
        places.setdefault(dice.randrange(len(good) // 4, len(good)), []).append(poison)
    lines: list[Line] = []
    for at, line in enumerate(good):
        lines.append(line)
        if topic in WINDOWED and at % 97 == 5:
            lines.append(good[at - dice.randrange(5)])
        if topic in WINDOWED and at % 397 == 396:
            lines.append(good[at - 396])
        for poison in places.get(at, []):
            # the time of the line before: it is then the same whether the poison's own can be read or not
            before = next(one.time for one in reversed(lines) if one.time is not None)
            lines.append(poison(before, len(lines)))
    return lines


Poison = Callable[[int, int], Line]


def poisons(topic: str) -> Iterator[Poison]:
    """Yield every poison that fits a topic; each is made from a time and a number."""
    for fate, broken in _BROKEN:
        yield lambda t, n, fate=fate, b=broken: Line(b(json.dumps(base(topic, t, n))), None, fate)  # type: ignore[misc]
    accepted = "dropped_by_policy" if topic == "labels" else "scored"
    for name, only in _FIELDS[topic]:
        for fate, text in _VALUES if only is None else [(only, "[]")]:
            yield lambda t, n, a=(name, fate, text): _with_field(topic, t, n, accepted, *a)  # type: ignore[misc]
    for text in ("9223372036854775808", "-5", "1.5", '"yesterday"', "1" * 5000, "1700000000000000000", "true", "null"):
        yield lambda t, n, text=text: Line(_raw(base(topic, t, n), "timestamp", text), None, "mistyped")  # type: ignore[misc]
    yield lambda t, n: Line(_raw(base(topic, t, n), "timestamp", str(AHEAD_MS)), AHEAD_MS, accepted)
    yield lambda t, n: Line(b'{"heartbeat":true}', None, "heartbeat")
    yield lambda t, n: Line(b"", None, "blank")
    yield lambda t, n: Line(b" \t ", None, "blank")
    if topic in WINDOWED:
        yield lambda t, n: Line(_raw(base(topic, t, n), "timestamp", str(t - 600_000)), t - 600_000, "scored")
        yield lambda t, n: Line(
            _raw(base(topic, t, n), "timestamp", '"0001-01-01T00:00:00Z"'), None, "scored", skewed=True
        )


def base(topic: str, time: int, number: int) -> dict[str, Any]:
    """Answer a sound message of a service of its own."""
    common = {"service": "poisoned", "timestamp": time}
    own: dict[str, dict[str, Any]] = {
        "model-outputs": {"request_id": f"p{number}"},
        "telemetry": {"node": "poisoned", "metric": f"m{number}", "value": 1},
        "labels": {"request_id": f"p{number}", "label": 1},
        "changes": {"type": "deploy", "ref": "v1"},
    }
    return common | own[topic]


def _with_field(topic: str, time: int, number: int, accepted: str, name: str, fate: str, text: str) -> Line:
    value = _raw(base(topic, time, number), name, text)
    return Line(value, None, accepted if fate == "accepted" else fate)


def _raw(body: dict[str, Any], name: str, text: str) -> bytes:
    """Write a message with one field's value as given, which need not be JSON."""
    whole = json.dumps({**body, name: "\0here\0"})
    return whole.replace(json.dumps("\0here\0"), text).encode()


#: What breaks a message as a whole.
_BROKEN: list[tuple[str, Callable[[str], bytes]]] = [
    ("malformed", lambda text: text.replace("poisoned", "\\ud800", 1).encode()),
    ("malformed", lambda text: text.replace("poisoned", "\0", 1).encode().replace(b"\0", b"\xff\xfe")),
    ("malformed", lambda text: b"\xef\xbb\xbf" + text.encode()),
    ("malformed", lambda text: text.encode("utf-16")),
    ("malformed", lambda text: text[:-5].encode()),
    ("malformed", lambda text: text.encode() + b"{}"),
    ("malformed", lambda _: bytes(set(range(256)) - {10, 13})),
    ("malformed", lambda text: b'{"extra":' + b"[" * 100_000 + b"]" * 100_000 + b"," + text[1:].encode()),
    ("mistyped", lambda _: b"null"),
    ("mistyped", lambda _: b'"text"'),
    ("mistyped", lambda _: b"17"),
    ("mistyped", lambda _: b"[]"),
    ("mistyped", lambda _: b"{}"),
    ("mistyped", lambda text: text.replace("poisoned", "", 1).encode()),
    ("mistyped", lambda text: text.replace("poisoned", "\\u0000", 1).encode()),
    ("mistyped", lambda text: text.replace("poisoned", "x" * 201, 1).encode()),
    ("oversized", lambda text: text.replace("poisoned", "x" * 10_000_000, 1).encode()),
    ("oversized", lambda text: text.encode() + b" " * 300_000 + b"."),
]
#: What a number's place can hold.
_VALUES = [
    ("non_finite", "NaN"),
    ("non_finite", "-Infinity"),
    ("non_finite", "1e400"),
    ("non_finite", "1" * 5000),
    ("mistyped", "true"),
    ("mistyped", '"12"'),
    ("accepted", "9223372036854775808"),
    ("accepted", "18446744073709551616"),
    ("accepted", "1e308"),
    ("accepted", "-1e308"),
]
#: Topic -> (field, the fate of a list in it, or None for a number to be poisoned by every value).
_FIELDS: dict[str, list[tuple[str, str | None]]] = {
    "model-outputs": [("latency_ms", None), ("confidence", None), ("features", "mistyped"), ("error", "mistyped")],
    "telemetry": [("value", None), ("metric", "mistyped"), ("kind", "mistyped"), ("node", "mistyped")],
    "labels": [("label", "mistyped"), ("request_id", "mistyped")],
    "changes": [("type", "mistyped"), ("ref", "mistyped")],
}

"""Too many dead letters are an incident about the stream itself, which resolves when they cease."""

import json
from typing import Any

import msgspec
from pyflink.common import Row

from models.batch import AHEAD
from models.batch_packets import dead_letter
from models.config import Pipeline
from models.correlate import CorrelatorSettings
from models.evidence import Evidence
from models.packets import Packet
from models.stream_health import Watch, close
from tests.harness import Harness
from udfs.correlate import Correlate
from udfs.health import WatchStreams
from udfs.lanes import in_lanes
from udfs.packets import to_row

T0 = 1_700_000_000_000
PIPELINE = Pipeline.model_validate(
    {
        "windows": {"pane": "1s", "size": "2s", "out_of_orderness": "1s"},
        "clearing": {"after": "6s"},
        "limits": {"dead_letter_rate": 5},
    }
)


def letter(at_ms: int) -> Row:
    return to_row(Packet("dead-letters", "telemetry/0", T0 + at_ms, b"{}"))


def by_topic(row: Any) -> str:
    return str(row[1]).rpartition("/")[0]


def told(rows: list[Row]) -> list[tuple[int, float, int]]:
    found = [msgspec.msgpack.decode(row[3], type=Evidence) for row in rows]
    return [(one.end_ms - T0, one.scores[0].score, len(one.scores)) for one in found]


def test_letters_are_counted_by_the_window_of_their_own_time_and_compared_with_the_limit() -> None:
    harness = Harness(WatchStreams(PIPELINE), by_topic)
    for at in (100, 1900, 2100, *[2200] * 19):
        harness.process(letter(at))
    assert told(harness.advance_watermark(T0 + 3999)) == [(2000, 0.2, 1), (4000, 2.0, 2)]


def test_windows_go_on_until_an_incident_would_have_resolved_and_then_nothing_is_left() -> None:
    harness = Harness(WatchStreams(PIPELINE), by_topic)
    harness.process(letter(100))
    ends = [end for end, _, _ in told(harness.advance_watermark(T0 + 60_000))]
    assert ends == [2000, 4000, 6000, 8000, 10_000, 12_000, 14_000, 16_000]
    assert (harness.timers, harness._store.state) == ([], {})


def test_a_restart_at_any_moment_changes_nothing() -> None:
    plain, broken = Harness(WatchStreams(PIPELINE), by_topic), Harness(WatchStreams(PIPELINE), by_topic)
    for step in range(30):
        for harness in (plain, broken):
            for _ in range(12 if 5 <= step < 9 else 1):
                harness.process(letter(1000 * step))
            harness.advance_watermark(T0 + 1000 * step)
        broken = broken.restore(broken.snapshot())
    assert [row._values for row in plain.outputs] == [row._values for row in broken.outputs]


def test_a_late_letter_after_a_restart_counts_in_the_window_that_is_going_on_and_none_is_judged_again() -> None:
    harness = Harness(WatchStreams(PIPELINE), by_topic)
    harness.process(letter(100))
    harness.advance_watermark(T0 + 3999)
    again = harness.restore(harness.snapshot())
    again.process(letter(500))
    assert told(again.advance_watermark(T0 + 5999)) == [(6000, 0.1, 1)]


def test_a_letter_from_the_future_counts_in_the_window_that_is_going_on_if_any_is_known() -> None:
    future = dead_letter("telemetry", b"{}", (T0 + 10**9, 0, 7), AHEAD)
    _, (_, (_, head)) = list(in_lanes([to_row(future)]))
    harness = Harness(WatchStreams(PIPELINE))
    harness.process(head)
    assert (harness.timers, harness._store.state) == ([], {})
    harness.advance_watermark(T0 + 999)
    harness.process(head)
    assert harness.timers == [(T0 + 1999, "telemetry")]
    assert told(harness.advance_watermark(T0 + 1999)) == [(2000, 0.1, 1)]


def test_the_end_of_a_replay_is_not_watched() -> None:
    watch = Watch().counting(T0, 0, 2000)
    after, closed = close(watch, 2**63 - 1, PIPELINE)
    assert len(closed) == 1
    assert after.counts == {}


def test_an_incident_about_the_stream_opens_and_resolves() -> None:
    health, correlate = Harness(WatchStreams(PIPELINE), by_topic), Harness(Correlate(_settings()))
    for step in range(40):
        for _ in range(40 if 4 <= step < 10 else 0):
            health.process(letter(1000 * step))
        for row in health.advance_watermark(T0 + 1000 * step):
            correlate.process(row)
        correlate.advance_watermark(T0 + 1000 * step)
    events = [json.loads(row[3]) for row in correlate.outputs if row[0] == "incidents"]
    assert [event["type"].split(".")[-2] for event in events][:1] == ["opened"]
    assert events[-1]["type"].split(".")[-2] == "resolved"
    assert {event["data"]["entity"]["service.name"] for event in events} == {"stream.telemetry"}


def _settings() -> CorrelatorSettings:
    return CorrelatorSettings(PIPELINE, "0" * 64, [], False)

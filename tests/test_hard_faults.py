"""Hard faults: facts that may open an incident alone, also where the service has a model stream."""

from typing import Any

import pytest

from models.artifact import Artifacts
from models.bucket import Bucket
from models.config import Pipeline
from models.correlate import is_open
from models.correlate_state import unpack
from models.evidence import Evidence
from models.hard_faults import CERTAIN, NOTED
from models.scorer import Scorer
from models.scores import Contribution, Judged, Score, Span
from models.times import to_iso
from tests.core_cases import PIPELINE, T0, arrival, read, sample
from tests.correlate_cases import BUSY, SLOW, Run, fused, seen, settings, window

SIZE = PIPELINE.windows.size


def judged(windows: int, *samples: dict[str, object], pipeline: Pipeline = PIPELINE) -> list[dict[str, list[Score]]]:
    """The lines of events by subject, window by window; a sample says its window in `at`."""
    bucket = Bucket[Any]("infra", pipeline, Scorer.of("infra", pipeline, Artifacts.empty()).judge)
    memory, told = None, []
    for index in range(windows):
        mine = [one for one in samples if one["at"] == index]
        times = [T0 + index * SIZE + 1000 * place for place in range(len(mine))]
        fields = [{name: value for name, value in one.items() if name != "at"} for one in mine]
        arrivals = [arrival(sample(timestamp=at, **one), at) for at, one in zip(times, fields, strict=True)]
        packets = read("telemetry", arrivals, pipeline)
        panes = [(packet.timestamp, packet.value) for packet in packets if packet.topic == "pane"]
        closed = bucket.close(memory, panes, T0 + (index + 1) * SIZE)
        memory = closed.memory
        found = {one.subject: [score for score in one.scores if score.detector == "event"] for one in closed.judged}
        told.append({subject: lines for subject, lines in found.items() if lines})
    return told


def event(at: int, metric: str, **fields: object) -> dict[str, object]:
    return {"at": at, "metric": metric, "kind": "event", **fields}


@pytest.mark.parametrize("metric", ["service.oom_kill", "oom_kills", "container.oom", "k8s.out_of_memory.count"])
def test_one_kill_is_a_fact(metric: str) -> None:
    ((line,),) = judged(1, event(0, metric))[0].values()
    assert (line.signal, line.score, line.observed, line.expected) == (metric, CERTAIN, 1.0, 0.0)
    assert (line.entity, line.direction, line.status) == ("node/n1", "up", "ok")


@pytest.mark.parametrize(
    "one",
    [
        event(0, "room.count"),
        event(0, "service.oom_kill", value=0.0),
        {"at": 0, "metric": "process.oom_score", "kind": "gauge", "value": 700.0},
        {"at": 0, "metric": "container.oom_events", "kind": "counter", "value": 7.0},
    ],
)
def test_what_is_no_occurrence_of_a_kill_says_nothing(one: dict[str, object]) -> None:
    assert judged(2, one) == [{}, {}]


def test_the_verdict_of_the_subject_is_as_strong_even_where_nothing_else_can_judge_it() -> None:
    bucket = Bucket[Any]("infra", PIPELINE, Scorer.of("infra", PIPELINE, Artifacts.empty()).judge)
    packets = read("telemetry", [arrival(sample(metric="oom_kills", kind="event"))])
    panes = [(packet.timestamp, packet.value) for packet in packets if packet.topic == "pane"]
    (one,) = bucket.close(None, panes, T0 + SIZE).judged
    verdict = one.scores[0]
    assert (verdict.detector, verdict.status, verdict.reason, verdict.score) == ("fused", "ok", None, CERTAIN)
    assert verdict.contributions == [Contribution("oom_kills", 1.0)]


def test_one_restart_is_noted_and_a_second_soon_after_it_is_a_loop() -> None:
    told = judged(6, event(0, "service.restarts"), event(4, "service.restarts"))
    assert [line.score for lines in told for line in lines.get("node/n1", [])] == [NOTED, CERTAIN]
    late = judged(12, event(0, "service.restarts"), event(9, "service.restarts"))
    assert [line.score for lines in late for line in lines.get("node/n1", [])] == [NOTED, NOTED]
    twice = judged(1, event(0, "service.restarts"), event(0, "service.restarts"))
    assert [line.score for line in twice[0]["node/n1"]] == [CERTAIN]


def test_a_counter_of_restarts_counts_by_its_increase() -> None:
    samples = [{"at": at, "metric": "container.restarts", "kind": "counter", "value": value}
               for at, value in enumerate([3.0, 3.0, 4.0, 4.0, 5.0])]  # fmt: skip
    assert [line.score for lines in judged(5, *samples) for line in lines.get("node/n1", [])] == [NOTED, CERTAIN]


def test_windows_that_overlap_count_a_restart_once() -> None:
    sliding = Pipeline.model_validate({"windows": {"pane": "5s", "size": "20s", "slide": "10s"}})
    told = judged(4, event(0, "service.restarts"), pipeline=sliding)
    assert [line.score for lines in told for line in lines.get("node/n1", [])] == [NOTED, NOTED]


def test_an_event_of_a_node_that_names_a_service_is_of_that_service() -> None:
    (told,) = judged(1, event(0, "oom_kills", service="checkout"))
    assert list(told) == ["service/checkout"]


def fact(service: str, subject: str, index: int, signal: str, score: float = CERTAIN) -> Score:
    start, end = window(index)
    return Score(
        service=service, window=Span(to_iso(start), to_iso(end)), detector="event", score=score, p_value=1e-9, n=1,
        stream="infra", entity=subject, signal=signal, observed=1.0, expected=0.0, direction="up",
    )  # fmt: skip


def with_lines(one: Evidence, *lines: Score) -> Evidence:
    return type(one)(
        **{**{name: getattr(one, name) for name in one.__struct_fields__}, "scores": [*lines, *one.scores]}
    )


def absent(service: str, subject: str, relation: str, stream: str, index: int, score: float) -> Evidence:
    """A subject of which nothing came: usual for it, or silence."""
    start, end = window(index)
    verdict = fused(service, subject, stream, index, score, 0)  # type: ignore[arg-type]
    signal = "rate" if stream == "model" else "telemetry.rate"
    line = Score(
        service=service, window=verdict.window, detector="silence", score=score, p_value=10.0**-score, n=0,
        stream=stream, entity=subject, signal=signal, observed=0.0, expected=2.0, direction="down",  # type: ignore[arg-type]
    )  # fmt: skip
    return Evidence(
        service=service, subject=subject, relation=relation, stream=stream, start_ms=start, end_ms=end,  # type: ignore[arg-type]
        scores=[verdict, *([line] if score >= 0.5 else [])],
    )  # fmt: skip


def killed(run: Run, subject: str, relation: str, signal: str = "service.oom_kill", score: float = CERTAIN) -> None:
    """One window in which the service is well and something happens under it."""
    index = run.next
    own = seen(run.service, f"service/{run.service}", "self", "model", index)
    node = seen(run.service, run.node, "carrier", "infra", index)
    one = node if subject == node.subject else seen(run.service, subject, relation, "infra", index)  # type: ignore[arg-type]
    told = with_lines(one, fact(run.service, subject, index, signal, score))
    run.step([own, told] if one is node else [own, node, told])


def test_one_kill_opens_at_once_though_the_model_stream_is_well() -> None:
    run = Run("checkout")
    run.go(3)
    killed(run, "pod/p1", "carrier")
    assert run.kinds == ["opened"]
    data = run.events[0].data
    assert (data.correlation.rule, data.correlation.type) == ("hard_fault", "infra_only")
    assert data.transition.reason == "hard fault: service.oom_kill"
    assert (data.root_cause.category, data.root_cause.entity) == ("oom", "pod/p1")


def test_model_evidence_that_follows_belongs_to_the_same_incident() -> None:
    run = Run("fraud")
    run.go(3)
    killed(run, "node/n2", "carrier")
    run.go(4, SLOW)
    assert run.kinds.count("opened") == 1 and run.kinds[-1] == "updated"
    assert run.events[-1].data.correlation.type == "joined"
    run.go(2)
    assert "resolved" not in run.kinds
    run.go(3)
    assert run.kinds[-1] == "resolved" and len({event.subject for event in run.events}) == 1


def test_a_kill_during_an_incident_opens_no_second_one() -> None:
    run = Run("fraud")
    run.go(3)
    run.go(3, SLOW)
    killed(run, "node/n2", "carrier")
    run.go(3, SLOW)
    run.go(6)
    assert run.kinds.count("opened") == run.kinds.count("resolved") == 1
    assert run.events[0].data.correlation.rule == "model_opens"


def test_a_single_restart_opens_nothing_and_a_loop_does() -> None:
    run = Run("fraud")
    run.go(3)
    killed(run, "node/n2", "carrier", "service.restarts", NOTED)
    assert run.events == []
    killed(run, "node/n2", "carrier", "service.restarts")
    assert run.kinds == ["opened"]


def test_an_event_on_what_carries_several_services_is_evidence_only() -> None:
    both = settings(topology={"services": {"checkout": {"on": ["node/n1"]}, "fraud": {"on": ["node/n1", "node/n2"]}}})
    run = Run("checkout", both)
    run.go(3)
    killed(run, "node/n1", "carrier")
    assert run.events == []
    run.go(2, SLOW)
    assert run.events[0].data.root_cause.category == "oom"


def quiet(run: Run, windows: int, score: float, own: bool = False) -> None:
    """Windows in which the node is silent, and with `own` the service's own telemetry too."""
    for _ in range(windows):
        index = run.next
        told = [seen(run.service, f"service/{run.service}", "self", "model", index)]
        told.append(absent(run.service, run.node, "carrier", "infra", index, score))
        if own:
            told.append(absent(run.service, f"service/{run.service}", "self", "infra", index, score))
        run.step(told)


def test_silent_telemetry_opens_after_two_windows_and_resolves_when_it_is_back() -> None:
    run = Run("checkout")
    run.go(3)
    quiet(run, 1, 0.6)
    quiet(run, 1, 1.2)
    assert run.events == []
    quiet(run, 1, 1.8)
    data = run.events[0].data
    assert data.correlation.rule == "hard_fault" and data.transition.reason == "hard fault: telemetry.rate"
    assert data.timeline.onset_at == to_iso(window(3)[0]), "it began where the last window with records ended"
    assert (data.root_cause.category, data.root_cause.entity) == ("telemetry_loss", "node/n1")
    quiet(run, 10, 4.0)
    run.go(2)
    assert "resolved" not in run.kinds
    run.go(1)
    assert run.kinds[-1] == "resolved"
    assert run.events[-1].data.root_cause.category == "telemetry_loss", "the cause stays when it is over"


def test_one_silent_node_under_several_services_is_one_incident() -> None:
    both = settings(topology={"services": {"checkout": {"on": ["node/n1"]}, "shop": {"on": ["node/n1"]}}})
    first, second = Run("checkout", both), Run("shop", both)
    for run in (first, second):
        run.go(3)
        quiet(run, 6, 2.0, own=True)
    assert first.kinds[0] == "opened" and second.events == []


def test_absence_that_is_usual_neither_blocks_resolving_nor_ends_an_incident() -> None:
    run = Run("checkout")
    run.go(3, SLOW)
    for _ in range(4):
        quiet(run, 1, 0.3)
    assert run.kinds[-1] == "resolved"
    sparse = Run("fraud")
    sparse.go(3, SLOW)
    for calm in (True, False, False, False, False):
        index = sparse.next
        own = seen("fraud", "service/fraud", "self", "model", index)
        node = seen("fraud", "node/n2", "carrier", "infra", index)
        sparse.step([own if calm else absent("fraud", "service/fraud", "self", "model", index, 0.1), node])
    assert "resolved" not in sparse.kinds
    sparse.go(1)
    assert sparse.kinds[-1] == "resolved"


def test_traffic_that_stops_is_model_evidence_and_opens() -> None:
    run = Run("checkout")
    run.go(3)
    for score in (0.6, 1.2, 1.8):
        index = run.next
        run.step([
            absent("checkout", "service/checkout", "self", "model", index, score),
            seen("checkout", "node/n1", "carrier", "infra", index),
        ])  # fmt: skip
    data = run.events[0].data
    assert data.correlation.rule == "model_opens"
    assert (data.first_symptom.signal, data.first_symptom.entity) == ("rate", "service/checkout")
    part = Run("checkout")
    part.go(3)
    part.go(5, {"rate": (9.0, 1.0, 30.0)})
    assert part.events == [], "a fall in part does not open"


def test_a_service_that_is_gone_for_good_does_not_alarm_for_ever() -> None:
    forgetful = settings(windows={"forget": "200s"})
    run = Run("checkout", forgetful)
    run.go(3)
    for _ in range(19):
        index = run.next
        run.step([
            absent("checkout", "service/checkout", "self", "model", index, 3.0),
            absent("checkout", "node/n1", "carrier", "infra", index, 3.0),
        ])  # fmt: skip
    assert run.kinds[0] == "opened" and "resolved" not in run.kinds
    run.step([absent("checkout", "service/checkout", "self", "model", run.next, 0.0)])
    assert run.kinds[-1] == "resolved"
    assert run.events[-1].data.transition.reason == "nothing of it is tracked any more"
    assert not is_open(unpack(run.state))


def test_a_carrier_that_is_removed_does_not_keep_an_incident_open_for_ever() -> None:
    run = Run("checkout", settings(windows={"forget": "200s"}))
    run.go(3)
    quiet(run, 19, 3.0)
    assert run.kinds[0] == "opened" and "resolved" not in run.kinds
    for _ in range(4):
        run.step([seen("checkout", "service/checkout", "self", "model", run.next)])
    assert run.kinds[-1] == "resolved"


def test_evidence_for_a_window_that_is_past_changes_nothing() -> None:
    run = Run("checkout")
    run.go(3, SLOW, BUSY)
    late = [seen("checkout", "node/n1", "carrier", "infra", 1, BUSY)]
    assert run.correlator.step(run.state, "checkout", window(1)[1], late, [], 0) == (run.state, [])


def test_lines_of_a_bucket_reach_the_service_they_name() -> None:
    one = Judged("service/checkout", "infra", T0, T0 + SIZE, [], [fact("checkout", "service/checkout", 0, "oom_kills")])
    run = Run("checkout")
    run.go(2)
    index = run.next
    start, end = window(index)
    told = Evidence(
        service="checkout", subject=one.subject, relation="self", stream="infra", start_ms=start, end_ms=end,
        scores=one.scores,
    )  # fmt: skip
    run.step([seen("checkout", "service/checkout", "self", "model", index), told])
    assert run.kinds == ["opened"]
    run.go(4)
    assert run.kinds[-1] != "opened"


def test_a_hard_fault_of_a_caller_that_has_joined_opens_its_own_incident() -> None:
    run = Run("checkout")
    run.go(5, dependency_fraud=None)
    run.go(4, SLOW, dependency_fraud=SLOW)
    assert run.events == []
    killed(run, "pod/p1", "carrier")
    assert run.kinds == ["opened"] and run.events[0].data.correlation.rule == "hard_fault"

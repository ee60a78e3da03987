"""Equal input, equal bytes: whatever the order of arrival, however often, and wherever state is written and read."""

import json
from hashlib import sha256

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.correlate import Correlator
from models.correlate_state import Memory, pack, unpack
from models.evidence import Evidence
from models.incident import IncidentEvent
from tests import correlate_cases as cases
from tests.correlate_cases import BUSY, SLOW, WRONG, Run, Strange

SCHEMA = msgspec.json.schema(IncidentEvent)
#: The state after a fixed history. When it changes, saved states break: raise VERSION and say so in CHANGELOG.
GOLDEN = "897181086e468def35b91ceafc74cd76"

POOL: list[Strange | None] = [None, SLOW, WRONG, {**SLOW, **WRONG}, {"rate": (3.0, 1.0, 9.0)}]
HISTORY = st.lists(
    st.tuples(st.sampled_from(POOL), st.sampled_from([None, BUSY]), st.sampled_from(POOL), st.sampled_from(POOL)),
    min_size=4,
    max_size=14,
)
Windows = list[tuple[Strange | None, Strange | None, Strange | None, Strange | None]]


def evidence_of(windows: Windows) -> list[list[Evidence]]:
    return [
        [
            cases.seen("checkout", "service/checkout", "self", "model", index, own),
            cases.seen("checkout", "node/n1", "carrier", "infra", index, node),
            cases.seen("checkout", "service/checkout", "self", "infra", index, node),
            cases.seen("checkout", "service/fraud", "dependency", "model", index, called),
            cases.seen("checkout", "service/web", "caller", "model", index, caller),
        ]
        for index, (own, node, called, caller) in enumerate(windows)
    ]


def replay(steps: list[list[Evidence]]) -> tuple[list[bytes], bytes]:
    """Return the state after each step, and all that was written."""
    correlator, state, states, written = Correlator(cases.settings()), None, [], []
    for index, evidence in enumerate(steps):
        end = cases.window(index)[1]
        changes = [cases.change("checkout", end - 2_000, "model_version")] if index == 2 else []
        state, events = correlator.step(state, "checkout", end, evidence, changes, end)
        states.append(state)
        written += events
    return states, msgspec.json.encode(written)


@settings(max_examples=20, deadline=None)
@given(HISTORY, st.randoms(use_true_random=False))
def test_the_order_of_arrival_inside_a_step_changes_no_byte(windows: Windows, random: st.DataObject) -> None:
    steps = evidence_of(windows)
    shuffled = []
    for step in steps:
        mixed = [msgspec.structs.replace(one, scores=random.sample(one.scores, len(one.scores))) for one in step]  # type: ignore[attr-defined]
        shuffled.append(random.sample(mixed, len(mixed)))  # type: ignore[attr-defined]
    assert replay(steps) == replay(shuffled) == replay(steps)


@settings(max_examples=15, deadline=None)
@given(HISTORY)
def test_state_written_and_read_between_any_two_steps_is_the_same_state(windows: Windows) -> None:
    for state in replay(evidence_of(windows))[0]:
        assert pack(unpack(state)) == state


@settings(max_examples=20, deadline=None)
@given(HISTORY)
def test_every_event_fits_its_schema_and_reads_back(windows: Windows) -> None:
    written = replay(evidence_of(windows))[1]
    events = msgspec.json.decode(written, type=list[IncidentEvent])
    assert msgspec.json.encode(events) == written
    for body in json.loads(written):
        jsonschema.validate(body, SCHEMA)
    assert len({event.id for event in events}) == len(events)


def test_only_recordedtime_holds_processing_time() -> None:
    step = evidence_of([(SLOW, BUSY, None, None)] * 2)
    told = []
    for recorded in (1, 2):
        correlator, state = Correlator(cases.settings()), None
        for index, evidence in enumerate(step):
            state, events = correlator.step(state, "checkout", cases.window(index)[1], evidence, [], recorded)
        told.append(msgspec.structs.replace(events[0], recordedtime=""))
    assert told[0] == told[1]


def test_saved_state_keeps_its_bytes() -> None:
    state = replay(evidence_of([(None, None, None, None), (SLOW, BUSY, None, SLOW), (SLOW, BUSY, WRONG, SLOW)]))[0][-1]
    assert sha256(state).hexdigest()[:32] == GOLDEN


def test_state_does_not_grow_with_time() -> None:
    run = Run("checkout")
    run.go(40, SLOW, BUSY, dependency_fraud=None, caller_web=SLOW)
    early = len(run.state or b"")
    run.go(200, SLOW, BUSY, dependency_fraud=None, caller_web=SLOW)
    assert len(run.state or b"") <= early + 40


def test_many_strange_signals_stay_within_the_cap_and_are_said_to_be_cut() -> None:
    run = Run("checkout")
    many: Strange = {f"feature.f{i:03d}.mean": (2.0 + i / 100, 9.0, 1.0) for i in range(150)}
    run.go(30, many, BUSY)
    data = run.events[-1].data
    assert len(data.anomalies) == 20 and data.anomalies_truncated
    assert len(run.state or b"") < 40_000


@pytest.mark.parametrize("state", [b"", b"\xc1", b"\x90", b"\x91\x01", pack(Memory())[:-2]])
def test_damaged_or_foreign_state_is_refused_with_a_reason(state: bytes) -> None:
    with pytest.raises(ValueError, match="correlator state"):
        unpack(state)

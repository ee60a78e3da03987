"""Who hears of what: the topology's fan-out, in one table."""

import msgspec
import pytest

from models.config import Topology
from models.evidence import ChangeNote, Evidence
from models.records import Change
from models.route import Routes
from models.scores import Judged, Stream
from tests.core_cases import T0

TOPOLOGY = Topology.model_validate(
    {
        "services": {
            "web": {"on": ["node/n1"], "calls": ["checkout"]},
            "checkout": {"on": ["node/n1", "pod/p1"], "calls": ["fraud", "stock"]},
            "fraud": {"on": ["node/n2", "gpu/n2:0"]},
            "stock": {},
        }
    }
)
SELF_AND_NEIGHBOURS = {"checkout": "self", "web": "dependency", "fraud": "caller", "stock": "caller"}
#: subject, services that its records named, stream -> service: relation
TABLE: list[tuple[str, list[str], Stream, dict[str, str]]] = [
    ("service/checkout", [], "model", SELF_AND_NEIGHBOURS),
    ("service/checkout", [], "infra", {"checkout": "self", "web": "dependency"}),
    ("service/fraud", [], "model", {"fraud": "self", "checkout": "dependency"}),
    ("service/web", [], "model", {"web": "self", "checkout": "caller"}),
    ("service/unknown", [], "model", {"unknown": "self"}),
    ("node/n1", [], "infra", {"checkout": "carrier", "web": "carrier"}),
    ("node/n1", ["billing", "web"], "infra", {"billing": "carrier", "checkout": "carrier", "web": "carrier"}),
    ("gpu/n2:0", [], "infra", {"fraud": "carrier", "checkout": "dependency"}),
    ("pod/p1", [], "infra", {"checkout": "carrier", "web": "dependency"}),
    ("pod/p9", ["billing"], "infra", {"billing": "carrier"}),
    ("pod/p9", [], "infra", {"p9": "carrier"}),
    ("node/a/b", [], "infra", {"a/b": "carrier"}),
]


@pytest.mark.parametrize(("subject", "named", "stream", "heard"), TABLE)
def test_a_verdict_reaches_everyone_concerned_and_nobody_else(
    subject: str, named: list[str], stream: Stream, heard: dict[str, str]
) -> None:
    packets = list(Routes(TOPOLOGY).verdicts(Judged(subject, stream, T0, T0 + 10_000, named, [])))
    told = [msgspec.msgpack.decode(packet.value, type=Evidence) for packet in packets]
    assert {one.service: one.relation for one in told} == heard
    assert len(told) == len(heard)
    assert [packet.key for packet in packets] == [one.service for one in told]
    assert {packet.timestamp for packet in packets} == {T0 + 9_999}
    assert {(one.subject, one.stream, one.start_ms, one.end_ms) for one in told} == {(subject, stream, T0, T0 + 10_000)}


def test_a_change_reaches_the_service_its_callers_and_those_it_calls() -> None:
    change = Change(service="checkout", timestamp="2023-11-14T22:13:20Z", type="deploy", ref="v2")
    packets = list(Routes(TOPOLOGY).change(change))
    notes = [msgspec.msgpack.decode(packet.value, type=ChangeNote) for packet in packets]
    assert {note.service: note.relation for note in notes} == SELF_AND_NEIGHBOURS
    assert {(note.subject, note.ref, note.timestamp_ms) for note in notes} == {("service/checkout", "v2", T0)}
    assert {(packet.topic, packet.timestamp) for packet in packets} == {("change-note", T0)}


def test_without_a_topology_everything_is_its_own_service() -> None:
    routes = Routes(Topology())
    assert list(routes.of_subject("node/n1", [])) == [("n1", "carrier")]
    assert list(routes.of_subject("service/a", ["b"])) == [("a", "self")]


def test_services_that_share_a_machine_or_a_dependency_hear_of_each_others_model_alone() -> None:
    shared = {"a": {"on": ["node/n1"]}, "b": {"on": ["node/n1"], "calls": ["db"]}, "c": {"calls": ["db"]}, "db": {}}
    routes = Routes(Topology.model_validate({"services": shared}))
    assert dict(routes.of_subject("service/b", [])) == {"b": "self", "db": "caller", "a": "sibling", "c": "sibling"}
    told = list(routes.verdicts(Judged("service/b", "infra", T0, T0 + 10_000, [], [])))
    assert [packet.key for packet in told] == ["b"]

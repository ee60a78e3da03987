"""Evidence for the correlator's tests: windows of ten seconds, written as short tables of strange signals."""

from itertools import count

from models.config import Pipeline
from models.correlate import Correlator, CorrelatorSettings
from models.evidence import ChangeNote, Evidence, Relation
from models.incident import IncidentEvent
from models.scores import Contribution, Score, Span, Stream
from models.times import to_iso

SIZE = 10_000
T0 = 1_700_000_000_000
#: signal -> (score, observed, expected); the direction follows.
Strange = dict[str, tuple[float, float, float]]

SLOW: Strange = {"latency_ms.p95": (6.0, 120.0, 30.0)}
BUSY: Strange = {"node.cpu.utilization": (8.0, 0.97, 0.35)}
WRONG: Strange = {"confidence.mean": (9.0, 0.61, 0.92), "class.fraud.share": (6.0, 0.4, 0.05)}


def settings(**sections: object) -> CorrelatorSettings:
    pipeline = Pipeline.model_validate(
        {
            "topology": {
                "services": {
                    "checkout": {"on": ["node/n1"], "calls": ["fraud"]},
                    "fraud": {"on": ["node/n2"]},
                }
            },
            **sections,
        }
    )
    return CorrelatorSettings(pipeline=pipeline, config_sha256="0" * 64, artifacts=["b", "a"], replay=True)


def window(index: int) -> tuple[int, int]:
    return T0 + index * SIZE, T0 + (index + 1) * SIZE


def verdict(
    service: str, subject: str, stream: Stream, index: int, signal: str, told: tuple[float, float, float]
) -> Score:
    start, end = window(index)
    score, observed, expected = told
    return Score(
        service=service, window=Span(to_iso(start), to_iso(end)), detector="ewma", score=score, p_value=10.0**-score,
        n=100, stream=stream, entity=subject, signal=signal, observed=observed, expected=expected,
        direction="up" if observed > expected else "down",
    )  # fmt: skip


def fused(service: str, subject: str, stream: Stream, index: int, score: float, n: int = 100) -> Score:
    start, end = window(index)
    return Score(
        service=service, window=Span(to_iso(start), to_iso(end)), detector="fused", score=score, p_value=0.01,
        n=n, stream=stream, entity=subject,
    )  # fmt: skip


def multivariate(service: str, subject: str, stream: Stream, index: int, score: float, top: str) -> Score:
    start, end = window(index)
    return Score(
        service=service, window=Span(to_iso(start), to_iso(end)), detector="forest", score=score, p_value=0.001,
        n=100, stream=stream, entity=subject,
        contributions=[Contribution("rate", 0.2), Contribution(top, 0.8)],
    )  # fmt: skip


def seen(
    service: str,
    subject: str,
    relation: Relation,
    stream: Stream,
    index: int,
    strange: Strange | None = None,
    n: int = 100,
    level: float | None = None,
) -> Evidence:
    """Evidence of one window: each strange signal a verdict, and the fused line (`level`, else the strongest)."""
    told = strange or {}
    scores = [verdict(service, subject, stream, index, signal, one) for signal, one in told.items()]
    top = max((one[0] for one in told.values()), default=0.2) if level is None else level
    start, end = window(index)
    return Evidence(
        service=service, subject=subject, relation=relation, stream=stream, start_ms=start, end_ms=end,
        scores=[*scores, fused(service, subject, stream, index, top, n)],
    )  # fmt: skip


class Run:
    """One service's correlator over windows 0, 1, 2 ...; keeps what it wrote."""

    def __init__(self, service: str, made: CorrelatorSettings | None = None) -> None:
        made = made or settings()
        self.service, self.correlator = service, Correlator(made)
        standing = made.pipeline.topology.services.get(service)
        self.node = standing.on[0] if standing is not None and standing.on else "node/n2"
        self.state: bytes | None = None
        self.events: list[IncidentEvent] = []
        self._index = count()

    def step(self, evidence: list[Evidence], changes: list[ChangeNote] | None = None) -> list[IncidentEvent]:
        _, end = window(next(self._index))
        self.state, events = self.correlator.step(self.state, self.service, end, evidence, changes or [], end + 7)
        self.events += events
        return events

    @property
    def next(self) -> int:
        """The index of the window that the next step is for."""
        return int(repr(self._index)[6:-1])

    def go(
        self,
        windows: int,
        own: Strange | None = None,
        node: Strange | None = None,
        changes: list[ChangeNote] | None = None,
        **others: Strange | None,
    ) -> list[IncidentEvent]:
        """Take equal windows: own model outputs, its node's telemetry, `RELATION_NAME`."""
        written = []
        for _ in range(windows):
            index = self.next
            evidence = [seen(self.service, f"service/{self.service}", "self", "model", index, own)]
            evidence.append(seen(self.service, self.node, "carrier", "infra", index, node))
            for key, strange in others.items():
                relation, name = key.split("_")
                subject = f"service/{name}"
                evidence.append(seen(self.service, subject, relation, "model", index, strange))  # type: ignore[arg-type]
            written += self.step(evidence, changes)
            changes = None
        return written

    @property
    def kinds(self) -> list[str]:
        return [event.type.split(".")[3] for event in self.events]


def change(service: str, at_ms: int, kind: str = "deploy", relation: Relation = "self") -> ChangeNote:
    return ChangeNote(
        service=service, subject=f"service/{service}", relation=relation, type=kind, ref="v2", timestamp_ms=at_ms  # type: ignore[arg-type]
    )  # fmt: skip

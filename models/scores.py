"""A score: one detector's verdict on one window, as it stands on `model-scores` and `infra-scores`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Probability = Annotated[float, Meta(ge=0, le=1)]
Status = Literal["ok", "warming_up", "abstained"]
Direction = Literal["up", "down", "either"]
Stream = Literal["model", "infra"]


class Span(Struct, frozen=True):
    """A window of event time, ISO 8601 UTC: `start` belongs to it, `end` does not."""

    start: str
    end: str


class Contribution(Struct, frozen=True, omit_defaults=True):
    """How much one signal carries of a verdict; shares of a verdict sum to 1."""

    signal: str
    share: Probability
    observed: float | None = None
    expected: float | None = None


class Score(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One line of a score topic. `score` 1.0 is the detector's threshold; the line of `fused` is the service's verdict.

    `signal` is absent from a multivariate verdict; `status` other than `ok` comes with a `reason` and a score of 0.
    """

    service: str
    window: Span
    detector: str
    score: Annotated[float, Meta(ge=0)]
    p_value: Probability
    n: Annotated[int, Meta(ge=0)]
    stream: Stream
    entity: str | None = None
    signal: str | None = None
    observed: float | None = None
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    direction: Direction | None = None
    contributions: list[Contribution] = field(default_factory=list)
    status: Status = "ok"
    reason: str | None = None
    artifact: str | None = None


class Judged(Struct, frozen=True):
    """The verdicts on one subject in one window (epoch ms), and the services that its records named."""

    subject: str
    stream: Stream
    start_ms: int
    end_ms: int
    services: list[str]
    scores: list[Score]

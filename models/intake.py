"""The first look at a record: bytes become a typed record, or are set aside with a reason. Nothing raises."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from models.records import Change, Label, ModelOutput, Telemetry
from models.scores import Score
from models.times import to_milliseconds

Reason = Literal["oversized", "malformed", "mistyped", "non_finite", "late", "timestamp_ahead"]
TopicName = Literal["model-outputs", "telemetry", "labels", "changes", "model-scores", "infra-scores"]
RECORD_TYPES: dict[TopicName, type[Any]] = {
    "model-outputs": ModelOutput,
    "telemetry": Telemetry,
    "labels": Label,
    "changes": Change,
    "model-scores": Score,
    "infra-scores": Score,
}
HEARTBEAT = b'{"heartbeat":true}'
_NOT_FINITE = re.compile(rb"[:\[,]\s*-?(NaN|Infinity|inf|nan)")
#: How msgspec's message begins for a number that no float can hold, as 1e400.
_TOO_LARGE = "Number out of range"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a record is a dead letter: `reason` from a fixed list, `detail` in words."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A typed record and the event time that its body claims, epoch ms."""

    record: Any
    body_ms: int


class Intake:
    """Decodes the records of one topic."""

    def __init__(self, topic: TopicName, max_bytes: int) -> None:
        self._decode = msgspec.json.Decoder(RECORD_TYPES[topic]).decode
        self._max_bytes = max_bytes

    def read(self, value: bytes | None) -> Accepted | Rejected:
        """Decode one message; every fault of the input becomes a `Rejected`."""
        if value is None:
            return Rejected("malformed", "the record has no value")
        if len(value) > self._max_bytes:
            return Rejected("oversized", f"{len(value)} bytes; limits.max_record_bytes is {self._max_bytes}")
        try:
            record = self._decode(value)
            if isinstance(record, Score):
                to_milliseconds(record.window.end)  # whoever reads it next relies on it
                return Accepted(record, to_milliseconds(record.window.start))
            return Accepted(record, to_milliseconds(record.timestamp))
        except msgspec.ValidationError as error:
            return Rejected("non_finite" if str(error).startswith(_TOO_LARGE) else "mistyped", str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Rejected("non_finite" if _NOT_FINITE.search(value) else "malformed", str(error))
        except (ValueError, OverflowError) as error:
            return Rejected("mistyped", f"timestamp: {error}")


def is_heartbeat(value: bytes | None) -> bool:
    """Tell whether a message only moves time on: the last record that a feeder writes into a partition."""
    return value == HEARTBEAT

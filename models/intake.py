"""The first look at a record: bytes become a typed record, or are set aside with a reason. Nothing raises."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from models.packets import Reason
from models.records import NAME_PATTERN, NAMED, Change, Label, ModelOutput, Telemetry
from models.scores import Score
from models.times import to_milliseconds

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
_NAME = re.compile(NAME_PATTERN)
#: What alone puts a control character into a string of JSON, where msgspec refuses bare ones.
_CONTROL_ESCAPE = re.compile(rb"\\(?:[bfnrt]|u00[01])")
#: What decoding a record raises.
_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


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
        self._named = NAMED.get(RECORD_TYPES[topic], ())
        self._max_bytes = max_bytes

    def read(self, value: bytes | None) -> Accepted | Rejected:
        """Decode one message; every fault of the input becomes a `Rejected`."""
        if value is None:
            return Rejected("malformed", "the record has no value")
        if len(value) > self._max_bytes:
            return Rejected("oversized", f"{len(value)} bytes; limits.max_record_bytes is {self._max_bytes}")
        try:
            record = self._decode(value)
            if (refused := self._misnamed(record)) is not None:
                return refused
            if isinstance(record, Score):
                to_milliseconds(record.window.end)  # whoever reads it next relies on it
                return Accepted(record, to_milliseconds(record.window.start))
            return Accepted(record, to_milliseconds(record.timestamp))
        except msgspec.ValidationError as error:
            return Rejected("non_finite" if str(error).startswith(_TOO_LARGE) else "mistyped", str(error))
        except _FAULTS as error:
            return Rejected("non_finite" if _NOT_FINITE.search(value) else "malformed", str(error))
        except (ValueError, OverflowError) as error:
            return Rejected("mistyped", f"timestamp: {error}")

    def decode_all(self, values: Sequence[bytes | None]) -> tuple[list[Any], dict[int, Rejected]]:
        """Decode many, faster: the good records in order, whose times nobody has read yet, and the others by place."""
        shown = self._shown(values)
        records, refused = list[Any](), dict[int, Rejected]()
        rest = iter(shown)
        while len(records) + len(refused) < len(shown):
            try:
                records.extend(map(self._decode, rest))  # a loop in C, which ends at a fault and goes on behind it
            except _FAULTS:
                place = len(records) + len(refused)
                found = self.read(values[place])
                if isinstance(found, Rejected):
                    refused[place] = found
                else:  # how deep a value may be nested hangs on how deep the caller is
                    records.append(found.record)
        text = b"".join(shown)
        if not self._named or b"\\" not in text or not _CONTROL_ESCAPE.search(text):
            return records, refused
        places = [place for place in range(len(shown)) if place not in refused]
        told = [(place, record, self._misnamed(record)) for place, record in zip(places, records, strict=True)]
        refused |= {place: wrong for place, _, wrong in told if wrong is not None}
        return [record for _, record, wrong in told if wrong is None], refused

    def _shown(self, values: Sequence[bytes | None]) -> Sequence[bytes]:
        """Answer the values that may be decoded, and nothing in place of the others."""
        if None not in values and max(map(len, values), default=0) <= self._max_bytes:  # type: ignore[arg-type]
            return values  # type: ignore[return-value]
        return [b"" if value is None or len(value) > self._max_bytes else value for value in values]

    def _misnamed(self, record: Any) -> Rejected | None:
        """Refuse a name with a control character."""
        for field in self._named:
            value = getattr(record, field)
            if value is not None and not _NAME.fullmatch(value):  # `$` alone lets a last line feed pass
                return Rejected("mistyped", f"Expected `str` matching regex {NAME_PATTERN!r} - at `$.{field}`")
        return None


def is_heartbeat(value: bytes | None) -> bool:
    """Tell whether a message only moves time on: the last record that a feeder writes into a partition."""
    return value == HEARTBEAT

"""Whatever bytes arrive, the intake answers: a typed record, or the reason why not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config import Pipeline
from models.intake import HEARTBEAT, RECORD_TYPES, Accepted, Intake, Rejected, TopicName, is_heartbeat
from models.packets import Reason
from models.times import to_iso, to_milliseconds
from tests.core_cases import T0, line, output, sample

LIMIT = Pipeline().limits.max_record_bytes


def valued(value: bytes) -> bytes:
    return b'{"timestamp":1700000000000,"node":"n1","metric":"cpu","value":' + value + b"}"


def timed(time: bytes) -> bytes:
    return b'{"node":"n1","metric":"cpu","value":1,"timestamp":' + time + b"}"


BAD: dict[str, tuple[bytes | None, Reason]] = {
    "no value at all": (None, "malformed"),
    "empty": (b"", "malformed"),
    "blank": (b"  ", "malformed"),
    "NaN": (valued(b"NaN"), "non_finite"),
    "minus infinity": (valued(b"-Infinity"), "non_finite"),
    "1e400": (valued(b"1e400"), "non_finite"),
    "-1e400": (valued(b"-1e400"), "non_finite"),
    "an integer of 5000 digits": (valued(b"9" * 5000), "non_finite"),
    "true where a number is expected": (valued(b"true"), "mistyped"),
    "text where a number is expected": (valued(b'"1"'), "mistyped"),
    "null where a number is expected": (valued(b"null"), "mistyped"),
    "a list where a number is expected": (valued(b"[1]"), "mistyped"),
    "a lone surrogate": (b'{"timestamp":1,"metric":"\\ud800","value":1}', "malformed"),
    "invalid UTF-8": (b'{"timestamp":1,"metric":"\xff\xfe","value":1}', "malformed"),
    "a byte order mark": (b"\xef\xbb\xbf" + valued(b"1"), "malformed"),
    "UTF-16": (valued(b"1").decode().encode("utf-16"), "malformed"),
    "zero bytes": (bytes(10), "malformed"),
    "nesting of 100,000 at the top": (b"[" * 100_000 + b"]" * 100_000, "mistyped"),
    "nesting of 100,000 inside": (valued(b'1,"x":' + b"[" * 100_000 + b"]" * 100_000), "malformed"),
    "null": (b"null", "mistyped"),
    "a bare string": (b'"cpu"', "mistyped"),
    "a bare number": (b"3", "mistyped"),
    "a list": (b"[]", "mistyped"),
    "cut short": (valued(b"1")[:-1], "malformed"),
    "something behind the end": (valued(b"1") + b"}", "malformed"),
    "10 MB": (valued(b'"' + b"x" * 10_000_000 + b'"'), "oversized"),
    "one byte too many": (valued(b"1").ljust(LIMIT + 1), "oversized"),
    "no metric": (line(timestamp=T0, value=1), "mistyped"),
    "no time": (line(metric="cpu", value=1), "mistyped"),
    "no name": (sample(metric=""), "mistyped"),
    "a name of 201 letters": (sample(metric="m" * 201), "mistyped"),
    "a control character in a name": (sample(metric="a\x1fb"), "mistyped"),
    "a line feed at the end of a name": (sample(metric="cpu\n"), "mistyped"),
    "an unknown kind": (sample(kind="histogram"), "mistyped"),
    "a time before 1970": (timed(b"-1"), "mistyped"),
    "a time of 2^63": (timed(b"9223372036854775808"), "mistyped"),
    "a time of 2^64": (timed(b"18446744073709551616"), "mistyped"),
    "a time of 5000 digits": (timed(b"9" * 5000), "mistyped"),
    "a time in seconds with a fraction": (timed(b"1700000000.5"), "mistyped"),
    "a time that is true": (timed(b"true"), "mistyped"),
    "a time that is null": (timed(b"null"), "mistyped"),
    "a time that is NaN": (timed(b"NaN"), "non_finite"),
    "a time in words": (timed(b'"yesterday"'), "mistyped"),
    "a time without letters": (timed(b'""'), "mistyped"),
    "the 13th month": (timed(b'"2026-13-01T00:00:00Z"'), "mistyped"),
    "a time of 41 letters": (timed(b'"' + b"2" * 41 + b'"'), "mistyped"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_poison_value_is_set_aside_with_its_reason(case: str) -> None:
    value, reason = BAD[case]
    found = Intake("telemetry", LIMIT).read(value)
    assert isinstance(found, Rejected)
    assert (found.reason, bool(found.detail)) == (reason, True)


BAD_OUTPUTS = {
    "a number as request id": output(request_id=1),
    "features in a list": output(features=[1, 2]),
    "a feature that is true": output(features={"age": True}),
    "a feature in a feature": output(features={"age": {"x": 1}}),
    "confidence in words": output(confidence="high"),
    "an error that is a number": output(error=1),
    "probabilities in words": output(probabilities=["a"]),
    "a prediction that is a list": output(prediction=[1]),
}


@pytest.mark.parametrize("case", BAD_OUTPUTS)
def test_a_mistyped_model_output_is_set_aside(case: str) -> None:
    found = Intake("model-outputs", LIMIT).read(BAD_OUTPUTS[case])
    assert isinstance(found, Rejected)
    assert found.reason == "mistyped"


GOOD = {
    "a plain sample": (sample(), 1.0),
    "an integer of 2^63": (valued(b"9223372036854775808"), 2.0**63),
    "an integer of 2^64": (valued(b"18446744073709551616"), 2.0**64),
    "the largest float": (valued(b"1.7976931348623157e308"), 1.7976931348623157e308),
    "nesting of 500 in a field of the producer's own": (valued(b'1,"x":' + b"[" * 500 + b"]" * 500), 1.0),
    "a key twice: the last one counts": (valued(b'1,"value":2'), 2.0),
    "as long as allowed": (valued(b"1").ljust(LIMIT), 1.0),
}


@pytest.mark.parametrize("case", GOOD)
def test_an_odd_but_right_sample_passes(case: str) -> None:
    value, told = GOOD[case]
    found = Intake("telemetry", LIMIT).read(value)
    assert isinstance(found, Accepted)
    assert (found.record.value, found.body_ms) == (told, T0)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:01.5Z", 1500),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-02", 86_400_000),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200_000),
        ("9999-12-31T23:59:59-14:00", 253_402_351_199_000),
    ],
)
def test_a_time_in_a_body_is_read_with_its_offset(text: str, ms: int) -> None:
    found = Intake("telemetry", LIMIT).read(sample(timestamp=text))
    assert isinstance(found, Accepted)
    assert found.body_ms == ms


def test_a_score_line_with_a_broken_end_is_set_aside_before_anything_relies_on_it() -> None:
    told = {"detector": "fused", "score": 1.0, "p_value": 0.5, "n": 1, "stream": "model", "service": "a"}
    good = {"start": to_iso(T0), "end": to_iso(T0 + 10_000)}
    for window in ({**good, "end": "soon"}, {**good, "start": "soon"}):
        found = Intake("model-scores", LIMIT).read(line(**told, window=window))
        assert isinstance(found, Rejected)
        assert found.reason == "mistyped"
    assert isinstance(Intake("model-scores", LIMIT).read(line(**told, window=good)), Accepted)


@given(st.sampled_from(sorted(RECORD_TYPES)), st.binary(max_size=200))
def test_no_bytes_raise(topic: TopicName, value: bytes) -> None:
    assert isinstance(Intake(topic, 100).read(value), Accepted | Rejected)


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 255))
def test_no_changed_byte_raises(place: int, byte: int) -> None:
    value = bytearray(output(features={"age": 3, "city": None}, confidence=0.5, error="timeout"))
    value[place % len(value)] = byte
    assert isinstance(Intake("model-outputs", LIMIT).read(bytes(value)), Accepted | Rejected)


def test_only_the_heartbeat_itself_is_one() -> None:
    assert is_heartbeat(HEARTBEAT)
    assert not any(map(is_heartbeat, (None, b"", HEARTBEAT + b" ", b'{"heartbeat":false}')))


@given(st.integers(0, 253_402_300_799_999))
def test_a_written_time_reads_back(ms: int) -> None:
    assert to_milliseconds(to_iso(ms)) == ms


@pytest.mark.parametrize(("ms", "text"), [(-1, "1970-01-01T00:00:00.000Z"), (10**15, "9999-12-31T23:59:59.999Z")])
def test_a_time_that_cannot_be_written_becomes_the_nearest_that_can(ms: int, text: str) -> None:
    assert to_iso(ms) == text
    assert to_iso(ms * 2**40) == text

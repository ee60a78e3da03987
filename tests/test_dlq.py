"""Dead letters against a real broker: listed, shown whole, and sent back once, however often one asks."""

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from crosstide.cluster.broker import Broker
from crosstide.cluster.dlq import Wanted, identity, letters, place
from crosstide.cluster.dlq_cli import app, read_repaired
from crosstide.cluster.dlq_replay import replay
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.topics import create_topics, prefixed
from crosstide.kafka_io import FedRecord, feed, read_all
from models.config import Limits
from models.packets import DEAD_LETTER_BYTES, DeadLetter

T0 = 1_700_000_000_000
GOOD = {"service": "checkout", "timestamp": T0, "request_id": "r1", "latency_ms": 12.5}
BAD = {**GOOD, "latency_ms": "slow"}


def letter(value: bytes, offset: int, reason: Any = "mistyped", topic: str = "model-outputs") -> DeadLetter:
    return DeadLetter(
        topic=topic, partition=0, offset=offset, timestamp="2023-11-14T22:13:20.000Z", reason=reason, detail="d",
        size=len(value), sha256=hashlib.sha256(value).hexdigest(), value=value[:DEAD_LETTER_BYTES],
    )  # fmt: skip


@pytest.fixture
def filled(broker: Broker) -> tuple[str, str, list[DeadLetter]]:
    """Topics with three records, all of them dead letters: mistyped, long, late."""
    prefix = f"dlq-{uuid.uuid4().hex[:8]}-"
    create_topics(broker.bootstrap, prefixed(prefix))
    long = json.dumps({**GOOD, "request_id": "r2", "trace_id": "x" * 200_000}).encode()
    values = [json.dumps(BAD).encode(), long, json.dumps(GOOD).encode()]
    feed(broker.bootstrap, f"{prefix}model-outputs", [FedRecord(b"checkout", T0, value, 0) for value in values])
    reasons = ("mistyped", "oversized", "late")
    given = [letter(value, at, reason) for at, (value, reason) in enumerate(zip(values, reasons, strict=True))]
    records = [FedRecord(b"model-outputs/0", T0, msgspec.json.encode(one), 0) for one in given]
    feed(broker.bootstrap, f"{prefix}dead-letters", records)
    return broker.bootstrap, prefix, given


def call(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


@pytest.mark.cluster
def test_letters_are_listed_by_reason_and_shown_whole_from_where_they_stood(
    filled: tuple[str, str, list[DeadLetter]],
) -> None:
    bootstrap, prefix, given = filled
    where = ["--bootstrap", bootstrap, "--prefix", prefix]
    listed = call("ls", *where)
    assert listed.exit_code == 0, listed.output
    assert "model-outputs   mistyped" in listed.output
    assert "model-outputs/0@1" in listed.output
    assert [identity(one) for one in letters(bootstrap, prefix, Wanted(reasons=["late"]))] == ["model-outputs/0@2"]
    raw = call("show", "model-outputs/0@1", "--raw", *where)
    assert len(raw.stdout_bytes) == given[1].size > DEAD_LETTER_BYTES
    assert call("show", "model-outputs/0@9", *where).exit_code == 2
    assert call("show", "somewhere", *where).exit_code == 2


@pytest.mark.cluster
def test_a_repaired_record_goes_back_once_with_its_own_key_and_time(
    filled: tuple[str, str, list[DeadLetter]], tmp_path: Path
) -> None:
    bootstrap, prefix, _ = filled
    file = tmp_path / "repaired.jsonl"
    file.write_text(json.dumps({"id": "model-outputs/0@0", "value": GOOD}) + "\n")
    words = ["replay", "--repaired", str(file), "--actor", "test", "--bootstrap", bootstrap, "--prefix", prefix]
    first, second = call(*words), call(*words)
    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert "1 sent back, 0 had been sent before" in first.output
    assert "0 sent back, 1 had been sent before" in second.output
    back = [one for one in read_all(bootstrap, f"{prefix}model-outputs") if one.offset > 2 or one.partition != 0]
    assert [(one.key, one.timestamp_ms, json.loads(one.value or b"")) for one in back] == [(b"checkout", T0, GOOD)]
    [note] = [json.loads(one.value or b"") for one in read_all(bootstrap, f"{prefix}audit")]
    assert (note["id"], note["actor"], note["repaired"]) == ("model-outputs/0@0", "test", True)


@pytest.mark.cluster
def test_what_would_be_refused_again_is_not_sent(filled: tuple[str, str, list[DeadLetter]]) -> None:
    bootstrap, prefix, given = filled
    done = replay(bootstrap, prefix, given, {}, "test", Limits(max_record_bytes=1000))
    assert (done.sent, done.before) == ([], [])
    assert "mistyped" in done.refused["model-outputs/0@0"]
    assert "oversized" in done.refused["model-outputs/0@1"]
    assert "its time is what it was refused for" in done.refused["model-outputs/0@2"]
    larger = replay(bootstrap, prefix, given[1:2], {}, "test", Limits(max_record_bytes=1_000_000))
    assert larger.sent == ["model-outputs/0@1"]


@pytest.mark.parametrize("text", ["", "telemetry", "telemetry/1", "telemetry/x@1", "telemetry/1@", "/1@2"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ClusterError, match="TOPIC/PARTITION@OFFSET"):
        place(text)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "t/0@1"}', '{"id": "t", "value": 1}', '{"value": 1}'])
def test_a_repaired_file_that_is_wrong_names_its_line(line: str, tmp_path: Path) -> None:
    file = tmp_path / "repaired.jsonl"
    file.write_text(f'\n{{"id": "t/0@1", "value": "raw"}}\n{line}\n')
    with pytest.raises(ClusterError, match=r"repaired\.jsonl:3|TOPIC/PARTITION"):
        read_repaired(file)

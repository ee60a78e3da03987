"""One value of everything that is kept as state, made from fixed input.

`python -m tests.state_cases` writes the bytes of versions that are not in tests/fixtures/state yet, and changes none
that are: they are what jobs of released versions have on their disks.
"""

from pathlib import Path
from typing import Any

import msgspec

from models.artifact import Artifacts
from models.bucket import Bucket
from models.bucket_clock import Clock
from models.bucket_log import Arrived, Head
from models.bucket_memory import VERSION as BUCKET
from models.bucket_memory import Memory as BucketMemory
from models.bucket_memory import encode
from models.columns import VERSION as COLUMNS
from models.config import Pipeline
from models.correlate_state import VERSION as CORRELATOR
from models.correlate_state import Memory, pack
from models.episode import Episode, Flag
from models.packets import Account
from models.scorer import Scorer
from models.scores import Stream
from models.stream_health import Watch
from tests.core_cases import T0, arrival, output, read, sample

FOLDER = Path(__file__).parent / "fixtures" / "state"
#: Few detectors, so that a change of another one is no change of these bytes.
PIPELINE = Pipeline.model_validate(
    {
        "windows": {"pane": "5s", "size": "10s"},
        "detectors": {"model": [{"kind": "ewma"}, {"kind": "cusum"}], "infra": [{"kind": "ewma"}, {"kind": "cusum"}]},
    }
)


def encodings() -> dict[str, bytes]:
    """Return name, with its version -> bytes of today's code."""
    flag = Flag(T0, T0 + 10_000, ("latency_ms.p95",))
    episode = Episode((flag,), T0 + 10_000, onset_ms=T0, ripe_ms=T0 + 10_000, strange=1, signals=flag.signals)
    return {
        f"columns-v{COLUMNS}": blob("model"),
        f"bucket-model-v{BUCKET}": memory("model"),
        f"bucket-infra-v{BUCKET}": memory("infra"),
        f"correlator-v{CORRELATOR}": pack(Memory(watched={"self service/a": episode}, present={"model service/a": T0})),
        "head-v1": msgspec.msgpack.encode(Head(Clock((T0 + 10_000, T0 + 20_000), T0), (T0 - 10_000, T0))),
        "blobs-v2": msgspec.msgpack.encode(Arrived(T0, T0, b"a blob")),
        "account-v1": msgspec.msgpack.encode(Account(topic="telemetry", partition=1, consumed=5, scored=4, late=1)),
        "letters-v1": msgspec.msgpack.encode(Watch({T0 + 10_000: 3}, T0, T0)),
    }


def blob(stream: Stream) -> bytes:
    """Return what crosses from the reader to a bucket."""
    return blobs(stream, 0)[0][1]


def blobs(stream: Stream, window: int) -> list[tuple[int, bytes]]:
    """Return the blobs (pane, bytes) of a window's records."""
    times = [T0 + 10_000 * window + 1_000 * step for step in range(10)]
    if stream == "model":
        records = [arrival(output(request_id=f"r{at}", latency_ms=10.0 + at % 7, timestamp=at), at) for at in times]
        packets = read("model-outputs", records, PIPELINE)
    else:
        records = [arrival(sample(value=float(at % 7), timestamp=at), at) for at in times]
        records += [arrival(sample(metric="requests", kind="counter", value=at - T0, timestamp=at), at) for at in times]
        packets = read("telemetry", records, PIPELINE)
    return [(packet.timestamp, packet.value) for packet in packets if packet.topic == "pane"]


def memory(stream: Stream) -> bytes:
    """Return what a bucket remembers after sixteen windows."""
    bucket = Bucket[Any](stream, PIPELINE, Scorer.of(stream, PIPELINE, Artifacts.empty()).judge)
    known: BucketMemory[Any] | None = None
    for window in range(16):
        known = bucket.close(known, blobs(stream, window), T0 + 10_000 * (window + 1)).known
    assert known is not None
    return encode(known)


def main() -> None:
    """Write what is not there yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, data in encodings().items():
        file = FOLDER / f"{name}.bin"
        if not file.exists():
            file.write_bytes(data)
            print(f"written: {file}")


if __name__ == "__main__":
    main()

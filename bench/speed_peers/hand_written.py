"""A consumer written by hand for exactly this schema: one process a partition, polars, no state but its memory.

    python -m bench.speed_peers.hand_written BOOTSTRAP TOPIC OUTPUT PARTITION

No fault tolerance, no dead letters, and time is that of one partition. Broken messages are dropped one by one.
"""

import sys
from typing import Any

import orjson
import polars as pl
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from bench.speed_peers.window_stats import GRACE_MS, WINDOW_MS

BATCH = 20_000
FEATURES = ("age", "amount", "tokens")
BODY = pl.Struct({
    "service": pl.String, "prediction": pl.String, "confidence": pl.Float64, "latency_ms": pl.Float64,
    "error": pl.String, "features": pl.Struct({**dict.fromkeys(FEATURES, pl.Float64), "country": pl.String}),
})  # fmt: skip


def main(bootstrap: str, topic: str, output: str, partition: str) -> None:
    """Read the partition to its end; write a summary of each service and window."""
    consumer = _consumer(bootstrap, topic, int(partition))
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20})
    held: list[pl.DataFrame] = []
    newest, closed, ended = 0, 0, False
    while not ended:
        values, times, ended = _batch(consumer)
        if values:
            held.append(_parsed(values, times))
            newest = max(newest, *times)
        limit = (newest - GRACE_MS) // WINDOW_MS * WINDOW_MS
        if limit > closed and held:
            whole = pl.concat(held)
            held = [whole.filter(pl.col("start_ms") + WINDOW_MS > limit)]
            _write(producer, output, whole.filter(pl.col("start_ms") + WINDOW_MS <= limit))
            closed = limit
    if held:
        _write(producer, output, pl.concat(held))
    producer.flush()
    consumer.close()


def _consumer(bootstrap: str, topic: str, partition: int) -> Consumer:
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "hand-written", "enable.auto.commit": False,
        "enable.partition.eof": True, "fetch.wait.max.ms": 20, "fetch.queue.backoff.ms": 5,
    })  # fmt: skip
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    return consumer


def _batch(consumer: Consumer) -> tuple[list[bytes], list[int], bool]:
    values, times = [], []
    for message in consumer.consume(BATCH, 1.0):
        if message.error() is None:
            values.append(message.value())
            times.append(message.timestamp()[1])
        elif message.error().code() == KafkaError._PARTITION_EOF:
            return values, times, True
    return values, times, False


def _parsed(values: list[bytes], times: list[int]) -> pl.DataFrame:
    frame = pl.DataFrame({"body": values, "at": times}, schema={"body": pl.Binary, "at": pl.Int64})
    try:
        bodies = frame.select("at", pl.col("body").cast(pl.String).str.json_decode(BODY)).unnest("body")
    except pl.exceptions.PolarsError:
        good = [(value, at) for value, at in zip(values, times, strict=True) if _readable(value)]
        return _parsed([value for value, _ in good], [at for _, at in good])
    start = (pl.col("at") // WINDOW_MS * WINDOW_MS).alias("start_ms")
    return bodies.filter(pl.col("service").is_not_null()).with_columns(start).unnest("features")


def _readable(value: bytes) -> bool:
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True


def _nearest(column: str, q: float) -> pl.Expr:
    return pl.col(column).sort().get(((pl.len() * q).ceil().clip(1) - 1).cast(pl.Int64))


def _write(producer: Producer, output: str, frame: pl.DataFrame) -> None:
    owing = (pl.col("error") == "false") | pl.any_horizontal(pl.col(*FEATURES, "country").is_null())
    told = frame.group_by("service", "start_ms").agg(
        n=pl.len(),
        error_rate=(pl.col("error") != "false").mean(),
        **{"latency_ms.mean": pl.col("latency_ms").mean(), "confidence.mean": pl.col("confidence").mean()},
        **{f"latency_ms.p{q}": _nearest("latency_ms", q / 100) for q in (50, 95, 99)},
        **{"confidence.p10": _nearest("confidence", 0.1)},
        **{f"class.{name}.share": (pl.col("prediction") == name).mean() for name in ("fraud", "legit")},
        **{f"feature.{name}.mean": pl.col(name).mean() for name in FEATURES},
        # a request that failed owes only what it says is null
        **{
            f"feature.{name}.missing_rate": pl.col(name).is_null().sum() / owing.sum()
            for name in (*FEATURES, "country")
        },
    )
    for row in told.iter_rows(named=True):
        key = row["service"].encode()
        producer.produce(output, orjson.dumps(_summary(row)), key)
    producer.poll(0)


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    head = {"service": row.pop("service"), "start_ms": row.pop("start_ms"), "n": row.pop("n")}
    return head | {"signals": {**row, "rate": 1000 * head["n"] / WINDOW_MS}}


if __name__ == "__main__":
    main(*sys.argv[1:])
